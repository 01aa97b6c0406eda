"""How groups begin and end."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from im.callback.back_end import GroupEvent
from im.errors import BusyError, Code, ImError, InvalidError
from im.group.model import (
    FORBIDDING_BITS,
    GroupInfo,
    GroupMember,
    Notice,
    Operation,
    Role,
    check_info,
    refusal,
)
from im.group.roster import Roster
from im.group.rules import check_member_count, first_change, founders
from im.group.steps import BUILT_IN, Announcement, GroupSteps
from im.message.model import Origin
from im.platform.clock import MINUTE_MS
from im.platform.parallel import run_all

MAX_FOUNDERS = 5_000
"""Members that a group may begin with; more are added afterwards."""
_CLEARED_AT_ONCE = 500


class Founding(GroupSteps):
    """Creates and dissolves groups."""

    def create(
        self,
        operator: str,
        info: GroupInfo,
        members: Sequence[GroupMember],
        *,
        extra: str = "",
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> str:
        """Make a group (client-semantics spec 4.2; server-api spec 2.3). Returns its id.

        The order: the roster, which is also the claim on the id; rows; members; then the info, if the claim still holds.
        The info makes the group, all at once. A crash before it leaves nothing that anybody can see, and a repeat takes
        the claim over and clears what the first attempt left. A crash after it leaves a group without its first notice:
        its members find it by their rows, and a repeat is told that the group exists. So whoever wants to be able to
        repeat gives the id himself.

        Where the id is that of a dissolved group, the log goes on; members see what comes from now on.

        Args:
            operator: who makes it; also the owner when ``info`` names none, and always if he is not an admin.
            info: name, portrait, owner, type, extra and settings; the id may be empty.
            members: as asked for; the owner is added when he is missing.
            extra: written into every member's extra, if not empty.
            announcement: how it is told.
            origin: on whose authority.

        Raises:
            ImError: 2 unknown type, 11 the id is in use, 240 too many members, 246 blacklisted by one of them, 248 not
                this type.
            InvalidError: an id, text or number that cannot be.
        """
        self._check_request(operator, announcement, origin)
        if len(members) > MAX_FOUNDERS:
            raise InvalidError(f"members may list {MAX_FOUNDERS} users")
        now = self._clock()
        named = bool(info.id)
        owner = (info.owner if origin is Origin.ADMIN else "") or operator
        info = check_info(replace(info, id=info.id or self._new_id(), owner=owner))
        self._check_may_create(info, origin)
        before = self._store.latest_roster(info.id) if named else Roster(0)
        info = replace(
            info,
            created=max(now, before.version + 1),
            update_dt=now,
            member_update_dt=now,
            activity=now // MINUTE_MS,
        )
        people = founders(info, members, extra, origin, now)
        check_member_count(len(people), info.max_member_count, origin, self._switches)
        self._check_addable(operator, [member.id for member in people], origin)
        if named and self._store.get_info(info.id, consistent=True):
            raise ImError(Code.GROUP_ALREADY_EXIST)
        users = [member.id for member in people]
        roster = Roster(info.created).with_added(users, self._robots_of(users))
        if not self._store.claim(info.id, roster, before):
            raise BusyError("the group is being created by somebody else")
        info = replace(info, roster_version=roster.version, member_count=len(people), robots=roster.robots)
        if before.version:
            info = self._after_earlier(info, before.ids, users)
            self._open_rows(info, users)
        else:
            self._rows.enter_many(users, info.id, info.starts, info.activity, first_change(info))
        self._store.put_members(info.id, people)
        if not self._store.found(info) and not self._is_mine(info):
            winners = self._store.latest_roster(info.id).ids
            self._clear(info, set(users).difference(winners), {})
            raise ImError(Code.GROUP_ALREADY_EXIST)
        data = {"g": info.id, "o": operator, "n": info.name, "m": ""}
        self._announce(info.id, operator, Notice.CREATED, data, announcement)
        self._back_end.group_changed(operator, info, GroupEvent.CREATED)
        return info.id

    def _is_mine(self, info: GroupInfo) -> bool:
        """Whether the group that is in the way is this one: the answer was lost on the way, and the client tried again."""
        there = self._store.get_info(info.id, consistent=True)
        return there is not None and there.created == info.created

    def _check_may_create(self, info: GroupInfo, origin: Origin) -> None:
        self._check_enabled(FORBIDDING_BITS[Operation.CREATE], origin)
        code = refusal(Operation.CREATE, info, Role.STRANGER, origin)
        if code is not None:
            raise ImError(code)
        if origin is not Origin.ADMIN and (info.max_member_count or info.super_group):
            raise ImError(Code.NOT_RIGHT, "the limit of a group is set by the server API")

    def _check_addable(self, operator: str, users: Sequence[str], origin: Origin) -> None:
        """Whether an ordinary user may put these into a group (client-semantics spec 4.3, "addable").

        Raises:
            ImError: 246, one of them has blacklisted him; 248, one does not have him as a friend where that is needed
                (``group.disable_stranger_invite``), or is in as many groups as anybody may be.
        """
        if origin is Origin.ADMIN:
            return
        others = [user for user in users if user != operator]
        if origin is Origin.USER and others:
            self._check_acquainted(operator, others)
        limit = self._switches.max_groups_per_user
        if limit:
            counts = run_all([partial(self.groups_of, user) for user in users])
            full = [user for user, groups in zip(users, counts, strict=True) if len(groups) >= limit]
            if full:
                raise ImError(Code.NOT_RIGHT, f"{full[0]} is in {limit} groups already")

    def _check_acquainted(self, operator: str, others: Sequence[str]) -> None:
        kept = self._rows.kept_of(operator, others)
        if any(row.blocked for row in kept.values()):
            raise ImError(Code.IN_BLACK_LIST)
        welcome = self._switches.allow_stranger_chat_list
        if self._switches.disable_stranger_invite and self._switches.host_friends and operator not in welcome:
            friends = {other for other, row in kept.items() if row.befriended}
            if not friends.union(welcome).issuperset(others):
                raise ImError(Code.NOT_RIGHT, "only friends may be added")

    def _open_rows(self, info: GroupInfo, users: Sequence[str]) -> None:
        change = first_change(info)
        run_all([partial(self._rows.enter, user, info.id, info.starts, info.activity, change) for user in users])

    def _after_earlier(self, info: GroupInfo, before: Collection[str], now: Collection[str]) -> GroupInfo:
        """Clear what an unfinished attempt or a dissolved group of this id left, and start after the latter's messages."""
        remains = self._store.get_dissolved(info.id)
        members = self._store.list_members(info.id, consistent=True)
        left = {*before, *(member.id for member in members if member.present)}
        self._clear(info, left.difference(now), remains.lasts if remains else {})
        removed = {member.id for member in members if not member.present}
        self._store.delete_members(info.id, removed.difference(now))
        if remains is None:
            return info
        info = replace(info, lines=remains.info.lines)
        return replace(info, starts={line: head + 1 for line, head in self._heads(info).items() if head})

    def _clear(self, info: GroupInfo, users: Collection[str], lasts: Mapping[int, int]) -> None:
        self._close_rows(info.id, dict.fromkeys(users, first_change(info) + 1), lasts)
        self._store.delete_members(info.id, users)

    def dissolve(
        self,
        operator: str,
        group: str,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """End a group (server-api spec 2.3, del).

        The order: the notice, while there are members to get it; then, in one transaction, the info becomes a remainder
        that says what is still to be done, and nobody can send any more; part by part, rows are closed, settings of the
        group cleared and members removed; the remainder is no longer pending. A repeat after a crash starts over or goes
        on with what is pending.

        Raises:
            ImError: 253 no such group, 248 no right.
        """
        info = self._store.get_info(group, consistent=True)
        lines = info.lines if info else (0,)
        self._check_request(operator, announcement, origin, Operation.DISMISS, lines)
        if info is not None:
            self._authorise(operator, info, Operation.DISMISS, origin)
            self._end(info, operator, announcement)
        remains = self._store.get_dissolved(group)
        if remains is None or not remains.pending:
            raise ImError(Code.NOT_EXIST)
        if info is None and origin is not Origin.ADMIN and operator != remains.info.owner:
            raise ImError(Code.NOT_EXIST)
        while members := self._store.page_members(group, "", _CLEARED_AT_ONCE)[0]:
            changes = {member.id: member.changes + 1 for member in members if member.present}
            self._close_rows(group, changes, remains.lasts)
            self._left(sorted(changes), group)
            self._store.delete_members(group, [member.id for member in members])
        self._store.finish_dissolved(group)

    def _end(self, info: GroupInfo, operator: str, announcement: Announcement) -> None:
        heads = self._heads(info)
        data = {"g": info.id, "o": operator, "m": ""}
        seqs = self._announce(info.id, operator, Notice.DISSOLVED, data, announcement)
        self._store.dissolve(info, {**heads, **seqs})
        self._back_end.group_changed(operator, info, GroupEvent.DESTROYED)
