"""Groups: what they are, and the rules that need no storage (client-semantics spec, section 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum

from msgspec import Struct, field
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.message.model import Origin, check_id
from im.settings import Switches

MAX_NAME = 64
MAX_PORTRAIT = 1_024
MAX_EXTRA = 16_384
MAX_ROSTER_BYTES = 350_000
"""A roster is one item, which DynamoDB bounds at 400 KB: about 16,000 members with ids of 22 characters."""


class GroupType(IntEnum):
    """Who may change a group: see the permission matrix (client-semantics spec 4.3)."""

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


class Notice(IntEnum):
    """Content types of the notices that operations leave in the group's log (client-semantics spec 4.4)."""

    CREATED = 104
    ADDED = 105
    REMOVED = 106
    QUIT = 107
    DISSOLVED = 108
    TRANSFERRED = 109


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
    starts: Mapping[int, int] = field(default_factory=dict)


class GroupMember(Struct, frozen=True):
    """A member, or the tombstone of one.

    Attributes:
        id: the user id; users need not be registered.
        type: see ``MemberType``.
        update_dt: when this item last changed, ms.
        create_dt: when he (last) joined, ms.
        leaving: his removal has begun and not ended: whoever repeats the removal finishes it.
    """

    id: str
    alias: str = ""
    type: int = MemberType.NORMAL
    extra: str = ""
    update_dt: int = 0
    create_dt: int = 0
    leaving: bool = False

    @property
    def present(self) -> bool:
        """Whether he is in the group."""
        return self.type != MemberType.REMOVED

    @property
    def leads(self) -> bool:
        """Whether he is the owner or a manager."""
        return self.type in (MemberType.OWNER, MemberType.MANAGER)


class Roster(Struct, frozen=True):
    """Who is in a group, compactly, in the order of joining."""

    version: int
    ids: tuple[str, ...]

    def with_added(self, ids: Iterable[str]) -> "Roster":
        """The next version, with these members in it.

        Raises:
            ImError: 240, the ids would not fit into one item.
        """
        merged = tuple(dict.fromkeys((*self.ids, *ids)))
        if sum(len(member.encode()) + 1 for member in merged) > MAX_ROSTER_BYTES:
            raise ImError(Code.GROUP_EXCEED_MAX_MEMBER_COUNT)
        return Roster(self.version + 1, merged)

    def with_removed(self, ids: Collection[str]) -> "Roster":
        """The next version, without these members."""
        return Roster(self.version + 1, tuple(member for member in self.ids if member not in ids))


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


def check_info(info: GroupInfo) -> GroupInfo:
    """A group that can be created.

    Raises:
        ImError: 2, the type is not 0 to 3.
        InvalidError: a text is too long, or an id is not one.
    """
    if info.type not in list(GroupType):
        raise ImError(Code.INVALID_DATA)
    check_id(info.id, "target_id")
    check_id(info.owner, "owner")
    _check_length(info.name, MAX_NAME, "name")
    _check_length(info.portrait, MAX_PORTRAIT, "portrait")
    _check_length(info.extra, MAX_EXTRA, "extra")
    return info


def check_member(member: GroupMember) -> GroupMember:
    """A member that can be stored.

    Raises:
        InvalidError: his id is not one, or a text is too long.
    """
    check_id(member.id, "member_id")
    _check_length(member.alias, MAX_NAME, "alias")
    _check_length(member.extra, MAX_EXTRA, "extra")
    return member


def _check_length(text: str, limit: int, name: str) -> None:
    if len(text) > limit:
        raise InvalidError(f"{name} may have {limit} characters")


def check_may_create(group_type: int, origin: Origin) -> None:
    """Organisation groups are made by the server API only (client-semantics spec 4.3).

    Raises:
        ImError: 248.
    """
    if group_type == GroupType.ORGANIZATION and origin is not Origin.ADMIN:
        raise ImError(Code.NOT_RIGHT)


def check_member_count(count: int, own_limit: int, origin: Origin, switches: Switches) -> None:
    """Nobody but an admin may grow a group beyond its own limit or, where it has none, the deployment's.

    Raises:
        ImError: 240.
    """
    if origin is not Origin.ADMIN and count > (own_limit or switches.max_group_members):
        raise ImError(Code.GROUP_EXCEED_MAX_MEMBER_COUNT)


def founders(
    info: GroupInfo, submitted: Sequence[GroupMember], extra: str, origin: Origin, now_ms: int
) -> list[GroupMember]:
    """The first members of a group (client-semantics spec 4.2): the owner is one and the only one of his type.

    Others keep the type that an admin gave them; ordinary callers cannot give one. Join times grow by 1 ms from one to
    the next.

    Args:
        info: the group, its owner set.
        submitted: the members as asked for; of duplicates the first counts.
        extra: written into every member's extra, if not empty.
        origin: on whose authority.
        now_ms: the time of creation.
    """
    members = list(submitted)
    if all(member.id != info.owner for member in members):
        members.append(GroupMember(info.owner))
    return _seated(members, info.owner, extra, origin, now_ms)


def joined(
    info: GroupInfo,
    submitted: Sequence[GroupMember],
    known: Mapping[str, GroupMember],
    extra: str,
    origin: Origin,
    now_ms: int,
) -> list[GroupMember]:
    """The items of added members: who is in already keeps his join time, a removed one joins anew.

    Args:
        info: the group.
        submitted: the members as asked for; of duplicates the first counts.
        known: the items that exist, tombstones included.
        extra: written into every member's extra, if not empty.
        origin: on whose authority.
        now_ms: the present time.
    """
    return [
        replace(member, create_dt=old.create_dt) if (old := known.get(member.id)) and old.present else member
        for member in _seated(submitted, info.owner, extra, origin, now_ms)
    ]


def _seated(submitted: Sequence[GroupMember], owner: str, extra: str, origin: Origin, now_ms: int) -> list[GroupMember]:
    unique = {member.id: check_member(member) for member in reversed(submitted)}
    ordered = [unique[member] for member in dict.fromkeys(member.id for member in submitted)]
    return [
        replace(
            member,
            type=_member_type(member, owner, origin),
            extra=extra or member.extra,
            update_dt=now_ms + place,
            create_dt=now_ms + place,
            leaving=False,
        )
        for place, member in enumerate(ordered)
    ]


def _member_type(member: GroupMember, owner: str, origin: Origin) -> int:
    if member.id == owner:
        return MemberType.OWNER
    grantable = (MemberType.MANAGER, MemberType.SILENT, MemberType.ALLOWED)
    return member.type if origin is Origin.ADMIN and member.type in grantable else MemberType.NORMAL


def first_seqs(info: GroupInfo, heads: Mapping[int, int]) -> dict[int, int]:
    """By line, the first seq that a member who joins now may see; lines that are missing are seen from 1.

    Args:
        info: the group; with ``history_message`` 1 new members see everything since it was founded.
        heads: by line, the present head, for every line in use.
    """
    if info.history_message:
        return dict(info.starts)
    return {line: head + 1 for line, head in heads.items() if head}


def successor(members: Iterable[GroupMember], leaving: str) -> GroupMember | None:
    """Who owns a group after its owner: a manager if there is one, else who has been in longest; None if nobody is."""
    others = [member for member in members if member.present and member.id != leaving]
    return min(
        others, key=lambda member: (member.type != MemberType.MANAGER, member.create_dt, member.id), default=None
    )


def check_may_speak(
    info: GroupInfo | None, member: GroupMember | None, content_type: int, mute_exceptions: Collection[int]
) -> None:
    """Whether a member may send into the group (client-semantics spec 4.6; appendix B, 7 and 8).

    The exempted content types get past a mute, not past membership.

    Args:
        info: the group, None when there is none.
        member: the sender's item, None when there is none.
        content_type: of the message.
        mute_exceptions: content types that may be sent in spite of a mute.

    Raises:
        ImError: 9, no member; 248, he is muted; 241, the group is muted.
    """
    if info is None or member is None or not member.present:
        raise ImError(Code.NOT_IN_GROUP)
    if member.leads or content_type in mute_exceptions:
        return
    if member.type == MemberType.SILENT:
        raise ImError(Code.NOT_RIGHT)
    if info.mute and member.type != MemberType.ALLOWED:
        raise ImError(Code.GROUP_MUTED)


def may_withdraw(
    info: GroupInfo | None, operator: GroupMember | None, author: GroupMember | None, *, own: bool, switches: Switches
) -> bool:
    """Whether the operator's role lets him take a group message back at any age (client-semantics spec 3.9, 3).

    The time window for one's own messages is the message domain's; this is about what a role adds to it.

    Args:
        info: the group; without it nobody has a role.
        operator: who recalls, as a member; None when he is not one.
        author: who wrote the message, as a member; None when he never was one.
        own: whether the operator wrote it himself.
        switches: which roles may what.
    """
    if info is None or operator is None or not operator.leads or switches.disable_group_manager_recall:
        return False
    if operator.type == MemberType.OWNER:
        return switches.allow_owner_recall_self if own else True
    if own:
        return switches.allow_manager_recall_self
    return author is None or not author.leads
