"""What a notification needs to know of a message, from the log to the topic."""

import base64
from collections.abc import Callable, Sequence
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from im.message.model import ContentType, Conversation, ConversationType, Message, Payload, payload_from_json

MAX_TEXT = 1_000
"""Characters of a notification's text; vendors show far fewer."""
MAX_DATA = 3_072
"""Bytes of ``pushData``; vendors take 4 KB for everything. Longer data is left out."""
_MAX_CALL = 128


class Kind(IntEnum):
    """Wildfire's ``pushMessageType`` (satellites spec 1.3)."""

    MESSAGE = 0
    CALL_INVITE = 1
    CALL_ENDED = 2
    FRIEND_REQUEST = 3
    CALL_ANSWERED = 4
    RECALLED = 5
    DELETED = 6


CALLS = frozenset({Kind.CALL_INVITE, Kind.CALL_ENDED, Kind.CALL_ANSWERED})
WITHDRAWALS = frozenset({Kind.RECALLED, Kind.DELETED})
_KINDS = {
    400: Kind.CALL_INVITE,
    406: Kind.CALL_INVITE,
    402: Kind.CALL_ENDED,
    401: Kind.CALL_ANSWERED,
    ContentType.RECALL: Kind.RECALLED,
    ContentType.DELETE: Kind.DELETED,
}
WORDED_TYPES = frozenset({2, 3, 4, 5, 6, 7, 8, 10})
"""Contents whose notification says what they are when the client gave no text: voice, image, location, ..."""


class Alert(Struct, frozen=True, omit_defaults=True):
    """What a notification needs to know of a message, as it travels through the topic.

    Attributes:
        kind: what it is about.
        sender: the author's user id.
        type, target, line: the conversation as its author named it.
        content: the content type.
        uid, seq: of the message; 0 where it has none.
        time: of the message, ms.
        text: what to show, empty where the words follow from the content type.
        data: the application's own.
        mention: 0 nobody, 1 the listed users, 2 everybody.
        mentioned: the listed users, as far as they are receivers.
        client: the sending device, which is not told.
        subject: of a withdrawal, the uid of the message that was taken back.
        call: of a call, its id, which all its messages have in common.
    """

    kind: int
    sender: str
    type: int = 0
    target: str = ""
    line: int = 0
    content: int = 0
    uid: int = 0
    seq: int = 0
    time: int = 0
    text: str = ""
    data: str = ""
    mention: int = 0
    mentioned: tuple[str, ...] = ()
    client: str = ""
    subject: int = 0
    call: str = ""

    @property
    def conversation(self) -> Conversation:
        """The conversation from its author's side."""
        return Conversation(self.type, self.target, self.line)

    @property
    def about(self) -> str:
        """Names what is shown once on each device: the message, the one that was taken back, or the friend request."""
        if self.kind == Kind.FRIEND_REQUEST:
            return f"friend {self.sender} {self.time}"
        return str(self.subject or self.uid)

    def mention_of(self, user: str) -> int:
        """How a user is mentioned: 0 not, 1 himself, 2 with everybody."""
        return self.mention if self.mention == 2 or user in self.mentioned else 0


AlertFor = Callable[[], Alert | None]
"""Makes the alert of what is delivered; asked only if somebody may have to be notified."""


class Publication(Struct, frozen=True):
    """One message of the topic: an alert, and whom it may concern."""

    alert: Alert
    users: tuple[str, ...]


def alert_of(message: Message, conversation: Conversation, client: str | None) -> Alert | None:
    """What of a message may be notified; None when nobody is.

    Nobody is notified of transparent messages, of what is said in chatrooms, and of contents that have neither a text nor
    data and are no call. Data alone does: the application decides what to make of it.

    Args:
        message: one that was appended, or passed on.
        conversation: from its author's side.
        client: the author's sending device.
    """
    payload = payload_from_json(message.payload)
    kind = _KINDS.get(payload.type, Kind.MESSAGE)
    if payload.transparent or conversation.type == ConversationType.CHATROOM:
        return None
    subject = _subject(payload) if kind in WITHDRAWALS else 0
    text = _text(payload)[:MAX_TEXT]
    if kind in WITHDRAWALS:
        if not subject:
            return None
    elif kind is Kind.MESSAGE and not (text or payload.pushData or payload.type in WORDED_TYPES):
        return None
    return Alert(
        kind=int(kind),
        sender=message.sender,
        type=conversation.type,
        target=conversation.target,
        line=conversation.line,
        content=payload.type,
        uid=message.uid,
        seq=message.seq,
        time=message.time,
        text=text,
        data=payload.pushData if len(payload.pushData.encode()) <= MAX_DATA else "",
        mention=payload.mentionedType,
        mentioned=payload.mentionedTarget if payload.mentionedType == 1 else (),
        client=client or "",
        subject=subject,
        call=payload.content[:_MAX_CALL] if kind in CALLS else "",
    )


def friend_request_alert(sender: str, receiver: str, reason: str, sent_ms: int) -> Alert:
    """The notification of a friend request, which is no message."""
    return Alert(
        kind=int(Kind.FRIEND_REQUEST),
        sender=sender,
        target=receiver,
        time=sent_ms,
        text=reason[:MAX_TEXT],
    )


def _text(payload: Payload) -> str:
    if payload.pushContent or payload.type != ContentType.TEXT:
        return payload.pushContent
    return payload.searchableContent


def _subject(payload: Payload) -> int:
    try:
        return int(base64.b64decode(payload.base64edData))
    except ValueError:
        return 0


def chunks_of(alert: Alert, users: Sequence[str], limit_bytes: int) -> list[Publication]:
    """The alert in as few publications as fit; each lists of those who are mentioned only its own users."""
    parts: list[list[str]] = [[]]
    room = limit_bytes
    for user in users:
        size = len(user.encode()) * 2 + 8
        if room < size and parts[-1]:
            parts.append([])
            room = limit_bytes
        parts[-1].append(user)
        room -= size
    mentioned = frozenset(alert.mentioned)
    return [
        Publication(replace(alert, mentioned=tuple(user for user in part if user in mentioned)), tuple(part))
        for part in parts
        if part
    ]
