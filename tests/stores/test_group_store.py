"""The contract of groups, members and rosters."""

from typing import Any

import pytest
from msgspec.structs import replace

from im import keys
from im.group.model import GroupInfo, GroupMember, JoinRequest, MemberType, RequestStatus
from im.group.roster import Roster
from im.group.store import DynamoGroupStore, GroupStore, RosterItem, info_from_item, member_from_item
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


# --- rosters in pages


def test_a_large_roster_comes_back_from_its_pages_and_changes_at_once(store: GroupStore) -> None:
    many = [f"member-with-a-long-name-{number:04d}" for number in range(600)]
    first = Roster(1).with_added(many)
    assert store.put_roster("big", first, Roster(0))

    stored = store.latest_roster("big")
    assert len(stored.pages) > 2
    assert stored.ids == tuple(many)
    assert store.put_roster("big", stored.with_removed(many[100:120]), stored)
    assert not store.put_roster("big", stored.with_added(["late"]), stored)

    assert store.latest_roster("big").ids == (*many[:100], *many[120:])
    assert store.roster("big", 0).count == 580


def test_pages_that_are_no_longer_needed_go_and_those_of_a_refused_change_too(dynamo: Dynamo) -> None:
    store = DynamoGroupStore(dynamo, DIRECTORY)
    many = [f"member-with-a-long-name-{number:04d}" for number in range(400)]
    store.put_roster("big", Roster(1).with_added(many), Roster(0))
    stored = store.latest_roster("big")
    store.put_roster("big", stored.with_removed(many[:1]), stored)
    store.put_roster("big", stored.with_removed(many[1:2]), stored)

    condition = RosterItem.sk.startswith(keys.ROSTER_PAGE_PREFIX)
    pages = [item["sk"] for item in dynamo.query(RosterItem, keys.group("big"), condition)]
    assert sorted(pages) == sorted(keys.roster_page(page.name) for page in store.latest_roster("big").pages)


def test_a_reader_of_an_older_head_meets_a_page_that_is_gone_and_reads_again(dynamo: Dynamo) -> None:
    store, other = DynamoGroupStore(dynamo, DIRECTORY), DynamoGroupStore(dynamo, DIRECTORY)
    many = [f"member-with-a-long-name-{number:04d}" for number in range(400)]
    store.put_roster("big", Roster(1).with_added(many), Roster(0))
    stored = store.latest_roster("big")
    pages = other._pages

    def replaced_meanwhile(group: str, names: Any) -> Any:
        other._pages = pages  # type: ignore[method-assign]
        store.put_roster("big", stored.with_removed(many[:1]), stored)
        return pages(group, names)

    other._pages = replaced_meanwhile  # type: ignore[method-assign]
    assert other.latest_roster("big").ids == tuple(many[1:])


def test_an_id_is_claimed_only_while_there_is_no_group(store: GroupStore) -> None:
    assert store.claim("new", Roster(1, ("ann",)), Roster(0))
    assert not store.claim("new", Roster(2, ("bob",)), Roster(0))
    assert store.claim("new", Roster(2, ("bob",)), Roster(1))

    found(store)
    assert not store.claim(TEAM.id, Roster(9, ("eve",)), store.latest_roster(TEAM.id))
    assert store.latest_roster(TEAM.id).ids == ("alice", "b|o%b")


# --- members


def test_a_member_is_written_over_the_item_that_was_read_and_no_other(store: GroupStore) -> None:
    eve = GroupMember("eve", changes=3)
    assert store.put_member(TEAM.id, eve, None)
    assert not store.put_member(TEAM.id, eve, None)
    gone = replace(eve, type=MemberType.REMOVED, leaving=True, changes=4)
    assert store.put_member(TEAM.id, gone, eve)
    assert not store.put_member(TEAM.id, eve, eve)

    assert store.get_member(TEAM.id, "eve") == gone


def test_fields_of_a_present_member_are_changed_and_of_nobody_else(store: GroupStore) -> None:
    store.put_members(TEAM.id, [ALICE, BOB, GroupMember("rob", type=MemberType.REMOVED)])

    assert store.update_member(TEAM.id, BOB.id, {"alias": "Bobby"}, 50)
    assert store.update_member(TEAM.id, ALICE.id, {"type": 1, "extra": ""}, 51, was=(MemberType.OWNER,))
    assert not store.update_member(TEAM.id, BOB.id, {"type": 1}, 52, was=(MemberType.OWNER, MemberType.SILENT))
    assert not store.update_member(TEAM.id, "rob", {"alias": "x"}, 53)
    assert not store.update_member(TEAM.id, "nobody", {"alias": "x"}, 53)

    assert store.get_member(TEAM.id, BOB.id) == replace(BOB, alias="Bobby", update_dt=50)
    assert store.get_member(TEAM.id, ALICE.id) == replace(ALICE, type=1, extra="", update_dt=51)
    assert store.get_member(TEAM.id, "nobody") is None


def test_a_removal_is_noted_as_over_unless_the_member_has_come_again(store: GroupStore) -> None:
    leaving = replace(BOB, type=MemberType.REMOVED, leaving=True, changes=2)
    store.put_members(TEAM.id, [leaving])

    store.mark_left(TEAM.id, BOB.id, 1)
    assert store.get_member(TEAM.id, BOB.id) == leaving
    store.mark_left(TEAM.id, BOB.id, 2)
    store.mark_left(TEAM.id, "nobody", 2)
    assert store.get_member(TEAM.id, BOB.id) == replace(leaving, leaving=False)
    assert store.get_member(TEAM.id, "nobody") is None


def test_members_come_in_pages_in_the_order_of_their_ids(store: GroupStore) -> None:
    people = [GroupMember(user) for user in ("a", "a|b", "ab", "b%", "c", "ü")]
    store.put_members("odd", people)
    store.put_request("odd", JoinRequest("zoe", "zoe"))
    seen: list[str] = []
    after = ""
    for _ in people:
        page, after = store.page_members("odd", after, 2)
        seen += [member.id for member in page]
        if not after:
            break

    assert sorted(seen) == sorted(member.id for member in people)
    assert len(seen) == len(people)
    assert store.page_members("nothing", "", 2) == ([], "")


def test_a_users_items_in_many_groups_are_read_at_once(store: GroupStore) -> None:
    store.put_members("one", [BOB])
    store.put_members("two", [replace(BOB, alias="B")])

    assert store.get_memberships(BOB.id, ["one", "two", "three"]) == {"one": BOB, "two": replace(BOB, alias="B")}


def test_fields_of_an_info_are_changed_with_its_times(store: GroupStore) -> None:
    found(store)

    assert store.update_info(TEAM.id, {"name": "New", "mute": 0, "super_group": False}, 2000)
    assert store.get_info(TEAM.id) == replace(TEAM, name="New", mute=0, super_group=False, update_dt=2000)
    assert store.update_info(TEAM.id, {}, 3000, members=True)
    info = store.get_info(TEAM.id)
    assert info is not None
    assert (info.update_dt, info.member_update_dt) == (3000, 3000)
    assert not store.update_info("nobody", {"name": "x"}, 1)
    assert store.get_info("nobody") is None


# --- requests to be let in


def test_a_request_is_listed_and_answered_once(store: GroupStore) -> None:
    first, second = JoinRequest("a|b", "ann", "why", "{}", update_dt=5), JoinRequest("zoe", "zoe", update_dt=6)
    for request in (first, second):
        store.put_request(TEAM.id, request)

    assert store.get_request(TEAM.id, "a|b") == first
    assert store.get_request(TEAM.id, "nobody") is None
    assert store.page_requests(TEAM.id, "", 10) == [first, second]
    assert store.page_requests(TEAM.id, "a|b", 10) == [second]
    assert store.page_requests(TEAM.id, "", 1) == [first]
    assert store.answer_request(TEAM.id, "zoe", RequestStatus.REJECTED, "olga", 9)
    assert not store.answer_request(TEAM.id, "zoe", RequestStatus.ACCEPTED, "max", 10)
    assert not store.answer_request(TEAM.id, "nobody", RequestStatus.ACCEPTED, "max", 10)
    answered = replace(second, status=RequestStatus.REJECTED, answered_by="olga", update_dt=9)
    assert store.get_request(TEAM.id, "zoe") == answered


def test_the_robots_of_a_group_go_with_its_roster_into_its_info(store: GroupStore) -> None:
    found(store)
    first = store.latest_roster(TEAM.id)
    second = first.with_added(["fire", "carol", "ice"], ["fire", "ice"])
    assert store.put_roster(TEAM.id, second, first)
    info = store.publish(TEAM.id, second, 2000)
    assert info is not None
    assert store.latest_roster(TEAM.id).robots == info.robots == ("fire", "ice")

    third = second.with_removed(["fire", "ice"])
    assert store.put_roster(TEAM.id, third, second)
    store.publish(TEAM.id, third, 3000)
    info = store.get_info(TEAM.id)
    assert info is not None
    assert store.latest_roster(TEAM.id).robots == info.robots == ()
