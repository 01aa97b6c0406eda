"""The contract of the logs, kept by the in-memory store and by DynamoDB alike."""

from typing import Any

import pytest
from msgspec.structs import replace

from im.message.model import Edit, Message
from im.message.store import DynamoMessageStore, MessageStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryMessageStore
from tests.stores.tables import MESSAGES

LOG = "0|0|alice|bob"


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> MessageStore:
    if request.param == "memory":
        return MemoryMessageStore(Items())
    return DynamoMessageStore(request.getfixturevalue("dynamo"), MESSAGES)


def message(seq: int, **fields: Any) -> Message:
    return replace(Message(LOG, seq, seq * 128, f"c{seq}", "alice", 1_000 + seq, '{"type":1}'), **fields)


def test_a_slot_is_won_once_and_the_loser_learns_who_has_it(store: MessageStore) -> None:
    assert store.put(message(1), indexed=True) is None

    assert store.put(message(1, cid="other"), indexed=True) == message(1)
    assert store.get(LOG, 1) == message(1)


def test_every_field_comes_back(store: MessageStore) -> None:
    full = message(1, to=("bob", "carol"), ref=7, payload='{"type":1,"searchableContent":"é\\u0000\U0001f600"}')

    store.put(full, indexed=True)

    assert store.get(LOG, 1) == full


def test_slots_are_read_in_both_directions(store: MessageStore) -> None:
    for seq in range(1, 12):
        store.put(message(seq), indexed=False)

    assert [each.seq for each in store.after(LOG, 3, 4)] == [4, 5, 6, 7]
    assert [each.seq for each in store.after(LOG, 9, 100, consistent=True)] == [10, 11]
    assert [each.seq for each in store.before(LOG, 10, 3)] == [9, 8, 7]
    assert [each.seq for each in store.before(LOG, None, 2)] == [11, 10]
    assert list(store.after("0|0|nobody|bob", 0, 5)) == []


def test_the_newest_slot_is_the_head(store: MessageStore) -> None:
    assert store.newest(LOG) is None
    for seq in range(1, 12):
        store.put(message(seq), indexed=False)

    assert store.newest(LOG) == message(11)


def test_only_indexed_messages_are_found_by_uid(store: MessageStore) -> None:
    store.put(message(1), indexed=True)
    store.put(message(2), indexed=False)

    assert store.find(128) == message(1)
    assert store.find(256) is None
    assert store.find(1) is None


def test_the_first_mark_of_a_recall_stays(store: MessageStore) -> None:
    store.put(message(1), indexed=True)

    first = store.mark_recalled(LOG, 1, "alice", 5_000, 3)
    again = store.mark_recalled(LOG, 1, "root", 9_000, 8)

    assert (first.fresh, again.fresh) == (True, False)
    assert (again.base, again.message.recall) == (3, first.message.recall)


def test_a_message_can_be_recalled_and_deleted(store: MessageStore) -> None:
    store.put(message(1), indexed=True)

    store.mark_recalled(LOG, 1, "alice", 5_000, 3)
    deletion = store.mark_deleted(LOG, 1, 6_000, 4)
    store.blank(LOG, 1, '{"type":81}')

    found = store.get(LOG, 1)
    assert found is not None
    assert (deletion.base, found.deleted, found.recall is not None, found.payload) == (4, True, True, '{"type":81}')


def test_an_edit_replaces_the_content_if_nothing_has_changed_since(store: MessageStore) -> None:
    store.put(message(1), indexed=False)
    first, second = Edit(5_000, 1), Edit(6_000, 2)

    assert store.edit(message(1), '{"type":1,"extra":"a"}', first)
    assert not store.edit(message(1), '{"type":1,"extra":"b"}', second)
    now = store.get(LOG, 1)
    assert now == message(1, payload='{"type":1,"extra":"a"}', edit=first)
    assert store.edit(now, '{"type":1,"extra":"c"}', second, time=6_000)
    assert store.get(LOG, 1) == message(1, payload='{"type":1,"extra":"c"}', edit=second, time=6_000)


def test_reactions_are_replaced_if_nothing_has_changed_since_and_go_with_the_content(store: MessageStore) -> None:
    store.put(message(1), indexed=False)
    one, two = {"\U0001f44d": {"bob": 2}}, {"\U0001f44d": {"bob": 2, "ann": 3}}

    assert store.react(message(1), one, 2)
    assert not store.react(message(1), two, 3)
    now = store.get(LOG, 1)
    assert now == message(1, reactions=one, reacted=2)
    assert store.react(now, two, 3)
    assert store.react(message(1, reactions=two, reacted=3), {}, 4)
    assert store.get(LOG, 1) == message(1, reacted=4)
    assert store.react(message(1, reacted=4), one, 5)
    store.blank(LOG, 1, "{}")
    assert store.get(LOG, 1) == message(1, payload="{}", reacted=5)


@pytest.mark.parametrize("mark", ["recall", "delete"])
def test_what_was_taken_back_is_neither_edited_nor_reacted_to(store: MessageStore, mark: str) -> None:
    store.put(message(1), indexed=False)
    if mark == "recall":
        store.mark_recalled(LOG, 1, "alice", 9_000, 1)
    else:
        store.mark_deleted(LOG, 1, 9_000, 1)

    assert not store.edit(message(1), "{}", Edit(5_000, 1))
    assert not store.react(message(1), {"x": {"bob": 2}}, 2)
    assert not store.edit(message(9), "{}", Edit(5_000, 1))


def test_several_slots_are_read_at_once(store: MessageStore) -> None:
    for seq in (1, 2, 3):
        store.put(message(seq), indexed=False)

    assert store.get_many(LOG, [3, 1, 9]) == {1: message(1), 3: message(3)}
    assert store.get_many(LOG, []) == {}
