"""What changes a group without changing who is in it: its settings, its members' entries and roles.

All of these are one write for each thing that changes, the times on the info, and a notice. Repeating one writes the same
and tells it once more, so whatever a crash left out is made up for.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from functools import partial

from msgspec.structs import replace

from im.callback.back_end import GroupEvent, MemberEvent
from im.errors import Code, ImError, InvalidError
from im.group.model import (
    FORBID_ALLOW,
    FORBID_GROUP_MUTE,
    FORBID_MEMBER_MUTE,
    FORBIDDING_BITS,
    LEADERS,
    GroupInfo,
    GroupMember,
    MemberType,
    Notice,
    Operation,
    Role,
    check_info,
    check_member,
    check_right,
    role_of,
)
from im.group.requests import Requests
from im.group.steps import BUILT_IN, Announcement, check_number
from im.message.model import Origin, check_id
from im.platform.parallel import run_all


class Entry(IntEnum):
    """What ``modify`` can change (Wildfire's ModifyGroupInfoType)."""

    NAME = 0
    PORTRAIT = 1
    EXTRA = 2
    MUTE = 3
    JOIN_TYPE = 4
    PRIVATE_CHAT = 5
    SEARCHABLE = 6
    HISTORY = 7
    MAX_MEMBERS = 8
    SUPER_GROUP = 9
    TYPE = 10


_FIELDS: Mapping[Entry, tuple[str, Operation, Notice]] = {
    Entry.NAME: ("name", Operation.PROFILE, Notice.NAME),
    Entry.PORTRAIT: ("portrait", Operation.PROFILE, Notice.PORTRAIT),
    Entry.EXTRA: ("extra", Operation.EXTRA, Notice.EXTRA),
    Entry.MUTE: ("mute", Operation.SPEECH, Notice.MUTE),
    Entry.JOIN_TYPE: ("join_type", Operation.ENTRY, Notice.JOIN_TYPE),
    Entry.PRIVATE_CHAT: ("private_chat", Operation.SPEECH, Notice.PRIVATE_CHAT),
    Entry.SEARCHABLE: ("searchable", Operation.ENTRY, Notice.SEARCHABLE),
    Entry.HISTORY: ("history_message", Operation.ENTRY, Notice.SETTINGS),
    Entry.MAX_MEMBERS: ("max_member_count", Operation.LIMITS, Notice.SETTINGS),
    Entry.SUPER_GROUP: ("super_group", Operation.LIMITS, Notice.SETTINGS),
    Entry.TYPE: ("type", Operation.LIMITS, Notice.SETTINGS),
}
_TEXTS = (Entry.NAME, Entry.PORTRAIT, Entry.EXTRA)
_ROLE_TYPES = (MemberType.NORMAL, MemberType.MANAGER, MemberType.SILENT, MemberType.ALLOWED)


class GroupService(Requests):
    """All that can be done to groups."""

    # --- the group

    def modify(
        self,
        operator: str,
        group: str,
        entry: int,
        value: str,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Change one entry of the info (client-semantics spec 4.3; server-api spec 4.4).

        Args:
            operator: who changes it.
            group: the group id.
            entry: see ``Entry``.
            value: as text; of a number its digits.
            announcement: how it is told.
            origin: on whose authority.

        Raises:
            ImError: 253 no such group, 9 or 248 no right, 2 no such group type.
            InvalidError: no such entry, or the value cannot be.
        """
        if entry not in list(Entry):
            raise InvalidError(f"type must be 0 to {max(Entry)}")
        field, operation, notice = _FIELDS[Entry(entry)]
        info = self.info(group)
        self._check_request(operator, announcement, origin, lines=info.lines)
        self._check_enabled(FORBID_GROUP_MUTE if entry == Entry.MUTE else FORBIDDING_BITS.get(operation, 0), origin)
        self._authorise(operator, info, operation, origin)
        new = value if entry in _TEXTS else _number(value)
        if entry == Entry.SUPER_GROUP:
            new = bool(new)
        check_info(replace(info, **{field: new}))
        if not self._store.update_info(group, {field: new}, self._clock()):
            raise ImError(Code.NOT_EXIST)
        told = value if entry in _TEXTS else str(int(new))
        named = {"n": str(entry), "m": told} if notice is Notice.SETTINGS else {"n": told, "m": ""}
        self._announce(group, operator, notice, {"g": group, "o": operator, **named}, announcement)
        event = GroupEvent.UPDATED
        if entry == Entry.MUTE:
            event = GroupEvent.MUTED if new else GroupEvent.UNMUTED
        self._back_end.group_changed(operator, replace(info, **{field: new}, update_dt=self._clock()), event)

    def transfer(
        self,
        operator: str,
        group: str,
        new_owner: str,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Give a group another owner; an admin may name anybody (client-semantics spec 4.3; server-api spec 2.3).

        The order: the new owner's item, the info, the notice, the old owner's item. The info decides who owns the group,
        so until it is written nothing has changed. Giving it to whom it belongs finishes a transfer that was cut short.

        Raises:
            ImError: 253 no such group, 9 the new owner is not in it, 248 no right.
        """
        check_id(new_owner, "new_owner")
        info = self.info(group)
        self._check_request(operator, announcement, origin, Operation.TRANSFER, info.lines)
        known = self._store.get_members(group, {operator, new_owner, info.owner})
        repeated = info.owner == new_owner
        if origin is not Origin.ADMIN:
            operation = Operation.READ_MEMBERS if repeated else Operation.TRANSFER
            check_right(operation, info, known.get(operator), origin)
            if new_owner not in known or not known[new_owner].present:
                raise ImError(Code.NOT_IN_GROUP, "the new owner is not in the group")
            if repeated and (operator == new_owner or known[operator].type != MemberType.OWNER):
                return
        now = self._clock()
        self._store.update_member(group, new_owner, {"type": MemberType.OWNER}, now)
        if not repeated and not self._store.set_owner(group, info.owner, new_owner, now):
            raise ImError(Code.NOT_RIGHT, "somebody else has changed the owner")
        data = {"g": group, "o": operator, "m": new_owner}
        self._announce(group, operator, Notice.TRANSFERRED, data, announcement)
        changed = replace(info, owner=new_owner, update_dt=now)
        self._back_end.group_changed(operator, changed, GroupEvent.TRANSFERRED)
        for old_owner in self._further_owners(info) if repeated else [info.owner]:
            self._store.update_member(group, old_owner, {"type": MemberType.NORMAL}, now, was=(MemberType.OWNER,))
        self._store.update_info(group, {}, self._clock(), members=True)

    def _further_owners(self, info: GroupInfo) -> list[str]:
        """Whose items still say that they own a group: who did before a transfer that was cut short."""
        members = self._store.list_members(info.id, consistent=True)
        return [member.id for member in members if member.type == MemberType.OWNER and member.id != info.owner]

    # --- its members

    def set_alias(
        self,
        operator: str,
        group: str,
        user: str,
        alias: str,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Name a member; an empty ``user`` is the operator himself (client-semantics spec 2.4, GMA and GMMA).

        Raises:
            ImError: 253 no such group, 9 one of them is not in it, 248 no right.
            InvalidError: the alias is too long.
        """
        self._set_entry(operator, group, user, "alias", alias, Notice.ALIAS, announcement, origin)
        self._back_end.members_changed(operator, group, [user or operator], MemberEvent.ALIAS, alias)

    def set_extra(
        self,
        operator: str,
        group: str,
        user: str,
        extra: str,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Set a member's extra; an empty ``user`` is the operator himself (client-semantics spec 2.4, GMME).

        Raises:
            ImError: 253 no such group, 9 one of them is not in it, 248 no right.
            InvalidError: the extra is too long.
        """
        self._set_entry(operator, group, user, "extra", extra, Notice.MEMBER_EXTRA, announcement, origin)
        self._back_end.members_changed(operator, group, [user or operator], MemberEvent.EXTRA, extra)

    def _set_entry(
        self,
        operator: str,
        group: str,
        user: str,
        field: str,
        value: str,
        notice: Notice,
        announcement: Announcement,
        origin: Origin,
    ) -> None:
        info = self.info(group)
        self._check_request(operator, announcement, origin, Operation.OWN_ENTRY, info.lines)
        target = user or operator
        known = self._store.get_members(group, {operator, target})
        leads = role_of(info, known.get(target)) in LEADERS
        others = Operation.LEADER_ENTRY if leads else Operation.MEMBER_ENTRY
        check_right(Operation.OWN_ENTRY if target == operator else others, info, known.get(operator), origin)
        check_member(replace(known.get(target, GroupMember(target)), **{field: value}))
        now = self._clock()
        if not self._store.update_member(group, target, {field: value}, now):
            raise ImError(Code.NOT_IN_GROUP)
        self._store.update_info(group, {}, now, members=True)
        data = {"g": group, "o": operator, "n": value, "m": user}
        self._announce(group, operator, notice, data, announcement)

    def set_managers(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        on: bool,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Make members managers, or ordinary members again; who is not in is ignored (server-api spec 2.3, manager/set).

        Raises:
            ImError: 253 no such group, 248 no right, or the owner is listed.
        """
        info = self.info(group)
        self._check_request(operator, announcement, origin, Operation.MANAGERS, info.lines)
        self._authorise(operator, info, Operation.MANAGERS, origin)
        self._set_types(operator, info, users, MemberType.MANAGER, on, Notice.MANAGERS, announcement, origin)

    def mute_members(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        on: bool,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Take members' right to speak, or give it back; who is not in is ignored (server-api spec 2.3, manager/mute).

        Raises:
            ImError: 253 no such group, 9 or 248 no right, or the owner is listed.
        """
        self._check_enabled(FORBID_MEMBER_MUTE, origin)
        self._silence(operator, group, users, MemberType.SILENT, on, Notice.MEMBERS_MUTED, announcement, origin)

    def allow_members(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        on: bool,
        *,
        announcement: Announcement = BUILT_IN,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Let members speak though the group is muted, or no longer (server-api spec 2.3, manager/allow).

        Raises:
            ImError: 253 no such group, 9 or 248 no right, or the owner is listed.
        """
        self._check_enabled(FORBID_ALLOW, origin)
        self._silence(operator, group, users, MemberType.ALLOWED, on, Notice.MEMBERS_ALLOWED, announcement, origin)

    def _silence(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        kind: MemberType,
        on: bool,
        notice: Notice,
        announcement: Announcement,
        origin: Origin,
    ) -> None:
        info = self.info(group)
        self._check_request(operator, announcement, origin, Operation.SILENCE, info.lines)
        if origin is not Origin.ADMIN:
            known = self._store.get_members(group, {operator, *users})
            of_manager = any(role_of(info, known.get(user)) is Role.MANAGER for user in users)
            operation = Operation.SILENCE_MANAGER if of_manager else Operation.SILENCE
            check_right(operation, info, known.get(operator), origin)
        self._set_types(operator, info, users, kind, on, notice, announcement, origin)

    def _set_types(
        self,
        operator: str,
        info: GroupInfo,
        users: Sequence[str],
        kind: MemberType,
        on: bool,
        notice: Notice,
        announcement: Announcement,
        origin: Origin,
    ) -> None:
        check_number(users, origin)
        if info.owner in users:
            raise ImError(Code.NOT_RIGHT, "the owner stays the owner")
        was: Collection[MemberType] = (*_ROLE_TYPES, MemberType.OWNER) if on else (kind,)
        new = kind if on else MemberType.NORMAL
        known = self._store.get_members(info.id, users)
        concerned = [user for user in dict.fromkeys(users) if user in known and known[user].present]
        if not concerned:
            return
        now = self._clock()
        changing = [user for user in concerned if known[user].type in was and known[user].type != new]
        update = self._store.update_member
        run_all([partial(update, info.id, user, {"type": new}, now, was=was) for user in changing])
        self._store.update_info(info.id, {}, now, members=True)
        data = {"g": info.id, "o": operator, "n": str(int(on)), "ms": concerned}
        self._announce(info.id, operator, notice, data, announcement)
        self._back_end.members_changed(operator, info.id, concerned, MemberEvent.TYPE, str(int(new)))


def _number(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidError("value must be a number") from None
