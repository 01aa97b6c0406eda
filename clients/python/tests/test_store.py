"""The store: ranges without holes, removals and returns, and answers that come late."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildfire_client import Content, Conversation, TextContent
from wildfire_client.contents import MembersAdded, MembersRemoved
from wildfire_client.store import Row, Store

BOB = Conversation.single("bob")
TEAM = Conversation.group("team")


def wire(seq: int, content: Content, sender: str = "bob", **more: Any) -> dict[str, Any]:
    payload = content.encode().to_wire()
    return {"seq": seq, "uid": str(seq), "cid": f"c{seq}", "from": sender, "time": seq, "content": payload} | more


def listed(conversation: Conversation, head: int, **more: Any) -> dict[str, Any]:
    return {"conversation": conversation.to_wire(), "head": head, "read": 0, "first": 1} | more


_opened: list[Store] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def store_with(conversation: Conversation) -> tuple[Store, Row]:
    store = Store(":memory:")
    _opened.append(store)
    store.claim("alice")
    return store, store.begin(conversation, 0, delivered=0)


REMOVED = MembersRemoved("team", "bob", members=("alice",))
ADDED = MembersAdded("team", "bob", members=("alice",))


def test_what_a_pull_brings_beyond_my_removal_is_not_kept() -> None:
    store, row = store_with(TEAM)
    store.apply(row.id, 0, 3, [wire(1, TextContent("1")), wire(2, REMOVED), wire(3, TextContent("secret"))])
    assert store.message_at(row.id, 3) is None
    assert store.row(row.id).last == 2
    assert store.row(row.id).end == 2


def test_a_pull_that_holds_my_removal_and_my_return_leaves_me_a_member() -> None:
    store, row = store_with(TEAM)
    store.apply(
        row.id, 0, 4, [wire(1, REMOVED), wire(2, TextContent("secret")), wire(3, ADDED), wire(4, TextContent("4"))]
    )
    assert store.row(row.id).last is None
    assert store.message_at(row.id, 2) is None
    assert store.message_at(row.id, 4) is not None


def test_old_notices_of_my_removal_that_are_fetched_again_change_nothing() -> None:
    store, row = store_with(TEAM)
    messages = [wire(1, REMOVED), wire(2, ADDED), wire(3, TextContent("3"))]
    store.apply(row.id, 0, 3, messages)
    store.apply(row.id, 0, 1, messages[:1])
    assert store.row(row.id).last is None


@pytest.mark.parametrize("head", [1, 2])
def test_an_answer_from_before_my_removal_does_not_undo_it(head: int) -> None:
    store, row = store_with(TEAM)
    store.apply(row.id, 0, 2, [wire(1, TextContent("1")), wire(2, REMOVED)])
    store.record_hello({"conversations": [listed(TEAM, head)]}, 50)
    assert store.row(row.id).last == 2


def test_an_answer_from_before_my_return_does_not_undo_it() -> None:
    store, row = store_with(TEAM)
    store.apply(row.id, 0, 2, [wire(1, TextContent("1")), wire(2, REMOVED)])
    store.rejoined(row.id)
    store.apply(row.id, 2, 5, [wire(5, ADDED)])
    store.record_hello({"conversations": [listed(TEAM, 2, last=2)]}, 50)
    assert store.row(row.id).last is None


def test_an_answer_from_after_my_return_makes_me_a_member_again() -> None:
    store, row = store_with(TEAM)
    store.apply(row.id, 0, 2, [wire(1, TextContent("1")), wire(2, REMOVED)])
    store.record_hello({"conversations": [listed(TEAM, 7)]}, 50)
    assert store.row(row.id).last is None
    assert [behind.id for behind in store.behind(10)] == [row.id]


def test_a_message_that_was_deleted_for_all_before_it_came_is_no_news() -> None:
    store, row = store_with(BOB)
    gone = wire(1, TextContent("")) | {"content": {"type": 81, "content": "bob"}, "deleted": True}
    store.apply(row.id, 0, 2, [gone, wire(2, TextContent("2"))])
    undelivered = store.undelivered(10)
    assert undelivered is not None
    assert [entry.deleted for entry in undelivered[1]] == [True, False]
    assert [message.seq for message in store.page(row.id, None, 10).messages] == [2]


def test_a_message_counts_from_where_i_have_read() -> None:
    store, row = store_with(BOB)
    store.apply(row.id, 0, 4, [wire(seq, TextContent(str(seq))) for seq in range(1, 5)])
    store.mark_read(row.id, 3)
    assert store.unread(store.row(row.id)).total == 1
    store.mark_read(row.id, 99)
    assert store.row(row.id).read == 4


def test_a_transaction_that_fails_leaves_nothing() -> None:
    store, row = store_with(BOB)
    with pytest.raises(KeyError):
        store.apply_history(row.id, 3, [wire(1, TextContent("1")), {"content": {"type": 1}}], more=False)
    assert store.message_at(row.id, 1) is None
    assert store.row(row.id).high == 0


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=12))
def test_ranges_say_exactly_what_was_covered(pieces: list[tuple[int, int]]) -> None:
    store, row = store_with(BOB)
    known: set[int] = set()
    for after, length in pieces:
        known |= set(range(after + 1, after + length + 1))
        store.apply(
            row.id, after, after + length, [wire(seq, TextContent("x")) for seq in range(after + 1, after + length + 1)]
        )
    for seq in range(45):
        reach = seq
        while reach + 1 in known:
            reach += 1
        assert store.held_after(row.id, seq) == reach
    now = store.row(row.id)
    assert now.high == max(known, default=0)
    assert set(range(now.low, now.high + 1)) <= known or not known
    page = store.page(row.id, None, 100)
    assert [message.seq for message in page.messages] == list(range(now.low, now.high + 1))
