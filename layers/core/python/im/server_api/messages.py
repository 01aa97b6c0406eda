"""Messages (server-api spec 2.2)."""

from im.errors import Code, ImError
from im.message.model import ContentType, Origin, Sender
from im.server_api.registry import Services, endpoint
from im.wire.api import messages as wire

DELETING_OPERATOR = "admin"
"""Who is said to have deleted a message when the caller does not say: the SDKs cannot."""


_SENDING = (
    Code.NOT_EXIST,
    Code.MESSAGE_TOO_LARGE,
    Code.USER_FORBIDDEN,
    Code.NOT_IN_GROUP,
    Code.GROUP_MUTED,
    Code.SENSITIVE_MATCHED,
    Code.IN_BLACK_LIST,
    Code.FORBIDDEN_SEND_MSG,
    Code.NOT_RIGHT,
)
"""The latter ones only with ``isUserMessage``: an administrator's message passes everywhere."""


@endpoint("/admin/message/send", wire.SendMessage, wire.SentMessage, codes=_SENDING)
def send_message(services: Services, body: wire.SendMessage) -> wire.SentMessage:
    """Send as any user; with ``isUserMessage`` under the rules of ordinary users."""
    origin = Origin.USER if body.isUserMessage else Origin.ADMIN
    sender = Sender(body.sender, origin=origin)
    sent = services.messages.send(sender, body.conv.model(), body.payload, to=body.toUsers)
    return wire.SentMessage(sent.uid, sent.time)


@endpoint(
    "/admin/message/recall", wire.RecallMessage, str, codes=(Code.NOT_EXIST, Code.RECALL_TIME_EXPIRED, Code.NOT_RIGHT)
)
def recall_message(services: Services, body: wire.RecallMessage) -> str:
    """Take a message back; the result is the original as JSON text, empty when it was taken back before."""
    return services.messages.recall_by_uid(body.operator, body.messageUid, admin=not body.isUserRecall)


@endpoint("/admin/message/delete", wire.DeleteMessage, codes=(Code.NOT_EXIST,))
def delete_message(services: Services, body: wire.DeleteMessage) -> None:
    """Delete a message for everybody."""
    services.messages.delete_by_uid(body.operator or DELETING_OPERATOR, body.messageUid)


@endpoint("/admin/message/get_one", wire.MessageRef, wire.MessageOut, codes=(Code.NOT_EXIST,))
def get_message(services: Services, body: wire.MessageRef) -> wire.MessageOut:
    """One message; one that was taken back in that form."""
    message = services.messages.get_by_uid(body.messageUid)
    if message.deleted:
        raise ImError(Code.NOT_EXIST)
    return wire.MessageOut.of(message)


@endpoint("/admin/message/publish", wire.Publish, wire.SentMessage, codes=(Code.NOT_EXIST, Code.MESSAGE_TOO_LARGE))
def publish_message(services: Services, body: wire.Publish) -> wire.SentMessage:
    """Send a message to listed receivers; with ``republish`` deliver the one with that id to them once more."""
    data = body.messageData
    if body.republish:
        sent = services.messages.republish(body.messageId, body.receivers)
    else:
        sender = Sender(data.sender, origin=Origin.ADMIN)
        to = body.receivers or data.toUsers
        sent = services.messages.send(sender, data.conv.model(), data.payload, to=to)
    return wire.SentMessage(sent.uid, sent.time)


@endpoint("/admin/message/broadcast", wire.Broadcast, wire.BroadcastSent, codes=(Code.MESSAGE_TOO_LARGE,))
def broadcast_message(services: Services, body: wire.Broadcast) -> wire.BroadcastSent:
    """Send to every registered user but robots and devices, each in his chat with the sender."""
    services.users.need_hosting()
    sent, count = services.multicasts.broadcast(body.sender, body.line, body.payload)
    return wire.BroadcastSent(sent.uid, count)


@endpoint("/admin/message/multicast", wire.Multicast, wire.SentMessage, codes=(Code.MESSAGE_TOO_LARGE,))
def multicast_message(services: Services, body: wire.Multicast) -> wire.SentMessage:
    """Send to listed users, each in his chat with the sender."""
    sent = services.multicasts.multicast(body.sender, body.targets, body.line, body.payload)
    return wire.SentMessage(sent.uid, sent.time)


@endpoint("/admin/message/recall_broadcast", wire.WithdrawBroadcast, codes=(Code.NOT_EXIST,))
def recall_broadcast(services: Services, body: wire.WithdrawBroadcast) -> None:
    """Take a broadcast back, from everybody."""
    operator = body.operator or DELETING_OPERATOR
    services.multicasts.withdraw(ContentType.RECALL, operator, body.messageUid, None)


@endpoint("/admin/message/delete_broadcast", wire.WithdrawBroadcast, codes=(Code.NOT_EXIST,))
def delete_broadcast(services: Services, body: wire.WithdrawBroadcast) -> None:
    """Delete a broadcast, for everybody."""
    operator = body.operator or DELETING_OPERATOR
    services.multicasts.withdraw(ContentType.DELETE, operator, body.messageUid, None)


@endpoint("/admin/message/recall_multicast", wire.WithdrawMulticast, codes=(Code.NOT_EXIST,))
def recall_multicast(services: Services, body: wire.WithdrawMulticast) -> None:
    """Take a multicast back, from the listed users."""
    services.multicasts.withdraw(ContentType.RECALL, body.operator, body.messageUid, body.receivers)


@endpoint("/admin/message/delete_multicast", wire.WithdrawMulticast, codes=(Code.NOT_EXIST,))
def delete_multicast(services: Services, body: wire.WithdrawMulticast) -> None:
    """Delete a multicast, for the listed users."""
    services.multicasts.withdraw(ContentType.DELETE, body.operator, body.messageUid, body.receivers)


@endpoint("/admin/message/update", wire.UpdateMessage, codes=(Code.NOT_EXIST, Code.MESSAGE_TOO_LARGE))
def update_message(services: Services, body: wire.UpdateMessage) -> None:
    """Replace a message's content; ``distribute`` tells devices that have it, ``updateTimestamp`` moves its time."""
    services.messages.update_by_uid(
        body.operator or DELETING_OPERATOR,
        body.messageUid,
        body.payload,
        admin=True,
        tell=bool(body.distribute),
        move_time=bool(body.updateTimestamp),
    )


@endpoint("/admin/message/clear_by_user", wire.ClearByUser, codes=(Code.NOT_IN_GROUP,))
def clear_by_user(services: Services, body: wire.ClearByUser) -> None:
    """Clear a conversation, or what was written between two times, away from one user's view."""
    services.messages.clear_times(body.userId, body.conversation.model(), body.startTime, body.endTime)


@endpoint("/admin/message/import", wire.ImportMessages, codes=(Code.NOT_EXIST, Code.MESSAGE_TOO_LARGE))
def import_messages(services: Services, body: wire.ImportMessages) -> None:
    """Take over messages from elsewhere, with the time that they had; nobody is told."""
    services.messages.import_messages([message.model() for message in body.messages])


@endpoint("/admin/conversation/delete", wire.DeleteConversation, codes=(Code.NOT_IN_GROUP,))
def delete_conversation(services: Services, body: wire.DeleteConversation) -> None:
    """Clear a conversation and take it off one user's list."""
    services.messages.delete_conversation(body.userId, body.conversation.model())
