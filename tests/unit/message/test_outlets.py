"""Who is told of messages outside: of which, when, and with what at hand."""

import pytest

from im.chatroom.model import Room
from im.errors import BusyError, Code, ImError
from im.message.model import Conversation, Origin, Payload, Sender, payload_from_json
from tests.fakes.club import Club
from tests.fakes.world import World

BOB = Conversation(0, "bob")


@pytest.fixture
def world() -> World:
    return World()


def texts(world: World) -> list[str]:
    return [payload_from_json(message.payload).searchableContent for message in world.outside.messages]


def test_an_outlet_is_told_of_a_message_with_its_place_and_what_was_read_for_it(world: World) -> None:
    sent = world.say("alice", "hello", to="bob")

    [(message, conversation, sender, context)] = world.outside.told
    assert (message.seq, message.uid, message.time) == (sent.seq, sent.uid, sent.time)
    assert (conversation, sender.user) == (BOB, "alice")
    assert set(context.presences) == {"alice", "bob"}


def test_a_resend_tells_of_the_same_message_again(world: World) -> None:
    world.say("alice", "hello", to="bob", cid="c1")
    world.say("alice", "hello", to="bob", cid="c1")

    first, again = world.outside.messages
    assert (again.seq, again.uid) == (first.seq, first.uid)


def test_sockets_wait_until_the_outlets_have_taken_a_message_and_the_resend_reaches_both(world: World) -> None:
    bob = world.online("bob")
    world.outside.fails = True
    with pytest.raises(BusyError):
        world.say("alice", "hello", to="bob", cid="c1")
    assert world.pushes(bob) == []

    world.outside.fails = False
    world.say("alice", "hello", to="bob", cid="c1")

    assert texts(world) == ["hello"]
    assert [push["seq"] for push in world.pushes(bob)] == [1]


def test_a_transparent_message_has_no_place(world: World) -> None:
    world.say("alice", "", to="bob", type=91, persistFlag=4)

    assert [message.seq for message in world.outside.messages] == [0]


def test_what_is_refused_or_swallowed_is_told_to_nobody() -> None:
    world = World(blacklist_strategy=1)
    world.rows.relate("bob", "alice", blocked=True, befriended=False)
    world.say("alice", "hello", to="bob")
    with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_EXIST):
        world.say("alice", "hello", group="none")

    assert world.outside.told == []


def test_a_recall_comes_with_the_message_as_it_was(world: World) -> None:
    sent = world.say("alice", "hello", to="bob")
    world.service.recall(Sender("alice"), BOB, sent.seq)

    event = world.outside.messages[-1]
    assert (payload_from_json(event.payload).type, event.ref) == (80, sent.seq)
    assert event.subject is not None
    assert event.subject.uid == sent.uid
    assert payload_from_json(event.subject.payload).searchableContent == "hello"


def test_an_admins_recall_is_told_as_an_admins(world: World) -> None:
    sent = world.say("alice", "hello", to="bob")
    world.service.recall_by_uid("root", sent.uid, admin=True)

    event, _, sender, _ = world.outside.told[-1]
    assert sender.origin is Origin.ADMIN
    assert payload_from_json(event.payload).content == "root"


def test_an_edit_comes_with_the_message_as_it_is_now(world: World) -> None:
    sent = world.say("alice", "hello", to="bob")
    world.service.edit(Sender("alice"), BOB, sent.seq, Payload(type=1, searchableContent="hullo", persistFlag=3))

    event = world.outside.messages[-1]
    assert event.subject is not None
    assert payload_from_json(event.subject.payload).searchableContent == "hullo"


def test_a_group_and_its_notices_come_with_the_groups_info() -> None:
    club = Club()
    club.create("alice")
    club.say("alice", "hello")

    (notice, *_), (message, conversation, _, context) = club.world.outside.told
    assert payload_from_json(notice.payload).type == 104
    assert (conversation, message.sender) == (Conversation(1, "team"), "alice")
    assert context.info is not None
    assert context.info.id == "team"


def test_what_is_said_in_a_chatroom_is_told_and_so_is_its_recall(world: World) -> None:
    world.chatroom_admin.create(Room("lobby", title="Lobby"))
    admin = Sender("root", origin=Origin.ADMIN)
    sent = world.service.send(admin, Conversation(2, "lobby"), Payload(type=1, searchableContent="hello"))
    world.service.recall_by_uid("root", sent.uid, admin=True)

    message, event = world.outside.messages
    assert (message.seq, texts(world)[0]) == (sent.seq, "hello")
    assert event.subject is not None
    assert (event.ref, event.subject.uid) == (sent.seq, sent.uid)
    assert {conversation for _, conversation, *_ in world.outside.told} == {Conversation(2, "lobby")}
