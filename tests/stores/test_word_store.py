"""The contract of the sensitive-word list."""

import pytest

from im.moderation.store import DynamoWordStore, WordStore
from tests.fakes.moderation import MemoryWordStore
from tests.stores.tables import DIRECTORY


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> WordStore:
    if request.param == "memory":
        return MemoryWordStore()
    return DynamoWordStore(request.getfixturevalue("dynamo"), DIRECTORY)


def test_words_come_and_go_and_every_change_raises_the_version(store: WordStore) -> None:
    versions = [store.version()]
    store.add(["坏", "b|%d", "bad", "bad"])
    versions.append(store.version())
    assert sorted(store.words()) == ["bad", "b|%d", "坏"]

    store.remove(["bad", "never there"])
    versions.append(store.version())
    assert sorted(store.words()) == ["b|%d", "坏"]
    assert versions == [0, 1, 2]
