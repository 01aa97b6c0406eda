"""The contract of friendships."""

from typing import Any

import pytest
from msgspec.structs import replace

from im.friend.model import Between, Friend, FriendRequest
from im.friend.store import DynamoFriendStore, FriendChange, FriendStore, RequestChange
from im.message.model import Conversation
from im.message.store import DynamoRowStore, RowStore
from tests.fakes.friend import MemoryFriendStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore
from tests.stores.tables import DIRECTORY

ANN, BOB = "a|n%n", "bob"
ANNS = Friend(ANN, BOB, is_friend=True, alias="Bobby", extra="{}", update_dt=100)
BOBS = Friend(BOB, ANN, is_friend=True, is_blacked=True, update_dt=100)
ASKED = FriendRequest(ANN, BOB, "hi", "{}", sent=90, repeated=True, update_dt=95, greet_after=None)


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> tuple[FriendStore, RowStore]:
    if request.param == "memory":
        rows = MemoryRowStore(Items())
        return MemoryFriendStore(rows), rows
    dynamo = request.getfixturevalue("dynamo")
    kept = DynamoRowStore(dynamo, DIRECTORY)
    return DynamoFriendStore(dynamo, DIRECTORY, kept), kept


@pytest.fixture
def store(stores: tuple[FriendStore, RowStore]) -> FriendStore:
    return stores[0]


def new(friend: Friend) -> FriendChange:
    return FriendChange(Friend(friend.user, friend.other), friend)


def test_of_strangers_nothing_is_stored(store: FriendStore) -> None:
    assert store.between(ANN, BOB) == Between(Friend(ANN, BOB), Friend(BOB, ANN))
    assert (store.get(ANN, BOB), store.friends(ANN), store.requests(ANN)) == (Friend(ANN, BOB), [], ([], 0))


def test_rows_and_requests_come_back_from_both_sides(store: FriendStore) -> None:
    assert store.commit([new(ANNS), new(BOBS)], [RequestChange(None, ASKED)])

    assert store.between(ANN, BOB) == Between(ANNS, BOBS, outgoing=ASKED)
    assert store.between(BOB, ANN) == Between(BOBS, ANNS, incoming=ASKED)
    assert store.get(BOB, ANN) == BOBS
    assert (store.friends(ANN), store.requests(ANN)) == ([ANNS], ([ASKED], 0))
    assert (store.friends(BOB), store.requests(BOB)) == ([BOBS], ([ASKED], 0))


def test_the_chats_know_of_friends_and_blacklists(stores: tuple[FriendStore, RowStore]) -> None:
    store, rows = stores
    rows.stamp(BOB, Conversation(0, ANN), 7)

    def marks(user: str, other: str) -> Any:
        row = rows.get(user, Conversation(0, other))
        return (row.activity, row.befriended, row.blocked) if row else None

    store.commit([new(ANNS), new(BOBS)])
    assert (marks(ANN, BOB), marks(BOB, ANN)) == ((0, True, False), (7, True, True))

    alone = replace(BOBS, is_friend=False, update_dt=101)
    assert store.commit([FriendChange(BOBS, alone)])
    assert (marks(ANN, BOB), marks(BOB, ANN)) == ((0, True, False), (7, False, True))

    assert store.commit([FriendChange(alone, replace(alone, is_blacked=False, update_dt=102))])
    assert marks(BOB, ANN) == (7, False, False)


def test_what_changed_since_it_was_read_is_not_overwritten(store: FriendStore) -> None:
    store.commit([new(ANNS), new(BOBS)], [RequestChange(None, ASKED)])
    stale = replace(ANNS, update_dt=99)

    later = replace(ANNS, alias="B", update_dt=110)
    assert not store.commit([new(later)])
    assert not store.commit([FriendChange(stale, later)])
    assert not store.commit([FriendChange(stale, later), FriendChange(BOBS, replace(BOBS, alias="A", update_dt=110))])
    assert not store.commit((), [RequestChange(None, replace(ASKED, update_dt=110))])
    assert not store.commit(
        [FriendChange(ANNS, later)], [RequestChange(replace(ASKED, update_dt=9), replace(ASKED, update_dt=110))]
    )

    assert store.between(ANN, BOB) == Between(ANNS, BOBS, outgoing=ASKED)
    assert store.commit([FriendChange(ANNS, later)])


def test_only_what_changed_after_a_time_is_listed(store: FriendStore) -> None:
    for number, version in enumerate((5, 7, 9)):
        other = f"u{number}"
        row = Friend(ANN, other, alias=other, update_dt=version)
        request = FriendRequest(*((ANN, other) if number % 2 else (other, ANN)), update_dt=version)
        store.commit([new(row)], [RequestChange(None, request)])

    assert sorted(row.other for row in store.friends(ANN, 5)) == ["u1", "u2"]
    assert sorted((each.sender, each.receiver) for each in store.requests(ANN, 5)[0]) == [(ANN, "u1"), ("u2", ANN)]
    assert (store.friends(ANN, 9), store.requests(ANN, 9)) == ([], ([], 0))


def test_the_mark_of_missing_greetings_is_the_receivers_and_is_removed_once(store: FriendStore) -> None:
    accepted = replace(ASKED, status=1, greet_after=0)
    store.commit((), [RequestChange(None, accepted)])
    assert store.between(BOB, ANN).incoming == accepted
    assert store.requests(ANN) == ([replace(accepted, greet_after=None)], 0)

    store.greeted(replace(accepted, update_dt=94))
    assert store.between(BOB, ANN).incoming == accepted

    store.greeted(accepted)
    store.greeted(accepted)
    assert store.between(BOB, ANN).incoming == replace(accepted, greet_after=None)


def test_what_was_read_only_grows(store: FriendStore) -> None:
    assert [store.raise_read_until(ANN, until) for until in (5, 3, 5, 8)] == [5, 5, 5, 8]
    store.commit((), [RequestChange(None, ASKED)])
    assert (store.requests(ANN), store.requests(BOB), store.requests(ANN, 95)) == (([ASKED], 8), ([ASKED], 0), ([], 8))


def test_forgetting_a_user_leaves_what_others_keep(store: FriendStore) -> None:
    store.commit([new(ANNS), new(BOBS)], [RequestChange(None, ASKED)])
    store.raise_read_until(ANN, 5)

    store.forget(ANN)
    store.forget(ANN)

    assert (store.friends(ANN), store.requests(ANN)) == ([], ([], 0))
    assert (store.friends(BOB), store.requests(BOB)) == ([BOBS], ([ASKED], 0))
