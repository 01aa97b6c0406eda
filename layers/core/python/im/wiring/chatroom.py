"""Chatrooms: who is inside."""

from functools import cache

from im.chatroom.service import ChatroomService
from im.chatroom.store import DynamoChatroomStore
from im.platform import clock
from im.settings import Env
from im.wiring.base import dynamo, messages, presence, settings
from im.wiring.callback import back_end


@cache
def rooms() -> DynamoChatroomStore:
    """Rooms, seats, standings, places."""
    config = settings()
    return DynamoChatroomStore(dynamo(), config.need(Env.DIRECTORY_TABLE), config.need(Env.EPHEMERA_TABLE))


@cache
def chatrooms() -> ChatroomService:
    """What those who visit rooms do."""
    return ChatroomService(rooms(), messages(), presence(), settings().switches, clock.now_ms, back_end())
