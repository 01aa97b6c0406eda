"""Messages as they are told to those outside: robots, channels' services, the business back end (server-api spec 2.0, 5)."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from im.message.model import Conversation, ConversationType, Message, Payload, payload_from_json
from im.wire.api.fields import Int
from im.wire.objects import GroupOut, UserOut

# ruff: noqa: N815  the members' names are Wildfire's


class ConversationOut(Struct, frozen=True):
    """A conversation from the sender's side."""

    type: Int
    target: str
    line: Int


class PayloadOut(Struct, frozen=True):
    """A content with every text member written; ``base64edData`` only when there is a binary part."""

    type: Int
    searchableContent: str
    pushContent: str
    pushData: str
    content: str
    base64edData: str | UnsetType
    mediaType: Int
    remoteMediaUrl: str
    persistFlag: Int
    expireDuration: Int
    mentionedType: Int
    mentionedTarget: tuple[str, ...]
    extra: str

    @classmethod
    def of(cls, payload: Payload) -> "PayloadOut":
        """The wire form of a content."""
        members = {name: getattr(payload, name) for name in cls.__struct_fields__}
        return cls(**{**members, "base64edData": payload.base64edData or UNSET})


class ClientOut(Struct, frozen=True):
    """The device that a message was sent from."""

    platform: Int
    clientId: str


class OutputMessage(Struct, frozen=True):
    """Wildfire's ``OutputMessageData``. The members from ``client`` on are only there where somebody wants them.

    Attributes:
        messageId: the message's uid.
        conv: from the sender's side.
        toUsers: the only readers, or empty.
        timestamp: when it was accepted, ms.
        client: the sending device of an end user.
        toRobotId: which robot a callback is for.
    """

    messageId: int
    sender: str
    conv: ConversationOut
    payload: PayloadOut
    toUsers: tuple[str, ...]
    timestamp: int
    client: ClientOut | UnsetType = UNSET
    senderUserInfo: UserOut | UnsetType = UNSET
    targetUserInfo: UserOut | UnsetType = UNSET
    targetGroupInfo: GroupOut | UnsetType = UNSET
    toRobotId: str | UnsetType = UNSET

    @classmethod
    def of(
        cls, message: Message, conversation: Conversation, client: ClientOut | None = None, to_robot: str = ""
    ) -> "OutputMessage":
        """The wire form of a message.

        Args:
            message: as it was appended, or a transparent one.
            conversation: from its author's side.
            client: his device, where it is to be told.
            to_robot: the robot that it is told to.
        """
        # A channel's dialog is known outside by the channel, and by whom a message is for.
        in_channel, user = conversation.type == ConversationType.CHANNEL, conversation.subscriber
        return cls(
            messageId=message.uid,
            sender=message.sender,
            conv=ConversationOut(
                conversation.type, conversation.channel if in_channel else conversation.target, conversation.line
            ),
            payload=PayloadOut.of(payload_from_json(message.payload)),
            toUsers=(user,) if user not in ("", message.sender) else message.to,
            timestamp=message.time,
            client=client or UNSET,
            toRobotId=to_robot or UNSET,
        )


encode = msgspec.json.Encoder().encode
"""What goes out, as JSON in UTF-8."""
