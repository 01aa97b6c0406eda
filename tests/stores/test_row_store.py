"""The contract of the conversation rows."""

import pytest

from im.message.model import Conversation, Row
from im.message.store import DynamoRowStore, RowStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore
from tests.stores.tables import DIRECTORY

BOB = Conversation(0, "bob")
ODD = Conversation(0, "b|o%b")
TEAM = Conversation(1, "team")


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> RowStore:
    if request.param == "memory":
        return MemoryRowStore(Items())
    return DynamoRowStore(request.getfixturevalue("dynamo"), DIRECTORY)


def test_a_stamp_makes_a_row_and_never_goes_back(store: RowStore) -> None:
    for minute in (10, 12, 11):
        store.stamp("alice", BOB, minute)

    assert store.get("alice", BOB) == Row(BOB, activity=12)


def test_a_read_cursor_never_goes_back_and_says_where_it_stands(store: RowStore) -> None:
    assert [store.advance_read("alice", BOB, seq) for seq in (5, 3, 5, 8)] == [5, 5, 5, 8]
    assert store.get("alice", BOB) == Row(BOB, read=8)


def test_a_cursor_says_when_it_got_there(store: RowStore) -> None:
    for seq, at in ((5, 100), (3, 200), (5, 300)):
        store.advance_read("alice", BOB, seq, at)

    assert store.get("alice", BOB) == Row(BOB, read=5, read_at=100)


def test_rows_of_a_user_are_his_own(store: RowStore) -> None:
    store.stamp("alice", BOB, 1)
    store.stamp("alice", ODD, 2)
    store.stamp("bob", BOB, 3)

    assert sorted(row.conversation.target for row in store.of_user("alice")) == ["bob", "b|o%b"]


def test_marks_of_friends_and_blacklists_come_and_go(store: RowStore) -> None:
    store.stamp("bob", BOB, 4)
    store.relate("bob", "bob", blocked=True, befriended=True)
    assert store.get("bob", BOB) == Row(BOB, activity=4, blocked=True, befriended=True)

    store.relate("bob", "bob", blocked=False, befriended=True)
    assert store.get("bob", BOB) == Row(BOB, activity=4, befriended=True)

    store.relate("bob", "bob", blocked=False, befriended=False)
    assert store.get("bob", BOB) == Row(BOB, activity=4)


def test_joining_opens_and_leaving_closes_what_one_may_see(store: RowStore) -> None:
    store.enter("alice", "team", {0: 7}, 20, 1)
    opened = store.get("alice", TEAM)
    store.leave("alice", "team", {0: 30}, 21, 2)
    store.leave("alice", "team", {0: 28}, 22, 2)
    closed = store.get("alice", TEAM)
    store.enter("alice", "team", {0: 50}, 23, 3)

    assert opened == Row(TEAM, activity=20, firsts={0: 7})
    assert closed == Row(TEAM, activity=22, firsts={0: 7}, lasts={0: 30})
    assert store.get("alice", TEAM) == Row(TEAM, activity=23, firsts={0: 50})


def test_a_removal_begins_only_once(store: RowStore) -> None:
    store.enter("alice", "team", {0: 7}, 20, 1)
    store.leave("alice", "team", {0: 30}, 21, 2, begins=True)
    store.leave("alice", "team", {0: 32}, 22, 2, begins=True)
    assert store.get("alice", TEAM) == Row(TEAM, activity=21, firsts={0: 7}, lasts={0: 30})

    store.leave("alice", "team", {0: 31}, 23, 2)
    assert store.get("alice", TEAM) == Row(TEAM, activity=23, firsts={0: 7}, lasts={0: 31})


def test_joining_again_moves_nothing_of_what_one_may_see(store: RowStore) -> None:
    store.advance_read("alice", TEAM, 3)
    store.enter("alice", "team", {0: 7}, 20, 1)
    store.enter("alice", "team", {0: 9}, 23, 1)

    assert store.get("alice", TEAM) == Row(TEAM, read=3, activity=20, firsts={0: 7})


def test_of_contrary_changes_the_later_one_counts_whichever_is_written_last(store: RowStore) -> None:
    store.enter("alice", "team", {0: 7}, 20, 3)
    store.leave("alice", "team", {0: 9}, 23, 2)
    assert store.get("alice", TEAM) == Row(TEAM, activity=20, firsts={0: 7})

    store.leave("alice", "team", {0: 11}, 24, 4)
    store.enter("alice", "team", {0: 5}, 25, 3)
    assert store.get("alice", TEAM) == Row(TEAM, activity=24, firsts={0: 7}, lasts={0: 11})


def test_a_joining_restarts_an_open_row_when_a_removal_came_between(store: RowStore) -> None:
    store.enter("alice", "team", {0: 7}, 20, 1)
    store.enter("alice", "team", {0: 30}, 21, 3)
    store.leave("alice", "team", {0: 29}, 22, 2)

    assert store.get("alice", TEAM) == Row(TEAM, activity=21, firsts={0: 30})


def test_who_has_blacklisted_somebody_is_known_of_many_at_once(store: RowStore) -> None:
    store.relate("bob", "alice", blocked=True, befriended=False)
    store.relate("alice", "carol", blocked=True, befriended=False)
    store.stamp("carol", Conversation(0, "alice"), 4)

    kept = store.kept_of("alice", ["bob", "carol", "dora"])
    assert {other: row.blocked for other, row in kept.items()} == {"bob": True, "carol": False}
    assert store.kept_of("alice", []) == {}


def test_many_can_join_at_once(store: RowStore) -> None:
    users = [f"u{number}" for number in range(60)]

    store.enter_many(users, "team", {}, 9, 1)

    assert all(store.get(user, TEAM) == Row(TEAM, activity=9, firsts={}) for user in users)


def test_a_cursor_on_a_group_says_nothing_of_membership(store: RowStore) -> None:
    store.advance_read("alice", TEAM, 3)

    row = store.get("alice", TEAM)
    assert row is not None
    assert row.firsts is None


def test_forgetting_a_user_removes_his_rows_only(store: RowStore) -> None:
    store.stamp("alice", BOB, 1)
    store.enter("alice", "team", {}, 1, 1)
    store.stamp("bob", BOB, 1)

    store.forget("alice")

    assert store.of_user("alice") == []
    assert len(store.of_user("bob")) == 1


def test_the_bounds_of_clearing_and_removing_only_grow(store: RowStore) -> None:
    assert [store.clear("alice", BOB, seq) for seq in (4, 2)] == [4, 4]
    assert [store.remove("alice", BOB, seq) for seq in (7, 5)] == [7, 7]

    assert store.get("alice", BOB) == Row(BOB, cleared=4, removed=7)
