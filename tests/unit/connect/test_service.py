"""Tokens, sessions, kicks, and what a device has missed."""

import pytest
from msgspec.structs import replace

from im.connect.model import ConversationState, SyncToken
from im.connect.tokens import TokenExpired, Tokens
from im.errors import Code, ImError, InvalidError
from im.message.model import Conversation
from tests.fakes.world import START_MS, World

PHONE, ANDROID, IPAD, WINDOWS, WEB = 1, 2, 8, 3, 5


@pytest.fixture
def world() -> World:
    return World()


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code == code)


# --- tokens and the gate


def test_a_token_opens_the_gate_for_its_own_client_only(world: World) -> None:
    token = world.connect.issue_token("alice", "phone", PHONE)

    claims = world.gate.admit(token, "phone")

    assert (claims.user, claims.client, claims.platform) == ("alice", "phone", PHONE)
    with refusal(Code.TOKEN_ERROR):
        world.gate.admit(token, "tablet")


def test_a_foreign_or_broken_token_is_refused(world: World) -> None:
    foreign = Tokens(lambda: ["1" * 32], world.clock, 0).issue(
        world.tokens.read(world.connect.issue_token("a", "c", 1))
    )

    for token in (foreign, "", "x", "a.b.c", foreign[:-2]):
        with refusal(Code.TOKEN_ERROR):
            world.gate.admit(token, "c")


def test_a_token_signed_with_the_previous_secret_is_good_while_it_is_rotated(world: World) -> None:
    token = world.connect.issue_token("alice", "phone", PHONE)

    rotated = Tokens(lambda: ["2" * 32, "0" * 32], world.clock, 0)

    assert rotated.read(token).user == "alice"


def test_a_token_expires_when_the_deployment_says_so() -> None:
    world = World(token_expire_ms=60_000)
    token = world.connect.issue_token("alice", "phone", PHONE)
    world.gate.admit(token, "phone")
    world.now += 60_000

    with pytest.raises(TokenExpired):
        world.gate.admit(token, "phone")


def test_a_robot_gets_no_token(world: World) -> None:
    world.robots.add("FireRobot")

    with refusal(Code.ROBOT_NO_TOKEN):
        world.connect.issue_token("FireRobot", "x", 0)


@pytest.mark.parametrize(("user", "client", "platform"), [("", "c", 1), ("a", "", 1), ("a", "c", 18), ("a", "c", -1)])
def test_a_token_for_nobody_or_nothing_is_refused(world: World, user: str, client: str, platform: int) -> None:
    with pytest.raises(InvalidError):
        world.connect.issue_token(user, client, platform)


def test_a_forbidden_user_is_disconnected_and_kept_out(world: World) -> None:
    token = world.connect.issue_token("alice", "phone", PHONE)
    socket = world.online("alice")

    world.connect.set_block_status("alice", 2)

    assert world.poster.closed == [socket]
    with refusal(Code.USER_BLOCKED):
        world.gate.admit(token, "phone")
    assert world.connect.blocked() == [("alice", 2)]


def test_a_muted_user_may_connect(world: World) -> None:
    token = world.connect.issue_token("alice", "phone", PHONE)
    world.connect.set_block_status("alice", 1)

    assert world.gate.admit(token, "phone").user == "alice"


# --- several devices


@pytest.mark.parametrize(
    ("first", "second", "kicked"),
    [
        (PHONE, ANDROID, True),
        (PHONE, IPAD, False),
        (WINDOWS, 7, True),
        (WEB, WEB, True),
        (WEB, 6, False),
        (0, 0, False),
    ],
)
def test_a_login_ends_the_one_on_a_device_of_the_same_class(
    world: World, first: int, second: int, kicked: bool
) -> None:
    old = world.connect.issue_token("alice", "one", first)
    socket = world.online("alice", "one", first)

    world.connect.issue_token("alice", "two", second)

    assert (world.pushes(socket, "kicked") != []) is kicked
    assert (socket in world.poster.closed) is kicked
    if kicked:
        with refusal(Code.KICKED_OFF):
            world.gate.admit(old, "one")
    else:
        world.gate.admit(old, "one")


@pytest.mark.parametrize(
    ("switch", "platform"), [("multi_endpoint", PHONE), ("multi_pc_endpoint", WINDOWS), ("multi_pad_endpoint", IPAD)]
)
def test_a_deployment_may_allow_several_devices_of_a_class(switch: str, platform: int) -> None:
    world = World(**{switch: True})
    old = world.connect.issue_token("alice", "one", platform)

    world.connect.issue_token("alice", "two", platform)

    assert world.gate.admit(old, "one").user == "alice"


def test_a_client_id_that_another_user_logs_in_on_is_taken_from_the_first(world: World) -> None:
    old = world.connect.issue_token("alice", "phone", PHONE)

    world.connect.issue_token("bob", "phone", PHONE)

    with refusal(Code.KICKED_OFF):
        world.gate.admit(old, "phone")


def test_asking_again_for_a_token_leaves_the_first_one_good(world: World) -> None:
    old = world.connect.issue_token("alice", "phone", PHONE)

    new = world.connect.issue_token("alice", "phone", PHONE)

    assert world.gate.admit(old, "phone") == world.gate.admit(new, "phone")


def test_after_a_kick_only_a_new_token_is_good(world: World) -> None:
    old = world.connect.issue_token("alice", "phone", PHONE)
    world.connect.kick("alice", "phone")

    new = world.connect.issue_token("alice", "phone", PHONE)

    assert world.gate.admit(new, "phone").generation == 2
    with refusal(Code.KICKED_OFF):
        world.gate.admit(old, "phone")


def test_kicking_without_naming_a_client_ends_all(world: World) -> None:
    for client, platform in (("phone", PHONE), ("web", WEB)):
        world.connect.issue_token("alice", client, platform)

    world.connect.kick("alice")

    assert world.connect.sessions("alice") == []


def test_one_kicks_ones_own_pc_but_not_a_phone(world: World) -> None:
    world.connect.issue_token("alice", "phone", PHONE)
    world.connect.issue_token("alice", "pc", WINDOWS)

    world.connect.kick_own("alice", "pc")
    with refusal(Code.NOT_RIGHT):
        world.connect.kick_own("alice", "phone")
    world.connect.kick_own("alice", "never seen")

    assert [state.session.client for state in world.connect.sessions("alice")] == ["phone"]


def test_logging_out_ends_the_session_unless_pushes_are_kept(world: World) -> None:
    kept, ended = (world.connect.issue_token("alice", *device) for device in (("phone", PHONE), ("web", WEB)))
    phone, web = world.online("alice", "phone", PHONE), world.online("alice", "web", WEB)

    world.connect.logout("alice", "phone", phone, keep_push=True)
    world.connect.logout("alice", "web", web, keep_push=False)

    assert world.poster.closed == [phone, web]
    world.gate.admit(kept, "phone")
    with refusal(Code.KICKED_OFF):
        world.gate.admit(ended, "web")


def test_sessions_tell_who_is_online_and_who_was_when(world: World) -> None:
    world.connect.issue_token("alice", "phone", PHONE)
    world.connect.issue_token("alice", "web", WEB)
    phone = world.online("alice", "phone")
    world.now += 1_000
    world.connect.disconnected("alice", "phone", phone)
    world.online("alice", "web", WEB)
    world.now += 1_000

    states = {state.session.client: (state.online, state.last_seen) for state in world.connect.sessions("alice")}

    assert states == {"phone": (False, START_MS + 1_000), "web": (True, START_MS + 2_000)}


# --- sockets


def test_the_newest_socket_of_a_client_wins_and_the_old_one_is_closed(world: World) -> None:
    assert world.connect.connected("alice", "phone", PHONE, "old", 100)
    assert world.connect.connected("alice", "phone", PHONE, "new", 200)

    assert world.poster.closed == ["old"]
    assert not world.connect.connected("alice", "phone", PHONE, "late", 150)


def test_a_late_disconnect_of_the_old_socket_does_not_touch_the_new_one(world: World) -> None:
    world.connect.connected("alice", "phone", PHONE, "old", 100)
    world.connect.connected("alice", "phone", PHONE, "new", 200)

    world.connect.disconnected("alice", "phone", "old")

    assert world.presence.load_one("alice").device("phone").connection == "new"  # type: ignore[union-attr]


def test_a_heartbeat_restores_a_registration_that_was_lost(world: World) -> None:
    world.connect.connected("alice", "phone", PHONE, "conn", 100)
    world.presence.disconnect("alice", "phone", "conn", 150)

    world.connect.renew("alice", "phone", PHONE, "conn", 100)

    assert world.presence.load_one("alice").device("phone").online  # type: ignore[union-attr]


def test_a_heartbeat_of_a_kicked_device_is_told_so(world: World) -> None:
    with refusal(Code.KICKED_OFF):
        world.connect.renew("alice", "phone", PHONE, "conn", 100)


# --- what a device has missed


def heads(changes: object) -> dict[str, int]:
    return {state.conversation.target: state.head for state in changes.conversations}  # type: ignore[attr-defined]


def test_the_first_hello_names_every_conversation_newest_first(world: World) -> None:
    for other in ("bob", "carol", "dave"):
        world.say("alice", "hi", to=other)
        world.now += 60_000

    changes = world.connect.hello("alice", None, 100)

    assert list(heads(changes)) == ["dave", "carol", "bob"]
    assert changes.conversations[0] == ConversationState(Conversation(0, "dave"), head=1, read=0, first=1)
    assert not changes.more


def test_a_later_hello_names_only_what_changed(world: World) -> None:
    world.say("bob", "old", to="alice")
    world.say("carol", "old", to="alice")
    world.now += 600_000
    token = world.connect.hello("alice", None, 100).token
    world.now += 600_000
    world.say("bob", "new", to="alice", base=1)

    assert heads(world.connect.hello("alice", token, 100)) == {"bob": 2}


def test_a_message_under_an_older_stamp_is_not_missed(world: World) -> None:
    """The stamp is of the minute before the token is made: the sender read the row, then the clock went on."""
    world.now = START_MS // 60_000 * 60_000 + 59_900
    world.say("bob", "one", to="alice")
    world.now += 200
    token = world.connect.hello("alice", None, 100).token
    log = Conversation(0, "bob").key("alice")
    world.messages.logs[log][2] = replace(world.messages.logs[log][1], seq=2)

    assert heads(world.connect.hello("alice", token, 100)) == {"bob": 2}


def test_many_conversations_come_in_pages_without_loss_or_repeat(world: World) -> None:
    for number in range(25):
        world.say("alice", "hi", to=f"user{number:02}")
        world.now += 20_000
    began = world.now

    seen: list[str] = []
    token, more = None, True
    while more:
        changes = world.connect.hello("alice", token, 10)
        seen += heads(changes)
        token, more = changes.token, changes.more
        world.now += 300_000

    assert sorted(seen) == [f"user{number:02}" for number in range(25)]
    assert token is not None
    assert SyncToken.parse(token) == SyncToken((began - 90_000) // 60_000)


def test_what_changes_between_two_pages_is_named_by_the_next_sync(world: World) -> None:
    for number in range(6):
        world.say("alice", "hi", to=f"user{number}")
        world.now += 120_000
    first = world.connect.hello("alice", None, 3)
    world.say("user0", "new", to="alice", base=1)

    second = world.connect.hello("alice", first.token, 3)
    third = world.connect.hello("alice", second.token, 3)

    assert "user0" in {**heads(second), **heads(third)}
    assert heads(third)["user0"] == 2


@pytest.mark.parametrize("token", ["x", "!!", "MXxhYmM", SyncToken(1).dump() + "AAAA", "é"])
def test_a_sync_token_that_is_not_ours_is_refused(world: World, token: str) -> None:
    with pytest.raises(InvalidError):
        world.connect.hello("alice", token, 10)
