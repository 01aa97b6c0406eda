"""Groups: what they are, and who may do what in them (client-semantics spec, section 4; server-api spec 2.12)."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.message.model import Origin, check_id

MAX_NAME = 64
MAX_PORTRAIT = 1_024
MAX_EXTRA = 16_384
MAX_REASON = 256
MAX_REQUEST_EXTRA = 1_024
MAX_MEMBERS = 100_000
"""The largest limit that a group may be given, whoever gives it."""


class GroupType(IntEnum):
    """Who may change a group: see ``MATRIX``."""

    NORMAL = 0
    FREE = 1
    RESTRICTED = 2
    ORGANIZATION = 3


class MemberType(IntEnum):
    """A member's role. A removed member stays as a tombstone, so that other members' devices learn of it."""

    NORMAL = 0
    MANAGER = 1
    OWNER = 2
    SILENT = 3
    REMOVED = 4
    ALLOWED = 5


class JoinType(IntEnum):
    """How one gets into a restricted group; other groups do not look at it."""

    OPEN = 0
    INVITE = 1
    CLOSED = 2


class Notice(IntEnum):
    """Content types of the notices that operations leave in the group's log (client-semantics spec 4.4)."""

    CREATED = 104
    ADDED = 105
    REMOVED = 106
    QUIT = 107
    DISSOLVED = 108
    TRANSFERRED = 109
    NAME = 110
    ALIAS = 111
    PORTRAIT = 112
    MUTE = 113
    JOIN_TYPE = 114
    PRIVATE_CHAT = 115
    SEARCHABLE = 116
    MANAGERS = 117
    MEMBERS_MUTED = 118
    MEMBERS_ALLOWED = 119
    REMOVED_VISIBLY = 120
    QUIT_VISIBLY = 121
    EXTRA = 122
    MEMBER_EXTRA = 123
    SETTINGS = 124
    JOIN_REJECTED = 125


class GroupInfo(Struct, frozen=True):
    """A group without its members.

    Attributes:
        id: the group id.
        owner: his user id; he need not be a member after an admin's transfer.
        mute, join_type, private_chat, searchable, history_message: small numbers (server-api spec 4.2).
        max_member_count: the group's own limit, 0 for the deployment's.
        member_count: members that are in.
        created, update_dt, member_update_dt: ms.
        roster_version: the version of the roster that goes with this info; it never repeats, not even when a dissolved
            group's id is used again, so rosters may be cached by it.
        activity: the minute of the last stamp.
        arrivals: counts devices of members that connected while the group was busy, see ``im.delivery.audience``.
        lines: conversation lines in use, at least line 0.
        robots: the members who are robots; every send reads them here (``im.robot``).
        starts: by line, the first seq of this group when an earlier group of the same id left messages in the log.
    """

    id: str
    name: str = ""
    portrait: str = ""
    owner: str = ""
    type: int = GroupType.NORMAL
    extra: str = ""
    mute: int = 0
    join_type: int = 0
    private_chat: int = 0
    searchable: int = 0
    history_message: int = 0
    max_member_count: int = 0
    super_group: bool = False
    member_count: int = 0
    created: int = 0
    update_dt: int = 0
    member_update_dt: int = 0
    roster_version: int = 0
    activity: int = 0
    arrivals: int = 0
    lines: tuple[int, ...] = (0,)
    robots: tuple[str, ...] = ()
    starts: Mapping[int, int] = field(default_factory=dict)


class GroupMember(Struct, frozen=True):
    """A member, or the tombstone of one.

    Attributes:
        id: the user id; users need not be registered.
        type: see ``MemberType``.
        update_dt: when this item last changed, ms.
        create_dt: when he (last) joined, ms.
        leaving: his removal has begun and not ended: whoever repeats the removal finishes it.
        changes: counts his joinings and removals, upwards from a number of the group's own: odd while he is in, even
            while he is out. It orders what happens to one member at the same time, see ``im.group.membership``.
    """

    id: str
    alias: str = ""
    type: int = MemberType.NORMAL
    extra: str = ""
    update_dt: int = 0
    create_dt: int = 0
    leaving: bool = False
    changes: int = 0

    @property
    def present(self) -> bool:
        """Whether he is in the group."""
        return self.type != MemberType.REMOVED


class Dissolved(Struct, frozen=True):
    """What remains of a group that is gone.

    Attributes:
        info: its last state.
        lasts: by line, the last seq that its members may see.
        pending: members or their rows have not all been cleared.
    """

    info: GroupInfo
    lasts: Mapping[int, int]
    pending: bool


class RequestStatus(IntEnum):
    """How far a request to be let in has got."""

    WAITING = 0
    ACCEPTED = 1
    REJECTED = 2


class JoinRequest(Struct, frozen=True):
    """Somebody's wish that a user be let into a group.

    Attributes:
        member: who shall be let in; the latest request for him counts.
        requester: who asked, often the same.
        reason, extra: his words, and what applications add.
        status: see ``RequestStatus``.
        answered_by: the manager who answered, empty while nobody has.
        update_dt: when it was made or answered, ms.
    """

    member: str
    requester: str
    reason: str = ""
    extra: str = ""
    status: int = RequestStatus.WAITING
    answered_by: str = ""
    update_dt: int = 0


def check_info(info: GroupInfo) -> GroupInfo:
    """A group that can be stored.

    Raises:
        ImError: 2, the type is not 0 to 3.
        InvalidError: a text is too long, a number out of range, or an id is not one.
    """
    if info.type not in list(GroupType):
        raise ImError(Code.INVALID_DATA)
    check_id(info.id, "target_id")
    check_id(info.owner, "owner")
    _check_length(info.name, MAX_NAME, "name")
    _check_length(info.portrait, MAX_PORTRAIT, "portrait")
    _check_bytes(info.extra, MAX_EXTRA, "extra")
    for name in ("mute", "join_type", "private_chat", "searchable", "history_message"):
        if not 0 <= getattr(info, name) < 128:
            raise InvalidError(f"{name} must be 0 to 127")
    if not 0 <= info.max_member_count <= MAX_MEMBERS:
        raise InvalidError(f"max_member_count must be 0 to {MAX_MEMBERS}")
    return info


def check_request(request: JoinRequest) -> JoinRequest:
    """A request that can be stored.

    Raises:
        InvalidError: an id is not one, or a text is too long.
    """
    check_id(request.member, "member_id")
    _check_length(request.reason, MAX_REASON, "reason")
    _check_length(request.extra, MAX_REQUEST_EXTRA, "extra")
    return request


def check_member(member: GroupMember) -> GroupMember:
    """A member that can be stored.

    Raises:
        InvalidError: his id is not one, or a text is too long.
    """
    check_id(member.id, "member_id")
    _check_length(member.alias, MAX_NAME, "alias")
    _check_bytes(member.extra, MAX_EXTRA, "extra")
    return member


def _check_length(text: str, limit: int, name: str) -> None:
    if len(text) > limit:
        raise InvalidError(f"{name} may have {limit} characters")


def _check_bytes(text: str, limit: int, name: str) -> None:
    if len(text.encode()) > limit:
        raise InvalidError(f"{name} may have {limit} bytes")


# --- who is who


class Role(StrEnum):
    """What somebody is in a group."""

    STRANGER = "stranger"
    REMOVED = "removed"
    MUTED = "muted"
    MEMBER = "member"
    ALLOWED = "allowed"
    MANAGER = "manager"
    OWNER = "owner"


_ROLES = {
    MemberType.NORMAL: Role.MEMBER,
    MemberType.MANAGER: Role.MANAGER,
    MemberType.OWNER: Role.MEMBER,
    MemberType.SILENT: Role.MUTED,
    MemberType.REMOVED: Role.REMOVED,
    MemberType.ALLOWED: Role.ALLOWED,
}
LEADERS = (Role.MANAGER, Role.OWNER)


def role_of(info: GroupInfo, member: GroupMember | None) -> Role:
    """The role of whom an item stands for, or of whom there is no item.

    Who owns the group is what the info says: while ownership changes hands, two items may say "owner" for a moment.
    """
    if member is None:
        return Role.STRANGER
    if member.present and member.id == info.owner:
        return Role.OWNER
    return _ROLES.get(MemberType(member.type), Role.MEMBER)


def shown(info: GroupInfo, member: GroupMember) -> GroupMember:
    """A member as everybody is shown him: exactly one owner."""
    if member.type == MemberType.OWNER and member.id != info.owner:
        return replace(member, type=MemberType.NORMAL)
    return member


# --- who may do what


class Kind(StrEnum):
    """What the rules tell groups apart by: their types, and restricted ones by how one gets in."""

    NORMAL = "normal"
    FREE = "free"
    OPEN = "restricted, join type 0"
    INVITE = "restricted, join type 1"
    CLOSED = "restricted, join type 2"
    ORGANIZATION = "organisation"


_KINDS = {GroupType.NORMAL: Kind.NORMAL, GroupType.FREE: Kind.FREE, GroupType.ORGANIZATION: Kind.ORGANIZATION}
_RESTRICTED = {JoinType.OPEN: Kind.OPEN, JoinType.INVITE: Kind.INVITE}


def kind_of(group_type: int, join_type: int) -> Kind:
    """The kind of a group; a join type that is unknown counts as the strictest."""
    if group_type == GroupType.RESTRICTED:
        return _RESTRICTED.get(JoinType(join_type), Kind.CLOSED) if join_type in list(JoinType) else Kind.CLOSED
    return _KINDS[GroupType(group_type)]


class Operation(StrEnum):
    """What one can do in a group, as far as the rules tell it apart."""

    CREATE = "create"
    DISMISS = "dismiss"
    JOIN = "join"
    INVITE = "add others"
    REQUEST = "ask to be let in"
    REQUEST_OTHERS = "ask for others"
    ANSWER = "see and answer requests"
    KICK = "remove members"
    KICK_OWNER = "remove the owner"
    QUIT = "quit"
    TRANSFER = "transfer"
    MANAGERS = "set managers"
    PROFILE = "change name, portrait"
    EXTRA = "change extra"
    SPEECH = "change mute, private chat"
    ENTRY = "change join type, searchable, history"
    LIMITS = "change limit, type, super group"
    OWN_ENTRY = "own alias, extra"
    MEMBER_ENTRY = "a member's alias, extra"
    LEADER_ENTRY = "a manager's or the owner's alias, extra"
    SILENCE = "mute, allow members"
    SILENCE_MANAGER = "mute, allow a manager"
    SPEAK = "speak"
    SPEAK_MUTED = "speak while the group is muted"
    READ_MEMBERS = "look members up"


_CODES = {
    "+": None,
    "-": Code.NOT_RIGHT,
    "x": Code.NOT_IN_GROUP,
    "!": Code.ALREADY_IN_GROUP,
    "#": Code.GROUP_MUTED,
}

_LED = ("xxxxxx", "xxxxxx", "------", "------", "------", "+-++++", "+-++++")
_OWNERS = ("------", "------", "------", "------", "------", "------", "+-+++-")
_PLAIN_SPEECH = ("xxxxxx", "xxxxxx", "------", "++++++", "++++++", "++++++", "++++++")

MATRIX: Mapping[Operation, tuple[str, str, str, str, str, str, str]] = {
    # each word: normal, free, restricted 0, 1, 2, organisation
    # stranger, removed, muted, member, allowed, manager, owner
    Operation.CREATE: ("+++++-",) * 7,
    Operation.DISMISS: _OWNERS,
    Operation.JOIN: ("+++---", "+++---", "------", "!!!---", "!!!---", "!!!---", "!!!---"),
    Operation.INVITE: ("xxxx--", "xxxxx-", "------", "++++--", "++++--", "+++++-", "+++++-"),
    Operation.REQUEST: ("+++++-", "+++++-", "!!!!!-", "!!!!!-", "!!!!!-", "!!!!!-", "!!!!!-"),
    Operation.REQUEST_OTHERS: ("xxxxx-", "xxxxx-", "------", "+++++-", "+++++-", "+++++-", "+++++-"),
    Operation.ANSWER: ("xxxxx-", "xxxxx-", "------", "------", "------", "+++++-", "+++++-"),
    Operation.KICK: ("------", "------", "------", "------", "------", "+-+++-", "+-+++-"),
    Operation.KICK_OWNER: ("------",) * 7,
    Operation.QUIT: ("xxxxx-", "xxxxx-", "+++++-", "+++++-", "+++++-", "+++++-", "+++++-"),
    Operation.TRANSFER: _OWNERS,
    Operation.MANAGERS: _OWNERS,
    Operation.PROFILE: ("xxxxx-", "xxxxx-", "++----", "++----", "++----", "+++++-", "+++++-"),
    Operation.EXTRA: ("xxxxxx", "xxxxxx", "++----", "++----", "++----", "++++++", "++++++"),
    Operation.SPEECH: _LED,
    Operation.ENTRY: ("xxxxx-", "xxxxx-", "------", "------", "------", "+-+++-", "+-+++-"),
    Operation.LIMITS: ("------",) * 7,
    Operation.OWN_ENTRY: ("xxxxxx", "xxxxxx", "++++++", "++++++", "++++++", "++++++", "++++++"),
    Operation.MEMBER_ENTRY: ("xxxxxx", "xxxxxx", "------", "------", "------", "++++++", "++++++"),
    Operation.LEADER_ENTRY: ("xxxxxx", "xxxxxx", "------", "------", "------", "------", "++++++"),
    Operation.SILENCE: _LED,
    Operation.SILENCE_MANAGER: ("xxxxxx", "xxxxxx", "------", "------", "------", "------", "+-++++"),
    Operation.SPEAK: _PLAIN_SPEECH,
    Operation.SPEAK_MUTED: ("xxxxxx", "xxxxxx", "------", "######", "++++++", "++++++", "++++++"),
    Operation.READ_MEMBERS: ("xxxxxx", "xxxxxx", "++++++", "++++++", "++++++", "++++++", "++++++"),
}
"""For everybody but an admin: a word for each role, in it a sign for each kind, which ``ruling`` reads (client-semantics
spec 4.3, with the advice of its appendix B; server-api spec 2.12). It is kept as written, because every function loads it.
A group that does not exist is 253, before any of these."""
_ROLE_PLACE = {role: place for place, role in enumerate(Role)}
_KIND_PLACE = {kind: place for place, kind in enumerate(Kind)}


def ruling(operation: Operation, role: Role, kind: Kind) -> Code | None:
    """What the matrix says: None when it is allowed, else the code of the refusal."""
    return _CODES[MATRIX[operation][_ROLE_PLACE[role]][_KIND_PLACE[kind]]]


FORBIDDING_BITS: Mapping[Operation, int] = {
    Operation.CREATE: 0x1,
    Operation.DISMISS: 0x2,
    Operation.JOIN: 0x4,
    Operation.REQUEST: 0x4,
    Operation.QUIT: 0x8,
    Operation.INVITE: 0x10,
    Operation.REQUEST_OTHERS: 0x10,
    Operation.KICK: 0x20,
    Operation.TRANSFER: 0x40,
    Operation.MANAGERS: 0x80,
    Operation.PROFILE: 0x400,
    Operation.EXTRA: 0x400,
    Operation.SPEECH: 0x400,
    Operation.ENTRY: 0x400,
}
"""The bit of ``group.forbidden_client_operation`` that takes an operation from users (client-semantics spec 0.2)."""
FORBID_ALLOW = 0x100
FORBID_GROUP_MUTE = 0x200
FORBID_MEMBER_MUTE = 0x800


def refusal(operation: Operation, info: GroupInfo, role: Role, origin: Origin) -> Code | None:
    """Why somebody may not do something in a group; None when he may. An admin may do anything.

    The owner cannot be removed, muted or made a manager by users; that is the operations' own to check.
    """
    if origin is Origin.ADMIN:
        return None
    return ruling(operation, role, kind_of(info.type, info.join_type))


def check_right(operation: Operation, info: GroupInfo, member: GroupMember | None, origin: Origin) -> None:
    """Whether somebody may do something in a group.

    Args:
        operation: what.
        info: the group.
        member: his item, None when there is none.
        origin: on whose authority he asks.

    Raises:
        ImError: 9, 12, 241 or 248, as ``MATRIX`` says.
    """
    code = refusal(operation, info, role_of(info, member), origin)
    if code is not None:
        raise ImError(code)
