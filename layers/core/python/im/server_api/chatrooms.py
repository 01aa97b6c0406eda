"""Chatrooms (server-api spec 2.6)."""

from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import chatrooms as wire
from im.wire.objects import ChatroomOut


@endpoint("/admin/chatroom/create", wire.CreateChatroom, wire.CreatedChatroom)
def create_chatroom(services: Services, body: wire.CreateChatroom) -> wire.CreatedChatroom:
    """Make a chatroom, or change one; what is empty stays as it was."""
    return wire.CreatedChatroom(services.rooms.create(body.model()))


@endpoint("/admin/chatroom/del", wire.ChatroomRef)
def end_chatroom(services: Services, body: wire.ChatroomRef) -> None:
    """End a chatroom; its record stays, with state 2."""
    services.rooms.end(body.chatroomId)


@endpoint("/admin/chatroom/info", wire.ChatroomRef, ChatroomOut, codes=(Code.NOT_EXIST,))
def get_chatroom(services: Services, body: wire.ChatroomRef) -> ChatroomOut:
    """A chatroom, and how many are inside."""
    return ChatroomOut.of(*services.rooms.info(body.chatroomId))


@endpoint("/admin/chatroom/members", wire.ChatroomRef, wire.Users, codes=(Code.NOT_EXIST,))
def list_chatroom_members(services: Services, body: wire.ChatroomRef) -> wire.Users:
    """Who is inside; nobody is code 253."""
    return wire.Users(services.rooms.members(body.chatroomId))


@endpoint("/admin/chatroom/user_chatroom", wire.ChatroomUser, wire.UserChatroom, codes=(Code.NOT_EXIST,))
def get_user_chatroom(services: Services, body: wire.ChatroomUser) -> wire.UserChatroom:
    """The chatroom that a user is in; nowhere is code 253."""
    return wire.UserChatroom.of(services.rooms.room_of(body.userId))


@endpoint("/admin/chatroom/set_black_status", wire.SetBlack, codes=(Code.NOT_EXIST,))
def set_chatroom_black(services: Services, body: wire.SetBlack) -> None:
    """Clear (0), mute (1) or ban (2) a user in a chatroom, for ever or until a time."""
    services.rooms.set_black(body.chatroomId, body.userId, body.status, body.expiredTime)


@endpoint("/admin/chatroom/get_black_status", wire.ChatroomRef, wire.Blacks, codes=(Code.NOT_EXIST,))
def list_chatroom_blacks(services: Services, body: wire.ChatroomRef) -> wire.Blacks:
    """Who is muted or banned in a chatroom."""
    return wire.Blacks([wire.BlackOut.of(standing) for standing in services.rooms.blacks(body.chatroomId)])


@endpoint("/admin/chatroom/set_manager", wire.SetManager, codes=(Code.NOT_EXIST,))
def set_chatroom_manager(services: Services, body: wire.SetManager) -> None:
    """Make a user a manager of a chatroom (1), or none (0)."""
    services.rooms.set_manager(body.chatroomId, body.userId, body.status != 0)


@endpoint("/admin/chatroom/get_manager_list", wire.ChatroomRef, wire.Users, codes=(Code.NOT_EXIST,))
def list_chatroom_managers(services: Services, body: wire.ChatroomRef) -> wire.Users:
    """The managers of a chatroom."""
    return wire.Users(services.rooms.managers(body.chatroomId))


@endpoint("/admin/chatroom/mute_all", wire.MuteAll)
def mute_chatroom(services: Services, body: wire.MuteAll) -> None:
    """Let nobody but managers speak in a chatroom (1), or everybody (0)."""
    services.rooms.mute_all(body.chatroomId, body.status != 0)
