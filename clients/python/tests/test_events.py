"""Events: handed to every listener, once, in order, and remembered only when dealt with."""

import asyncio

from clients.python.tests.conftest import Harness, Recorder, until
from wildfire_client import (
    Conversation,
    ConversationUpdated,
    LogEvent,
    MessageReceived,
    MessageStatusChanged,
)

BOB = Conversation.single("bob")


async def test_a_stream_gives_the_events_of_its_types(harness: Harness) -> None:
    client = await harness.connected()
    async with client.events(MessageReceived) as events:
        harness.server.say("bob", "alice", "1")
        harness.server.say("bob", "alice", "2")
        assert [(await anext(events)).message.seq for _ in range(2)] == [1, 2]


async def test_every_listener_gets_every_event(harness: Harness) -> None:
    client = await harness.connected()
    first, second = Recorder(client, MessageReceived), Recorder(client, LogEvent)
    harness.server.say("bob", "alice", "1")
    await until(lambda: first.events and second.events)
    assert first.events == second.events


async def test_messages_that_came_while_nobody_listened_wait_for_the_first_listener(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "1")
    await until(lambda: client.messages(BOB))
    recorder = Recorder(client, MessageReceived)
    await until(lambda: recorder.events)
    assert recorder.events[0].message.seq == 1


async def test_what_a_stream_did_not_read_waits_for_the_next_listener(harness: Harness) -> None:
    client = await harness.connected()
    async with client.events(MessageReceived) as events:
        for number in range(3):
            harness.server.say("bob", "alice", str(number))
        assert (await anext(events)).message.seq == 1
    recorder = Recorder(client, MessageReceived)
    await until(lambda: len(recorder.events) == 2)
    assert [event.message.seq for event in recorder.events] == [2, 3]


async def test_the_cursor_stays_while_a_listener_is_at_work(harness: Harness) -> None:
    client = await harness.connected()
    working = asyncio.Event()

    async def work(event: MessageReceived) -> None:
        await working.wait()

    client.on(MessageReceived, work)
    harness.server.say("bob", "alice", "1")
    await until(lambda: client.messages(BOB))
    assert client._store.row(1).delivered == 0
    working.set()
    await until(lambda: client._store.row(1).delivered == 1)


async def test_a_listener_that_fails_does_not_stop_the_others_or_the_next_event(harness: Harness) -> None:
    client = await harness.connected()

    def fail(event: MessageReceived) -> None:
        raise RuntimeError("a bug of the application")

    client.on(MessageReceived, fail)
    recorder = Recorder(client, MessageReceived)
    harness.server.say("bob", "alice", "1")
    harness.server.say("bob", "alice", "2")
    await until(lambda: len(recorder.events) == 2)


async def test_a_callback_that_was_taken_off_hears_nothing_more(harness: Harness) -> None:
    client = await harness.connected()
    heard: list[MessageReceived] = []
    stop = client.on(MessageReceived, heard.append)
    harness.server.say("bob", "alice", "1")
    await until(lambda: heard)
    stop()
    recorder = Recorder(client, MessageReceived)
    harness.server.say("bob", "alice", "2")
    await until(lambda: recorder.events)
    assert len(heard) == 1


async def test_an_application_can_answer_from_inside_its_listener(harness: Harness) -> None:
    client = await harness.connected()

    async def echo(event: MessageReceived) -> None:
        await client.settled(await client.send(event.conversation, "echo"))

    client.on(MessageReceived, echo)
    harness.server.say("bob", "alice", "1")
    harness.server.say("bob", "alice", "2")
    await until(lambda: harness.server.texts("alice", {"type": 0, "target": "bob"}).count("echo") == 2)


async def test_own_messages_from_here_are_told_by_their_status_only(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived, MessageStatusChanged)
    await client.settled(await client.send(BOB, "mine"))
    harness.server.say("bob", "alice", "yours")
    await until(lambda: recorder.of(MessageReceived))
    assert [event.message.seq for event in recorder.of(MessageReceived)] == [2]
    assert len(recorder.of(MessageStatusChanged)) == 2


async def test_the_conversation_row_is_told_when_it_changes(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ConversationUpdated)
    harness.server.say("bob", "alice", "hi")
    await until(lambda: recorder.events)
    info = recorder.events[-1].info
    assert (info.conversation, info.unread.total) == (BOB, 1)


async def test_closing_ends_a_stream(harness: Harness) -> None:
    client = await harness.connected()
    events = client.events()
    await harness.close(client)
    assert [event async for event in events if isinstance(event, MessageReceived)] == []


async def test_an_orderly_end_remembers_what_was_dealt_with(harness: Harness) -> None:
    client = await harness.connected(store="live.db")
    for number in range(5):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: len(client.messages(BOB)) == 5)
    async with client.events(MessageReceived) as events:
        assert [(await anext(events)).message.seq for _ in range(3)] == [1, 2, 3]
        await harness.close(client)
    again = harness.client(store="live.db")
    assert again._store.row(1).delivered == 2
    await again.connect("alice", harness.server.token("alice"))
    recorder = Recorder(again, MessageReceived)
    await until(lambda: len(recorder.events) == 3)
    assert [event.message.seq for event in recorder.events] == [3, 4, 5]
