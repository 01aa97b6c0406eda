"""The chatroom that one is in: joining, staying, leaving."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from wildfire_client.clock import Clock, sleep
from wildfire_client.errors import ChatError
from wildfire_client.model import Conversation
from wildfire_client.store import Changes, Store
from wildfire_client.sync import Sync

logger = logging.getLogger(__name__)

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]

STAY_EVERY = 180.0
"""Seconds between two signs that one is still inside: a seat is given up when they fail to come."""


@dataclass(frozen=True, slots=True)
class Chatroom:
    """A chatroom. `state`: 0 normal, 1 not started yet, 2 ended."""

    id: str
    title: str
    desc: str
    portrait: str
    extra: str
    state: int
    member_count: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            id=str(wire["chatroomId"]),
            title=str(wire.get("title") or ""),
            desc=str(wire.get("desc") or ""),
            portrait=str(wire.get("portrait") or ""),
            extra=str(wire.get("extra") or ""),
            state=int(wire.get("state") or 0),
            member_count=int(wire.get("memberCount") or 0),
        )


class Chatrooms:
    """One is in one room at a time. Its messages come as `MessageReceived` of a conversation of type CHATROOM, beginning with
    the newest ones at the time of joining, which are history."""

    def __init__(self, store: Store, call: Call, sync: Sync, clock: Clock, report: Callable[[Changes], None]) -> None:
        self._store = store
        self._call = call
        self._sync = sync
        self._clock = clock
        self._report = report
        self._staying: asyncio.Task[None] | None = None
        self.current: Conversation | None = None

    async def join(self, chatroom_id: str, recent: int | None = None) -> Conversation:
        """Go into a room and stay there, over broken links too, until `quit`.

        Args:
            recent: how many of the newest messages to bring; None leaves it to the deployment.

        Raises:
            ChatError: there is no such room, one may not go in, or no link.
        """
        self._leave()
        conversation = await self._enter(chatroom_id, recent)
        self.current = conversation
        self._staying = asyncio.get_running_loop().create_task(self._stay(chatroom_id))
        return conversation

    async def quit(self) -> None:
        """Leave the room.

        Raises:
            ChatError: the server could not be told; one is out after a while anyway.
        """
        current = self.current
        self._leave()
        if current is not None:
            await self._call("chatroom", "quit", {"chatroomId": current.target})

    async def info(self, chatroom_id: str) -> Chatroom:
        """What a room is.

        Raises:
            ChatError: there is none, or no link.
        """
        return Chatroom.from_wire(await self._call("chatroom", "info", {"chatroomId": chatroom_id}))

    async def members(self, chatroom_id: str, limit: int = 100) -> list[str]:
        """Ids of some of those inside.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._call("chatroom", "members", {"chatroomId": chatroom_id, "limit": limit})
        return [str(user_id) for user_id in answer["members"]]

    async def link_up(self) -> None:
        """A new link: take the seat again, and learn what was missed."""
        if self.current is not None:
            await self._again(self.current.target)

    def stop(self) -> None:
        """The client is being disconnected."""
        self._leave()

    def _leave(self) -> None:
        if self._staying is not None:
            self._staying.cancel()
        self._staying = self.current = None

    async def _enter(self, chatroom_id: str, recent: int | None) -> Conversation:
        answer = await self._call("chatroom", "join", {"chatroomId": chatroom_id, "recent": recent})
        conversation = Conversation.from_wire(answer["conversation"])
        head, messages = int(answer["head"]), answer.get("messages") or []
        row = self._store.find(conversation)
        if row is None or row.high < head:
            # What was said while one was not there, or before the messages that came along, is not fetched.
            start = head
            if row is None:
                row = self._store.begin(conversation, start, delivered=head)
            else:
                self._store.skip_to(row, start)
            if messages:
                self._report(self._store.apply_history(row.id, head + 1, messages, more=True))
        return conversation

    async def _stay(self, chatroom_id: str) -> None:
        while True:
            await sleep(self._clock, STAY_EVERY)
            await self._again(chatroom_id)

    async def _again(self, chatroom_id: str) -> None:
        try:
            answer = await self._call("chatroom", "join", {"chatroomId": chatroom_id, "recent": 0})
        except ChatError as error:
            logger.info("chatroom %s: %s", chatroom_id, error)
            if not (error.offline or error.retry):
                self._leave()
            return
        row = self._store.find(Conversation.from_wire(answer["conversation"]))
        if row is not None and int(answer["head"]) > row.head:
            self._store.note_head(row.id, int(answer["head"]))
            self._sync.request_pull()
