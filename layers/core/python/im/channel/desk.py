"""What the service of a channel does in the channel's name, signed with its secret (server-api spec 2.10)."""

from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from im.channel.model import Channel, State
from im.channel.service import ChannelService
from im.channel.store import ChannelStore
from im.errors import Code, ImError, InvalidError
from im.message.model import Conversation, ConversationType, Message, Origin, Payload, Sender, Sent, check_recipients
from im.profile.model import User

MAX_STRANGERS = 100
"""Targets of one message who do not subscribe: each gets a copy in his dialog."""


class Messages(Protocol):
    """What the services of channels need of the messages."""

    def send(self, sender: Sender, conversation: Conversation, payload: Payload, *, to: Sequence[str] = ()) -> Sent:
        """Accept a message."""

    def get_by_uid(self, uid: int) -> Message:
        """The message with a uid; refuses with 253."""

    def recall_by_uid(self, operator: str, uid: int, *, admin: bool) -> str:
        """Take a message back; returns the original's JSON."""

    def republish(self, uid: int, receivers: Sequence[str]) -> Sent:
        """Deliver a message once more."""


class ChannelDesk:
    """Serves the services of channels.

    Args:
        store: channels and subscribers.
        channels: the use cases of channels.
        messages: the messages.
    """

    def __init__(self, store: ChannelStore, channels: ChannelService, messages: Messages) -> None:
        self._store = store
        self._channels = channels
        self._messages = messages

    def secret_of(self, channel: str) -> str:
        """What a channel's service signs with; that of a destroyed channel still counts (server-api spec 2.10).

        Raises:
            ImError: 236 no such channel, 237 it has no secret.
        """
        known = self._store.get(channel)
        if known is None:
            raise ImError(Code.CHANNEL_NO_EXIST)
        if not known.secret.strip():
            raise ImError(Code.CHANNEL_NO_SECRET)
        return known.secret.strip()

    def profile(self, channel: str) -> Channel:
        """The channel as its owner sees it."""
        return self._channels.get(channel)

    def modify(self, channel: str, field: int, value: str) -> None:
        """Change one field; a field that does not exist is success.

        Raises:
            ImError: 253, it was destroyed.
            InvalidError: the value is not acceptable.
        """
        self._channels.modify(self._owner(channel), channel, field, value, Origin.CHANNEL)

    # --- messages

    def send(self, channel: str, targets: Sequence[str], line: int, payload: Payload) -> Sent:
        """Speak to all subscribers, or to some users.

        One target is answered in his dialog; several who subscribe, or may read what goes to all, get one message. Who
        does not subscribe gets a copy of his own, which only a channel that is open to all may send.

        Returns:
            What was sent to all, or to those who subscribe; if there are none of them, the first copy.

        Raises:
            ImError: 248, a target does not subscribe; 21, the channel was destroyed; the refusals of a send.
            InvalidError: too many targets.
        """
        known = self._channels.get(channel)
        wanted = check_recipients(targets)
        readers, strangers = self._sorted(known, wanted)
        if strangers and not known.open_to_all:
            raise ImError(Code.NOT_RIGHT, f"User {strangers[0]} not in channel")
        if len(strangers) > MAX_STRANGERS:
            raise InvalidError(f"targets may name {MAX_STRANGERS} users who do not subscribe")
        sender = Sender(known.owner, origin=Origin.CHANNEL)
        named = Conversation(ConversationType.CHANNEL, channel, line)
        sent = []
        if readers or not wanted:
            sent.append(self._messages.send(sender, named, payload, to=readers))
        sent += [self._messages.send(sender, named, payload, to=[user]) for user in strangers]
        return sent[0]

    def _sorted(self, channel: Channel, targets: Sequence[str]) -> tuple[list[str], list[str]]:
        """Those of the targets who read what goes to all, and the others."""
        if channel.has(State.GLOBAL):
            return list(targets), []
        readers = {*self._store.among(channel.id, targets), channel.owner}
        return [user for user in targets if user in readers], [user for user in targets if user not in readers]

    def recall(self, channel: str, uid: int) -> str:
        """Take a message of the channel's back; returns the original's JSON, empty when it was taken back before.

        Raises:
            ImError: 253 the channel has said no such thing, 24 too late.
        """
        self._own_message(channel, uid)
        return self._messages.recall_by_uid(self._owner(channel), uid, admin=False)

    def republish(self, channel: str, uid: int, targets: Sequence[str]) -> None:
        """Deliver a message of the channel's once more, to those of the targets who may read it; empty: to all.

        Raises:
            ImError: 253, the channel has said no such thing, or it was taken back.
        """
        self._own_message(channel, uid)
        self._messages.republish(uid, targets)

    def _own_message(self, channel: str, uid: int) -> None:
        message = self._messages.get_by_uid(uid)
        if not message.is_of_channel(channel) or message.sender != self._owner(channel):
            raise ImError(Code.NOT_EXIST)

    # --- users

    def subscribe(self, channel: str, user: str, *, on: bool) -> None:
        """Subscribe a user, which the channel must be allowed to, or end his subscription.

        Raises:
            ImError: 248 it may not, 253 it was destroyed.
        """
        if on and not self._channels.get(channel).has(State.SUBSCRIBE_USERS):
            raise ImError(Code.NOT_RIGHT, "this channel may not subscribe users")
        self._channels.subscribe(channel, [user], on=on)

    def shown(self, channel: str, user: User) -> User:
        """A user as far as the channel may see him.

        Raises:
            ImError: 248, he does not subscribe, and the channel may not look at others.
        """
        known = self._channels.get(channel)
        if user.id == known.owner or self._store.among(channel, [user.id]):
            if known.has(State.FULL_USER_INFO):
                return user
        elif not known.has(State.ASK_STRANGERS):
            raise ImError(Code.NOT_RIGHT, "this user does not subscribe")
        reduced = User(user.id, name=user.name, display_name=user.display_name, portrait=user.portrait)
        return replace(reduced, type=user.type, update_dt=user.update_dt)

    def _owner(self, channel: str) -> str:
        return self._channels.get(channel).owner
