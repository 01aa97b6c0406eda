"""The contract of presence: devices come and go without touching one another."""

import pytest

from im.delivery.model import Device, Presence, PushAddress, Subscription
from im.delivery.store import DynamoPresenceStore, PresenceStore
from im.platform.dynamo import ConditionFailed, Dynamo
from tests.fakes.delivery import MemoryPresenceStore
from tests.fakes.items import Items
from tests.stores.tables import PRESENCE


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> PresenceStore:
    if request.param == "memory":
        return MemoryPresenceStore(Items())
    return DynamoPresenceStore(request.getfixturevalue("dynamo"), PRESENCE)


PHONE = Device("phone", 1, "conn-1", 100)
TABLET = Device("ta.b#l:et", 8, "conn-2", 100)


def test_devices_are_registered_side_by_side(store: PresenceStore) -> None:
    assert store.register("alice", PHONE) == Presence("alice")
    assert store.register("alice", TABLET).devices == (PHONE,)

    presence = store.load_one("alice")
    assert (presence.device("phone"), presence.device("ta.b#l:et")) == (PHONE, TABLET)


def test_the_newest_connection_of_a_client_wins(store: PresenceStore) -> None:
    store.register("alice", PHONE)
    newer = Device("phone", 1, "conn-9", 200)

    assert store.register("alice", newer).device("phone") == PHONE
    with pytest.raises(ConditionFailed):
        store.register("alice", PHONE)
    assert store.load_one("alice").device("phone") == newer


def test_an_older_connection_may_register_when_the_newer_is_gone(store: PresenceStore) -> None:
    store.register("alice", Device("phone", 1, "conn-9", 200))
    store.disconnect("alice", "phone", "conn-9", 300)

    store.register("alice", PHONE)

    assert store.load_one("alice").device("phone") == PHONE


def test_only_the_registered_connection_can_be_disconnected(store: PresenceStore) -> None:
    store.register("alice", PHONE)

    assert not store.disconnect("alice", "phone", "conn-0", 300)
    assert not store.disconnect("alice", "watch", "conn-1", 300)
    assert not store.disconnect("nobody", "phone", "conn-1", 300)
    assert store.disconnect("alice", "phone", "conn-1", 300)
    assert store.load_one("alice").device("phone") == Device("phone", 1, "", 300)


def test_a_removed_device_is_unknown(store: PresenceStore) -> None:
    store.register("alice", PHONE)
    store.register("alice", TABLET)

    assert store.remove("alice", "phone").device("phone") == PHONE
    assert store.remove("alice", "phone").device("phone") is None
    assert store.load_one("alice").devices == (TABLET,)


def test_the_status_stands_beside_the_devices(store: PresenceStore) -> None:
    store.set_status("alice", 1)
    store.register("alice", PHONE)

    assert store.load_one("alice") == Presence("alice", (PHONE,), 1, listed=True)


def test_a_forbidden_user_registers_no_device(store: PresenceStore) -> None:
    store.set_status("alice", 2)

    with pytest.raises(ConditionFailed):
        store.register("alice", PHONE)
    assert store.load_one("alice").devices == ()
    store.set_status("alice", 0)
    store.register("alice", PHONE)


def test_what_a_user_says_of_himself_stands_beside_his_devices(store: PresenceStore) -> None:
    store.register("alice", PHONE)

    assert store.set_state("alice", 2, "at lunch").state == 0
    before = store.set_state("alice", 0, "")
    assert (before.state, before.text, before.devices) == (2, "at lunch", (PHONE,))
    assert store.load_one("alice").text == ""


def online(store: PresenceStore) -> list[str]:
    counts = store.online_counts()
    found = [user for shard, size in enumerate(counts) for user in store.online_users(shard, 0, size + 1)]
    assert sum(counts) == len(found)
    return sorted(found)


def test_users_with_a_device_online_are_in_the_index(store: PresenceStore) -> None:
    for user in ("alice", "bob", "carol"):
        store.register(user, PHONE)
    store.register("alice", TABLET)
    store.disconnect("bob", "phone", "conn-1", 300)
    store.remove("carol", "phone")
    assert online(store) == ["alice"]

    store.disconnect("alice", "phone", "conn-1", 300)
    assert (online(store), store.load_one("alice").listed) == (["alice"], True)
    store.remove("alice", "ta.b#l:et")
    assert (online(store), store.load_one("alice").listed) == ([], False)


def test_a_user_whose_entry_got_lost_is_put_back_as_long_as_the_device_is_online(dynamo: Dynamo) -> None:
    store = DynamoPresenceStore(dynamo, PRESENCE)
    store.register("alice", PHONE)
    dynamo.client.update_item(TableName=PRESENCE, Key={"u": {"S": "alice"}}, UpdateExpression="REMOVE o")

    store.enlist("alice", TABLET)
    assert online(store) == []
    store.enlist("alice", PHONE)
    assert online(store) == ["alice"]


def test_the_users_of_a_shard_are_listed_part_by_part(dynamo: Dynamo) -> None:
    store = DynamoPresenceStore(dynamo, PRESENCE, shards=1)
    for number in range(5):
        store.register(f"u{number}", PHONE)

    assert store.online_counts() == [5]
    assert store.online_users(0, 1, 2) == ["u1", "u2"]
    assert store.online_users(0, 4, 9) == ["u4"]


def test_without_an_index_nothing_is_written_for_it(dynamo: Dynamo) -> None:
    store = DynamoPresenceStore(dynamo, PRESENCE, shards=0)
    store.register("alice", PHONE)
    store.enlist("alice", PHONE)

    assert not store.load_one("alice").listed
    assert store.disconnect("alice", "phone", "conn-1", 300)
    assert store.online_counts() == []


def test_many_users_are_read_at_once_and_unknown_ones_are_empty(store: PresenceStore) -> None:
    users = [f"u{number}" for number in range(230)]
    for user in users[::7]:
        store.register(user, PHONE)

    presences, _ = store.load(users)

    assert list(presences) == users
    assert [user for user in users if presences[user].devices] == users[::7]


def test_a_user_who_gives_no_receipts_is_known_by_his_presence(store: PresenceStore) -> None:
    assert store.load_one("alice").receipts
    store.set_receipts("alice", False)
    store.set_status("alice", 1)

    assert (store.load_one("alice").receipts, store.load_one("alice").status) == (False, 1)
    assert not store.load(["alice"])[0]["alice"].receipts

    store.set_receipts("alice", True)
    assert store.load_one("alice").receipts


ADDRESS = PushAddress(6, "token", "voip", "com.example.chat", "zh-CN", 3)
BROWSER = PushAddress(100, subscription=Subscription("https://push.example.net/1", "point", "secret"))


@pytest.mark.parametrize("address", [ADDRESS, BROWSER, PushAddress(0, "t")])
def test_an_address_is_read_as_it_was_written_and_survives_the_sockets(
    store: PresenceStore, address: PushAddress
) -> None:
    store.register("alice", TABLET)

    assert store.set_push("alice", TABLET.client, None, address)

    store.disconnect("alice", TABLET.client, "conn-2", 300)
    store.register("alice", Device(TABLET.client, 8, "conn-3", 400))
    assert store.load(["alice"])[0]["alice"].devices == (Device(TABLET.client, 8, "conn-3", 400, address),)


def test_an_address_changes_only_from_what_it_was_seen_to_be(store: PresenceStore) -> None:
    store.register("alice", PHONE)
    store.set_push("alice", "phone", None, ADDRESS)

    assert not store.set_push("alice", "phone", None, BROWSER)
    assert not store.set_push("alice", "phone", BROWSER, None)
    assert store.set_push("alice", "phone", ADDRESS, BROWSER)
    assert store.set_push("alice", "phone", BROWSER, None)
    assert store.load_one("alice").device("phone") == PHONE


def test_a_device_that_is_not_there_has_no_address_and_one_that_goes_takes_it_along(store: PresenceStore) -> None:
    assert not store.set_push("alice", "phone", None, ADDRESS)

    store.register("alice", PHONE)
    store.set_push("alice", "phone", None, ADDRESS)
    store.remove("alice", "phone")
    store.register("alice", PHONE)

    assert store.load_one("alice").device("phone") == PHONE


def test_those_who_are_online_are_paged_by_their_ids(dynamo: Dynamo) -> None:
    store = DynamoPresenceStore(dynamo, PRESENCE, shards=1)
    for number in range(5):
        store.register(f"u{number}", PHONE)

    assert store.page_online(0, "", 2) == ["u0", "u1"]
    assert store.page_online(0, "u1", 9) == ["u2", "u3", "u4"]
    assert DynamoPresenceStore(dynamo, PRESENCE, shards=0).page_online(0, "", 9) == []


MANY = [f"m{number:03}" for number in range(600)]


def test_who_of_many_is_online_is_known_by_the_index_alone(dynamo: Dynamo) -> None:
    store = DynamoPresenceStore(dynamo, PRESENCE)
    for user in ("a", *MANY[::40], "z"):
        store.register(user, PHONE)
    store.disconnect(MANY[0], "phone", "conn-1", 300)

    assert store.online_among(MANY) == set(MANY[40::40])
    assert store.online_among(MANY[:499]) is None, "few are looked up"


def test_where_many_others_are_online_the_index_is_left_alone(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("im.delivery.store._ENTRIES_PER_USER", 1)
    store = DynamoPresenceStore(dynamo, PRESENCE, shards=600)
    store.register(MANY[7], PHONE)

    assert store.online_among(MANY) is None
    assert DynamoPresenceStore(dynamo, PRESENCE, shards=0).online_among(MANY) is None
