"""What the client keeps beside conversations: users, friends, requests, groups, members, settings, channels.

Names and meaning are the protocol's (docs/protocol.md); times are milliseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Self


class GroupType(IntEnum):
    """Kinds of groups, which differ in who may change what."""

    NORMAL = 0
    FREE = 1
    RESTRICTED = 2
    ORGANIZATION = 3


class MemberType(IntEnum):
    """What a member may do. Somebody who left is kept as REMOVED."""

    NORMAL = 0
    MANAGER = 1
    OWNER = 2
    MUTED = 3
    REMOVED = 4
    ALLOWED = 5


class RequestStatus(IntEnum):
    """What became of a friend request."""

    WAITING = 0
    ACCEPTED = 1
    REJECTED = 2
    GONE = 3


class Scope(IntEnum):
    """What a setting is about; applications have their own from 1000 on."""

    CONVERSATION_SILENT = 1
    GLOBAL_SILENT = 2
    CONVERSATION_TOP = 3
    HIDE_DETAIL = 4
    HIDE_MEMBER_NAMES = 5
    FAVOURITE_GROUP = 6
    DISABLE_RECEIPT = 13
    FAVOURITE_USER = 14
    NO_DISTURB = 17
    DRAFT = 19
    CUSTOM_STATE = 23
    GROUP_REMARK = 26
    PRIVACY = 27


@dataclass(frozen=True, slots=True)
class User:
    """A profile. What the deployment hides is empty."""

    id: str
    name: str = ""
    display_name: str = ""
    portrait: str = ""
    gender: int = 0
    mobile: str = ""
    email: str = ""
    address: str = ""
    company: str = ""
    social: str = ""
    extra: str = ""
    type: int = 0
    deleted: bool = False
    updated: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        texts = {
            name: str(wire.get(name) or "")
            for name in ("name", "portrait", "mobile", "email", "address", "company", "social", "extra")
        }
        return cls(
            id=str(wire["userId"]),
            display_name=str(wire.get("displayName") or ""),
            gender=int(wire.get("gender") or 0),
            type=int(wire.get("type") or 0),
            deleted=bool(wire.get("deleted")),
            updated=int(wire.get("updateDt") or 0),
            **texts,
        )


@dataclass(frozen=True, slots=True)
class Friend:
    """What I keep of another user: whether we are friends, whether I have blacklisted him, the name that I gave him."""

    user_id: str
    friend: bool
    blacklisted: bool = False
    alias: str = ""
    extra: str = ""
    updated: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            user_id=str(wire["userId"]),
            friend=bool(wire.get("isFriend")),
            blacklisted=bool(wire.get("isBlacked")),
            alias=str(wire.get("alias") or ""),
            extra=str(wire.get("extra") or ""),
            updated=int(wire.get("updateDt") or 0),
        )


@dataclass(frozen=True, slots=True)
class FriendRequest:
    """`sender` asks `receiver` to be friends."""

    sender: str
    receiver: str
    reason: str
    extra: str
    status: int
    time: int
    updated: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            sender=str(wire["from"]),
            receiver=str(wire["to"]),
            reason=str(wire.get("reason") or ""),
            extra=str(wire.get("extra") or ""),
            status=int(wire.get("status") or 0),
            time=int(wire.get("time") or 0),
            updated=int(wire.get("updateDt") or 0),
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A group without its members."""

    id: str
    name: str = ""
    portrait: str = ""
    owner: str = ""
    type: int = 0
    extra: str = ""
    mute: int = 0
    join_type: int = 0
    private_chat: int = 0
    searchable: int = 0
    history_message: int = 0
    max_member_count: int = 0
    member_count: int = 0
    updated: int = 0
    members_updated: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            id=str(wire["target_id"]),
            name=str(wire.get("name") or ""),
            portrait=str(wire.get("portrait") or ""),
            owner=str(wire.get("owner") or ""),
            type=int(wire.get("type") or 0),
            extra=str(wire.get("extra") or ""),
            mute=int(wire.get("mute") or 0),
            join_type=int(wire.get("join_type") or 0),
            private_chat=int(wire.get("private_chat") or 0),
            searchable=int(wire.get("searchable") or 0),
            history_message=int(wire.get("history_message") or 0),
            max_member_count=int(wire.get("max_member_count") or 0),
            member_count=int(wire.get("member_count") or 0),
            updated=int(wire.get("update_dt") or 0),
            members_updated=int(wire.get("member_update_dt") or 0),
        )


@dataclass(frozen=True, slots=True)
class GroupMember:
    """Somebody in a group."""

    user_id: str
    alias: str = ""
    type: int = MemberType.NORMAL
    extra: str = ""
    created: int = 0
    updated: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            user_id=str(wire["member_id"]),
            alias=str(wire.get("alias") or ""),
            type=int(wire.get("type") or 0),
            extra=str(wire.get("extra") or ""),
            created=int(wire.get("createDt") or 0),
            updated=int(wire.get("updateDt") or 0),
        )


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Somebody wants into a group; `requested_by` is who asks, himself or another."""

    group_id: str
    user_id: str
    requested_by: str
    answered_by: str
    reason: str
    extra: str
    status: int
    updated: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            group_id=str(wire["groupId"]),
            user_id=str(wire["memberId"]),
            requested_by=str(wire.get("requestUserId") or ""),
            answered_by=str(wire.get("acceptUserId") or ""),
            reason=str(wire.get("reason") or ""),
            extra=str(wire.get("extra") or ""),
            status=int(wire.get("status") or 0),
            updated=int(wire.get("updateDt") or 0),
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """A text under a scope and a key; an empty value means that it was cleared."""

    scope: int
    key: str
    value: str
    version: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(int(wire["scope"]), str(wire.get("key") or ""), str(wire.get("value") or ""), int(wire["version"]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far another user has got in a conversation.

    Attributes:
        read: the seq up to which he has read.
        time: when he had read that far; 0 if it is not known.
        delivered: messages up to this time have reached him; 0 if it is not known.
    """

    user_id: str
    read: int
    time: int = 0
    delivered: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            user_id=str(wire["userId"]),
            read=int(wire.get("read") or 0),
            time=int(wire.get("time") or 0),
            delivered=int(wire.get("delivered") or 0),
        )


@dataclass(frozen=True, slots=True)
class PlatformPresence:
    """A user on one kind of device; `last_seen` is now while he is online."""

    platform: int
    online: bool
    last_seen: int


@dataclass(frozen=True, slots=True)
class Presence:
    """What is seen of a user. `state` and `text` are what he says of himself."""

    user_id: str
    state: int = 0
    text: str = ""
    platforms: tuple[PlatformPresence, ...] = ()

    @property
    def online(self) -> bool:
        """Whether he is connected on any device."""
        return any(platform.online for platform in self.platforms)

    @property
    def last_seen(self) -> int:
        """When he was connected last, on any device; 0 if it is not known."""
        return max((platform.last_seen for platform in self.platforms), default=0)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            user_id=str(wire["userId"]),
            state=int(wire.get("state") or 0),
            text=str(wire.get("text") or ""),
            platforms=tuple(
                PlatformPresence(int(each["platform"]), bool(each.get("online")), int(each.get("lastSeen") or 0))
                for each in wire.get("platforms") or ()
            ),
        )


@dataclass(frozen=True, slots=True)
class Menu:
    """An entry of a channel's menu. `entries` are those below it."""

    id: str = ""
    type: str = ""
    name: str = ""
    key: str = ""
    url: str = ""
    media_id: str = ""
    article_id: str = ""
    app_id: str = ""
    app_page: str = ""
    extra: str = ""
    entries: tuple["Menu", ...] = ()

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            **{name: str(wire.get(wire_name) or "") for name, wire_name in _MENU.items()},
            entries=tuple(cls.from_wire(each) for each in wire.get("subMenus") or ()),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object; what is empty is left out."""
        wire: dict[str, Any] = {wire_name: text for name, wire_name in _MENU.items() if (text := getattr(self, name))}
        return wire | ({"subMenus": [each.to_wire() for each in self.entries]} if self.entries else {})


_MENU = {
    "id": "menuId",
    "type": "type",
    "name": "name",
    "key": "key",
    "url": "url",
    "media_id": "mediaId",
    "article_id": "articleId",
    "app_id": "appId",
    "app_page": "appPage",
    "extra": "extra",
}


class ChannelState(IntFlag):
    """What a channel is and may do."""

    FULL_USER_INFO = 1
    ASK_STRANGERS = 2
    SUBSCRIBE_USERS = 4
    MESSAGE_STRANGERS = 8
    PRIVATE = 16
    DESTROYED = 64
    GLOBAL = 128


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel. `state` is a mask of `ChannelState`; `callback` and `secret` are for its owner, empty for others."""

    id: str
    name: str = ""
    portrait: str = ""
    desc: str = ""
    extra: str = ""
    owner: str = ""
    state: int = 0
    menus: tuple[Menu, ...] = ()
    automatic: bool = False
    callback: str = ""
    secret: str = ""
    updated: int = 0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            id=str(wire["channelId"]),
            name=str(wire.get("name") or ""),
            portrait=str(wire.get("portrait") or ""),
            desc=str(wire.get("desc") or ""),
            extra=str(wire.get("extra") or ""),
            owner=str(wire.get("owner") or ""),
            state=int(wire.get("state") or 0),
            menus=tuple(Menu.from_wire(each) for each in wire.get("menus") or ()),
            automatic=bool(wire.get("automatic")),
            callback=str(wire.get("callback") or ""),
            secret=str(wire.get("secret") or ""),
            updated=int(wire.get("updateDt") or 0),
        )
