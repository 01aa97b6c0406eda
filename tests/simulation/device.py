"""A device that follows the client rules of docs/protocol.md to the letter, and nothing else: no storage, no sockets.

``Device`` holds what a device knows; ``Talk`` is its view of one conversation. Asserting is part of it: whatever would show
a message twice, out of order or not at all ends the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from im.message.model import Conversation, Message


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a device has it."""

    seq: int
    uid: int
    cid: str
    sender: str
    ref: int
    payload: str


@dataclass(slots=True)
class Draft:
    """A message that waits for its acknowledgement; ``base`` is fixed before it is transmitted for the first time."""

    conversation: Conversation
    cid: str
    base: int


@dataclass(slots=True)
class Talk:
    """One conversation on one device.

    Attributes:
        through: everything up to it is stored.
        head: the highest seq that is known to exist.
        read: the read cursor.
        last: where one's own part ends, after leaving a group.
        shown: what an application was shown, in the order in which it was.
        early: pushed messages behind a gap.
    """

    through: int = 0
    head: int = 0
    read: int = 0
    last: int | None = None
    shown: dict[int, Seen] = field(default_factory=dict)
    early: dict[int, Seen] = field(default_factory=dict)

    def receive(self, message: Seen) -> None:
        """A push came, or the acknowledgement of one's own message."""
        self.head = max(self.head, message.seq)
        if message.seq <= self.through:
            return
        self.early[message.seq] = message
        self._catch_up()

    def take_page(self, messages: list[Seen], through: int, head: int) -> None:
        """The answer to a pull after ``through``."""
        for message in messages:
            if message.seq > self.through:
                self._show(message)
        self.through = max(self.through, through)
        self.head = max(self.head, head)
        self._catch_up()

    @property
    def behind(self) -> bool:
        """Whether something is known to exist that is not here, and is one's own."""
        return self.through < (self.head if self.last is None else self.last)

    def _catch_up(self) -> None:
        while message := self.early.pop(self.through + 1, None):
            self._show(message)
            self.through = message.seq
        self.early = {seq: message for seq, message in self.early.items() if seq > self.through}

    def _show(self, message: Seen) -> None:
        newest = next(reversed(self.shown), 0)
        assert message.seq > newest, f"{message.seq} shown after {newest}"
        self.shown[message.seq] = message


class Device:
    """One client of one user.

    Attributes:
        sync: the stored sync token.
        connection: the open socket's id, None when there is none as far as the device knows.
        talks: by conversation.
        outbox: by conversation, the one message that is under way.
        acknowledged: by conversation and cid, the seq and uid that were acknowledged.
    """

    def __init__(self, user: str, client: str) -> None:
        self.user = user
        self.client = client
        self.connection: str | None = None
        self.sync: str | None = None
        self.talks: dict[Conversation, Talk] = {}
        self.outbox: dict[Conversation, Draft] = {}
        self.acknowledged: dict[tuple[Conversation, str], tuple[int, int]] = {}

    def __repr__(self) -> str:
        return f"{self.user}/{self.client}"

    def talk(self, conversation: Conversation) -> Talk:
        """The view of a conversation, made when it is new."""
        return self.talks.setdefault(conversation, Talk())

    def compose(self, conversation: Conversation, cid: str) -> Draft:
        """Put a message under way, with the highest seq that is known to exist as its base."""
        talk = self.talk(conversation)
        draft = self.outbox[conversation] = Draft(conversation, cid, max(talk.head, talk.through))
        return draft

    def acknowledge(self, draft: Draft, seq: int, uid: int, payload: str) -> None:
        """Code 0 came."""
        key = (draft.conversation, draft.cid)
        before = self.acknowledged.setdefault(key, (seq, uid))
        assert before == (seq, uid), f"{self} was told {before} and {(seq, uid)} for {draft}"
        if self.outbox.get(draft.conversation) is draft:
            del self.outbox[draft.conversation]
        self.talk(draft.conversation).receive(Seen(seq, uid, draft.cid, self.user, 0, payload))

    def take_push(self, frame: Mapping[str, Any]) -> Conversation | None:
        """A push frame came; returns the conversation that has a gap now."""
        body = frame["body"]
        if frame["push"] not in ("message", "cursor"):
            return None
        where = body["conversation"]
        conversation = Conversation(where["type"], where["target"], where["line"])
        talk = self.talk(conversation)
        if frame["push"] == "cursor":
            talk.read = max(talk.read, body["read"])
            return None
        content = str(body["content"])
        talk.receive(Seen(body["seq"], int(body["uid"]), body["cid"], body["from"], body.get("ref", 0), content))
        return conversation if talk.early else None

    def note(self, conversation: Conversation, head: int, read: int, first: int, last: int | None) -> None:
        """A sync names a conversation."""
        talk = self.talk(conversation)
        talk.head = max(talk.head, head)
        talk.read = max(talk.read, read)
        talk.last = last
        if first > talk.through + 1:
            talk.through = first - 1
            talk.early = {seq: message for seq, message in talk.early.items() if seq > talk.through}


def seen(message: Message) -> Seen:
    """A pulled message as a device keeps it."""
    return Seen(message.seq, message.uid, message.cid, message.sender, message.ref, message.payload)
