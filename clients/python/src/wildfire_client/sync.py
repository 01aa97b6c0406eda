"""Keeps the store level with the server: hello and its delta, pulls, pushes with their gaps, history."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wildfire_client.clock import Clock, Timer, sleep
from wildfire_client.contents import EditContent, decode, joins
from wildfire_client.errors import ChatError, Code
from wildfire_client.events import HistoryGap
from wildfire_client.keeper import Timing
from wildfire_client.model import Conversation, ServerLimits
from wildfire_client.payload import Payload
from wildfire_client.store import Changes, Outgoing, Row, Store

logger = logging.getLogger(__name__)

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
"""Makes a request: route, op, body; the answer's body. Raises ChatError."""

RANGES_PER_PULL = 20
MAX_HELD = 200
"""Early messages that are kept in memory for each conversation; when there are more, the range is pulled anyway."""
RETRY_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is fetched unasked.

    Attributes:
        window: newest messages of each conversation on a new device; older ones come through history.
        catch_up: a conversation that is further behind than this gets the newest `window` and a hole (`HistoryGap`).
        hello_page: conversations in one answer to hello.
    """

    window: int = 50
    catch_up: int = 5_000
    hello_page: int = 100


class Sync:
    """The receiving half of the client.

    Args:
        call: makes requests on the current link.
        report: told what a transaction changed, after it.
        gap: told of a hole that was left behind.
        versions: told how new the lists are at the server, and whether by a hello.
    """

    def __init__(
        self,
        store: Store,
        call: Call,
        clock: Clock,
        timing: Timing,
        extent: Extent,
        report: Callable[[Changes], None],
        gap: Callable[[HistoryGap], object],
        versions: Callable[[Mapping[str, Any], bool], None],
    ) -> None:
        self._store = store
        self._call = call
        self._clock = clock
        self._timing = timing
        self._extent = extent
        self._report = report
        self._gap = gap
        self._versions = versions
        self._pulling = asyncio.Lock()
        self._early: dict[int, dict[int, dict[str, Any]]] = {}
        self._grace: dict[int, Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.limits = ServerLimits()
        self.server_delta = 0.0

    def stop(self) -> None:
        """Forget what is in progress; the store remembers what is still to be done."""
        for timer in self._grace.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._grace.clear()
        self._early.clear()

    # --- what changed?

    async def hello(self, call: Call) -> None:
        """Ask on a new link what changed since the last time, page by page.

        Raises:
            ChatError: refused for good, or the link broke.
        """
        while True:
            body = {"sync": self._store.sync_token, "limit": self._extent.hello_page}
            try:
                answer = await call("session", "hello", body)
            except ChatError as error:
                if error.code == Code.INVALID_PARAMETER and body["sync"] is not None:
                    self._store.forget_sync_token()
                elif error.retry and not error.offline:
                    await sleep(self._clock, error.after or RETRY_PAUSE)
                else:
                    raise
                continue
            self.limits = ServerLimits.from_wire(answer.get("server") or {})
            self._versions(answer.get("versions") or {}, True)
            await self._record(answer)
            if not answer.get("more"):
                return

    async def ping(self, call: Call) -> None:
        """The heartbeat, which brings the same delta.

        Raises:
            ChatError: refused, or the link broke.
        """
        answer = await call("session", "ping", {"sync": self._store.sync_token})
        self._versions(answer.get("versions") or {}, False)
        await self._record(answer)
        if answer.get("more"):
            await self.hello(call)
        await self.pull()

    async def _record(self, answer: dict[str, Any]) -> None:
        if "time" in answer:
            self.server_delta = float(answer["time"]) / 1000 - self._clock.now()
        changes = self._store.record_hello(answer, self._extent.window)
        self._report(changes)
        heads = {
            Conversation.from_wire(item["conversation"]): int(item["head"])
            for item in answer.get("conversations") or ()
        }
        for row_id in changes.conversations:
            row = self._store.row(row_id)
            if row.last is None and row.high > heads[row.conversation]:
                await self.verify(row_id)

    # --- pull

    def request_pull(self) -> None:
        """Pull what is behind, soon."""
        task = asyncio.get_running_loop().create_task(self._pull_quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pull_quietly(self) -> None:
        try:
            await self.pull()
        except ChatError as error:
            # The next link, or the next heartbeat, pulls: the store knows what is behind.
            logger.info("pull: %s", error)

    async def pull(self) -> None:
        """Pull until nothing is behind.

        Raises:
            ChatError: the link broke, or there is none.
        """
        async with self._pulling:
            stuck: set[int] = set()
            while rows := [row for row in self._store.behind(RANGES_PER_PULL + len(stuck)) if row.id not in stuck]:
                stuck |= await self._pull_rows([self._shorten(row) for row in rows[:RANGES_PER_PULL]])

    def _shorten(self, row: Row) -> Row:
        if row.end - row.high <= self._extent.catch_up:
            return row
        low, high = self._store.skip_to(row, row.end - self._extent.window)
        self._gap(HistoryGap(row.conversation, low, high))
        return self._store.row(row.id)

    async def _pull_rows(self, rows: list[Row]) -> set[int]:
        """One request for the next part of each row; the rows that it brought nothing for."""
        try:
            answers = await self._fetch([(row.conversation, row.high) for row in rows])
        except ChatError as error:
            if error.offline:
                raise
            if error.retry:
                await sleep(self._clock, error.after or RETRY_PAUSE)
                return set()
            if len(rows) == 1:
                logger.warning("pull of %s: %s", rows[0].conversation, error)
                self._store.give_up(rows[0].id)
                return {rows[0].id}
            # One conversation that may not be read must not hold up the others.
            return set().union(*[await self._pull_rows([row]) for row in rows])
        waiting = {row.id for row in rows if not self._take_range(row.id, row.high, answers.get(row.conversation, {}))}
        if len(waiting) < len(rows):
            # An answer has room for so much; the ranges that found no place in it come with the next request.
            return set()
        for row in rows:
            self._trust(row, answers.get(row.conversation, {}))
        return waiting

    def _trust(self, row: Row, answer: dict[str, Any]) -> None:
        """Believe the server when it says that what is held is all, unless something has come since it was asked."""
        unchanged = self._store.row(row.id).head == row.head and row.id not in self._early
        if unchanged and int(answer.get("head") or 0) == row.high:
            self._store.give_up(row.id)

    async def _fetch(self, ranges: list[tuple[Conversation, int]]) -> dict[Conversation, dict[str, Any]]:
        limit = self.limits.pull_limit
        body = {"ranges": [{"conversation": c.to_wire(), "after": after, "limit": limit} for c, after in ranges]}
        answer = await self._call("message", "pull", body)
        return {Conversation.from_wire(item["conversation"]): item for item in answer.get("ranges") or ()}

    def _take_range(self, row_id: int, after: int, answer: dict[str, Any]) -> bool:
        """Store one range of an answer; whether it went forward."""
        through = int(answer.get("through") or 0)
        self._store.note_head(row_id, int(answer.get("head") or 0))
        if through <= after:
            return False
        self._apply(row_id, after, through, answer.get("messages") or [])
        return True

    def _apply(self, row_id: int, after: int, through: int, messages: list[dict[str, Any]]) -> None:
        self._report(self._store.apply(row_id, after, through, messages))
        self._take_early(row_id)

    # --- pushes

    def take_message(self, wire: dict[str, Any]) -> None:
        """A message was pushed."""
        conversation, seq = Conversation.from_wire(wire["conversation"]), int(wire["seq"])
        content = decode(Payload.from_wire(wire.get("content") or {}))
        welcome = joins(content, self._store.user_id)
        row = self._store.find(conversation)
        if row is None:
            row = self._begin(conversation, seq, welcome=welcome)
        if row.last is not None and seq > row.last:
            if not welcome:
                return
            self._store.rejoined(row.id)
        if seq <= row.high:
            held = self._store.message_at(row.id, seq)
            if held is not None and held.uid != wire.get("uid"):
                self._start_over(row.id, seq, delivered=seq - 1)
                self.request_pull()
            return
        self._store.note_head(row.id, seq)
        if isinstance(content, EditContent) and "edit" not in wire:
            # A new content that was too long to be pushed.
            self.request_pull()
            return
        early = self._early.setdefault(row.id, {})
        early[seq] = wire
        self._take_early(row.id)
        if not early:
            return
        if len(early) > MAX_HELD:
            early.clear()
            self._end_grace(row.id)
        elif row.id not in self._grace:
            self._grace[row.id] = self._clock.call_later(self._timing.gap_grace, lambda: self._end_grace(row.id))

    def _begin(self, conversation: Conversation, seq: int, *, welcome: bool) -> Row:
        """The first sign of a conversation is its message at `seq`."""
        if welcome:
            return self._store.begin(conversation, seq - 1, delivered=seq - 1)
        if self._store.snapshot_done:
            return self._store.begin(conversation, 0, delivered=0)
        # The first hello is not complete: it may be an old conversation whose turn has not come.
        return self._store.begin(conversation, max(0, seq - self._extent.window), delivered=seq - 1)

    def _take_early(self, row_id: int) -> None:
        """Store the held messages that are next, as far as they go."""
        early = self._early.get(row_id)
        if not early:
            return
        high = self._store.row(row_id).high
        run: list[dict[str, Any]] = []
        while high + len(run) + 1 in early:
            run.append(early[high + len(run) + 1])
        if run:
            self._report(self._store.apply(row_id, high, high + len(run), run))
        for seq in [seq for seq in early if seq <= high + len(run)]:
            del early[seq]
        if not early:
            del self._early[row_id]
            if timer := self._grace.pop(row_id, None):
                timer.cancel()

    def _end_grace(self, row_id: int) -> None:
        if timer := self._grace.pop(row_id, None):
            timer.cancel()
        self.request_pull()

    def take_hint(self, body: dict[str, Any]) -> None:
        """The server says that there is something, without sending it. Silent conversations wait for the next pull."""
        conversation, head = Conversation.from_wire(body["conversation"]), int(body["head"])
        row = self._store.find(conversation) or self._begin(conversation, head, welcome=False)
        if row.last is not None and head > row.last:
            return
        self._store.note_head(row.id, head)
        self._report(Changes({row.id}))
        if not row.silent:
            self.request_pull()

    # --- a server that went back

    async def verify(self, row_id: int) -> bool:
        """Make sure that the server still has the log that is held here; whether this had to start over.

        A deployment that was restored from a backup, or started empty, has shorter logs, and then gives old seqs to new
        messages. What is held would pass them off as known, and its head is no base for what is sent.

        Raises:
            ChatError: the link broke.
        """
        try:
            return await self._verify(row_id)
        except ChatError as error:
            if error.offline:
                raise
            logger.info("conversation %s cannot be verified: %s", row_id, error)
            return False

    async def _verify(self, row_id: int) -> bool:
        row = self._store.row(row_id)
        after = max(0, row.high - 1)
        answer = (await self._fetch([(row.conversation, after)])).get(row.conversation, {})
        if int(answer.get("through") or 0) >= row.high:
            held = self._store.message_at(row_id, row.high)
            uids = {int(message["seq"]): message.get("uid") for message in answer.get("messages") or ()}
            if held is None or uids.get(row.high, held.uid) == held.uid:
                return False
        newest = await self._call(
            "message", "history", {"conversation": row.conversation.to_wire(), "before": None, "limit": 1}
        )
        head = max((int(message["seq"]) for message in newest.get("messages") or ()), default=0)
        self._start_over(row_id, head, delivered=head)
        return True

    def _start_over(self, row_id: int, head: int, *, delivered: int) -> None:
        logger.warning("the server has another log of conversation %s; starting over", row_id)
        self._early.pop(row_id, None)
        start = max(0, head - self._extent.window)
        self._store.forget_log(row_id, head, start, max(start, delivered))
        self._report(Changes({row_id}))

    # --- history and proof

    async def history(self, row_id: int, before: int, limit: int) -> bool:
        """Fetch messages before a seq into the store; whether anything new came.

        Raises:
            ChatError: refused, or no link.
        """
        row = self._store.row(row_id)
        answer = await self._call(
            "message", "history", {"conversation": row.conversation.to_wire(), "before": before, "limit": limit}
        )
        messages, more = answer.get("messages") or [], bool(answer.get("more"))
        if messages or not more:
            self._report(self._store.apply_history(row_id, before, messages, more=more))
            return True
        # Nothing but hidden messages for as far as the server looked: go past them, range by range.
        after = max(row.first - 1, before - 1 - self.limits.pull_limit)
        hidden = (await self._fetch([(row.conversation, after)])).get(row.conversation, {})
        return self._take_range(row_id, after, hidden)

    async def clear_up(self, outgoing: Outgoing, base: int) -> None:
        """The server wants a nearer base for a message: give it one, after proof that it is safe.

        Safe means that every seq after the old base up to the new one is known not to carry this message's cid. If one
        does, then storing it has settled the message.

        Raises:
            ChatError: refused, or the link broke.
        """
        while True:
            after = self._store.held_after(outgoing.row_id, base)
            answer = (await self._fetch([(outgoing.conversation, after)])).get(outgoing.conversation, {})
            forward = self._take_range(outgoing.row_id, after, answer)
            through = self._store.held_after(outgoing.row_id, base)
            if not forward or through >= int(answer.get("head") or 0):
                break
        if self._store.is_waiting(outgoing.id) and through > base:
            self._store.move_base(outgoing.id, through)
