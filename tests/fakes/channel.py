"""Channels in memory, holding the same plain items as the table, so that reads which span domains decode them alike."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from im import keys
from im.callback.back_end import ChannelEvent, NoBackEnd
from im.channel.model import Channel, State, endings
from im.channel.store import Bounds, Seat, Subscriber, channel_from_item, values_of
from im.message.model import Conversation, Row
from im.platform.dynamo import Item, Key
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore

TABLE = "channels"


class Watching(NoBackEnd):
    """Remembers what it is told of channels."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str, ChannelEvent]] = []
        self.subscriptions: list[tuple[str, str, bool]] = []

    def channel_changed(self, operator: str, channel: str, event: ChannelEvent) -> None:
        """Note it."""
        self.changes.append((operator, channel, event))

    def subscribed(self, channel: Channel, user: str, on: bool) -> None:
        """Note it."""
        self.subscriptions.append((channel.id, user, on))


class MemoryChannelStore:
    """``ChannelStore`` in dictionaries; the rows that it opens and closes are those of the row store."""

    def __init__(self, items: Items, rows: MemoryRowStore) -> None:
        self._rows = rows
        self._infos: dict[str, Item] = {}
        self._subscribers: dict[str, dict[str, int]] = {}
        items.serve(TABLE, self._item)

    def _item(self, key: Key) -> Item | None:
        (_, partition), (_, sort_key) = key.key
        channel = keys.id_of(str(partition))
        if sort_key == keys.INFO:
            return self._infos.get(channel)
        since = self._subscribers.get(channel, {}).get(keys.id_of(str(sort_key)))
        return None if since is None else {"pk": partition, "sk": sort_key, "n": since}

    def info_key(self, channel: str, *, consistent: bool = False) -> Key:
        return Key(TABLE, (("pk", keys.channel(channel)), ("sk", keys.INFO)), consistent)

    def subscriber_key(self, channel: str, user: str, *, consistent: bool = False) -> Key:
        return Key(TABLE, (("pk", keys.channel(channel)), ("sk", keys.subscriber(user))), consistent)

    def get(self, channel: str) -> Channel | None:
        return self.get_many([channel]).get(channel)

    def get_many(self, channels: Iterable[str], *, consistent: bool = False) -> dict[str, Channel]:
        return {name: channel_from_item(self._infos[name]) for name in channels if name in self._infos}

    def put(self, new: Channel, old: Channel | None, seats: Sequence[Seat] = ()) -> bool:
        known = self._infos.get(new.id)
        if (known or {}).get("update_dt") != (old.update_dt if old else None):
            return False
        kept: dict[str, Any] = {"activity": new.activity, "lines": list(new.lines)}
        if known:
            kept = {name: known[name] for name in kept}
        self._infos[new.id] = {"pk": keys.channel(new.id), "sk": keys.INFO, **values_of(new), **kept}
        for seat in seats:
            self._sit(seat.user, new.id, seat.firsts, seat.lasts or {}, new.update_dt // 60_000)
        return True

    def _sit(self, user: str, channel: str, firsts: Bounds | None, lasts: Bounds, minute: int) -> None:
        named = Conversation(3, channel)
        row = self._rows.rows.get((user, named), Row(named))
        if firsts is None:
            row = replace(row, lasts=dict(lasts), activity=minute)
        else:
            row = replace(row, firsts=dict(firsts), lasts=None, activity=minute)
        self._rows.rows[user, named] = row

    def stamp(self, channel: str, minute: int, line: int) -> None:
        item = self._infos[channel]
        lines = item["lines"] if line in item["lines"] else [*item["lines"], line]
        self._infos[channel] = {**item, "activity": max(minute, item["activity"]), "lines": lines}

    def subscribe(self, channel: str, subscriber: Subscriber, firsts: Bounds | None, minute: int) -> bool:
        known = self._subscribers.setdefault(channel, {})
        if subscriber.user in known:
            return False
        known[subscriber.user] = subscriber.since
        if firsts is not None:
            self._sit(subscriber.user, channel, firsts, {}, minute)
        return True

    def unsubscribe(self, channel: str, user: str, lasts: Bounds | None, minute: int) -> bool:
        if self._subscribers.get(channel, {}).pop(user, None) is None:
            return False
        if lasts is not None:
            self._sit(user, channel, None, lasts, minute)
        return True

    def among(self, channel: str, users: Iterable[str]) -> set[str]:
        return set(users).intersection(self._subscribers.get(channel, {}))

    def listened(self, user: str, channels: Iterable[str]) -> set[str]:
        return {channel for channel in channels if user in self._subscribers.get(channel, {})}

    def page(self, channel: str, after: str, limit: int) -> list[Subscriber]:
        known = sorted(self._subscribers.get(channel, {}).items())
        return [Subscriber(user, since) for user, since in known if user > after][:limit]

    def list_ids(self, offset: int, count: int) -> list[str]:
        return [channel.id for channel in self._alive()][offset : offset + count]

    def count_listed(self) -> int:
        return len(self._alive())

    def find(self, part: str, limit: int) -> list[str]:
        hits = sorted(
            (ending, channel.id) for channel in self._alive() for ending in endings(channel) if ending.startswith(part)
        )
        return list(dict.fromkeys(channel for _, channel in hits[:limit]))

    def global_ids(self) -> list[str]:
        return sorted(channel.id for channel in self._alive() if channel.has(State.GLOBAL))

    def _alive(self) -> list[Channel]:
        known = [channel_from_item(item) for item in self._infos.values()]
        return sorted((channel for channel in known if not channel.deleted), key=lambda each: (each.created, each.id))
