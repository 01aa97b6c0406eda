"""A client that is killed at any moment and started again loses nothing and doubles nothing."""

import asyncio
import copy
import os
import signal
import sqlite3
import sys
from collections import deque
from pathlib import Path

import pytest

from clients.python.tests.conftest import Harness, Recorder, until
from clients.python.tests.fake_clock import FakeClock
from clients.python.tests.fake_server import FakeServer
from wildfire_client import ChatClient, Conversation, Message, MessageReceived, MessageStatus, TextContent

BOB = Conversation.single("bob")
WIRE_BOB = {"type": 0, "target": "bob"}
SOURCES = Path(__file__).parents[1] / "src"

SENDER = """
import asyncio, sys
from wildfire_client import ChatClient, Conversation

async def main(url, store, token, texts):
    async with ChatClient(url, store, client_id="alice-device") as client:
        await client.connect("alice", token)
        for text in texts:
            await client.send(Conversation.single("bob"), text)
        for message in client.messages(Conversation.single("bob")):
            await client.settled(message)

asyncio.run(main(*sys.argv[1:4], sys.argv[4:]))
"""


async def run_sender(harness: Harness, *texts: str) -> asyncio.subprocess.Process:
    store = str(harness.tmp_path / "chat.db")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SENDER, harness.server.url, store, harness.server.token("alice"), *texts),
        env=os.environ | {"PYTHONPATH": str(SOURCES)},
    )


@pytest.mark.parametrize("fault", ["mute_before", "mute_after"])
async def test_a_process_killed_in_mid_send_sends_each_message_once(harness: Harness, fault: str) -> None:
    harness.server.send_faults.extend(["", fault])
    process = await run_sender(harness, "one", "two", "three")
    await until(lambda: harness.server.count("send") == 2, 20)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    again = await run_sender(harness, "four")
    assert await asyncio.wait_for(again.wait(), 20) == 0
    assert harness.server.texts("alice", WIRE_BOB) == ["one", "two", "three", "four"]
    first, second = [body for body in harness.server.bodies("send") if body["content"]["searchableContent"] == "two"]
    assert (first["cid"], first["base"]) == (second["cid"], second["base"])


class CrashRecorder:
    """Copies the store's files, and the server's logs, before every transaction: each copy is what a kill would leave."""

    def __init__(self, harness: Harness, client: ChatClient, name: str) -> None:
        self._harness = harness
        self._file = harness.tmp_path / name
        self.told: list[int] = []
        self.copies: list[tuple[Path, dict, list[int]]] = []
        client.on(MessageReceived, lambda event: self.told.append(event.message.seq or 0))
        client._store._db.set_trace_callback(self._trace)

    def _trace(self, statement: str) -> None:
        if not statement.startswith("BEGIN"):
            return
        copy_path = self._harness.tmp_path / f"crash-{len(self.copies)}.db"
        for suffix in ("", "-wal"):
            source = Path(f"{self._file}{suffix}")
            if source.exists():
                Path(f"{copy_path}{suffix}").write_bytes(source.read_bytes())
        self.copies.append((copy_path, copy.deepcopy(self._harness.server.logs), list(self.told)))


def text_of(message: Message) -> str:
    assert isinstance(message.content, TextContent)
    return message.content.text


async def test_a_kill_between_any_two_transactions_loses_and_doubles_nothing(
    harness: Harness, clock: FakeClock
) -> None:
    for number in range(3):
        harness.server.say("bob", "alice", f"old {number}")
    client = harness.client(store="live.db")
    crashes = CrashRecorder(harness, client, "live.db")
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    for number in range(4):
        await client.settled(await client.send(BOB, f"mine {number}"))
        harness.server.say("bob", "alice", f"yours {number}")
    await until(lambda: len(crashes.told) == 4)
    await harness.server.drop("alice")
    harness.server.say("bob", "alice", "while away")
    await until(lambda: client.status.value == "unconnected")
    pending = await client.send(BOB, "written offline")
    await clock.advance(20)
    await client.settled(pending)
    await until(lambda: len(crashes.told) == 5)
    await harness.close(client)
    final = harness.server.texts("alice", WIRE_BOB)
    assert len(crashes.copies) > 25

    for path, logs, told in crashes.copies[1:]:
        waiting, cursor = kept_in(path)
        async with FakeServer() as server:
            server.logs = logs
            after = ChatClient(server.url, path, client_id="alice-device", clock=clock)
            again = Recorder(after, MessageReceived)
            await after.connect("alice", server.token("alice"))
            await after.ready()
            for message in after.messages(BOB, limit=100):
                assert (await after.settled(message)).status in (MessageStatus.SENT, MessageStatus.RECEIVED)
            server.say("bob", "alice", "end")
            await until(lambda: again.events and text_of(again.events[-1].message) == "end")  # noqa: B023
            stored = server.texts("alice", WIRE_BOB)
            await after.disconnect()
            assert len(stored) == len(set(stored)), "doubled"
            assert set(waiting) <= set(stored), "lost"
            assert [text_of(message) for message in after.messages(BOB, limit=100)] == stored
            seqs = [event.message.seq for event in again.events]
            assert seqs == sorted(set(seqs)), "told twice or out of order"
            for seq, entry in enumerate(next(iter(logs.values())).entries, 1):
                theirs = entry["from"] == "bob" and cursor is not None and seq > cursor
                assert not theirs or seq in seqs, "never told"
            # Only what was being handled at the moment of the kill comes again.
            assert [seq for seq in seqs if seq in told and seq <= (cursor or 0)] == []
            await after.close()
    assert len(final) == 13


def kept_in(path: Path) -> tuple[list[str], int | None]:
    """Texts in the outbox of a store, and how far its application knew the log; None before the first hello."""
    database = sqlite3.connect(path)
    waiting = database.execute("SELECT m.text FROM outbox JOIN messages m ON m.id = message").fetchall()
    cursor = database.execute("SELECT delivered FROM conversations").fetchone()
    database.close()
    return [text for (text,) in waiting], None if cursor is None else cursor[0]


async def test_the_sync_token_is_kept_only_together_with_what_it_stands_for(harness: Harness) -> None:
    harness.server.page_size = 2
    for number in range(5):
        harness.server.say(f"user{number}", "alice", "hi")
    harness.server.op_faults["pull"] = deque(["mute", "mute"])
    client = harness.client(store="live.db")
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: harness.server.count("pull") == 1)
    assert client._store.sync_token == "5"  # noqa: S105
    await harness.close(client)
    again = harness.client(store="live.db")
    assert len(again._store.behind(10)) == 5
    harness.server.op_faults.clear()
    await again.connect("alice", harness.server.token("alice"))
    await again.ready()
    assert [len(again.messages(Conversation.single(f"user{number}"))) for number in range(5)] == [1] * 5


async def test_a_first_hello_that_was_cut_off_goes_on_with_its_next_page(harness: Harness) -> None:
    harness.server.page_size = 2
    for number in range(5):
        for _ in range(60):
            harness.server.say(f"user{number}", "alice", "hi")
    harness.server.on_request = lambda user, op: (
        harness.server.sessions[0].socket.transport.abort() if harness.server.count("hello") == 2 else None
    )
    client = harness.client(store="live.db")
    recorder = Recorder(client, MessageReceived)
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status.value == "unconnected")
    await harness.close(client)
    harness.server.on_request = lambda user, op: None
    again = harness.client(store="live.db")
    recorder = Recorder(again, MessageReceived)
    await again.connect("alice", harness.server.token("alice"))
    await again.ready()
    assert [len(again.messages(Conversation.single(f"user{number}"), limit=99)) for number in range(5)] == [50] * 5
    assert recorder.events == []


async def test_everything_that_is_read_survives_a_restart(harness: Harness) -> None:
    client = await harness.connected(store="live.db")
    harness.server.say("bob", "alice", "1")
    harness.server.say("bob", "alice", "2")
    await until(lambda: len(client.messages(BOB)) == 2)
    client.mark_read(BOB, 1)
    client.set_draft(BOB, "dear b")
    await harness.close(client)
    again = harness.client(store="live.db")
    info = again.conversations()[0]
    assert (info.unread.total, info.read, info.draft) == (1, 1, "dear b")
    assert [text_of(message) for message in again.messages(BOB)] == ["1", "2"]
    assert again.user_id == "alice"


async def test_a_read_cursor_that_could_not_be_reported_is_reported_later(harness: Harness) -> None:
    client = await harness.connected(store="live.db")
    harness.server.say("bob", "alice", "1")
    await until(lambda: client.messages(BOB))
    await harness.server.drop("alice")
    await until(lambda: client.status.value == "unconnected")
    client.mark_read(BOB)
    await harness.close(client)
    again = harness.client(store="live.db")
    await again.connect("alice", harness.server.token("alice"))
    await again.ready()
    assert harness.server.bodies("read") == [{"conversation": {"type": 0, "target": "bob", "line": 0}, "seq": 1}]
