"""Questions about groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from im.errors import Code, ImError
from im.group.model import GroupInfo, GroupMember, Operation, check_right, shown
from im.group.store import GroupStore
from im.message.model import Conversation, ConversationType, Origin, Row
from im.platform.clock import Clock
from im.platform.parallel import run_all

MAX_LISTED = 30_000
"""Members that one answer of the server API can list: it may have 6 MB."""
PAGE = 1_000
"""Members that are looked at for one page."""
_SETTLING_MS = 10_000


class Rows(Protocol):
    """What groups need of the users' conversation rows."""

    def of_user(self, user: str) -> list[Row]:
        """All rows of a user."""

    def get(self, user: str, conversation: Conversation) -> Row | None:
        """One row, strongly consistent."""

    def kept_of(self, user: str, others: Iterable[str]) -> dict[str, Row]:
        """The others' rows of their single chats with the user, by whose they are; rows that do not exist are missing."""

    def enter(self, user: str, group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        """Open a user's row of a group from the given seqs on, unless it is marked with this change or a later one."""

    def enter_many(self, users: Iterable[str], group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        """``enter`` for users who have no row of the group."""

    def leave(
        self, user: str, group: str, lasts: Mapping[int, int], minute: int, change: int, *, begins: bool = False
    ) -> None:
        """Close a user's row after the given seqs, unless it is marked with a later change; the bounds only grow."""


class MemberPage(Struct, frozen=True):
    """Some of the members that a device does not know yet.

    Attributes:
        members: members and tombstones.
        last: the user id up to which members have been looked at; empty when all have.
        settled: ms; what changed up to then is in the pages of a reading that began with this one.
    """

    members: tuple[GroupMember, ...]
    last: str
    settled: int


class GroupReader:
    """Answers questions about groups, always by the latest state: who asks often does so because a notice told him to.

    Args:
        store: groups and members.
        rows: the users' conversation rows.
        clock: the time.
    """

    def __init__(self, store: GroupStore, rows: Rows, clock: Clock) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

    def info(self, group: str) -> GroupInfo:
        """A group's info.

        Raises:
            ImError: 253.
        """
        info = self._store.get_info(group, consistent=True)
        if info is None:
            raise ImError(Code.NOT_EXIST, "no such group")
        return info

    def infos(self, groups: Iterable[str]) -> dict[str, GroupInfo]:
        """Many infos by id; anybody may read them. Unknown groups are missing."""
        return self._store.get_infos(groups, consistent=True)

    def members(self, group: str) -> list[GroupMember]:
        """Who is in a group, for the server API.

        Raises:
            ImError: 253; 35, there are more than an answer can hold.
        """
        info = self.info(group)
        if info.member_count > MAX_LISTED:
            raise ImError(Code.MESSAGE_TOO_LARGE, f"this group has more than {MAX_LISTED} members")
        members = self._store.list_members(group, consistent=True)
        return [shown(info, member) for member in members if member.present]

    def member(self, group: str, user: str) -> GroupMember:
        """One member.

        Raises:
            ImError: 253 no such group, or he is not in it.
        """
        info = self.info(group)
        member = self._store.get_member(group, user, consistent=True)
        if member is None or not member.present:
            raise ImError(Code.NOT_EXIST, "no such member")
        return shown(info, member)

    def changes(
        self, reader: str, group: str, after: int, last: str, fits: Callable[[Sequence[GroupMember]], int]
    ) -> MemberPage:
        """Members and tombstones that changed after a time, by user id (client-semantics spec 4.5).

        A stranger sees nobody; who was removed sees that he was, and nothing else.

        Args:
            reader: who asks.
            group: the group id.
            after: ms.
            last: the user id where the page before ended.
            fits: how many of the members, from the first on, an answer can hold.

        Raises:
            ImError: 253.
        """
        info = self.info(group)
        settled = self._clock() - _SETTLING_MS
        own = self._store.get_member(group, reader, consistent=True)
        if own is None:
            return MemberPage((), "", settled)
        if not own.present:
            return MemberPage((own,), "", settled)
        members, reached = self._store.page_members(group, last, PAGE)
        changed = [shown(info, member) for member in members if member.update_dt > after]
        fitting = changed[: fits(changed)]
        if len(fitting) < len(changed):
            reached = fitting[-1].id
        return MemberPage(tuple(fitting), reached, settled)

    def look_up(self, reader: str, group: str, users: Sequence[str]) -> list[GroupMember]:
        """These members and tombstones; a notice that names them says whom to ask for. Strangers are missing.

        Raises:
            ImError: 253 no such group; 9 the reader is not in it.
        """
        info = self.info(group)
        own = self._store.get_member(group, reader, consistent=True)
        check_right(Operation.READ_MEMBERS, info, own, Origin.USER)
        known = self._store.get_members(group, users)
        return [shown(info, known[user]) for user in dict.fromkeys(users) if user in known]

    def groups_of(self, user: str) -> list[str]:
        """The ids of the groups that a user is in."""
        return [
            row.conversation.target
            for row in self._rows.of_user(user)
            if row.conversation.type == ConversationType.GROUP and row.firsts is not None and row.lasts is None
        ]

    def groups_by_type(self, user: str, types: Sequence[int]) -> list[str]:
        """The groups in which a user is a member of one of these types (``MemberType``); no types: of any."""
        groups = self.groups_of(user)
        if not types:
            return groups
        infos = self._store.get_infos(groups)
        members = self._store.get_memberships(user, infos)
        held = {group: shown(infos[group], member) for group, member in members.items()}
        return [group for group in groups if group in held and held[group].present and held[group].type in types]

    def common_groups(self, first: str, second: str) -> list[str]:
        """The groups that two users share."""
        of_first, of_second = run_all([partial(self.groups_of, user) for user in (first, second)])
        shared = set(of_second)
        return [group for group in of_first if group in shared]
