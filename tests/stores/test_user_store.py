"""The contract of the users."""

import pytest
from msgspec.structs import replace

from im.platform.dynamo import Dynamo
from im.profile.model import User
from im.profile.store import DynamoUserStore, UserStore, user_from_item
from tests.fakes.profile import MemoryUserStore
from tests.stores.tables import DIRECTORY

ANN = User(
    "a|n%n",
    name="ann",
    display_name="Ann",
    portrait="http://p",
    gender=1,
    mobile="139",
    email="a@b.c",
    address="here",
    company="co",
    social="so",
    extra="{}",
    type=3,
    created=1000,
    update_dt=1001,
)


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> UserStore:
    if request.param == "memory":
        return MemoryUserStore()
    return DynamoUserStore(request.getfixturevalue("dynamo"), DIRECTORY)


def test_a_user_comes_back_and_is_found_by_name_and_mobile(store: UserStore) -> None:
    assert store.put(ANN, None)

    assert store.get(ANN.id) == ANN
    assert store.get_many([ANN.id, "nobody"]) == {ANN.id: ANN}
    assert store.id_of_name("ann") == ANN.id
    assert store.ids_of_mobile("139") == [ANN.id]
    assert (store.get("nobody"), store.id_of_name("nobody"), store.ids_of_mobile("0")) == (None, None, [])


def test_a_name_belongs_to_one_user_and_a_refusal_changes_nothing(store: UserStore) -> None:
    store.put(ANN, None)

    assert not store.put(User("other", name="ann", mobile="140", update_dt=5), None)
    assert store.get("other") is None
    assert store.ids_of_mobile("140") == []


def test_a_change_moves_name_and_mobile(store: UserStore) -> None:
    store.put(ANN, None)
    changed = replace(ANN, name="anna", mobile="140", update_dt=1002)

    assert store.put(changed, ANN)
    assert (store.id_of_name("ann"), store.id_of_name("anna")) == (None, ANN.id)
    assert (store.ids_of_mobile("139"), store.ids_of_mobile("140")) == ([], [ANN.id])
    assert store.put(User("other", name="ann", update_dt=5), None)


def test_a_change_of_a_user_that_has_changed_meanwhile_is_refused(store: UserStore) -> None:
    store.put(ANN, None)
    assert store.put(replace(ANN, extra="new", update_dt=1002), ANN)

    assert not store.put(replace(ANN, extra="newer", update_dt=1003), ANN)
    assert not store.put(ANN, None)


def test_several_users_may_share_a_mobile(store: UserStore) -> None:
    store.put(ANN, None)
    store.put(User("bob", name="bob", mobile="139"), None)

    assert sorted(store.ids_of_mobile("139")) == [ANN.id, "bob"]


def test_a_destroyed_user_gives_his_name_back_and_can_return(store: UserStore) -> None:
    store.put(ANN, None)
    gone = User(ANN.id, name=ANN.id, deleted=True, created=1000, update_dt=1002)
    store.put(gone, ANN)
    assert (store.get(ANN.id), store.id_of_name("ann"), store.ids_of_mobile("139")) == (gone, None, [])

    back = replace(ANN, update_dt=1003)
    assert store.put(back, gone)
    assert (store.get(ANN.id), store.id_of_name("ann")) == (back, ANN.id)


def test_seeds_are_remembered(store: UserStore) -> None:
    assert not store.seeded()
    store.mark_seeded()
    assert store.seeded()


def test_the_key_for_reads_that_span_domains_leads_to_the_profile(dynamo: Dynamo) -> None:
    store = DynamoUserStore(dynamo, DIRECTORY)
    store.put(ANN, None)
    key = store.user_key(ANN.id)

    assert user_from_item(dynamo.batch_get([key])[key]) == ANN


def test_users_are_listed_by_the_index_in_the_order_of_their_creation(dynamo: Dynamo) -> None:
    store = DynamoUserStore(dynamo, DIRECTORY)
    for user, created in (("late", 20_000), ("early", 3_000), ("middle", 4_000)):
        store.put(User(user, name=user, created=created), None)

    raw = dynamo.client.query(
        TableName=DIRECTORY,
        IndexName="by_type",
        KeyConditionExpression="gt = :users",
        ExpressionAttributeValues={":users": {"S": "users"}},
    )

    assert [item["pk"]["S"] for item in raw["Items"]] == ["u|early", "u|middle", "u|late"]


def test_users_are_found_by_address(store: UserStore) -> None:
    store.put(ANN, None)
    store.put(User("bob", name="bob", email="a@b.c"), None)
    assert sorted(store.ids_of_email("a@b.c")) == [ANN.id, "bob"]

    store.put(replace(ANN, email="new", update_dt=1002), ANN)
    assert (store.ids_of_email("a@b.c"), store.ids_of_email("new")) == (["bob"], [ANN.id])


def test_users_are_found_by_any_part_of_the_display_name_that_they_have_now(store: UserStore) -> None:
    old = replace(ANN, display_name="Ann 50%|Lee")
    store.put(old, None)
    store.put(User("bob", name="bob", display_name="Banana"), None)
    store.put(User("door", name="door", display_name="Ann", type=2), None)
    assert [store.ids_of_display_name(part, 100) for part in ("ann", "0%|l", "ana", "a", "x")] == [
        [ANN.id],
        [ANN.id],
        ["bob"],
        ["bob", ANN.id],
        [],
    ]

    new = replace(old, display_name="Annie", update_dt=1002)
    store.put(new, old)
    assert [store.ids_of_display_name(part, 100) for part in ("lee", "ann", "nie")] == [[], [ANN.id], [ANN.id]]

    store.put(User(ANN.id, name=ANN.id, display_name="Annie", deleted=True, update_dt=1003), new)
    assert store.ids_of_display_name("ann", 100) == []


def test_a_search_looks_at_so_many_entries_and_no_more(store: UserStore) -> None:
    for number in range(5):
        store.put(User(f"u{number}", name=f"n{number}", display_name="Kim"), None)

    assert store.ids_of_display_name("kim", 3) == ["u0", "u1", "u2"]


def test_users_are_listed_in_the_order_of_their_creation_until_they_are_destroyed(store: UserStore) -> None:
    for user, created in (("late", 20_000), ("early", 3_000), ("middle", 4_000)):
        store.put(User(user, name=user, created=created), None)

    assert store.list_ids(0, 10) == ["early", "middle", "late"]
    assert (store.list_ids(1, 1), store.list_ids(3, 5)) == (["middle"], [])
    gone = User("early", name="early", deleted=True, created=3_000, update_dt=1)
    store.put(gone, User("early", name="early", created=3_000))
    assert store.list_ids(0, 10) == ["middle", "late"]
    assert store.put(User("early", name="early", created=3_000, update_dt=2), gone)
    assert store.list_ids(0, 10) == ["early", "middle", "late"]


def test_users_are_listed_from_a_place_on_and_counted(store: UserStore) -> None:
    for number, name in enumerate(("eve", "dan", "cem"), 1):
        store.put(User(name, name=name, created=number, update_dt=number), None)

    first = store.list_after("", 2)
    rest = store.list_after(first[-1][0], 2)

    assert [[user for _, user in page] for page in (first, rest)] == [["eve", "dan"], ["cem"]]
    assert (store.list_after(rest[-1][0], 2), store.count_listed()) == ([], 3)
