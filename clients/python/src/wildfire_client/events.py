"""What the client tells the application, and the hub that hands it out.

Events that come from a conversation's log (`LogEvent`) are kept until every listener has dealt with them, and only then
does the client remember them as delivered: each reaches the application once, in the order of the log. When the process
is killed while a listener is at work, that event comes again after the restart.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from wildfire_client.model import ConnectionStatus, Conversation, ConversationInfo, Message
from wildfire_client.objects import Presence, Setting

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that the client tells."""


@dataclass(frozen=True, slots=True)
class ConnectionStatusChanged(Event):
    """The link changed. `reason` is for people: why it was lost, who kicked."""

    status: ConnectionStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LogEvent(Event):
    """Something in a conversation's log: delivered once, in order."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class MessageReceived(LogEvent):
    """A message arrived: somebody else's, or one's own from another device."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRecalled(LogEvent):
    """A message was taken back; `message` is it in its present form, None when this device never had it."""

    seq: int
    by: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class MessageDeleted(LogEvent):
    """A message is to disappear from view."""

    seq: int
    by: str


@dataclass(frozen=True, slots=True)
class MessageEdited(LogEvent):
    """A message has another content; `message` is it in its present form, None when this device never had it."""

    seq: int
    by: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class MessageReacted(LogEvent):
    """Somebody gave a reaction to a message, or took it away; `message` is it in its present form, None when unknown."""

    seq: int
    by: str
    emoji: str
    on: bool
    message: Message | None


@dataclass(frozen=True, slots=True)
class MessageStatusChanged(Event):
    """An own message that was sent from this device is sending, sent or failed."""

    message: Message


@dataclass(frozen=True, slots=True)
class TransparentReceived(Event):
    """A message that nobody stores: typing, a growing text, a call signal. Lost when nobody listens."""

    message: Message


@dataclass(frozen=True, slots=True)
class ConversationUpdated(Event):
    """The row of the conversation list changed."""

    info: ConversationInfo


@dataclass(frozen=True, slots=True)
class ConversationRemoved(Event):
    """The row of the conversation list went away."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class HistoryGap(Event):
    """So much was missed that only the newest messages were fetched; `history` fetches low..high when wanted."""

    conversation: Conversation
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class UploadProgress(Event):
    """Bytes of a media message's file that are with the media store."""

    message: Message
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class UsersChanged(Event):
    """These profiles came or changed."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FriendsChanged(Event):
    """What I keep of these users changed: friendship, alias, blacklist."""

    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FriendRequestsChanged(Event):
    """Requests came, were answered or read; `unread` of them are to me, wait, and were not read."""

    unread: int


@dataclass(frozen=True, slots=True)
class GroupsChanged(Event):
    """These groups came, went or changed."""

    group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelsChanged(Event):
    """These channels changed, or whether I own or subscribe to them."""

    channel_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupMembersChanged(Event):
    """The members of a group, which had been asked for, changed."""

    group_id: str


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """These settings have other values."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class ReceiptsChanged(Event):
    """Somebody has read on in this conversation."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """These users came, went, or say something else of themselves."""

    users: tuple[Presence, ...]


@dataclass(frozen=True, slots=True)
class ServerPush(Event):
    """A push that this client does not deal with itself."""

    name: str
    body: dict[str, Any] = field(default_factory=dict)


E = TypeVar("E", bound=Event)
Callback = Callable[[E], Awaitable[None] | None]


class Receipt:
    """Counts the listeners that still have to deal with one event."""

    def __init__(self, listeners: int) -> None:
        self._left = listeners
        self._looked = False
        self._done = asyncio.Event()

    def sign(self, *, dealt: bool) -> None:
        """One listener is finished with the event; `dealt` is False when it went away without looking."""
        self._looked = self._looked or dealt
        self._left -= 1
        if self._left <= 0:
            self._done.set()

    async def wait(self) -> bool:
        """Wait for all listeners; whether at least one dealt with the event."""
        await self._done.wait()
        return self._looked

    @property
    def dealt(self) -> bool:
        """Whether all listeners are finished and at least one dealt with the event."""
        return self._done.is_set() and self._looked


class _Listener:
    def __init__(self, types: tuple[type[Event], ...], callback: Callback[Any] | None = None) -> None:
        self.types = types
        self.callback = callback
        self.task: asyncio.Task[None] | None = None
        self.queue: asyncio.Queue[tuple[Event, Receipt] | None] = asyncio.Queue()

    def discard(self) -> None:
        """Give back everything that will not be read."""
        while not self.queue.empty():
            entry = self.queue.get_nowait()
            if entry is not None:
                entry[1].sign(dealt=False)


class EventStream(AsyncIterator[Event]):
    """Events of some types, as they come. It listens from its creation until `close`, or the end of an `async with`.

    An event counts as dealt with when the next one is asked for, or the stream is closed.
    """

    def __init__(self, hub: "EventHub", types: tuple[type[Event], ...]) -> None:
        self._hub = hub
        self._listener = _Listener(types)
        self._current: Receipt | None = None
        self._closed = False
        hub.attach(self._listener)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self._sign()
        entry = None if self._closed else await self._listener.queue.get()
        if entry is None:
            self.close()
            raise StopAsyncIteration
        event, self._current = entry
        return event

    def close(self) -> None:
        """Stop listening."""
        self._sign()
        self._closed = True
        self._hub.detach(self._listener)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sign(self) -> None:
        if self._current is not None:
            self._current.sign(dealt=True)
            self._current = None


class EventHub:
    """Hands events to listeners; each listener gets them one after another, and a slow one holds up no other.

    Args:
        on_listener: called when a listener comes.
    """

    def __init__(self, on_listener: Callable[[], None]) -> None:
        self._listeners: list[_Listener] = []
        self._on_listener = on_listener

    def wanted(self, kind: type[Event]) -> bool:
        """Whether somebody listens to `kind`, a class above it or one below it."""
        return any(
            issubclass(kind, wanted) or issubclass(wanted, kind)
            for listener in self._listeners
            for wanted in listener.types
        )

    def emit(self, event: Event) -> Receipt | None:
        """Queue `event` for its listeners; None when there are none."""
        listeners = [listener for listener in self._listeners if isinstance(event, listener.types)]
        if not listeners:
            return None
        receipt = Receipt(len(listeners))
        for listener in listeners:
            listener.queue.put_nowait((event, receipt))
            if listener.callback is not None and listener.task is None:
                listener.task = asyncio.get_running_loop().create_task(self._serve(listener, listener.callback))
        return receipt

    def stream(self, types: tuple[type[Event], ...]) -> EventStream:
        """A new stream of these types; of all when none is given."""
        return EventStream(self, types or (Event,))

    def on(self, kind: type[E], callback: Callback[E]) -> Callable[[], None]:
        """Call `callback` for each event of `kind`; the result stops it."""
        listener = _Listener((kind,), callback)
        self.attach(listener)

        def stop() -> None:
            self.detach(listener)
            listener.queue.put_nowait(None)

        return stop

    def attach(self, listener: _Listener) -> None:
        """Start to queue events for `listener`."""
        self._listeners.append(listener)
        self._on_listener()

    def detach(self, listener: _Listener) -> None:
        """Stop, and give back what it has not read."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        listener.discard()

    async def close(self) -> None:
        """End all streams and callbacks; what is queued is still handled."""
        for listener in self._listeners:
            listener.queue.put_nowait(None)
        running = [listener.task for listener in self._listeners if listener.task]
        if waiting := [task for task in running if task is not asyncio.current_task()]:
            await asyncio.wait(waiting)

    async def _serve(self, listener: _Listener, callback: Callback[Any]) -> None:
        while (entry := await listener.queue.get()) is not None:
            event, receipt = entry
            try:
                result = callback(event)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                logger.exception("a listener for %s failed", type(event).__name__)
            finally:
                receipt.sign(dealt=True)
        self.detach(listener)
