"""The contract of watches."""

import pytest

from im.presence.model import MAX_WATCHERS
from im.presence.store import DynamoWatchStore, WatchStore
from tests.fakes.presence import MemoryWatchStore
from tests.stores.tables import EPHEMERA

NOW = 1_790_000_000_000


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> WatchStore:
    if request.param == "memory":
        return MemoryWatchStore()
    return DynamoWatchStore(request.getfixturevalue("dynamo"), EPHEMERA)


def test_a_watch_lasts_until_its_time_or_until_it_is_ended(store: WatchStore) -> None:
    assert store.watchers("bob", NOW) == []
    assert store.watch("bob", "a|n.n%", NOW + 10, NOW)
    assert store.watch("bob", "cem", NOW + 20, NOW)

    assert store.watchers("bob", NOW + 9) == ["a|n.n%", "cem"]
    assert store.watchers("bob", NOW + 10) == ["cem"]
    assert store.watch("bob", "a|n.n%", NOW + 30, NOW + 10)
    store.unwatch("bob", "cem")
    store.unwatch("bob", "nobody")
    store.unwatch("nobody", "cem")
    assert store.watchers("bob", NOW + 10) == ["a|n.n%"]


def test_a_user_has_so_many_watchers_and_those_whose_time_is_over_make_room(store: WatchStore) -> None:
    for number in range(MAX_WATCHERS):
        assert store.watch("bob", f"w{number:03}", NOW + (10 if number else 5), NOW)

    assert not store.watch("bob", "late", NOW + 10, NOW)
    assert "late" not in store.watchers("bob", NOW)
    assert store.watch("bob", "w001", NOW + 20, NOW)
    assert store.watch("bob", "late", NOW + 20, NOW + 6)
    assert "late" in store.watchers("bob", NOW + 6)
