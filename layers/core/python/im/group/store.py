"""Groups in DynamoDB: one partition of the Directory table per group.

The sort keys are ``info``, ``roster`` (the latest member ids, and the names of the pages that hold the others), one
``r|<name>`` per page, one ``m|<user>`` per member or tombstone, one ``j|<user>`` per request to be let in, and ``dissolved``
once the group is gone. Every change of who is in goes roster first, info second; both carry the roster's version, which
makes rosters cacheable and lets concurrent changes notice one another.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from pynamodb.attributes import BooleanAttribute, ListAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from im import keys
from im.errors import BusyError
from im.group.model import Dissolved, GroupInfo, GroupMember, JoinRequest, MemberType, RequestStatus
from im.group.roster import Roster, RosterPage
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors
from im.platform.ids import short_id

_CACHED_ROSTERS = 256
_READ_ATTEMPTS = 4
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
    robots = UnicodeAttribute(null=True)
    starts: MapAttribute[str, int] = MapAttribute(null=True)
    lasts: MapAttribute[str, int] = MapAttribute(null=True)
    pending = BooleanAttribute(null=True)


class RosterItem(Model):
    """The head of a roster: the latest members, and the names of its pages."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    ids = UnicodeAttribute()
    pages = UnicodeAttribute(null=True)
    robots = UnicodeAttribute(null=True)


class MemberItem(Model):
    """One member or tombstone."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    type = NumberAttribute()
    alias = UnicodeAttribute(null=True)
    extra = UnicodeAttribute(null=True)
    update_dt = NumberAttribute()
    create_dt = NumberAttribute()
    leaving = BooleanAttribute(null=True)
    changes = NumberAttribute()


class RequestItem(Model):
    """One request to be let in."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    requester = UnicodeAttribute()
    reason = UnicodeAttribute()
    extra = UnicodeAttribute()
    status = NumberAttribute()
    answered_by = UnicodeAttribute()
    update_dt = NumberAttribute()


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
        robots=_split(item.get("robots", "")),
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
        changes=item["changes"],
    )


def _request_from_item(item: Item) -> JoinRequest:
    return JoinRequest(
        member=keys.id_of(item["sk"]),
        requester=item["requester"],
        reason=item["reason"],
        extra=item["extra"],
        status=item["status"],
        answered_by=item["answered_by"],
        update_dt=item["update_dt"],
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
        **({"robots": _ID_SEPARATOR.join(info.robots)} if info.robots else {}),
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
        "changes": member.changes,
    }


def _split(ids: str) -> tuple[str, ...]:
    return tuple(ids.split(_ID_SEPARATOR)) if ids else ()


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

    def get_memberships(self, user: str, groups: Iterable[str]) -> dict[str, GroupMember]:
        """A user's items in many groups, by group id; groups that do not know him are missing."""

    def list_members(self, group: str, *, consistent: bool = False) -> list[GroupMember]:
        """All members and tombstones."""

    def page_members(self, group: str, after: str, limit: int) -> tuple[list[GroupMember], str]:
        """Members and tombstones whose ids come after one, in the order of ids, strongly consistent, at most ``limit``.

        Also returns the id where the next page begins, empty when there is none.
        """

    def roster(self, group: str, min_version: int) -> Roster:
        """The roster in a version that is not older than the given one; cached. An unknown group's is empty."""

    def latest_roster(self, group: str) -> Roster:
        """The roster as it is now, strongly consistent."""

    def put_roster(self, group: str, roster: Roster, replaces: Roster) -> bool:
        """Replace a roster (of version 0: there is none yet); False when another change came first."""

    def claim(self, group: str, roster: Roster, replaces: Roster) -> bool:
        """``put_roster`` for an id of which there is no group; False also when there is one by now."""

    def put_members(self, group: str, members: Sequence[GroupMember]) -> None:
        """Write member items of a group that is being made."""

    def put_member(self, group: str, member: GroupMember, replaces: GroupMember | None) -> bool:
        """Write a member or tombstone over the item that was read; False when it has come, gone or changed sides since."""

    def update_member(
        self,
        group: str,
        user: str,
        values: Mapping[str, str | int],
        now_ms: int,
        *,
        was: Collection[int] | None = None,
    ) -> bool:
        """Change fields of a present member; False when he is not in, or not of one of these types."""

    def mark_left(self, group: str, user: str, changes: int) -> None:
        """Note on a tombstone that the removal is over, unless the member has come again."""

    def delete_members(self, group: str, users: Iterable[str]) -> None:
        """Remove member items and tombstones without a trace."""

    def found(self, info: GroupInfo) -> bool:
        """Make a group visible; False when one of this id exists, or its roster is not the info's version any more."""

    def publish(self, group: str, roster: Roster, now_ms: int) -> GroupInfo | None:
        """Point the info at a roster, unless it points at a later one, and set the count, the robots and the times.

        Returns the info as it is then; None when the group is gone.
        """

    def update_info(
        self, group: str, values: Mapping[str, str | int | bool], now_ms: int, *, members: bool = False
    ) -> bool:
        """Change fields of the info and the time of its change, of its members' too if asked for; False: it is gone."""

    def set_owner(self, group: str, old: str, new: str, now_ms: int) -> bool:
        """Change the owner; False when a third one owns the group, or it is gone."""

    def stamp(self, group: str, minute: int, line: int) -> None:
        """Raise the activity minute and note a conversation line; neither is ever lowered or taken away."""

    def count_arrival(self, group: str) -> None:
        """A member's device has connected: what is remembered of who is where is void."""

    def dissolve(self, info: GroupInfo, lasts: Mapping[int, int]) -> bool:
        """Turn the info into a pending remainder; False when the group is gone already."""

    def finish_dissolved(self, group: str) -> None:
        """Remove the roster and the requests of a dissolved group; then it is not pending any more."""

    def put_request(self, group: str, request: JoinRequest) -> None:
        """Write a request to be let in over an earlier one for the same user."""

    def get_request(self, group: str, member: str) -> JoinRequest | None:
        """A request, strongly consistent."""

    def page_requests(self, group: str, after: str, limit: int) -> list[JoinRequest]:
        """Requests for users whose ids come after one, in the order of ids."""

    def answer_request(self, group: str, member: str, status: int, by: str, now_ms: int) -> bool:
        """Note the answer to a request that waits for one; False when there is none."""


class DynamoGroupStore:
    """``GroupStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        dynamo.bind(InfoItem, table)
        self._rosters = dynamo.bind(RosterItem, table)
        self._requests = dynamo.bind(RequestItem, table)
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

    def get_memberships(self, user: str, groups: Iterable[str]) -> dict[str, GroupMember]:
        by_key = {self.member_key(group, user): group for group in groups}
        return {by_key[key]: member_from_item(item) for key, item in self._dynamo.batch_get(by_key).items()}

    def page_members(self, group: str, after: str, limit: int) -> tuple[list[GroupMember], str]:
        start = keys.member(after) + keys.FIRST if after else keys.MEMBER_PREFIX
        condition = MemberItem.sk.between(start, keys.MEMBER_PREFIX + keys.LAST)
        items = self._dynamo.query(self._members, keys.group(group), condition, consistent=True, limit=limit)
        members = [member_from_item(item) for item in items]
        return members, members[-1].id if len(members) == limit else ""

    def roster(self, group: str, min_version: int) -> Roster:
        cached = self._cache.get(group)
        if cached is not None and cached.version >= min_version:
            self._cache.move_to_end(group)
            return cached
        roster = self._read_roster(group, consistent=False)
        return roster if roster.version >= min_version else self.latest_roster(group)

    def latest_roster(self, group: str) -> Roster:
        return self._read_roster(group, consistent=True)

    def _read_roster(self, group: str, *, consistent: bool) -> Roster:
        for _ in range(_READ_ATTEMPTS):
            item = self._get(self._key(group, keys.ROSTER, consistent=consistent))
            if item is None:
                return Roster(0)
            names = _split(item.get("pages", ""))
            pages = self._pages(group, names)
            if len(pages) == len(names):
                robots = _split(item.get("robots", ""))
                roster = Roster(item["version"], _split(item["ids"]), tuple(pages[name] for name in names), robots)
                self._keep(group, roster)
                return roster
            consistent = True
        raise BusyError("this roster changes too fast")

    def _pages(self, group: str, names: Sequence[str]) -> dict[str, RosterPage]:
        """Pages by name; one that is missing belongs to a roster that has been replaced."""
        cached = self._cache.get(group)
        found = {page.name: page for page in cached.pages} if cached else {}
        for consistent in (False, True):
            wanted = {
                self._key(group, keys.roster_page(name), consistent=consistent): name
                for name in names
                if name not in found
            }
            items = self._dynamo.batch_get(wanted) if wanted else {}
            found.update({wanted[key]: RosterPage(_split(item["ids"]), wanted[key]) for key, item in items.items()})
        return {name: found[name] for name in names if name in found}

    def _keep(self, group: str, roster: Roster) -> None:
        self._cache[group] = roster
        self._cache.move_to_end(group)
        if len(self._cache) > _CACHED_ROSTERS:
            self._cache.popitem(last=False)

    def put_roster(self, group: str, roster: Roster, replaces: Roster) -> bool:
        def put(head: RosterItem, condition: Condition) -> None:
            with translated_errors():
                head.save(condition)

        return self._replace_roster(group, roster, replaces, put)

    def claim(self, group: str, roster: Roster, replaces: Roster) -> bool:
        def put(head: RosterItem, condition: Condition) -> None:
            with self._dynamo.transaction(InfoItem) as writes:
                writes.condition_check(InfoItem, keys.group(group), keys.INFO, condition=InfoItem.pk.does_not_exist())
                writes.save(head, condition)

        return self._replace_roster(group, roster, replaces, put)

    def _replace_roster(
        self, group: str, roster: Roster, replaces: Roster, put: Callable[[RosterItem, Condition], None]
    ) -> bool:
        """New pages, then the head, then no more old pages.

        Pages have random names, so nobody else writes to the same. What a crash leaves behind is in nobody's way, and goes
        when the group is dissolved.
        """
        named = roster.named(short_id)
        kept = {page.name for page in replaces.pages}
        fresh = [page for page in named.pages if page.name not in kept]
        self._dynamo.batch_put(
            self._table,
            (
                {"pk": keys.group(group), "sk": keys.roster_page(page.name), "ids": _ID_SEPARATOR.join(page.ids)}
                for page in fresh
            ),
        )
        names = _ID_SEPARATOR.join(page.name for page in named.pages)
        head = RosterItem(
            keys.group(group),
            keys.ROSTER,
            version=named.version,
            ids=_ID_SEPARATOR.join(named.tail),
            pages=names or None,
            robots=_ID_SEPARATOR.join(named.robots) or None,
        )
        version = replaces.version
        try:
            put(head, RosterItem.version == version if version else RosterItem.pk.does_not_exist())
        except ConditionFailed:
            self._delete(group, [keys.roster_page(page.name) for page in fresh])
            return False
        self._delete(group, [keys.roster_page(name) for name in kept.difference(page.name for page in named.pages)])
        return True

    def put_members(self, group: str, members: Sequence[GroupMember]) -> None:
        self._dynamo.batch_put(self._table, (member_to_item(group, member) for member in members))

    def put_member(self, group: str, member: GroupMember, replaces: GroupMember | None) -> bool:
        unchanged = MemberItem.changes == replaces.changes if replaces else MemberItem.pk.does_not_exist()
        try:
            with translated_errors():
                MemberItem(**member_to_item(group, member)).save(unchanged)
        except ConditionFailed:
            return False
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
        present = MemberItem.pk.exists() & (MemberItem.type != MemberType.REMOVED)
        condition = present & MemberItem.type.is_in(*was) if was is not None else present
        actions = [getattr(MemberItem, name).set(value) for name, value in values.items()]
        return self._update_member(group, user, [*actions, MemberItem.update_dt.set(now_ms)], condition)

    def mark_left(self, group: str, user: str, changes: int) -> None:
        self._update_member(group, user, [MemberItem.leaving.remove()], MemberItem.changes == changes)

    def _update_member(self, group: str, user: str, actions: Sequence[Action], condition: Condition) -> bool:
        try:
            with translated_errors():
                MemberItem(keys.group(group), keys.member(user)).update(actions=list(actions), condition=condition)
        except ConditionFailed:
            return False
        return True

    def delete_members(self, group: str, users: Iterable[str]) -> None:
        self._delete(group, [keys.member(user) for user in users])

    def _delete(self, group: str, sort_keys: Iterable[str]) -> None:
        self._dynamo.batch_delete(self._table, ({"pk": keys.group(group), "sk": sort_key} for sort_key in sort_keys))

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
            InfoItem.member_count.set(roster.count),
            InfoItem.update_dt.set(now_ms),
            InfoItem.member_update_dt.set(now_ms),
            InfoItem.robots.set(_ID_SEPARATOR.join(roster.robots)) if roster.robots else InfoItem.robots.remove(),
        ]
        self._update_info(group, actions, InfoItem.roster_version < roster.version)
        return self.get_info(group, consistent=True)

    def update_info(
        self, group: str, values: Mapping[str, str | int | bool], now_ms: int, *, members: bool = False
    ) -> bool:
        times = [InfoItem.update_dt.set(now_ms), *([InfoItem.member_update_dt.set(now_ms)] if members else [])]
        actions = [getattr(InfoItem, name).set(value) for name, value in values.items()]
        return self._update_info(group, [*actions, *times], InfoItem.pk.exists())

    def set_owner(self, group: str, old: str, new: str, now_ms: int) -> bool:
        # The client tries again when an answer is lost: it may find what it has written itself.
        owned = (InfoItem.owner == old) | (InfoItem.owner == new)
        return self._update_info(group, [InfoItem.owner.set(new), InfoItem.update_dt.set(now_ms)], owned)

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

    def finish_dissolved(self, group: str) -> None:
        condition = (
            RosterItem.sk.startswith(keys.ROSTER_PAGE_PREFIX),
            RequestItem.sk.startswith(keys.JOIN_REQUEST_PREFIX),
        )
        for each in condition:
            found = self._dynamo.query(self._rosters, keys.group(group), each, consistent=True)
            self._delete(group, [item["sk"] for item in found])
        with translated_errors():
            RosterItem(keys.group(group), keys.ROSTER).update(
                actions=[
                    RosterItem.ids.set(""),
                    RosterItem.pages.remove(),
                    RosterItem.robots.remove(),
                    RosterItem.version.add(1),
                ]
            )
            InfoItem(keys.group(group), keys.DISSOLVED).update(actions=[InfoItem.pending.set(False)])

    def put_request(self, group: str, request: JoinRequest) -> None:
        item = RequestItem(
            keys.group(group),
            keys.join_request(request.member),
            requester=request.requester,
            reason=request.reason,
            extra=request.extra,
            status=request.status,
            answered_by=request.answered_by,
            update_dt=request.update_dt,
        )
        with translated_errors():
            item.save()

    def get_request(self, group: str, member: str) -> JoinRequest | None:
        item = self._get(self._key(group, keys.join_request(member), consistent=True))
        return _request_from_item(item) if item else None

    def page_requests(self, group: str, after: str, limit: int) -> list[JoinRequest]:
        start = keys.join_request(after) + keys.FIRST if after else keys.JOIN_REQUEST_PREFIX
        condition = RequestItem.sk.between(start, keys.JOIN_REQUEST_PREFIX + keys.LAST)
        items = self._dynamo.query(self._requests, keys.group(group), condition, consistent=True, limit=limit)
        return [_request_from_item(item) for item in items]

    def answer_request(self, group: str, member: str, status: int, by: str, now_ms: int) -> bool:
        actions: list[Action] = [
            RequestItem.status.set(status),
            RequestItem.answered_by.set(by),
            RequestItem.update_dt.set(now_ms),
        ]
        try:
            with translated_errors():
                RequestItem(keys.group(group), keys.join_request(member)).update(
                    actions=actions, condition=RequestItem.status == RequestStatus.WAITING
                )
        except ConditionFailed:
            return False
        return True

    def _get(self, key: Key) -> Item | None:
        return self._dynamo.batch_get([key]).get(key)

    def _key(self, group: str, sort_key: str, *, consistent: bool = False) -> Key:
        return Key(self._table, (("pk", keys.group(group)), ("sk", sort_key)), consistent)
