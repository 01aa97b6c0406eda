"""The contract of channels, their subscribers and their names."""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

from im.channel.model import Channel, Menu, State, SubMenu
from im.channel.store import ChannelStore, DynamoChannelStore, Seat, Subscriber, channel_from_item
from im.message.model import Conversation, Row
from im.message.store import DynamoRowStore, RowStore
from im.platform.dynamo import Dynamo
from tests.fakes.channel import MemoryChannelStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore
from tests.stores.tables import DIRECTORY

NEWS = Channel(
    "ne%ws",
    "Daily News",
    "ol|ga",
    "http://portrait",
    "desc",
    "{}",
    0,
    "secret",
    "https://callback",
    1,
    (Menu(name="Help", subMenus=(SubMenu(name="More"),)),),
    created=1_000,
    update_dt=1_001,
    activity=7,
    lines=(0,),
)
OWN = Conversation(3, NEWS.id)


class Stores(NamedTuple):
    """Channels, and the rows that they open and close."""

    channels: ChannelStore
    rows: RowStore


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        items = Items()
        rows = MemoryRowStore(items)
        return Stores(MemoryChannelStore(items, rows), rows)
    dynamo: Dynamo = request.getfixturevalue("dynamo")
    return Stores(DynamoChannelStore(dynamo, DIRECTORY), DynamoRowStore(dynamo, DIRECTORY))


@pytest.fixture
def store(stores: Stores) -> ChannelStore:
    assert stores.channels.put(NEWS, None)
    return stores.channels


def test_a_channel_comes_back_as_it_was_made(store: ChannelStore) -> None:
    assert store.get(NEWS.id) == NEWS
    assert store.get("nowhere") is None
    assert store.get_many([NEWS.id, "nowhere"]) == {NEWS.id: NEWS}


def test_a_change_is_made_by_who_saw_the_present_state(store: ChannelStore) -> None:
    new = replace(NEWS, name="Olds", update_dt=2_000)

    assert not store.put(new, None)
    assert store.put(new, NEWS)
    assert not store.put(replace(NEWS, name="Late", update_dt=2_001), NEWS)
    assert store.get(NEWS.id) == new


def test_a_change_does_not_take_a_stamp_back(store: ChannelStore) -> None:
    store.stamp(NEWS.id, 9, 4)
    store.stamp(NEWS.id, 8, 4)

    assert store.put(replace(NEWS, name="Olds", update_dt=2_000), NEWS)

    known = store.get(NEWS.id)
    assert known is not None
    assert (known.activity, known.lines) == (9, (0, 4))


def test_owners_come_and_go_with_the_change(stores: Stores) -> None:
    assert stores.channels.put(NEWS, None, [Seat("ol|ga", firsts={0: 1})])
    assert stores.rows.get("ol|ga", OWN) == Row(OWN, firsts={0: 1})

    later = replace(NEWS, owner="pete", update_dt=120_000)
    seats = [Seat("ol|ga", lasts={0: 5}), Seat("pete", firsts={0: 6})]
    assert stores.channels.put(later, NEWS, seats)

    assert stores.rows.get("ol|ga", OWN) == Row(OWN, firsts={0: 1}, lasts={0: 5}, activity=2)
    assert stores.rows.get("pete", OWN) == Row(OWN, firsts={0: 6}, activity=2)
    assert not stores.channels.put(later, NEWS, [Seat("late", firsts={})])
    assert stores.rows.get("late", OWN) is None


def test_a_subscription_opens_the_row_and_its_end_closes_it(stores: Stores, store: ChannelStore) -> None:
    assert store.subscribe(NEWS.id, Subscriber("a|nn", 5_000), {0: 4, 7: 1}, 3)
    assert stores.rows.get("a|nn", OWN) == Row(OWN, firsts={0: 4, 7: 1}, activity=3)
    assert not store.subscribe(NEWS.id, Subscriber("a|nn", 6_000), {0: 9}, 9)
    assert store.page(NEWS.id, "", 10) == [Subscriber("a|nn", 5_000)]

    assert store.unsubscribe(NEWS.id, "a|nn", {0: 8}, 4)
    assert not store.unsubscribe(NEWS.id, "a|nn", {0: 9}, 9)
    assert stores.rows.get("a|nn", OWN) == Row(OWN, firsts={0: 4, 7: 1}, lasts={0: 8}, activity=4)
    assert store.page(NEWS.id, "", 10) == []

    assert store.subscribe(NEWS.id, Subscriber("a|nn", 7_000), {0: 9}, 5)
    assert stores.rows.get("a|nn", OWN) == Row(OWN, firsts={0: 9}, activity=5)


def test_the_row_of_an_owner_stays_as_it_is_when_he_subscribes(stores: Stores, store: ChannelStore) -> None:
    assert store.subscribe(NEWS.id, Subscriber("ol|ga", 1), None, 3)
    assert stores.rows.get("ol|ga", OWN) is None
    assert store.unsubscribe(NEWS.id, "ol|ga", None, 3)
    assert stores.rows.get("ol|ga", OWN) is None


def test_subscribers_are_listed_page_by_page_in_their_order(store: ChannelStore) -> None:
    for user in ("c", "a|a", "b%b"):
        store.subscribe(NEWS.id, Subscriber(user, 1), {0: 1}, 1)

    first = store.page(NEWS.id, "", 2)
    rest = store.page(NEWS.id, first[-1].user, 2)

    assert sorted(each.user for each in [*first, *rest]) == ["a|a", "b%b", "c"]
    assert store.among(NEWS.id, ["c", "a|a", "x"]) == {"c", "a|a"}
    assert store.listened("c", [NEWS.id, "nowhere"]) == {NEWS.id}


def test_public_channels_are_found_by_any_part_of_their_names(store: ChannelStore) -> None:
    hidden = replace(NEWS, id="hidden", state=int(State.PRIVATE))
    assert store.put(hidden, None)

    assert store.find("aily n", 10) == store.find("news", 10) == [NEWS.id]

    assert store.put(replace(NEWS, name="Weekly", update_dt=2_000), NEWS)
    assert store.find("news", 10) == []
    assert store.find("week", 10) == [NEWS.id]


def test_what_is_destroyed_is_on_no_list(store: ChannelStore) -> None:
    later = replace(NEWS, id="later", created=2_000, state=int(State.GLOBAL))
    assert store.put(later, None)
    assert store.list_ids(0, 10) == [NEWS.id, "later"]
    assert store.list_ids(1, 1) == ["later"]
    assert store.count_listed() == 2
    assert store.global_ids() == ["later"]

    for old in (NEWS, later):
        gone = replace(old, state=old.state | State.DELETED, update_dt=3_000)
        assert store.put(gone, old)
        assert store.get(old.id) == gone
    assert (store.list_ids(0, 10), store.count_listed(), store.global_ids()) == ([], 0, [])
    assert store.find("news", 10) == []


def test_reads_that_span_domains_decode_the_same(stores: Stores, store: ChannelStore) -> None:
    store.subscribe(NEWS.id, Subscriber("ann", 1), {0: 1}, 1)
    key, subscriber = store.info_key(NEWS.id), store.subscriber_key(NEWS.id, "ann")
    read = store._dynamo.batch_get if isinstance(store, DynamoChannelStore) else stores.rows._items.read  # type: ignore[attr-defined]

    found = read([key, subscriber, store.subscriber_key(NEWS.id, "bob")])

    assert channel_from_item(found[key]) == NEWS
    assert found.keys() == {key, subscriber}
