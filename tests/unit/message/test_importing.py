"""Messages from elsewhere: kept in their order, with their time, once, and told to nobody."""

import pytest

from im.errors import Code, ImError, InvalidError
from im.message.importing import MAX_IMPORT, Imported
from im.message.model import Conversation, Payload
from im.message.reading import Range
from tests.fakes.world import World

BOB, ALICE = Conversation(0, "bob"), Conversation(0, "alice")
LAST_YEAR = 1_760_000_000_000


@pytest.fixture
def world() -> World:
    return World()


def old(number: int, **changes: object) -> Imported:
    payload = Payload(type=1, searchableContent=f"m{number}", persistFlag=3)
    fields = {"sender": "alice", "conversation": BOB, "payload": payload, "to": (), "time": LAST_YEAR + number}
    return Imported(**{**fields, **changes})  # type: ignore[arg-type]


def test_messages_are_taken_over_with_their_time_and_pushed_to_nobody(world: World) -> None:
    bob = world.online("bob")

    world.service.import_messages([old(1), old(2)])

    page = world.service.pull("bob", [Range(ALICE, 0, 10)])[0]
    assert [(message.seq, message.time) for message in page.messages] == [(1, LAST_YEAR + 1), (2, LAST_YEAR + 2)]
    assert world.pushes(bob) == []
    assert [state.head for state in world.connect.hello("bob", None, 10).conversations] == [2]


def test_a_repeat_takes_over_what_is_missing_and_nothing_twice(world: World) -> None:
    world.service.import_messages([old(1), old(2)])

    world.service.import_messages([old(1), old(2), old(3)])

    page = world.service.pull("bob", [Range(ALICE, 0, 10)])[0]
    assert [message.time - LAST_YEAR for message in page.messages] == [1, 2, 3]


@pytest.mark.parametrize(
    "bad",
    [
        old(2, time=0),
        old(2, time=2**50),
        old(2, sender=""),
        old(2, payload=Payload(type=1, persistFlag=4)),
        old(2, payload=Payload(type=1, base64edData="a b")),
        old(2, to=("",)),
    ],
)
def test_nothing_is_taken_over_when_one_message_is_not_acceptable(world: World, bad: Imported) -> None:
    with pytest.raises(InvalidError):
        world.service.import_messages([old(1), bad])

    assert world.messages.puts == 0


def test_a_group_must_exist_and_a_call_is_bounded(world: World) -> None:
    with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_EXIST):
        world.service.import_messages([old(1), old(2, conversation=Conversation(1, "team"))])
    with pytest.raises(InvalidError):
        world.service.import_messages([old(1)] * (MAX_IMPORT + 1))

    assert world.messages.puts == 0
