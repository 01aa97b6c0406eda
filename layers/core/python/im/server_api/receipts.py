"""How far messages have reached users and were read (server-api spec 2.2)."""

from im.message.model import Conversation
from im.server_api.registry import Services, endpoint
from im.wire.api import receipts as wire


@endpoint("/admin/message/conv_read", wire.ReadQuery, wire.Until)
def conversation_read(services: Services, body: wire.ReadQuery) -> wire.Until:
    """The time of the last message of a conversation that a user has read; 0 when he has read none."""
    conversation = Conversation(body.conversationType, body.target, body.line)
    return wire.Until(services.messages.read_until(body.userId, conversation))


@endpoint("/admin/message/delivery", wire.DeliveryQuery, wire.Until)
def delivered(services: Services, body: wire.DeliveryQuery) -> wire.Until:
    """The time up to which messages have reached a user; 0 when he was never connected."""
    return wire.Until(services.messages.delivered_until(body.userId))
