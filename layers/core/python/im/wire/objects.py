"""Users, groups and members as both the server API and the socket protocol write them (server-api spec 2.0, 7.2)."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
from msgspec import Struct

from im.channel.model import Channel, Menu
from im.chatroom.model import Room
from im.connect.model import SessionState
from im.friend.model import Friend, FriendRequest
from im.group.model import GroupInfo, GroupMember
from im.profile.model import User
from im.wire.api.fields import Int

# ruff: noqa: N815  the members' names are Wildfire's

PAGE_BYTES = 100_000
"""How much of an answer's 128 KB the objects of one page may take."""

T = TypeVar("T")


class UserOut(Struct, frozen=True):
    """A user; texts that are not set are empty, never null. ``deleted`` is a number."""

    userId: str
    name: str
    displayName: str
    portrait: str
    gender: Int
    mobile: str
    email: str
    address: str
    company: str
    social: str
    extra: str
    type: Int
    deleted: Int
    updateDt: int

    @classmethod
    def of(cls, user: User) -> "UserOut":
        """The wire form of a user."""
        return cls(
            userId=user.id,
            name=user.name,
            displayName=user.display_name,
            portrait=user.portrait,
            gender=user.gender,
            mobile=user.mobile,
            email=user.email,
            address=user.address,
            company=user.company,
            social=user.social,
            extra=user.extra,
            type=user.type,
            deleted=int(user.deleted),
            updateDt=user.update_dt,
        )


class GroupOut(Struct, frozen=True):
    """A group; counts and times in both spellings. ``super_group`` and ``deleted`` are booleans."""

    target_id: str
    name: str
    portrait: str
    owner: str
    type: Int
    extra: str
    mute: Int
    join_type: Int
    private_chat: Int
    searchable: Int
    history_message: Int
    max_member_count: Int
    super_group: bool
    deleted: bool
    member_count: Int
    memberCount: Int
    update_dt: int
    updateDt: int
    member_update_dt: int
    memberUpdateDt: int

    @classmethod
    def of(cls, info: GroupInfo) -> "GroupOut":
        """The wire form of a group."""
        return cls(
            target_id=info.id,
            name=info.name,
            portrait=info.portrait,
            owner=info.owner,
            type=info.type,
            extra=info.extra,
            mute=info.mute,
            join_type=info.join_type,
            private_chat=info.private_chat,
            searchable=info.searchable,
            history_message=info.history_message,
            max_member_count=info.max_member_count,
            super_group=info.super_group,
            deleted=False,
            member_count=info.member_count,
            memberCount=info.member_count,
            update_dt=info.update_dt,
            updateDt=info.update_dt,
            member_update_dt=info.member_update_dt,
            memberUpdateDt=info.member_update_dt,
        )


class MemberOut(Struct, frozen=True):
    """A member."""

    member_id: str
    alias: str
    type: Int
    extra: str
    updateDt: int
    createDt: int

    @classmethod
    def of(cls, member: GroupMember) -> "MemberOut":
        """The wire form of a member."""
        return cls(member.id, member.alias, member.type, member.extra, member.update_dt, member.create_dt)


class FriendOut(Struct, frozen=True):
    """What one keeps of another user; also of one who is a friend no more, or never was."""

    userId: str
    isFriend: bool
    isBlacked: bool
    alias: str
    extra: str
    updateDt: int

    @classmethod
    def of(cls, friend: Friend) -> "FriendOut":
        """The wire form of a friend row."""
        return cls(friend.other, friend.is_friend, friend.is_blacked, friend.alias, friend.extra, friend.update_dt)


class FriendRequestOut(Struct, frozen=True, rename={"sender": "from", "receiver": "to"}):
    """A friend request; ``time`` is when it was sent, ms."""

    sender: str
    receiver: str
    reason: str
    extra: str
    status: Int
    time: int
    updateDt: int

    @classmethod
    def of(cls, request: FriendRequest) -> "FriendRequestOut":
        """The wire form of a friend request."""
        return cls(
            sender=request.sender,
            receiver=request.receiver,
            reason=request.reason,
            extra=request.extra,
            status=request.status,
            time=request.sent,
            updateDt=request.update_dt,
        )


class ChatroomOut(Struct, frozen=True):
    """A chatroom, and how many are inside."""

    chatroomId: str
    title: str
    desc: str
    portrait: str
    extra: str
    state: Int
    memberCount: Int
    createDt: int
    updateDt: int

    @classmethod
    def of(cls, room: Room, inside: int) -> "ChatroomOut":
        """The wire form of a room."""
        return cls(
            chatroomId=room.id,
            title=room.title,
            desc=room.desc,
            portrait=room.portrait,
            extra=room.extra,
            state=room.state,
            memberCount=inside,
            createDt=room.created,
            updateDt=room.update_dt,
        )


class ChannelOut(Struct, frozen=True):
    """A channel; id and state in both spellings. The callback and the secret are empty for all but its owner."""

    channelId: str
    targetId: str
    name: str
    desc: str
    portrait: str
    extra: str
    owner: str
    state: Int
    status: Int
    updateDt: int
    callback: str
    automatic: Int
    secret: str
    menus: tuple[Menu, ...]

    @classmethod
    def of(cls, channel: Channel) -> "ChannelOut":
        """The wire form of a channel."""
        return cls(
            channelId=channel.id,
            targetId=channel.id,
            name=channel.name,
            desc=channel.desc,
            portrait=channel.portrait,
            extra=channel.extra,
            owner=channel.owner,
            state=channel.state,
            status=channel.state,
            updateDt=channel.update_dt,
            callback=channel.callback,
            automatic=channel.automatic,
            secret=channel.secret,
            menus=channel.menus,
        )


class SessionOut(Struct, frozen=True):
    """A login; ``status`` 0 connected, 1 not; ``lastSeen`` in ms."""

    clientId: str
    userId: str
    platform: Int
    status: Int
    lastSeen: int
    packageName: str = ""

    @classmethod
    def of(cls, state: SessionState) -> "SessionOut":
        """The wire form of a session."""
        session = state.session
        return cls(session.client, session.user, session.platform, int(not state.online), state.last_seen)


def page(things: Iterable[T], form: Callable[[T], Struct], limit_bytes: int = PAGE_BYTES) -> list[msgspec.Raw]:
    """The first of the things, each in its wire form and encoded, as many as fit; at least one if there is one."""
    fitting: list[msgspec.Raw] = []
    used = 0
    for thing in things:
        encoded = msgspec.json.encode(form(thing))
        used += len(encoded) + 1
        if fitting and used > limit_bytes:
            break
        fitting.append(msgspec.Raw(encoded))
    return fitting
