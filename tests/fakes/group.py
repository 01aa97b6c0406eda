"""Groups in memory, holding the same plain items as the table, so that reads which span domains decode them alike."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from im import keys
from im.group.model import Dissolved, GroupInfo, GroupMember, JoinRequest, RequestStatus
from im.group.roster import Roster
from im.group.store import info_from_item, info_to_item, member_to_item
from im.platform.dynamo import Item, Key
from im.platform.ids import short_id
from tests.fakes.items import Items

TABLE = "groups"


class MemoryGroupStore:
    """``GroupStore`` in dictionaries."""

    def __init__(self, items: Items) -> None:
        self._infos: dict[str, GroupInfo] = {}
        self._dissolved: dict[str, Dissolved] = {}
        self._rosters: dict[str, Roster] = {}
        self._members: dict[str, dict[str, GroupMember]] = {}
        self._requests: dict[str, dict[str, JoinRequest]] = {}
        items.serve(TABLE, self._item)

    def _item(self, key: Key) -> Item | None:
        (_, partition), (_, sort_key) = key.key
        group = keys.id_of(str(partition))
        if sort_key == keys.INFO:
            info = self._infos.get(group)
            return info_to_item(info) if info else None
        member = self.get_member(group, keys.id_of(str(sort_key)))
        return member_to_item(group, member) if member else None

    def info_key(self, group: str, *, consistent: bool = False) -> Key:
        return Key(TABLE, (("pk", keys.group(group)), ("sk", keys.INFO)), consistent)

    def member_key(self, group: str, user: str, *, consistent: bool = False) -> Key:
        return Key(TABLE, (("pk", keys.group(group)), ("sk", keys.member(user))), consistent)

    def get_info(self, group: str, *, consistent: bool = False) -> GroupInfo | None:
        item = self._item(self.info_key(group))
        return info_from_item(item) if item else None

    def get_infos(self, groups: Iterable[str], *, consistent: bool = False) -> dict[str, GroupInfo]:
        return {group: info for group in groups if (info := self.get_info(group))}

    def get_dissolved(self, group: str) -> Dissolved | None:
        return self._dissolved.get(group)

    def get_member(self, group: str, user: str, *, consistent: bool = False) -> GroupMember | None:
        return self._members.get(group, {}).get(user)

    def get_members(self, group: str, users: Iterable[str]) -> dict[str, GroupMember]:
        return {user: member for user in users if (member := self.get_member(group, user))}

    def get_memberships(self, user: str, groups: Iterable[str]) -> dict[str, GroupMember]:
        return {group: member for group in groups if (member := self.get_member(group, user))}

    def list_members(self, group: str, *, consistent: bool = False) -> list[GroupMember]:
        return [member for _, member in sorted(self._members.get(group, {}).items(), key=_by_key)]

    def page_members(self, group: str, after: str, limit: int) -> tuple[list[GroupMember], str]:
        left = [
            member for member in self.list_members(group) if keys.member(member.id) > keys.member(after) or not after
        ]
        return left[:limit], left[limit - 1].id if len(left) >= limit else ""

    def roster(self, group: str, min_version: int) -> Roster:
        return self.latest_roster(group)

    def latest_roster(self, group: str) -> Roster:
        return self._rosters.get(group, Roster(0))

    def put_roster(self, group: str, roster: Roster, replaces: Roster) -> bool:
        if self.latest_roster(group).version != replaces.version:
            return False
        self._rosters[group] = roster.named(short_id)
        return True

    def claim(self, group: str, roster: Roster, replaces: Roster) -> bool:
        return group not in self._infos and self.put_roster(group, roster, replaces)

    def put_members(self, group: str, members: Sequence[GroupMember]) -> None:
        self._members.setdefault(group, {}).update({member.id: member for member in members})

    def put_member(self, group: str, member: GroupMember, replaces: GroupMember | None) -> bool:
        known = self.get_member(group, member.id)
        if (known and known.changes) != (replaces and replaces.changes):
            return False
        self.put_members(group, [member])
        return True

    def update_member(
        self,
        group: str,
        user: str,
        values: Mapping[str, str | int],
        now_ms: int,
        *,
        was: Collection[int] | None = None,
    ) -> bool:
        member = self.get_member(group, user)
        if member is None or not member.present or (was is not None and member.type not in was):
            return False
        self.put_members(group, [replace(member, **values, update_dt=now_ms)])
        return True

    def mark_left(self, group: str, user: str, changes: int) -> None:
        member = self.get_member(group, user)
        if member and member.changes == changes:
            self.put_members(group, [replace(member, leaving=False)])

    def delete_members(self, group: str, users: Iterable[str]) -> None:
        for user in users:
            self._members.get(group, {}).pop(user, None)

    def found(self, info: GroupInfo) -> bool:
        if info.id in self._infos or self.latest_roster(info.id).version != info.roster_version:
            return False
        self._infos[info.id] = info
        self._dissolved.pop(info.id, None)
        return True

    def publish(self, group: str, roster: Roster, now_ms: int) -> GroupInfo | None:
        info = self._infos.get(group)
        if info and info.roster_version < roster.version:
            self._infos[group] = replace(
                info,
                roster_version=roster.version,
                member_count=roster.count,
                update_dt=now_ms,
                member_update_dt=now_ms,
                robots=roster.robots,
            )
        return self._infos.get(group)

    def update_info(
        self, group: str, values: Mapping[str, str | int | bool], now_ms: int, *, members: bool = False
    ) -> bool:
        info = self._infos.get(group)
        if info is None:
            return False
        at = {"update_dt": now_ms, **({"member_update_dt": now_ms} if members else {})}
        self._infos[group] = replace(info, **values, **at)
        return True

    def set_owner(self, group: str, old: str, new: str, now_ms: int) -> bool:
        info = self._infos.get(group)
        if info is None or info.owner not in (old, new):
            return False
        self._infos[group] = replace(info, owner=new, update_dt=now_ms)
        return True

    def stamp(self, group: str, minute: int, line: int) -> None:
        if info := self._infos.get(group):
            lines = info.lines if line in info.lines else (*info.lines, line)
            self._infos[group] = replace(info, activity=max(info.activity, minute), lines=lines)

    def count_arrival(self, group: str) -> None:
        if info := self._infos.get(group):
            self._infos[group] = replace(info, arrivals=info.arrivals + 1)

    def dissolve(self, info: GroupInfo, lasts: Mapping[int, int]) -> bool:
        if self._infos.pop(info.id, None) is None:
            return False
        self._dissolved[info.id] = Dissolved(info, dict(lasts), True)
        return True

    def finish_dissolved(self, group: str) -> None:
        self._requests.pop(group, None)
        self._rosters[group] = Roster(self.latest_roster(group).version + 1)
        self._dissolved[group] = replace(self._dissolved[group], pending=False)

    def put_request(self, group: str, request: JoinRequest) -> None:
        self._requests.setdefault(group, {})[request.member] = request

    def get_request(self, group: str, member: str) -> JoinRequest | None:
        return self._requests.get(group, {}).get(member)

    def page_requests(self, group: str, after: str, limit: int) -> list[JoinRequest]:
        listed = sorted(self._requests.get(group, {}).items(), key=_by_key)
        return [request for member, request in listed if not after or keys.member(member) > keys.member(after)][:limit]

    def answer_request(self, group: str, member: str, status: int, by: str, now_ms: int) -> bool:
        request = self.get_request(group, member)
        if request is None or request.status != RequestStatus.WAITING:
            return False
        self.put_request(group, replace(request, status=status, answered_by=by, update_dt=now_ms))
        return True


def _by_key(entry: tuple[str, object]) -> str:
    return keys.member(entry[0])
