"""A room's log goes on though its slots expire: floors, margins, senders who race for a new part."""

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from im import keys
from im.chatroom.log import RoomLog
from im.chatroom.model import Room
from im.errors import Code, ImError, InvalidError
from im.message.model import Message
from tests.fakes.world import World

DAY = 86_400_000
LOG = keys.target_conversation(2, "lobby", 0)
_cids = itertools.count()


@pytest.fixture
def world() -> World:
    made = World()
    made.chatroom_admin.create(Room("lobby", title="Lobby"))
    return made


def room(world: World) -> Room:
    found = world.rooms.get("lobby")
    assert found is not None
    return found


def room_log(world: World) -> RoomLog:
    return RoomLog(world.messages, world.rooms, world.log, DAY, world.clock)


def draft(cid: str = "") -> Message:
    return Message(LOG, 0, 0, cid or f"c{next(_cids)}", "ann", 0, "{}")


def append(world: World, base: int, cid: str = "", *, known: Room | None = None) -> Message:
    slot = world.messages.get(LOG, base)
    return room_log(world).append(draft(cid), known or room(world), base, slot).message


def expire(world: World) -> None:
    """DynamoDB removes what is over."""
    slots = world.messages.logs[LOG]
    for seq in [seq for seq, message in slots.items() if message.time + DAY <= world.now]:
        del slots[seq]


def test_the_first_message_of_a_room_comes_behind_its_floor(world: World) -> None:
    floor = room(world).floor

    assert floor == world.now
    assert [append(world, base).seq for base in (0, floor, floor + 2)] == [floor + 1, floor + 2, floor + 3]


def test_an_ordinary_message_writes_nothing_but_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    head = append(world, room(world).floor).seq
    world.now += DAY // 2 - 1
    for step in ("begin", "get"):
        monkeypatch.delattr(type(world.rooms), step)
    monkeypatch.delattr(type(world.messages), "newest")

    assert room_log(world).append(draft(), Room("lobby"), head, world.messages.get(LOG, head)).message.seq == head + 1


def test_a_part_that_was_just_begun_needs_no_renewal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    floor = room(world).floor
    world.now += DAY // 16 - 1
    monkeypatch.delattr(type(world.rooms), "begin")

    assert append(world, floor).seq == floor + 1


def test_after_a_long_silence_seqs_go_on_far_behind_the_last_one(world: World) -> None:
    head = append(world, room(world).floor).seq
    world.now += 2 * DAY
    expire(world)
    assert world.messages.newest(LOG) is None

    message = append(world, head)

    assert message.seq == world.now + 1 > head
    assert append(world, message.seq).seq == message.seq + 1


def test_a_part_is_begun_before_the_last_slot_can_have_expired(world: World) -> None:
    head = append(world, room(world).floor).seq
    world.now += DAY * 3 // 4

    assert append(world, head).seq == world.now + 1


def test_in_the_second_half_of_its_life_a_slot_still_bears_the_next_one(world: World) -> None:
    head = append(world, room(world).floor).seq
    world.now += DAY * 3 // 4 - 1

    assert append(world, head).seq == head + 1
    assert room(world).alive == world.now


def test_a_base_that_has_expired_in_a_busy_room_is_searched_from_what_is_left(world: World) -> None:
    first = head = append(world, room(world).floor).seq
    for _ in range(8):
        world.now += DAY // 4
        head = append(world, head).seq
    expire(world)
    assert world.messages.get(LOG, first) is None

    assert append(world, first).seq == head + 1
    assert append(world, 0).seq == head + 2


def test_slots_that_expire_out_of_order_are_never_filled_again(world: World) -> None:
    head = append(world, room(world).floor).seq
    head = append(world, head).seq
    world.now += DAY + 1
    del world.messages.logs[LOG][head]

    assert append(world, head).seq == world.now + 1


def test_a_base_that_never_was_is_refused(world: World) -> None:
    head = append(world, room(world).floor).seq

    with pytest.raises(InvalidError):
        append(world, head + 1)


def test_a_resend_finds_its_first_attempt_as_long_as_that_is_kept(world: World) -> None:
    floor = room(world).floor
    first = append(world, floor, "mine")
    append(world, first.seq)
    assert append(world, floor, "mine") == first

    world.now += DAY - 1
    assert append(world, floor, "mine") == first


def test_a_base_too_far_behind_must_sync_first(world: World) -> None:
    floor = head = room(world).floor
    for _ in range(1_002):
        head = append(world, head).seq

    with pytest.raises(ImError) as refused:
        append(world, floor)
    assert (refused.value.code, refused.value.retry) == (Code.USER_NOT_PREPARED, True)


def test_an_edit_does_not_make_an_old_slot_young(world: World) -> None:
    """Its neighbours may be gone; the slot says so by its uid."""
    head = append(world, room(world).floor).seq
    world.now += DAY + 1
    slots = world.messages.logs[LOG]
    slots[head] = replace(slots[head], time=world.now)

    assert append(world, head).seq == world.now + 1


# --- races


def test_of_two_senders_who_find_the_room_silent_one_begins_the_new_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = append(world, room(world).floor).seq
    world.now += 2 * DAY
    expire(world)
    late: list[Message] = []
    original = world.rooms.begin

    def begin(*args: Any) -> bool:
        if not late:
            monkeypatch.setattr(world.rooms, "begin", original)
            late.append(append(world, head, "other"))
            world.now += 5
        return original(*args)

    monkeypatch.setattr(world.rooms, "begin", begin)

    mine = append(world, head, "mine")

    assert mine.seq == late[0].seq + 1
    assert room(world).floor == late[0].seq - 1


def test_who_read_the_room_before_the_new_part_goes_on_behind_it(world: World) -> None:
    head = append(world, room(world).floor).seq
    stale = room(world)
    world.now += 2 * DAY
    expire(world)
    first = append(world, head)

    assert append(world, head, known=stale).seq == first.seq + 1
    assert append(world, first.seq, known=stale).seq == first.seq + 2


@pytest.mark.parametrize("age", [DAY // 2 - 1, DAY // 2, DAY * 3 // 4 - 1])
@pytest.mark.parametrize("pause", [1, 10_000])
def test_a_sender_that_was_delayed_never_writes_into_a_part_that_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, age: int, pause: int
) -> None:
    """He read the log, slept for as long as a function may run, and appends: nobody may have begun a new part meanwhile."""
    head = append(world, room(world).floor).seq
    world.now += age
    original, seqs = world.messages.put, []

    def slow(message: Message, *, indexed: bool) -> Message | None:
        if not seqs:
            seqs.append(0)
            world.now += pause
            seqs[0] = append(world, head, "other").seq
        return original(message, indexed=indexed)

    monkeypatch.setattr(world.messages, "put", slow)

    mine = append(world, head, "mine").seq

    assert sorted([mine, seqs[0]]) == [head + 1, head + 2]


def test_who_begins_a_part_and_dies_leaves_a_floor_that_the_next_one_uses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = append(world, room(world).floor).seq
    world.now += 2 * DAY
    expire(world)

    def die(message: Message, *, indexed: bool) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(world.messages, "put", die)
        with pytest.raises(RuntimeError):
            append(world, head)
    floor = room(world).floor
    world.now += 1_000

    assert append(world, head).seq == floor + 1
