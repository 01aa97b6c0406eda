"""Bodies of the server API: lenient on the way in, exact on the way out (server-api spec 2.0, 2.1 to 2.3, 7).

The official SDKs read answers into typed classes, so members, JSON types and spellings are theirs to the letter; where two
of them spell a member differently, both are written. What they send differs more: numbers as text, ``null`` for what is
not given, other names for the same member. ``decode`` takes all of it.
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, inspect

from im.connect.model import SessionState
from im.errors import TEXT, Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember
from im.message.model import (
    MAX_ID_LENGTH,
    Conversation,
    Message,
    Payload,
    conversation_of,
    payload_from_json,
)
from im.profile.model import User
from im.wire.objects import MemberOut
from im.wire.signature import HttpCall

T = TypeVar("T", bound=Struct)

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
IdOrEmpty = Annotated[str, Meta(max_length=MAX_ID_LENGTH)]
Int = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Line = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Uid = Annotated[int, Meta(gt=0, le=2**63 - 1)]

# ruff: noqa: N815  the members' names are Wildfire's


# --- requests


class UserBody(Struct, frozen=True):
    """A user as it is submitted; ``displayName`` distinguishes empty (take the name) from absent."""

    userId: IdOrEmpty = ""
    name: str = ""
    displayName: str | None = None
    portrait: str = ""
    gender: Int = 0
    mobile: str = ""
    email: str = ""
    address: str = ""
    company: str = ""
    social: str = ""
    extra: str = ""
    type: Int = 0

    def model(self) -> User:
        """The same as the domain knows it."""
        return User(
            id=self.userId,
            name=self.name,
            display_name=self.displayName or "",
            portrait=self.portrait,
            gender=self.gender,
            mobile=self.mobile,
            email=self.email,
            address=self.address,
            company=self.company,
            social=self.social,
            extra=self.extra,
            type=self.type,
        )


class UpdateUser(Struct, frozen=True):
    """``/admin/user/update``."""

    flag: Int
    userInfo: UserBody


class UserQuery(Struct, frozen=True):
    """One user, by the first of these that is given."""

    userId: IdOrEmpty = ""
    name: IdOrEmpty = ""
    mobile: IdOrEmpty = ""
    includeDeleted: bool = False


class UserRef(Struct, frozen=True):
    """A user id."""

    userId: Id


class GetToken(Struct, frozen=True):
    """``/admin/user/get_token``."""

    userId: Id
    clientId: Id
    platform: Int = 0


class KickOff(Struct, frozen=True):
    """``/admin/user/kickoff_client``: a user id, and one of his client ids or none for all."""

    first: Id
    second: IdOrEmpty = ""


class SetBlockStatus(Struct, frozen=True):
    """``/admin/user/update_block_status``."""

    userId: Id
    status: Int = 0


class ConversationBody(Struct, frozen=True):
    """A conversation from the sender's side."""

    target: Id
    type: Annotated[int, Meta(ge=0, le=6)] = 0
    line: Line = 0

    def model(self) -> Conversation:
        """The same as the domain knows it."""
        return Conversation(self.type, self.target, self.line)


class SendMessage(Struct, frozen=True):
    """``/admin/message/send``; an empty ``toUsers`` means everybody."""

    sender: Id
    conv: ConversationBody
    payload: Payload
    toUsers: tuple[str, ...] = ()
    isUserMessage: bool = False


class RecallMessage(Struct, frozen=True):
    """``/admin/message/recall``."""

    operator: Id
    messageUid: Uid
    isUserRecall: bool = False


class DeleteMessage(Struct, frozen=True):
    """``/admin/message/delete``; the SDKs name no operator."""

    messageUid: Uid
    operator: IdOrEmpty = ""


class MessageRef(Struct, frozen=True):
    """A message uid."""

    messageUid: Uid


class GroupRequest(Struct, frozen=True, kw_only=True):
    """What every write of a group has in common; an empty ``to_lines`` means line 0."""

    operator: Id
    to_lines: Annotated[tuple[Line, ...], Meta(max_length=16)] = ()
    notify_message: Payload | None = None


class GroupBody(Struct, frozen=True):
    """A group as it is submitted."""

    target_id: str = ""
    name: str = ""
    portrait: str = ""
    owner: str = ""
    extra: str = ""
    type: Int = 0
    mute: Int = 0
    join_type: Int = 0
    private_chat: Int = 0
    searchable: Int = 0
    history_message: Int = 0
    max_member_count: Int = 0
    super_group: bool = False

    def model(self) -> GroupInfo:
        """The same as the domain knows it; small numbers count only from 1 to 127 (server-api spec 2.3)."""
        return GroupInfo(
            id=self.target_id,
            name=self.name,
            portrait=self.portrait,
            owner=self.owner,
            type=self.type,
            extra=self.extra,
            mute=_small(self.mute),
            join_type=_small(self.join_type),
            private_chat=_small(self.private_chat),
            searchable=_small(self.searchable),
            history_message=_small(self.history_message),
            max_member_count=max(0, self.max_member_count),
            super_group=self.super_group,
        )


class MemberBody(Struct, frozen=True):
    """A member as he is submitted."""

    member_id: Id
    alias: str = ""
    type: Int = 0
    extra: str = ""

    def model(self) -> GroupMember:
        """The same as the domain knows it."""
        return GroupMember(self.member_id, alias=self.alias, type=self.type, extra=self.extra)


class GroupWithMembers(Struct, frozen=True):
    """A group and its first members."""

    group_info: GroupBody
    members: tuple[MemberBody, ...] = ()


class CreateGroup(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/create``."""

    group: GroupWithMembers
    member_extra: str = ""


class DissolveGroup(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/del``."""

    group_id: Id


class AddMembers(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/add``."""

    group_id: Id
    members: tuple[MemberBody, ...] = ()
    member_extra: str = ""


class RemoveMembers(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/del``."""

    group_id: Id
    members: tuple[Id, ...]


class GroupRef(Struct, frozen=True):
    """A group id."""

    groupId: Id


class Words(Struct, frozen=True):
    """Sensitive words."""

    words: tuple[str, ...]


ALIASES: Mapping[type, Mapping[str, str]] = {
    SetBlockStatus: {"block": "status"},
    SendMessage: {"userMessage": "isUserMessage"},
    AddMembers: {"memberExtra": "member_extra"},
    CreateGroup: {"memberExtra": "member_extra"},
    Payload: {"binaryContent": "base64edData", "mentionedTargets": "mentionedTarget"},
}
"""Other spellings of members that SDKs send, by schema (server-api spec 7.1)."""


# --- results


class CreatedUser(Struct, frozen=True):
    """Who was registered."""

    userId: str
    name: str


class Token(Struct, frozen=True):
    """A token for the client library."""

    userId: str
    token: str


class BlockStatus(Struct, frozen=True):
    """A user's global status."""

    status: int


class BlockedUser(Struct, frozen=True):
    """A user whose global status is not normal."""

    userId: str
    status: int


class BlockedUsers(Struct, frozen=True):
    """All of them."""

    statusList: list[BlockedUser]


class SessionOut(Struct, frozen=True):
    """A login; ``status`` 0 connected, 1 not; ``lastSeen`` in ms."""

    clientId: str
    userId: str
    platform: int
    status: int
    lastSeen: int
    packageName: str = ""

    @classmethod
    def of(cls, state: SessionState) -> "SessionOut":
        """The wire form of a session."""
        session = state.session
        return cls(session.client, session.user, session.platform, int(not state.online), state.last_seen)


class Sessions(Struct, frozen=True):
    """A user's logins."""

    sessions: list[SessionOut]


class SentMessage(Struct, frozen=True):
    """What a message got."""

    messageUid: int
    timestamp: int


class ConversationOut(Struct, frozen=True):
    """A conversation from the sender's side."""

    type: int
    target: str
    line: int


class PayloadOut(Struct, frozen=True):
    """A content with every text member written; ``base64edData`` only when there is a binary part."""

    type: int
    searchableContent: str
    pushContent: str
    pushData: str
    content: str
    base64edData: str | UnsetType
    mediaType: int
    remoteMediaUrl: str
    persistFlag: int
    expireDuration: int
    mentionedType: int
    mentionedTarget: tuple[str, ...]
    extra: str

    @classmethod
    def of(cls, payload: Payload) -> "PayloadOut":
        """The wire form of a content."""
        members = {name: getattr(payload, name) for name in cls.__struct_fields__}
        return cls(**{**members, "base64edData": payload.base64edData or UNSET})


class MessageOut(Struct, frozen=True):
    """A message; its uid is called ``messageId`` here, and the conversation has two names."""

    messageId: int
    sender: str
    conv: ConversationOut
    conversation: ConversationOut
    payload: PayloadOut
    toUsers: tuple[str, ...]
    timestamp: int

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        """The wire form of a stored message."""
        named = conversation_of(message.log, message.sender)
        conversation = ConversationOut(named.type, named.target, named.line)
        return cls(
            messageId=message.uid,
            sender=message.sender,
            conv=conversation,
            conversation=conversation,
            payload=PayloadOut.of(payload_from_json(message.payload)),
            toUsers=message.to,
            timestamp=message.time,
        )


class CreatedGroup(Struct, frozen=True):
    """A new group's id, in both spellings."""

    group_id: str
    groupId: str


class Members(Struct, frozen=True):
    """A group's members."""

    members: list[MemberOut]


class WordList(Struct, frozen=True):
    """All sensitive words."""

    words: list[str]


class Cpu(Struct, frozen=True):
    """Processor load of the last minute, and cores."""

    load: float
    cores: int


class Memory(Struct, frozen=True):
    """Main memory in bytes."""

    free: int
    max: int
    avail: int


class Disk(Struct, frozen=True):
    """Scratch space in bytes."""

    space: int
    free: int
    usable: int


class NodeHealth(Struct, frozen=True):
    """How the environment that answers is doing."""

    node: str
    cpu: Cpu
    memory: Memory
    disk: Disk


# --- the envelope


class _Failure(Struct, frozen=True):
    code: int
    msg: str


class _Envelope(Struct, frozen=True):
    code: int
    msg: str
    result: Any = UNSET


_encode = msgspec.json.Encoder().encode


def success(result: Any) -> bytes:
    """The envelope of a result; without the member when it is None."""
    return _encode(_Envelope(int(Code.SUCCESS), TEXT[Code.SUCCESS], UNSET if result is None else result))


def failure(error: ImError, *, nested: bool = False) -> bytes:
    """The envelope of a refusal; a refused signature carries code and text once more as its result (spec 1.3)."""
    again = _Failure(int(error.code), error.msg) if nested else UNSET
    return _encode(_Envelope(int(error.code), error.msg, again))


# --- from the wire


def http_call(event: Mapping[str, Any]) -> HttpCall:
    """The request in a function URL's event (payload format 2.0).

    Raises:
        InvalidError: the body is said to be base64 and is not.
    """
    body: str = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        raise InvalidError("the body is not base64") from None
    return HttpCall(
        method=event["requestContext"]["http"]["method"],
        path=event["rawPath"],
        query=event.get("rawQueryString", ""),
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
        body=raw,
    )


def decode(schema: type[T], body: bytes) -> T:
    """A request body by its schema, as leniently as the reference server reads it (spec 1.5, 7.1).

    ``null`` counts as absent, unknown members are ignored, aliases are known; numbers and booleans may be texts, texts may
    be numbers or booleans, and a JavaScript ``Long`` object is a number. An empty body has no members.

    Raises:
        InvalidError: it is not JSON, or does not fit; the text has the path of the offending member.
    """
    try:
        value = msgspec.json.decode(body) if body.strip() else {}
        return msgspec.convert(_normaliser(schema)(value), schema)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidError(str(error)) from None


Normalise = Callable[[Any], Any]


@cache
def _normaliser(schema: type[Struct]) -> Normalise:
    return _normaliser_of(inspect.type_info(schema))


def _normaliser_of(kind: inspect.Type) -> Normalise:
    match kind:
        case inspect.Metadata(type=inner):
            return _normaliser_of(inner)
        case inspect.IntType():
            return _to_int
        case inspect.BoolType():
            return _to_bool
        case inspect.StrType():
            return _to_text
        case inspect.VarTupleType(item_type=item):
            each = _normaliser_of(item)
            return lambda value: [each(element) for element in value] if isinstance(value, list) else value
        case inspect.UnionType(types=types):
            [present] = [each for each in types if not isinstance(each, inspect.NoneType)]
            return _normaliser_of(present)
        case inspect.StructType(cls=schema, fields=fields):
            return _struct_normaliser(schema, fields)
    raise TypeError(f"no request may hold a {kind}")


def _struct_normaliser(schema: type, fields: tuple[inspect.Field, ...]) -> Normalise:
    members = {field.encode_name: _normaliser_of(field.type) for field in fields}
    aliases = ALIASES.get(schema, {})
    zeros = {field.encode_name: 0 for field in fields if field.required and isinstance(field.type, inspect.IntType)}

    def normalise(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = {name: member for name, member in value.items() if member is not None}
        named = {aliases[name]: member for name, member in given.items() if name in aliases}
        named |= {name: member for name, member in given.items() if name in members}
        return zeros | {name: members[name](member) for name, member in named.items()}

    return normalise


_DIGITS = re.compile(r"[+-]?[0-9]{1,19}(\.0+)?")


def _to_int(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case float() if value.is_integer():
            return _bounded(int(value))
        case int():
            return _bounded(value)
        case str() if _DIGITS.fullmatch(text := value.strip()):
            return _bounded(int(text.partition(".")[0]))
        case {"low": int(low), "high": int(high)}:
            return _bounded(high << 32 | low & 0xFFFFFFFF)
    return value


def _bounded(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InvalidError("a number is out of range")
    return value


def _to_bool(value: Any) -> Any:
    match value:
        case int() if value in (0, 1):
            return bool(value)
        case str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


def _to_text(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    return value


def _small(number: int) -> int:
    return number if 0 < number < 128 else 0
