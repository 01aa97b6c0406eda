"""Messages: what they are, and the rules that need no storage.

One conversation has one log. A message is an item at (conversation, seq); recalls and deletions are messages of their own
that refer to the seq that they concern, so every device learns of them by the same sync.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from im import keys
from im.errors import Code, ImError, InvalidError
from im.settings import Switches

MAX_ID_LENGTH = 64
MAX_TARGET_LENGTH = 2 * MAX_ID_LENGTH + 1
"""The longest name of a conversation's target is a channel's dialog's: two ids."""
MAX_CID_LENGTH = 64
RESERVED_CID_PREFIX = "~"
"""Client message ids that begin with this are the server's own: they make its events idempotent."""
MAX_WALK = 1_000
"""How far a sender's base may lie behind the head before he is told to sync first."""
MAX_RECIPIENTS = 1_000
MAX_RECIPIENTS_BYTES = 65_536
"""The readers of a directed message as JSON: with its content they must fit into one answer."""
PULL_LIMIT = 200
"""Messages per range of a pull."""
PULL_RANGES = 20
"""Ranges per pull."""
HISTORY_LIMIT = 100
"""Messages per page of history."""
MAX_CLIENT_LINE = 255
"""The highest conversation line that users may open; each one is a conversation in the lists of all who take part."""
MAX_GROUP_LINES = 32
"""How many lines the members of one group may open."""
MAX_SEQ = 2**53 - 1


class ConversationType(IntEnum):
    """Wildfire's conversation types (server-api spec 4.1)."""

    SINGLE = 0
    GROUP = 1
    CHATROOM = 2
    CHANNEL = 3


class ContentType(IntEnum):
    """The content types that the server itself makes or treats specially (client-semantics spec 0.3)."""

    TEXT = 1
    FILE = 5
    EDIT = 32
    REACTION = 33
    RECALL = 80
    DELETE = 81


EVENT_TYPES = (ContentType.EDIT, ContentType.REACTION, ContentType.RECALL, ContentType.DELETE)
"""What the server writes about a message that is there already. 33 is our own; the others are Wildfire's."""


class PersistFlag(IntEnum):
    """What happens to a content (client-semantics spec 3.6)."""

    NONE = 0
    PERSIST = 1
    COUNT = 3
    TRANSPARENT = 4


class Origin(StrEnum):
    """On whose authority an operation runs (client-semantics spec 0.1)."""

    USER = "user"
    ADMIN = "admin"
    ROBOT = "robot"
    CHANNEL = "channel"


Int32 = Annotated[int, msgspec.Meta(extra_json_schema={"format": "int32"})]
"""A number that ``check_payload`` keeps to what Java calls an int."""


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message's content under Wildfire's JSON names (server-api spec 2.0); the server keeps and forwards it untouched."""

    type: Int32
    searchableContent: str = ""  # noqa: N815  Wildfire's names
    pushContent: str = ""  # noqa: N815
    pushData: str = ""  # noqa: N815
    content: str = ""
    base64edData: str = ""  # noqa: N815
    mediaType: Int32 = 0  # noqa: N815
    remoteMediaUrl: str = ""  # noqa: N815
    persistFlag: Int32 = 0  # noqa: N815
    expireDuration: Int32 = 0  # noqa: N815
    mentionedType: Int32 = 0  # noqa: N815
    mentionedTarget: tuple[str, ...] = ()  # noqa: N815
    extra: str = ""

    @property
    def transparent(self) -> bool:
        """Whether it is delivered to live sockets only and never stored."""
        return self.persistFlag == PersistFlag.TRANSPARENT


_ENVELOPE_BYTES = 256
_encode = msgspec.json.Encoder().encode
_decode_payload = msgspec.json.Decoder(Payload).decode


def payload_to_json(payload: Payload) -> str:
    """The payload as compact JSON; members that have their default value are left out."""
    return _encode(payload).decode()


def payload_from_json(text: str) -> Payload:
    """The payload that ``payload_to_json`` wrote."""
    return _decode_payload(text)


def with_text(payload: Payload, text: str) -> Payload:
    """The payload with another searchable text."""
    return msgspec.structs.replace(payload, searchableContent=text)


class Conversation(Struct, frozen=True):
    """A conversation from one user's side: in a single chat the target is the other user."""

    type: int
    target: str
    line: int = 0

    @property
    def in_group(self) -> bool:
        """Whether it is a group's."""
        return self.type == ConversationType.GROUP

    @property
    def channel(self) -> str:
        """The channel of a conversation of type 3."""
        return keys.parse_dialog(self.target)[0]

    @property
    def subscriber(self) -> str:
        """Of a channel's dialog, the user that it is led with; empty for what the channel says to all, and other types."""
        return keys.parse_dialog(self.target)[1] if self.type == ConversationType.CHANNEL else ""

    @property
    def has_members(self) -> bool:
        """Whether it has members whose rows say from where to where they may read: a group's, and a channel's log."""
        return self.in_group or (self.type == ConversationType.CHANNEL and not self.subscriber)

    def key(self, reader: str) -> str:
        """The key of the shared log, whichever side ``reader`` is on."""
        if self.type == ConversationType.SINGLE:
            return keys.single_conversation(reader, self.target, self.line)
        return keys.target_conversation(self.type, self.target, self.line)

    def seen_by(self, reader: str, author: str) -> "Conversation":
        """The same conversation, given from the author's side, as the reader names it."""
        if self.type == ConversationType.SINGLE and reader != author:
            return Conversation(self.type, author, self.line)
        return self


def conversation_of(key: str, reader: str) -> Conversation:
    """A log's conversation as ``reader`` names it."""
    kind, line, ids = keys.parse_conversation(key)
    if kind != ConversationType.SINGLE:
        return Conversation(kind, ids[0], line)
    first, second = ids
    return Conversation(kind, second if reader == first else first, line)


class Recall(Struct, frozen=True):
    """Who took a message back, and when (ms)."""

    by: str
    time: int


class Edit(Struct, frozen=True):
    """The last change of a message's content.

    Attributes:
        time: when, ms; it grows from one edit of a message to the next, so it orders them too.
        base: the head at that moment, from which the edit's event is searched.
    """

    time: int
    base: int


Reactions = Mapping[str, Mapping[str, int]]
"""By emoji, who reacted with it, and the seq of the event by which he did."""


class Message(Struct, frozen=True):
    """One slot of a log.

    Attributes:
        log: the conversation key.
        seq: its place, 1 and up; 0 for a transparent message, which has none.
        uid: Wildfire's 64-bit message uid.
        cid: the client's own message id.
        sender: the author's user id.
        time: when it was accepted, ms.
        payload: the content as JSON text.
        to: the only readers besides the author, or empty for everybody.
        ref: for an event (recall, deletion, edit, reaction): the seq of the message it concerns, else 0.
        recall: set when the content was taken back.
        deleted: whether the content was deleted for everybody.
        edit: set when the content is not the first one.
        reactions: the reactions to it, as far as their events have been entered here.
        reacted: the highest seq of such an event.
        subject: of an edit's event that is about to be served: the message as it is now. Never stored, so that a content
            stands in one place only, and taking it back leaves no copy behind.
    """

    log: str
    seq: int
    uid: int
    cid: str
    sender: str
    time: int
    payload: str
    to: tuple[str, ...] = ()
    ref: int = 0
    recall: Recall | None = None
    deleted: bool = False
    edit: Edit | None = None
    reactions: Reactions = {}
    reacted: int = 0
    subject: "Message | None" = None

    @property
    def withdrawn(self) -> bool:
        """Whether its content was taken back or deleted for everybody."""
        return self.recall is not None or self.deleted

    def is_of_channel(self, channel: str) -> bool:
        """Whether it was said in one of a channel's conversations."""
        kind, _, ids = keys.parse_conversation(self.log)
        return kind == ConversationType.CHANNEL and keys.parse_dialog(ids[0])[0] == channel

    def same_as(self, other: "Message") -> bool:
        """Whether both are one message: an author's message id is his own."""
        return (self.sender, self.cid) == (other.sender, other.cid)

    @property
    def wire_bytes(self) -> int:
        """About how many bytes it takes in an answer."""
        texts = (self.log, self.cid, self.sender, self.payload)
        own = _ENVELOPE_BYTES + sum(len(text.encode()) for text in texts) + len(_encode(self.to))
        reactions = len(_encode(self.reactions)) if self.reactions else 0
        return own + reactions + (len(self.subject.payload.encode()) if self.subject else 0)

    def visible_to(self, reader: str) -> bool:
        """Whether the reader may see it: directed messages are for their author and the listed users."""
        return not self.to or reader == self.sender or reader in self.to

    def expired(self, now_ms: int) -> bool:
        """Whether its ``expireDuration`` (seconds) has passed: it is served no more (client-semantics spec 3.10)."""
        if '"expireDuration"' not in self.payload:
            return False
        seconds = payload_from_json(self.payload).expireDuration
        return seconds > 0 and self.time + seconds * 1000 <= now_ms


class Sender(Struct, frozen=True):
    """Who sends: a user, on one of his clients or through an API.

    Attributes:
        user: the user id.
        client: the client id of the sending device; None through an API.
        connection: the socket that the request came in on, which gets no push of its own message.
        origin: on whose authority.
    """

    user: str
    client: str | None = None
    connection: str | None = None
    origin: Origin = Origin.USER

    @property
    def is_admin(self) -> bool:
        """Admin calls skip the permission rules of ordinary users."""
        return self.origin is Origin.ADMIN


class Sent(Struct, frozen=True):
    """What an accepted message got: its place (0 if transparent or swallowed), uid and time (ms)."""

    seq: int
    uid: int
    time: int


class Row(Struct, frozen=True):
    """A user's own row of one conversation.

    Attributes:
        conversation: named from his side.
        read: the highest seq that he has read.
        activity: minute of the last stamp (single chats) or of his last joining or leaving (groups).
        blocked: whether he has blacklisted the other side of a single chat.
        cleared: the highest seq that he has cleared away: up to there nothing is his any more, on this line.
        removed: the head when he took the conversation off his list; he wants to see it again once there is more.
        befriended: whether he and the other side of a single chat are friends.
        firsts: for a group, by line: the lowest seq that he may see (lines that are absent: 1). None in a row that says
            nothing of membership: the row of a single chat, or one that only carries a cursor.
        lasts: by line, the highest seq that he may see, once he left; None while he is in.
        read_at: when he read that far, ms; 0 if it is not known.
        silent, top: his settings of it (``im.setting``), which lie here to be shown in a ``hello``.
    """

    conversation: Conversation
    read: int = 0
    activity: int = 0
    blocked: bool = False
    firsts: dict[int, int] | None = None
    lasts: dict[int, int] | None = None
    cleared: int = 0
    removed: int = 0
    silent: bool = False
    top: int = 0
    befriended: bool = False
    read_at: int = 0

    def first(self, line: int) -> int:
        """The lowest seq that he may see on a line."""
        return (self.firsts or {}).get(line, 1)

    def last(self, line: int) -> int:
        """The highest seq that he may see on a line."""
        return MAX_SEQ if self.lasts is None else self.lasts.get(line, 0)


def check_id(value: str, name: str) -> str:
    """An id of a user, group or client: 1 to 64 printable characters.

    Raises:
        InvalidError: it is empty, too long or holds control characters.
    """
    if not 1 <= len(value) <= MAX_ID_LENGTH:
        raise InvalidError(f"{name} must have 1 to {MAX_ID_LENGTH} characters")
    if not value.isprintable():
        raise InvalidError(f"{name} must not hold control characters")
    return value


def check_conversation(conversation: Conversation) -> Conversation:
    """A conversation that can be named: a known type, a good target, a line that is not negative.

    Raises:
        InvalidError: it is not.
        ImError: the type is one that this deployment does not host (254).
    """
    if conversation.type == ConversationType.CHANNEL:
        for part in keys.parse_dialog(conversation.target)[: 1 + keys.is_dialog(conversation.target)]:
            check_id(part, "conversation.target")
    else:
        check_id(conversation.target, "conversation.target")
    if not 0 <= conversation.line < 2**31:
        raise InvalidError("conversation.line must be 0 or more")
    if conversation.type not in ConversationType._value2member_map_:
        if 0 <= conversation.type <= 6:
            raise ImError(Code.NOT_IMPLEMENT, f"conversation type {conversation.type} is not hosted here")
        raise InvalidError("conversation.type must be 0 to 6")
    return conversation


def check_client_line(conversation: Conversation, open_lines: Sequence[int] = ()) -> None:
    """Whether a user may write on this line; an admin may on any.

    Args:
        conversation: where to.
        open_lines: the lines that a group has already.

    Raises:
        InvalidError: the line is too high, or it would be one too many for the group.
    """
    if conversation.line > MAX_CLIENT_LINE:
        raise InvalidError(f"conversation.line may be {MAX_CLIENT_LINE}")
    if conversation.line not in open_lines and len(open_lines) >= MAX_GROUP_LINES:
        raise InvalidError(f"a group or channel may have {MAX_GROUP_LINES} lines")


def check_payload(payload: Payload, limit_bytes: int) -> str:
    """The payload's JSON when it can be stored.

    Raises:
        InvalidError: a field is out of range, or the binary part is not base64.
        ImError: it is over the limit (35).
    """
    if payload.persistFlag not in (0, 1, 3, 4):
        raise InvalidError("content.persistFlag must be 0, 1, 3 or 4")
    if payload.mentionedType not in (0, 1, 2):
        raise InvalidError("content.mentionedType must be 0, 1 or 2")
    for name in ("type", "mediaType", "expireDuration"):
        if not 0 <= getattr(payload, name) < 2**31:
            raise InvalidError(f"content.{name} must be 0 to 2147483647")
    if payload.base64edData:
        try:
            base64.b64decode(payload.base64edData, validate=True)
        except ValueError:
            raise InvalidError("content.base64edData is not base64") from None
    text = payload_to_json(payload)
    if len(text.encode()) > limit_bytes:
        raise ImError(Code.MESSAGE_TOO_LARGE, f"a message may have {limit_bytes} bytes; put media into the bucket")
    return text


def check_cid(cid: str) -> str:
    """A client message id: 1 to 64 printable characters, not beginning with the reserved sign.

    Raises:
        InvalidError: it is not.
    """
    if not 1 <= len(cid) <= MAX_CID_LENGTH or not cid.isprintable() or cid.startswith(RESERVED_CID_PREFIX):
        raise InvalidError(f"cid must have 1 to {MAX_CID_LENGTH} printable characters and not begin with '~'")
    return cid


def is_made_by_server(content_type: int) -> bool:
    """Whether a content type is the server's own: events about messages, group notices."""
    return content_type in EVENT_TYPES or 100 <= content_type <= 199


def check_client_type(sender: Sender, content_type: int, switches: Switches) -> None:
    """Content types that only the server may make are refused to everybody but an admin (client-semantics spec 3.5, 1-2).

    Raises:
        ImError: 251 for 32, 33, 80, 81 and 100 to 199; 248 for a type that the deployment forbids.
    """
    if sender.is_admin:
        return
    if is_made_by_server(content_type):
        raise InvalidError(f"content.type {content_type} is made by the server only")
    check_not_forbidden(content_type, switches)


def check_not_forbidden(content_type: int, switches: Switches) -> None:
    """Whether the deployment lets clients send a content type.

    Raises:
        ImError: 248.
    """
    if content_type in switches.forbidden_client_send_types:
        raise ImError(Code.NOT_RIGHT)


def check_sender_status(status: int, content_type: int, switches: Switches) -> None:
    """A muted (1) or forbidden (2) user may send only the exempted types (client-semantics spec 3.5, 3).

    Raises:
        ImError: 247.
    """
    if status and content_type not in switches.global_mute_exception_types:
        raise ImError(Code.FORBIDDEN_SEND_MSG)


def notice_payload(content_type: int, data: dict[str, Any]) -> Payload:
    """The content of a group notice: its JSON in the binary part, members that are None left out (server-api 4.14)."""
    body = json.dumps(
        {name: value for name, value in data.items() if value is not None}, ensure_ascii=False, separators=(",", ":")
    )
    return Payload(type=content_type, base64edData=base64.b64encode(body.encode()).decode())


def check_recipients(to: Sequence[str]) -> tuple[str, ...]:
    """The listed readers of a directed message, without duplicates.

    Raises:
        InvalidError: too many, or one is not an id.
    """
    if len(to) > MAX_RECIPIENTS:
        raise InvalidError(f"to may list {MAX_RECIPIENTS} users")
    readers = tuple(dict.fromkeys(check_id(user, "to") for user in to))
    if len(_encode(readers)) > MAX_RECIPIENTS_BYTES:
        raise InvalidError(f"to may have {MAX_RECIPIENTS_BYTES} bytes")
    return readers
