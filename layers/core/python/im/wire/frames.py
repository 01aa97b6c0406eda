"""Frames of the socket protocol: what comes in is checked against typed schemas, what goes out is encoded once.

Requests and their bodies refuse unknown fields and wrong types, and name the path of the offender (docs/protocol.md).
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from im.errors import ImError, InvalidError
from im.message.events import hides_original
from im.message.files import FileRecord
from im.message.model import (
    Conversation,
    Message,
    Reactions,
    conversation_of,
    payload_from_json,
    payload_to_json,
)

Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
RequestId = Annotated[str, Meta(max_length=64)]


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the schemas of what clients send."""


class Request(Strict, frozen=True):
    """A request frame."""

    route: str
    op: Annotated[str, Meta(max_length=64)]
    id: RequestId
    body: msgspec.Raw = msgspec.Raw(b"{}")


class ConversationRef(Strict, frozen=True):
    """A conversation as a client names it."""

    type: Annotated[int, Meta(ge=0, le=6)]
    target: str
    line: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0

    def model(self) -> Conversation:
        """The same as the domain knows it."""
        return Conversation(self.type, self.target, self.line)


class ConversationOut(Struct, frozen=True):
    """A conversation as the reader sees it."""

    type: int
    target: str
    line: int

    @classmethod
    def of(cls, conversation: Conversation) -> "ConversationOut":
        """The wire form of a conversation."""
        return cls(conversation.type, conversation.target, conversation.line)


class RecalledOut(Struct, frozen=True):
    """Who took a message back, and when (ms)."""

    by: str
    time: int


class ReactionOut(Struct, frozen=True):
    """Who reacted with an emoji, in the order in which they did."""

    emoji: str
    users: tuple[str, ...]


class EditOut(Struct, frozen=True):
    """What an edited message is now, and since when (ms)."""

    content: msgspec.Raw
    time: int


class MessageOut(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"sender": "from"}):
    """A message as the reader sees it; a transparent one has no ``seq``."""

    conversation: ConversationOut
    seq: int | UnsetType = UNSET
    uid: str
    cid: str
    sender: str
    time: int
    content: msgspec.Raw
    to: tuple[str, ...] | UnsetType = UNSET
    ref: int | UnsetType = UNSET
    recalled: RecalledOut | UnsetType = UNSET
    deleted: bool = False
    edited: int | UnsetType = UNSET
    reactions: tuple[ReactionOut, ...] | UnsetType = UNSET
    edit: EditOut | UnsetType = UNSET


class FileOut(Struct, frozen=True, rename={"sender": "from"}):
    """A file that was sent, as the reader sees it."""

    conversation: ConversationOut
    seq: int
    uid: str
    sender: str
    time: int
    name: str
    url: str
    size: int


class _Push(Struct, frozen=True):
    push: str
    body: Any


class _Answer(Struct, frozen=True):
    id: str
    code: int
    body: Any


class _Failure(Struct, frozen=True, omit_defaults=True):
    code: int
    msg: str
    id: str | UnsetType = UNSET
    retry: bool = False
    after: int | UnsetType = UNSET


_UNREADABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
"""What decoding raises for a text of the caller's: not JSON or not the schema's, a lone surrogate, nested too deeply."""

_encoder = msgspec.json.Encoder()
_request = msgspec.json.Decoder(Request)


def message_out(message: Message, reader: str) -> MessageOut:
    """A stored message as ``reader`` gets it. What a recall took back stays visible to its author, who may edit it again."""
    content = message.payload
    if message.ref and reader != message.sender:
        content = payload_to_json(hides_original(payload_from_json(content)))
    stands = not message.withdrawn
    return MessageOut(
        conversation=ConversationOut.of(conversation_of(message.log, reader)),
        seq=message.seq or UNSET,
        uid=str(message.uid),
        cid=message.cid,
        sender=message.sender,
        time=message.time,
        content=msgspec.Raw(content.encode()),
        to=message.to or UNSET,
        ref=message.ref or UNSET,
        recalled=RecalledOut(message.recall.by, message.recall.time) if message.recall else UNSET,
        deleted=message.deleted,
        edited=message.edit.time if message.edit and stands else UNSET,
        reactions=_reactions_out(message.reactions) if message.reactions and stands else UNSET,
        edit=_edit_out(message.subject) if message.subject else UNSET,
    )


def _reactions_out(reactions: Reactions) -> tuple[ReactionOut, ...]:
    return tuple(ReactionOut(emoji, tuple(sorted(users, key=users.__getitem__))) for emoji, users in reactions.items())


def _edit_out(subject: Message) -> EditOut | UnsetType:
    return EditOut(msgspec.Raw(subject.payload.encode()), subject.edit.time) if subject.edit else UNSET


def file_out(record: FileRecord, reader: str) -> FileOut:
    """A file as ``reader`` gets it."""
    message = record.message
    return FileOut(
        conversation=ConversationOut.of(conversation_of(message.log, reader)),
        seq=message.seq,
        uid=str(message.uid),
        sender=message.sender,
        time=message.time,
        name=record.name,
        url=record.url,
        size=record.size,
    )


def encode(value: Any) -> bytes:
    """Any wire object as JSON."""
    return _encoder.encode(value)


def push(kind: str, body: Any) -> bytes:
    """A push frame."""
    return _encoder.encode(_Push(kind, body))


def answer(request_id: str, body: Any) -> str:
    """A successful answer frame."""
    return _encoder.encode(_Answer(request_id, 0, body)).decode()


def failure(error: ImError, request_id: str | None) -> str:
    """An error frame."""
    return _encoder.encode(
        _Failure(
            code=int(error.code),
            msg=error.msg,
            id=UNSET if request_id is None else request_id,
            retry=error.retry,
            after=UNSET if error.after_ms is None else error.after_ms,
        )
    ).decode()


def decode_request(text: str | bytes) -> Request:
    """A request frame.

    Raises:
        InvalidError: it is not one; the text says where.
    """
    try:
        return _request.decode(text)
    except _UNREADABLE as error:
        raise InvalidError(str(error)) from None


def request_id(text: str) -> str | None:
    """The id of a frame that is not a valid request, when it has a usable one, so that the refusal can name it."""
    try:
        frame = msgspec.json.decode(text)
    except _UNREADABLE:
        return None
    found = frame.get("id") if isinstance(frame, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 else None


def decode_body(decoder: msgspec.json.Decoder[Any], raw: msgspec.Raw) -> Any:
    """A request's body by its schema.

    Raises:
        InvalidError: it does not fit; the text has the path, for example ``$.body.conversation.type``.
    """
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidError(str(error).replace("`$", "`$.body", 1)) from None
