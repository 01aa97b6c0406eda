"""Channels (server-api spec 2.5 and 2.10)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.channel.model import MAX_BATCH, Channel, Menu
from im.message.model import Payload
from im.wire.api.codec import also_named
from im.wire.api.fields import Id, IdOrEmpty, Int, Line, Uid
from im.wire.objects import ChannelOut

# ruff: noqa: N815  the members' names are Wildfire's

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class CreateChannel(Struct, frozen=True):
    """``/admin/channel/create``."""

    owner: Id
    name: Annotated[str, Meta(min_length=1)]
    targetId: IdOrEmpty = ""
    callback: str = ""
    portrait: str = ""
    auto: Int = 0
    secret: str = ""
    desc: str = ""
    state: Int = 0
    extra: str = ""
    menus: tuple[Menu, ...] = ()

    def model(self) -> Channel:
        """The same as the domain knows it."""
        return Channel(
            self.targetId,
            self.name,
            self.owner,
            portrait=self.portrait,
            desc=self.desc,
            extra=self.extra,
            state=self.state,
            secret=self.secret,
            callback=self.callback,
            automatic=self.auto,
            menus=self.menus,
        )


class ChannelRef(Struct, frozen=True):
    """A channel id."""

    channelId: Id


class ListChannels(Struct, frozen=True):
    """``/admin/channel/list``."""

    count: Count
    offset: Offset = 0


@also_named(state="subscribe")
class Subscription(Struct, frozen=True):
    """``/admin/channel/subscribe`` and ``is_subscribed``, which does not look at ``subscribe``."""

    channelId: Id
    userId: Id
    subscribe: Int = 0


class Subscriptions(Struct, frozen=True):
    """``/admin/channel/batch_subscribe``."""

    channelId: Id
    userIds: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_BATCH)]
    subscribe: Int = 0


class ListSubscribers(Struct, frozen=True):
    """``/admin/channel/list_subscriber``."""

    target: Id
    count: Count
    offset: Offset = 0


class CreatedChannel(Struct, frozen=True):
    """A channel's id, and what its service signs with."""

    targetId: str
    secret: str


class Channels(Struct, frozen=True):
    """A page of channels, and how many there are."""

    list: list[ChannelOut]
    total: Int


class Subscribed(Struct, frozen=True):
    """Whether a user subscribes."""

    value: bool


class SubscriberPage(Struct, frozen=True):
    """A page of user ids, and how many there are."""

    total: Int
    list: list[str]


# --- what the service of a channel asks for, in the channel's name


class ChannelSend(Struct, frozen=True):
    """``/channel/message/send``; empty ``targets`` mean all subscribers."""

    payload: Payload
    targets: tuple[Id, ...] = ()
    line: Line = 0


class ChannelRecall(Struct, frozen=True):
    """``/channel/message/recall``."""

    messageUid: Uid


@also_named(messageUid="messageId")
class ChannelRepublish(Struct, frozen=True):
    """``/channel/message/republish``; empty ``targets`` mean all who have the message."""

    messageId: Uid
    targets: tuple[Id, ...] = ()


class ChannelUserQuery(Struct, frozen=True):
    """One user, by the first of these that is given."""

    userId: IdOrEmpty = ""
    name: IdOrEmpty = ""
    mobile: IdOrEmpty = ""


class ProfileEntry(Struct, frozen=True):
    """``/channel/update_profile``: which field, and its new value."""

    type: Int
    value: str = ""


class ChannelListen(Struct, frozen=True):
    """``/channel/subscribe``."""

    target: Id
    subscribe: Int = 0


class UserRef(Struct, frozen=True):
    """A user id."""

    userId: Id


class Subscribers(Struct, frozen=True):
    """User ids."""

    list: list[str]
