"""What a message content is, and the table that finds the class of a content type."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

from wildfire_client.digest import Digester
from wildfire_client.payload import MediaType, Mention, Payload, PersistFlag

FIRST_APPLICATION_TYPE = 1000
"""Content types below this number belong to Wildfire."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """One message content. Subclasses set `TYPE` and `FLAG` and say how they map to a payload.

    Attributes:
        extra: free for the application, on any content.
        push_content: the text of the offline push; the server has a default for the usual types.
        push_data: data for the offline push.
        expire_duration: seconds after which the server stops serving the message; 0 is never.
        mentioned_type: whom the message mentions.
        mentioned_targets: the mentioned user ids when `mentioned_type` is `Mention.SOME`.
    """

    TYPE: ClassVar[int]
    FLAG: ClassVar[PersistFlag]

    extra: str = ""
    push_content: str = ""
    push_data: str = ""
    expire_duration: int = 0
    mentioned_type: int = Mention.NOBODY
    mentioned_targets: tuple[str, ...] = ()

    def encode(self) -> Payload:
        """The payload that goes on the wire."""
        common: dict[str, Any] = {
            "extra": self.extra,
            "push_content": self.push_content,
            "push_data": self.push_data,
            "expire_duration": self.expire_duration,
            "mentioned_type": self.mentioned_type,
            "mentioned_targets": self.mentioned_targets,
            "persist_flag": int(self.FLAG),
        }
        return Payload(type=self.TYPE, **(common | self._fields()))

    @classmethod
    def decode(cls, payload: Payload) -> Self:
        """Read a payload of this type. Parts that are missing or broken become empty: a message must stay visible."""
        common: dict[str, Any] = {
            "extra": payload.extra,
            "push_content": payload.push_content,
            "push_data": payload.push_data,
            "expire_duration": payload.expire_duration,
            "mentioned_type": payload.mentioned_type,
            "mentioned_targets": payload.mentioned_targets,
        }
        return cls(**(common | cls._parse(payload)))

    def digest(self, words: Digester) -> str:
        """One line for lists and notices."""
        raise NotImplementedError

    def _fields(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class MediaContent(Content):
    """A content with a file.

    Attributes:
        url: where the file is; empty until it was uploaded.
        local_path: the file on this device. A message with a path and no URL is uploaded before it is sent.
    """

    MEDIA: ClassVar[MediaType]

    url: str = ""
    local_path: str = field(default="", compare=False)

    def _media(self) -> dict[str, Any]:
        return {"media_type": int(self.MEDIA), "remote_media_url": self.url}


@dataclass(frozen=True)
class UnknownContent(Content):
    """A type that nobody registered, or a payload that its class cannot read. It keeps the payload, to be forwarded."""

    TYPE: ClassVar[int] = 0
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED

    payload: Payload

    def encode(self) -> Payload:
        """The payload as it came."""
        return self.payload

    @classmethod
    def decode(cls, payload: Payload) -> Self:
        """Keep `payload`."""
        return cls(
            payload,
            extra=payload.extra,
            push_content=payload.push_content,
            push_data=payload.push_data,
            expire_duration=payload.expire_duration,
            mentioned_type=payload.mentioned_type,
            mentioned_targets=payload.mentioned_targets,
        )

    def digest(self, words: Digester) -> str:
        """What the sender prepared for the push, else his searchable text, else a fixed text."""
        return self.payload.push_content or self.payload.searchable_content or words.text("unknown")


_REGISTRY: dict[int, type[Content]] = {}

C = TypeVar("C", bound=Content)


def register_builtin(cls: type[C]) -> type[C]:
    """Class decorator of the contents that come with this package."""
    _REGISTRY[cls.TYPE] = cls
    return cls


def register_content(cls: type[C]) -> type[C]:
    """Add an application's own content class; use it as a decorator, before `connect`.

    Raises:
        ValueError: the type is below 1000, or another class has it.
    """
    if cls.TYPE < FIRST_APPLICATION_TYPE:
        raise ValueError(f"content type {cls.TYPE} is reserved; applications use {FIRST_APPLICATION_TYPE} and above")
    if _REGISTRY.get(cls.TYPE, cls) is not cls:
        raise ValueError(f"content type {cls.TYPE} is taken by {_REGISTRY[cls.TYPE].__name__}")
    _REGISTRY[cls.TYPE] = cls
    return cls


def decode(payload: Payload) -> Content:
    """The content of a payload: its registered class, or `UnknownContent`."""
    cls = _REGISTRY.get(payload.type)
    if cls is None:
        return UnknownContent.decode(payload)
    try:
        return cls.decode(payload)
    except (ValueError, TypeError, KeyError, AttributeError):
        return UnknownContent.decode(payload)


def effective_flag(payload: Payload) -> int:
    """What to do with a message: the sender's flag, or the type's own when he gave none.

    Notices that the server makes, and messages through its API, often carry no flag (server-api spec 4.14).
    """
    if payload.persist_flag or payload.type not in _REGISTRY:
        return payload.persist_flag
    return int(_REGISTRY[payload.type].FLAG)


def pack(value: Mapping[str, Any]) -> bytes:
    """A JSON object as the binary part of a payload; None members are left out."""
    return json.dumps(
        {k: v for k, v in value.items() if v is not None}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def unpack(data: bytes | str) -> dict[str, Any]:
    """The JSON object in a part of a payload; an empty one when there is none."""
    try:
        value = json.loads(data) if data else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
