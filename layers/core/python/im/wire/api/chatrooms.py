"""Chatrooms (server-api spec 2.6)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.chatroom.model import Room, Seat, Standing
from im.wire.api.codec import also_named
from im.wire.api.fields import Id, IdOrEmpty, Int

# ruff: noqa: N815  the members' names are Wildfire's


class CreateChatroom(Struct, frozen=True):
    """``/admin/chatroom/create``."""

    title: Annotated[str, Meta(min_length=1)]
    chatroomId: IdOrEmpty = ""
    desc: str = ""
    portrait: str = ""
    extra: str = ""
    state: Int = 0

    def model(self) -> Room:
        """The same as the domain knows it."""
        return Room(self.chatroomId, self.title, self.desc, self.portrait, self.extra, self.state)


class ChatroomRef(Struct, frozen=True):
    """A chatroom id."""

    chatroomId: Id


class ChatroomUser(Struct, frozen=True):
    """A user id."""

    userId: Id


class SetBlack(Struct, frozen=True):
    """``/admin/chatroom/set_black_status``; one SDK also sends a ``type``, always 0, which means nothing."""

    chatroomId: Id
    userId: Id
    status: Int = 0
    expiredTime: int = 0
    type: Int = 0


class SetManager(Struct, frozen=True):
    """``/admin/chatroom/set_manager``."""

    chatroomId: Id
    userId: Id
    status: Int = 0


@also_named(mute="status")
class MuteAll(Struct, frozen=True):
    """``/admin/chatroom/mute_all``."""

    chatroomId: Id
    status: Int = 0


class CreatedChatroom(Struct, frozen=True):
    """A chatroom's id."""

    chatroomId: str


class Users(Struct, frozen=True):
    """User ids."""

    list: list[str]


class UserChatroom(Struct, frozen=True):
    """Where a user is, and on which client."""

    userId: str
    chatroomId: str
    clientId: str
    platform: Int

    @classmethod
    def of(cls, seat: Seat) -> "UserChatroom":
        """The wire form of a seat."""
        return cls(seat.user, seat.room, seat.client, seat.platform)


class BlackOut(Struct, frozen=True):
    """What a user is kept from, in both spellings, and until when (ms, 0 for ever)."""

    userId: str
    state: Int
    status: Int
    expiredTime: int

    @classmethod
    def of(cls, standing: Standing) -> "BlackOut":
        """The wire form of a standing."""
        return cls(standing.user, standing.black, standing.black, standing.until)


class Blacks(Struct, frozen=True):
    """Who is muted or banned."""

    infos: list[BlackOut]
