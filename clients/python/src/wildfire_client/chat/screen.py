"""The chat on a whole terminal: conversations at the left, messages at the right, a line to write in."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, VSplit, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from wildfire_client import (
    ConnectionStatus,
    Conversation,
    ConversationInfo,
    Event,
    Message,
    MessageReceived,
    MessageStatus,
)
from wildfire_client.chat.session import STATUS_TEXTS, CommandError, Quit, Session, clock_of

LIST_WIDTH = 28
NAME_WIDTH = 14
WIDE = 70
"""Columns from which on the conversation list has its place."""
DIVIDER_AFTER_MS = 5 * 60 * 1000
"""A pause of this length puts the time between two messages."""

STYLE = Style.from_dict(
    {
        "header": "bg:#1f3a5f #ffffff",
        "header.dot.connected": "bg:#1f3a5f #7bd88f",
        "header.dot.waiting": "bg:#1f3a5f #ffd866",
        "header.dot.ended": "bg:#1f3a5f #ff6188",
        "banner": "bg:#5c4a00 #ffffff",
        "banner.ended": "bg:#6b1d2a #ffffff bold",
        "title": "bold underline",
        "list.open": "reverse",
        "list.name": "bold",
        "list.digest": "#888888",
        "list.unread": "bg:#c0392b #ffffff bold",
        "list.quiet": "#888888",
        "list.mention": "#ff6188 bold",
        "list.draft": "#ff9f43",
        "line": "#444444",
        "time": "#777777",
        "name.mine": "#7bd88f bold",
        "name.other": "#78b9ff bold",
        "notice": "#888888 italic",
        "mark.sending": "#888888",
        "mark.sent": "#5fa86c",
        "mark.failed": "#ff6188 bold",
        "typing": "#c9a0ff italic",
        "note": "#d8d8d8 bg:#262b33",
        "error": "#ff6188",
        "prompt": "#78b9ff bold",
        "hint": "#777777",
    }
)

Line = list[tuple[str, str]]


def wrap(text: str, width: int) -> Iterator[str]:
    """Break a text into pieces of at most `width` columns.

    A line ends at a space or beside a wide (Chinese, Japanese, Korean) character, which takes two columns, if it can.
    """
    for paragraph in text.split("\n"):
        line, columns, cut = "", 0, 0
        for char in paragraph:
            size = get_cwidth(char)
            if columns + size > width and line:
                if char == " " or size == 2 or not cut:
                    cut = len(line)
                yield line[:cut].rstrip(" ")
                line = line[cut:].lstrip(" ")
                columns, cut = get_cwidth(line), 0
                if char == " " and not line:
                    continue
            line += char
            columns += size
            if char == " " or size == 2:
                cut = len(line)
        yield line


def clip(text: str, width: int) -> str:
    """Cut a text to `width` columns, with a mark where something is missing, and fill it up."""
    if get_cwidth(text) > width:
        kept = ""
        for char in text:
            if get_cwidth(kept) + get_cwidth(char) > width - 1:
                break
            kept += char
        text = kept + "…"
    return text + " " * (width - get_cwidth(text))


def short_time(ms: int) -> str:
    """A time in five columns: hours and minutes of today, else month and day."""
    if not ms:
        return "     "
    moment = time.localtime(ms / 1000)
    return time.strftime("%H:%M" if moment[:3] == time.localtime()[:3] else "%m-%d", moment)


class Screen:
    """The full-screen chat.

    Args:
        source, out: a terminal; the process's own by default.
    """

    def __init__(self, source: Input | None = None, out: Output | None = None) -> None:
        self._session: Session | None = None
        self._notes: list[tuple[str, str]] = []
        self._scroll = 0
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._buffer = Buffer(multiline=False, on_text_changed=self._text_changed, accept_handler=self._accept)
        self._app: Application[None] = Application(
            layout=self._layout(),
            key_bindings=self._bindings(),
            style=STYLE,
            full_screen=True,
            mouse_support=False,
            refresh_interval=1,
            input=source,
            output=out,
        )

    def changed(self, event: Event) -> None:
        """Draw again after an event."""
        if isinstance(event, MessageReceived) and self._scroll and event.conversation == self._state_conversation():
            # Keep the place where the user reads.
            self._scroll += 2
        self._app.invalidate()

    async def run(self, session: Session) -> None:
        """Show the chat until the user leaves."""
        self._session = session
        following = asyncio.create_task(session.follow())
        try:
            await self._app.run_async()
        finally:
            following.cancel()
            for task in self._tasks:
                task.cancel()

    # --- layout

    def _layout(self) -> Layout:
        def text(draw: Callable[[], StyleAndTextTuples], **options: object) -> Window:
            return Window(FormattedTextControl(draw), **options)  # type: ignore[arg-type]

        return Layout(
            HSplit(
                [
                    text(self._draw_header, height=1, style="class:header"),
                    ConditionalContainer(
                        text(self._draw_banner, height=1), Condition(lambda: bool(self._banner_text()))
                    ),
                    VSplit(
                        [
                            ConditionalContainer(
                                VSplit(
                                    [
                                        text(self._draw_list, width=LIST_WIDTH),
                                        Window(width=1, char="│", style="class:line"),
                                    ]
                                ),
                                Condition(self._list_shown),
                            ),
                            HSplit([text(self._draw_title, height=1), text(self._draw_messages)]),
                        ]
                    ),
                    Window(height=1, char="─", style="class:line"),
                    Window(BufferControl(self._buffer, [BeforeInput("› ", style="class:prompt")]), height=1),
                    text(self._draw_hint, height=1),
                ]
            ),
        )

    @property
    def _size(self) -> tuple[int, int]:
        """Columns and rows of the message pane."""
        size = self._app.output.get_size()
        fixed = 5 + bool(self._banner_text())
        beside = LIST_WIDTH + 1 if self._list_shown() else 0
        return max(20, size.columns - beside), max(3, size.rows - fixed)

    def _list_shown(self) -> bool:
        return self._app.output.get_size().columns >= WIDE

    # --- drawing

    def _draw_header(self) -> StyleAndTextTuples:
        session = self._session
        if session is None:
            return []
        status = session.client.status
        kind = "connected" if status is ConnectionStatus.CONNECTED else "ended" if status.final else "waiting"
        total = session.client.unread().total
        badge = f"  {total} unread" if total else ""
        return [
            ("class:header", f" {session.client.user_id} "),
            (f"class:header.dot.{kind}", "● "),
            ("class:header", f"{status}{badge}"),
        ]

    def _banner_text(self) -> str:
        session = self._session
        if session is None or session.client.status is ConnectionStatus.CONNECTED:
            return ""
        text = STATUS_TEXTS[session.client.status]
        if session.client.status.final and session.client.status_reason:
            text += f" ({session.client.status_reason})"
        return text

    def _draw_banner(self) -> StyleAndTextTuples:
        ended = self._session is not None and self._session.client.status.final
        width = self._app.output.get_size().columns
        return [("class:banner.ended" if ended else "class:banner", clip(f" {self._banner_text()}", width))]

    def _draw_list(self) -> StyleAndTextTuples:
        session = self._session
        if session is None:
            return []
        rows: StyleAndTextTuples = []
        infos = session.conversations()
        for info in infos[: (self._size[1] + 1) // 2]:
            rows += self._list_row(session, info, opened=info.conversation == session.state.conversation)
        if not infos:
            rows.append(("class:list.digest", " no conversations yet\n /open NAME begins one\n"))
        return rows

    def _list_row(self, session: Session, info: ConversationInfo, *, opened: bool) -> StyleAndTextTuples:
        reverse = "class:list.open " if opened else ""
        unread = info.unread.total
        badge = "" if not unread else f" {'99+' if unread > 99 else unread} "
        pin = "▲ " if info.top else ""
        when = short_time(info.time)
        name = clip(f" {pin}{session.title(info.conversation)}", LIST_WIDTH - len(when) - 2)
        row: StyleAndTextTuples = [
            (f"{reverse}class:list.name", name),
            (f"{reverse}class:time", f" {when} "),
            ("", "\n"),
        ]
        tag, text = "", ""
        if info.unread.mention or info.unread.mention_all:
            tag = "class:list.mention"
        elif info.draft and not opened:
            tag, text = "class:list.draft", f"draft: {info.draft}"
        if info.last is not None and not text:
            mark = {MessageStatus.SENDING: "… ", MessageStatus.FAILED: "✗ "}.get(info.last.status, "")
            who = "you: " if info.last.mine else f"{session.writer(info.last)}: " if info.conversation.type == 1 else ""
            text = mark + ("" if session.is_notice(info.last) else who) + session.digest(info.last)
        if tag == "class:list.mention":
            text = f"@you {text}"
        row.append((tag or "class:list.digest", clip(f"   {text}", LIST_WIDTH - len(badge) - 2)))
        row += [("", " "), ("class:list.quiet" if info.silent else "class:list.unread", badge), ("", "\n")]
        return row

    def _draw_title(self) -> StyleAndTextTuples:
        session = self._session
        if session is None or session.state.conversation is None:
            return []
        info = session.client.conversation(session.state.conversation)
        left = "  (you are no longer a member)" if info is not None and info.left else ""
        title = f" {session.title(session.state.conversation)}{left}"
        return [("class:title", clip(title, self._size[0]))]

    def _draw_messages(self) -> StyleAndTextTuples:
        width, height = self._size
        lines = self._lines(width)
        self._scroll = max(0, min(self._scroll, len(lines) - height))
        end = len(lines) - self._scroll
        visible = lines[max(0, end - height) : end]
        drawn: StyleAndTextTuples = [("", "\n")] * (height - len(visible))
        for line in visible:
            drawn += [*line, ("", "\n")]
        return drawn[:-1]

    def _lines(self, width: int) -> list[Line]:
        session = self._session
        if session is None:
            return []
        lines: list[Line] = []
        if session.state.conversation is None:
            lines = [[("class:notice", " Choose a conversation: Tab, or /open NAME. /help tells more.")]]
        else:
            if session.state.more:
                lines.append([("class:hint", "   ↑ PageUp shows older messages")])
            before = 0
            messages = session.messages()
            names = max((get_cwidth(session.writer(message)) for message in messages), default=0)
            column = min(names, NAME_WIDTH) + 3
            for message in messages:
                if message.time - before > DIVIDER_AFTER_MS:
                    lines.append([("class:time", clock_of(message.time).center(width).rstrip())])
                before = message.time
                lines += self._message_lines(session, message, column, width)
            lines += self._typing_lines(session, width)
        for style, note in self._notes:
            lines += [[(f"class:{style}", clip(f" {piece}", width))] for piece in wrap(note, width - 2)]
        return lines

    def _message_lines(self, session: Session, message: Message, column: int, width: int) -> list[Line]:
        if session.is_notice(message):
            return [
                [("class:notice", piece.center(width).rstrip())] for piece in wrap(session.digest(message), width - 4)
            ]
        head = clip(f" {session.writer(message)}", column - 2) + "  "
        mark = self._mark(session, message)
        room = width - column - 1
        lines: list[Line] = []
        for number, piece in enumerate(wrap(session.text(message) + session.reactions(message), room)):
            name = f"class:name.{'mine' if message.mine else 'other'}"
            first: Line = [(name, head)] if number == 0 else [("", " " * column)]
            lines.append([*first, ("", piece)])
        if get_cwidth(mark[1]) + sum(get_cwidth(text) for _, text in lines[-1]) < width:
            lines[-1].append(mark)
        else:
            lines.append([("", " " * column), mark])
        return lines

    def _mark(self, session: Session, message: Message) -> tuple[str, str]:
        if message.status is MessageStatus.SENDING:
            done = session.state.uploads.get(message.id)
            return "class:mark.sending", " …" if done is None else f" … {done:.0%}"
        if message.status is MessageStatus.SENT:
            return "class:mark.sent", " ✓"
        if message.status is MessageStatus.FAILED:
            return "class:mark.failed", f" ✗ {session.failure(message)} (/resend)"
        return "", ""

    def _typing_lines(self, session: Session, width: int) -> list[Line]:
        typing = session.typing()
        if typing is None:
            return []
        if not typing.text:
            dots = "." * (1 + int(time.monotonic()) % 3)
            return [[("class:typing", f" {session.name(typing.who)} is typing{dots}")]]
        return [
            [("class:typing", f" {piece}")] for piece in wrap(f"{session.name(typing.who)}: {typing.text} …", width - 2)
        ]

    def _draw_hint(self) -> StyleAndTextTuples:
        return [
            ("class:hint", " Enter send · Tab next chat · PageUp/PageDown scroll · Esc clear · /help · Ctrl-D leave")
        ]

    # --- keys

    def _bindings(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("c-d")
        def _leave(event: KeyPressEvent) -> None:
            self._app.exit()

        @keys.add("tab")
        def _next(event: KeyPressEvent) -> None:
            self._step(1)

        @keys.add("s-tab")
        def _previous(event: KeyPressEvent) -> None:
            self._step(-1)

        @keys.add("pageup")
        def _up(event: KeyPressEvent) -> None:
            self._spawn(self._page_up())

        @keys.add("pagedown")
        def _down(event: KeyPressEvent) -> None:
            self._scroll = max(0, self._scroll - self._size[1] + 2)

        @keys.add("escape", eager=True)
        def _clear(event: KeyPressEvent) -> None:
            self._notes, self._scroll = [], 0

        return keys

    def _text_changed(self, buffer: Buffer) -> None:
        if self._session is not None and buffer.text and not buffer.text.startswith("/"):
            self._spawn(self._session.is_typing())

    def _accept(self, buffer: Buffer) -> bool:
        self._spawn(self._enter(buffer.text))
        return False

    async def _enter(self, line: str) -> None:
        session = self._need()
        self._notes, self._scroll = [], 0
        # One line after the other: a text that follows "/open" goes to what that opened.
        async with self._turn:
            await self._obey(session, line)
        self._app.invalidate()

    async def _obey(self, session: Session, line: str) -> None:
        opened = session.state.conversation
        try:
            self._notes = [("note", note) for note in await session.enter(line)]
        except CommandError as error:
            self._notes = [("error", str(error))]
        except Quit:
            self._app.exit()
            return
        if session.state.conversation != opened:
            self._changed_conversation(session, opened)

    def _step(self, by: int) -> None:
        session = self._need()
        listed = [info.conversation for info in session.conversations()]
        if not listed:
            return
        current = session.state.conversation
        index = listed.index(current) + by if current in listed else 0
        self._spawn(self._open(listed[index % len(listed)]))

    async def _open(self, conversation: Conversation) -> None:
        session = self._need()
        left = session.state.conversation
        if left is not None:
            session.client.set_draft(left, self._buffer.text)
        self._notes, self._scroll = [], 0
        await session.open(conversation)
        self._changed_conversation(session, None)
        self._app.invalidate()

    def _changed_conversation(self, session: Session, left: Conversation | None) -> None:
        """Put the draft of the conversation that is open now into the line."""
        current = session.state.conversation
        if left is not None:
            session.client.set_draft(left, "")
        info = None if current is None else session.client.conversation(current)
        draft = info.draft if info is not None else ""
        if current is not None and draft:
            session.client.set_draft(current, "")
        self._buffer.text = draft
        self._buffer.cursor_position = len(draft)

    async def _page_up(self) -> None:
        session = self._need()
        width, height = self._size
        if self._scroll + height >= len(self._lines(width)) and session.state.more:
            try:
                await session.older()
            except CommandError as error:
                self._notes = [("error", str(error))]
        self._scroll += height - 2
        self._app.invalidate()

    # --- inside

    def _need(self) -> Session:
        if self._session is None:
            raise AssertionError("the screen runs with a session")
        return self._session

    def _state_conversation(self) -> Conversation | None:
        return None if self._session is None else self._session.state.conversation

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
