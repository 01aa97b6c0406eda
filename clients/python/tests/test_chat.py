"""The terminal chat: its commands, line by line over pipes, and its screen on a pseudo-terminal."""

import asyncio
import contextlib
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from fcntl import ioctl
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from clients.python.tests.conftest import Harness, until
from clients.python.tests.fake_http import FakeHttp
from clients.python.tests.fake_server import Membership
from wildfire_client import Conversation, Event, MessageStatus, TypingContent
from wildfire_client.chat import session as session_module
from wildfire_client.chat.development import Endpoints, SetupError
from wildfire_client.chat.screen import Screen, clip, wrap
from wildfire_client.chat.session import CommandError, Quit, Session
from wildfire_client.contents import GroupCreated

BOB = Conversation.single("bob")
WIRE_BOB = {"type": 0, "target": "bob"}
SOURCES = Path(__file__).parents[1] / "src"


@pytest.fixture
async def http(harness: Harness) -> AsyncIterator[FakeHttp]:
    async with FakeHttp() as running:
        running.token_for = lambda user, client: harness.server.token(user)
        harness.server.upload_url = f"{running.url}/bucket"
        values = {"socket": harness.server.url, "server_api": running.url, "admin_secret": "123456"}
        (harness.tmp_path / "endpoints.json").write_text(json.dumps(values))
        yield running


@pytest.fixture
async def session(harness: Harness) -> AsyncIterator[Session]:
    client = await harness.connected()
    seen: list[Event] = []
    made = Session(client, seen.append)
    following = asyncio.create_task(made.follow())
    await asyncio.sleep(0)
    yield made
    following.cancel()


def command(harness: Harness, user: str) -> list[str]:
    endpoints = str(harness.tmp_path / "endpoints.json")
    return [sys.executable, "-m", "wildfire_client.chat", "--user", user, "--endpoints", endpoints]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(SOURCES), "TZ": "UTC", "TERM": "xterm-256color"}


# --- line by line


async def chat(harness: Harness, user: str, script: str) -> list[str]:
    """Run the chat with a script on its standard input; its lines, without the times."""
    process = await asyncio.create_subprocess_exec(
        *command(harness, user),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(script.encode()), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d ", "", line) for line in out.decode().splitlines()]


async def test_a_script_chats_over_pipes_and_finds_its_history_again(harness: Harness, http: FakeHttp) -> None:
    harness.server.say("bob", "alice", "hi alice")
    harness.server.create_group("team", "bob", "alice")
    file = harness.tmp_path / "notes.txt"
    file.write_bytes(b"notes")
    script = (
        f"/list\n/open bob\nhello\n//slash\n/file {file}\n/group team\n/what\n/open\n/search hello\n/quit\nunread\n"
    )
    lines = await chat(harness, "alice", script)
    assert lines[lines.index("-- connected") :] == [
        "-- connected",
        " 1. #team  bob created the group team",
        " 2. bob (1 unread)  hi alice",
        "-- bob",
        "bob> hi alice",
        "you> hello  [sent]",
        "you> /slash  [sent]",
        "you> [File] notes.txt  [sent]",
        "-- #team",
        "-- bob created the group team",
        "!! no command /what; /help lists them",
        "!! whom? /open NAME",
        "bob   you: hello",
    ]
    assert http.forms[0]["file"] == b"notes"
    assert await chat(harness, "alice", "/open bob\n") == [
        "-- fetching messages …",
        "-- connected",
        "-- bob",
        "bob> hi alice",
        "you> hello  [sent]",
        "you> /slash  [sent]",
        "you> [File] notes.txt  [sent]",
    ]


async def test_two_people_chat(harness: Harness, http: FakeHttp) -> None:
    bob = await harness.connected("bob")
    script = asyncio.create_task(chat(harness, "alice", "/open bob\nping\n"))
    await until(lambda: bob.messages(Conversation.single("alice")), 20)
    await script
    await bob.settled(await bob.send(Conversation.single("alice"), "pong"))
    lines = await chat(harness, "alice", "/open bob\n")
    assert lines[-3:] == ["-- bob", "you> ping  [sent]", "bob> pong"]
    assert "[bob] bob> pong" in lines


async def test_without_a_server_it_says_what_to_do(harness: Harness, tmp_path: Path) -> None:
    assert await chat(harness, "alice", "") == [
        f"wildfire-chat: {tmp_path / 'endpoints.json'} is not there: start the server first (make run)"
    ]


async def test_a_wrong_secret_is_told(harness: Harness, http: FakeHttp) -> None:
    http.secret = "another"  # noqa: S105
    assert await chat(harness, "alice", "") == ["wildfire-chat: the server gives no token: auth failure"]


async def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(SetupError, match="is the server running"):
        await Endpoints("ws://127.0.0.1:9", "http://127.0.0.1:9", "s").token("alice", "c", 7)


# --- commands


async def test_opening_reads_a_conversation_and_closing_it_does_not_read_on(harness: Harness, session: Session) -> None:
    harness.server.say("bob", "alice", "1")
    await until(lambda: session.conversations())
    await session.enter("/open 1")
    assert session.state.conversation == BOB
    assert session.conversations()[0].unread.total == 0
    await session.enter("/group team")
    harness.server.say("bob", "alice", "2")
    await until(lambda: session.client.unread().total == 1)
    assert session.messages() == []


async def test_history_shows_older_messages_to_the_beginning(harness: Harness, session: Session) -> None:
    for number in range(100):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: session.client.messages(BOB, limit=100) and len(session.client.messages(BOB, limit=100)) == 100)
    await session.enter("/open bob")
    assert len(session.messages()) == session_module.PAGE
    assert session.state.more
    assert await session.enter("/history") == []
    assert await session.enter("/history 50") == []
    assert len(session.messages()) == 100
    assert not session.state.more
    assert await session.enter("/history") == ["that is the beginning"]


async def test_recall_takes_back_the_last_own_message(harness: Harness, session: Session) -> None:
    await session.enter("/open bob")
    for text in ("first", "second"):
        await session.client.settled(await session.say(text))
    await session.enter("/recall 2")
    assert [session.digest(message) for message in session.messages()] == ["You recalled a message", "second"]
    await session.enter("/recall")
    with pytest.raises(CommandError, match="no such message"):
        await session.enter("/recall")


async def test_what_failed_is_shown_with_its_reason_and_sent_again(harness: Harness, session: Session) -> None:
    await session.enter("/open bob")
    harness.server.send_faults.append(241)
    message = await session.client.settled(await session.say("muted"))
    assert session.failure(message) == "the group is muted"
    assert await session.enter("/resend") == []
    assert (await session.client.settled(message)).status is MessageStatus.SENT
    assert await session.enter("/resend") == ["nothing has failed here"]


async def test_typing_is_told_at_most_every_ten_seconds_and_shown_for_six(
    harness: Harness, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(session_module.time, "monotonic", lambda: now)
    await session.enter("/open bob")
    for moment in (1_000.0, 1_009.0, 1_010.0):
        now = moment
        await session.is_typing()
    assert harness.server.count("send") == 2
    harness.server.signal("bob", "alice", TypingContent().encode().to_wire())
    await until(session.typing)
    now = 1_017.0
    assert session.typing() is None


@pytest.mark.parametrize("line", ["hello", "/file x", "/recall"])
async def test_without_an_open_conversation_it_asks_for_one(session: Session, line: str) -> None:
    with pytest.raises(CommandError):
        await session.enter(line)


async def test_me_and_help_and_quit(session: Session) -> None:
    assert (await session.enter("/me"))[0] == "alice on device alice-device: connected"
    assert {line.split()[0] for line in await session.enter("/help") if line.startswith("/")} == {
        f"/{name}" for name in session.commands if name != "help"
    }
    with pytest.raises(Quit):
        await session.enter("/quit")


# --- the screen


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 10, ["short"]),
        ("two words", 5, ["two", "words"]),
        ("averylongword", 5, ["avery", "longw", "ord"]),
        ("a\nb", 5, ["a", "b"]),
        ("今天天气不错", 5, ["今天", "天气", "不错"]),
        ("ok 今天天气", 6, ["ok 今", "天天气"]),
        ("", 5, [""]),
        ("exact fit", 9, ["exact fit"]),
    ],
)
def test_text_is_wrapped_by_columns(text: str, width: int, expected: list[str]) -> None:
    assert list(wrap(text, width)) == expected


def test_text_is_cut_to_columns() -> None:
    assert clip("今天天气", 6) == "今天… "
    assert clip("ab", 4) == "ab  "


@contextlib.asynccontextmanager
async def screen_of(session: Session) -> AsyncIterator[tuple[Screen, object]]:
    with create_pipe_input() as keyboard:
        screen = Screen(keyboard, DummyOutput())
        session._changed = screen.changed
        running = asyncio.create_task(screen.run(session))
        await until(lambda: screen._app.is_running)
        yield screen, keyboard
        keyboard.send_text("\x04")
        await running


def drawn(fragments: object) -> str:
    return "".join(text for _, text, *_ in fragments)  # type: ignore[attr-defined]


async def test_the_screen_shows_conversations_messages_and_marks(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "hi alice")
    await until(lambda: client.conversations())
    session = Session(client, lambda event: None)
    async with screen_of(session) as (screen, keyboard):
        assert " 1 " in drawn(screen._draw_list())
        keyboard.send_text("\t")  # type: ignore[attr-defined]
        await until(lambda: "hi alice" in drawn(screen._draw_messages()))
        assert " 1 " not in drawn(screen._draw_list())
        harness.server.gate = asyncio.Event()
        keyboard.send_text("hello\r")  # type: ignore[attr-defined]
        await until(lambda: "hello …" in drawn(screen._draw_messages()))
        harness.server.gate.set()
        await until(lambda: "hello ✓" in drawn(screen._draw_messages()))
        harness.server.send_faults.append(241)
        keyboard.send_text("again\r")  # type: ignore[attr-defined]
        await until(lambda: "✗ the group is muted" in drawn(screen._draw_messages()))


async def test_the_screen_tells_of_a_lost_connection_and_of_the_end(harness: Harness) -> None:
    client = await harness.connected()
    session = Session(client, lambda event: None)
    async with screen_of(session) as (screen, _):
        assert drawn(screen._draw_header()).split() == ["alice", "●", "connected"]
        harness.server.refuse = 503
        await harness.server.drop("alice")
        await until(lambda: "trying again" in screen._banner_text())
        harness.server.refuse = 401
        client.wake()
        await until(lambda: "token is not accepted" in screen._banner_text())


async def test_the_screen_keeps_a_draft_for_each_conversation(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("carol", "alice", "c")
    harness.server.say("bob", "alice", "b")
    await until(lambda: len(client.conversations()) == 2)
    session = Session(client, lambda event: None)
    async with screen_of(session) as (screen, keyboard):
        keyboard.send_text("\t")  # type: ignore[attr-defined]
        await until(lambda: session.state.conversation == BOB)
        keyboard.send_text("dear b")  # type: ignore[attr-defined]
        await until(lambda: screen._buffer.text == "dear b")
        keyboard.send_text("\t")  # type: ignore[attr-defined]
        await until(lambda: session.state.conversation == Conversation.single("carol"))
        await until(lambda: screen._buffer.text == "")
        assert "draft: dear b" in drawn(screen._draw_list())
        keyboard.send_text("\t")  # type: ignore[attr-defined]
        await until(lambda: screen._buffer.text == "dear b")


async def test_paging_up_fetches_older_messages(harness: Harness) -> None:
    for number in range(120):
        harness.server.say("bob", "alice", f"number {number}")
    client = await harness.connected()
    session = Session(client, lambda event: None)
    async with screen_of(session) as (screen, keyboard):
        keyboard.send_text("\t")  # type: ignore[attr-defined]
        await until(lambda: "number 119" in drawn(screen._draw_messages()))
        for _ in range(6):
            held = len(session.messages())
            keyboard.send_text("\x1b[5~")  # type: ignore[attr-defined]
            await until(lambda: screen._scroll > 0)
            await until(lambda held=held: len(session.messages()) >= held)
        await until(lambda: len(session.messages()) > session_module.PAGE)
        assert "number 119" not in drawn(screen._draw_messages())


async def test_on_a_terminal_it_draws_its_screen(harness: Harness, http: FakeHttp) -> None:
    harness.server.say("bob", "alice", "hi alice")
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command(harness, "alice"), stdin=theirs, stdout=theirs, stderr=theirs, env=environment()
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    seen = bytearray()

    def read() -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            seen.extend(os.read(ours, 65_536))

    asyncio.get_running_loop().add_reader(ours, read)
    try:
        await until(lambda: "connected" in seen.decode(errors="ignore") and b"hi alice" in seen, 20)
        os.write(ours, b"/open bob\r")
        os.write(ours, b"over the terminal\r")
        await until(lambda: "over the terminal" in harness.server.texts("alice", WIRE_BOB), 20)
        os.write(ours, b"\x04")
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_friends_are_made_and_named(harness: Harness, session: Session) -> None:
    lists = harness.server.lists
    lists.set_user("bob", "Bob B.")
    lists.ask("bob", "alice", "we met")
    await harness.server.push("alice", "friendRequests", {"version": lists.version})
    await until(lambda: session.client.friends.unread_requests)
    assert await session.enter("/friends") == ["  bob asks to be your friend: we met   (/accept bob)"]
    lists.befriend("alice", "bob")
    lists.requests["bob", "alice"] |= {"status": 1, "updateDt": lists.tick("friendRequests", "alice")}
    await harness.server.push("alice", "friends", {"version": lists.version})
    await harness.server.push("alice", "friendRequests", {"version": lists.version})
    await until(lambda: session.client.friends.is_friend("bob") and session.client.friends.requests()[0].status)
    await session.client.users.fetch(["bob"])
    assert await session.enter("/friends") == ["  Bob B. (bob)"]
    assert session.title(BOB) == "Bob B."


async def test_members_are_listed_with_their_roles(harness: Harness, session: Session) -> None:
    harness.server.create_group("team", "alice", "bob")
    harness.server.lists.set_group("team", "The Team", "alice", "bob")
    harness.server.lists.members["team"]["alice"]["type"] = 2
    await until(lambda: session.client.groups.mine())
    await session.enter("/group team")
    assert session.title(Conversation.group("team")) == "#The Team"
    assert await session.enter("/members") == ["  alice (owner)", "  bob"]


async def test_a_group_of_which_only_the_first_notice_has_come_has_its_name(harness: Harness, session: Session) -> None:
    notice = GroupCreated("g1", "alice", "Lunch club")
    harness.server.groups["g1"] = {"alice": Membership(1)}
    harness.server.post("alice", {"type": 1, "target": "g1"}, notice)
    await until(lambda: session.client.conversation(Conversation.group("g1")))
    assert session.title(Conversation.group("g1")) == "#Lunch club"


async def test_an_edit_and_a_reaction_are_shown_with_the_message(harness: Harness, session: Session) -> None:
    await session.enter("/open bob")
    await session.client.settled(await session.say("Diner"))
    await session.enter("/edit Dinner")
    await until(lambda: session.text(session.messages()[0]) == "Dinner")
    await session.enter("/react 👍")
    await until(lambda: session.reactions(session.messages()[0]) == "  (edited)  👍")


@pytest.mark.parametrize("line", ["/add", "/accept", "/new", "/invite", "/rename X", "/members", "/edit", "/react x"])
async def test_a_command_that_lacks_something_says_what(session: Session, line: str) -> None:
    with pytest.raises(CommandError, match=r"[a-z]"):
        await session.enter(line)


async def test_a_notice_of_what_one_did_is_nothing_that_one_has_said(harness: Harness, session: Session) -> None:
    harness.server.create_group("team", "alice", "bob")
    await session.enter("/group team")
    await until(session.messages)
    for line in ("/edit Something else", "/recall"):
        with pytest.raises(CommandError, match=r"no (such )?message of yours"):
            await session.enter(line)
