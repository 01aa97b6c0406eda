"""What the chat knows and can do, without a screen: the open conversation, who is typing, the commands."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wildfire_client import (
    ChatClient,
    ChatError,
    Code,
    ConnectionStatus,
    Conversation,
    ConversationInfo,
    ConversationType,
    Event,
    FriendAddedContent,
    FriendGreetingContent,
    GroupNotice,
    LogEvent,
    Message,
    MessageStatus,
    MessageStatusChanged,
    RecallContent,
    StreamingTextContent,
    StreamingTextGeneratingContent,
    TipContent,
    TransparentReceived,
    TypingContent,
    UploadProgress,
)
from wildfire_client.chat import circle
from wildfire_client.contents import GroupCreated

PAGE = 40
"""Messages that are shown when a conversation is opened, and by which it grows."""
PATIENCE = 5
"""Seconds that a command waits for a message that is on its way."""
TYPING_SHOWN = 6
TYPING_EVERY = 10
"""Seconds for which "is typing" is shown, and between two that are sent (client-sdk spec 4.4)."""

REASONS = {
    Code.NOT_IN_GROUP: "you are not in this group",
    Code.RECALL_TIME_EXPIRED: "too late to recall",
    Code.MESSAGE_TOO_LARGE: "too large",
    Code.GROUP_MUTED: "the group is muted",
    Code.SENSITIVE_MATCHED: "not allowed words",
    Code.USER_BLOCKED: "you are blocked",
    Code.IN_BLACK_LIST: "they have blocked you",
    Code.FORBIDDEN_SEND_MSG: "you may not send messages",
    Code.NOT_RIGHT: "you may not do that",
    Code.FILE_MISSING: "no such file",
    Code.UPLOAD_FAILED: "the upload failed",
    Code.NOT_CONNECTED: "not connected",
    Code.CONNECTION_LOST: "the connection broke",
}

HELP = (
    """\
/open NAME        chat with somebody (or a number of the list)
/group ID         open a group
/list             your conversations
/history [N]      older messages
/recall [N]       take your last message back (or the N-th from the end)
/resend           send failed messages again
/file PATH        send a file
/search WORDS     find messages
"""
    + circle.HELP
    + """
/me               who and where you are
/quit             leave
Anything else is sent to the open conversation; // sends a leading slash."""
)


class Quit(Exception):
    """The user wants to leave."""


class CommandError(Exception):
    """What the user asked for cannot be done; the text says why."""


@dataclass(slots=True)
class Typing:
    """Somebody is typing, or a program is writing a text; until `until` on the monotonic clock."""

    who: str
    until: float
    text: str = ""


@dataclass(slots=True)
class State:
    """What a screen shows."""

    conversation: Conversation | None = None
    shown: int = PAGE
    more: bool = False
    typing: dict[Conversation, Typing] = field(default_factory=dict)
    uploads: dict[int, float] = field(default_factory=dict)


class Session:
    """One user at one terminal.

    Args:
        changed: called with each event after the state took it in.
    """

    def __init__(self, client: ChatClient, changed: Callable[[Event], None]) -> None:
        self.client = client
        self.state = State()
        self._changed = changed
        self._circle = circle.Circle(self)
        self._typed_at: dict[Conversation, float] = {}
        self._commands: dict[str, circle.Command] = {
            "open": self._open,
            "group": self._group,
            "list": self._list,
            "history": self._history,
            "recall": self._recall,
            "resend": self._resend,
            "file": self._file,
            "search": self._search,
            **self._circle.commands,
            "me": self._me,
            "help": self._help,
            "quit": self._quit,
        }

    @property
    def commands(self) -> list[str]:
        """Names of the commands, without the slash."""
        return list(self._commands)

    async def follow(self) -> None:
        """Take in the client's events until it is closed."""
        async with self.client.events() as events:
            async for event in events:
                self._take(event)
                self._changed(event)

    def _take(self, event: Event) -> None:
        state = self.state
        if isinstance(event, TransparentReceived):
            self._take_transparent(event.message)
        elif isinstance(event, LogEvent):
            state.typing.pop(event.conversation, None)
        elif isinstance(event, UploadProgress):
            state.uploads[event.message.id] = event.sent / max(1, event.total)
        elif isinstance(event, MessageStatusChanged) and event.message.status is not MessageStatus.SENDING:
            state.uploads.pop(event.message.id, None)

    def _take_transparent(self, message: Message) -> None:
        if message.mine:
            return
        until = time.monotonic() + TYPING_SHOWN
        if isinstance(message.content, TypingContent):
            self.state.typing[message.conversation] = Typing(message.sender, until)
        elif isinstance(message.content, StreamingTextGeneratingContent):
            self.state.typing[message.conversation] = Typing(message.sender, until + 60, message.content.text)

    # --- what is shown

    def conversations(self) -> list[ConversationInfo]:
        """The conversation list. My dialog with a channel is shown with what the channel says to all."""
        listed = self.client.conversations()
        parts = {part for info in listed for part in self.parts(info.conversation)[1:]}
        return [info for info in listed if info.conversation not in parts]

    def parts(self, conversation: Conversation) -> list[Conversation]:
        """What is shown as one: with a channel that somebody else speaks for, my dialog with it."""
        if conversation.type == ConversationType.CHANNEL:
            channel, whose = self.client.channels.sides(conversation)
            if not whose and not self.client.channels.speaks(channel):
                return [conversation, self.client.channels.dialog(channel, line=conversation.line)]
        return [conversation]

    def is_open(self, conversation: Conversation) -> bool:
        """Whether messages of a conversation are on the screen."""
        opened = self.state.conversation
        return opened is not None and conversation in self.parts(opened)

    def messages(self) -> list[Message]:
        """The shown messages of the open conversation, ascending."""
        if self.state.conversation is None:
            return []
        parts = [self.client.messages(part, limit=self.state.shown) for part in self.parts(self.state.conversation)]
        return parts[0] if len(parts) == 1 else sorted(itertools.chain(*parts), key=lambda each: each.time)

    def typing(self) -> Typing | None:
        """Who is typing in the open conversation."""
        conversation = self.state.conversation
        typing = None if conversation is None else self.state.typing.get(conversation)
        return typing if typing is not None and typing.until > time.monotonic() else None

    def title(self, conversation: Conversation) -> str:
        """The name of a conversation."""
        if conversation.type == ConversationType.GROUP:
            group = self.client.groups.get(conversation.target)
            name = group.name if group is not None else self._founded(conversation)
            return "#" + (name or conversation.target)
        if conversation.type == ConversationType.SINGLE:
            return self.name(conversation.target)
        if conversation.type == ConversationType.CHANNEL:
            channel_id, whose = self.client.channels.sides(conversation)
            channel = self.client.channels.get(channel_id)
            name = channel.name if channel is not None and channel.name else channel_id
            return name if whose in ("", self.client.user_id) else f"{name}: {self.name(whose)}"
        return conversation.target

    def _founded(self, conversation: Conversation) -> str:
        """The name of a group of which nothing but its first notice has come."""
        info = self.client.conversation(conversation)
        notice = info.last.content if info is not None and info.last is not None else None
        return notice.value if isinstance(notice, GroupCreated) else ""

    def name(self, user_id: str, conversation: Conversation | None = None) -> str:
        """What to call a user, in a group by the name that he has there."""
        in_group = conversation is not None and conversation.type == ConversationType.GROUP
        return self.client.users.name(user_id, conversation.target if conversation and in_group else None)

    def writer(self, message: Message) -> str:
        """Who wrote a message."""
        return "you" if message.mine else self.name(message.sender, message.conversation)

    def text(self, message: Message) -> str:
        """What a message says, on as many lines as its writer gave it."""
        content = message.content
        if isinstance(content, StreamingTextContent):
            return content.text
        return getattr(content, "text", "") or self.digest(message)

    def digest(self, message: Message) -> str:
        """What a message says, on one line."""
        return self.client.digest(message, lambda user_id: self.name(user_id, message.conversation))

    def reactions(self, message: Message) -> str:
        """The reactions to a message, for its end; empty without."""
        given = [f"{emoji} {len(users)}" if len(users) > 1 else emoji for emoji, users in message.reactions.items()]
        edited = ["(edited)"] if message.edited and not message.recalled else []
        return "".join(f"  {each}" for each in (*edited, *given))

    def is_notice(self, message: Message) -> bool:
        """Whether a message tells what happened instead of what somebody said."""
        return isinstance(
            message.content, GroupNotice | RecallContent | TipContent | FriendGreetingContent | FriendAddedContent
        )

    async def said(self) -> list[Message]:
        """What I have said in the open conversation and may still change, ascending; waits for what is on its way."""
        for message in self.messages():
            if message.status is MessageStatus.SENDING:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.client.settled(message), PATIENCE)
        mine = [each for each in self.messages() if each.mine and each.seq is not None and each.recalled is None]
        return [message for message in mine if not self.is_notice(message)]

    def failure(self, message: Message) -> str:
        """Why a message failed."""
        return reason_of(message.error)

    # --- what the user does

    async def enter(self, line: str) -> list[str]:
        """Do what a line says: a command, or a text to send. Lines to show come back.

        Raises:
            CommandError: it cannot be done.
            Quit: the user wants to leave.
        """
        if line.startswith("/") and not line.startswith("//"):
            name, _, argument = line[1:].partition(" ")
            command = self._commands.get(name)
            if command is None:
                raise CommandError(f"no command /{name}; /help lists them")
            try:
                return await command(argument.strip())
            except circle.UsageError as error:
                raise CommandError(str(error)) from error
            except ChatError as error:
                raise CommandError(reason_of(error.code, error.msg)) from error
        text = line[1:] if line.startswith("//") else line
        if text.strip():
            await self.say(text)
        return []

    async def say(self, text: str) -> Message:
        """Send a text to the open conversation.

        Raises:
            CommandError: none is open, or the text is too long.
        """
        conversation = self.parts(self._opened())[-1]
        try:
            return await self.client.send(conversation, text)
        except ChatError as error:
            raise CommandError(reason_of(error.code, error.msg)) from error

    async def open(self, conversation: Conversation) -> None:
        """Look at a conversation: its newest messages are fetched and count as read."""
        if self.state.conversation is not None:
            for part in self.parts(self.state.conversation):
                self.client.leave_view(part)
        self.state.conversation, self.state.shown, self.state.more = conversation, PAGE, False
        for part in self.parts(conversation):
            self.client.enter_view(part)
            # What is held is shown at once; what is missing can also come later.
            with contextlib.suppress(ChatError):
                self.state.more = (await self.client.history(part, limit=PAGE)).more or self.state.more
            self.client.mark_read(part)

    async def older(self, count: int = PAGE) -> int:
        """Show more messages of the open conversation; how many came.

        Raises:
            CommandError: they are not held and cannot be asked for.
        """
        conversation = self._opened()
        before = self.messages()
        self.state.more = False
        for part in self.parts(conversation):
            seqs = (message.seq for message in before if message.conversation == part and message.seq is not None)
            try:
                page = await self.client.history(part, next(seqs, None), count)
            except ChatError as error:
                raise CommandError(reason_of(error.code, error.msg)) from error
            self.state.more = page.more or self.state.more
        self.state.shown += count
        return len(self.messages()) - len(before)

    async def is_typing(self) -> None:
        """Tell the other side of a single chat, now and then, that a text is being written."""
        conversation = self.state.conversation
        if conversation is None or conversation.type != ConversationType.SINGLE:
            return
        now = time.monotonic()
        if now - self._typed_at.get(conversation, -TYPING_EVERY) >= TYPING_EVERY:
            self._typed_at[conversation] = now
            with contextlib.suppress(ChatError):
                await self.client.send(conversation, TypingContent())

    def _opened(self) -> Conversation:
        if self.state.conversation is None:
            raise CommandError("open a conversation first: /open NAME")
        return self.state.conversation

    # --- commands

    async def _open(self, argument: str) -> list[str]:
        if not argument:
            raise CommandError("whom? /open NAME")
        listed = self.conversations()
        if argument.isdecimal() and 1 <= int(argument) <= len(listed):
            await self.open(listed[int(argument) - 1].conversation)
        elif argument.startswith("#"):
            await self.open(Conversation.group(argument[1:]))
        else:
            await self.open(Conversation.single(argument.removeprefix("@")))
        return []

    async def _group(self, argument: str) -> list[str]:
        if not argument:
            raise CommandError("which? /group ID")
        await self.open(Conversation.group(argument.removeprefix("#")))
        return []

    async def _list(self, argument: str) -> list[str]:
        lines = []
        for number, info in enumerate(self.conversations(), 1):
            unread = f" ({info.unread.total} unread)" if info.unread.total else ""
            last = f"  {self.digest(info.last)}" if info.last else ""
            lines.append(f"{number:>2}. {self.title(info.conversation)}{unread}{last}")
        return lines or ["no conversations yet: /open NAME begins one"]

    async def _history(self, argument: str) -> list[str]:
        count = int(argument) if argument.isdecimal() and int(argument) else PAGE
        found = await self.older(count)
        return [] if found else ["that is the beginning"]

    async def _recall(self, argument: str) -> list[str]:
        mine = await self.said()
        number = int(argument) if argument.isdecimal() else 1
        if not 1 <= number <= len(mine):
            raise CommandError("there is no such message of yours here")
        await self.client.recall(mine[-number])
        return []

    async def _resend(self, argument: str) -> list[str]:
        failed = [message for message in self.messages() if message.status is MessageStatus.FAILED]
        for message in failed:
            await self.client.resend(message)
        return [] if failed else ["nothing has failed here"]

    async def _file(self, argument: str) -> list[str]:
        if not argument:
            raise CommandError("which? /file PATH")
        conversation = self._opened()
        await self.client.send_file(conversation, await asyncio.to_thread(Path(argument).expanduser))
        return []

    async def _search(self, argument: str) -> list[str]:
        if not argument:
            raise CommandError("what? /search WORDS")
        found = self.client.search(argument, limit=20)
        return [
            f"{self.title(m.conversation)}  {clock_of(m.time)}  {self.writer(m)}: {self.digest(m)}" for m in found
        ] or ["nothing found on this device"]

    async def _me(self, argument: str) -> list[str]:
        lines = [f"{self.client.user_id} on device {self.client.client_id}: {self.client.status}"]
        with contextlib.suppress(ChatError):
            for device in await self.client.devices():
                here = " (this one)" if device.client_id == self.client.client_id else ""
                lines.append(f"  device {device.client_id}{here}: {'online' if device.online else 'offline'}")
        return lines

    async def _help(self, argument: str) -> list[str]:
        return HELP.splitlines()

    async def _quit(self, argument: str) -> list[str]:
        raise Quit


def reason_of(code: int, msg: str = "") -> str:
    """Words for an error code."""
    if code in REASONS:
        return REASONS[Code(code)]
    return msg or f"error {code}"


def clock_of(ms: int) -> str:
    """A time as hours and minutes, with the day when it is not today."""
    moment = time.localtime(ms / 1000)
    today = time.localtime()
    return time.strftime("%H:%M" if moment[:3] == today[:3] else "%Y-%m-%d %H:%M", moment)


STATUS_TEXTS = {
    ConnectionStatus.CONNECTING: "connecting …",
    ConnectionStatus.RECEIVING: "fetching messages …",
    ConnectionStatus.CONNECTED: "connected",
    ConnectionStatus.UNCONNECTED: "connection lost, trying again …",
    ConnectionStatus.LOGOUT: "logged out",
    ConnectionStatus.KICKED: "signed out: this account was opened on another device",
    ConnectionStatus.TOKEN_INCORRECT: "signed out: the token is not accepted",
    ConnectionStatus.TOKEN_EXPIRED: "signed out: the token has expired",
    ConnectionStatus.REJECTED: "signed out: the server refuses this account",
}
