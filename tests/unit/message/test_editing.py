"""Edits: who may, what everybody sees, and what crashes, races and recalls do to them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember
from im.group.roster import Roster
from im.message.model import Conversation, Message, Payload, Sender, payload_from_json
from im.message.reading import Range
from tests.fakes.world import World

BOB = Conversation(0, "bob")
ALICE = Conversation(0, "alice")
TEAM = Conversation(1, "team")


@pytest.fixture
def world() -> World:
    return World()


def text(words: str, **fields: Any) -> Payload:
    return Payload(**{"type": 1, "searchableContent": words, "persistFlag": 3, **fields})


def refusal(code: Code) -> AbstractContextManager[Any]:
    return pytest.raises(ImError, check=lambda error: error.code == code)


def pulled(world: World, user: str, conversation: Conversation, after: int = 0) -> tuple[Message, ...]:
    return world.service.pull(user, [Range(conversation, after, 100)])[0].messages


def words(message: Message | None) -> str:
    return payload_from_json(message.payload).searchableContent if message else ""


def team(world: World, *members: str) -> None:
    info = GroupInfo("team", owner=members[0], roster_version=1, member_count=len(members))
    world.groups.put_roster("team", Roster(1, members), Roster(0))
    world.groups.found(info)
    join(world, *members)


def join(world: World, *members: str, first: int = 1) -> None:
    world.groups.put_members("team", [GroupMember(user) for user in members])
    world.rows.enter_many(members, "team", {0: first}, 0, 1)
    known = world.groups.latest_roster("team")
    world.groups.put_roster("team", known.with_added(members), known)
    world.groups.publish("team", world.groups.latest_roster("team"), world.now)


def test_an_edit_takes_the_place_of_the_content_and_tells_everybody(world: World) -> None:
    bob = world.online("bob")
    world.say("alice", "helo", to="bob")

    event = world.service.edit(Sender("alice"), BOB, 1, text("hello"))

    [message, told] = pulled(world, "bob", ALICE)
    assert (words(message), message.edit is not None) == ("hello", True)
    assert (event.seq, told.ref, payload_from_json(told.payload).type) == (2, 1, 32)
    push = world.pushes(bob)[-1]
    assert (push["ref"], push["edit"]["content"]["searchableContent"]) == (1, "hello")
    assert push["edit"]["time"] == message.edit.time  # type: ignore[union-attr]


def test_a_device_that_has_the_message_learns_its_content_from_the_event(world: World) -> None:
    world.say("alice", "helo", to="bob")
    world.service.edit(Sender("alice"), BOB, 1, text("hallo"))
    world.service.edit(Sender("alice"), BOB, 1, text("hello"))

    first, last = pulled(world, "bob", ALICE, after=1)

    assert (first.subject, words(last.subject)) == (None, "hello")


def test_the_content_of_an_edit_stands_in_one_place_only(world: World) -> None:
    world.say("alice", "helo", to="bob")
    world.service.edit(Sender("alice"), BOB, 1, text("secret"))

    world.service.recall(Sender("alice"), BOB, 1)

    shown = [message for message in pulled(world, "bob", ALICE) if not message.recall and message.ref == 1]
    assert all(message.subject is None for message in shown)
    bare = [world.messages.logs[BOB.key("alice")][seq].payload for seq in (1, 2)]
    assert "secret" not in "".join(bare)


def test_a_recall_keeps_the_edited_content_for_its_author(world: World) -> None:
    world.say("alice", "helo", to="bob")
    world.service.edit(Sender("alice"), BOB, 1, text("hello"))

    _, original = world.service.recall(Sender("alice"), BOB, 1)

    assert json.loads(original)["sc"] == "hello"


@pytest.mark.parametrize(
    ("editor", "payload", "code"),
    [
        ("bob", text("x"), Code.NOT_RIGHT),
        ("alice", text("x", type=3), Code.INVALID_PARAMETER),
        ("alice", text("x", persistFlag=4), Code.INVALID_PARAMETER),
        ("alice", text("x" * 40_000), Code.MESSAGE_TOO_LARGE),
    ],
)
def test_who_may_not_edit_like_this_is_refused_and_changes_nothing(
    world: World, editor: str, payload: Payload, code: Code
) -> None:
    world.say("alice", "helo", to="bob")

    with refusal(code):
        world.service.edit(Sender(editor), BOB if editor == "alice" else ALICE, 1, payload)

    assert [words(message) for message in pulled(world, "bob", ALICE)] == ["helo"]


def test_only_the_types_that_the_deployment_names_are_edited(world: World) -> None:
    world.say("alice", "a picture", to="bob", type=3)

    with refusal(Code.NOT_RIGHT):
        world.service.edit(Sender("alice"), BOB, 1, text("another", type=3))


def test_an_edit_comes_too_late_where_there_is_a_limit() -> None:
    world = World(edit_time_limit_s=60)
    world.say("alice", "helo", to="bob")
    world.now += 61_000

    with refusal(Code.RECALL_TIME_EXPIRED):
        world.service.edit(Sender("alice"), BOB, 1, text("hello"))


def test_an_edit_is_under_the_rules_of_a_send(world: World) -> None:
    world.words.add(["casino"])
    world.say("alice", "helo", to="bob")

    with refusal(Code.SENSITIVE_MATCHED):
        world.service.edit(Sender("alice"), BOB, 1, text("casino"))
    world.presence.set_status("alice", 1)
    with refusal(Code.FORBIDDEN_SEND_MSG):
        world.service.edit(Sender("alice"), BOB, 1, text("hello"))


def test_what_was_taken_back_is_not_edited(world: World) -> None:
    world.say("alice", "one", to="bob")
    world.say("alice", "two", to="bob", base=1)
    world.service.recall(Sender("alice"), BOB, 1)
    world.service.delete(Sender("alice"), BOB, 2, everybody=True)

    for seq in (1, 2, 3):
        with refusal(Code.NOT_EXIST):
            world.service.edit(Sender("alice"), BOB, seq, text("again"))


def test_a_repeated_edit_answers_with_the_first_event(world: World) -> None:
    world.say("alice", "helo", to="bob")
    first = world.service.edit(Sender("alice"), BOB, 1, text("hello"))
    world.say("bob", "fine", to="alice", base=2)
    world.now += 5_000

    again = world.message_service().edit(Sender("alice"), BOB, 1, text("hello"))

    assert again == first
    assert len(pulled(world, "bob", ALICE)) == 3


def test_an_edit_cut_short_is_finished_by_its_repeat(world: World) -> None:
    world.say("alice", "helo", to="bob")
    put = world.messages.put
    world.messages.put = dying(put, world)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        world.service.edit(Sender("alice"), BOB, 1, text("hello"))
    world.say("bob", "in between", to="alice", base=1)

    event = world.message_service().edit(Sender("alice"), BOB, 1, text("hello"))

    assert (event.seq, words(pulled(world, "bob", ALICE, after=2)[0].subject)) == (3, "hello")


def dying(real: Callable[..., Any], world: World) -> Callable[..., Any]:
    def die(*args: object, **kwargs: object) -> object:
        world.messages.put = real  # type: ignore[method-assign]
        raise SystemExit

    return die


def test_edits_that_cross_end_at_the_last_content_whatever_the_order_of_their_events(world: World) -> None:
    bob = world.online("bob")
    world.say("alice", "helo", to="bob")
    put, other = world.messages.put, world.message_service()

    def late(message: Message, *, indexed: bool) -> Message | None:
        """The first edit has changed the slot; before its event is there, another device edits."""
        world.messages.put = put  # type: ignore[method-assign]
        other.edit(Sender("alice"), BOB, 1, text("second"))
        return put(message, indexed=indexed)

    world.messages.put = late  # type: ignore[method-assign]
    world.service.edit(Sender("alice"), BOB, 1, text("first"))

    edits = [push["edit"] for push in world.pushes(bob) if push.get("ref")]
    newest = max(edits, key=lambda edit: edit["time"])
    assert newest["content"]["searchableContent"] == "second"
    assert [words(message.subject) for message in pulled(world, "bob", ALICE, after=1)] == ["", "second"]


def test_a_recall_that_overtakes_an_edit_wins(world: World) -> None:
    world.say("alice", "helo", to="bob")
    edit, other = world.messages.edit, world.message_service()

    def late(*args: Any, **kwargs: Any) -> bool:
        other.recall(Sender("alice"), BOB, 1)
        return edit(*args, **kwargs)

    world.messages.edit = late  # type: ignore[method-assign]
    with refusal(Code.NOT_EXIST):
        world.service.edit(Sender("alice"), BOB, 1, text("hello"))

    assert [payload_from_json(message.payload).type for message in pulled(world, "bob", ALICE)] == [80, 80]


def test_who_may_not_see_the_message_is_not_told_what_it_is_now(world: World) -> None:
    team(world, "alice", "bob")
    world.say("alice", "for us two", group="team")
    world.now += 60_000
    join(world, "carol", first=2)
    carol, bob = world.online("carol"), world.online("bob")

    world.service.edit(Sender("alice"), TEAM, 1, text("still for us two"))

    assert "still for us" not in json.dumps(world.pushes(carol) + world.pushes(bob))
    [bobs] = pulled(world, "bob", TEAM, after=1)
    [carols] = pulled(world, "carol", TEAM, after=1)
    assert (words(bobs.subject), carols.subject) == ("still for us two", None)


def test_an_admin_replaces_anything_and_may_keep_it_quiet(world: World) -> None:
    sent = world.say("alice", "helo", to="bob", type=3)

    world.service.update_by_uid("root", sent.uid, text("hello"), admin=True, tell=False)

    [message] = pulled(world, "bob", ALICE)
    assert (words(message), message.time) == ("hello", sent.time)
    world.now += 1_000
    world.service.update_by_uid("root", sent.uid, text("moved"), admin=True, move_time=True)
    message, event = pulled(world, "bob", ALICE)
    assert (message.time, payload_from_json(event.payload).content) == (world.now, "root")


def test_a_content_that_is_none_is_no_edit(world: World) -> None:
    world.say("alice", "helo", to="bob")

    with pytest.raises(InvalidError):
        world.service.edit(Sender("alice"), BOB, 1, text("x", base64edData="a b"))


def test_an_answer_with_edited_messages_stays_within_its_bytes(world: World) -> None:
    for seq in range(6):
        world.say("alice", f"{seq}", to="bob", base=seq)
    for seq in range(1, 7):
        world.service.edit(Sender("alice"), BOB, seq, text(f"{seq}", content="x" * 30_000))

    page = world.service.pull("bob", [Range(ALICE, 6, 100)])[0]

    assert sum(message.wire_bytes for message in page.messages) <= 100_000
    assert page.through < page.head == 12
    rest = world.service.pull("bob", [Range(ALICE, page.through, 100)])[0]
    assert [message.seq for message in (*page.messages, *rest.messages)] == list(range(7, 13))
