"""How far users have read, who is told of it, and who is not."""

from typing import Any

import pytest

from im.errors import Code, ImError
from im.group.model import GroupInfo, GroupMember, MemberType
from im.group.roster import Roster
from im.message.model import Conversation
from im.message.receipts import GROUP_PAUSE_MS, SETTLED_MS, Receipt
from im.setting.model import Scope, Setting
from tests.fakes.world import World

BOB, ALICE, TEAM = Conversation(0, "bob"), Conversation(0, "alice"), Conversation(1, "team")
OFF = Setting(Scope.DISABLE_RECEIPT, "", "1")


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code == code)


def found(world: World, *members: str) -> None:
    world.rows.enter_many(members, "team", {}, world.now // 60_000, 1)
    world.groups.put_members("team", [GroupMember(each) for each in members])
    assert world.groups.put_roster("team", Roster(1, members), Roster(0))
    assert world.groups.found(GroupInfo("team", owner=members[0], roster_version=1, member_count=len(members)))


@pytest.fixture
def world() -> World:
    """Alice has sent bob two messages."""
    made = World()
    made.say("alice", "one", to="bob")
    made.say("alice", "two", to="bob", base=1)
    return made


@pytest.fixture
def team() -> World:
    """Alice and bob have each sent a message to the team, bob the last one."""
    made = World()
    found(made, "alice", "bob", "cem")
    made.say("alice", "one", group="team")
    made.say("bob", "two", group="team", base=1)
    return made


def read(world: World, user: str, conversation: Conversation, seq: int) -> int:
    return world.service.read(user, conversation, seq, skip=f"{user}-phone-{world.now}")


def told(world: World, user: str, conversation: Conversation, after: int = 0) -> dict[str, int]:
    return {each.user: each.read for each in world.service.receipts(user, conversation, after)[0]}


# --- single chats


def test_the_other_side_gets_a_receipt_and_ones_own_devices_the_cursor(world: World) -> None:
    alice, phone, tablet = world.online("alice"), world.online("bob"), world.online("bob", "tablet", 8)

    read(world, "bob", ALICE, 2)

    seen = {"type": 0, "target": "bob", "line": 0}
    assert world.pushes(alice, "receipt") == [{"conversation": seen, "userId": "bob", "read": 2, "time": world.now}]
    assert [len(world.pushes(each, "cursor")) for each in (alice, phone, tablet)] == [0, 0, 1]
    assert world.pushes(phone, "receipt") == world.pushes(tablet, "receipt") == []


def test_a_cursor_that_does_not_move_on_tells_nobody(world: World) -> None:
    alice = world.online("alice")
    read(world, "bob", ALICE, 2)

    read(world, "bob", ALICE, 1)

    assert len(world.pushes(alice, "receipt")) == 1


def test_a_repeat_tells_again_because_its_push_may_have_been_lost(world: World) -> None:
    world.rows.advance_read("bob", ALICE, 2, world.now)
    alice = world.online("alice")

    read(world, "bob", ALICE, 2)

    assert len(world.pushes(alice, "receipt")) == 1


def test_what_one_reads_of_a_chat_with_oneself_is_nobodys_receipt(world: World) -> None:
    phone = world.online("alice")
    world.say("alice", "note", to="alice")

    world.service.read("alice", ALICE, 1)

    assert world.pushes(phone, "receipt") == []
    assert told(world, "alice", ALICE) == {}


def test_how_far_the_other_side_has_read_and_what_has_reached_her(world: World) -> None:
    assert world.service.receipts("alice", BOB, 0)[0] == [Receipt("bob", 0, 0, 0)]

    bob = world.online("bob")
    read(world, "bob", ALICE, 2)
    at = world.now
    world.now += 60_000
    assert world.service.receipts("alice", BOB, 0) == ([Receipt("bob", 2, at, world.now)], world.now - SETTLED_MS)

    world.connect.disconnected("bob", "phone", bob)
    seen = world.now
    world.now += 60_000
    assert world.service.receipts("alice", BOB, 0)[0] == [Receipt("bob", 2, at, seen)]


def test_a_stranger_learns_nothing_from_receipts(world: World) -> None:
    world.online("bob")
    assert told(world, "mallory", BOB) == {}

    world.settings.put("mallory", [Setting(Scope.CONVERSATION_TOP, "0-0-bob", "1")])
    assert told(world, "mallory", BOB) == {}


def test_who_has_blacklisted_the_asker_is_left_out(world: World) -> None:
    line = Conversation(0, "bob", 3)
    world.rows.stamp("alice", line, 1)
    assert told(world, "alice", line) == {"bob": 0}

    world.rows.relate("bob", "alice", blocked=True, befriended=False)

    assert told(world, "alice", BOB) == told(world, "alice", line) == {}


def test_who_does_not_want_it_gives_no_receipts(world: World) -> None:
    alice, tablet = world.online("alice"), world.online("bob", "tablet", 8)
    world.settings.put("bob", [OFF])

    read(world, "bob", ALICE, 2)

    assert world.pushes(alice, "receipt") == []
    assert len(world.pushes(tablet, "cursor")) == 1
    assert told(world, "alice", BOB) == {}

    world.settings.put("bob", [Setting(Scope.DISABLE_RECEIPT, "", "")])
    assert told(world, "alice", BOB) == {"bob": 2}


def test_a_deployment_without_receipts_only_keeps_cursors() -> None:
    world = World(receipts=False)
    world.say("alice", "one", to="bob")
    alice, tablet = world.online("alice"), world.online("bob", "tablet", 8)

    assert read(world, "bob", ALICE, 1) == 1

    assert (world.pushes(alice, "receipt"), len(world.pushes(tablet, "cursor"))) == ([], 1)
    with refusal(Code.FUNCTION_DISABLED):
        world.service.receipts("alice", BOB, 0)
    assert (world.service.read_until("bob", ALICE), world.service.delivered_until("bob")) == (0, 0)


# --- groups


def test_in_a_group_the_author_of_the_last_message_gets_the_receipt(team: World) -> None:
    sockets = {user: team.online(user) for user in ("alice", "bob", "cem")}

    read(team, "cem", TEAM, 2)

    pushed: dict[str, Any] = {user: team.pushes(socket, "receipt") for user, socket in sockets.items()}
    seen = {"type": 1, "target": "team", "line": 0}
    body = {"conversation": seen, "userId": "cem", "read": 2, "time": team.now}
    assert pushed == {"alice": [], "bob": [body], "cem": []}


def test_a_reader_in_a_group_is_told_of_once_in_a_while(team: World) -> None:
    bob = team.online("bob")

    for seq, pause in ((3, 0), (4, GROUP_PAUSE_MS - 1), (5, GROUP_PAUSE_MS)):
        team.now += pause
        team.say("bob", str(seq), group="team", base=seq - 1)
        read(team, "cem", TEAM, seq)

    assert [push["read"] for push in team.pushes(bob, "receipt")] == [3, 5]


def test_a_repeat_in_a_group_is_told_of_at_once_because_its_push_may_have_been_lost(team: World) -> None:
    team.rows.advance_read("cem", TEAM, 2, team.now)
    bob = team.online("bob")

    read(team, "cem", TEAM, 2)

    assert len(team.pushes(bob, "receipt")) == 1


def test_reading_back_in_a_group_tells_nobody(team: World) -> None:
    sockets = [team.online(user) for user in ("alice", "bob")]

    read(team, "cem", TEAM, 1)

    assert [team.pushes(socket, "receipt") for socket in sockets] == [[], []]


def test_an_author_who_has_left_gets_no_receipts(team: World) -> None:
    bob = team.online("bob")
    team.groups.put_members("team", [GroupMember("bob", type=MemberType.REMOVED)])

    read(team, "cem", TEAM, 2)

    assert team.pushes(bob, "receipt") == []


def test_who_has_left_gives_no_receipts(team: World) -> None:
    bob = team.online("bob")
    team.rows.leave("cem", "team", {0: 2}, 1, 2)

    read(team, "cem", TEAM, 2)

    assert team.pushes(bob, "receipt") == []
    with refusal(Code.NOT_IN_GROUP):
        team.service.receipts("cem", TEAM, 0)


def test_every_member_asks_how_far_the_others_are(team: World) -> None:
    read(team, "cem", TEAM, 2)

    assert told(team, "alice", TEAM) == {"bob": 0, "cem": 2}
    assert told(team, "cem", TEAM) == {"alice": 0, "bob": 0}
    with refusal(Code.NOT_IN_GROUP):
        team.service.receipts("mallory", TEAM, 0)


def test_only_those_who_moved_on_come_after_a_version(team: World) -> None:
    read(team, "cem", TEAM, 2)
    team.now += SETTLED_MS + 1
    _, version = team.service.receipts("alice", TEAM, 0)
    assert told(team, "alice", TEAM, version) == {}

    read(team, "bob", TEAM, 2)

    assert told(team, "alice", TEAM, version) == {"bob": 2}


def test_a_cursor_that_was_stored_late_still_comes_after_the_version(team: World) -> None:
    at = team.now
    team.now += 9_000
    _, version = team.service.receipts("alice", TEAM, 0)

    team.rows.advance_read("cem", TEAM, 2, at)

    assert told(team, "alice", TEAM, version) == {"cem": 2}


def test_a_version_never_goes_back(team: World) -> None:
    assert team.service.receipts("alice", TEAM, team.now + 5)[1] == team.now + 5


def test_a_group_may_be_too_large_for_receipts() -> None:
    world = World(group_receipts=2)
    found(world, "alice", "bob", "cem")
    bob = world.online("bob")
    world.say("bob", "one", group="team")

    read(world, "cem", TEAM, 1)

    assert world.pushes(bob, "receipt") == []
    with refusal(Code.FUNCTION_DISABLED):
        world.service.receipts("alice", TEAM, 0)


# --- for administrators


def test_until_when_a_user_has_read_is_the_time_of_the_message_that_he_read_last(world: World) -> None:
    sent = world.now
    world.now += 60_000

    assert world.service.read_until("bob", ALICE) == 0
    read(world, "bob", ALICE, 1)

    assert world.service.read_until("bob", ALICE) == sent
    assert world.service.read_until("bob", Conversation(0, "nobody")) == 0


def test_until_when_messages_have_reached_a_user(world: World) -> None:
    assert world.service.delivered_until("bob") == 0
    world.online("bob")
    world.now += 1_000

    assert world.service.delivered_until("bob") == world.now
