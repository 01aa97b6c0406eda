"""Channels in DynamoDB: one partition of the Directory table per channel.

The sort keys are ``info``, and one ``l|<user>`` per subscriber. A subscription is two items, that one and the user's own
conversation row, which says from where on he may read; both are written in one transaction, so they agree whoever else
does what at the same time, and a crash leaves neither or both. Subscribers are items rather than a list like a group's
roster, because channels are subscribed to by thousands at once: an item takes one write unit and meets nobody, and reading
ten thousand of them costs a thousandth of what bringing them a message does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from im import keys
from im.channel.model import Channel, State, endings, menus_from_json, menus_to_json
from im.message.model import ConversationType
from im.message.store import RowItem
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors

Bounds = Mapping[int, int]
"""A seq by conversation line."""


class ChannelIndex(GlobalSecondaryIndex["ChannelItem"]):
    """Lists items of one kind; sparse."""

    class Meta:
        index_name = "by_type"
        projection = KeysOnlyProjection()

    gt = UnicodeAttribute(hash_key=True)
    gs = UnicodeAttribute(range_key=True)


class ChannelItem(Model):
    """A channel's info."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    gt = UnicodeAttribute(null=True)
    gs = UnicodeAttribute(null=True)
    name = UnicodeAttribute()
    owner = UnicodeAttribute()
    portrait = UnicodeAttribute()
    desc = UnicodeAttribute()
    extra = UnicodeAttribute()
    state = NumberAttribute()
    secret = UnicodeAttribute()
    callback = UnicodeAttribute()
    automatic = NumberAttribute()
    menus = UnicodeAttribute()
    created = NumberAttribute()
    update_dt = NumberAttribute()
    activity = NumberAttribute()
    lines = ListAttribute(of=NumberAttribute)
    by_type = ChannelIndex()


class SubscriberItem(Model):
    """One subscriber, and since when, ms."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    n = NumberAttribute()


class NameItem(Model):
    """Leads from an ending of a name, or the list of those that go to everybody, to a channel; its key says it all."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class Subscriber(Struct, frozen=True):
    """A user who subscribes, and since when, ms."""

    user: str
    since: int


class Seat(Struct, frozen=True):
    """A change of a user's conversation row that goes with the change of a channel: its owner comes or goes.

    Attributes:
        user: whose row.
        firsts: he may read from these seqs on; None: he is out.
        lasts: then, up to where he may read.
    """

    user: str
    firsts: Bounds | None = None
    lasts: Bounds | None = None


def channel_from_item(item: Item) -> Channel:
    """A channel from its item."""
    return Channel(
        id=keys.id_of(item["pk"]),
        name=item["name"],
        owner=item["owner"],
        portrait=item["portrait"],
        desc=item["desc"],
        extra=item["extra"],
        state=item["state"],
        secret=item["secret"],
        callback=item["callback"],
        automatic=item["automatic"],
        menus=menus_from_json(item["menus"]),
        created=item["created"],
        update_dt=item["update_dt"],
        activity=item["activity"],
        lines=tuple(item["lines"]),
    )


def values_of(channel: Channel) -> dict[str, str | int]:
    """The attributes that a change of a channel writes; its activity and lines are raised by other hands."""
    return {
        "name": channel.name,
        "owner": channel.owner,
        "portrait": channel.portrait,
        "desc": channel.desc,
        "extra": channel.extra,
        "state": channel.state,
        "secret": channel.secret,
        "callback": channel.callback,
        "automatic": channel.automatic,
        "menus": menus_to_json(channel.menus),
        "created": channel.created,
        "update_dt": channel.update_dt,
    }


class ChannelStore(Protocol):
    """Channels and their subscribers."""

    def info_key(self, channel: str, *, consistent: bool = False) -> Key:
        """The address of a channel's info, for reads that span domains."""

    def subscriber_key(self, channel: str, user: str, *, consistent: bool = False) -> Key:
        """The address of a subscriber, for reads that span domains."""

    def get(self, channel: str) -> Channel | None:
        """A channel, also one that was destroyed, strongly consistent."""

    def get_many(self, channels: Iterable[str], *, consistent: bool = False) -> dict[str, Channel]:
        """Many channels by id; unknown ones are missing."""

    def put(self, new: Channel, old: Channel | None, seats: Sequence[Seat] = ()) -> bool:
        """Replace ``old``, as it was read, with ``new``, and let owners come or go, all or nothing.

        Returns False when the channel has changed since, or has come to be. Its activity and lines stay as they are.
        """

    def stamp(self, channel: str, minute: int, line: int) -> None:
        """Raise the activity minute and note a conversation line; neither is ever lowered or taken away."""

    def subscribe(self, channel: str, subscriber: Subscriber, firsts: Bounds | None, minute: int) -> bool:
        """Make a user a subscriber who may read from these seqs on (None: as he may already); False when he is one.

        Raises:
            ContendedError: another change of his came in between; nothing was written.
        """

    def unsubscribe(self, channel: str, user: str, lasts: Bounds | None, minute: int) -> bool:
        """Make a user no subscriber any more, who may read up to these seqs (None: as he did); False when he is none.

        Raises:
            ContendedError: another change of his came in between; nothing was written.
        """

    def among(self, channel: str, users: Iterable[str]) -> set[str]:
        """Those of the users who subscribe, strongly consistent."""

    def listened(self, user: str, channels: Iterable[str]) -> set[str]:
        """Those of the channels that a user subscribes to, strongly consistent."""

    def page(self, channel: str, after: str, limit: int) -> list[Subscriber]:
        """Subscribers whose ids come after one, in the order of ids, strongly consistent."""

    def list_ids(self, offset: int, count: int) -> list[str]:
        """Ids of channels in the order of their creation, without those that were destroyed."""

    def count_listed(self) -> int:
        """How many channels there are; reads the whole index."""

    def find(self, part: str, limit: int) -> list[str]:
        """The ids of public channels in whose folded name a text occurs, as far as that many entries lead."""

    def global_ids(self) -> list[str]:
        """The ids of the channels that go to everybody."""


class DynamoChannelStore:
    """``ChannelStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._channels = dynamo.bind(ChannelItem, table)
        self._subscribers = dynamo.bind(SubscriberItem, table)
        self._names = dynamo.bind(NameItem, table)
        dynamo.bind(RowItem, table)

    def info_key(self, channel: str, *, consistent: bool = False) -> Key:
        return self._key(channel, keys.INFO, consistent)

    def subscriber_key(self, channel: str, user: str, *, consistent: bool = False) -> Key:
        return self._key(channel, keys.subscriber(user), consistent)

    def get(self, channel: str) -> Channel | None:
        return self.get_many([channel], consistent=True).get(channel)

    def get_many(self, channels: Iterable[str], *, consistent: bool = False) -> dict[str, Channel]:
        found = self._dynamo.batch_get(self.info_key(channel, consistent=consistent) for channel in channels)
        known = map(channel_from_item, found.values())
        return {channel.id: channel for channel in known}

    def put(self, new: Channel, old: Channel | None, seats: Sequence[Seat] = ()) -> bool:
        item = ChannelItem(keys.channel(new.id), keys.INFO)
        unchanged = ChannelItem.update_dt == old.update_dt if old else ChannelItem.pk.does_not_exist()
        try:
            with self._dynamo.transaction(ChannelItem) as writes:
                writes.update(item, _actions(new), unchanged)
                self._index(writes, new, old)
                for seat in seats:
                    _seat(writes, seat, new)
        except ConditionFailed:
            return False
        return True

    def _index(self, writes: TransactWrite, new: Channel, old: Channel | None) -> None:
        now, before = endings(new), endings(old)
        for ending in now - before:
            writes.save(NameItem(keys.channel_names(ending[0]), keys.display_name(ending, new.id)))
        for ending in before - now:
            writes.delete(NameItem(keys.channel_names(ending[0]), keys.display_name(ending, new.id)))
        is_global = new.has(State.GLOBAL) and not new.deleted
        was_global = old is not None and old.has(State.GLOBAL) and not old.deleted
        if is_global and not was_global:
            writes.save(NameItem(keys.GLOBAL_CHANNELS, new.id))
        if was_global and not is_global:
            writes.delete(NameItem(keys.GLOBAL_CHANNELS, new.id))

    def stamp(self, channel: str, minute: int, line: int) -> None:
        self._change(channel, ChannelItem.activity.set(minute), ChannelItem.activity < minute)
        if line:
            append = ChannelItem.lines.set(ChannelItem.lines.append([line]))
            self._change(channel, append, ChannelItem.pk.exists() & ~ChannelItem.lines.contains(line))

    def _change(self, channel: str, action: Action, condition: object) -> None:
        try:
            with translated_errors():
                ChannelItem(keys.channel(channel), keys.INFO).update(actions=[action], condition=condition)  # type: ignore[arg-type]
        except ConditionFailed:
            return

    def subscribe(self, channel: str, subscriber: Subscriber, firsts: Bounds | None, minute: int) -> bool:
        item = SubscriberItem(keys.channel(channel), keys.subscriber(subscriber.user), n=subscriber.since)
        try:
            with self._dynamo.transaction(ChannelItem) as writes:
                writes.save(item, SubscriberItem.pk.does_not_exist())
                if firsts is not None:
                    writes.update(_row(subscriber.user, channel), _opened(firsts, minute))
        except ConditionFailed:
            return False
        return True

    def unsubscribe(self, channel: str, user: str, lasts: Bounds | None, minute: int) -> bool:
        item = SubscriberItem(keys.channel(channel), keys.subscriber(user))
        try:
            with self._dynamo.transaction(ChannelItem) as writes:
                writes.delete(item, SubscriberItem.pk.exists())
                if lasts is not None:
                    writes.update(_row(user, channel), _closed(lasts, minute))
        except ConditionFailed:
            return False
        return True

    def among(self, channel: str, users: Iterable[str]) -> set[str]:
        found = self._dynamo.batch_get(self.subscriber_key(channel, user, consistent=True) for user in users)
        return {keys.id_of(item["sk"]) for item in found.values()}

    def listened(self, user: str, channels: Iterable[str]) -> set[str]:
        found = self._dynamo.batch_get(self.subscriber_key(channel, user, consistent=True) for channel in channels)
        return {keys.id_of(item["pk"]) for item in found.values()}

    def page(self, channel: str, after: str, limit: int) -> list[Subscriber]:
        start = keys.subscriber(after) + keys.FIRST if after else keys.SUBSCRIBER_PREFIX
        between = SubscriberItem.sk.between(start, keys.SUBSCRIBER_PREFIX + keys.LAST)
        items = self._dynamo.query(self._subscribers, keys.channel(channel), between, consistent=True, limit=limit)
        return [Subscriber(keys.id_of(item["sk"]), item["n"]) for item in items]

    def list_ids(self, offset: int, count: int) -> list[str]:
        hits = self._dynamo.query(self._channels, keys.CHANNELS, index="by_type", limit=offset + count)
        return [keys.id_of(hit["pk"]) for hit in hits][offset:]

    def count_listed(self) -> int:
        return self._dynamo.count(self._table, "by_type", "gt", keys.CHANNELS)

    def find(self, part: str, limit: int) -> list[str]:
        beginning = NameItem.sk.startswith(keys.display_name_part(part))
        items = self._dynamo.query(self._names, keys.channel_names(part[0]), beginning, limit=limit)
        return list(dict.fromkeys(keys.found_user(item["sk"]) for item in items))

    def global_ids(self) -> list[str]:
        return [item["sk"] for item in self._dynamo.query(self._names, keys.GLOBAL_CHANNELS)]

    def _key(self, channel: str, sort_key: str, consistent: bool) -> Key:
        return Key(self._table, (("pk", keys.channel(channel)), ("sk", sort_key)), consistent)


def _actions(channel: Channel) -> list[Action]:
    actions: list[Action] = [getattr(ChannelItem, name).set(value) for name, value in values_of(channel).items()]
    actions += [
        ChannelItem.activity.set(ChannelItem.activity | channel.activity),
        ChannelItem.lines.set(ChannelItem.lines | list(channel.lines)),
    ]
    if channel.deleted:
        return [*actions, ChannelItem.gt.remove(), ChannelItem.gs.remove()]
    listed = keys.by_creation(channel.created, channel.id)
    return [*actions, ChannelItem.gt.set(keys.CHANNELS), ChannelItem.gs.set(listed)]


def _seat(writes: TransactWrite, seat: Seat, channel: Channel) -> None:
    minute = channel.update_dt // 60_000
    actions = _opened(seat.firsts, minute) if seat.firsts is not None else _closed(seat.lasts or {}, minute)
    writes.update(_row(seat.user, channel.id), actions)


def _row(user: str, channel: str) -> RowItem:
    return RowItem(keys.user(user), keys.conversation_row(ConversationType.CHANNEL, channel, 0))


def _opened(firsts: Bounds, minute: int) -> list[Action]:
    return [RowItem.f.set(_texts(firsts)), RowItem.a.set(minute), RowItem.l.remove()]


def _closed(lasts: Bounds, minute: int) -> list[Action]:
    return [RowItem.l.set(_texts(lasts)), RowItem.a.set(minute)]


def _texts(bounds: Bounds) -> dict[str, int]:
    return {str(line): seq for line, seq in bounds.items()}
