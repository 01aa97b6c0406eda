"""Messages (server-api spec 2.2)."""

from im.errors import Code, ImError
from im.message.model import Origin, Sender
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
