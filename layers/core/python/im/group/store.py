"""Groups in DynamoDB: one partition of the Directory table per group.

The sort keys are ``info``, ``roster`` (all member ids in one string), one ``m|<user>`` per member or tombstone, and
``dissolved`` once the group is gone. Every change of who is in goes roster first, info second; both carry the roster's
version, which makes rosters cacheable and lets concurrent changes notice one another.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pynamodb.attributes import BooleanAttribute, ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from im import keys
from im.group.model import Dissolved, GroupInfo, GroupMember, Roster
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors

_CACHED_ROSTERS = 256
_ID_SEPARATOR = "\n"


class InfoItem(Model):
    """A group's info, or under the sort key ``dissolved`` what is left of it."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    portrait = UnicodeAttribute()
    owner = UnicodeAttribute()
    type = NumberAttribute()
    extra = UnicodeAttribute()
    mute = NumberAttribute()
    join_type = NumberAttribute()
    private_chat = NumberAttribute()
    searchable = NumberAttribute()
    history_message = NumberAttribute()
    max_member_count = NumberAttribute()
    super_group = BooleanAttribute()
    member_count = NumberAttribute()
    created = NumberAttribute()
    update_dt = NumberAttribute()
    member_update_dt = NumberAttribute()
    roster_version = NumberAttribute()
    activity = NumberAttribute()
    arrivals = NumberAttribute(null=True)
    lines = ListAttribute(of=NumberAttribute)
    starts: MapAttribute[str, int] = MapAttribute(null=True)
    lasts: MapAttribute[str, int] = MapAttribute(null=True)
    pending = BooleanAttribute(null=True)


class RosterItem(Model):
    """Who is in a group."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    ids = UnicodeAttribute()


class MemberItem(Model):
    """One member or tombstone."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    type = NumberAttribute()


def info_from_item(item: Item) -> GroupInfo:
    """A group info from its item."""
    return GroupInfo(
        id=keys.id_of(item["pk"]),
        name=item["name"],
        portrait=item["portrait"],
        owner=item["owner"],
        type=item["type"],
        extra=item["extra"],
        mute=item["mute"],
        join_type=item["join_type"],
        private_chat=item["private_chat"],
        searchable=item["searchable"],
        history_message=item["history_message"],
        max_member_count=item["max_member_count"],
        super_group=item["super_group"],
        member_count=item["member_count"],
        created=item["created"],
        update_dt=item["update_dt"],
        member_update_dt=item["member_update_dt"],
        roster_version=item["roster_version"],
        activity=item["activity"],
        arrivals=item.get("arrivals", 0),
        lines=tuple(item["lines"]),
        starts=_int_keys(item.get("starts", {})),
    )


def member_from_item(item: Item) -> GroupMember:
    """A member from his item."""
    return GroupMember(
        id=keys.id_of(item["sk"]),
        alias=item.get("alias", ""),
        type=item["type"],
        extra=item.get("extra", ""),
        update_dt=item["update_dt"],
        create_dt=item["create_dt"],
        leaving=item.get("leaving", False),
    )


def info_to_item(info: GroupInfo, sort_key: str = keys.INFO) -> Item:
    """The item of a group info."""
    return {
        "pk": keys.group(info.id),
        "sk": sort_key,
        "name": info.name,
        "portrait": info.portrait,
        "owner": info.owner,
        "type": info.type,
        "extra": info.extra,
        "mute": info.mute,
        "join_type": info.join_type,
        "private_chat": info.private_chat,
        "searchable": info.searchable,
        "history_message": info.history_message,
        "max_member_count": info.max_member_count,
        "super_group": info.super_group,
        "member_count": info.member_count,
        "created": info.created,
        "update_dt": info.update_dt,
        "member_update_dt": info.member_update_dt,
        "roster_version": info.roster_version,
        "activity": info.activity,
        **({"arrivals": info.arrivals} if info.arrivals else {}),
        "lines": list(info.lines),
        **({"starts": _text_keys(info.starts)} if info.starts else {}),
    }


def member_to_item(group: str, member: GroupMember) -> Item:
    """The item of a group's member; what is at its default takes no room, there may be thousands of them."""
    return {
        "pk": keys.group(group),
        "sk": keys.member(member.id),
        "type": member.type,
        "update_dt": member.update_dt,
        "create_dt": member.create_dt,
        **({"alias": member.alias} if member.alias else {}),
        **({"extra": member.extra} if member.extra else {}),
        **({"leaving": True} if member.leaving else {}),
    }


def _text_keys(bounds: Mapping[int, int]) -> dict[str, int]:
    return {str(line): seq for line, seq in bounds.items()}


def _int_keys(bounds: Mapping[str, int]) -> dict[int, int]:
    return {int(line): seq for line, seq in bounds.items()}


class GroupStore(Protocol):
    """Groups, members and rosters."""

    def info_key(self, group: str, *, consistent: bool = False) -> Key:
        """The address of a group's info, for reads that span domains."""

    def member_key(self, group: str, user: str, *, consistent: bool = False) -> Key:
        """The address of a member, for reads that span domains."""

    def get_info(self, group: str, *, consistent: bool = False) -> GroupInfo | None:
        """A group's info."""

    def get_infos(self, groups: Iterable[str], *, consistent: bool = False) -> dict[str, GroupInfo]:
        """Many infos by id; unknown groups are missing."""

    def get_dissolved(self, group: str) -> Dissolved | None:
        """What is left of a group that was dissolved, strongly consistent."""

    def get_member(self, group: str, user: str, *, consistent: bool = False) -> GroupMember | None:
        """A member or tombstone."""

    def get_members(self, group: str, users: Iterable[str]) -> dict[str, GroupMember]:
        """These members or tombstones by user id, strongly consistent; strangers are missing."""

    def list_members(self, group: str, *, consistent: bool = False) -> list[GroupMember]:
        """All members and tombstones."""

    def roster(self, group: str, min_version: int) -> Roster:
        """The roster in a version that is not older than the given one; cached. An unknown group's is empty."""

    def latest_roster(self, group: str) -> Roster:
        """The roster as it is now, strongly consistent and not from the cache."""

    def put_roster(self, group: str, roster: Roster, replaces: int) -> bool:
        """Replace the roster of that version (0: there is none yet); False when another change came first."""

    def put_members(self, group: str, members: Sequence[GroupMember]) -> None:
        """Write member items and tombstones."""

    def delete_members(self, group: str, users: Iterable[str]) -> None:
        """Remove member items and tombstones without a trace."""

    def found(self, info: GroupInfo) -> bool:
        """Make a group visible; False when one of this id exists, or its roster is not the info's version any more."""

    def publish(self, group: str, roster: Roster, now_ms: int) -> GroupInfo | None:
        """Point the info at a roster, unless it points at a later one, and set the count and times.

        Returns the info as it is then; None when the group is gone.
        """

    def set_owner(self, group: str, old: str, new: str, now_ms: int) -> bool:
        """Change the owner; False when somebody else owns the group, or it is gone."""

    def stamp(self, group: str, minute: int, line: int) -> None:
        """Raise the activity minute and note a conversation line; neither is ever lowered or taken away."""

    def count_arrival(self, group: str) -> None:
        """A member's device has connected: what is remembered of who is where is void."""

    def dissolve(self, info: GroupInfo, lasts: Mapping[int, int]) -> bool:
        """Turn the info into a pending remainder; False when the group is gone already."""

    def finish_dissolved(self, group: str, members: Iterable[str]) -> None:
        """Remove members of a dissolved group and empty its roster; then it is not pending any more."""


class DynamoGroupStore:
    """``GroupStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        dynamo.bind(InfoItem, table)
        dynamo.bind(RosterItem, table)
        self._members = dynamo.bind(MemberItem, table)
        self._cache: OrderedDict[str, Roster] = OrderedDict()

    def info_key(self, group: str, *, consistent: bool = False) -> Key:
        return self._key(group, keys.INFO, consistent=consistent)

    def member_key(self, group: str, user: str, *, consistent: bool = False) -> Key:
        return self._key(group, keys.member(user), consistent=consistent)

    def get_info(self, group: str, *, consistent: bool = False) -> GroupInfo | None:
        item = self._get(self.info_key(group, consistent=consistent))
        return info_from_item(item) if item else None

    def get_infos(self, groups: Iterable[str], *, consistent: bool = False) -> dict[str, GroupInfo]:
        found = self._dynamo.batch_get(self.info_key(group, consistent=consistent) for group in groups)
        infos = map(info_from_item, found.values())
        return {info.id: info for info in infos}

    def get_dissolved(self, group: str) -> Dissolved | None:
        item = self._get(self._key(group, keys.DISSOLVED, consistent=True))
        if item is None:
            return None
        return Dissolved(info_from_item(item), _int_keys(item["lasts"]), item["pending"])

    def get_member(self, group: str, user: str, *, consistent: bool = False) -> GroupMember | None:
        item = self._get(self.member_key(group, user, consistent=consistent))
        return member_from_item(item) if item else None

    def get_members(self, group: str, users: Iterable[str]) -> dict[str, GroupMember]:
        found = self._dynamo.batch_get(self.member_key(group, user, consistent=True) for user in users)
        members = map(member_from_item, found.values())
        return {member.id: member for member in members}

    def list_members(self, group: str, *, consistent: bool = False) -> list[GroupMember]:
        condition = MemberItem.sk.startswith(keys.MEMBER_PREFIX)
        items = self._dynamo.query(self._members, keys.group(group), condition, consistent=consistent)
        return [member_from_item(item) for item in items]

    def roster(self, group: str, min_version: int) -> Roster:
        cached = self._cache.get(group)
        if cached is not None and cached.version >= min_version:
            self._cache.move_to_end(group)
            return cached
        roster = self._read_roster(group, consistent=False)
        if roster.version < min_version:
            roster = self.latest_roster(group)
        self._cache[group] = roster
        self._cache.move_to_end(group)
        if len(self._cache) > _CACHED_ROSTERS:
            self._cache.popitem(last=False)
        return roster

    def latest_roster(self, group: str) -> Roster:
        return self._read_roster(group, consistent=True)

    def _read_roster(self, group: str, *, consistent: bool) -> Roster:
        item = self._get(self._key(group, keys.ROSTER, consistent=consistent))
        if item is None:
            return Roster(0, ())
        return Roster(item["version"], tuple(item["ids"].split(_ID_SEPARATOR)) if item["ids"] else ())

    def put_roster(self, group: str, roster: Roster, replaces: int) -> bool:
        condition = RosterItem.version == replaces if replaces else RosterItem.pk.does_not_exist()
        item = RosterItem(keys.group(group), keys.ROSTER, version=roster.version, ids=_ID_SEPARATOR.join(roster.ids))
        try:
            with translated_errors():
                item.save(condition)
        except ConditionFailed:
            return False
        return True

    def put_members(self, group: str, members: Sequence[GroupMember]) -> None:
        self._dynamo.batch_put(self._table, (member_to_item(group, member) for member in members))

    def delete_members(self, group: str, users: Iterable[str]) -> None:
        self._dynamo.batch_delete(self._table, ({"pk": keys.group(group), "sk": keys.member(user)} for user in users))

    def found(self, info: GroupInfo) -> bool:
        item = InfoItem(**info_to_item(info))
        claim = RosterItem.version == info.roster_version
        try:
            with self._dynamo.transaction(InfoItem) as writes:
                writes.save(item, InfoItem.pk.does_not_exist())
                writes.condition_check(RosterItem, keys.group(info.id), keys.ROSTER, condition=claim)
                writes.delete(InfoItem(keys.group(info.id), keys.DISSOLVED))
        except ConditionFailed:
            return False
        return True

    def publish(self, group: str, roster: Roster, now_ms: int) -> GroupInfo | None:
        actions = [
            InfoItem.roster_version.set(roster.version),
            InfoItem.member_count.set(len(roster.ids)),
            InfoItem.update_dt.set(now_ms),
            InfoItem.member_update_dt.set(now_ms),
        ]
        self._update_info(group, actions, InfoItem.roster_version < roster.version)
        return self.get_info(group, consistent=True)

    def set_owner(self, group: str, old: str, new: str, now_ms: int) -> bool:
        return self._update_info(
            group, [InfoItem.owner.set(new), InfoItem.update_dt.set(now_ms)], InfoItem.owner == old
        )

    def stamp(self, group: str, minute: int, line: int) -> None:
        self._update_info(group, [InfoItem.activity.set(minute)], InfoItem.activity < minute)
        if line:
            append = InfoItem.lines.set(InfoItem.lines.append([line]))
            self._update_info(group, [append], InfoItem.pk.exists() & ~InfoItem.lines.contains(line))

    def count_arrival(self, group: str) -> None:
        self._update_info(group, [InfoItem.arrivals.add(1)], InfoItem.pk.exists())

    def _update_info(self, group: str, actions: Sequence[Action], condition: Condition) -> bool:
        try:
            with translated_errors():
                InfoItem(keys.group(group), keys.INFO).update(actions=list(actions), condition=condition)
        except ConditionFailed:
            return False
        return True

    def dissolve(self, info: GroupInfo, lasts: Mapping[int, int]) -> bool:
        remains = {**info_to_item(info, keys.DISSOLVED), "lasts": _text_keys(lasts), "pending": True}
        try:
            with self._dynamo.transaction(InfoItem) as writes:
                writes.delete(InfoItem(keys.group(info.id), keys.INFO), InfoItem.pk.exists())
                writes.save(InfoItem(**remains))
        except ConditionFailed:
            return False
        return True

    def finish_dissolved(self, group: str, members: Iterable[str]) -> None:
        self.delete_members(group, members)
        with translated_errors():
            RosterItem(keys.group(group), keys.ROSTER).update(
                actions=[RosterItem.ids.set(""), RosterItem.version.add(1)]
            )
            InfoItem(keys.group(group), keys.DISSOLVED).update(actions=[InfoItem.pending.set(False)])

    def _get(self, key: Key) -> Item | None:
        return self._dynamo.batch_get([key]).get(key)

    def _key(self, group: str, sort_key: str, *, consistent: bool = False) -> Key:
        return Key(self._table, (("pk", keys.group(group)), ("sk", sort_key)), consistent)
