"""The rules of groups that need no storage, beside the matrix of rights (client-semantics spec, section 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from im.errors import Code, ImError
from im.group.model import (
    LEADERS,
    MAX_MEMBERS,
    GroupInfo,
    GroupMember,
    MemberType,
    Operation,
    Role,
    check_member,
    check_right,
    role_of,
)
from im.message.model import Origin
from im.settings import Switches

_JOINS = 2
"""Counts of changes go up by one, and a first joining's is odd."""


def check_member_count(count: int, own_limit: int, origin: Origin, switches: Switches) -> None:
    """Nobody but an admin may grow a group beyond its own limit or, where it has none, the deployment's.

    Raises:
        ImError: 240; for an admin beyond what any group can hold.
    """
    limit = MAX_MEMBERS if origin is Origin.ADMIN else own_limit or switches.max_group_members
    if count > min(limit, MAX_MEMBERS):
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
    return [
        replace(member, changes=first_change(info)) for member in _seated(members, info.owner, extra, origin, now_ms)
    ]


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
        _continued(info, member, known.get(member.id))
        for member in _seated(submitted, info.owner, extra, origin, now_ms)
    ]


def _continued(info: GroupInfo, member: GroupMember, old: GroupMember | None) -> GroupMember:
    if old is None:
        return replace(member, changes=first_change(info))
    if old.present:
        return replace(member, create_dt=old.create_dt, changes=old.changes)
    return replace(member, changes=old.changes + 1)


def first_change(info: GroupInfo) -> int:
    """The count of changes of a member whom the group has not known before.

    It is the same for all who add him at once, odd, and higher than any count in an earlier group of this id: that one's
    roster went up with each change, and this one's creation is later than that roster's version.
    """
    return _JOINS * info.created + 1


def removed(member: GroupMember, now_ms: int) -> GroupMember:
    """The tombstone of a member whose removal begins; one that has begun stays as it is."""
    changes = member.changes + 1 if member.present else member.changes
    return replace(member, type=MemberType.REMOVED, leaving=True, update_dt=now_ms, changes=changes)


def _seated(submitted: Sequence[GroupMember], owner: str, extra: str, origin: Origin, now_ms: int) -> list[GroupMember]:
    unique = {member.id: check_member(member) for member in reversed(submitted)}
    ordered = [unique[member] for member in dict.fromkeys(member.id for member in submitted)]
    return [
        check_member(
            replace(
                member,
                type=_member_type(member, owner, origin),
                extra=extra or member.extra,
                update_dt=now_ms + place,
                create_dt=now_ms + place,
                leaving=False,
            )
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
    """Who owns a group after its owner: a manager if there is one, else who has been in longest; None if nobody is.

    Before all others it is he whom an attempt that was cut short has chosen.
    """
    others = [member for member in members if member.present and member.id != leaving]
    order: list[int] = [MemberType.OWNER, MemberType.MANAGER]

    def rank(member: GroupMember) -> tuple[int, int, str]:
        return order.index(member.type) if member.type in order else len(order), member.create_dt, member.id

    return min(others, key=rank, default=None)


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
    if content_type in mute_exceptions:
        return
    check_right(Operation.SPEAK_MUTED if info.mute else Operation.SPEAK, info, member, Origin.USER)


def check_may_whisper(info: GroupInfo, member: GroupMember, others: Iterable[GroupMember]) -> None:
    """Whether a member may send a message that only some others of the group see.

    Where private chats are off, ordinary members may whisper to the owner and managers, and these to anybody.

    Raises:
        ImError: 248.
    """
    if not info.private_chat or role_of(info, member) in LEADERS:
        return
    if any(role_of(info, other) not in LEADERS for other in others if other.present and other.id != member.id):
        raise ImError(Code.NOT_RIGHT, "members of this group may not chat with one another in private")


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
    if info is None or operator is None or switches.disable_group_manager_recall:
        return False
    role = role_of(info, operator)
    if role is Role.OWNER:
        return switches.allow_owner_recall_self if own else True
    if role is not Role.MANAGER:
        return False
    if own:
        return switches.allow_manager_recall_self
    return author is None or role_of(info, author) not in LEADERS
