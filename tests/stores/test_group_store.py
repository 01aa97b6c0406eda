"""The contract of groups, members and rosters."""

from typing import Any

import pytest
from msgspec.structs import replace

from im.group.model import GroupInfo, GroupMember, MemberType
from im.group.roster import Roster
from im.group.store import DynamoGroupStore, GroupStore, info_from_item, member_from_item
from im.platform.dynamo import Dynamo
from tests.fakes.group import MemoryGroupStore
from tests.fakes.items import Items
from tests.stores.tables import DIRECTORY

TEAM = GroupInfo(
    id="te|am%",
    name="Team",
    portrait="http://portrait",
    owner="alice",
    type=2,
    extra="{}",
    mute=1,
    join_type=2,
    private_chat=1,
    searchable=1,
    history_message=1,
    max_member_count=9,
    super_group=True,
    member_count=2,
    created=1000,
    update_dt=1001,
    member_update_dt=1002,
    roster_version=5,
    activity=7,
    lines=(0, 3),
    starts={0: 4},
)
ALICE = GroupMember("alice", alias="Al", type=MemberType.OWNER, extra="x", update_dt=10, create_dt=9)
BOB = GroupMember("b|o%b", update_dt=11, create_dt=11)


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> GroupStore:
    if request.param == "memory":
        return MemoryGroupStore(Items())
    return DynamoGroupStore(request.getfixturevalue("dynamo"), DIRECTORY)


def found(store: GroupStore, info: GroupInfo = TEAM) -> None:
    assert store.put_roster(info.id, Roster(info.roster_version, ("alice", "b|o%b")), Roster(0))
    store.put_members(info.id, [ALICE, BOB])
    assert store.found(info)


def test_a_group_comes_back_as_it_was_founded(store: GroupStore) -> None:
    found(store)

    assert store.get_info(TEAM.id) == TEAM
    assert store.get_infos([TEAM.id, "nobody"]) == {TEAM.id: TEAM}
    assert store.get_info("nobody") is None


def test_arrivals_are_counted_on_a_group_that_exists(store: GroupStore) -> None:
    found(store)

    for group in (TEAM.id, TEAM.id, "nobody"):
        store.count_arrival(group)

    info = store.get_info(TEAM.id)
    assert info is not None
    assert info.arrivals == TEAM.arrivals + 2
    assert store.get_info("nobody") is None


def test_a_group_with_every_member_at_its_default_comes_back(store: GroupStore) -> None:
    found(store, GroupInfo("plain", owner="alice", roster_version=5))

    assert store.get_info("plain") == GroupInfo("plain", owner="alice", roster_version=5)


def test_an_id_is_founded_once(store: GroupStore) -> None:
    found(store)

    assert not store.found(TEAM)


def test_a_founder_whose_claim_was_taken_over_fails(store: GroupStore) -> None:
    store.put_roster(TEAM.id, Roster(5, ("alice",)), Roster(0))
    store.put_roster(TEAM.id, Roster(6, ("carol",)), Roster(5))

    assert not store.found(TEAM)
    assert store.get_info(TEAM.id) is None


def test_members_are_found_by_id_and_listed(store: GroupStore) -> None:
    found(store)

    assert store.get_member(TEAM.id, "alice") == ALICE
    assert store.get_members(TEAM.id, ["b|o%b", "carol"]) == {"b|o%b": BOB}
    assert sorted(member.id for member in store.list_members(TEAM.id)) == ["alice", "b|o%b"]
    assert store.get_member(TEAM.id, "carol") is None


def test_a_tombstone_keeps_that_the_removal_is_not_over(store: GroupStore) -> None:
    leaving = replace(BOB, type=MemberType.REMOVED, leaving=True)
    store.put_members(TEAM.id, [leaving])

    assert store.get_member(TEAM.id, BOB.id) == leaving


def test_more_members_than_a_batch_holds_are_all_written_and_deleted(store: GroupStore) -> None:
    many = [GroupMember(f"user{number}", create_dt=number) for number in range(60)]
    store.put_members("big", many)
    assert sorted(store.list_members("big"), key=lambda member: member.create_dt) == many

    store.delete_members("big", [member.id for member in many[1:]])
    assert store.list_members("big") == many[:1]


def test_a_roster_is_replaced_only_by_who_saw_its_present_version(store: GroupStore) -> None:
    found(store)

    assert not store.put_roster(TEAM.id, Roster(6, ("alice",)), Roster(4))
    assert store.put_roster(TEAM.id, Roster(6, ("alice",)), Roster(5))
    assert not store.put_roster(TEAM.id, Roster(6, ("carol",)), Roster(5))
    assert store.latest_roster(TEAM.id) == Roster(6, ("alice",))


def test_an_unknown_group_and_an_empty_one_have_nobody(store: GroupStore) -> None:
    store.put_roster("empty", Roster(1, ()), Roster(0))

    assert store.roster("nobody", 0) == Roster(0, ())
    assert store.roster("empty", 1) == Roster(1, ())


def test_publishing_a_roster_sets_count_and_times_and_never_goes_back(store: GroupStore) -> None:
    found(store)

    newer = store.publish(TEAM.id, Roster(8, ("alice", "bob", "carol")), 2000)
    older = store.publish(TEAM.id, Roster(7, ("alice",)), 3000)

    expected = replace(TEAM, roster_version=8, member_count=3, update_dt=2000, member_update_dt=2000)
    assert newer == older == expected
    assert store.publish("nobody", Roster(1, ()), 1) is None
    assert store.get_info("nobody") is None


def test_an_owner_is_changed_by_who_knows_the_present_one(store: GroupStore) -> None:
    found(store)

    assert store.set_owner(TEAM.id, "alice", "bob", 2000)
    assert not store.set_owner(TEAM.id, "alice", "carol", 3000)
    assert store.get_info(TEAM.id) == replace(TEAM, owner="bob", update_dt=2000)


def test_a_stamp_raises_the_minute_notes_the_line_and_takes_nothing_away(store: GroupStore) -> None:
    found(store)

    store.stamp(TEAM.id, 20, 0)
    store.stamp(TEAM.id, 19, 8)
    store.stamp(TEAM.id, 19, 8)
    store.stamp("nobody", 20, 8)

    assert store.get_info(TEAM.id) == replace(TEAM, activity=20, lines=(0, 3, 8))
    assert store.get_info("nobody") is None


def test_a_dissolved_group_leaves_a_remainder_until_it_is_founded_again(store: GroupStore) -> None:
    found(store)

    assert store.dissolve(TEAM, {0: 12, 3: 0})
    assert not store.dissolve(TEAM, {0: 99})
    assert store.get_info(TEAM.id) is None
    remains = store.get_dissolved(TEAM.id)
    assert remains is not None
    assert (remains.info, remains.lasts, remains.pending) == (TEAM, {0: 12, 3: 0}, True)

    store.delete_members(TEAM.id, [ALICE.id, BOB.id])
    store.finish_dissolved(TEAM.id)
    finished = store.get_dissolved(TEAM.id)
    assert finished is not None
    assert not finished.pending
    assert store.list_members(TEAM.id) == []
    assert store.latest_roster(TEAM.id) == Roster(6, ())

    store.put_roster(TEAM.id, Roster(7, ("alice",)), Roster(6))
    assert store.found(replace(TEAM, roster_version=7))
    assert store.get_dissolved(TEAM.id) is None


def test_the_keys_for_reads_that_span_domains_lead_to_the_items(dynamo: Dynamo) -> None:
    store = DynamoGroupStore(dynamo, DIRECTORY)
    found(store)
    info_key, member_key = store.info_key(TEAM.id), store.member_key(TEAM.id, BOB.id, consistent=True)

    items = dynamo.batch_get([info_key, member_key])

    assert info_from_item(items[info_key]) == TEAM
    assert member_from_item(items[member_key]) == BOB


def test_a_roster_is_read_once_per_version(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DynamoGroupStore(dynamo, DIRECTORY)
    found(store)
    reads: list[Any] = []
    read = dynamo.batch_get
    monkeypatch.setattr(dynamo, "batch_get", lambda wanted: reads.append(1) or read(wanted))

    assert store.roster(TEAM.id, 5) == store.roster(TEAM.id, 4) == Roster(5, ("alice", "b|o%b"))
    assert len(reads) == 1

    store.put_roster(TEAM.id, Roster(6, ("alice",)), Roster(5))
    assert store.roster(TEAM.id, 6) == Roster(6, ("alice",))
