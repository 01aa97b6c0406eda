"""Calls the services of channels: ``/message`` and ``/subscribe`` behind their callbacks (server-api spec 5.8)."""

from typing import Protocol

from msgspec import Struct

from im.channel.callbacks import ChannelNote, SubscriptionNote
from im.channel.model import Channel
from im.message.model import conversation_of
from im.platform.metrics import Count, ignore
from im.platform.ordered import RetryLater
from im.platform.telemetry import logger
from im.platform.webhooks import WebhookFailed, WebhookRefused
from im.robot.worker import TIMEOUT_S, Poster, signing_key
from im.settings import Switches
from im.wire.outgoing import ClientOut, OutputMessage, encode

# ruff: noqa: N815  the members' names are Wildfire's


class Subscription(Struct, frozen=True):
    """What a service is told of a subscriber; ``status`` is 1 or 0."""

    userId: str
    channelId: str
    status: int


class Channels(Protocol):
    """What callbacks need of the channels."""

    def get(self, channel: str) -> Channel | None:
        """A channel, strongly consistent."""


class ChannelCalls:
    """Hands messages and subscriptions over to the services of channels.

    Args:
        channels: addresses and secrets.
        webhooks: the way out.
        switches: what is told.
        count: takes metrics.
    """

    def __init__(self, channels: Channels, webhooks: Poster, switches: Switches, count: Count = ignore) -> None:
        self._channels = channels
        self._webhooks = webhooks
        self._switches = switches
        self._count = count

    def call(self, note: ChannelNote | SubscriptionNote) -> None:
        """Make one attempt. A channel that has gone, or has no service by now, is told nothing; answers are ignored.

        Raises:
            RetryLater: the service did not take it.
        """
        channel = self._channels.get(note.channel)
        if channel is None or not channel.served:
            return
        if isinstance(note, SubscriptionNote):
            body = encode(Subscription(note.user, channel.id, int(note.on)))
            self._post(channel, "/subscribe", body, f"{channel.id}.{note.user}.{note.time}")
        else:
            self._post(channel, "/message", encode(self._message(note)), f"{note.uid}.{channel.id}")

    def _message(self, note: ChannelNote) -> OutputMessage:
        client = ClientOut(note.platform, note.client) if self._switches.channel_client_info and note.client else None
        return OutputMessage.of(note.message(), conversation_of(note.log, note.sender), client)

    def _post(self, channel: Channel, path: str, body: bytes, message_id: str) -> None:
        url = channel.callback.rstrip("/") + path
        try:
            self._webhooks.post(
                url, body, message_id=message_id, secret=signing_key(channel.secret), timeout_s=TIMEOUT_S
            )
        except WebhookRefused as error:
            self._count("ChannelCallbackRefused", 1)
            logger.warning("channel cannot be called", extra={"channel": channel.id, "reason": str(error)})
        except WebhookFailed as error:
            self._count("ChannelCallbackFailed", 1)
            raise RetryLater(str(error), error.retry_after_s) from error
