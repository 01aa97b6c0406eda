"""Notes down what the services of channels are told: messages of users, and who subscribes (server-api spec 5.8).

A channel is served when it has a callback and ``automatic`` is 1. What is told of one user keeps its order: his messages,
his taps on the menu, and his coming and going.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from im.channel.model import Channel
from im.message.context import Context
from im.message.model import Conversation, ConversationType, Message, Sender
from im.platform.clock import Clock
from im.platform.ordered import Ordered


class ChannelNote(Struct, frozen=True, omit_defaults=True, tag="channel"):
    """A message to a channel, in the queue.

    Attributes:
        channel: whom it is for.
        log, uid, sender, time, payload: of the message.
        client: the client id that it was sent from, empty through an API.
        platform: that client's.
    """

    channel: str
    log: str
    uid: int
    sender: str
    time: int
    payload: str
    client: str = ""
    platform: int = 0

    def message(self) -> Message:
        """The message, as far as it is known here."""
        return Message(self.log, 0, self.uid, "", self.sender, self.time, self.payload)


class SubscriptionNote(Struct, frozen=True, tag="subscription"):
    """A user who has subscribed, or does no more, in the queue.

    Attributes:
        channel, user: to what, who.
        on: whether he subscribes.
        time: when, ms.
    """

    channel: str
    user: str
    on: bool
    time: int


class Tasks(Protocol):
    """Takes tasks in order."""

    def put(self, tasks: Iterable[Ordered]) -> None:
        """Queue every task.

        Raises:
            BusyError: one of them was not taken; all may be queued again.
        """


class ChannelOutlet:
    """Puts what users write to a served channel on the queue.

    Args:
        tasks: the queue.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """See ``Outlet``. Services are not told of events, nor of what the channel itself says."""
        channel = context.channel
        if conversation.type != ConversationType.CHANNEL or channel is None or not channel.served:
            return
        if message.ref or message.sender == channel.owner:
            return
        author = context.presences.get(message.sender)
        device = author.device(sender.client) if author and sender.client else None
        note = ChannelNote(
            channel.id,
            message.log,
            message.uid,
            message.sender,
            message.time,
            message.payload,
            sender.client or "",
            device.platform if device else 0,
        )
        self._tasks.put([Ordered(note, _group(channel.id, message.sender), str(message.uid))])


class SubscriptionNews:
    """Puts it on the queue when a user subscribes to a served channel, or ends that.

    Args:
        tasks: the queue.
        clock: the time.
    """

    def __init__(self, tasks: Tasks, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock

    def subscribed(self, channel: Channel, user: str, on: bool) -> None:
        """Tell of one user.

        Raises:
            BusyError: the queue did not take it; who repeats his request repeats the news.
        """
        if not channel.served:
            return
        note = SubscriptionNote(channel.id, user, on, self._clock())
        self._tasks.put([Ordered(note, _group(channel.id, user), str(note.time))])


def _group(channel: str, user: str) -> str:
    return f"{channel}\n{user}"
