"""The contract of a deployment's settings."""

import pytest

from im.system.model import SystemSetting
from im.system.store import DynamoSystemSettingStore, SystemSettingStore
from tests.fakes.system import MemorySystemSettingStore
from tests.stores.tables import DIRECTORY


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> SystemSettingStore:
    if request.param == "memory":
        return MemorySystemSettingStore()
    return DynamoSystemSettingStore(request.getfixturevalue("dynamo"), DIRECTORY)


def test_a_setting_comes_back_and_keeps_what_is_not_given(store: SystemSettingStore) -> None:
    assert store.get(1) is None

    store.put(SystemSetting(1, "3000", "size"))
    store.put(SystemSetting(1, "2000"))
    assert store.get(1) == SystemSetting(1, "2000", "size")

    store.put(SystemSetting(1, desc="of groups"))
    store.put(SystemSetting(2, "root"))
    assert (store.get(1), store.get(2)) == (SystemSetting(1, "2000", "of groups"), SystemSetting(2, "root"))


def test_a_seed_leaves_alone_what_is_there(store: SystemSettingStore) -> None:
    store.put(SystemSetting(1, "2000", "mine"))

    store.put(SystemSetting(1, "3000", "seed"), only_new=True)

    assert store.get(1) == SystemSetting(1, "2000", "mine")
