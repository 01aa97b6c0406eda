"""Chatrooms in memory, holding the same plain items as the tables, so that reads which span domains decode them alike."""

from collections.abc import Sequence
from typing import Any

from im import keys
from im.chatroom.model import Place, Room, Seat, Standing, State
from im.chatroom.store import place_from_item, room_from_item, seat_from_item, standing_from_item
from im.platform.dynamo import Item, Key
from tests.fakes.items import Items

TABLE = "rooms"
PLACES = "places"

Address = tuple[str, str]


class MemoryChatroomStore:
    """``ChatroomStore`` in a dictionary."""

    def __init__(self, items: Items) -> None:
        self._shared = items
        self._items: dict[Address, Item] = {}
        items.serve(TABLE, lambda key: self._items.get((str(key.key[0][1]), str(key.key[1][1]))))
        items.serve(PLACES, lambda key: self._items.get((str(key.key[0][1]), "")))

    def room_key(self, room: str, *, consistent: bool = False) -> Key:
        return _key(_room(room), consistent)

    def seat_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        return _key(_seat(room, user), consistent)

    def standing_key(self, room: str, user: str, *, consistent: bool = False) -> Key:
        return _key(_standing(room, user), consistent)

    def place_key(self, user: str) -> Key:
        return Key(PLACES, (("k", keys.place(user)),), True)

    def read(self, wanted: Sequence[Key]) -> dict[Key, Item]:
        return self._shared.read(wanted)

    def get(self, room: str) -> Room | None:
        item = self._items.get(_room(room))
        return room_from_item(item) if item else None

    def put(self, room: Room) -> None:
        old = self._items.get(_room(room.id), {})
        new: dict[str, Any] = {"state": room.state, "update_dt": room.update_dt}
        for name in ("title", "desc", "portrait", "extra"):
            new[name] = getattr(room, name) or old.get(name, "")
        for name in ("muted", "created", "floor", "alive"):
            new[name] = old.get(name, getattr(room, name))
        self._put(_room(room.id), new)

    def end(self, room: str, now_ms: int) -> bool:
        return self._change(_room(room), state=int(State.ENDED), update_dt=now_ms)

    def set_muted(self, room: str, muted: bool, now_ms: int) -> bool:
        return self._change(_room(room), muted=muted, update_dt=now_ms)

    def begin(self, room: Room, floor: int, now_ms: int) -> bool:
        known = self.get(room.id)
        if known is None or (known.floor, known.alive) != (room.floor, room.alive):
            return False
        return self._change(_room(room.id), floor=floor, alive=now_ms)

    def seats(self, room: str) -> list[Seat]:
        return [seat_from_item(item) for item in self._of(room, keys.SEAT_PREFIX)]

    def sit(self, seat: Seat, before: Seat | None, expires_s: int) -> bool:
        known = self._items.get(_seat(seat.room, seat.user))
        expected = {seat.connection, before.connection if before else seat.connection}
        if known is not None and known["x"] not in expected:
            return False
        new = {"c": seat.client, "p": seat.platform, "x": seat.connection, "a": seat.active, "ttl": expires_s}
        self._put(_seat(seat.room, seat.user), new)
        return True

    def touch(self, seat: Seat, expires_s: int) -> bool:
        address = _seat(seat.room, seat.user)
        if self._items.get(address, {}).get("c") != seat.client:
            return False
        return self._change(address, x=seat.connection, a=seat.active, ttl=expires_s)

    def clear(self, room: str, user: str, *, client: str | None = None, connection: str | None = None) -> bool:
        known = self._items.get(_seat(room, user))
        if known is None or client not in (None, known["c"]) or connection not in (None, known["x"]):
            return False
        del self._items[_seat(room, user)]
        return True

    def clear_all(self, room: str, users: Sequence[str]) -> None:
        for user in users:
            self._items.pop(_seat(room, user), None)

    def place(self, user: str) -> Place | None:
        item = self._items.get(_place(user))
        return place_from_item(item) if item else None

    def go(self, place: Place, before: Place | None) -> bool:
        if self.place(place.user) != before:
            return False
        self._items[_place(place.user)] = {
            "k": keys.place(place.user),
            "r": place.room,
            "c": place.client,
            "t": place.taken,
            "ttl": place.expires_s,
        }
        return True

    def forget(self, user: str, room: str, client: str) -> None:
        place = self.place(user)
        if place and (place.room, place.client) == (room, client):
            del self._items[_place(user)]

    def set_black(self, room: str, user: str, black: int, until: int) -> None:
        self._put(_standing(room, user), {**self._items.get(_standing(room, user), {}), "b": black, "u": until})

    def set_manager(self, room: str, user: str, manager: bool) -> None:
        self._put(_standing(room, user), {**self._items.get(_standing(room, user), {}), "m": manager})

    def standings(self, room: str) -> list[Standing]:
        return [standing_from_item(item) for item in self._of(room, keys.STANDING_PREFIX)]

    def _of(self, room: str, prefix: str) -> list[Item]:
        partition = keys.chatroom(room)
        return [item for (pk, sk), item in sorted(self._items.items()) if pk == partition and sk.startswith(prefix)]

    def _put(self, address: Address, values: Item) -> None:
        self._items[address] = {"pk": address[0], "sk": address[1], **values}

    def _change(self, address: Address, **values: Any) -> bool:
        if address not in self._items:
            return False
        self._items[address] = {**self._items[address], **values}
        return True


def _room(room: str) -> Address:
    return keys.chatroom(room), keys.INFO


def _seat(room: str, user: str) -> Address:
    return keys.chatroom(room), keys.seat(user)


def _standing(room: str, user: str) -> Address:
    return keys.chatroom(room), keys.standing(user)


def _place(user: str) -> Address:
    return keys.place(user), ""


def _key(address: Address, consistent: bool) -> Key:
    return Key(TABLE, (("pk", address[0]), ("sk", address[1])), consistent)
