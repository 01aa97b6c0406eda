"""The contract of rooms, seats, standings and places."""

from typing import Any

import pytest
from msgspec.structs import replace

from im import keys
from im.chatroom.model import Place, Room, Seat, Standing
from im.chatroom.store import ChatroomStore, DynamoChatroomStore, room_from_item, seat_from_item
from im.message.model import Message
from im.message.store import DynamoMessageStore
from im.platform.dynamo import Dynamo
from tests.fakes.chatroom import MemoryChatroomStore
from tests.fakes.items import Items
from tests.stores.tables import DIRECTORY, EPHEMERA, MESSAGES

LOBBY = Room("lo|bby%", "Lobby", "desc", "http://portrait", "{}", 1, False, 1_000, 1_001, 1_002, 1_003)
ANN = Seat(LOBBY.id, "a|nn%", "phone", 2, "GXL=", 5_000)
EXPIRES = 9


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> ChatroomStore:
    if request.param == "memory":
        return MemoryChatroomStore(Items())
    return DynamoChatroomStore(request.getfixturevalue("dynamo"), DIRECTORY, EPHEMERA)


def test_a_room_comes_back_as_it_was_made(store: ChatroomStore) -> None:
    store.put(LOBBY)

    assert store.get(LOBBY.id) == LOBBY
    assert store.get("nowhere") is None


def test_making_a_room_again_keeps_what_is_not_given_and_its_log(store: ChatroomStore) -> None:
    store.put(LOBBY)
    store.set_muted(LOBBY.id, True, 1_500)

    store.put(Room(LOBBY.id, desc="new", state=0, created=2_000, update_dt=2_000, floor=2_000, alive=2_000))

    assert store.get(LOBBY.id) == replace(LOBBY, desc="new", state=0, update_dt=2_000, muted=True)


def test_ending_and_muting_need_a_room(store: ChatroomStore) -> None:
    assert not store.end("nowhere", 5)
    assert not store.set_muted("nowhere", True, 5)
    assert store.get("nowhere") is None

    store.put(LOBBY)
    assert store.end(LOBBY.id, 5_000)
    assert store.get(LOBBY.id) == replace(LOBBY, state=2, update_dt=5_000)


def test_a_part_of_the_log_is_begun_by_who_saw_the_present_one(store: ChatroomStore) -> None:
    store.put(LOBBY)

    assert store.begin(LOBBY, 7_000, 7_000)
    assert not store.begin(LOBBY, 8_000, 8_000)

    begun = store.get(LOBBY.id)
    assert begun == replace(LOBBY, floor=7_000, alive=7_000)
    assert not store.begin(replace(LOBBY, id="nowhere"), 1, 1)


def test_a_seat_is_taken_renewed_and_cleared_by_its_owner(store: ChatroomStore) -> None:
    assert store.sit(ANN, None, EXPIRES)
    assert store.seats(LOBBY.id) == [ANN]

    moved = replace(ANN, connection="H", active=6_000)
    assert store.touch(moved, EXPIRES)
    assert store.seats(LOBBY.id) == [moved]
    assert not store.touch(replace(moved, client="tablet"), EXPIRES)
    assert not store.clear(LOBBY.id, ANN.user, client="tablet")
    assert not store.clear(LOBBY.id, ANN.user, connection=ANN.connection)
    assert store.clear(LOBBY.id, ANN.user, client="phone", connection="H")
    assert not store.clear(LOBBY.id, ANN.user)
    assert not store.touch(moved, EXPIRES)
    assert store.seats(LOBBY.id) == []


def test_a_seat_is_given_only_in_place_of_the_one_that_was_seen(store: ChatroomStore) -> None:
    other = replace(ANN, client="tablet", connection="T")
    assert store.sit(ANN, None, EXPIRES)

    assert not store.sit(other, None, EXPIRES)
    assert store.sit(other, ANN, EXPIRES)
    assert store.sit(other, None, EXPIRES), "a repeat of one's own write"
    assert store.clear(LOBBY.id, ANN.user)
    assert store.sit(ANN, other, EXPIRES), "the one that was seen has been cleared"


def test_all_seats_are_listed_and_cleared(store: ChatroomStore) -> None:
    many = [replace(ANN, user=f"user{number}", connection=str(number)) for number in range(60)]
    for seat in many:
        store.sit(seat, None, EXPIRES)
    store.put(LOBBY)
    store.set_manager(LOBBY.id, "user1", True)

    assert sorted(store.seats(LOBBY.id), key=lambda seat: int(seat.connection)) == many
    store.clear_all(LOBBY.id, [seat.user for seat in many[1:]])
    assert store.seats(LOBBY.id) == many[:1]


def test_a_place_changes_only_from_what_was_seen(store: ChatroomStore) -> None:
    first = Place("a|nn%", LOBBY.id, "phone", 5_000)
    second = replace(first, room="bar", taken=6_000)
    assert store.place("a|nn%") is None

    assert store.go(first, None)
    assert not store.go(second, None)
    assert not store.go(second, replace(first, taken=1))
    assert store.go(second, first)
    assert store.place("a|nn%") == second
    store.forget("a|nn%", LOBBY.id, "phone")
    assert store.place("a|nn%") == second
    store.forget("a|nn%", "bar", "phone")
    assert store.place("a|nn%") is None


def test_standings_keep_mutes_and_managers_apart(store: ChatroomStore) -> None:
    store.set_black(LOBBY.id, "ann", 2, 7_000)
    store.set_manager(LOBBY.id, "ann", True)
    store.set_manager(LOBBY.id, "b|o%b", True)
    store.set_manager(LOBBY.id, "b|o%b", False)

    assert store.standings(LOBBY.id) == [Standing("ann", 2, 7_000, True), Standing("b|o%b")]


def test_everything_is_found_by_its_address(store: ChatroomStore) -> None:
    store.put(LOBBY)
    store.sit(ANN, None, EXPIRES)
    room, seat = store.room_key(LOBBY.id, consistent=True), store.seat_key(LOBBY.id, ANN.user)

    found = store.read([room, seat, store.standing_key(LOBBY.id, "x"), store.place_key("x")])

    assert found.keys() == {room, seat}
    assert (room_from_item(found[room]), seat_from_item(found[seat])) == (LOBBY, ANN)


def test_only_messages_in_chatrooms_and_seats_expire(dynamo: Dynamo, client: Any) -> None:
    messages = DynamoMessageStore(dynamo, MESSAGES, room_retention_ms=60_000)
    room, chat = keys.target_conversation(2, "lobby", 0), keys.single_conversation("ann", "bob", 0)
    for log in (room, chat):
        messages.put(Message(log, 1, 1, "c", "ann", 5_000, "{}"), indexed=False)
    rooms = DynamoChatroomStore(dynamo, DIRECTORY, EPHEMERA)
    rooms.put(LOBBY)
    rooms.sit(ANN, None, EXPIRES)

    stored = {item["c"]["S"]: item.get("e") for item in client.scan(TableName=MESSAGES)["Items"]}
    assert stored == {room: {"N": "65"}, chat: None}
    kept = {item["sk"]["S"]: item.get("ttl") for item in client.scan(TableName=DIRECTORY)["Items"]}
    assert kept == {"info": None, keys.seat(ANN.user): {"N": str(EXPIRES)}}


def test_blanking_a_message_that_has_expired_leaves_nothing_behind(dynamo: Dynamo, client: Any) -> None:
    DynamoMessageStore(dynamo, MESSAGES).blank(keys.target_conversation(2, "lobby", 0), 1, "{}")

    assert client.scan(TableName=MESSAGES)["Items"] == []
