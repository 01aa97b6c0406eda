"""Channels, as administrators see them (server-api spec 2.5)."""

from im.errors import Code
from im.message.model import Origin
from im.server_api.registry import Services, endpoint
from im.wire.api import channels as wire
from im.wire.objects import ChannelOut

_APP = "admin"
"""Who makes and destroys channels, as the business back end is told."""


@endpoint("/admin/channel/create", wire.CreateChannel, wire.CreatedChannel)
def create_channel(services: Services, body: wire.CreateChannel) -> wire.CreatedChannel:
    """Make a channel, or replace one; a destroyed one comes back to life."""
    made = services.channels.create(_APP, body.model(), Origin.ADMIN)
    return wire.CreatedChannel(made.id, made.secret)


@endpoint("/admin/channel/destroy", wire.ChannelRef, codes=(Code.NOT_EXIST,))
def destroy_channel(services: Services, body: wire.ChannelRef) -> None:
    """End a channel; its record stays, with 64 in its state."""
    services.channels.destroy(_APP, body.channelId, Origin.ADMIN)


@endpoint("/admin/channel/get", wire.ChannelRef, ChannelOut, codes=(Code.NOT_EXIST,))
def get_channel(services: Services, body: wire.ChannelRef) -> ChannelOut:
    """A channel, also one that was destroyed."""
    return ChannelOut.of(services.channels.get(body.channelId))


@endpoint("/admin/channel/list", wire.ListChannels, wire.Channels)
def list_channels(services: Services, body: wire.ListChannels) -> wire.Channels:
    """Channels in the order of their creation, without destroyed ones."""
    channels, total = services.channels.page(body.offset, body.count)
    return wire.Channels([ChannelOut.of(channel) for channel in channels], total)


@endpoint("/admin/channel/subscribe", wire.Subscription, codes=(Code.NOT_EXIST,))
def subscribe(services: Services, body: wire.Subscription) -> None:
    """Let a user subscribe to a channel (1), also to a private one, or end that (0)."""
    services.channels.subscribe(body.channelId, [body.userId], on=body.subscribe > 0)


@endpoint("/admin/channel/batch_subscribe", wire.Subscriptions, codes=(Code.NOT_EXIST,))
def subscribe_all(services: Services, body: wire.Subscriptions) -> None:
    """Let up to 200 users subscribe to a channel (1), or end that (0)."""
    services.channels.subscribe(body.channelId, body.userIds, on=body.subscribe > 0)


@endpoint("/admin/channel/is_subscribed", wire.Subscription, wire.Subscribed)
def is_subscribed(services: Services, body: wire.Subscription) -> wire.Subscribed:
    """Whether a user subscribes to a channel, or owns it."""
    return wire.Subscribed(services.channels.is_subscriber(body.channelId, body.userId))


@endpoint("/admin/channel/list_subscriber", wire.ListSubscribers, wire.SubscriberPage, codes=(Code.MESSAGE_TOO_LARGE,))
def list_subscribers(services: Services, body: wire.ListSubscribers) -> wire.SubscriberPage:
    """A page of those who subscribe to a channel, in the order of their ids, and how many they are."""
    users, total = services.channels.page_of_subscribers(body.target, body.offset, body.count)
    return wire.SubscriberPage(total, users)
