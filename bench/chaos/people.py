"""The devices of a chaos run: real chat clients with stores on the disk, which can be killed and cut off."""

import asyncio
import contextvars
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from bench.chaos.history import Acked, Delivered, Event, Pushed, Refused, Restarted, Sent
from local.topology import Topology
from wildfire_client import (
    ChatClient,
    ConnectionStatus,
    ConnectionStatusChanged,
    Conversation,
    ConversationType,
    Message,
    MessageReceived,
    MessageStatus,
    MessageStatusChanged,
    TextContent,
    Timing,
)
from wildfire_client.link import Socket, dial

T = TypeVar("T")

Record = Callable[[Event], None]

TIMING = Timing(request=2, backoff_base=0.02, backoff_cap=0.3, gap_grace=0.05, read_report=0.2)
"""Of the clients: impatient, so that much fits into a short run."""
_life: "contextvars.ContextVar[set[asyncio.Task[Any]]]" = contextvars.ContextVar("life")


def follow_lives() -> None:
    """Make the running loop note for each task which device's life it belongs to, so that a life can be ended."""

    def factory(
        loop: asyncio.AbstractEventLoop, work: Any, context: contextvars.Context | None = None
    ) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
        life = (context or contextvars.copy_context()).get(_life)
        if life is not None:
            life.add(task)
            task.add_done_callback(life.discard)
        return task

    asyncio.get_running_loop().set_task_factory(factory)


def log_name(user: str, conversation: Conversation) -> str:
    """The name of a conversation's log, whoever looks at it."""
    if conversation.type in (ConversationType.GROUP, ConversationType.CHANNEL):
        return conversation.target
    return "~".join(sorted((user, conversation.target)))


def single(user: str) -> Conversation:
    """The conversation with another user."""
    return Conversation(ConversationType.SINGLE, user)


def group(name: str) -> Conversation:
    """A group's conversation."""
    return Conversation(ConversationType.GROUP, name)


class _Tapped:
    """A socket that notes the message frames which come out of it, and that a kill can tear down."""

    def __init__(self, socket: Socket, note: Callable[[dict[str, Any]], None]) -> None:
        self._socket = socket
        self._note = note

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def recv(self) -> str:
        text = await self._socket.recv()
        frame = json.loads(text)
        if isinstance(frame, dict) and frame.get("push") == "message":
            self._note(frame["body"])
        return text

    async def close(self) -> None:
        await self._socket.close()


class Device:
    """One client of a user. It outlives the client objects: a kill ends one, a start makes the next from the store.

    Attributes:
        conversations: whom it talks to.
        shown: the texts that its application has seen, in all lives.
        open: texts that it sent and has no final answer for, with the local ids of their messages.
        connects: how often it has been connected and up to date.
        ended: the final state that the server has sent it to, which nothing in a run justifies.
    """

    def __init__(self, topology: Topology, name: str, user: str, platform: int, store: Path, record: Record) -> None:
        self.name = name
        self.user = user
        self.platform = platform
        self.conversations: list[Conversation] = []
        self.shown: set[str] = set()
        self.open: dict[str, int] = {}
        self.connects = 0
        self.ended = ""
        self.client: ChatClient | None = None
        self._topology = topology
        self._store = store
        self._record = record
        self._token = ""
        self._down_until = 0.0
        self._context = contextvars.Context()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._numbers = 0

    @property
    def connected(self) -> bool:
        """Whether its client says that it is connected and up to date."""
        return self.client is not None and self.client.status is ConnectionStatus.CONNECTED

    async def start(self) -> None:
        """Begin a life: a new client object on the store, which connects by itself."""
        if self._token:
            self._record(Restarted(self.name))
        else:
            self._token = await self._topology.token(self.user, self.name, self.platform)
        self._tasks = set()
        self._context = contextvars.copy_context()
        self._context.run(_life.set, self._tasks)
        await self._within(self._open())

    async def _open(self) -> None:
        url = self._topology.socket_url
        client = ChatClient(
            url,
            self._store,
            client_id=self.name,
            platform=self.platform,
            timing=TIMING,
            rng=Random(self.name),
            dialer=self._dial,
        )
        client.on(MessageReceived, lambda event: self._received(client, event))
        client.on(MessageStatusChanged, lambda event: self._status(client, event.message))
        client.on(ConnectionStatusChanged, lambda event: self._connection(client, event.status))
        self.client = client
        await client.connect(self.user, self._token)

    async def _within(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run something as a part of this life; None when the life ends meanwhile."""
        task = asyncio.get_running_loop().create_task(work, context=self._context)
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    async def kill(self) -> None:
        """End the life as a power cut does: nothing more is written, said goodbye to, or told to the application."""
        client, self.client = self.client, None
        if client is None:
            return
        # Every transaction is on the disk when its method returns, so this is the state that a dead process leaves.
        client._store.close()
        while self._tasks:
            tasks = set(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End the last life in good order."""
        if self.client is not None:
            await self._within(self.client.close())
            self.client = None

    def cut_network(self, seconds: float) -> None:
        """Let no connection be made for a while; the present one is the gateway's to end."""
        self._down_until = asyncio.get_running_loop().time() + seconds

    async def _dial(self, url: str, headers: dict[str, str]) -> Socket:
        if asyncio.get_running_loop().time() < self._down_until:
            raise ConnectionError("no network")
        return _Tapped(await dial(url, headers), self._frame)

    def _frame(self, body: dict[str, Any]) -> None:
        if self.client is not None and "seq" in body:
            log = log_name(self.user, Conversation.from_wire(body["conversation"]))
            self._record(Pushed(self.name, log, int(body["seq"])))

    def _received(self, client: ChatClient, event: MessageReceived) -> None:
        if client is self.client:
            body = text_of(event.message)
            self.shown.add(body)
            log = log_name(self.user, event.conversation)
            self._record(Delivered(self.name, log, event.message.seq or 0, body))

    def _status(self, client: ChatClient, message: Message) -> None:
        if client is self.client:
            self._settle(message)

    def _settle(self, message: Message) -> None:
        body, log = text_of(message), log_name(self.user, message.conversation)
        if message.status is MessageStatus.SENT and message.seq:
            self.open.pop(body, None)
            self._record(Acked(log, body, message.seq))
        elif message.status is MessageStatus.FAILED:
            self.open.pop(body, None)
            self._record(Refused(log, body))

    def _connection(self, client: ChatClient, status: ConnectionStatus) -> None:
        if client is self.client:
            self.connects += status is ConnectionStatus.CONNECTED
            if status.final:
                self.ended = f"{status} {client.status_reason}"

    async def send(self, conversation: Conversation) -> str:
        """Send the next text; it is returned. Empty when the device is not alive."""
        return await self._within(self._send(conversation)) or ""

    async def _send(self, conversation: Conversation) -> str:
        if self.client is None:
            return ""
        self._numbers += 1
        body = f"{self.name}/{self._numbers}"
        self._record(Sent(self.name, log_name(self.user, conversation), body))
        message = await self.client.send(conversation, body)
        self.open[body] = message.id
        return body

    def look_up(self) -> None:
        """Settle what the store knows to be settled: a kill may come between that and the telling."""
        for message_id in list(self.open.values()):
            if self.client is not None and (message := self.client.message(message_id)):
                self._settle(message)


def text_of(message: Message) -> str:
    """The body of a message: its text, or nothing for a notice."""
    return message.content.text if isinstance(message.content, TextContent) else ""
