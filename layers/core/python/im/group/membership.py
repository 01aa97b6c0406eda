"""How users come into groups and out of them.

Two administrators may do contrary things with one user at once. Each joining and each removal is a change with a number that
goes up by one from that of the member's item, and the item is written only over the one that was read. So one of the two
comes first, and the other sees it and does its own after it. The user's row takes the change with the highest number,
whoever writes later; the roster takes what the items say (``GroupSteps._settle``).
"""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from im import keys
from im.callback.back_end import GroupEvent, MemberEvent
from im.errors import BusyError, Code, ImError
from im.group.founding import Founding
from im.group.model import (
    GroupInfo,
    GroupMember,
    GroupType,
    MemberType,
    Notice,
    Operation,
)
from im.group.roster import Roster
from im.group.rules import check_member_count, first_change, first_seqs, joined, removed, successor
from im.group.steps import BUILT_IN, Announcement, check_number
from im.message.model import ConversationType, Origin, Payload, payload_from_json
from im.platform.clock import MINUTE_MS
from im.platform.parallel import run_all

_ATTEMPTS = 5
_VISIBLE_QUIT, _VISIBLE_KICK = 1, 2
_JUST_NOW_MS = 60_000
_NEWEST = 50


class Membership(Founding):
    """Adds and removes members."""

    # --- coming

    def add_members(
        self,
        operator: str,
        group: str,
        members: Sequence[GroupMember],
        *,
        extra: str = "",
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Put users into a group, or join it when the operator is the only one (client-semantics spec 4.3; server-api 2.3).

        An admin's call gives who is in already the new type, alias and extra; a user's leaves them out.

        The order: rows, members, roster, info, notice. Until the roster is written the new ones see the group and are not
        served; repeating the call finishes it, and does not move the beginning of what those who are in may see.

        Args:
            operator: who adds them.
            group: the group id.
            members: as asked for; an admin's empty list is success and not told.
            extra: written into every member's extra, if not empty.
            announcement: how it is told.
            origin: on whose authority.

        Raises:
            ImError: 253 no such group, 9 or 248 no right, 12 nobody is left to add, 240 too many members, 246 blacklisted
                by one of them.
        """
        info = self.info(group)
        users = list(dict.fromkeys(member.id for member in members))
        operation = Operation.JOIN if users == [operator] else Operation.INVITE
        self._check_request(operator, announcement, origin, operation, info.lines)
        check_number(members, origin)
        try:
            self._authorise(operator, info, operation, origin)
        except ImError as error:
            # Who is in may repeat a joining of his that was cut short.
            if error.code is not Code.ALREADY_IN_GROUP:
                raise
        if not members:
            return
        self._add(operator, info, members, extra, announcement, origin)

    def let_in(self, operator: str, group: str, user: str) -> None:
        """Add a user whose request a manager has accepted; success when he is in already."""
        try:
            self._add(operator, self.info(group), [GroupMember(user)], "", BUILT_IN, Origin.ROBOT)
        except ImError as error:
            if error.code is not Code.ALREADY_IN_GROUP:
                raise

    def _add(
        self,
        operator: str,
        info: GroupInfo,
        members: Sequence[GroupMember],
        extra: str,
        announcement: Announcement,
        origin: Origin,
    ) -> None:
        asked = list(dict.fromkeys(member.id for member in members))
        for _ in range(_ATTEMPTS):
            roster = self._store.latest_roster(info.id)
            known = self._store.get_members(info.id, asked)
            people = joined(info, members, known, extra, origin, self._clock())
            coming = [member for member in people if member.id not in known or not known[member.id].present]
            if origin is not Origin.ADMIN:
                people = coming
            check_member_count(roster.count + len(coming), info.max_member_count, origin, self._switches)
            self._check_addable(operator, [member.id for member in coming], origin)
            if not coming and origin is not Origin.ADMIN and self._was_told(info, known):
                raise ImError(Code.ALREADY_IN_GROUP)
            self._open(info, coming)
            if self._write(info.id, people, known):
                break
        else:
            raise BusyError("others change the same members")
        self._settle(info.id, roster, asked, (), moved=bool(coming))
        told = asked if origin is Origin.ADMIN else [user for user in asked if self._is_new(known.get(user))]
        if told:
            # Before the notice: who repeats a joining is told that he is in once that is found.
            self._back_end.members_changed(operator, info.id, told, MemberEvent.JOINED)
        data = {"g": info.id, "o": operator, "ms": told}
        self._announce(info.id, operator, Notice.ADDED, data, announcement)

    def _open(self, info: GroupInfo, coming: Sequence[GroupMember]) -> None:
        if coming:
            firsts = first_seqs(info, self._heads(info))
            minute = self._clock() // MINUTE_MS
            run_all(
                [partial(self._rows.enter, member.id, info.id, firsts, minute, member.changes) for member in coming]
            )

    def _write(self, group: str, people: Sequence[GroupMember], known: Mapping[str, GroupMember]) -> bool:
        """Write items over those that were read; False when one of them is another by now."""
        return all(run_all([partial(self._store.put_member, group, person, known.get(person.id)) for person in people]))

    def _is_new(self, member: GroupMember | None) -> bool:
        """Whether this is the item of somebody whose joining may still have to be told."""
        return member is None or not member.present or self._clock() - member.create_dt <= _JUST_NOW_MS

    def _was_told(self, info: GroupInfo, known: Mapping[str, GroupMember]) -> bool:
        """Whether the joining of those who are all in needs no finishing.

        An attempt may have been cut short before its notice. That can only be so when they have joined just now and are
        not in the roster, or when none of the newest messages of the group tells of it.
        """
        if not all(map(self._is_new, known.values())):
            return True
        served = self._store.latest_roster(info.id)
        if served.version > info.roster_version or not set(known).issubset(served.ids):
            return False
        log = keys.target_conversation(ConversationType.GROUP, info.id, 0)
        since = min(member.create_dt for member in known.values()) - _JUST_NOW_MS
        newest = [message for message in self._logs.before(log, None, _NEWEST) if message.time >= since]
        return any(set(known).issubset(_brought_in(payload_from_json(message.payload))) for message in newest)

    # --- going

    def remove_members(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Put users out of a group; who is not in is ignored (client-semantics spec 4.3; server-api spec 2.3, member/del).

        But for one thing: a joining that was cut short has opened a row, and whoever says that its user shall be out wants
        it closed.

        Raises:
            ImError: 253 no such group, 248 no right.
        """
        info = self.info(group)
        self._check_request(operator, announcement, origin, Operation.KICK, info.lines)
        check_number(users, origin)
        self._authorise(operator, info, Operation.KICK_OWNER if info.owner in users else Operation.KICK, origin)
        for _ in range(_ATTEMPTS):
            roster = self._store.latest_roster(group)
            known = self._store.get_members(group, users)
            leavers = [known[user] for user in dict.fromkeys(users) if user in known and _is_going(known[user])]
            tombstones = [removed(member, self._clock()) for member in leavers]
            half_in = [user for user in dict.fromkeys(users) if user not in {member.id for member in leavers}]
            if self._write(group, tombstones, known) and self._turn_away(info, half_in, known):
                break
        else:
            raise BusyError("others change the same members")
        if leavers:
            data = {"g": group, "o": operator, "ms": [member.id for member in leavers]}
            self._take_out(info, roster, leavers, tombstones, operator, Notice.REMOVED, data, announcement)

    def _turn_away(self, info: GroupInfo, users: Sequence[str], known: Mapping[str, GroupMember]) -> bool:
        """Close the rows of users who are out but for a joining that was cut short; False when one has come meanwhile."""
        opened = [user for user, is_open in zip(users, self._which_are_open(info.id, users), strict=True) if is_open]
        now = self._clock()
        out = [
            replace(
                known.get(user, GroupMember(user)),
                type=MemberType.REMOVED,
                update_dt=now,
                changes=known[user].changes + 2 if user in known else first_change(info) + 1,
            )
            for user in opened
        ]
        if not self._write(info.id, out, known):
            return False
        if out:
            self._close_rows(info.id, {member.id: member.changes for member in out}, self._heads(info))
        return True

    def _which_are_open(self, group: str, users: Sequence[str]) -> list[bool]:
        return run_all([partial(self._is_open, user, group) for user in users])

    def quit(
        self, user: str, group: str, *, announcement: Announcement = BUILT_IN, origin: Origin = Origin.ADMIN
    ) -> None:
        """Leave a group. An owner hands it over first (not in a free group); with nobody left it is dissolved.

        An admin's call for a user who is not in is ignored. The successor is a manager if there is one, else who has been
        in longest.

        Raises:
            ImError: 253 no such group, 9 he is not in it, 248 no right.
        """
        info = self.info(group)
        self._check_request(user, announcement, origin, Operation.QUIT, info.lines)
        roster = self._store.latest_roster(group)
        member = self._store.get_member(group, user, consistent=True)
        if member is None or not member.leaving:
            self._authorise(user, info, Operation.QUIT, origin)
        if member is None or not _is_going(member):
            return
        if info.owner == user and info.type != GroupType.FREE:
            if not self._bequeath(info, announcement):
                return
        elif info.owner != user and member.type == MemberType.OWNER:
            # He has handed it over in an attempt that was cut short, perhaps before it was told.
            self._tell_heir(info, user, info.owner)
        tombstone = removed(member, self._clock())
        if not self._write(group, [tombstone], {user: member}):
            raise BusyError("somebody else has changed this member")
        data = {"g": group, "o": user, "m": ""}
        self._take_out(info, roster, [member], [tombstone], user, Notice.QUIT, data, announcement)

    def quit_all(self, user: str) -> None:
        """Leave every group, because the user is destroyed."""
        for group in self.groups_of(user):
            try:
                self.quit(user, group)
            except ImError as error:
                if error.code is not Code.NOT_EXIST:
                    raise

    def _bequeath(self, info: GroupInfo, announcement: Announcement) -> bool:
        """Find the owner a successor; False when there was none and the group is dissolved.

        The owner's own item stays an owner's: a repeat finds him as he was, or finds that he owns the group no more.
        """
        heir = successor(self._store.list_members(info.id, consistent=True), info.owner)
        if heir is None:
            self.dissolve(info.owner, info.id, announcement=announcement)
            return False
        now = self._clock()
        if not self._store.update_member(info.id, heir.id, {"type": MemberType.OWNER}, now):
            raise BusyError("the successor has just left")
        if self._store.set_owner(info.id, info.owner, heir.id, now):
            self._tell_heir(info, info.owner, heir.id)
        return True

    def _tell_heir(self, info: GroupInfo, owner: str, heir: str) -> None:
        self._announce(info.id, owner, Notice.TRANSFERRED, {"g": info.id, "o": owner, "m": heir}, BUILT_IN)
        changed = replace(info, owner=heir, update_dt=self._clock())
        self._back_end.group_changed(owner, changed, GroupEvent.TRANSFERRED)

    def _take_out(
        self,
        info: GroupInfo,
        roster: Roster,
        leavers: Sequence[GroupMember],
        tombstones: Sequence[GroupMember],
        operator: str,
        content_type: Notice,
        data: Mapping[str, object],
        announcement: Announcement,
    ) -> None:
        """Remove members so that none of them gets anything after the notice of his removal (promise 8).

        The order: tombstones that say "leaving", from which moment they cannot speak; roster and info, from which moment
        every later message is delivered without them; rows closed at the present heads; the notice, delivered to them as
        well; rows closed at the notice; settings of the group cleared; tombstones that say "left". A crash leaves leaving
        members, whom a repeat takes up again. It may post a second notice, never lose one. A row that the first attempt
        closed stays as it is, because what came after may have come after the first notice; its user then gets the notice
        as a push only.
        """
        changes = {member.id: member.changes for member in tombstones}
        info = self._settle(info.id, roster, (), list(changes), moved=any(member.present for member in leavers))
        closing = {
            member.id: changes[member.id]
            for member in leavers
            if not member.leaving or self._is_open(member.id, info.id)
        }
        heads = self._heads(info)
        # Of two removals at once the first one's heads count: the other's may lie behind the first one's notice.
        self._close_rows(info.id, closing, heads, begins=True)
        seqs = self._announce(info.id, operator, content_type, data, announcement, also_to=sorted(changes))
        seqs = self._announce_visibly(info, operator, content_type, data, sorted(changes)) or seqs
        self._close_rows(info.id, closing, {**heads, **seqs})
        self._left(sorted(changes), info.id)
        event = MemberEvent.LEFT if content_type is Notice.QUIT else MemberEvent.KICKED
        self._back_end.members_changed(operator, info.id, sorted(changes), event)
        run_all([partial(self._store.mark_left, info.id, user, change) for user, change in changes.items()])

    def _announce_visibly(
        self, info: GroupInfo, operator: str, content_type: Notice, data: Mapping[str, object], gone: Sequence[str]
    ) -> dict[int, int]:
        """The copy that clients show, for owner and managers (``group.visible_quit_or_kickoff_notification``)."""
        wanted = self._switches.visible_quit_or_kickoff
        if content_type is Notice.QUIT and wanted & _VISIBLE_QUIT:
            return self._announce(info.id, operator, Notice.QUIT_VISIBLY, data, BUILT_IN, to=self._leaders(info))
        if content_type is Notice.REMOVED and wanted & _VISIBLE_KICK:
            readers = [*self._leaders(info), *gone]
            return self._announce(info.id, operator, Notice.REMOVED_VISIBLY, data, BUILT_IN, also_to=gone, to=readers)
        return {}


def _brought_in(payload: Payload) -> Collection[str]:
    """Whom a notice says to have been added."""
    if payload.type != Notice.ADDED:
        return ()
    users = json.loads(base64.b64decode(payload.base64edData)).get("ms", ())
    return [str(user) for user in users]


def _is_going(member: GroupMember) -> bool:
    """Whom a removal concerns: a member, and one whose removal was cut short."""
    return member.present or member.leaving
