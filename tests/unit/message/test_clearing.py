"""Clearing and removing conversations: for oneself alone, on all of one's devices, and never backwards."""

import pytest

from im.errors import Code, ImError
from im.message.model import Conversation, Sender
from im.message.reading import Range
from tests.fakes.world import START_MS, World

BOB = Conversation(0, "bob")
ALICE = Conversation(0, "alice")


@pytest.fixture
def world() -> World:
    made = World()
    for seq in range(3):
        made.say("alice", f"m{seq + 1}", to="bob", base=seq)
    return made


def seqs(world: World, user: str, conversation: Conversation) -> list[int]:
    return [message.seq for message in world.service.pull(user, [Range(conversation, 0, 100)])[0].messages]


def test_what_was_cleared_is_gone_for_oneself_and_stays_for_others(world: World) -> None:
    assert world.service.clear("bob", ALICE, 2) == 2

    assert (seqs(world, "bob", ALICE), seqs(world, "alice", BOB)) == ([3], [1, 2, 3])
    assert [message.seq for message in world.service.history("bob", ALICE, None, 10)[0]] == [3]
    with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_EXIST):
        world.service.recall(Sender("bob"), ALICE, 2)


def test_a_conversation_is_cleared_to_its_end_and_not_in_advance(world: World) -> None:
    assert world.service.clear("bob", ALICE, 99) == 3
    world.say("alice", "new", to="bob", base=3)

    assert seqs(world, "bob", ALICE) == [4]


def test_the_bound_never_moves_backwards(world: World) -> None:
    world.service.clear("bob", ALICE, None)

    assert world.service.clear("bob", ALICE, 1) == 3


def test_the_other_devices_learn_of_it_at_once_and_by_the_next_hello(world: World) -> None:
    phone, tablet = world.online("bob"), world.online("bob", "tablet", 8)
    token = world.connect.hello("bob", None, 10).token
    world.now += 10 * 60_000

    world.service.clear("bob", ALICE, 2, skip=phone)
    world.service.remove("bob", ALICE, skip=phone)

    named = {"type": 0, "target": "alice", "line": 0}
    pushes = [{"conversation": named, "cleared": 2}, {"conversation": named, "removed": 3}]
    assert (world.pushes(phone, "conversation"), world.pushes(tablet, "conversation")) == ([], pushes)
    [state] = world.connect.hello("bob", token, 10).conversations
    assert (state.head, state.first, state.cleared, state.removed) == (3, 3, 2, 3)


def test_a_clearing_cut_short_is_finished_by_its_repeat(world: World) -> None:
    token = world.connect.hello("bob", None, 10).token
    world.now += 10 * 60_000
    stamp = world.rows.stamp

    def die(*args: object) -> None:
        world.rows.stamp = stamp  # type: ignore[method-assign]
        raise SystemExit

    world.rows.stamp = die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        world.service.clear("bob", ALICE, None)

    world.service.clear("bob", ALICE, None)

    assert [state.cleared for state in world.connect.hello("bob", token, 10).conversations] == [3]


def test_a_removed_conversation_says_at_which_head(world: World) -> None:
    assert world.service.remove("bob", ALICE) == 3
    world.say("alice", "new", to="bob", base=3)

    [state] = world.connect.hello("bob", None, 10).conversations
    assert (state.head, state.removed, seqs(world, "bob", ALICE)) == (4, 3, [1, 2, 3, 4])


def test_a_group_that_one_was_never_in_is_not_cleared(world: World) -> None:
    for operation in (world.service.remove, lambda user, group: world.service.clear(user, group, None)):
        with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_IN_GROUP):
            operation("bob", Conversation(1, "team"))

    assert world.rows.get("bob", Conversation(1, "team")) is None


@pytest.fixture
def hourly() -> World:
    """A conversation with a message each hour: seq 1 at START_MS."""
    made = World()
    for seq in range(5):
        made.say("alice", f"m{seq + 1}", to="bob", base=seq)
        made.now += 3_600_000
    return made


@pytest.mark.parametrize(("start", "end", "left"), [(0, 0, []), (0, 2, [4, 5]), (0, 99, []), (0, -1, [1, 2, 3, 4, 5])])
def test_what_was_written_until_a_time_is_cleared(hourly: World, start: int, end: int, left: list[int]) -> None:
    until = START_MS + end * 3_600_000 if end else 0

    hourly.service.clear_times("bob", ALICE, start, until)

    assert seqs(hourly, "bob", ALICE) == left
    assert seqs(hourly, "alice", BOB) == [1, 2, 3, 4, 5]


def test_what_was_written_between_two_times_is_told_by_one_event(hourly: World) -> None:
    bob = hourly.online("bob")

    hourly.service.clear_times("bob", ALICE, START_MS + 3_600_000, START_MS + 3 * 3_600_000)

    [push] = hourly.pushes(bob)
    assert (push["ref"], push["content"]["type"], push["content"]["extra"]) == (2, 81, '{"through": 4}')
    assert seqs(hourly, "alice", BOB) == [1, 2, 3, 4, 5]
