"""Sending: what the user wrote is stored exactly once and in his order, whatever happens on the way."""

import asyncio
from collections import deque

import pytest

from clients.python.tests.conftest import Harness, Recorder, idle, until
from clients.python.tests.fake_server import Refusal
from wildfire_client import (
    ChatError,
    Code,
    ConnectionStatus,
    Conversation,
    MessageReceived,
    MessageStatus,
    MessageStatusChanged,
    TextContent,
    TransparentReceived,
    TypingContent,
)

BOB = Conversation.single("bob")
WIRE_BOB = {"type": 0, "target": "bob"}


async def test_a_message_is_sending_then_sent(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageStatusChanged)
    message = await client.send(BOB, "hello")
    sent = await client.settled(message)
    assert (message.status, message.seq) == (MessageStatus.SENDING, None)
    assert (sent.status, sent.seq) == (MessageStatus.SENT, 1)
    assert sent.uid
    await until(lambda: len(recorder.events) == 2)
    assert [event.message.status for event in recorder.events] == [MessageStatus.SENDING, MessageStatus.SENT]
    assert harness.server.texts("alice", WIRE_BOB) == ["hello"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_message_whose_link_breaks_is_sent_once(harness: Harness, fault: str) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(fault)
    message = await client.send(BOB, "once")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(20)
    sent = await client.settled(message)
    assert (sent.status, sent.seq) == (MessageStatus.SENT, 1)
    assert harness.server.texts("alice", WIRE_BOB) == ["once"]
    first, second = harness.server.bodies("send")
    assert (first["cid"], first["base"]) == (second["cid"], second["base"])


@pytest.mark.parametrize("fault", ["mute_before", "mute_after", "internal_after"])
async def test_an_unanswered_send_means_a_dead_link_and_is_repeated(harness: Harness, fault: str) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(fault)
    message = await client.send(BOB, "once")
    await until(lambda: harness.server.count("send") == 1)
    await harness.clock.advance(19.9)
    assert client.status is ConnectionStatus.CONNECTED
    await harness.clock.advance(0.2)
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(20)
    assert (await client.settled(message)).seq == 1
    assert harness.server.texts("alice", WIRE_BOB) == ["once"]


@pytest.mark.parametrize("fault", ["busy", "busy_after"])
async def test_a_busy_server_is_asked_again_after_the_time_that_it_named(harness: Harness, fault: str) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(fault)
    message = await client.send(BOB, "once")
    await until(lambda: any(delay < 2 for delay in harness.clock.delays))
    if fault == "busy":
        await harness.clock.advance(0.49)
        assert harness.server.count("send") == 1
    await harness.clock.advance(2)
    assert (await client.settled(message)).status is MessageStatus.SENT
    assert harness.server.texts("alice", WIRE_BOB) == ["once"]


async def test_a_refusal_fails_the_message_and_lets_the_next_one_go(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(int(Code.SENSITIVE_MATCHED))
    refused = await client.send(BOB, "rude")
    polite = await client.send(BOB, "polite")
    failed = await client.settled(refused)
    assert (failed.status, failed.error) == (MessageStatus.FAILED, Code.SENSITIVE_MATCHED)
    assert (await client.settled(polite)).status is MessageStatus.SENT
    assert harness.server.texts("alice", WIRE_BOB) == ["polite"]


async def test_a_failed_message_is_sent_again_as_the_same_message(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append(int(Code.GROUP_MUTED))
    message = await client.settled(await client.send(BOB, "again"))
    harness.server.say("bob", "alice", "meanwhile")
    await client.resend(message)
    sent = await client.settled(message)
    assert (sent.id, sent.seq, sent.status) == (message.id, 2, MessageStatus.SENT)
    first, second = harness.server.bodies("send")
    assert (first["cid"], first["base"]) == (second["cid"], second["base"])
    with pytest.raises(ChatError):
        await client.resend(sent)


async def test_messages_of_one_conversation_go_one_after_another_in_the_order_of_writing(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.gate = asyncio.Event()
    messages = [await client.send(BOB, str(number)) for number in range(5)]
    elsewhere = await client.send(Conversation.single("carol"), "to another")
    await until(lambda: harness.server.count("send") == 2)
    harness.server.gate.set()
    assert (await client.settled(elsewhere)).status is MessageStatus.SENT
    assert [(await client.settled(message)).seq for message in messages] == [1, 2, 3, 4, 5]
    assert harness.server.texts("alice", WIRE_BOB) == ["0", "1", "2", "3", "4"]


async def test_only_one_message_of_a_conversation_is_in_flight(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.gate = asyncio.Event()
    first, second = await client.send(BOB, "1"), await client.send(BOB, "2")
    await until(lambda: harness.server.count("send") == 1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert harness.server.count("send") == 1
    harness.server.gate.set()
    await client.settled(second)
    assert (await client.settled(first)).seq == 1


async def test_what_is_written_offline_goes_out_with_the_link(harness: Harness) -> None:
    client = harness.client()
    harness.server.refuse = 503
    await client.connect("alice", harness.server.token("alice"))
    message = await client.send(BOB, "later")
    assert client.messages(BOB) == [message]
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    harness.server.refuse = None
    client.wake()
    assert (await client.settled(message)).status is MessageStatus.SENT


async def test_the_own_message_that_comes_by_pull_settles_the_echo(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.send_faults.append("mute_after")
    message = await client.send(BOB, "mine")
    await until(lambda: harness.server.count("send") == 1)
    await until(lambda: harness.server.texts("alice", WIRE_BOB) == ["mine"])
    harness.server.say("bob", "alice", "yours")
    await until(lambda: harness.clock.delays[0] < 1)
    await harness.clock.advance(0.5)
    sent = await client.settled(message)
    assert (sent.status, sent.seq) == (MessageStatus.SENT, 1)
    assert next((shown.id, shown.seq) for shown in client.messages(BOB)) == (message.id, 1)
    await until(lambda: recorder.events)
    assert [event.message.seq for event in recorder.events] == [2]


@pytest.mark.parametrize("answer", ["", 248, "busy_after"])
async def test_a_message_that_was_seen_in_the_log_is_repeated_until_it_is_answered(
    harness: Harness, answer: str | int
) -> None:
    client = await harness.connected()
    harness.server.send_faults.append("mute_after")
    message = await client.send(BOB, "mine")
    await until(lambda: harness.server.texts("alice", WIRE_BOB) == ["mine"])
    harness.server.say("bob", "alice", "yours")
    await until(lambda: harness.clock.delays[0] < 1)
    await harness.clock.advance(0.5)
    assert (await client.settled(message)).status is MessageStatus.SENT
    if answer:
        harness.server.send_faults.append(answer)

    await harness.clock.advance(20)
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(20)
    await until(lambda: harness.server.count("send") == 2)
    await client.ready()
    await idle(client)
    await harness.clock.advance(3)
    await until(lambda: harness.server.count("send") == (3 if answer == "busy_after" else 2))
    await idle(client)

    first, *others = harness.server.bodies("send")
    assert [(each["cid"], each["base"]) for each in others] == [(first["cid"], first["base"])] * len(others)
    assert (await client.settled(message)).status is MessageStatus.SENT
    assert harness.server.texts("alice", WIRE_BOB) == ["mine", "yours"]


async def test_a_base_too_far_behind_is_moved_after_proof_that_the_message_is_not_there(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append("mute_before")
    message = await client.send(BOB, "late")
    await until(lambda: harness.server.count("send") == 1)
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    for number in range(12):
        harness.server.say("bob", "alice", str(number))
    harness.server.sync_first_limit = 10
    await harness.clock.advance(20)
    sent = await client.settled(message)
    assert sent.seq == 13
    bodies = harness.server.bodies("send")
    assert len({body["cid"] for body in bodies}) == 1
    assert [body["base"] for body in bodies] == [0, 0, 12]
    assert harness.server.texts("alice", WIRE_BOB).count("late") == 1


async def test_a_base_too_far_behind_is_not_moved_when_the_message_turns_out_to_be_there(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append("drop_after")
    message = await client.send(BOB, "there")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    for number in range(12):
        harness.server.say("bob", "alice", str(number))
    harness.server.sync_first_limit = 10
    harness.server.op_faults["pull"] = deque([Refusal(221, retry=True, after=60_000)])
    await harness.clock.advance(20)
    sent = await client.settled(message)
    assert sent.seq == 1
    assert harness.server.texts("alice", WIRE_BOB).count("there") == 1


async def test_a_message_that_never_left_can_be_taken_back(harness: Harness) -> None:
    client = harness.client()
    harness.server.refuse = 503
    await client.connect("alice", harness.server.token("alice"))
    message = await client.send(BOB, "oops")
    assert client.cancel(message)
    assert client.messages(BOB) == []
    assert not client.cancel(message)
    harness.server.refuse = None
    client.wake()
    await client.ready()
    assert harness.server.count("send") == 0


async def test_a_message_that_has_left_cannot_be_taken_back(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.gate = asyncio.Event()
    message = await client.send(BOB, "gone")
    await until(lambda: harness.server.count("send") == 1)
    assert not client.cancel(message)
    with pytest.raises(ChatError):
        await client.delete(message)
    harness.server.gate.set()
    assert (await client.settled(message)).status is MessageStatus.SENT


async def test_a_text_that_is_too_long_is_refused_at_once(harness: Harness) -> None:
    client = await harness.connected()
    with pytest.raises(ChatError) as caught:
        await client.send(BOB, "x" * 33_000)
    assert caught.value.code == Code.MESSAGE_TOO_LARGE
    assert client.messages(BOB) == []


async def test_typing_goes_to_those_who_are_online_and_is_not_kept(harness: Harness) -> None:
    alice, bob = await harness.connected("alice"), await harness.connected("bob")
    recorder = Recorder(bob, TransparentReceived)
    await alice.send(BOB, TypingContent())
    await until(lambda: recorder.events)
    message = recorder.events[0].message
    assert (message.sender, message.content, message.seq) == ("alice", TypingContent(), None)
    assert message.conversation == Conversation.single("alice")
    assert alice.messages(BOB) == []
    assert harness.server.logs == {}


async def test_typing_without_a_link_is_an_error(harness: Harness) -> None:
    with pytest.raises(ChatError) as caught:
        await harness.client().send(BOB, TypingContent())
    assert caught.value.offline


async def test_the_servers_version_of_a_message_replaces_the_echo(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.send_faults.append("mute_after")
    message = await client.send(BOB, "bad word")
    await until(lambda: harness.server.texts("alice", WIRE_BOB) == ["bad word"])
    log = next(iter(harness.server.logs.values()))
    log.entries[0]["content"] = TextContent("*** word").encode().to_wire()
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    harness.server.op_faults["send"] = deque(["mute"])
    await harness.clock.advance(20)
    sent = await client.settled(message)
    assert sent.content == TextContent("*** word")
    assert [shown.content for shown in client.messages(BOB)] == [TextContent("*** word")]


async def test_a_message_that_the_server_swallows_counts_as_sent_and_keeps_its_place(harness: Harness) -> None:
    client = await harness.connected()
    await client.settled(await client.send(BOB, "1"))
    harness.server.send_faults.append("swallow")
    swallowed = await client.settled(await client.send(BOB, "2"))
    await client.settled(await client.send(BOB, "3"))
    assert (swallowed.status, swallowed.seq) == (MessageStatus.SENT, None)
    assert [client.digest(message) for message in client.messages(BOB)] == ["1", "2", "3"]
    assert harness.server.texts("alice", WIRE_BOB) == ["1", "3"]


async def test_a_refused_message_stays_where_it_was_written(harness: Harness) -> None:
    client = await harness.connected()
    for number in range(3):
        await client.settled(await client.send(BOB, str(number)))
    harness.server.send_faults.append(int(Code.GROUP_MUTED))
    await client.settled(await client.send(BOB, "refused"))
    for number in range(3, 6):
        await client.settled(await client.send(BOB, str(number)))
    assert [client.digest(m) for m in client.messages(BOB)] == ["0", "1", "2", "refused", "3", "4", "5"]
    assert [client.digest(m) for m in client.messages(BOB, before=4)] == ["0", "1", "2", "refused"]
    assert [client.digest(m) for m in client.messages(BOB, before=4, limit=2)] == ["2", "refused"]


async def test_a_message_at_which_the_server_breaks_down_fails_in_the_end_and_lets_the_next_one_go(
    harness: Harness,
) -> None:
    client = await harness.connected()
    harness.server.op_faults["send"] = deque([Refusal(4, retry=True) for _ in range(10)])
    poison = await client.send(BOB, "poison")
    good = await client.send(BOB, "good")
    for attempt in range(1, 10):
        await until(lambda attempt=attempt: harness.server.count("send") == attempt)
        await idle(client)
        await until(lambda: len(harness.clock.delays) == 3)
        await harness.clock.advance(harness.clock.delays[0])
    failed = await client.settled(poison)
    assert (failed.status, failed.error) == (MessageStatus.FAILED, Code.SERVER_ERROR)
    assert (await client.settled(good)).status is MessageStatus.SENT
