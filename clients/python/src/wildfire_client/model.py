"""The things a client deals with: conversations, messages, unread counts, devices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Self

from wildfire_client.contents import Content


class ConversationType(IntEnum):
    """Kinds of conversations."""

    SINGLE = 0
    GROUP = 1
    CHATROOM = 2
    CHANNEL = 3


class Platform(IntEnum):
    """Kinds of devices; the server lets one device of each class be online unless it is configured otherwise."""

    UNSET = 0
    IOS = 1
    ANDROID = 2
    WINDOWS = 3
    MACOS = 4
    WEB = 5
    MINI_PROGRAM = 6
    LINUX = 7
    IPAD = 8
    ANDROID_PAD = 9
    HARMONY = 10
    HARMONY_PAD = 11
    HARMONY_PC = 12


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where messages go, from the reader's side: in a single chat the target is the other user.

    `line` keeps several parallel conversations between the same parties apart.
    """

    type: int
    target: str
    line: int = 0

    @classmethod
    def single(cls, user_id: str, line: int = 0) -> Self:
        """The chat with one user."""
        return cls(ConversationType.SINGLE, user_id, line)

    @classmethod
    def group(cls, group_id: str, line: int = 0) -> Self:
        """The chat of a group."""
        return cls(ConversationType.GROUP, group_id, line)

    @classmethod
    def channel(cls, channel_id: str, line: int = 0) -> Self:
        """The chat with a channel."""
        return cls(ConversationType.CHANNEL, channel_id, line)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(int(wire["type"]), str(wire["target"]), int(wire.get("line") or 0))

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"type": int(self.type), "target": self.target, "line": self.line}

    @property
    def setting_key(self) -> str:
        """The key of this conversation in user settings: type-line-target."""
        return f"{int(self.type)}-{self.line}-{self.target}"

    @classmethod
    def from_setting_key(cls, key: str) -> Self:
        """The conversation that a setting's key names; the target may hold more hyphens."""
        kind, line, target = key.split("-", 2)
        return cls(int(kind), target, int(line))


class MessageStatus(IntEnum):
    """How far a message got."""

    SENDING = 0
    """Kept, not yet acknowledged; it goes out as soon as there is a link, also after a restart."""
    SENT = 1
    """The server has it."""
    FAILED = 2
    """Refused for good; `Message.error` says why."""
    RECEIVED = 5
    """Somebody else's."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """Who took a message back, and when (milliseconds since 1970)."""

    by: str
    time: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        id: the number in this device's store; 0 for what is not stored: a transparent message, a find of the server.
        seq: the place in the conversation's log; None until the server has it.
        uid: the server's id, decimal; empty until the server has it.
        cid: the sender's id of it, the same for ever.
        time: milliseconds since 1970, the server's once it has the message.
        mine: whether I sent it, from this device or another.
        to: the addressees when it is meant for some members only.
        error: the code when `status` is FAILED.
        edited: when the content was changed last, or None.
        reactions: who reacted, by emoji, in the order of their reactions.
    """

    id: int
    conversation: Conversation
    sender: str
    content: Content
    time: int
    status: MessageStatus
    mine: bool
    cid: str
    seq: int | None = None
    uid: str = ""
    to: tuple[str, ...] = ()
    error: int = 0
    recalled: Recalled | None = None
    edited: int | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """Messages not read yet; each counts in one of the three."""

    plain: int = 0
    mention: int = 0
    mention_all: int = 0

    @property
    def total(self) -> int:
        """The number on the badge."""
        return self.plain + self.mention + self.mention_all

    def __add__(self, other: "Unread") -> "Unread":
        return Unread(self.plain + other.plain, self.mention + other.mention, self.mention_all + other.mention_all)


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A row of the conversation list.

    Attributes:
        last: the newest message that is shown, or None.
        time: milliseconds of the last activity.
        read: the seq up to which I have read, on any device.
        top: weight of a pinned conversation; 0 is not pinned.
        left: whether I am no longer a member; nothing arrives any more.
    """

    conversation: Conversation
    last: Message | None
    time: int
    unread: Unread
    read: int
    draft: str = ""
    top: int = 0
    silent: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages in ascending order, and whether there are older ones."""

    messages: list[Message]
    more: bool


@dataclass(frozen=True, slots=True)
class Device:
    """One of one's own sessions. `since` is milliseconds since 1970."""

    client_id: str
    platform: int
    online: bool
    since: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            client_id=str(wire.get("clientId") or ""),
            platform=int(wire.get("platform") or 0),
            online=bool(wire.get("online")),
            since=int(wire.get("since") or 0),
        )


class ConnectionStatus(StrEnum):
    """State of the link. The last five are final: nothing is tried any more until the application connects again."""

    UNCONNECTED = "unconnected"
    CONNECTING = "connecting"
    RECEIVING = "receiving"
    """Linked; messages that were missed are being fetched."""
    CONNECTED = "connected"
    LOGOUT = "logout"
    KICKED = "kicked"
    TOKEN_INCORRECT = "token_incorrect"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    REJECTED = "rejected"

    @property
    def final(self) -> bool:
        """Whether the client has stopped trying."""
        return self in _FINAL


_FINAL = {
    ConnectionStatus.LOGOUT,
    ConnectionStatus.KICKED,
    ConnectionStatus.TOKEN_INCORRECT,
    ConnectionStatus.TOKEN_EXPIRED,
    ConnectionStatus.REJECTED,
}


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server tells about itself at `hello`; the values here serve until then.

    Attributes:
        heartbeat: seconds between pings.
        max_message_bytes: longest message payload.
        recall_time_limit: seconds within which one may recall one's own message.
        max_upload_bytes: largest file.
        pull_limit: most messages in one range of a pull.
    """

    heartbeat: float = 240
    max_message_bytes: int = 32_768
    recall_time_limit: float = 120
    max_upload_bytes: int = 100 * 1024 * 1024
    pull_limit: int = 100

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the `server` object of a hello answer."""
        known = cls()
        return cls(
            heartbeat=float(wire.get("heartbeat") or known.heartbeat),
            max_message_bytes=int(wire.get("maxMessageBytes") or known.max_message_bytes),
            recall_time_limit=float(wire.get("recallTimeLimit") or known.recall_time_limit),
            max_upload_bytes=int(wire.get("maxUploadBytes") or known.max_upload_bytes),
            pull_limit=max(1, min(200, int(wire.get("pullLimit") or known.pull_limit))),
        )
