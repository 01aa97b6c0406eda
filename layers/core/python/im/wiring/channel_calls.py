"""Calling the services of channels."""

from functools import cache

from im.channel.worker import ChannelCalls
from im.platform import telemetry
from im.wiring.base import channels, settings
from im.wiring.webhooks import webhooks


@cache
def channel_calls() -> ChannelCalls:
    """Hands over what users do to the services of channels."""
    return ChannelCalls(channels(), webhooks(), settings().switches, telemetry.count)
