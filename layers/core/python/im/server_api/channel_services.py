"""What the services of channels do, each in the name of its channel (server-api spec 2.10)."""

from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import channels as wire
from im.wire.api import messages as messages_wire
from im.wire.objects import ChannelOut, UserOut

_SIGNING = (Code.CHANNEL_NO_EXIST, Code.CHANNEL_NO_SECRET)
"""What the service of a channel that is unknown, or has no secret, is answered everywhere."""
_SENDING = (
    *_SIGNING,
    Code.NOT_IN_CHANNEL,
    Code.MESSAGE_TOO_LARGE,
    Code.SENSITIVE_MATCHED,
    Code.FORBIDDEN_SEND_MSG,
    Code.NOT_RIGHT,
)


@endpoint("/channel/message/send", wire.ChannelSend, messages_wire.SentMessage, codes=_SENDING)
def send(services: Services, channel: str, body: wire.ChannelSend) -> messages_wire.SentMessage:
    """Speak to all subscribers, or to some users; one alone is answered in his dialog."""
    sent = services.desk.send(channel, body.targets, body.line, body.payload)
    return messages_wire.SentMessage(sent.uid, sent.time)


@endpoint(
    "/channel/message/recall",
    wire.ChannelRecall,
    str,
    codes=(*_SIGNING, Code.RECALL_TIME_EXPIRED, Code.NOT_RIGHT, Code.NOT_EXIST),
)
def recall(services: Services, channel: str, body: wire.ChannelRecall) -> str:
    """Take a message of the channel's back; the result is the original as JSON, empty when it was taken back before."""
    return services.desk.recall(channel, body.messageUid)


@endpoint("/channel/message/republish", wire.ChannelRepublish, codes=(*_SIGNING, Code.NOT_EXIST))
def republish(services: Services, channel: str, body: wire.ChannelRepublish) -> None:
    """Deliver a message of the channel's once more, to those of the targets who may read it."""
    services.desk.republish(channel, body.messageId, body.targets)


@endpoint("/channel/user_info", wire.ChannelUserQuery, UserOut, codes=(*_SIGNING, Code.NOT_RIGHT, Code.NOT_EXIST))
def get_user(services: Services, channel: str, body: wire.ChannelUserQuery) -> UserOut:
    """One user by id, else by login name, else by mobile number, as far as the channel's state lets it see him."""
    user = services.users.find(user_id=body.userId, name=body.name, mobile=body.mobile)
    return UserOut.of(services.desk.shown(channel, user))


@endpoint("/channel/get_profile", None, ChannelOut, codes=_SIGNING)
def get_profile(services: Services, channel: str, body: None) -> ChannelOut:
    """The channel, with its secret and callback."""
    return ChannelOut.of(services.desk.profile(channel))


@endpoint("/channel/update_profile", wire.ProfileEntry, codes=(*_SIGNING, Code.NOT_EXIST))
def update_profile(services: Services, channel: str, body: wire.ProfileEntry) -> None:
    """Change the name (0), portrait (1), desc (2), extra (3), secret (4), callback (5), automatic (6) or menu (7)."""
    services.desk.modify(channel, body.type, body.value)


@endpoint("/channel/subscribe", wire.ChannelListen, codes=(*_SIGNING, Code.NOT_RIGHT, Code.NOT_EXIST))
def subscribe(services: Services, channel: str, body: wire.ChannelListen) -> None:
    """Subscribe a user (1), which needs 4 in the channel's state, or end his subscription (0)."""
    services.desk.subscribe(channel, body.target, on=body.subscribe > 0)


@endpoint("/channel/subscriber_list", None, wire.Subscribers, codes=(*_SIGNING, Code.MESSAGE_TOO_LARGE))
def list_subscribers(services: Services, channel: str, body: None) -> wire.Subscribers:
    """Who subscribes, in the order of their ids."""
    return wire.Subscribers(services.channels.subscribers(channel))


@endpoint("/channel/is_subscriber", wire.UserRef, bool, codes=_SIGNING)
def is_subscriber(services: Services, channel: str, body: wire.UserRef) -> bool:
    """Whether a user subscribes, or owns the channel."""
    return services.channels.is_subscriber(channel, body.userId)
