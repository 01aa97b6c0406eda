"""The rules of groups that need no storage."""

import pytest

from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember, MemberType, check_info
from im.group.rules import (
    check_may_speak,
    check_member_count,
    first_seqs,
    founders,
    joined,
    may_withdraw,
    successor,
)
from im.message.model import Origin
from im.settings import Switches

TEAM = GroupInfo("team", owner="olga")
MUTED = GroupInfo("team", owner="olga", mute=1)
OWNER = GroupMember("olga", type=MemberType.OWNER)
MANAGER = GroupMember("max", type=MemberType.MANAGER)
NORMAL = GroupMember("nora")
SILENT = GroupMember("sam", type=MemberType.SILENT)
ALLOWED = GroupMember("ann", type=MemberType.ALLOWED)
REMOVED = GroupMember("rob", type=MemberType.REMOVED)
TEXT, CALL_SIGNAL = 1, 403
EXCEPTIONS = (CALL_SIGNAL,)


@pytest.mark.parametrize(
    ("info", "member", "content_type", "refusal"),
    [
        (TEAM, OWNER, TEXT, None),
        (TEAM, MANAGER, TEXT, None),
        (TEAM, NORMAL, TEXT, None),
        (TEAM, SILENT, TEXT, Code.NOT_RIGHT),
        (TEAM, ALLOWED, TEXT, None),
        (TEAM, REMOVED, TEXT, Code.NOT_IN_GROUP),
        (TEAM, None, TEXT, Code.NOT_IN_GROUP),
        (None, NORMAL, TEXT, Code.NOT_IN_GROUP),
        (MUTED, OWNER, TEXT, None),
        (MUTED, MANAGER, TEXT, None),
        (MUTED, NORMAL, TEXT, Code.GROUP_MUTED),
        (MUTED, SILENT, TEXT, Code.NOT_RIGHT),
        (MUTED, ALLOWED, TEXT, None),
        (MUTED, REMOVED, TEXT, Code.NOT_IN_GROUP),
        (MUTED, NORMAL, CALL_SIGNAL, None),
        (MUTED, SILENT, CALL_SIGNAL, None),
        (MUTED, REMOVED, CALL_SIGNAL, Code.NOT_IN_GROUP),
        (MUTED, None, CALL_SIGNAL, Code.NOT_IN_GROUP),
    ],
)
def test_who_may_speak(
    info: GroupInfo | None, member: GroupMember | None, content_type: int, refusal: Code | None
) -> None:
    if refusal is None:
        check_may_speak(info, member, content_type, EXCEPTIONS)
        return
    with pytest.raises(ImError) as caught:
        check_may_speak(info, member, content_type, EXCEPTIONS)
    assert caught.value.code is refusal


@pytest.mark.parametrize(
    ("operator", "author", "own", "switches", "allowed"),
    [
        (OWNER, NORMAL, False, {}, True),
        (OWNER, MANAGER, False, {}, True),
        (OWNER, OWNER, True, {}, True),
        (OWNER, OWNER, True, {"allow_owner_recall_self": False}, False),
        (MANAGER, NORMAL, False, {}, True),
        (MANAGER, REMOVED, False, {}, True),
        (MANAGER, None, False, {}, True),
        (MANAGER, OWNER, False, {}, False),
        (MANAGER, MANAGER, False, {}, False),
        (MANAGER, MANAGER, True, {}, False),
        (MANAGER, MANAGER, True, {"allow_manager_recall_self": True}, True),
        (NORMAL, NORMAL, True, {}, False),
        (NORMAL, SILENT, False, {}, False),
        (REMOVED, NORMAL, False, {}, False),
        (None, NORMAL, False, {}, False),
        (OWNER, NORMAL, False, {"disable_group_manager_recall": True}, False),
    ],
)
def test_whose_role_allows_to_take_back(
    operator: GroupMember | None, author: GroupMember | None, own: bool, switches: dict[str, bool], allowed: bool
) -> None:
    assert may_withdraw(TEAM, operator, author, own=own, switches=Switches(**switches)) is allowed
    assert not may_withdraw(None, operator, author, own=own, switches=Switches(**switches))


def test_founders_have_one_owner_and_growing_join_times() -> None:
    submitted = [
        GroupMember("nora", type=2),
        GroupMember("max", type=1, extra="own"),
        GroupMember("nora", alias="twice"),
    ]

    people = founders(TEAM, submitted, "", Origin.ADMIN, 1000)

    assert [(member.id, member.type, member.create_dt) for member in people] == [
        ("nora", MemberType.NORMAL, 1000),
        ("max", MemberType.MANAGER, 1001),
        ("olga", MemberType.OWNER, 1002),
    ]
    assert [member.extra for member in people] == ["", "own", ""]


def test_the_owner_keeps_his_place_in_the_list_whatever_type_was_asked_for() -> None:
    people = founders(TEAM, [GroupMember("olga", type=3), GroupMember("nora")], "all", Origin.ADMIN, 1000)

    assert [(member.id, member.type, member.extra) for member in people] == [("olga", 2, "all"), ("nora", 0, "all")]


def test_only_an_admin_gives_types_and_never_a_tombstones() -> None:
    submitted = [GroupMember("max", type=1), GroupMember("sam", type=3), GroupMember("rob", type=4)]

    by_user = founders(TEAM, submitted, "", Origin.USER, 0)
    by_admin = founders(TEAM, submitted, "", Origin.ADMIN, 0)

    assert [member.type for member in by_user] == [0, 0, 0, 2]
    assert [member.type for member in by_admin] == [1, 3, 0, 2]


def test_who_is_in_already_keeps_his_join_time_and_a_removed_one_joins_anew() -> None:
    known = {
        "nora": GroupMember("nora", alias="old", create_dt=5),
        "rob": GroupMember("rob", type=MemberType.REMOVED, create_dt=6, leaving=True),
        "olga": GroupMember("olga", type=MemberType.OWNER, create_dt=4),
    }
    submitted = [GroupMember("nora", alias="new"), GroupMember("rob"), GroupMember("olga"), GroupMember("zoe", type=2)]

    people = joined(TEAM, submitted, known, "", Origin.ADMIN, 1000)

    assert [(member.id, member.alias, member.type, member.create_dt, member.leaving) for member in people] == [
        ("nora", "new", 0, 5, False),
        ("rob", "", 0, 1001, False),
        ("olga", "", 2, 4, False),
        ("zoe", "", 0, 1003, False),
    ]


def test_new_members_see_from_the_head_on_or_everything() -> None:
    heads = {0: 7, 3: 0}

    assert first_seqs(TEAM, heads) == {0: 8}
    assert first_seqs(GroupInfo("team", history_message=1), heads) == {}
    assert first_seqs(GroupInfo("team", history_message=1, starts={0: 4}), heads) == {0: 4}


def test_a_manager_succeeds_then_who_has_been_in_longest() -> None:
    old, new = GroupMember("old", create_dt=1), GroupMember("new", create_dt=2)
    manager = GroupMember("boss", type=MemberType.MANAGER, create_dt=9)
    gone = GroupMember("gone", type=MemberType.REMOVED, create_dt=0)

    assert successor([OWNER, new, old, manager, gone], "olga") == manager
    assert successor([OWNER, new, old, gone], "olga") == old
    assert successor([OWNER, gone], "olga") is None
    chosen = GroupMember("sam", type=MemberType.OWNER, create_dt=9)
    assert successor([OWNER, old, manager, chosen], "olga") == chosen


def test_the_member_limit_binds_everybody_but_an_admin() -> None:
    switches = Switches(max_group_members=3)
    check_member_count(3, 0, Origin.USER, switches)
    check_member_count(100_000, 0, Origin.ADMIN, switches)
    check_member_count(5, 5, Origin.ROBOT, switches)

    for count, own_limit, origin in ((4, 0, Origin.USER), (3, 2, Origin.USER), (100_001, 0, Origin.ADMIN)):
        with pytest.raises(ImError) as caught:
            check_member_count(count, own_limit, origin, switches)
        assert caught.value.code is Code.GROUP_EXCEED_MAX_MEMBER_COUNT


@pytest.mark.parametrize("kind", [-1, 4])
def test_an_unknown_group_type_is_invalid_data(kind: int) -> None:
    with pytest.raises(ImError) as caught:
        check_info(GroupInfo("team", owner="olga", type=kind))
    assert caught.value.code is Code.INVALID_DATA


@pytest.mark.parametrize(
    "info",
    [
        GroupInfo("", owner="olga"),
        GroupInfo("x" * 65, owner="olga"),
        GroupInfo("te\nam", owner="olga"),
        GroupInfo("team", owner=""),
        GroupInfo("team", owner="olga", name="n" * 65),
        GroupInfo("team", owner="olga", portrait="p" * 1025),
        GroupInfo("team", owner="olga", extra="e" * 16_385),
    ],
)
def test_ids_and_texts_have_limits(info: GroupInfo) -> None:
    with pytest.raises(InvalidError):
        check_info(info)
