"""The business back end, as those see it who change something that it wants to know (server-api spec 5).

They tell it after their change is durable. A crash in between loses the news of that change; whoever repeats his call
tells it, and the receiver, who may ask the server API for the present state at any time, is told of the next one.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from im.delivery.model import Presence
from im.group.model import GroupInfo
from im.message.model import Conversation, Message
from im.profile.model import User


class RelationEvent(IntEnum):
    """What changed between two users (server-api spec 5.6)."""

    FRIENDSHIP = 0
    ALIAS = 1
    BLACKLIST = 2
    EXTRA = 3


class GroupEvent(IntEnum):
    """What happened to a group (server-api spec 5.7)."""

    CREATED = 0
    UPDATED = 1
    TRANSFERRED = 2
    MUTED = 3
    UNMUTED = 4
    DESTROYED = 5


class MemberEvent(IntEnum):
    """What happened to members of a group (server-api spec 5.7)."""

    JOINED = 0
    LEFT = 1
    KICKED = 2
    TYPE = 3
    ALIAS = 4
    EXTRA = 5


class ChannelEvent(IntEnum):
    """What happened to a channel (server-api spec 5.8)."""

    CREATED = 0
    UPDATED = 1
    TRANSFERRED = 2
    DESTROYED = 3


class RoomEvent(IntEnum):
    """What happened to a chatroom (server-api spec 5.11)."""

    CREATED = 0
    DESTROYED = 1


class VisitorEvent(IntEnum):
    """What happened to those in a chatroom (server-api spec 5.11)."""

    JOINED = 0
    LEFT = 1
    KICKED = 2
    MUTED = 3
    UNMUTED = 4


class BackEnd(Protocol):
    """Whoever is told; every method does nothing where no address is configured for it.

    Raises (each of them):
        BusyError: the news could not be queued; the caller's client repeats its request.
    """

    def changed(self, before: Presence, after: Presence) -> None:
        """A user's devices have come or gone."""

    def user_changed(self, user: User) -> None:
        """A user was made or changed; he is as he is now."""

    def relation_changed(self, user: str, other: str, event: RelationEvent, value: str) -> None:
        """What a user keeps of another changed; ``value`` is ``1`` or ``0``, or the text."""

    def group_changed(self, operator: str, info: GroupInfo, event: GroupEvent) -> None:
        """A group changed; ``info`` is its new state, of a destroyed one its last."""

    def members_changed(
        self, operator: str, group: str, members: Sequence[str], event: MemberEvent, value: str | None = None
    ) -> None:
        """Members came, went or changed; ``value`` is the new type, alias or extra."""

    def channel_changed(self, operator: str, channel: str, event: ChannelEvent) -> None:
        """A channel changed."""

    def room_changed(self, room: str, event: RoomEvent) -> None:
        """A chatroom was opened or ended."""

    def visitors_changed(self, operator: str, room: str, users: Sequence[str], event: VisitorEvent) -> None:
        """Users came into a chatroom, left it, were put out or muted."""

    def has_read(self, user: str, conversation: Conversation, time: int) -> None:
        """A user has read a conversation, at this time (ms)."""

    def sensitive(self, message: Message, conversation: Conversation) -> None:
        """A message had a sensitive word; it is as it was sent, whatever became of it."""


class NoBackEnd:
    """Nobody is told."""

    def changed(self, before: Presence, after: Presence) -> None:
        """See ``BackEnd``."""

    def user_changed(self, user: User) -> None:
        """See ``BackEnd``."""

    def relation_changed(self, user: str, other: str, event: RelationEvent, value: str) -> None:
        """See ``BackEnd``."""

    def group_changed(self, operator: str, info: GroupInfo, event: GroupEvent) -> None:
        """See ``BackEnd``."""

    def members_changed(
        self, operator: str, group: str, members: Sequence[str], event: MemberEvent, value: str | None = None
    ) -> None:
        """See ``BackEnd``."""

    def channel_changed(self, operator: str, channel: str, event: ChannelEvent) -> None:
        """See ``BackEnd``."""

    def room_changed(self, room: str, event: RoomEvent) -> None:
        """See ``BackEnd``."""

    def visitors_changed(self, operator: str, room: str, users: Sequence[str], event: VisitorEvent) -> None:
        """See ``BackEnd``."""

    def has_read(self, user: str, conversation: Conversation, time: int) -> None:
        """See ``BackEnd``."""

    def sensitive(self, message: Message, conversation: Conversation) -> None:
        """See ``BackEnd``."""


NOBODY: BackEnd = NoBackEnd()
"""Told where a service has no back end."""
