"""The use cases of groups, over in-memory stores and the real message service."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from im.errors import Code, InvalidError
from im.group.model import GroupInfo, GroupMember, MemberType
from im.group.service import GroupService
from im.group.steps import Announcement
from im.message.model import Origin, Payload
from im.setting.model import Scope, Setting
from tests.fakes.club import Club, refusal
from tests.fakes.crash import Crash, CrashPoint


@pytest.fixture
def club() -> Club:
    return Club()


# --- creating


def test_a_created_group_has_its_members_owner_and_first_notice(club: Club) -> None:
    group = club.create("ann", "bob", name="Team", type=2)

    info = club.groups.info(group)
    assert (info.id, info.owner, info.member_count, info.created) == ("team", "olga", 3, club.world.now)
    assert club.present() == ["ann", "bob", "olga"]
    assert club.notices() == [(104, {"g": "team", "o": "olga", "n": "Team", "m": ""})]
    assert all(club.sees(user) == [1] for user in ("ann", "bob", "olga"))
    assert club.groups.groups_of("ann") == ["team"]


def test_the_first_notice_reaches_every_member_who_is_online(club: Club) -> None:
    connections = [club.world.online(user) for user in ("ann", "olga")]

    club.create("ann", "bob")

    assert [len(club.world.pushes(connection)) for connection in connections] == [1, 1]


def test_a_group_without_an_id_gets_one(club: Club) -> None:
    assert [club.create("ann", id=""), club.create("bob", id="")] == ["new1", "new2"]


def test_an_admin_may_name_another_owner(club: Club) -> None:
    club.create("ann", owner="zoe")

    assert club.groups.info("team").owner == "zoe"
    assert club.present() == ["ann", "zoe"]


def test_an_id_in_use_is_refused_and_the_group_stays_as_it_was(club: Club) -> None:
    club.create("ann", name="first")

    with refusal(Code.GROUP_ALREADY_EXIST):
        club.create("bob", name="second")

    assert club.present() == ["ann", "olga"]
    assert club.groups.info("team").name == "first"
    assert club.groups.groups_of("bob") == []


def test_a_notice_goes_to_the_lines_that_are_asked_for_and_may_be_replaced(club: Club) -> None:
    custom = Payload(type=1001, base64edData=base64.b64encode(b'{"my":1}').decode())
    announcement = Announcement(lines=(0, 2), custom=custom)

    club.groups.create("olga", GroupInfo("team"), [], announcement=announcement)

    assert club.notices() == club.notices(2) == [(1001, {"my": 1})]
    assert club.groups.info("team").lines == (0, 2)


def test_ordinary_callers_are_bound_by_type_and_size(club: Club) -> None:
    small = Club(max_group_members=2)

    with refusal(Code.NOT_RIGHT):
        small.groups.create("olga", GroupInfo("team", type=3), [], origin=Origin.USER)
    with refusal(Code.GROUP_EXCEED_MAX_MEMBER_COUNT):
        small.groups.create("olga", GroupInfo("team"), [GroupMember("a"), GroupMember("b")], origin=Origin.USER)
    small.create("a", "b", "c")


def test_what_cannot_be_told_is_not_done(club: Club) -> None:
    with pytest.raises(InvalidError):
        club.groups.create("", GroupInfo("team", owner="olga"), [])
    with pytest.raises(InvalidError):
        club.groups.create(
            "olga", GroupInfo("team"), [], announcement=Announcement(custom=Payload(type=1, base64edData="*"))
        )
    with refusal(Code.NOT_EXIST):
        club.groups.info("team")


def test_who_loses_the_race_for_an_id_leaves_no_trace(club: Club) -> None:
    put_members = club.world.groups.put_members

    def rival_first(group: str, members: Any) -> None:
        club.world.groups.put_members = put_members  # type: ignore[method-assign]
        club.groups.create("rita", GroupInfo("team"), [GroupMember("ann")])
        put_members(group, members)

    club.world.groups.put_members = rival_first  # type: ignore[method-assign]
    with refusal(Code.GROUP_ALREADY_EXIST):
        club.create("ann", "bob")

    assert club.present() == ["ann", "rita"]
    assert club.groups.groups_of("bob") == club.groups.groups_of("olga") == []
    with refusal(Code.NOT_IN_GROUP):
        club.say("bob", "am I in?")


# --- adding


def test_new_members_see_from_the_notice_of_their_joining_on(club: Club) -> None:
    club.create("ann")
    club.say("ann", "before")

    club.groups.add_members("olga", "team", [GroupMember("bob"), GroupMember("cem")])

    assert club.present() == ["ann", "bob", "cem", "olga"]
    assert club.groups.info("team").member_count == 4
    assert club.notices()[-1] == (105, {"g": "team", "o": "olga", "ms": ["bob", "cem"]})
    assert club.sees("ann") == [1, 2, 3]
    assert club.sees("bob") == [3]


def test_with_open_history_new_members_see_everything(club: Club) -> None:
    club.create("ann", history_message=1)
    club.say("ann", "before")

    club.groups.add_members("olga", "team", [GroupMember("bob")])

    assert club.sees("bob") == [1, 2, 3]


def test_adding_who_is_in_rewrites_his_data_and_not_what_he_may_see(club: Club) -> None:
    club.create("ann")
    club.say("ann", "before")
    joined = club.world.groups.get_member("team", "ann")
    club.world.now += 5_000

    club.groups.add_members("olga", "team", [GroupMember("ann", alias="Annie", type=MemberType.MANAGER)], extra="x")

    member = club.world.groups.get_member("team", "ann")
    assert member is not None
    assert joined is not None
    assert (member.alias, member.type, member.extra) == ("Annie", MemberType.MANAGER, "x")
    assert (member.create_dt, member.update_dt) == (joined.create_dt, club.world.now)
    assert club.sees("ann") == [1, 2, 3]
    assert club.groups.info("team").member_count == 2


def test_an_empty_list_is_success_and_nothing_is_said(club: Club) -> None:
    club.create("ann")

    club.groups.add_members("olga", "team", [])

    assert len(club.notices()) == 1


def test_the_limit_counts_those_who_are_new(club: Club) -> None:
    small = Club(max_group_members=3)
    small.create("ann")

    small.groups.add_members("ann", "team", [GroupMember("ann"), GroupMember("bob")], origin=Origin.USER)
    with refusal(Code.GROUP_EXCEED_MAX_MEMBER_COUNT):
        small.groups.add_members("ann", "team", [GroupMember("cem")], origin=Origin.USER)
    small.groups.add_members("ann", "team", [GroupMember("cem")])


def test_a_change_of_the_roster_that_came_in_between_is_not_lost(club: Club) -> None:
    club.create("ann")
    put_roster = club.world.groups.put_roster

    def rival_first(group: str, roster: Any, replaces: int) -> bool:
        club.world.groups.put_roster = put_roster  # type: ignore[method-assign]
        club.groups.add_members("olga", "team", [GroupMember("cem")])
        return put_roster(group, roster, replaces)

    club.world.groups.put_roster = rival_first  # type: ignore[method-assign]
    club.groups.add_members("olga", "team", [GroupMember("bob")])

    assert set(club.world.groups.latest_roster("team").ids) == {"olga", "ann", "bob", "cem"}
    assert club.groups.info("team").member_count == 4


@pytest.mark.parametrize(
    "operation",
    [
        lambda groups: groups.info("nobody"),
        lambda groups: groups.members("nobody"),
        lambda groups: groups.add_members("olga", "nobody", []),
        lambda groups: groups.remove_members("olga", "nobody", ["ann"]),
        lambda groups: groups.quit("olga", "nobody"),
        lambda groups: groups.dissolve("olga", "nobody"),
    ],
)
def test_a_group_that_does_not_exist_says_so(club: Club, operation: Callable[[GroupService], Any]) -> None:
    with refusal(Code.NOT_EXIST):
        operation(club.groups)


# --- removing


def test_a_removed_member_gets_the_notice_and_nothing_after_it(club: Club) -> None:
    club.create("ann", "bob")
    connection = club.world.online("bob")

    club.groups.remove_members("olga", "team", ["bob", "stranger", "bob"])
    club.say("ann", "among ourselves")

    assert club.present() == ["ann", "olga"]
    assert club.notices()[-1] == (106, {"g": "team", "o": "olga", "ms": ["bob"]})
    assert [push["seq"] for push in club.world.pushes(connection)] == [2]
    assert club.sees("bob") == [1, 2]
    assert club.sees("ann") == [1, 2, 3]
    assert club.groups.groups_of("bob") == []
    with refusal(Code.NOT_IN_GROUP):
        club.say("bob", "still here?")


def test_a_removed_member_sees_nothing_new_even_if_the_notice_of_his_removal_fails(club: Club) -> None:
    club.create("ann", "bob")

    def fail(*args: Any, **kwargs: Any) -> dict[int, int]:
        raise Crash

    post_notice, club.world.service.post_notice = club.world.service.post_notice, fail  # type: ignore[method-assign]
    with pytest.raises(Crash):
        club.groups.remove_members("olga", "team", ["bob"])
    club.say("ann", "secret")
    assert club.sees("bob") == [1]

    club.world.service.post_notice = post_notice  # type: ignore[method-assign]
    club.groups.remove_members("olga", "team", ["bob"])
    assert club.notices()[-1][0] == 106


def test_removing_nobody_is_success_and_nothing_is_said(club: Club) -> None:
    club.create("ann")

    club.groups.remove_members("olga", "team", ["stranger"])

    assert len(club.notices()) == 1


def test_removing_again_does_not_reopen_what_was_closed(club: Club) -> None:
    club.create("ann", "bob")
    club.groups.remove_members("olga", "team", ["bob"])
    club.say("ann", "secret")

    club.groups.remove_members("olga", "team", ["bob"])

    assert club.sees("bob") == [1, 2]


def test_who_comes_back_sees_from_then_on(club: Club) -> None:
    club.create("ann", "bob")
    club.groups.remove_members("olga", "team", ["bob"])
    club.say("ann", "secret")

    club.groups.add_members("olga", "team", [GroupMember("bob")])

    assert club.sees("bob") == [4]
    assert club.groups.groups_of("bob") == ["team"]


# --- quitting


def test_a_member_quits(club: Club) -> None:
    club.create("ann", "bob")

    club.groups.quit("bob", "team")
    club.say("ann", "he is gone")

    assert club.present() == ["ann", "olga"]
    assert club.notices()[-1] == (107, {"g": "team", "o": "bob", "m": ""})
    assert club.sees("bob") == [1, 2]


def test_an_owner_who_quits_hands_over_first(club: Club) -> None:
    club.create("ann", "bob")
    club.groups.add_members("olga", "team", [GroupMember("bob", type=MemberType.MANAGER)])

    club.groups.quit("olga", "team")

    assert club.groups.info("team").owner == "bob"
    members = {member.id: member.type for member in club.groups.members("team")}
    assert members == {"ann": MemberType.NORMAL, "bob": MemberType.OWNER}
    assert [notice[0] for notice in club.notices()[-2:]] == [109, 107]
    assert club.notices()[-2][1] == {"g": "team", "o": "olga", "m": "bob"}


def test_the_owner_of_a_free_group_leaves_no_successor(club: Club) -> None:
    club.create("ann", type=1)

    club.groups.quit("olga", "team")

    assert club.groups.info("team").owner == "olga"
    assert club.present() == ["ann"]


def test_the_last_one_to_quit_dissolves_the_group(club: Club) -> None:
    club.create()

    club.groups.quit("olga", "team")

    with refusal(Code.NOT_EXIST):
        club.groups.info("team")


def test_quitting_a_group_one_is_not_in_changes_nothing(club: Club) -> None:
    club.create("ann")

    club.groups.quit("stranger", "team")

    assert len(club.notices()) == 1


def test_a_user_who_is_destroyed_leaves_all_his_groups(club: Club) -> None:
    club.create("ann")
    club.create("bob", id="other", owner="ann")
    club.create(id="third", owner="ann")

    club.groups.quit_all("ann")

    assert club.present() == ["olga"]
    assert club.groups.info("other").owner == "bob"
    with refusal(Code.NOT_EXIST):
        club.groups.info("third")
    assert club.groups.groups_of("ann") == []


# --- dissolving


def test_a_dissolved_group_is_gone_and_its_last_notice_stays_readable(club: Club) -> None:
    club.create("ann", "bob")
    club.groups.remove_members("olga", "team", ["bob"])
    connection = club.world.online("ann")

    club.groups.dissolve("olga", "team")

    for read in (club.groups.info, club.groups.members):
        with refusal(Code.NOT_EXIST):
            read("team")
    assert club.notices()[-1] == (108, {"g": "team", "o": "olga", "m": ""})
    assert [push["seq"] for push in club.world.pushes(connection)] == [3]
    assert club.sees("ann") == [1, 2, 3]
    assert club.sees("bob") == [1, 2]
    assert club.groups.groups_of("ann") == []
    with refusal(Code.NOT_EXIST):
        club.groups.dissolve("olga", "team")


def test_a_new_group_of_the_same_id_shows_nothing_of_the_old_one(club: Club) -> None:
    club.create("ann", "bob")
    club.say("ann", "old secret")
    club.groups.dissolve("olga", "team")

    club.create("bob", "cem", history_message=1)
    club.groups.add_members("olga", "team", [GroupMember("dan")])

    assert club.sees("cem") == [4, 5]
    assert club.sees("dan") == [4, 5]
    assert club.sees("ann") == [1, 2, 3]
    assert club.present() == ["bob", "cem", "dan", "olga"]


def test_a_group_that_takes_over_from_a_half_dissolved_one_does_not_reopen_what_was_closed(club: Club) -> None:
    club.create("ann", "bob")
    club.groups.remove_members("olga", "team", ["bob"])
    club.say("ann", "secret")
    crash = CrashPoint(after=4)
    with pytest.raises(Crash):
        club.service(crash).dissolve("olga", "team")
    remains = club.world.groups.get_dissolved("team")
    assert remains is not None
    assert remains.pending

    club.create("cem")

    assert club.sees("bob") == [1, 2]
    assert club.sees("ann") == [1, 2, 3, 4]
    assert club.present() == ["cem", "olga"]


def test_a_roster_version_never_repeats_not_even_in_a_new_group_of_the_same_id(club: Club) -> None:
    versions = []
    for _ in range(2):
        club.create("ann")
        versions.append(club.groups.info("team").roster_version)
        club.groups.add_members("olga", "team", [GroupMember("bob")])
        versions.append(club.groups.info("team").roster_version)
        club.groups.dissolve("olga", "team")

    assert versions == sorted(set(versions))


# --- crashes: cut each operation after every one of its calls, repeat it, and look at the result


def crashed_then_repeated(operation: Callable[[GroupService], Any], prepare: Callable[[Club], Any]) -> list[Club]:
    probe = Club()
    prepare(probe)
    steps = CrashPoint()
    operation(probe.service(steps))
    clubs = []
    for after in range(steps.calls):
        club = Club()
        prepare(club)
        with pytest.raises(Crash):
            operation(club.service(CrashPoint(after)))
        club.world.now += 1
        clubs.append(club)
    assert len(clubs) > 5
    return clubs


def test_a_create_that_was_cut_anywhere_can_be_repeated_or_is_done() -> None:
    def create(groups: GroupService) -> None:
        groups.create("olga", GroupInfo("team"), [GroupMember("ann"), GroupMember("bob")])

    for club in crashed_then_repeated(create, lambda club: None):
        visible = club.world.groups.get_info("team") is not None
        if visible:
            with refusal(Code.GROUP_ALREADY_EXIST):
                create(club.groups)
        else:
            club.groups.create("olga", GroupInfo("team"), [GroupMember("ann")])
        expected = ["ann", "bob", "olga"] if visible else ["ann", "olga"]
        assert club.present() == expected
        assert sorted(club.world.groups.latest_roster("team").ids) == expected
        assert club.groups.info("team").member_count == len(expected)
        assert [user for user in ("ann", "bob", "olga") if club.groups.groups_of(user)] == expected


def test_a_create_whose_last_write_is_answered_only_the_second_time_is_no_other_group(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = club.world.groups.found

    def lost_and_tried_again(info: GroupInfo) -> bool:
        found(info)
        return found(info)

    monkeypatch.setattr(club.world.groups, "found", lost_and_tried_again)

    assert club.groups.create("olga", GroupInfo("team"), [GroupMember("ann")]) == "team"
    assert [kind for kind, _ in club.notices()] == [104]
    assert club.present() == ["ann", "olga"]


def test_a_transfer_that_was_cut_anywhere_is_finished_by_any_administrator() -> None:
    def prepare(club: Club) -> None:
        club.create("ann", "bob")

    def transfer(groups: GroupService) -> None:
        groups.transfer("olga", "team", "ann")

    for club in crashed_then_repeated(transfer, prepare):
        club.groups.transfer("root", "team", "ann")

        assert club.groups.info("team").owner == "ann"
        types = {member.id: member.type for member in club.world.groups.list_members("team")}
        assert types == {"ann": MemberType.OWNER, "bob": MemberType.NORMAL, "olga": MemberType.NORMAL}
        assert club.notices()[-1][0] == 109


def test_an_owner_whose_leaving_was_cut_anywhere_leaves_one_owner_and_both_notices() -> None:
    def prepare(club: Club) -> None:
        club.create("ann", "bob", "rob")
        club.groups.set_managers("olga", "team", ["bob", "rob"], on=True)

    def leave(groups: GroupService) -> None:
        groups.quit("olga", "team", origin=Origin.USER)

    for club in crashed_then_repeated(leave, prepare):
        club.groups.quit("olga", "team")

        owner = club.groups.info("team").owner
        assert club.present() == ["ann", "bob", "rob"]
        assert [m.id for m in club.world.groups.list_members("team") if m.type == MemberType.OWNER] == [owner]
        assert {109, 107} <= {kind for kind, _ in club.notices()}


def test_an_addition_that_was_cut_anywhere_is_finished_by_repeating_it() -> None:
    def prepare(club: Club) -> None:
        club.create("ann", "rob")
        club.groups.remove_members("olga", "team", ["rob"])
        club.say("ann", "before")

    def add(groups: GroupService) -> None:
        groups.add_members("olga", "team", [GroupMember("bob"), GroupMember("rob"), GroupMember("ann")])

    for club in crashed_then_repeated(add, prepare):
        add(club.groups)

        assert club.present() == ["ann", "bob", "olga", "rob"]
        assert sorted(club.world.groups.latest_roster("team").ids) == ["ann", "bob", "olga", "rob"]
        assert club.groups.info("team").member_count == 4
        assert club.notices()[-1][0] == 105
        assert club.sees("ann")[:3] == [1, 2, 3]
        assert club.sees("bob")[0] == club.sees("rob")[0] == 4


def test_a_removal_that_was_cut_anywhere_is_finished_by_repeating_it() -> None:
    def prepare(club: Club) -> None:
        club.create("ann", "bob", "rob")
        club.groups.remove_members("olga", "team", ["rob"])
        for user in ("ann", "bob"):
            club.world.settings.put(user, [Setting(Scope.GROUP_REMARK, "team", "ours")])

    def remove(groups: GroupService) -> None:
        groups.remove_members("olga", "team", ["bob", "rob"])

    for club in crashed_then_repeated(remove, prepare):
        announced = 106 in [notice[0] for notice in club.notices()[2:]]
        between = club.say("ann", "in between")
        remove(club.groups)
        after = club.say("ann", "after")

        assert club.present() == ["ann", "olga"]
        assert club.world.groups.latest_roster("team").ids.count("bob") == 0
        assert 106 in [notice[0] for notice in club.notices()[2:]]
        assert after not in club.sees("bob")
        assert not (announced and between in club.sees("bob"))
        assert club.sees("rob") == [1, 2]
        assert club.groups.groups_of("bob") == []
        assert not club.world.groups.get_members("team", ["bob"])["bob"].leaving
        remarks = [club.world.settings.get(user, Scope.GROUP_REMARK, "team").value for user in ("ann", "bob")]
        assert remarks == ["ours", ""]


def test_a_removal_closes_what_a_joining_that_was_cut_short_has_opened(club: Club) -> None:
    club.create("ann")
    with pytest.raises(Crash):
        club.service(CrashPoint(after=5)).add_members("olga", "team", [GroupMember("eve")])
    assert "eve" not in club.present()
    assert "team" in club.groups.groups_of("eve")

    club.groups.remove_members("olga", "team", ["eve"])
    after = club.say("ann", "after")

    assert club.groups.groups_of("eve") == []
    assert after not in club.sees("eve")


def test_a_dissolution_that_was_cut_anywhere_is_finished_by_repeating_it() -> None:
    def prepare(club: Club) -> None:
        club.create("ann")
        club.world.settings.put("ann", [Setting(Scope.CONVERSATION_TOP, "1-0-team", "1")])

    def dissolve(groups: GroupService) -> None:
        groups.dissolve("olga", "team")

    for club in crashed_then_repeated(dissolve, prepare):
        remains = club.world.groups.get_dissolved("team")
        if remains is None or remains.pending:
            dissolve(club.groups)
        with refusal(Code.NOT_EXIST):
            club.groups.info("team")
        assert club.groups.groups_of("ann") == []
        assert club.world.groups.list_members("team") == []
        assert club.world.settings.get("ann", Scope.CONVERSATION_TOP, "1-0-team").value == ""
        assert 108 in [notice[0] for notice in club.notices()]


def test_a_hello_says_when_one_last_came_into_a_group_or_out_of_one(club: Club) -> None:
    world = club.world

    def version(user: str) -> int:
        world.now += 1_000
        return world.connect.hello(user, None, 1).versions.groups

    assert version("alice") == 0
    club.create("alice")
    within = version("alice")
    assert within == world.now
    club.groups.remove_members("olga", "team", ["alice"])
    left = version("alice")
    assert left > within
    world.now += 3_600_000
    settled = version("alice")
    assert left < settled < world.now
    assert version("alice") == settled
