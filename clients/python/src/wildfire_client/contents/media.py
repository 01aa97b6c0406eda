"""Contents with a file (Wildfire types 2, 3, 5, 6, 7) and forwarded chats (11)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from wildfire_client.contents.base import MediaContent, decode, pack, register_builtin, unpack
from wildfire_client.digest import Digester
from wildfire_client.payload import MediaType, Payload, PersistFlag


@register_builtin
@dataclass(frozen=True)
class VoiceContent(MediaContent):
    """A voice message; `duration` in seconds."""

    TYPE: ClassVar[int] = 2
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.VOICE

    duration: int

    def digest(self, words: Digester) -> str:
        """The mark of a voice message."""
        return words.text("voice")

    def _fields(self) -> dict[str, Any]:
        return self._media() | {"searchable_content": "[声音]", "content": pack({"duration": self.duration}).decode()}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        # One of the server SDKs writes the bare number.
        plain = payload.content if payload.content.isdigit() else 0
        return {"duration": int(unpack(payload.content).get("duration") or plain), "url": payload.remote_media_url}


@register_builtin
@dataclass(frozen=True)
class ImageContent(MediaContent):
    """A picture; `thumbnail` is a JPEG of at most about 120 pixels, `width` and `height` are the picture's or 0."""

    TYPE: ClassVar[int] = 3
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.IMAGE

    thumbnail: bytes = b""
    width: int = 0
    height: int = 0

    def digest(self, words: Digester) -> str:
        """The mark of a picture."""
        return words.text("image")

    def _fields(self) -> dict[str, Any]:
        size = pack({"w": self.width, "h": self.height}).decode() if self.width and self.height else ""
        return self._media() | {"searchable_content": "[图片]", "content": size, "binary": self.thumbnail}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        size = unpack(payload.content)
        return {
            "thumbnail": payload.binary,
            "width": int(size.get("w") or 0),
            "height": int(size.get("h") or 0),
            "url": payload.remote_media_url,
        }


@register_builtin
@dataclass(frozen=True)
class FileContent(MediaContent):
    """Any file; `size` in bytes."""

    TYPE: ClassVar[int] = 5
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.FILE

    name: str
    size: int

    def digest(self, words: Digester) -> str:
        """The mark of a file and its name."""
        return words.text("file", name=self.name)

    def _fields(self) -> dict[str, Any]:
        return self._media() | {"searchable_content": self.name, "content": str(self.size)}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        size = int(payload.content) if payload.content.isdecimal() else 0
        return {"name": payload.searchable_content, "size": size, "url": payload.remote_media_url}


@register_builtin
@dataclass(frozen=True)
class VideoContent(MediaContent):
    """A video; `duration` in seconds, `thumbnail` a small JPEG."""

    TYPE: ClassVar[int] = 6
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.VIDEO

    duration: int
    thumbnail: bytes = b""

    def digest(self, words: Digester) -> str:
        """The mark of a video."""
        return words.text("video")

    def _fields(self) -> dict[str, Any]:
        length = pack({"d": self.duration, "duration": self.duration}).decode()
        return self._media() | {"searchable_content": "[视频]", "content": length, "binary": self.thumbnail}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        length = unpack(payload.content)
        return {
            "duration": int(length.get("duration") or length.get("d") or 0),
            "thumbnail": payload.binary,
            "url": payload.remote_media_url,
        }


@register_builtin
@dataclass(frozen=True)
class StickerContent(MediaContent):
    """An animated picture; `width` and `height` in pixels."""

    TYPE: ClassVar[int] = 7
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.STICKER

    width: int = 0
    height: int = 0

    def digest(self, words: Digester) -> str:
        """The mark of a sticker."""
        return words.text("sticker")

    def _fields(self) -> dict[str, Any]:
        size = pack({"x": self.width, "y": self.height})
        return self._media() | {"searchable_content": "[动态表情]", "binary": size}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        size = unpack(payload.binary)
        return {
            "width": int(size.get("x") or 0),
            "height": int(size.get("y") or 0),
            "url": payload.remote_media_url,
        }


@dataclass(frozen=True)
class CompositeItem:
    """One message inside a forwarded chat, with its payload as it was.

    `direction` is 0 when the forwarder had sent the message and 1 when he had received it; `time` is milliseconds.
    """

    uid: str
    conversation_type: int
    target: str
    line: int
    sender: str
    time: int
    payload: Payload
    to: tuple[str, ...] = ()
    direction: int = 0
    status: int = 0

    def to_json(self) -> dict[str, Any]:
        """The item in the JSON of the content."""
        wire = self.payload.to_wire()
        return {
            "uid": int(self.uid or 0),
            "type": self.conversation_type,
            "target": self.target,
            "line": self.line,
            "from": self.sender,
            "tos": list(self.to),
            "direction": self.direction,
            "status": self.status,
            "serverTime": self.time,
            **{short: wire[name] for short, name in _ITEM_FIELDS.items() if name in wire},
        }

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Self:
        """Read one item."""
        return cls(
            uid=str(item.get("uid") or ""),
            conversation_type=int(item.get("type") or 0),
            target=str(item.get("target") or ""),
            line=int(item.get("line") or 0),
            sender=str(item.get("from") or ""),
            time=int(item.get("serverTime") or 0),
            payload=Payload.from_wire({name: item[short] for short, name in _ITEM_FIELDS.items() if short in item}),
            to=tuple(item.get("tos") or ()),
            direction=int(item.get("direction") or 0),
            status=int(item.get("status") or 0),
        )


_ITEM_FIELDS = {
    "ctype": "type",
    "csc": "searchableContent",
    "cpc": "pushContent",
    "cpd": "pushData",
    "cc": "content",
    "cbc": "base64edData",
    "cmt": "mentionedType",
    "cmts": "mentionedTarget",
    "ce": "extra",
    "mt": "mediaType",
    "mru": "remoteMediaUrl",
}


@register_builtin
@dataclass(frozen=True)
class CompositeContent(MediaContent):
    """Forwarded chat: several messages under a title. A very long one has its full list in the file at `url`."""

    TYPE: ClassVar[int] = 11
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED
    MEDIA: ClassVar[MediaType] = MediaType.GENERAL

    title: str
    items: tuple[CompositeItem, ...]

    def digest(self, words: Digester) -> str:
        """The mark of a forwarded chat and its title."""
        return words.text("composite", title=self.title)

    def lines(self, words: Digester) -> list[str]:
        """One line for each message inside."""
        return [f"{words.person(item.sender)}: {decode(item.payload).digest(words)}" for item in self.items]

    def _fields(self) -> dict[str, Any]:
        searchable = " ".join(item.payload.searchable_content for item in self.items if item.payload.searchable_content)
        return self._media() | {
            "content": self.title,
            "searchable_content": searchable,
            "binary": pack({"ms": [item.to_json() for item in self.items]}),
        }

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        items = unpack(payload.binary).get("ms") or ()
        return {
            "title": payload.content,
            "items": tuple(CompositeItem.from_json(item) for item in items),
            "url": payload.remote_media_url,
        }
