"""Chatrooms in DynamoDB.

One partition of the Directory table per room: ``info``, a seat ``i|<user>`` for everybody inside, a standing ``p|<user>`` for
whom administrators have treated specially. Seats are items of their own and not parts of a few larger ones, because rooms
churn: coming and going is one write unit whatever the size of the room, touches nobody else, and no item is hot. Reading all
of them is one query, billed by their summed size: some forty of them a read unit. Seats carry ``ttl``, so what nobody clears
goes by itself. A user's place is an item of the Ephemera table.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from im import keys
from im.chatroom.model import Black, Place, Room, Seat, Standing
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors


class RoomItem(Model):
    """A room."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    title = UnicodeAttribute()
    desc = UnicodeAttribute()
    portrait = UnicodeAttribute()
    extra = UnicodeAttribute()
    state = NumberAttribute()
    muted = BooleanAttribute()
    created = NumberAttribute()
    update_dt = NumberAttribute()
    floor = NumberAttribute()
    alive = NumberAttribute()


class SeatItem(Model):
    """Somebody inside a room."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    c = UnicodeAttribute()
    p = NumberAttribute()
    x = UnicodeAttribute()
    a = NumberAttribute()
    ttl = NumberAttribute()


class StandingItem(Model):
    """What administrators made of a user in a room."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    b = NumberAttribute(null=True)
    u = NumberAttribute(null=True)
    m = BooleanAttribute(null=True)


class PlaceItem(Model):
    """Where a user went last."""

    class Meta:
        table_name = ""

    k = UnicodeAttribute(hash_key=True)
    r = UnicodeAttribute()
    c = UnicodeAttribute()
    t = NumberAttribute()
    ttl = NumberAttribute()


def room_from_item(item: Item) -> Room:
    """A room from its item."""
    return Room(
        id=keys.id_of(item["pk"]),
        title=item["title"],
        desc=item["desc"],
        portrait=item["portrait"],
        extra=item["extra"],
        state=item["state"],
        muted=item["muted"],
        created=item["created"],
        update_dt=item["update_dt"],
        floor=item["floor"],
        alive=item["alive"],
    )


def seat_from_item(item: Item) -> Seat:
    """A seat from its item."""
    return Seat(
        room=keys.id_of(item["pk"]),
        user=keys.id_of(item["sk"]),
        client=item["c"],
        platform=item["p"],
        connection=item["x"],
        active=item["a"],
    )


def standing_from_item(item: Item) -> Standing:
    """A standing from its item."""
    return Standing(keys.id_of(item["sk"]), item.get("b", Black.CLEAR), item.get("u", 0), item.get("m", False))


def place_from_item(item: Item) -> Place:
    """A place from its item."""
    return Place(keys.id_of(item["k"]), item["r"], item["c"], item["t"])


class ChatroomStore(Protocol):
    """Rooms, seats, standings, places."""

    def room_key(self, room: str, *, consistent: bool = False) -> Key:
        """The address of a room, for reads that span domains."""

    def seat_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        """The address of a seat, for reads that span domains."""

    def standing_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        """The address of a standing, for reads that span domains."""

    def place_key(self, user: str) -> Key:
        """The address of a place, strongly consistent, for reads that span domains."""

    def read(self, wanted: Sequence[Key]) -> dict[Key, Item]:
        """Items of these addresses; what does not exist is missing."""

    def get(self, room: str) -> Room | None:
        """A room, strongly consistent."""

    def put(self, room: Room) -> None:
        """Make a room, or write what is not empty over one that exists; its state is always replaced, its log goes on."""

    def end(self, room: str, now_ms: int) -> bool:
        """Set the state to ended; False when there is no such room."""

    def set_muted(self, room: str, muted: bool, now_ms: int) -> bool:
        """Mute everybody but managers; False when there is no such room."""

    def begin(self, room: Room, floor: int, now_ms: int) -> bool:
        """Begin a new part of the log after ``floor``, or renew the present one, unless somebody has since this was read."""

    def seats(self, room: str) -> list[Seat]:
        """All seats, strongly consistent; those who were idle for too long are among them."""

    def sit(self, seat: Seat, before: Seat | None, expires_s: int) -> bool:
        """Give a user a seat; False when another one than ``before`` was given to him meanwhile."""

    def touch(self, seat: Seat, expires_s: int) -> bool:
        """Renew the socket and the sign of life of somebody who sits there on this client; False when he does not."""

    def clear(self, room: str, user: str, *, client: str | None = None, connection: str | None = None) -> bool:
        """Take a seat away, if it is this client's and this socket's; False when it was not."""

    def clear_all(self, room: str, users: Sequence[str]) -> None:
        """Take many seats away."""

    def place(self, user: str) -> Place | None:
        """Where a user went last, strongly consistent."""

    def go(self, place: Place, before: Place | None) -> bool:
        """Note where a user goes, if he was where he is thought to have been."""

    def forget(self, user: str, room: str, client: str) -> None:
        """Forget the place of a user, if it is this room on this client."""

    def set_black(self, room: str, user: str, black: int, until: int) -> None:
        """Mute, ban or clear a user."""

    def set_manager(self, room: str, user: str, manager: bool) -> None:
        """Make a user a manager, or none."""

    def standings(self, room: str) -> list[Standing]:
        """All standings, strongly consistent."""


class DynamoChatroomStore:
    """``ChatroomStore`` on the Directory and Ephemera tables."""

    def __init__(self, dynamo: Dynamo, directory: str, ephemera: str) -> None:
        self._dynamo = dynamo
        self._directory = directory
        self._ephemera = ephemera
        dynamo.bind(RoomItem, directory)
        self._seats = dynamo.bind(SeatItem, directory)
        self._standings = dynamo.bind(StandingItem, directory)
        dynamo.bind(PlaceItem, ephemera)

    def room_key(self, room: str, *, consistent: bool = False) -> Key:
        return self._key(room, keys.INFO, consistent)

    def seat_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        return self._key(room, keys.seat(user), consistent)

    def standing_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        return self._key(room, keys.standing(user), consistent)

    def place_key(self, user: str) -> Key:
        return Key(self._ephemera, (("k", keys.place(user)),), True)

    def read(self, wanted: Sequence[Key]) -> dict[Key, Item]:
        return self._dynamo.batch_get(wanted)

    def get(self, room: str) -> Room | None:
        key = self.room_key(room, consistent=True)
        item = self._dynamo.batch_get([key]).get(key)
        return room_from_item(item) if item else None

    def put(self, room: Room) -> None:
        texts = {"title": room.title, "desc": room.desc, "portrait": room.portrait, "extra": room.extra}
        actions = [RoomItem.state.set(room.state), RoomItem.update_dt.set(room.update_dt)]
        for name, value in texts.items():
            attribute = getattr(RoomItem, name)
            actions.append(attribute.set(value if value else attribute | value))
        for name, first in (
            ("muted", room.muted),
            ("created", room.created),
            ("floor", room.floor),
            ("alive", room.alive),
        ):
            attribute = getattr(RoomItem, name)
            actions.append(attribute.set(attribute | first))
        self._change(self._room(room.id), actions)

    def end(self, room: str, now_ms: int) -> bool:
        actions = [RoomItem.state.set(2), RoomItem.update_dt.set(now_ms)]
        return self._change(self._room(room), actions, RoomItem.pk.exists())

    def set_muted(self, room: str, muted: bool, now_ms: int) -> bool:
        actions = [RoomItem.muted.set(muted), RoomItem.update_dt.set(now_ms)]
        return self._change(self._room(room), actions, RoomItem.pk.exists())

    def begin(self, room: Room, floor: int, now_ms: int) -> bool:
        unchanged = (RoomItem.floor == room.floor) & (RoomItem.alive == room.alive)
        return self._change(self._room(room.id), [RoomItem.floor.set(floor), RoomItem.alive.set(now_ms)], unchanged)

    def seats(self, room: str) -> list[Seat]:
        condition = SeatItem.sk.startswith(keys.SEAT_PREFIX)
        items = self._dynamo.query(self._seats, keys.chatroom(room), condition, consistent=True)
        return [seat_from_item(item) for item in items]

    def sit(self, seat: Seat, before: Seat | None, expires_s: int) -> bool:
        item = SeatItem(
            keys.chatroom(seat.room),
            keys.seat(seat.user),
            c=seat.client,
            p=seat.platform,
            x=seat.connection,
            a=seat.active,
            ttl=expires_s,
        )
        expected = SeatItem.x.is_in(*{seat.connection, before.connection if before else seat.connection})
        try:
            with translated_errors():
                item.save(SeatItem.pk.does_not_exist() | expected)
        except ConditionFailed:
            return False
        return True

    def touch(self, seat: Seat, expires_s: int) -> bool:
        actions = [
            SeatItem.x.set(seat.connection),
            SeatItem.a.set(seat.active),
            SeatItem.ttl.set(expires_s),
        ]
        return self._change(self._seat(seat.room, seat.user), actions, SeatItem.c == seat.client)

    def clear(self, room: str, user: str, *, client: str | None = None, connection: str | None = None) -> bool:
        condition: Condition = SeatItem.pk.exists()
        if client is not None:
            condition &= SeatItem.c == client
        if connection is not None:
            condition &= SeatItem.x == connection
        try:
            with translated_errors():
                self._seat(room, user).delete(condition)
        except ConditionFailed:
            return False
        return True

    def clear_all(self, room: str, users: Sequence[str]) -> None:
        self._dynamo.batch_delete(
            self._directory, ({"pk": keys.chatroom(room), "sk": keys.seat(user)} for user in users)
        )

    def place(self, user: str) -> Place | None:
        key = self.place_key(user)
        item = self._dynamo.batch_get([key]).get(key)
        return place_from_item(item) if item else None

    def go(self, place: Place, before: Place | None) -> bool:
        item = PlaceItem(keys.place(place.user), r=place.room, c=place.client, t=place.taken, ttl=place.expires_s)
        condition: Condition = PlaceItem.k.does_not_exist()
        if before is not None:
            condition = (PlaceItem.r == before.room) & (PlaceItem.c == before.client) & (PlaceItem.t == before.taken)
        try:
            with translated_errors():
                item.save(condition)
        except ConditionFailed:
            return False
        return True

    def forget(self, user: str, room: str, client: str) -> None:
        try:
            with translated_errors():
                PlaceItem(keys.place(user)).delete((PlaceItem.r == room) & (PlaceItem.c == client))
        except ConditionFailed:
            return

    def set_black(self, room: str, user: str, black: int, until: int) -> None:
        actions = [StandingItem.b.set(black), StandingItem.u.set(until)]
        self._change(StandingItem(keys.chatroom(room), keys.standing(user)), actions)

    def set_manager(self, room: str, user: str, manager: bool) -> None:
        actions = [StandingItem.m.set(manager)]
        self._change(StandingItem(keys.chatroom(room), keys.standing(user)), actions)

    def standings(self, room: str) -> list[Standing]:
        condition = StandingItem.sk.startswith(keys.STANDING_PREFIX)
        items = self._dynamo.query(self._standings, keys.chatroom(room), condition, consistent=True)
        return [standing_from_item(item) for item in items]

    def _change(self, item: Model, actions: Sequence[Action], condition: Any = None) -> bool:
        try:
            with translated_errors():
                item.update(actions=list(actions), condition=condition)
        except ConditionFailed:
            return False
        return True

    def _room(self, room: str) -> RoomItem:
        return RoomItem(keys.chatroom(room), keys.INFO)

    def _seat(self, room: str, user: str) -> SeatItem:
        return SeatItem(keys.chatroom(room), keys.seat(user))

    def _key(self, room: str, sort_key: str, consistent: bool) -> Key:
        return Key(self._directory, (("pk", keys.chatroom(room)), ("sk", sort_key)), consistent)
