"""The ``chatroom`` route: joining and leaving rooms, and who is in them."""

from typing import Annotated, Any

from msgspec import Meta

from im.chatroom.model import MAX_LISTED, MAX_RECENT, Visitor
from im.errors import Code, ImError
from im.message.model import Conversation, ConversationType
from im.routing import Answer, Call, Router
from im.wire import frames
from im.wire.objects import ChatroomOut
from im.wiring.base import client_limiter
from im.wiring.chatroom import chatrooms

router = Router("chatroom", client_limiter)

RoomId = Annotated[str, Meta(min_length=1, max_length=64)]


class JoinBody(frames.Strict, frozen=True):
    """A room to go into, and how many of its newest messages to bring; null for the deployment's number."""

    chatroomId: RoomId  # noqa: N815
    recent: Annotated[int, Meta(ge=0, le=MAX_RECENT)] | None = None


class QuitBody(frames.Strict, frozen=True):
    """A room to leave."""

    chatroomId: RoomId  # noqa: N815


class InfoBody(frames.Strict, frozen=True):
    """A room, and the ``updateDt`` that the client has of it; 0 if none."""

    chatroomId: RoomId  # noqa: N815
    updateDt: Annotated[int, Meta(ge=0)] = 0  # noqa: N815


class MembersBody(frames.Strict, frozen=True):
    """A room whose members are listed, and how many of them."""

    chatroomId: RoomId  # noqa: N815
    limit: Annotated[int, Meta(ge=1, le=MAX_LISTED)] = 100


@router.op("join", JoinBody)
def join(call: Call, body: JoinBody) -> dict[str, Any]:
    """Go into a room, or give a sign of life there."""
    visitor = Visitor(call.user, call.client, call.connection, call.platform)
    joined = chatrooms().join(visitor, body.chatroomId, body.recent)
    return {
        "conversation": frames.ConversationOut.of(Conversation(ConversationType.CHATROOM, joined.room.id)),
        "head": joined.head,
        "updateDt": joined.room.update_dt,
        "messages": [frames.message_out(message, call.user) for message in joined.messages],
    }


@router.op("quit", QuitBody)
def leave(call: Call, body: QuitBody) -> dict[str, Any]:
    """Leave a room."""
    chatrooms().quit(call.user, call.client, body.chatroomId)
    return {}


@router.op("info", InfoBody)
def info(call: Call, body: InfoBody) -> ChatroomOut:
    """A room, if it is newer than the client's."""
    room, count = chatrooms().info(body.chatroomId)
    if room.update_dt <= body.updateDt:
        raise ImError(Code.NOT_MODIFIED)
    return ChatroomOut.of(room, count)


@router.op("members", MembersBody)
def members(call: Call, body: MembersBody) -> dict[str, Any]:
    """How many are inside, and some of them."""
    inside = chatrooms().members(body.chatroomId)
    return {"memberCount": len(inside), "members": [seat.user for seat in inside[: body.limit]]}


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
