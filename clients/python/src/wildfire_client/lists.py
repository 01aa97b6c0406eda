"""Keeps users, friends, requests, groups, members, channels and settings level with the server.

The server says by versions, in hello, in every heartbeat and in pushes, that a list has changed; what changed is fetched and
stored, and the application is told. A list that could not be fetched is asked for again with the next heartbeat or link: how
far it is known stands in the store.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from wildfire_client.clock import Clock
from wildfire_client.errors import ChatError, Code
from wildfire_client.events import (
    ChannelsChanged,
    Event,
    FriendRequestsChanged,
    FriendsChanged,
    GroupMembersChanged,
    GroupsChanged,
    SettingsChanged,
    UsersChanged,
)
from wildfire_client.model import Conversation
from wildfire_client.objects import RequestStatus, Scope, Setting
from wildfire_client.store import Place, Store

logger = logging.getLogger(__name__)

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]

USERS_PER_REQUEST = 100
GROUPS_PER_REQUEST = 50
CHANNELS_PER_REQUEST = 100
FRESH_MS = 10 * 60_000
"""How long a profile or a channel is shown without asking whether it has changed."""


class Lists:
    """What syncs beside messages.

    Args:
        call: makes requests on the current link.
        emit: tells the application.
        updated: told which conversations' rows have changed.
        befriended: told that there are new friends.
    """

    def __init__(
        self,
        store: Store,
        call: Call,
        clock: Clock,
        emit: Callable[[Event], object],
        updated: Callable[[Iterable[int]], None],
        *,
        befriended: Callable[[], None],
    ) -> None:
        self._store = store
        self._call = call
        self._clock = clock
        self._emit = emit
        self._updated = updated
        self._befriended = befriended
        self._versions: dict[str, int] = {}
        self._users: set[str] = set()
        self._channels: set[str] = set()
        self._subscriptions = False
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._refreshers: dict[str, Callable[[], Awaitable[None]]] = {
            "settings": self._settings,
            "friends": self._friends,
            "friendRequests": self._requests,
        }

    # --- what is to be done

    def start(self) -> None:
        """A link is up."""
        # Pushes about channels go to those who are connected, so the list may have changed meanwhile.
        self._subscriptions = self._subscriptions or bool(self._store.place("channels").after)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._work.set()

    async def stop(self) -> None:
        """The link is gone; the store knows what is still to be done."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def take_versions(self, versions: Mapping[str, Any]) -> None:
        """Hello, a heartbeat or a push says how new the lists are."""
        for name, version in versions.items():
            if name in self._refreshers and int(version) > self._store.place(name).version:
                self._versions[name] = max(int(version), self._versions.get(name, 0))
        self._work.set()

    def check_versions(self, versions: Mapping[str, Any]) -> None:
        """The first hello of a link: a list that is older at the server than here belongs to a server that was set back."""
        for name, version in versions.items():
            if name in self._refreshers and int(version) < self._store.place(name).version:
                logger.warning("the server has an older list of %s; starting over", name)
                self._store.start_over(name)
                self._versions[name] = int(version)
        self.take_versions(versions)

    def want_users(self, user_ids: Iterable[str]) -> None:
        """Ask for these profiles, soon and together, unless they were asked for lately."""
        now = int(self._clock.now() * 1000)
        wanted = [user_id for user_id in user_ids if user_id]
        checks = self._store.user_checks(wanted)
        due = {user_id for user_id in wanted if checks.get(user_id, 0) < now - FRESH_MS}
        if due - self._users:
            self._users |= due
            self._work.set()

    def profile_changed(self, user_id: str) -> None:
        """A push says that a profile is new."""
        self._users.add(user_id)
        self._work.set()

    def want_channels(self, channel_ids: Iterable[str]) -> None:
        """Ask for these channels, soon and together, unless they were asked for lately."""
        now = int(self._clock.now() * 1000)
        wanted = list(channel_ids)
        checks = self._store.channel_checks(wanted)
        due = {channel_id for channel_id in wanted if checks.get(channel_id, 0) < now - FRESH_MS}
        if due - self._channels:
            self._channels |= due
            self._work.set()

    def channel_changed(self, channel_id: str) -> None:
        """A push says that a channel is new, or who owns or subscribes to it."""
        self._channels.add(channel_id)
        self._subscriptions = self._subscriptions or bool(self._store.place("channels").after)
        self._work.set()

    def wake(self) -> None:
        """Groups may have become stale."""
        self._work.set()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._work_off()
            except ChatError as error:
                logger.info("lists: %s", error)
                if error.offline:
                    return

    async def _work_off(self) -> None:
        while self._versions:
            name = next(iter(self._versions))
            version = self._versions[name]
            try:
                await self._refreshers[name]()
            except ChatError as error:
                if error.offline or error.retry:
                    raise
                logger.info("%s cannot be synced: %s", name, error)
            self._store.reached(name, version)
            if self._versions.get(name) == version:
                del self._versions[name]
        while stale := self._store.stale_groups(GROUPS_PER_REQUEST):
            await self.fetch_groups(stale)
        while self._users:
            await self.fetch_users(sorted(self._users)[:USERS_PER_REQUEST])
        if self._subscriptions:
            await self.fetch_subscriptions()
        while self._channels:
            await self.fetch_channels(sorted(self._channels)[:CHANNELS_PER_REQUEST])

    # --- the lists

    async def _settings(self) -> None:
        more = True
        while more:
            after = self._store.place("settings").after
            answer = await self._call("profile", "settings", {"after": after})
            more = bool(answer.get("more"))
            self.take_settings([Setting.from_wire(each) for each in answer["settings"]], int(answer["version"]))

    def take_settings(self, settings: Iterable[Setting], after: int | None) -> None:
        """Store settings and let them show."""
        changed = self._store.put_settings(settings, after)
        rows = [row for setting in changed if (row := self._show(setting)) is not None]
        if rows:
            self._updated(rows)
        if changed:
            self._emit(SettingsChanged(tuple(changed)))

    def _show(self, setting: Setting) -> int | None:
        if setting.scope not in (Scope.CONVERSATION_TOP, Scope.CONVERSATION_SILENT):
            return None
        conversation = Conversation.from_setting_key(setting.key)
        number = int(setting.value) if setting.value.isdecimal() else 0
        if setting.scope == Scope.CONVERSATION_TOP:
            return self._store.set_top(conversation, number)
        return self._store.set_silent(conversation, bool(number))

    async def _friends(self) -> None:
        before = {friend.user_id for friend in self._store.friends() if friend.friend}
        more = True
        while more:
            place = self._store.place("friends")
            answer = await self._call("profile", "friends", {"after": place.after, "afterId": place.after_id})
            more = bool(answer.get("more"))
            known = {friend.user_id: friend for friend in self._store.friends()}
            self._store.put_friends(answer["friends"], int(answer["after"]), str(answer["afterId"]))
            changed = [friend.user_id for friend in self._store.friends() if known.get(friend.user_id) != friend]
            if changed:
                self._emit(FriendsChanged(tuple(changed)))
        if {friend.user_id for friend in self._store.friends() if friend.friend} - before:
            self._befriended()

    async def _requests(self) -> None:
        before = (self._store.requests(), self._store.requests_read)
        more = True
        while more:
            place = self._store.place("friendRequests")
            answer = await self._call("profile", "friendRequests", {"after": place.after, "afterId": place.after_id})
            more = bool(answer.get("more"))
            page = (answer["requests"], int(answer.get("read") or 0), int(answer["after"]), str(answer["afterId"]))
            self._store.put_requests(*page)
        if (self._store.requests(), self._store.requests_read) != before:
            self._emit(FriendRequestsChanged(self.unread_requests()))

    def unread_requests(self) -> int:
        """Requests to me that wait and that I have not read."""
        me, read = self._store.user_id, self._store.requests_read
        return sum(
            request.receiver == me and request.status == RequestStatus.WAITING and request.time > read
            for request in self._store.requests()
        )

    async def fetch_groups(self, group_ids: Iterable[str]) -> None:
        """Ask for groups, and for the members of those whose members were asked for before.

        Raises:
            ChatError: refused, or no link.
        """
        waiting = list(group_ids)
        while waiting:
            known = {each: group.updated for each in waiting if (group := self._store.group(each)) is not None}
            body = {"groups": [{"groupId": each, "updateDt": known.get(each, 0)} for each in waiting]}
            answer = await self._call("group", "info", body)
            rest = [each for each in answer.get("rest") or () if each in waiting]
            asked = [each for each in waiting if each not in rest]
            changed = self._store.put_groups(asked, answer["groups"])
            if changed:
                self._emit(GroupsChanged(tuple(changed)))
            for each in asked:
                if self._store.place(f"members {each}").after:
                    await self.fetch_members(each)
            waiting = rest if len(rest) < len(waiting) else []

    async def fetch_members(self, group_id: str) -> None:
        """Ask who came, went or changed in a group since the last time.

        Raises:
            ChatError: one is not in it, refused, or no link.
        """
        name, until, more, came = f"members {group_id}", 0, True, False
        place = self._store.place(name)
        position = Place(place.after)
        while more:
            body = {"groupId": group_id, "after": position.after, "afterId": position.after_id, "until": until}
            answer = await self._call("group", "members", body)
            more, until = bool(answer.get("more")), int(answer.get("until") or 0)
            known = {member.user_id: member for member in self._store.members(group_id)}
            position = Place(int(answer["after"]), str(answer.get("afterId") or ""))
            # The place in the middle of a page is of no use after a break: until the end, the old one stands.
            self._store.put_members(group_id, answer["members"], place if more else position)
            came = came or any(
                self._store.member(group_id, str(wire["member_id"])) != known.get(str(wire["member_id"]))
                for wire in answer["members"]
            )
        if came:
            self._emit(GroupMembersChanged(group_id))

    async def fetch_users(self, user_ids: Iterable[str]) -> None:
        """Ask for profiles; who is not registered is not asked for again for a while.

        Raises:
            ChatError: refused, or no link.
        """
        wanted = list(dict.fromkeys(user_ids))
        for start in range(0, len(wanted), USERS_PER_REQUEST):
            await self._fetch_users(wanted[start : start + USERS_PER_REQUEST])

    async def _fetch_users(self, waiting: list[str]) -> None:
        while waiting:
            known = {each: user.updated for each in waiting if (user := self._store.user(each)) is not None}
            body = {"users": [{"userId": each, "updateDt": known.get(each, 0)} for each in waiting]}
            try:
                answer = await self._call("profile", "users", body)
            except ChatError as error:
                if error.offline or error.retry or error.code != Code.NOT_IMPLEMENT:
                    raise
                answer = {"users": []}
            rest = [each for each in answer.get("rest") or () if each in waiting]
            asked = [each for each in waiting if each not in rest]
            changed = self._store.put_users(asked, answer["users"], int(self._clock.now() * 1000))
            self._users -= set(asked)
            if changed:
                self._emit(UsersChanged(tuple(changed)))
            waiting = rest if len(rest) < len(waiting) else []

    async def fetch_channels(self, channel_ids: Iterable[str]) -> None:
        """Ask for channels, those that one has only if they are newer.

        Raises:
            ChatError: refused, or no link.
        """
        wanted = list(dict.fromkeys(channel_ids))
        for start in range(0, len(wanted), CHANNELS_PER_REQUEST):
            await self._fetch_channels(wanted[start : start + CHANNELS_PER_REQUEST])

    async def _fetch_channels(self, waiting: list[str]) -> None:
        while waiting:
            known = {each: channel.updated for each in waiting if (channel := self._store.channel(each)) is not None}
            body = {"channels": [{"channelId": each, "updateDt": known.get(each, 0)} for each in waiting]}
            answer = await self._call("channel", "info", body)
            rest = [each for each in answer.get("rest") or () if each in waiting]
            asked = [each for each in waiting if each not in rest]
            changed = self._store.put_channels(asked, answer["channels"], int(self._clock.now() * 1000))
            self._channels -= set(asked)
            if changed:
                self._emit(ChannelsChanged(tuple(changed)))
            waiting = rest if len(rest) < len(waiting) else []

    async def fetch_subscriptions(self) -> None:
        """Ask which channels I own and subscribe to.

        Raises:
            ChatError: refused, or no link.
        """
        mine: list[Any] = []
        more = True
        while more:
            after = str(mine[-1]["channelId"]) if mine else ""
            answer = await self._call("channel", "mine", {"after": after})
            mine += answer["channels"]
            more = bool(answer.get("more"))
        self._subscriptions = False
        if changed := self._store.put_subscriptions(mine):
            self._emit(ChannelsChanged(tuple(changed)))
        self.want_channels(str(each["channelId"]) for each in mine)
