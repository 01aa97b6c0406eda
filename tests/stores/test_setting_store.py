"""The contract of the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from pynamodb.transactions import TransactWrite

from im.delivery.model import Change, Versions
from im.delivery.store import DynamoVersionStore, VersionStore
from im.message.model import Conversation, Row
from im.message.store import DynamoRowStore, RowStore
from im.platform.dynamo import ContendedError, Dynamo
from im.setting.model import Head, PushPreferences, PushRules, Setting
from im.setting.store import DynamoSettingStore, SettingItem, SettingStore
from tests.fakes.delivery import MemoryVersionStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryRowStore
from tests.fakes.setting import MemorySettingStore
from tests.stores.tables import DIRECTORY

BOB = Conversation(0, "b|o%b")
SILENT, TOP = Setting(1, "0-0-b|o%b", "1", 11), Setting(3, "0-0-b|o%b", "4", 12)
HEAD = Head(12, 2)


@dataclass
class Stores:
    """The settings, and what they show themselves in."""

    settings: SettingStore
    rows: RowStore
    versions: VersionStore


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        versions = MemoryVersionStore()
        rows = MemoryRowStore(Items(), versions)
        return Stores(MemorySettingStore(rows, versions), rows, versions)
    dynamo = request.getfixturevalue("dynamo")
    return Stores(
        DynamoSettingStore(dynamo, DIRECTORY), DynamoRowStore(dynamo, DIRECTORY), DynamoVersionStore(dynamo, DIRECTORY)
    )


def test_a_user_without_settings(stores: Stores) -> None:
    assert stores.settings.head("alice") == Head()
    assert stores.settings.of_user("alice") == []
    assert stores.settings.find("alice", [SILENT.name]) == (Head(), {})


def test_settings_are_kept_with_where_they_stand(stores: Stores) -> None:
    after = Head(12, 2, PushRules(silent=True, period=(1, 2)))

    assert stores.settings.put("alice", [SILENT, TOP], Head(), after)

    assert stores.settings.head("alice") == after
    assert sorted(stores.settings.of_user("alice"), key=lambda each: each.version) == [SILENT, TOP]
    assert stores.settings.find("alice", [TOP.name, (9, "")]) == (after, {TOP.name: TOP})
    assert stores.settings.of_user("bob") == []


def test_a_put_on_a_head_that_has_moved_changes_nothing(stores: Stores) -> None:
    assert stores.settings.put("alice", [SILENT], Head(), HEAD)

    assert not stores.settings.put("alice", [TOP], Head(), Head(20, 9))
    assert not stores.settings.put("alice", [TOP], Head(11, 1), Head(20, 9))

    assert stores.settings.head("alice") == HEAD
    assert stores.settings.of_user("alice") == [SILENT]
    assert stores.rows.get("alice", BOB) == Row(BOB, silent=True)


def test_the_version_is_the_one_that_a_hello_tells(stores: Stores) -> None:
    stores.versions.raise_to("alice", Change.FRIENDS, 5)
    assert stores.settings.put("alice", [SILENT], Head(), HEAD)

    assert stores.rows.with_versions("alice")[1] == Versions(settings=12, friends=5)


def test_conversation_settings_show_in_the_row_and_leave_the_rest_of_it_alone(stores: Stores) -> None:
    stores.rows.stamp("alice", BOB, 7)
    assert stores.settings.put("alice", [SILENT, TOP], Head(), HEAD)
    stores.rows.advance_read("alice", BOB, 3)

    assert stores.rows.get("alice", BOB) == Row(BOB, read=3, activity=7, silent=True, top=4)

    off = [Setting(1, SILENT.key, "0", 13), Setting(3, TOP.key, "", 14)]
    assert stores.settings.put("alice", off, HEAD, Head(14, 2))
    assert stores.rows.get("alice", BOB) == Row(BOB, read=3, activity=7)


def test_settings_can_be_dropped(stores: Stores) -> None:
    assert stores.settings.put("alice", [SILENT, TOP], Head(), HEAD)

    assert stores.settings.put("alice", [Setting(9, "", "x", 13)], HEAD, Head(13, 1), [SILENT, TOP])

    assert stores.settings.of_user("alice") == [Setting(9, "", "x", 13)]


def test_settings_of_many_users(stores: Stores) -> None:
    privacy = Setting(27, "", "3", 5)
    for user in ("alice", "bob"):
        assert stores.settings.put(user, [privacy], Head(), Head(5, 1))

    found = stores.settings.get_many([("alice", 27, ""), ("bob", 27, ""), ("cem", 27, ""), ("bob", 27, "x")])

    assert found == {("alice", 27, ""): privacy, ("bob", 27, ""): privacy}


def test_what_decides_about_notifications(stores: Stores) -> None:
    hidden = PushRules(hidden=True, period=(60, 120))
    assert stores.settings.put("alice", [SILENT], Head(), Head(11, 1, hidden))
    stores.versions.raise_to("bob", Change.FRIENDS, 5)

    found = stores.settings.push_preferences({"alice": BOB, "bob": BOB, "cem": Conversation(1, "team", 3)})

    assert found == {"alice": PushPreferences(True, hidden), "bob": PushPreferences(), "cem": PushPreferences()}


def test_forgetting_a_user_leaves_others(stores: Stores) -> None:
    for user in ("alice", "bob"):
        assert stores.settings.put(user, [SILENT], Head(), HEAD)

    stores.settings.forget("alice")

    assert stores.settings.of_user("alice") == []
    assert stores.settings.of_user("bob") == [SILENT]


def test_a_put_that_meets_another_transaction_is_worth_another_look(
    dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DynamoSettingStore(dynamo, DIRECTORY)

    @contextmanager
    def contended(*_: object) -> Iterator[TransactWrite]:
        with dynamo_transaction(SettingItem) as writes:
            yield writes
            raise ContendedError

    dynamo_transaction = dynamo.transaction
    monkeypatch.setattr(dynamo, "transaction", contended)

    assert not store.put("alice", [SILENT], Head(), HEAD)
    assert store.of_user("alice") == []
