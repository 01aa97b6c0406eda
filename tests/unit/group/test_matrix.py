"""Every cell of the matrix of rights, walked through the real use cases: what it says is what happens."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from im.errors import Code
from im.group.model import (
    FORBID_ALLOW,
    FORBID_GROUP_MUTE,
    FORBID_MEMBER_MUTE,
    FORBIDDING_BITS,
    MATRIX,
    GroupInfo,
    GroupMember,
    Kind,
    MemberType,
    Operation,
    Role,
    kind_of,
    ruling,
)
from im.group.service import Entry, GroupService
from im.message.model import Origin
from tests.fakes.club import Club, refusal

TYPES = {
    Kind.NORMAL: (0, 0),
    Kind.FREE: (1, 0),
    Kind.OPEN: (2, 0),
    Kind.INVITE: (2, 1),
    Kind.CLOSED: (2, 2),
    Kind.ORGANIZATION: (3, 0),
}
MEMBERS = {
    Role.MUTED: MemberType.SILENT,
    Role.MEMBER: MemberType.NORMAL,
    Role.ALLOWED: MemberType.ALLOWED,
    Role.MANAGER: MemberType.MANAGER,
}
WHO = {role: "olga" if role is Role.OWNER else str(role) for role in Role}
LONG_AGO_MS = 3_600_000


def club_of(kind: Kind, **switches: Any) -> Club:
    """A group of this kind with somebody in each role, and an ordinary member and a manager to do things to."""
    club = Club(**switches)
    group_type, join_type = TYPES[kind]
    people = [GroupMember(WHO[role], type=member_type) for role, member_type in MEMBERS.items()]
    others = [GroupMember("removed"), GroupMember("victim"), GroupMember("boss", type=MemberType.MANAGER)]
    info = GroupInfo("team", type=group_type, join_type=join_type)
    club.groups.create("olga", info, [*people, *others])
    club.groups.remove_members("olga", "team", ["removed"])
    club.world.now += LONG_AGO_MS
    return club


Way = Callable[[GroupService, str, Origin], Any]
"""Does something in the group, in somebody's name."""


def modify(entry: Entry, value: str) -> Way:
    return lambda groups, who, origin: groups.modify(who, "team", entry, value, origin=origin)


def requested(groups: GroupService, who: str, origin: Origin) -> None:
    groups.ask("somebody", "team", [])
    groups.answer(who, "team", "somebody", accept=True)


WAYS: dict[Operation, list[Way]] = {
    Operation.DISMISS: [lambda groups, who, origin: groups.dissolve(who, "team", origin=origin)],
    Operation.JOIN: [lambda groups, who, origin: groups.add_members(who, "team", [GroupMember(who)], origin=origin)],
    Operation.INVITE: [
        lambda groups, who, origin: groups.add_members(who, "team", [GroupMember("new")], origin=origin)
    ],
    Operation.REQUEST: [lambda groups, who, origin: groups.ask(who, "team", [], origin=origin)],
    Operation.REQUEST_OTHERS: [lambda groups, who, origin: groups.ask(who, "team", ["new"], origin=origin)],
    Operation.ANSWER: [requested],
    Operation.KICK: [
        lambda groups, who, origin: groups.remove_members(who, "team", ["victim"], origin=origin),
        lambda groups, who, origin: groups.remove_members(who, "team", ["boss"], origin=origin),
    ],
    Operation.KICK_OWNER: [
        lambda groups, who, origin: groups.remove_members(who, "team", ["victim", "olga"], origin=origin)
    ],
    Operation.QUIT: [lambda groups, who, origin: groups.quit(who, "team", origin=origin)],
    Operation.TRANSFER: [lambda groups, who, origin: groups.transfer(who, "team", "victim", origin=origin)],
    Operation.MANAGERS: [
        lambda groups, who, origin: groups.set_managers(who, "team", ["victim"], on=True, origin=origin),
        lambda groups, who, origin: groups.set_managers(who, "team", ["boss"], on=False, origin=origin),
    ],
    Operation.PROFILE: [modify(Entry.NAME, "new"), modify(Entry.PORTRAIT, "http://new")],
    Operation.EXTRA: [modify(Entry.EXTRA, "new")],
    Operation.SPEECH: [modify(Entry.MUTE, "1"), modify(Entry.PRIVATE_CHAT, "1")],
    Operation.ENTRY: [modify(Entry.JOIN_TYPE, "1"), modify(Entry.SEARCHABLE, "1"), modify(Entry.HISTORY, "1")],
    Operation.LIMITS: [modify(Entry.MAX_MEMBERS, "9"), modify(Entry.SUPER_GROUP, "1"), modify(Entry.TYPE, "1")],
    Operation.OWN_ENTRY: [
        lambda groups, who, origin: groups.set_alias(who, "team", "", "new", origin=origin),
        lambda groups, who, origin: groups.set_alias(who, "team", who, "new", origin=origin),
        lambda groups, who, origin: groups.set_extra(who, "team", "", "new", origin=origin),
    ],
    Operation.MEMBER_ENTRY: [
        lambda groups, who, origin: groups.set_alias(who, "team", "victim", "new", origin=origin),
        lambda groups, who, origin: groups.set_extra(who, "team", "victim", "new", origin=origin),
    ],
    Operation.LEADER_ENTRY: [
        lambda groups, who, origin: groups.set_alias(who, "team", "boss", "new", origin=origin),
        lambda groups, who, origin: groups.set_extra(who, "team", "boss", "new", origin=origin),
    ],
    Operation.SILENCE: [
        lambda groups, who, origin: groups.mute_members(who, "team", ["victim"], on=True, origin=origin),
        lambda groups, who, origin: groups.allow_members(who, "team", ["victim"], on=True, origin=origin),
    ],
    Operation.SILENCE_MANAGER: [
        lambda groups, who, origin: groups.mute_members(who, "team", ["victim", "boss"], on=True, origin=origin),
        lambda groups, who, origin: groups.allow_members(who, "team", ["boss"], on=True, origin=origin),
    ],
    Operation.READ_MEMBERS: [lambda groups, who, origin: groups.look_up(who, "team", ["victim"])],
}
SPOKEN = {Operation.SPEAK: "0", Operation.SPEAK_MUTED: "1"}
NOT_BY_ADMINS = {Operation.READ_MEMBERS, Operation.ANSWER}
"""What has no endpoint in the server API."""


def state(club: Club) -> Any:
    """What a refused operation leaves as it was."""
    store = club.world.groups
    return store.get_info("team"), store.list_members("team"), store.latest_roster("team"), club.notices()


def expect(code: Code | None, club: Club, perform: Callable[[], Any]) -> None:
    before = state(club)
    if code is None:
        perform()
        return
    with refusal(code):
        perform()
    if code is not Code.GROUP_MUTED:
        assert state(club) == before


def test_every_operation_has_a_way_and_the_table_is_complete() -> None:
    assert {Operation.CREATE, *WAYS, *SPOKEN} == set(Operation)
    assert {(len(words), *map(len, words)) for words in MATRIX.values()} == {(len(Role), *[len(Kind)] * len(Role))}
    assert set(MATRIX) == set(Operation)
    assert [kind_of(*TYPES[kind]) for kind in Kind] == list(Kind)
    assert kind_of(2, 99) is Kind.CLOSED


@pytest.mark.parametrize("kind", Kind, ids=str)
@pytest.mark.parametrize("operation", Operation, ids=str)
def test_a_user_in_any_role_may_what_the_matrix_says(operation: Operation, kind: Kind) -> None:
    for role, who in WHO.items():
        code = ruling(operation, role, kind)
        for way in WAYS.get(operation, ()):
            club = club_of(kind)
            expect(code, club, partial(way, club.groups, who, Origin.USER))
        if operation in SPOKEN:
            club = club_of(kind)
            club.groups.modify("olga", "team", Entry.MUTE, SPOKEN[operation])
            expect(code, club, partial(club.say, who, "hello"))
        if operation is Operation.CREATE:
            club = club_of(kind)
            group_type, join_type = TYPES[kind]
            info = GroupInfo("other", type=group_type, join_type=join_type)
            expect(code, club, partial(club.groups.create, who, info, [], origin=Origin.USER))


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_an_admin_may_do_everything_in_anybodys_name(kind: Kind) -> None:
    for operation, ways in WAYS.items():
        if operation in NOT_BY_ADMINS:
            continue
        for way in ways:
            for role in (Role.STRANGER, Role.MUTED, Role.OWNER):
                if operation is Operation.OWN_ENTRY and role is Role.STRANGER:
                    continue
                club = club_of(kind)
                way(club.groups, WHO[role], Origin.ADMIN)


@pytest.mark.parametrize("operation", WAYS, ids=str)
def test_a_group_that_does_not_exist_comes_before_any_right(operation: Operation) -> None:
    club = Club()
    for way in WAYS[operation]:
        with refusal(Code.NOT_EXIST):
            way(club.groups, "olga", Origin.USER)


@pytest.mark.parametrize("origin", Origin, ids=str)
def test_nobody_demotes_the_owner(origin: Origin) -> None:
    club = club_of(Kind.OPEN)
    for change in (club.groups.set_managers, club.groups.mute_members, club.groups.allow_members):
        for on in (True, False):
            with refusal(Code.NOT_RIGHT):
                change("olga", "team", ["victim", "olga"], on=on, origin=origin)


FORBIDDEN: dict[str, tuple[int, list[Way]]] = {
    **{str(operation): (bit, WAYS[operation]) for operation, bit in FORBIDDING_BITS.items() if operation in WAYS},
    Operation.SPEECH: (FORBIDDING_BITS[Operation.SPEECH], [modify(Entry.PRIVATE_CHAT, "1")]),
    "mute the group": (FORBID_GROUP_MUTE, [modify(Entry.MUTE, "1")]),
    "mute members": (FORBID_MEMBER_MUTE, WAYS[Operation.SILENCE][:1]),
    "allow members": (FORBID_ALLOW, WAYS[Operation.SILENCE][1:]),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_deployment_forbids_is_refused_to_users_and_nobody_else(name: str) -> None:
    bit, ways = FORBIDDEN[name]
    who = "stranger" if name in (Operation.JOIN, Operation.REQUEST) else "olga"
    for way in ways:
        club = club_of(Kind.OPEN, forbidden_group_operations=bit)
        expect(Code.NOT_RIGHT, club, partial(way, club.groups, who, Origin.USER))
        way(club.groups, who, Origin.ROBOT)
        others = club_of(Kind.OPEN, forbidden_group_operations=0xFFF & ~bit)
        way(others.groups, who, Origin.USER)


def test_users_make_no_groups_where_the_deployment_forbids_it() -> None:
    club = Club(forbidden_group_operations=FORBIDDING_BITS[Operation.CREATE])
    with refusal(Code.NOT_RIGHT):
        club.groups.create("ann", GroupInfo(""), [], origin=Origin.USER)
    club.groups.create("ann", GroupInfo(""), [], origin=Origin.ROBOT)
