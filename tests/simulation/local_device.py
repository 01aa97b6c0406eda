"""The device of the simulation on the local topology: the same rules, real handlers behind real frames."""

import asyncio
from collections import Counter
from typing import Any

from im.message.model import Conversation
from local.direct import DirectClient, DirectRefused
from local.topology import Topology
from tests.simulation.device import Device, Draft, Seen

_PAGE = 100
_PATIENCE_S = 5.0
PHONE, PAD = 1, 9
"""Wildfire's platform numbers of an iPhone, and of an Android pad."""


class LocalDevice:
    """A device with a connection to a topology. All coroutines run in the topology's loop.

    Attributes:
        device: what it knows, with its assertions.
        met: how often a message was shown by a push, a pull or an acknowledgement, and what was dropped as known.
        gaps: conversations in which something is missing by now.
        frames: with ``hold``, the pushes that have not been taken.

    Args:
        topology: where it connects.
        user: whose it is.
        client: its name among his devices.
        platform: Wildfire's number.
        hold: pushes wait until they are taken, and an answer is missing as soon as nothing is at work that could give it.
    """

    def __init__(
        self, topology: Topology, user: str, client: str = "phone", platform: int = PHONE, *, hold: bool = False
    ) -> None:
        self.device = Device(user, f"{user}-{client}")
        self.met: Counter[str] = Counter()
        self.gaps: set[Conversation] = set()
        self.frames: list[dict[str, Any]] = []
        self._hold = hold
        self._topology = topology
        self._platform = platform
        self._token = ""
        self._line: DirectClient | None = None

    def __repr__(self) -> str:
        return self.device.client

    @property
    def user(self) -> str:
        """Whose it is."""
        return self.device.user

    @property
    def line(self) -> DirectClient | None:
        """Its connection, None when it knows of none."""
        return self._line if self._line and self._line.open else None

    async def log_in(self) -> None:
        """Get a token."""
        self._token = await self._topology.token(self.user, self.device.client, self._platform)

    async def connect(self) -> bool:
        """Open a new connection, whether or not there is one; False when it was refused."""
        try:
            self._line = await DirectClient.connect(
                self._topology.gateway,
                self._token,
                self.device.client,
                self._platform,
                self.frames.append if self._hold else self._pushed,
            )
        except DirectRefused:
            return False
        self.frames.clear()
        return True

    def disconnect(self) -> None:
        """Close the connection in order."""
        if self.line:
            self.line.close()

    async def take(self, index: int, *, keep: bool) -> None:
        """One of the frames on their way arrives; ``keep`` lets it come again. A gap is pulled at once."""
        if not self.frames:
            return
        index %= len(self.frames)
        self._pushed(self.frames[index] if keep else self.frames.pop(index))
        for conversation in list(self.gaps):
            await self.pull(conversation)

    async def ask(self, route: str, op: str, body: Any) -> dict[str, Any] | None:
        """The answer's frame; None when there is none, whatever became of the request."""
        line = self.line
        if line is None:
            return None
        waiting = line.start(route, op, body)
        if self._hold:
            await self._topology.quiet()
            return None if waiting.cancelled() or not waiting.done() else waiting.result()
        try:
            return await asyncio.wait_for(waiting, _PATIENCE_S)
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            if line.open:
                raise
            return None

    async def hello(self, op: str = "ping", *, lost: bool = False) -> bool:
        """What changed, page by page, and then what is behind; False when an answer was missing."""
        while True:
            answer = await self.ask("session", op, {"sync": self.device.sync} if self.device.sync else {})
            if answer is None or answer["code"] or lost:
                return False
            body = answer["body"]
            for state in body["conversations"]:
                where = state["conversation"]
                conversation = Conversation(where["type"], where["target"], where.get("line", 0))
                first, last = state.get("first", 1), state.get("last")
                self.device.note(conversation, state["head"], state.get("read", 0), first, last)
            self.device.sync = body["sync"]
            if not body["more"]:
                break
        behind = [conversation for conversation, talk in self.device.talks.items() if talk.behind]
        return all([await self.pull(conversation) for conversation in behind])

    async def pull(self, conversation: Conversation) -> bool:
        """Pull until nothing is missing; False when an answer was missing."""
        talk = self.device.talk(conversation)
        while True:
            wanted = {"conversation": wire(conversation), "after": talk.through, "limit": _PAGE}
            answer = await self.ask("message", "pull", {"ranges": [wanted]})
            if answer is None or answer["code"]:
                return False
            [page] = answer["body"]["ranges"]
            messages = [_seen(each) for each in page["messages"]]
            for message in messages:
                mine = self.device.outbox.get(conversation)
                if mine and (message.sender, message.cid) == (self.user, mine.cid):
                    self._acknowledged(mine, message.seq, message.uid, message.payload)
            stuck, before = page["through"] == talk.through, len(talk.shown)
            talk.take_page(messages, page["through"], page["head"])
            self.met["pulled"] += len(talk.shown) - before
            if page["head"] <= talk.through or stuck:
                self.gaps.discard(conversation)
                return True

    async def transmit(self, draft: Draft, *, lost: bool = False) -> int | None:
        """One attempt of a message. Returns the answer's code, None when it got lost."""
        content = {"type": 1, "searchableContent": f"text of {draft.cid}", "persistFlag": 3}
        body = {"conversation": wire(draft.conversation), "content": content, "cid": draft.cid, "base": draft.base}
        answer = await self.ask("message", "send", body)
        if answer is None or lost:
            return None
        if answer["code"] == 0:
            accepted = answer["body"]
            self._acknowledged(draft, accepted["seq"], int(accepted["uid"]), str(content))
        elif not answer.get("retry"):
            self.device.outbox.pop(draft.conversation, None)
        return int(answer["code"])

    def _acknowledged(self, draft: Draft, seq: int, uid: int, payload: str) -> None:
        talk = self.device.talk(draft.conversation)
        before = len(talk.shown)
        self.device.acknowledge(draft, seq, uid, payload)
        self.met["acknowledged"] += len(talk.shown) - before

    def _pushed(self, frame: dict[str, Any]) -> None:
        if frame["push"] != "message":
            self.device.take_push(frame)
            return
        where = frame["body"]["conversation"]
        conversation = Conversation(where["type"], where["target"], where["line"])
        talk = self.device.talk(conversation)
        known, shown = frame["body"]["seq"] <= talk.through, len(talk.shown)
        gap = self.device.take_push(frame)
        self.met["dropped as known"] += known
        self.met["pushed"] += len(talk.shown) - shown
        if gap is not None:
            self.gaps.add(gap)


def wire(conversation: Conversation) -> dict[str, Any]:
    """A conversation as it stands in frames."""
    return {"type": conversation.type, "target": conversation.target, "line": conversation.line}


def _seen(body: dict[str, Any]) -> Seen:
    content = str(body["content"])
    return Seen(body["seq"], int(body["uid"]), body["cid"], body["from"], body.get("ref", 0), content)
