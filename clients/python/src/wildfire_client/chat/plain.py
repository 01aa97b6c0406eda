"""The chat without a terminal: one line in, some lines out, so that scripts can drive it and transcripts can be kept."""

import asyncio
import contextlib
import sys
import threading
from typing import TextIO

from wildfire_client import (
    ChatError,
    ConnectionStatusChanged,
    Event,
    FriendRequestsChanged,
    Message,
    MessageEdited,
    MessageReacted,
    MessageRecalled,
    MessageReceived,
    MessageStatus,
    MessageStatusChanged,
)
from wildfire_client.chat.session import STATUS_TEXTS, CommandError, Quit, Session, clock_of

OPENING = 10
"""Messages that are printed when a conversation is opened."""
PATIENCE = 10
"""Seconds to wait for an acknowledgement before the next line is read."""


def read_lines(source: TextIO, lines: "asyncio.Queue[str | None]") -> None:
    """Queue the lines of a stream as they come, None at its end. A thread reads: a blocking stream cannot be awaited."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in source:
            loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\n"))
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()


class Plain:
    """Prints what happens. A sent text is printed once, when the server has it, or at once when there is no link."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._told: set[tuple[int, MessageStatus]] = set()
        self.session: Session | None = None

    def changed(self, event: Event) -> None:
        """Print one event."""
        session = self.session
        if session is None:
            return
        match event:
            case ConnectionStatusChanged(status, reason):
                self.say(f"-- {STATUS_TEXTS[status]}" + (f" ({reason})" if status.final and reason else ""))
                if status.final:
                    self._lines.put_nowait(None)
            case MessageReceived(_, message):
                self.message(message)
            case MessageStatusChanged(message) if message.status is not MessageStatus.SENDING:
                self._tell(message)
            case MessageRecalled(_, _, _, Message() as message):
                self.say(f"{self._where(message)}-- {session.digest(message)}")
            case MessageEdited() | MessageReacted() if event.message is not None:
                self.message(event.message)
            case FriendRequestsChanged(unread) if unread:
                self.say("-- somebody asks to be your friend: /friends")

    def _tell(self, message: Message) -> None:
        """Print how an own message got on, once."""
        if (message.id, message.status) not in self._told:
            self._told.add((message.id, message.status))
            self.message(message)

    def message(self, message: Message) -> None:
        """Print one message."""
        session = self.session
        if session is None:
            return
        if session.is_notice(message):
            self.say(f"{self._where(message)}-- {session.digest(message)}")
            return
        who = session.writer(message)
        mark = {
            MessageStatus.SENDING: "  [sending]",
            MessageStatus.SENT: "  [sent]",
            MessageStatus.FAILED: f"  [failed: {session.failure(message)}]",
            MessageStatus.RECEIVED: "",
        }[message.status]
        text = session.text(message).replace("\n", "\n    ") + session.reactions(message)
        self.say(f"{self._where(message)}{clock_of(message.time)} {who}> {text}{mark}")

    def say(self, text: str) -> None:
        """Print one line."""
        self._out.write(text + "\n")
        self._out.flush()

    def _where(self, message: Message) -> str:
        session = self.session
        if session is None or session.is_open(message.conversation):
            return ""
        return f"[{session.title(message.conversation)}] "

    async def run(self, session: Session, source: TextIO | None = None) -> None:
        """Follow the lines of `source`, standard input by default, to their end."""
        self.session = session
        following = asyncio.create_task(session.follow())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await session.client.ready()
            read_lines(source or sys.stdin, self._lines)
            while (line := await self._lines.get()) is not None:
                await self._line(session, line)
        except ChatError:
            # The session ended before it began, and the line about that is printed.
            await asyncio.sleep(0)
        except Quit:
            pass
        finally:
            following.cancel()

    async def _line(self, session: Session, line: str) -> None:
        opened = session.state.conversation
        shown = {message.id for message in session.messages()}
        try:
            for answer in await session.enter(line):
                self.say(answer)
        except CommandError as error:
            self.say(f"!! {error}")
            return
        name = line.split()[0] if line.split() else ""
        if session.state.conversation is not None and (session.state.conversation != opened or name == "/open"):
            self.say(f"-- {session.title(session.state.conversation)}")
            for message in session.messages()[-OPENING:]:
                self.message(message)
        elif name == "/history":
            for message in session.messages():
                if message.id not in shown:
                    self.message(message)
        await self._settle(session)

    async def _settle(self, session: Session) -> None:
        """Let what was just written get through, so that a script's next line finds it done."""
        for message in session.messages():
            if message.status is MessageStatus.SENDING:
                try:
                    async with asyncio.timeout(PATIENCE):
                        self._tell(await session.client.settled(message))
                except TimeoutError:
                    self._tell(message)
