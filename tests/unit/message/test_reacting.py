"""Reactions: the log's events are the truth, the message's slot holds their sum."""

from collections.abc import Callable
from typing import Any

import pytest

from im.errors import Code, ImError, InvalidError
from im.message.events import MAX_EMOJIS, reaction_of
from im.message.model import Conversation, Message, Payload, Sender
from im.message.reading import Range
from tests.fakes.world import World

BOB = Conversation(0, "bob")
ALICE = Conversation(0, "alice")
LOG = BOB.key("alice")


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code == code)


@pytest.fixture
def world() -> World:
    made = World()
    made.say("alice", "we won", to="bob")
    return made


def reactions(world: World) -> dict[str, list[str]]:
    """What is shown of the reactions to the first message."""
    message = world.messages.logs[LOG][1]
    return {emoji: list(users) for emoji, users in message.reactions.items()}


def events(world: World) -> list[tuple[str, str, bool]]:
    told = [(slot.sender, reaction_of(slot)) for slot in world.messages.logs[LOG].values()]
    return [(user, reaction.emoji, reaction.on) for user, reaction in told if reaction]


def test_a_reaction_is_an_event_for_everybody_and_shown_with_the_message(world: World) -> None:
    alice = world.online("alice")

    event = world.service.react(Sender("bob"), ALICE, 1, "👍", True)

    [message, told] = world.service.pull("alice", [Range(BOB, 0, 10)])[0].messages
    assert dict(message.reactions) == {"👍": {"bob": 2}}
    assert event is not None
    assert (event.seq, told.ref, told.sender) == (2, 1, "bob")
    assert world.pushes(alice)[-1]["content"]["extra"] == '{"emoji":"👍","on":true}'
    [shown, _] = world.service.history("alice", BOB, None, 10)[0][::-1]
    assert shown.reactions == message.reactions


def test_reacting_again_is_the_same_reaction(world: World) -> None:
    first = world.service.react(Sender("bob"), ALICE, 1, "👍", True)
    for number in range(30):
        world.say("bob", f"{number}", to="alice", base=2 + number)

    again = world.message_service().react(Sender("bob"), ALICE, 1, "👍", True)

    assert again == first
    assert events(world) == [("bob", "👍", True)]


def test_a_reaction_is_taken_away_by_its_user_alone(world: World) -> None:
    for user, conversation in (("alice", BOB), ("bob", ALICE)):
        world.service.react(Sender(user), conversation, 1, "👍", True)

    world.service.react(Sender("bob"), ALICE, 1, "👍", False)

    assert reactions(world) == {"👍": ["alice"]}
    assert world.service.react(Sender("bob"), ALICE, 1, "🎉", False) is None
    assert len(events(world)) == 3


def test_a_user_may_react_with_several_emoji(world: World) -> None:
    for emoji in ("👍", "🎉"):
        world.service.react(Sender("bob"), ALICE, 1, emoji, True)

    assert reactions(world) == {"👍": ["bob"], "🎉": ["bob"]}


@pytest.mark.parametrize("emoji", ["", "x" * 33, "a\nb"])
def test_an_emoji_that_is_none_is_refused(world: World, emoji: str) -> None:
    with pytest.raises(InvalidError):
        world.service.react(Sender("bob"), ALICE, 1, emoji, True)

    assert events(world) == []


def test_the_reactions_to_a_message_are_bounded(world: World) -> None:
    for number in range(MAX_EMOJIS):
        world.service.react(Sender("bob"), ALICE, 1, f"e{number}", True)

    with pytest.raises(InvalidError):
        world.service.react(Sender("bob"), ALICE, 1, "one more", True)

    assert len(events(world)) == MAX_EMOJIS
    world.service.react(Sender("alice"), BOB, 1, "e0", True)


def test_a_reaction_is_under_the_rules_of_a_send(world: World) -> None:
    world.presence.set_status("bob", 1)

    with refusal(Code.FORBIDDEN_SEND_MSG):
        world.service.react(Sender("bob"), ALICE, 1, "👍", True)


def test_there_is_no_reacting_to_what_was_taken_back_or_to_an_event(world: World) -> None:
    world.service.react(Sender("bob"), ALICE, 1, "👍", True)
    world.service.recall(Sender("alice"), BOB, 1)

    for seq in (0, 1, 2, 3, 4):
        with refusal(Code.NOT_EXIST):
            world.service.react(Sender("bob"), ALICE, seq, "👍", True)

    assert world.messages.logs[LOG][1].reactions == {}


def test_a_reaction_cut_short_is_finished_by_its_repeat(world: World) -> None:
    cut(world, "react")
    with pytest.raises(SystemExit):
        world.service.react(Sender("bob"), ALICE, 1, "👍", True)
    world.say("alice", "in between", to="bob", base=2)

    world.message_service().react(Sender("bob"), ALICE, 1, "👍", True)

    assert (reactions(world), events(world)) == ({"👍": ["bob"]}, [("bob", "👍", True)])


def test_the_opposite_of_a_reaction_that_was_cut_short_is_told_too(world: World) -> None:
    cut(world, "react")
    with pytest.raises(SystemExit):
        world.service.react(Sender("bob"), ALICE, 1, "👍", True)

    world.service.react(Sender("bob"), ALICE, 1, "👍", False)

    assert (reactions(world), events(world)) == ({}, [("bob", "👍", True), ("bob", "👍", False)])


def cut(world: World, method: str) -> None:
    real = getattr(world.messages, method)

    def die(*args: object, **kwargs: object) -> object:
        setattr(world.messages, method, real)
        raise SystemExit

    setattr(world.messages, method, die)


def before(world: World, method: str, happens: Callable[[], Any]) -> None:
    """Let something happen just before the next call of a store's method."""
    real = getattr(world.messages, method)

    def call(*args: object, **kwargs: object) -> object:
        setattr(world.messages, method, real)
        happens()
        return real(*args, **kwargs)

    setattr(world.messages, method, call)


def test_reactions_that_cross_are_both_kept(world: World) -> None:
    other = world.message_service()
    before(world, "react", lambda: other.react(Sender("alice"), BOB, 1, "👍", True))

    world.service.react(Sender("bob"), ALICE, 1, "👍", True)

    assert reactions(world) == {"👍": ["alice", "bob"]}


def test_of_two_devices_that_disagree_the_later_event_counts(world: World) -> None:
    other = world.message_service()
    before(world, "react", lambda: other.react(Sender("bob"), ALICE, 1, "👍", False))

    world.service.react(Sender("bob"), ALICE, 1, "👍", True)

    assert events(world) == [("bob", "👍", True), ("bob", "👍", False)]
    assert reactions(world) == {}


def test_a_recall_that_overtakes_a_reaction_leaves_none_behind(world: World) -> None:
    other = world.message_service()
    before(world, "react", lambda: other.recall(Sender("alice"), BOB, 1))

    world.service.react(Sender("bob"), ALICE, 1, "👍", True)

    assert reactions(world) == {}


def test_a_message_of_the_author_of_another_reaction_is_no_reaction(world: World) -> None:
    def slot(ref: int) -> Message | None:
        return next((each for each in world.messages.logs[LOG].values() if each.ref == ref), None)

    world.service.edit(Sender("alice"), BOB, 1, Payload(type=1, searchableContent="we have won"))
    event = slot(1)

    assert event is not None
    assert reaction_of(event) is None
    world.service.react(Sender("alice"), BOB, 1, "👍", True)
    assert events(world) == [("alice", "👍", True)]
