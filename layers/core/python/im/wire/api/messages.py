"""Messages (server-api spec 2.2)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.message.importing import MAX_IMPORT, Imported
from im.message.model import Conversation, Message, Payload, conversation_of, payload_from_json
from im.message.multicast import MAX_TARGETS
from im.wire.api.codec import also_named
from im.wire.api.fields import Id, IdOrEmpty, Int, Line, Time, Uid
from im.wire.outgoing import ConversationOut, PayloadOut

# ruff: noqa: N815  the members' names are Wildfire's


also_named(binaryContent="base64edData", mentionedTargets="mentionedTarget")(Payload)


class ConversationBody(Struct, frozen=True):
    """A conversation from the sender's side."""

    target: Id
    type: Annotated[int, Meta(ge=0, le=6)] = 0
    line: Line = 0

    def model(self) -> Conversation:
        """The same as the domain knows it."""
        return Conversation(self.type, self.target, self.line)


@also_named(userMessage="isUserMessage")
class SendMessage(Struct, frozen=True):
    """``/admin/message/send``; an empty ``toUsers`` means everybody."""

    sender: Id
    conv: ConversationBody
    payload: Payload
    toUsers: tuple[str, ...] = ()
    isUserMessage: bool = False


class RecallMessage(Struct, frozen=True):
    """``/admin/message/recall``."""

    operator: Id
    messageUid: Uid
    isUserRecall: bool = False


class DeleteMessage(Struct, frozen=True):
    """``/admin/message/delete``; the SDKs name no operator."""

    messageUid: Uid
    operator: IdOrEmpty = ""


class MessageRef(Struct, frozen=True):
    """A message uid."""

    messageUid: Uid


class Publish(Struct, frozen=True):
    """``/admin/message/publish``; empty ``receivers`` mean everybody."""

    messageData: SendMessage
    receivers: tuple[Id, ...] = ()
    messageId: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    republish: bool = False


class Broadcast(Struct, frozen=True):
    """``/admin/message/broadcast``."""

    sender: Id
    payload: Payload
    line: Line = 0


class Multicast(Struct, frozen=True):
    """``/admin/message/multicast``."""

    sender: Id
    targets: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_TARGETS)]
    payload: Payload
    line: Line = 0


class WithdrawBroadcast(Struct, frozen=True):
    """``recall_broadcast`` and ``delete_broadcast``; ``isUserRecall`` is sent and means nothing."""

    messageUid: Uid
    operator: IdOrEmpty = ""
    isUserRecall: bool = False


class WithdrawMulticast(Struct, frozen=True):
    """``recall_multicast`` and ``delete_multicast``."""

    messageUid: Uid
    operator: Id
    receivers: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_TARGETS)]


class UpdateMessage(Struct, frozen=True):
    """``/admin/message/update``; ``distribute`` and ``updateTimestamp`` are 0 or 1."""

    messageUid: Uid
    payload: Payload
    operator: IdOrEmpty = ""
    distribute: Int = 0
    updateTimestamp: Int = 0


@also_named(fromTime="startTime", toTime="endTime")
class ClearByUser(Struct, frozen=True):
    """``/admin/message/clear_by_user``; times in ms, 0 an open end."""

    userId: Id
    conversation: ConversationBody
    startTime: Time = 0
    endTime: Time = 0


class DeleteConversation(Struct, frozen=True):
    """``/admin/conversation/delete``."""

    userId: Id
    conversation: ConversationBody


class ImportedMessage(Struct, frozen=True):
    """A message from elsewhere; ``timestamp`` in ms."""

    sender: Id
    conversation: ConversationBody
    payload: Payload
    timestamp: Time
    receivers: tuple[Id, ...] = ()

    def model(self) -> Imported:
        """The same as the domain knows it."""
        return Imported(self.sender, self.conversation.model(), self.payload, self.receivers, self.timestamp)


class ImportMessages(Struct, frozen=True):
    """``/admin/message/import``."""

    messages: Annotated[tuple[ImportedMessage, ...], Meta(max_length=MAX_IMPORT)]


class BroadcastSent(Struct, frozen=True):
    """What a broadcast got, and to how many it goes."""

    messageUid: int
    count: int


class SentMessage(Struct, frozen=True):
    """What a message got."""

    messageUid: int
    timestamp: int


class MessageOut(Struct, frozen=True):
    """A message; its uid is called ``messageId`` here, and the conversation has two names."""

    messageId: int
    sender: str
    conv: ConversationOut
    conversation: ConversationOut
    payload: PayloadOut
    toUsers: tuple[str, ...]
    timestamp: int

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        """The wire form of a stored message."""
        named = conversation_of(message.log, message.sender)
        # The master of a multicast names nobody: to its sender's own chat it belongs (server-api spec 2.2).
        conversation = ConversationOut(named.type, named.target or message.sender, named.line)
        return cls(
            messageId=message.uid,
            sender=message.sender,
            conv=conversation,
            conversation=conversation,
            payload=PayloadOut.of(payload_from_json(message.payload)),
            toUsers=message.to,
            timestamp=message.time,
        )
