"""What robots are sent (satellites spec 4.1)."""

from msgspec import UNSET, Struct, UnsetType

from im.message.model import conversation_of, payload_from_json
from im.robot.model import Note
from im.wire.api.fields import Int
from im.wire.api.messages import ConversationOut, PayloadOut
from im.wire.objects import GroupOut, UserOut

# ruff: noqa: N815  the members' names are Wildfire's


class ClientOut(Struct, frozen=True):
    """The client that a message was sent from."""

    platform: Int
    clientId: str


class CalledBack(Struct, frozen=True):
    """``OutputMessageData``: a message; its uid is called ``messageId``. What is not told is left out."""

    messageId: int
    sender: str
    conv: ConversationOut
    payload: PayloadOut
    toUsers: tuple[str, ...]
    timestamp: int
    toRobotId: str
    client: ClientOut | UnsetType = UNSET
    senderUserInfo: UserOut | UnsetType = UNSET
    targetUserInfo: UserOut | UnsetType = UNSET
    targetGroupInfo: GroupOut | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        note: Note,
        *,
        client: ClientOut | UnsetType = UNSET,
        sender_info: UserOut | UnsetType = UNSET,
        target_info: UserOut | UnsetType = UNSET,
        group_info: GroupOut | UnsetType = UNSET,
    ) -> "CalledBack":
        """The body of a callback."""
        named = conversation_of(note.log, note.sender)
        return cls(
            messageId=note.uid,
            sender=note.sender,
            conv=ConversationOut(named.type, named.target, named.line),
            payload=PayloadOut.of(payload_from_json(note.payload)),
            toUsers=note.to,
            timestamp=note.time,
            toRobotId=note.robot,
            client=client,
            senderUserInfo=sender_info,
            targetUserInfo=target_info,
            targetGroupInfo=group_info,
        )
