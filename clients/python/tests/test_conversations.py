"""The conversation list, unread counts, read cursors, drafts, recall, deletion, search."""

import pytest

from clients.python.tests.conftest import Harness, Recorder, until
from clients.python.tests.fake_server import FakeServer
from wildfire_client import (
    ChatClient,
    ChatError,
    Code,
    Conversation,
    ConversationRemoved,
    MessageDeleted,
    MessageRecalled,
    MessageReceived,
    RecallContent,
    TextContent,
    TipContent,
    Unread,
)

BOB = Conversation.single("bob")
CAROL = Conversation.single("carol")
TEAM = Conversation.group("team")


def mention(server: FakeServer, kind: int, *targets: str) -> None:
    server.say_group("bob", "team", "@", payload={"mentionedType": kind, "mentionedTarget": list(targets)})


async def unread_of(client: ChatClient, conversation: Conversation) -> Unread:
    info = client.conversation(conversation)
    assert info is not None
    return info.unread


async def test_pinned_conversations_come_first_then_the_newest(harness: Harness) -> None:
    client = await harness.connected()
    for user in ("bob", "carol", "dave"):
        harness.server.say(user, "alice", "hi")
    await until(lambda: len(client.conversations()) == 3)
    await client.set_top(BOB, 1)
    assert [info.conversation.target for info in client.conversations()] == ["bob", "dave", "carol"]
    assert harness.server.lists.settings["alice", 3, "0-0-bob"]["value"] == "1"
    await client.set_top(BOB, 0)
    assert [info.conversation.target for info in client.conversations()] == ["dave", "carol", "bob"]


async def test_each_unread_message_counts_in_one_of_three_counters(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice", "carol")
    client = await harness.connected()
    harness.server.say_group("bob", "team", "plain")
    mention(harness.server, 1, "alice", "carol")
    mention(harness.server, 1, "carol")
    mention(harness.server, 2)
    await until(lambda: len(client.messages(TEAM)) == 5)
    assert await unread_of(client, TEAM) == Unread(plain=2, mention=1, mention_all=1)
    assert client.unread().total == 4


async def test_own_and_uncounted_messages_are_not_unread(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.post("bob", {"type": 0, "target": "alice"}, TipContent("a tip"))
    await client.settled(await client.send(BOB, "mine"))
    await until(lambda: len(client.messages(BOB)) == 2)
    assert await unread_of(client, BOB) == Unread()


async def test_a_message_without_a_flag_is_treated_as_its_type_says(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.post("bob", {"type": 0, "target": "alice"}, {"type": 1, "searchableContent": "by the server"})
    harness.server.post("bob", {"type": 0, "target": "alice"}, {"type": 5000, "content": "a command"})
    await until(lambda: client.messages(BOB))
    assert await unread_of(client, BOB) == Unread(plain=1)
    assert len(client.messages(BOB)) == 1


async def test_reading_is_gathered_and_reported_after_a_moment(harness: Harness) -> None:
    client = await harness.connected()
    for number in range(3):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: len(client.messages(BOB)) == 3)
    for seq in (1, 2, 3):
        client.mark_read(BOB, seq)
    assert await unread_of(client, BOB) == Unread()
    assert harness.server.count("read") == 0
    await harness.clock.advance(3)
    await until(lambda: harness.server.count("read") == 1)
    assert harness.server.bodies("read")[0]["seq"] == 3


async def test_leaving_a_view_reports_at_once(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "1")
    await until(lambda: client.messages(BOB))
    client.enter_view(BOB)
    harness.server.say("bob", "alice", "2")
    await until(lambda: len(client.messages(BOB)) == 2)
    assert await unread_of(client, BOB) == Unread()
    client.leave_view(BOB)
    await until(lambda: harness.server.count("read") == 1)
    assert harness.server.bodies("read")[0]["seq"] == 2
    harness.server.say("bob", "alice", "3")
    await until(lambda: len(client.messages(BOB)) == 3)
    assert await unread_of(client, BOB) == Unread(plain=1)


async def test_a_read_cursor_never_moves_back(harness: Harness) -> None:
    client = await harness.connected()
    for number in range(3):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: len(client.messages(BOB)) == 3)
    client.mark_read(BOB)
    client.mark_read(BOB, 1)
    await harness.server.push("alice", "cursor", {"conversation": {"type": 0, "target": "bob"}, "read": 2})
    harness.server.say("bob", "alice", "end")
    await until(lambda: len(client.messages(BOB)) == 4)
    info = client.conversation(BOB)
    assert info is not None
    assert info.read == 3


async def test_reading_on_one_device_clears_the_badge_of_the_other(harness: Harness) -> None:
    phone = await harness.connected(client_id="phone")
    desk = await harness.connected(client_id="desk")
    harness.server.say("bob", "alice", "1")
    await until(lambda: phone.messages(BOB) and desk.messages(BOB))
    phone.mark_read(BOB)
    await harness.clock.advance(3)
    await until(lambda: desk.unread().total == 0)


async def test_unread_messages_that_are_not_fetched_count_too(harness: Harness) -> None:
    for number in range(200):
        harness.server.say("bob", "alice", str(number))
    harness.server.reads["alice", (0, 0, ("alice", "bob"))] = 20
    client = await harness.connected()
    assert len(client.messages(BOB, limit=500)) == 50
    assert (await unread_of(client, BOB)).total == 180


async def test_a_draft_is_kept(harness: Harness) -> None:
    client = await harness.connected()
    client.set_draft(BOB, "dear bob")
    assert client.conversations()[0].draft == "dear bob"
    client.set_draft(BOB, "")
    assert client.conversations()[0].draft == ""


async def test_a_removed_conversation_comes_back_with_its_next_message(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ConversationRemoved)
    harness.server.say("bob", "alice", "old")
    await until(lambda: client.messages(BOB))
    await client.remove_conversation(BOB, clear=True)
    assert client.conversations() == []
    assert client.messages(BOB) == []
    await until(lambda: recorder.events)
    harness.server.say("bob", "alice", "new")
    await until(lambda: client.conversations())
    assert [message.seq for message in client.messages(BOB)] == [2]
    assert not (await client.history(BOB)).more


async def test_the_last_message_is_the_one_on_its_way(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "theirs")
    await until(lambda: client.messages(BOB))
    await client.disconnect()
    message = await client.send(BOB, "mine")
    assert client.conversations()[0].last == message


async def test_a_recall_replaces_the_message_everywhere(harness: Harness) -> None:
    alice, bob = await harness.connected("alice"), await harness.connected("bob")
    recorder = Recorder(bob, MessageReceived, MessageRecalled)
    sent = await alice.settled(await alice.send(BOB, "mistake"))
    await until(lambda: recorder.events)
    assert bob.unread().total == 1
    await alice.recall(sent)
    shown = alice.messages(BOB)
    assert [type(message.content) for message in shown] == [RecallContent]
    assert alice.digest(shown[0]) == "You recalled a message"
    await until(lambda: recorder.of(MessageRecalled))
    event = recorder.of(MessageRecalled)[0]
    assert (event.seq, event.by) == (1, "alice")
    assert event.message is not None
    assert event.message.recalled is not None
    assert [bob.digest(message) for message in bob.messages(Conversation.single("alice"))] == [
        "alice recalled a message"
    ]
    assert bob.unread().total == 0
    await until(lambda: alice._store.row(1).high == 2)


async def test_a_recall_that_happened_before_this_device_is_shown_as_one(harness: Harness) -> None:
    alice = await harness.connected("alice")
    await alice.recall(await alice.settled(await alice.send(BOB, "mistake")))
    bob = await harness.connected("bob")
    assert [bob.digest(message) for message in bob.messages(Conversation.single("alice"))] == [
        "alice recalled a message"
    ]
    assert bob.search("mistake") == []


async def test_what_may_not_be_recalled_says_so(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "theirs")
    await until(lambda: client.messages(BOB))
    with pytest.raises(ChatError) as caught:
        await client.recall(client.messages(BOB)[0])
    assert caught.value.code == Code.NOT_RIGHT
    assert isinstance(client.messages(BOB)[0].content, TextContent)


@pytest.mark.parametrize("everyone", [True, False])
async def test_a_deletion_takes_the_message_out_of_view(harness: Harness, everyone: bool) -> None:
    alice = await harness.connected("alice")
    pad = await harness.connected("alice", client_id="pad")
    bob = await harness.connected("bob")
    recorder = Recorder(pad, MessageDeleted)
    sent = await alice.settled(await alice.send(BOB, "delete me"))
    await until(lambda: pad.messages(BOB) and bob.messages(Conversation.single("alice")))
    await alice.delete(sent, everyone=everyone)
    assert alice.messages(BOB) == []
    await until(lambda: recorder.events)
    assert recorder.events == [MessageDeleted(BOB, 1, "alice")]
    assert pad.messages(BOB) == []
    await alice.settled(await alice.send(BOB, "end"))
    await until(
        lambda: (
            [event for event in harness.clock.delays if event < 1]
            or len(bob.messages(Conversation.single("alice"))) > 0
        )
    )
    await harness.clock.advance(1)
    theirs = Conversation.single("alice")
    expected = ["end"] if everyone else ["delete me", "end"]
    await until(lambda: [bob.digest(message) for message in bob.messages(theirs)] == expected)


async def test_a_failed_message_can_be_thrown_away(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(int(Code.GROUP_MUTED))
    message = await client.settled(await client.send(BOB, "nope"))
    await client.delete(message)
    assert client.messages(BOB) == []
    assert client.message(message.id) is None


async def test_search_finds_text_in_any_language_and_takes_signs_literally(harness: Harness) -> None:
    client = await harness.connected()
    for text in ("Hello World", "100% sure", "今天天气不错", "a_b"):
        harness.server.say("bob", "alice", text)
    harness.server.say("carol", "alice", "hello too")
    await until(lambda: len(client.messages(BOB)) == 4 and client.messages(CAROL))

    def found(keyword: str, conversation: Conversation | None = None) -> list[str]:
        return [client.digest(message) for message in client.search(keyword, conversation)]

    assert found("hello") == ["hello too", "Hello World"]
    assert found("hello", BOB) == ["Hello World"]
    assert found("hello", Conversation.single("nobody")) == []
    assert found("天气") == ["今天天气不错"]
    assert found("0% s") == ["100% sure"]
    assert found("%") == ["100% sure"]
    assert found("a_b") == ["a_b"]
    assert found("aXb") == []


async def test_history_of_a_conversation_that_is_not_known_asks_the_server(harness: Harness) -> None:
    client = await harness.connected()
    page = await client.history(Conversation.single("nobody"))
    assert (page.messages, page.more) == ([], False)
    assert client.conversation(Conversation.single("nobody")) is None


async def test_what_i_deleted_is_not_shown_on_a_new_device_either(harness: Harness) -> None:
    phone = await harness.connected()
    for number in range(80):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: len(phone.messages(BOB, limit=100)) == 80)
    await phone.delete(phone.messages(BOB, limit=100)[3])
    pad = await harness.connected(client_id="pad")
    assert len(pad.messages(BOB, limit=100)) == 49
    page = await pad.history(BOB, pad.messages(BOB, limit=100)[0].seq, 50)
    assert "3" not in [pad.digest(message) for message in page.messages]
    assert len(pad.messages(BOB, limit=100)) == 79
