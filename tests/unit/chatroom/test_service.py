"""Joining and leaving chatrooms: one room per user, idleness, other devices, and what comes in between."""

import contextlib
from typing import Any

import pytest

from im.chatroom.model import Room, Visitor
from im.errors import Code, ImError
from im.message.model import Conversation, Payload, Sender
from tests.fakes.world import World

IDLE_MS = 900_000


@pytest.fixture
def world() -> World:
    made = World()
    made.chatroom_admin.create(Room("lobby", title="Lobby"))
    made.chatroom_admin.create(Room("bar", title="Bar"))
    return made


def visitor(world: World, user: str, client: str = "phone", platform: int = 1) -> Visitor:
    device = world.presence.load_one(user).device(client)
    connection = device.connection if device else world.online(user, client, platform)
    return Visitor(user, client, connection, platform)


def join(world: World, user: str, room: str, client: str = "phone", **more: Any) -> Any:
    return world.chatrooms.join(visitor(world, user, client), room, **more)


def inside(world: World, room: str) -> list[str]:
    return sorted(f"{seat.user}/{seat.client}" for seat in world.chatrooms.members(room))


def refusal(code: Code) -> Any:
    return pytest.raises(ImError, match=f"^{int(code)} ")


def test_who_joins_is_inside_and_who_quits_is_not(world: World) -> None:
    join(world, "ann", "lobby")
    join(world, "bob", "lobby")
    assert inside(world, "lobby") == ["ann/phone", "bob/phone"]

    world.chatrooms.quit("ann", "phone", "lobby")

    assert inside(world, "lobby") == ["bob/phone"]
    assert world.chatrooms.room_of("ann") is None


def test_joining_again_is_a_sign_of_life_that_is_written_now_and_then_only(world: World) -> None:
    join(world, "ann", "lobby")
    [first] = world.chatrooms.members("lobby")
    world.now += IDLE_MS // 3 - 1
    join(world, "ann", "lobby")
    assert world.chatrooms.members("lobby") == [first]

    world.now += 1
    join(world, "ann", "lobby")

    [later] = world.chatrooms.members("lobby")
    assert later.active == world.now


def test_who_shows_no_sign_of_life_is_out(world: World) -> None:
    join(world, "ann", "lobby")

    world.now += IDLE_MS

    assert inside(world, "lobby") == []
    assert world.chatrooms.room_of("ann") is None
    assert world.chatrooms.info("lobby")[1] == 0


def test_nobody_is_idle_where_the_deployment_says_so() -> None:
    world = World(chatroom_idle_ms=0)
    join(world, "ann", "lobby")

    world.now += 365 * 86_400_000

    assert inside(world, "lobby") == ["ann/phone"]


def test_who_goes_to_another_room_leaves_the_first_one(world: World) -> None:
    join(world, "ann", "lobby")

    join(world, "ann", "bar")

    assert (inside(world, "lobby"), inside(world, "bar")) == ([], ["ann/phone"])


@pytest.mark.parametrize("room", ["lobby", "bar"])
def test_another_device_takes_over_silently(world: World, room: str) -> None:
    join(world, "ann", "lobby")

    join(world, "ann", room, "tablet")

    assert inside(world, "lobby") + inside(world, "bar") == ["ann/tablet"]


@pytest.mark.parametrize("room", ["lobby", "bar"])
def test_another_device_is_refused_where_the_deployment_says_so(room: str) -> None:
    world = World(chatroom_kickoff_other=False)
    join(world, "ann", "lobby")

    with refusal(Code.OTHER_CLIENT_IN_CHATROOM):
        join(world, "ann", room, "tablet")

    assert inside(world, "lobby") == ["ann/phone"]
    join(world, "ann", "bar")
    assert inside(world, "bar") == ["ann/phone"]


def test_a_device_that_has_been_replaced_cannot_quit_for_the_other(world: World) -> None:
    join(world, "ann", "lobby")
    join(world, "ann", "lobby", "tablet")

    world.chatrooms.quit("ann", "phone", "lobby")

    assert inside(world, "lobby") == ["ann/tablet"]


def test_a_room_is_made_by_who_joins_it_unless_the_deployment_forbids_it() -> None:
    world = World()
    joined = join(world, "ann", "new")
    assert (joined.room.title, joined.room.update_dt, joined.head) == ("new", world.now, world.now)

    strict = World(chatroom_create=False)
    with refusal(Code.NOT_EXIST):
        join(strict, "ann", "new")


def test_an_ended_room_is_open_again_when_somebody_joins_and_may_make_rooms(world: World) -> None:
    world.chatroom_admin.end("lobby")

    joined = join(world, "ann", "lobby")

    assert (joined.room.state, joined.room.title) == (0, "Lobby")


def test_a_banned_user_is_put_out_and_kept_out(world: World) -> None:
    join(world, "ann", "lobby")
    world.chatroom_admin.set_black("lobby", "ann", 2, world.now + 1000)
    assert inside(world, "lobby") == []

    with refusal(Code.NOT_RIGHT):
        join(world, "ann", "lobby")

    world.now += 1000
    join(world, "ann", "lobby")
    assert inside(world, "lobby") == ["ann/phone"]


def test_a_client_whose_session_was_ended_cannot_join(world: World) -> None:
    with refusal(Code.KICKED_OFF):
        world.chatrooms.join(Visitor("ann", "phone", "some-socket"), "lobby")


def test_after_a_reconnect_joining_again_moves_the_seat_to_the_new_socket(world: World) -> None:
    join(world, "ann", "lobby")
    world.now += 1000
    connection = world.online("ann")

    join(world, "ann", "lobby")

    assert [seat.connection for seat in world.chatrooms.members("lobby")] == [connection]


def test_a_410_of_an_old_socket_leaves_the_seat_of_the_new_one(world: World) -> None:
    join(world, "ann", "lobby")
    [old] = world.chatrooms.members("lobby")
    world.now += 1000
    world.online("ann")
    join(world, "ann", "lobby")

    world.chatrooms.vacate("lobby", [("ann", old.connection)])

    assert inside(world, "lobby") == ["ann/phone"]


# --- who comes in between


def between(world: World, monkeypatch: pytest.MonkeyPatch, step: str, act: Any) -> None:
    """Let something happen just before a step of the store, once."""
    original = getattr(world.rooms, step)

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(world.rooms, step, original)
        act()
        return original(*args, **more)

    monkeypatch.setattr(world.rooms, step, late)


@pytest.mark.parametrize("step", ["go", "sit"])
@pytest.mark.parametrize("room", ["lobby", "bar"])
def test_of_two_devices_that_join_at_once_one_is_inside_in_one_room(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, room: str
) -> None:
    visitor(world, "ann"), visitor(world, "ann", "tablet")
    between(world, monkeypatch, step, lambda: join(world, "ann", room, "tablet"))

    with contextlib.suppress(ImError):
        join(world, "ann", "lobby")

    [winner] = inside(world, "lobby") + inside(world, "bar")
    seat = world.chatrooms.room_of("ann")
    assert seat is not None
    assert f"ann/{seat.client}" == winner


def test_who_is_banned_while_he_comes_in_is_not_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    between(world, monkeypatch, "sit", lambda: world.chatroom_admin.set_black("lobby", "ann", 2, 0))

    with refusal(Code.NOT_RIGHT):
        join(world, "ann", "lobby")

    assert inside(world, "lobby") == []


def test_a_room_that_ends_while_somebody_comes_in_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(chatroom_create=False)
    world.chatroom_admin.create(Room("lobby", title="Lobby"))
    between(world, monkeypatch, "sit", lambda: world.chatroom_admin.end("lobby"))

    with refusal(Code.NOT_EXIST):
        join(world, "ann", "lobby")

    assert inside(world, "lobby") == []


class Crash(Exception):
    """The function is gone."""


@pytest.mark.parametrize("step", ["clear", "go", "sit", "read"])
def test_a_join_cut_anywhere_leaves_nobody_in_two_rooms_and_its_repeat_succeeds(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    join(world, "ann", "lobby")
    for after in (False, True):
        original = getattr(world.rooms, step)

        def cut(*args: Any, original: Any = original, after: bool = after, **more: Any) -> Any:
            if after:
                original(*args, **more)
            raise Crash

        monkeypatch.setattr(world.rooms, step, cut)
        with pytest.raises(Crash):
            join(world, "ann", "bar")
        monkeypatch.setattr(world.rooms, step, original)
        assert len(inside(world, "lobby") + inside(world, "bar")) <= 1
        join(world, "ann", "lobby")
        assert (inside(world, "lobby"), inside(world, "bar")) == (["ann/phone"], [])


# --- looking


def test_who_joins_gets_the_newest_messages_that_he_may_see(world: World) -> None:
    head = join(world, "bob", "lobby").head
    for number in range(5):
        to = ("cem",) if number == 3 else ()
        head = say(world, "bob", "lobby", str(number), head, to=to)

    joined = join(world, "ann", "lobby", recent=3)

    assert [message.seq for message in joined.messages] == [head - 2, head]
    assert joined.head == head
    assert join(world, "ann", "lobby", recent=0).messages == ()
    assert join(world, "ann", "lobby", recent=0).head == head


def say(world: World, user: str, room: str, text: str, base: int, *, to: tuple[str, ...] = ()) -> int:
    device = world.presence.load_one(user).device("phone")
    assert device is not None
    sender = Sender(user, "phone", device.connection)
    payload = Payload(type=1, searchableContent=text, persistFlag=3)
    sent = world.service.send(sender, Conversation(2, room), payload, to=to, cid=f"{user}:{text}", base=base)
    return sent.seq
