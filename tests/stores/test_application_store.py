"""The contract of auth codes."""

import pytest

from im.application.model import Application, Kind, Permission
from im.application.store import DynamoPermissionStore, PermissionStore
from tests.fakes.application import MemoryPermissionStore
from tests.stores.tables import EPHEMERA

PERMISSION = Permission("alice", Application(Kind.CHANNEL, "news"), 1_790_000_060_000)


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> PermissionStore:
    if request.param == "memory":
        return MemoryPermissionStore()
    return DynamoPermissionStore(request.getfixturevalue("dynamo"), EPHEMERA)


def test_a_permission_is_found_by_its_code(store: PermissionStore) -> None:
    for_all = Permission("bob", Application(Kind.BACK_END), 7)
    store.put("one", PERMISSION)
    store.put("two", for_all)

    assert (store.get("one"), store.get("two"), store.get("three")) == (PERMISSION, for_all, None)
