"""The contract of the versions of what users' devices keep."""

import pytest

from im.delivery.model import Change, Versions
from im.delivery.store import DynamoVersionStore, VersionStore
from im.message.model import Conversation
from im.message.store import DynamoRowStore, RowStore
from tests.fakes.delivery import MemoryVersionStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore
from tests.stores.tables import DIRECTORY

Stores = tuple[VersionStore, RowStore]


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The versions, and the conversation rows that bring them along."""
    if request.param == "memory":
        versions = MemoryVersionStore()
        return versions, MemoryRowStore(Items(), versions)
    dynamo = request.getfixturevalue("dynamo")
    return DynamoVersionStore(dynamo, DIRECTORY), DynamoRowStore(dynamo, DIRECTORY)


def test_versions_come_with_the_conversation_rows_and_are_none_of_them(stores: Stores) -> None:
    versions, rows = stores
    rows.stamp("alice", Conversation(0, "versions"), 1)
    for number, change in enumerate(Change, start=1):
        versions.raise_to("alice", change, number)

    found, known = rows.with_versions("alice")

    assert [row.conversation.target for row in found] == ["versions"]
    assert known == Versions(settings=1, friends=2, friend_requests=3)
    assert rows.of_user("alice") == found


def test_a_version_never_goes_back(stores: Stores) -> None:
    versions, rows = stores
    for number in (5, 8, 3):
        versions.raise_to("alice", Change.FRIENDS, number)

    assert rows.with_versions("alice")[1] == Versions(friends=8)


def test_a_user_for_whom_nothing_changed_has_zeros(stores: Stores) -> None:
    versions, rows = stores
    versions.raise_to("bob", Change.FRIENDS, 5)

    assert rows.with_versions("alice") == ([], Versions())


def test_forgetting_a_user_takes_his_versions_along(stores: Stores) -> None:
    versions, rows = stores
    versions.raise_to("alice", Change.FRIENDS, 5)
    versions.raise_to("bob", Change.FRIENDS, 6)

    rows.forget("alice")

    assert rows.with_versions("alice")[1] == Versions()
    assert rows.with_versions("bob")[1] == Versions(friends=6)
