"""What changes a group's info, its members' entries and roles, and requests to be let in; and what is told of it."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember, RequestStatus
from im.group.service import Entry, GroupService
from im.group.steps import MAX_NOTICE_BYTES, Announcement
from im.message.model import Origin, Payload
from tests.fakes.club import Club, refusal
from tests.fakes.crash import Crash, CrashPoint

USER = Origin.USER


@pytest.fixture
def club() -> Club:
    made = Club()
    made.create("ann", "bob", type=2)
    made.world.now += 3_600_000
    return made


def kinds(club: Club) -> dict[str, int]:
    return {member.id: member.type for member in club.groups.members("team")}


# --- the info


@pytest.mark.parametrize(
    ("entry", "value", "field", "expected", "notice"),
    [
        (0, "New", "name", "New", (110, {"n": "New", "m": ""})),
        (1, "http://p", "portrait", "http://p", (112, {"n": "http://p", "m": ""})),
        (2, "{}", "extra", "{}", (122, {"n": "{}", "m": ""})),
        (3, "1", "mute", 1, (113, {"n": "1", "m": ""})),
        (4, "2", "join_type", 2, (114, {"n": "2", "m": ""})),
        (5, "1", "private_chat", 1, (115, {"n": "1", "m": ""})),
        (6, "1", "searchable", 1, (116, {"n": "1", "m": ""})),
        (7, "1", "history_message", 1, (124, {"n": "7", "m": "1"})),
        (8, "100000", "max_member_count", 100_000, (124, {"n": "8", "m": "100000"})),
        (9, "1", "super_group", True, (124, {"n": "9", "m": "1"})),
        (10, "3", "type", 3, (124, {"n": "10", "m": "3"})),
    ],
)
def test_each_entry_is_changed_and_told_in_its_own_way(
    club: Club, entry: int, value: str, field: str, expected: Any, notice: tuple[int, dict[str, str]]
) -> None:
    club.groups.modify("olga", "team", entry, value)

    info = club.groups.info("team")
    assert getattr(info, field) == expected
    assert info.update_dt == club.world.now
    assert club.notices()[-1] == (notice[0], {"g": "team", "o": "olga", **notice[1]})


@pytest.mark.parametrize(
    ("entry", "value"),
    [(11, "1"), (-1, "1"), (3, "yes"), (3, ""), (3, "128"), (8, "100001"), (8, "-1"), (0, "n" * 65), (2, "e" * 16_385)],
)
def test_what_cannot_be_is_refused_and_not_told(club: Club, entry: int, value: str) -> None:
    before = club.groups.info("team")
    with pytest.raises(InvalidError):
        club.groups.modify("olga", "team", entry, value)
    with refusal(Code.INVALID_DATA):
        club.groups.modify("olga", "team", Entry.TYPE, "4")

    assert club.groups.info("team") == before
    assert len(club.notices()) == 1


def test_a_text_that_is_too_long_for_a_notice_is_left_out_of_it(club: Club) -> None:
    club.groups.modify("olga", "team", Entry.EXTRA, "e" * 16_000)

    assert club.notices()[-1] == (122, {"g": "team", "o": "olga", "m": ""})
    assert club.groups.info("team").extra == "e" * 16_000


def test_a_long_list_of_members_is_told_in_parts(club: Club) -> None:
    many = [f"member-with-a-long-name-{number:05d}" for number in range(900)]

    club.groups.add_members("olga", "team", [GroupMember(user) for user in many])

    told = [data["ms"] for kind, data in club.notices() if kind == 105]
    assert [user for part in told for user in part] == many
    assert len(told) == 3
    assert all(sum(len(user) + 3 for user in part) <= MAX_NOTICE_BYTES for part in told)


def test_a_content_of_the_callers_own_takes_the_place_of_the_notice_where_that_is_allowed() -> None:
    own = Announcement((0, 3), Payload(type=1001, base64edData=base64.b64encode(b'{"my":1}').decode()))
    club = Club()
    club.create("ann")
    club.groups.modify("olga", "team", Entry.NAME, "New", announcement=own, origin=USER)
    assert club.notices()[-1] == club.notices(3)[-1] == (1001, {"my": 1})

    strict = Club(client_custom_notification=False, robot_custom_notification=False)
    strict.create("ann")
    for origin in (USER, Origin.ROBOT):
        with refusal(Code.NOT_RIGHT):
            strict.groups.modify("olga", "team", Entry.NAME, "New", announcement=own, origin=origin)
    strict.groups.modify("olga", "team", Entry.NAME, "New", announcement=own)


@pytest.mark.parametrize("kind", [80, 81])
def test_a_notice_of_ones_own_takes_no_message_back(club: Club, kind: int) -> None:
    with pytest.raises(InvalidError):
        club.groups.quit("ann", "team", announcement=Announcement(custom=Payload(type=kind)), origin=USER)
    assert "ann" in club.present()


# --- members


def test_alias_and_extra_of_oneself_and_of_others(club: Club) -> None:
    club.groups.set_alias("ann", "team", "", "Annie", origin=USER)
    club.groups.set_extra("olga", "team", "bob", "{}", origin=USER)

    ann, bob = (club.groups.member("team", user) for user in ("ann", "bob"))
    assert (ann.alias, bob.extra) == ("Annie", "{}")
    assert ann.update_dt == bob.update_dt == club.groups.info("team").member_update_dt == club.world.now
    assert club.notices()[-2:] == [
        (111, {"g": "team", "o": "ann", "n": "Annie", "m": ""}),
        (123, {"g": "team", "o": "olga", "n": "{}", "m": "bob"}),
    ]
    with refusal(Code.NOT_IN_GROUP):
        club.groups.set_alias("olga", "team", "stranger", "x")
    with pytest.raises(InvalidError):
        club.groups.set_alias("olga", "team", "bob", "x" * 65)


def test_an_alias_does_not_bring_a_removed_member_back(club: Club) -> None:
    club.groups.remove_members("olga", "team", ["bob"])

    with refusal(Code.NOT_IN_GROUP):
        club.groups.set_alias("olga", "team", "bob", "Bobby")
    assert "bob" not in club.present()


@pytest.mark.parametrize(
    ("change", "kind", "notice"),
    [("set_managers", 1, 117), ("mute_members", 3, 118), ("allow_members", 5, 119)],
)
def test_a_role_is_given_and_taken_and_strangers_are_ignored(club: Club, change: str, kind: int, notice: int) -> None:
    act: Callable[..., None] = getattr(club.groups, change)

    act("olga", "team", ["ann", "stranger", "ann"], on=True)
    assert kinds(club) == {"ann": kind, "bob": 0, "olga": 2}
    act("olga", "team", ["ann", "bob"], on=False)
    assert kinds(club) == {"ann": 0, "bob": 0, "olga": 2}
    act("olga", "team", ["stranger"], on=True)

    told = [data for told_kind, data in club.notices() if told_kind == notice]
    assert told == [
        {"g": "team", "o": "olga", "n": "1", "ms": ["ann"]},
        {"g": "team", "o": "olga", "n": "0", "ms": ["ann", "bob"]},
    ]


def test_taking_one_role_leaves_another(club: Club) -> None:
    club.groups.set_managers("olga", "team", ["ann"], on=True)
    club.groups.mute_members("olga", "team", ["bob"], on=True)

    club.groups.mute_members("olga", "team", ["ann", "bob"], on=False)

    assert kinds(club) == {"ann": 1, "bob": 0, "olga": 2}


# --- ownership


def test_a_transfer_makes_one_owner_and_an_ordinary_member(club: Club) -> None:
    club.groups.transfer("olga", "team", "ann", origin=USER)

    assert kinds(club) == {"ann": 2, "bob": 0, "olga": 0}
    assert club.groups.info("team").owner == "ann"
    assert club.notices()[-1] == (109, {"g": "team", "o": "olga", "m": "ann"})
    club.groups.transfer("olga", "team", "ann", origin=USER)
    assert len(club.notices()) == 2
    with refusal(Code.NOT_IN_GROUP):
        club.groups.transfer("ann", "team", "stranger", origin=USER)


def test_an_admin_gives_a_group_to_whom_he_likes(club: Club) -> None:
    club.groups.transfer("admin", "team", "outsider")

    assert club.groups.info("team").owner == "outsider"
    assert kinds(club) == {"ann": 0, "bob": 0, "olga": 0}


def test_at_no_moment_of_a_transfer_are_there_two_owners_or_none() -> None:
    steps = CrashPoint()
    probe = Club()
    probe.create("ann")
    probe.service(steps).transfer("olga", "team", "ann", origin=USER)
    for after in range(steps.calls):
        club = Club()
        club.create("ann")
        with pytest.raises(Crash):
            club.service(CrashPoint(after)).transfer("olga", "team", "ann", origin=USER)

        assert sorted(kinds(club).values()) == [0, 2]
        assert kinds(club)[club.groups.info("team").owner] == 2
        club.groups.transfer("olga", "team", "ann", origin=USER)
        assert kinds(club) == {"ann": 2, "olga": 0}
        assert 109 in [kind for kind, _ in club.notices()]


# --- joining and being let in


def test_joining_twice_says_so_and_is_told_once(club: Club) -> None:
    club.groups.add_members("eve", "team", [GroupMember("eve", alias="Evi")], origin=USER)
    with refusal(Code.ALREADY_IN_GROUP):
        club.groups.add_members("eve", "team", [GroupMember("eve")], origin=USER)

    assert [data for kind, data in club.notices() if kind == 105] == [{"g": "team", "o": "eve", "ms": ["eve"]}]
    assert club.groups.member("team", "eve").alias == "Evi"


@pytest.mark.parametrize("users", [["eve"], ["fay", "gus"]])
def test_a_joining_that_was_cut_anywhere_is_finished_by_its_repeat_and_told(users: list[str]) -> None:
    operator = "eve" if users == ["eve"] else "ann"

    def act(groups: GroupService) -> None:
        groups.add_members(operator, "team", [GroupMember(user) for user in users], origin=USER)

    steps = CrashPoint()
    probe = Club()
    probe.create("ann", type=2)
    act(probe.service(steps))
    for after in range(steps.calls):
        club = Club()
        club.create("ann", type=2)
        with pytest.raises(Crash):
            act(club.service(CrashPoint(after)))
        club.world.now += 1_000
        act(club.groups)

        assert club.present() == sorted(["ann", "olga", *users])
        assert club.groups.info("team").member_count == 2 + len(users)
        assert set(users) <= set(club.world.groups.latest_roster("team").ids)
        assert {user for kind, data in club.notices() if kind == 105 for user in data["ms"]} == set(users)
        with refusal(Code.ALREADY_IN_GROUP):
            act(club.groups)


def test_who_blacklisted_the_caller_is_not_added_by_him(club: Club) -> None:
    club.world.rows.relate("eve", "ann", blocked=True, befriended=False)
    for act in (
        lambda: club.groups.add_members("ann", "team", [GroupMember("dan"), GroupMember("eve")], origin=USER),
        lambda: club.groups.create("ann", GroupInfo("new"), [GroupMember("eve")], origin=USER),
    ):
        with refusal(Code.IN_BLACK_LIST):
            act()
    assert "dan" not in club.present()
    club.groups.add_members("ann", "team", [GroupMember("eve")], origin=Origin.ROBOT)


def test_where_strangers_may_not_be_added_friends_and_the_exempted_may() -> None:
    club = Club(disable_stranger_invite=True, allow_stranger_chat_list=("helper",))
    club.create("ann")
    club.world.rows.relate("bob", "ann", blocked=False, befriended=True)

    club.groups.add_members("ann", "team", [GroupMember("bob"), GroupMember("helper")], origin=USER)
    with refusal(Code.NOT_RIGHT):
        club.groups.add_members("ann", "team", [GroupMember("eve")], origin=USER)
    club.groups.add_members("eve", "team", [GroupMember("eve")], origin=USER)


def test_nobody_is_in_more_groups_than_the_deployment_allows() -> None:
    club = Club(max_groups_per_user=2)
    club.create("ann")
    club.groups.create("ann", GroupInfo("second"), [], origin=USER)

    with refusal(Code.NOT_RIGHT):
        club.groups.create("ann", GroupInfo("third"), [], origin=USER)
    with refusal(Code.NOT_RIGHT):
        club.groups.create("bob", GroupInfo("third"), [GroupMember("ann")], origin=USER)
    club.groups.create("admin", GroupInfo("third"), [GroupMember("ann")])


def test_a_request_reaches_the_leaders_and_its_answer_who_asked(club: Club) -> None:
    club.groups.modify("olga", "team", Entry.JOIN_TYPE, "1")
    club.groups.set_managers("olga", "team", ["ann"], on=True)

    club.groups.ask("eve", "team", [], "please", "{}", origin=USER)
    club.groups.ask("bob", "team", ["fay", "bob"], origin=USER)
    assert club.hints == [(["ann", "olga"], "team")] * 2
    assert [(each.member, each.requester) for each in club.groups.requests("ann", "team")] == [
        ("eve", "eve"),
        ("fay", "bob"),
    ]
    assert [each.reason for each in club.groups.requests("eve", "team")] == ["please"]
    assert club.groups.requests("bob", "team") == []

    club.groups.answer("ann", "team", "eve", accept=True)
    club.groups.answer("olga", "team", "fay", accept=False, reason=7)

    assert club.present() == ["ann", "bob", "eve", "olga"]
    assert club.hints[2:] == [(["eve"], "team"), (["bob", "fay"], "team")]
    assert club.notices()[-2:] == [
        (105, {"g": "team", "o": "ann", "ms": ["eve"]}),
        (125, {"g": "team", "o": "olga", "mi": {"fay": 7}}),
    ]
    states = {each.member: (each.status, each.answered_by) for each in club.groups.requests("olga", "team")}
    assert states == {"eve": (RequestStatus.ACCEPTED, "ann"), "fay": (RequestStatus.REJECTED, "olga")}
    for user in ("eve", "fay", "nobody"):
        with refusal(Code.NOT_EXIST):
            club.groups.answer("olga", "team", user, accept=True)


def test_accepting_that_was_cut_anywhere_is_finished_by_its_repeat() -> None:
    def prepared() -> Club:
        club = Club()
        club.create("ann", type=2, join_type=1)
        club.groups.ask("eve", "team", [], origin=USER)
        return club

    steps = CrashPoint()
    prepared().service(steps)
    probe = prepared()
    probe.service(steps).answer("olga", "team", "eve", accept=True)
    for after in range(steps.calls):
        club = prepared()
        with pytest.raises(Crash):
            club.service(CrashPoint(after)).answer("olga", "team", "eve", accept=True)
        try:
            club.groups.answer("olga", "team", "eve", accept=True)
        except ImError as error:
            assert error.code is Code.NOT_EXIST  # noqa: PT017  the first attempt got that far

        assert "eve" in club.present()
        assert 105 in [kind for kind, _ in club.notices()]
        assert club.world.groups.get_request("team", "eve").status == RequestStatus.ACCEPTED  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wanted", "kind", "at"), [(1, 121, "quit"), (2, 120, "kick"), (3, 121, "quit"), (3, 120, "kick")]
)
def test_leaders_and_who_goes_get_the_visible_copy_where_it_is_switched_on(wanted: int, kind: int, at: str) -> None:
    club = Club(visible_quit_or_kickoff=wanted)
    club.create("ann", "bob", "max")
    club.groups.set_managers("olga", "team", ["max"], on=True)
    sockets = {user: club.world.online(user) for user in ("olga", "max", "ann", "bob")}

    if at == "quit":
        club.groups.quit("bob", "team", origin=USER)
    else:
        club.groups.remove_members("olga", "team", ["bob"], origin=USER)
    club.say("ann", "after")

    reached = {
        user
        for user, socket in sockets.items()
        if kind in [push["content"]["type"] for push in club.world.pushes(socket)]
    }
    assert reached == {"olga", "max", "bob"}
    assert [told for told, _ in club.notices()][-2:] == [kind - 14, kind]
    assert max(club.sees("bob")) <= 5


# --- two at once


def rival(club: Club, step: str, act: Callable[[], Any]) -> None:
    """Let something else happen right before the next call of this step."""
    store: Any = club.world.groups
    original = getattr(store, step)

    def first(*args: Any, **kwargs: Any) -> Any:
        setattr(store, step, original)
        act()
        return original(*args, **kwargs)

    setattr(store, step, first)


STEPS = ("latest_roster", "get_members", "put_member", "put_roster", "publish")


@pytest.mark.parametrize("step", [*STEPS, "mark_left"])
def test_an_addition_amid_a_removal_leaves_the_member_wholly_in_or_wholly_out(club: Club, step: str) -> None:
    rival(club, step, lambda: club.groups.add_members("max", "team", [GroupMember("bob")]))

    club.groups.remove_members("olga", "team", ["bob"])

    check_whole(club, "bob")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("known", [True, False])
def test_a_removal_amid_an_addition_leaves_the_member_wholly_in_or_wholly_out(
    club: Club, step: str, known: bool
) -> None:
    if known:
        club.groups.add_members("olga", "team", [GroupMember("eve")])
        club.groups.remove_members("olga", "team", ["eve"])
    rival(club, step, lambda: club.groups.remove_members("olga", "team", ["eve"]))

    club.groups.add_members("max", "team", [GroupMember("eve")])

    check_whole(club, "eve")


def check_whole(club: Club, user: str) -> None:
    """Item, roster, count and row say the same, and so do they after either was asked for once more."""
    for again in (None, "add", "remove"):
        if again == "add":
            club.groups.add_members("olga", "team", [GroupMember(user)])
            assert user in club.present()
        if again == "remove":
            club.groups.remove_members("olga", "team", [user])
            assert user not in club.present()
        is_in = user in club.present()
        assert (user in club.world.groups.latest_roster("team").ids) is is_in
        assert club.groups.info("team").member_count == len(club.present())
        assert ("team" in club.groups.groups_of(user)) is is_in
