"""Bodies of the callbacks to the business back end (server-api spec 5). What is ``UNSET`` is left out."""

from msgspec import UNSET, Struct, UnsetType

from im.wire.api.fields import Int
from im.wire.objects import GroupOut, SessionOut
from im.wire.outgoing import ConversationOut, OutputMessage

# ruff: noqa: N815  the members' names are Wildfire's


class RecallBody(Struct, frozen=True):
    """A message was taken back by ``userId``; ``message`` has its content as it was, ``timestamp`` is in ms."""

    message: OutputMessage
    userId: str
    timestamp: int
    isAdmin: bool


class OnlineBody(Struct, frozen=True):
    """A device came (0), went (1) or logged out (-1); ``sessions`` are all of the user's, as they are now."""

    userId: str
    clientId: str
    platform: Int
    status: Int
    timestamp: int
    customState: Int
    customText: str
    sessions: list[SessionOut]
    packageName: str = ""


class RelationBody(Struct, frozen=True):
    """What a user keeps of another changed."""

    userId: str
    targetId: str
    type: Int
    value: str


class GroupBody(Struct, frozen=True):
    """A group changed."""

    operatorId: str
    groupId: str
    type: Int
    groupInfo: GroupOut


class MemberBody(Struct, frozen=True):
    """Members of a group came, went or changed."""

    operatorId: str
    groupId: str
    memberIds: tuple[str, ...]
    type: Int
    value: str | UnsetType = UNSET


class ChannelBody(Struct, frozen=True):
    """A channel changed."""

    operatorId: str
    channelId: str
    type: Int


class RoomBody(Struct, frozen=True):
    """A chatroom was opened or ended."""

    chatroomId: str
    type: Int


class VisitorBody(Struct, frozen=True):
    """Users came into a chatroom, left it, were put out or muted."""

    operatorId: str
    chatroomId: str
    memberIds: tuple[str, ...]
    type: Int


class ReadBody(Struct, frozen=True):
    """A user has read a conversation; ``readTime`` in ms."""

    user: str
    conversation: ConversationOut
    readTime: int
