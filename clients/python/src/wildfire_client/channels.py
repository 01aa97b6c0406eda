"""What an application does with channels."""

import json
from collections.abc import Awaitable, Callable, Iterable
from enum import IntEnum
from typing import Any

from wildfire_client.lists import Lists
from wildfire_client.model import Conversation, ConversationType
from wildfire_client.objects import Channel, ChannelState, Menu
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]

_DIALOG = "|"


class Entry(IntEnum):
    """What `Channels.modify` can change of a channel."""

    NAME = 0
    PORTRAIT = 1
    DESC = 2
    EXTRA = 3
    SECRET = 4
    CALLBACK = 5
    AUTOMATIC = 6
    MENUS = 7


class Channels:
    """Channels. Getters answer from the store and fetch behind the scenes; `ChannelsChanged` tells what came.

    A channel has a conversation for what it says to all (`Conversation.channel`), which only its owner writes to, and with
    each user who writes to it a `dialog` of its own. An application shows the two as one, in the order of time.
    Every method that changes something raises ChatError when the server refuses it or there is no link.
    """

    def __init__(self, store: Store, call: Call, lists: Lists) -> None:
        self._store = store
        self._call = call
        self._lists = lists

    # --- what is known

    def get(self, channel_id: str) -> Channel | None:
        """A channel as far as it is known; the server is asked when that was long ago, or never."""
        self._lists.want_channels([channel_id])
        return self._store.channel(channel_id)

    async def fetch(self, channel_ids: Iterable[str]) -> list[Channel]:
        """Channels as they are now, also destroyed ones; ids that are none are missing.

        Raises:
            ChatError: refused, or no link.
        """
        wanted = list(channel_ids)
        await self._lists.fetch_channels(wanted)
        return [channel for each in wanted if (channel := self._store.channel(each)) is not None]

    async def mine(self) -> list[str]:
        """Ids of the channels that I own. The first call fetches the list; from then on the store follows the server.

        Raises:
            ChatError: no link, and nothing is known yet.
        """
        return [channel_id for channel_id, (owned, _) in (await self._subscriptions()).items() if owned]

    async def listened(self) -> list[str]:
        """Ids of the channels that I subscribe to; fetched and followed as `mine`.

        Raises:
            ChatError: no link, and nothing is known yet.
        """
        return [channel_id for channel_id, (_, listened) in (await self._subscriptions()).items() if listened]

    async def _subscriptions(self) -> dict[str, tuple[bool, bool]]:
        if not self._store.place("channels").after:
            await self._lists.fetch_subscriptions()
        return self._store.subscriptions()

    async def search(self, keyword: str, page: int = 0) -> list[Channel]:
        """Public channels in whose name a text occurs, 20 on a page.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._call("channel", "search", {"keyword": keyword, "page": page})
        return [Channel.from_wire(wire) for wire in answer["channels"]]

    # --- conversations

    def dialog(self, channel_id: str, user_id: str | None = None, line: int = 0) -> Conversation:
        """What a user, I myself by default, and a channel say to each other."""
        return Conversation(ConversationType.CHANNEL, f"{channel_id}{_DIALOG}{user_id or self._store.user_id}", line)

    def sides(self, conversation: Conversation) -> tuple[str, str]:
        """The channel of a conversation, and whose dialog with it that is; empty if it is what the channel says to all."""
        channel_id, _, user_id = conversation.target.partition(_DIALOG)
        return channel_id, user_id

    def speaks(self, channel_id: str) -> bool:
        """Whether I am known to be the one who speaks for a channel."""
        channel = self._store.channel(channel_id)
        return (
            channel is not None and channel.owner == self._store.user_id and not channel.state & ChannelState.DESTROYED
        )

    # --- what changes something

    async def create(
        self, name: str, *, channel_id: str = "", portrait: str = "", desc: str = "", extra: str = ""
    ) -> str:
        """Make a channel of my own; its id."""
        body = {"name": name, "channelId": channel_id, "portrait": portrait, "desc": desc, "extra": extra}
        answer = await self._call("channel", "create", body)
        await self._changed(str(answer["channelId"]))
        return str(answer["channelId"])

    async def modify(self, channel_id: str, entry: Entry, value: str) -> None:
        """Change one thing of my channel."""
        await self._call("channel", "modify", {"channelId": channel_id, "type": int(entry), "value": value})
        await self._changed(channel_id)

    async def set_menus(self, channel_id: str, menus: Iterable[Menu]) -> None:
        """Give my channel a menu in place of the one that it had."""
        value = json.dumps([menu.to_wire() for menu in menus], ensure_ascii=False, separators=(",", ":"))
        await self.modify(channel_id, Entry.MENUS, value)

    async def transfer(self, channel_id: str, new_owner: str) -> None:
        """Give my channel to somebody else."""
        await self._call("channel", "transfer", {"channelId": channel_id, "newOwner": new_owner})
        await self._changed(channel_id)

    async def destroy(self, channel_id: str) -> None:
        """End my channel."""
        await self._call("channel", "destroy", {"channelId": channel_id})
        await self._changed(channel_id)

    async def listen(self, channel_id: str, *, on: bool = True) -> None:
        """Subscribe to a channel, or end that."""
        await self._call("channel", "listen", {"channelId": channel_id, "on": on})
        await self._changed(channel_id)

    async def _changed(self, channel_id: str) -> None:
        await self._lists.fetch_channels([channel_id])
        if self._store.place("channels").after:
            await self._lists.fetch_subscriptions()
