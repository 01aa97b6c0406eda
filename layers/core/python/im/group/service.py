"""The use cases of groups.

Every change is a chain of writes that a crash may cut anywhere, so each step can be repeated and the order decides what a
half-done change looks like. The methods say how it goes for them; three facts carry all of them. A group exists when its
info does. Who is served is the roster, and its version on the info only grows. What a user may read is bounded by his own
conversation row, which is opened before he becomes a member and closed before he is told that he is none.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from im import keys
from im.errors import BusyError, Code, ImError
from im.group.model import (
    GroupInfo,
    GroupMember,
    GroupType,
    MemberType,
    Notice,
    Roster,
    check_info,
    check_may_create,
    check_member_count,
    first_seqs,
    founders,
    joined,
    successor,
)
from im.group.store import GroupStore
from im.message.model import Conversation, ConversationType, Message, Origin, Payload, Row, check_id, check_payload
from im.platform.clock import MINUTE_MS, Clock
from im.platform.ids import NewId
from im.platform.parallel import run_all
from im.settings import Switches

_ROSTER_ATTEMPTS = 8
_SETTLING_MS = 10_000


class Logs(Protocol):
    """What groups need of the message logs."""

    def newest(self, log: str) -> Message | None:
        """The last message of a log, strongly consistent."""


class Rows(Protocol):
    """What groups need of the users' conversation rows."""

    def of_user(self, user: str) -> list[Row]:
        """All rows of a user."""

    def get(self, user: str, conversation: Conversation) -> Row | None:
        """One row, strongly consistent."""

    def enter(self, user: str, group: str, firsts: Mapping[int, int], minute: int) -> None:
        """Open a user's row of a group from the given seqs on; one that is open stays as it is."""

    def enter_many(self, users: Iterable[str], group: str, firsts: Mapping[int, int], minute: int) -> None:
        """``enter`` for users who are new to the group."""

    def leave(self, user: str, group: str, lasts: Mapping[int, int], minute: int) -> None:
        """Close a user's row after the given seqs; these bounds only grow."""


class Notices(Protocol):
    """What groups need of the message service."""

    def post_notice(
        self,
        group: str,
        operator: str,
        content_type: int,
        data: Mapping[str, object],
        *,
        lines: Sequence[int] = (0,),
        custom: Payload | None = None,
        to: Sequence[str] = (),
        recipients_extra: Sequence[str] = (),
    ) -> dict[int, int]:
        """Append a notice and deliver it; returns its seq by line."""


class Announcement(Struct, frozen=True):
    """How an operation is told to the group.

    Attributes:
        lines: the conversation lines on which the notice appears.
        custom: a content that takes the place of the built-in one, if its type is not 0.
    """

    lines: tuple[int, ...] = (0,)
    custom: Payload | None = None


_BUILT_IN = Announcement()


class Place(Struct, frozen=True, order=True):
    """How far a device knows the changes of a group's members: time of the change (ms), and user id."""

    time: int = 0
    user: str = ""


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
        return _existing(self._store.get_info(group, consistent=True))

    def infos(self, groups: Iterable[str]) -> dict[str, GroupInfo]:
        """Many infos by id; anybody may read them. Unknown groups are missing."""
        return self._store.get_infos(groups, consistent=True)

    def members(self, group: str) -> list[GroupMember]:
        """Who is in a group.

        Raises:
            ImError: 253.
        """
        self.info(group)
        return [member for member in self._store.list_members(group, consistent=True) if member.present]

    def changes(self, reader: str, group: str, after: Place) -> list[GroupMember]:
        """Members and tombstones that changed after a place, in the order of their changes (client-semantics spec 4.5).

        A stranger sees nobody; who was removed sees that he was, and nothing else.

        Raises:
            ImError: 253.
        """
        self.info(group)
        own = self._store.get_member(group, reader, consistent=True)
        if own is None:
            return []
        members = self._store.list_members(group, consistent=True) if own.present else [own]
        changed = [member for member in members if Place(member.update_dt, member.id) > after]
        return sorted(changed, key=lambda member: (member.update_dt, member.id))

    def settled(self) -> Place:
        """The place up to which nothing new can turn up: clocks of functions differ, and reads may be a little behind."""
        return Place(self._clock() - _SETTLING_MS)

    def groups_of(self, user: str) -> list[str]:
        """The ids of the groups that a user is in."""
        return [
            row.conversation.target
            for row in self._rows.of_user(user)
            if row.conversation.type == ConversationType.GROUP and row.firsts is not None and row.lasts is None
        ]


class GroupService(GroupReader):
    """Creates, changes and dissolves groups.

    Args:
        store: groups and members.
        rows: the users' conversation rows.
        logs: the message logs.
        notices: posts notices.
        switches: the deployment's behaviour.
        clock: the time.
        new_id: makes ids of groups that come without one.
    """

    def __init__(
        self,
        store: GroupStore,
        rows: Rows,
        logs: Logs,
        notices: Notices,
        switches: Switches,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        super().__init__(store, rows, clock)
        self._logs = logs
        self._notices = notices
        self._switches = switches
        self._new_id = new_id

    # --- creating

    def create(
        self,
        operator: str,
        info: GroupInfo,
        members: Sequence[GroupMember],
        *,
        extra: str = "",
        announcement: Announcement = _BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> str:
        """Make a group (client-semantics spec 4.2; server-api spec 2.3). Returns its id.

        The order: the roster, which is also the claim on the id; rows; members; then the info, if the claim still holds.
        The info makes the group, all at once. A crash before it leaves nothing that anybody can see, and a repeat takes
        the claim over and clears what the first attempt left. A crash after it leaves a group without its first notice:
        its members find it by their rows, and a repeat is told that the group exists.

        Where the id is that of a dissolved group, the log goes on; members see what comes from now on.

        Args:
            operator: who makes it; also the owner when ``info`` names none.
            info: name, portrait, owner, type, extra and settings; the id may be empty.
            members: as asked for; the owner is added when he is missing.
            extra: written into every member's extra, if not empty.
            announcement: how it is told.
            origin: on whose authority.

        Raises:
            ImError: 2 unknown type, 11 the id is in use, 240 too many members, 248 not this type.
            InvalidError: an id or text that cannot be.
        """
        self._check_teller(operator, announcement)
        now = self._clock()
        named = bool(info.id)
        info = check_info(
            replace(
                info,
                id=info.id or self._new_id(),
                owner=info.owner or operator,
                created=now,
                update_dt=now,
                member_update_dt=now,
                activity=now // MINUTE_MS,
            )
        )
        check_may_create(info.type, origin)
        people = founders(info, members, extra, origin, now)
        check_member_count(len(people), info.max_member_count, origin, self._switches)
        if named and self._store.get_info(info.id, consistent=True):
            raise ImError(Code.GROUP_ALREADY_EXIST)
        before = self._store.latest_roster(info.id) if named else Roster(0, ())
        roster = Roster(max(now, before.version), ()).with_added(member.id for member in people)
        if not self._store.put_roster(info.id, roster, before.version):
            raise BusyError("the group is being created by somebody else")
        info = replace(info, roster_version=roster.version, member_count=len(people))
        if named:
            info = self._after_earlier(info, before.ids, roster.ids)
        self._rows.enter_many(roster.ids, info.id, info.starts, info.activity)
        self._store.put_members(info.id, people)
        if not self._store.found(info):
            winners = self._store.latest_roster(info.id).ids
            self._clear(info.id, set(roster.ids).difference(winners), {})
            raise ImError(Code.GROUP_ALREADY_EXIST)
        data = {"g": info.id, "o": operator, "n": info.name, "m": ""}
        self._announce(info.id, operator, Notice.CREATED, data, announcement)
        return info.id

    def _after_earlier(self, info: GroupInfo, before: Collection[str], now: Collection[str]) -> GroupInfo:
        """Clear what an unfinished attempt or a dissolved group of this id left, and start after the latter's messages."""
        remains = self._store.get_dissolved(info.id)
        members = self._store.list_members(info.id, consistent=True)
        left = {*before, *(member.id for member in members if member.present)}
        self._clear(info.id, left.difference(now), remains.lasts if remains else {})
        removed = {member.id for member in members if not member.present}
        self._store.delete_members(info.id, removed.difference(now))
        if remains is None:
            return info
        info = replace(info, lines=remains.info.lines)
        return replace(info, starts={line: head + 1 for line, head in self._heads(info).items() if head})

    # --- members

    def add_members(
        self,
        operator: str,
        group: str,
        members: Sequence[GroupMember],
        *,
        extra: str = "",
        announcement: Announcement = _BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Put users into a group; who is in already gets the new type, alias and extra (server-api spec 2.3).

        The order: rows, members, roster, info, notice. Until the roster is written the new ones only see the group;
        repeating the call finishes it, and does not move the beginning of what those who are in may see. Every row is
        looked at, also of those who seem to be in: a removal at the same time may have closed it.

        Args:
            operator: who adds them.
            group: the group id.
            members: as asked for; an empty list is success and not told.
            extra: written into every member's extra, if not empty.
            announcement: how it is told.
            origin: on whose authority.

        Raises:
            ImError: 253 no such group, 240 too many members.
        """
        self._check_teller(operator, announcement)
        info = self.info(group)
        if not members:
            return
        now = self._clock()
        known = self._store.get_members(group, (member.id for member in members))
        people = joined(info, members, known, extra, origin, now)
        joining = [member for member in people if member.id not in known or not known[member.id].present]
        check_member_count(info.member_count + len(joining), info.max_member_count, origin, self._switches)
        firsts = first_seqs(info, self._heads(info))
        ids = [member.id for member in people]
        run_all([partial(self._rows.enter, user, group, firsts, now // MINUTE_MS) for user in ids])
        self._store.put_members(group, people)
        self._change_roster(group, lambda roster: roster.with_added(ids))
        self._announce(group, operator, Notice.ADDED, {"g": group, "o": operator, "ms": ids}, announcement)

    def remove_members(
        self, operator: str, group: str, users: Sequence[str], *, announcement: Announcement = _BUILT_IN
    ) -> None:
        """Put users out of a group; who is not in is ignored (server-api spec 2.3, member/del).

        But for one thing: a joining that was cut short has opened a row, and whoever says that its user shall be out wants
        it closed.

        Raises:
            ImError: 253 no such group.
        """
        self._check_teller(operator, announcement)
        info = self.info(group)
        affected = self._leavers(group, users)
        others = set(users).difference(member.id for member in affected)
        half_in = [user for user in others if self._is_open(user, group)]
        if half_in:
            self._close_rows(group, half_in, self._heads(info))
        if affected:
            ids = [member.id for member in affected]
            data = {"g": group, "o": operator, "ms": ids}
            self._take_out(group, affected, operator, Notice.REMOVED, data, announcement)

    def quit(self, user: str, group: str, *, announcement: Announcement = _BUILT_IN) -> None:
        """Leave a group. An owner hands it over first (not in a free group); with nobody left it is dissolved.

        A user who is not in is ignored. The successor is a manager if there is one, else who has been in longest.

        Raises:
            ImError: 253 no such group.
        """
        self._check_teller(user, announcement)
        info = self.info(group)
        leavers = self._leavers(group, [user])
        if not leavers:
            return
        if info.owner == user and info.type != GroupType.FREE:
            heir = successor(self._store.list_members(group, consistent=True), user)
            if heir is None:
                self.dissolve(user, group, announcement=announcement)
                return
            self._hand_over(info, heir, user)
        data = {"g": group, "o": user, "m": ""}
        self._take_out(group, leavers, user, Notice.QUIT, data, announcement)

    def quit_all(self, user: str) -> None:
        """Leave every group, because the user is destroyed."""
        for group in self.groups_of(user):
            try:
                self.quit(user, group)
            except ImError as error:
                if error.code is not Code.NOT_EXIST:
                    raise

    def _hand_over(self, info: GroupInfo, heir: GroupMember, operator: str) -> None:
        now = self._clock()
        self._store.put_members(info.id, [replace(heir, type=MemberType.OWNER, update_dt=now)])
        if self._store.set_owner(info.id, info.owner, heir.id, now):
            data = {"g": info.id, "o": operator, "m": heir.id}
            self._announce(info.id, operator, Notice.TRANSFERRED, data, _BUILT_IN)

    def _leavers(self, group: str, users: Sequence[str]) -> list[GroupMember]:
        """Whom a removal concerns: members, those whose removal was cut short, and those who are served all the same.

        The last have been added and removed at the same time; whoever wants them out says it once more.
        """
        known = self._store.get_members(group, users)
        found = [known[user] for user in dict.fromkeys(users) if user in known]
        served = () if all(member.present for member in found) else self._store.latest_roster(group).ids
        return [member for member in found if member.present or member.leaving or member.id in served]

    def _take_out(
        self,
        group: str,
        leavers: Sequence[GroupMember],
        operator: str,
        content_type: Notice,
        data: Mapping[str, object],
        announcement: Announcement,
    ) -> None:
        """Remove members so that none of them gets anything after the notice of his removal (promise 8).

        The order: roster and info, from which moment every later message is delivered without them; tombstones that say
        "leaving"; rows closed at the present heads; the notice, delivered to them as well; rows closed at the notice;
        tombstones that say "left". A crash leaves live or leaving members, whom a repeat takes up again. It may post a
        second notice, never lose one. A row that the first attempt closed stays as it is, because what came after may
        have come after the first notice; its user then gets the notice as a push only.
        """
        now = self._clock()
        ids = frozenset(member.id for member in leavers)
        info = self._change_roster(group, lambda roster: roster.with_removed(ids))
        tombstones = [replace(member, type=MemberType.REMOVED, leaving=True, update_dt=now) for member in leavers]
        self._store.put_members(group, tombstones)
        closing = [member.id for member in leavers if not member.leaving or self._is_open(member.id, group)]
        heads = self._heads(info)
        self._close_rows(group, closing, heads)
        seqs = self._announce(group, operator, content_type, data, announcement, also_to=sorted(ids))
        self._close_rows(group, closing, {**heads, **seqs})
        self._store.put_members(group, [replace(tombstone, leaving=False) for tombstone in tombstones])

    def _is_open(self, user: str, group: str) -> bool:
        row = self._rows.get(user, Conversation(ConversationType.GROUP, group))
        return row is not None and row.lasts is None

    # --- dissolving

    def dissolve(self, operator: str, group: str, *, announcement: Announcement = _BUILT_IN) -> None:
        """End a group (server-api spec 2.3, del).

        The order: the notice, while there are members to get it; then, in one transaction, the info becomes a remainder
        that says what is still to be done, and nobody can send any more; rows closed; members removed; the remainder is
        no longer pending. A repeat after a crash starts over or finishes what is pending, as the case may be.

        Raises:
            ImError: 253 no such group.
        """
        self._check_teller(operator, announcement)
        info = self._store.get_info(group, consistent=True)
        if info is not None:
            heads = self._heads(info)
            data = {"g": group, "o": operator, "m": ""}
            seqs = self._announce(group, operator, Notice.DISSOLVED, data, announcement)
            self._store.dissolve(info, {**heads, **seqs})
        remains = self._store.get_dissolved(group)
        if remains is None or not remains.pending:
            raise ImError(Code.NOT_EXIST)
        members = self._store.list_members(group, consistent=True)
        self._close_rows(group, [member.id for member in members if member.present], remains.lasts)
        self._store.finish_dissolved(group, [member.id for member in members])

    # --- shared steps

    def _check_teller(self, operator: str, announcement: Announcement) -> None:
        """Refuse a notice that could not be posted before anything is done that it would tell of."""
        check_id(operator, "operator")
        if announcement.custom is not None:
            check_payload(announcement.custom, self._switches.max_message_bytes)

    def _change_roster(self, group: str, change: Callable[[Roster], Roster]) -> GroupInfo:
        for _ in range(_ROSTER_ATTEMPTS):
            old = self._store.latest_roster(group)
            new = change(old)
            if self._store.put_roster(group, new, old.version):
                return _existing(self._store.publish(group, new, self._clock()))
        raise BusyError("too many changes of this group at once")

    def _announce(
        self,
        group: str,
        operator: str,
        content_type: Notice,
        data: Mapping[str, object],
        announcement: Announcement,
        also_to: Sequence[str] = (),
    ) -> dict[int, int]:
        return self._notices.post_notice(
            group,
            operator,
            content_type,
            data,
            lines=announcement.lines or (0,),
            custom=announcement.custom,
            recipients_extra=also_to,
        )

    def _heads(self, info: GroupInfo) -> dict[int, int]:
        newest = {
            line: self._logs.newest(keys.target_conversation(ConversationType.GROUP, info.id, line))
            for line in info.lines
        }
        return {line: message.seq if message else 0 for line, message in newest.items()}

    def _close_rows(self, group: str, users: Collection[str], lasts: Mapping[int, int]) -> None:
        minute = self._clock() // MINUTE_MS
        run_all([partial(self._rows.leave, user, group, lasts, minute) for user in sorted(users)])

    def _clear(self, group: str, users: Collection[str], lasts: Mapping[int, int]) -> None:
        self._close_rows(group, users, lasts)
        self._store.delete_members(group, users)


def _existing(info: GroupInfo | None) -> GroupInfo:
    if info is None:
        raise ImError(Code.NOT_EXIST)
    return info
