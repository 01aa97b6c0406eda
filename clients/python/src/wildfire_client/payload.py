"""The message payload as it travels: Wildfire's field names on the wire, Python's in the program."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self


class PersistFlag(IntEnum):
    """What becomes of a message that arrives."""

    NONE = 0
    """Delivered reliably, but not shown."""
    STORED = 1
    """Shown, does not count as unread."""
    COUNTED = 3
    """Shown and counted as unread."""
    TRANSPARENT = 4
    """Only for those who are online at this moment; nobody stores it."""


class MediaType(IntEnum):
    """The kind of an uploaded file; the server chooses where it is kept by this."""

    GENERAL = 0
    IMAGE = 1
    VOICE = 2
    VIDEO = 3
    FILE = 4
    PORTRAIT = 5
    FAVORITE = 6
    STICKER = 7
    MOMENTS = 8


class Mention(IntEnum):
    """Whom a message mentions."""

    NOBODY = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class Payload:
    """One message content in its wire form. `binary` is what `base64edData` holds, decoded."""

    type: int
    searchable_content: str = ""
    push_content: str = ""
    push_data: str = ""
    content: str = ""
    binary: bytes = b""
    media_type: int = 0
    remote_media_url: str = ""
    persist_flag: int = 0
    expire_duration: int = 0
    mentioned_type: int = 0
    mentioned_targets: tuple[str, ...] = ()
    extra: str = ""

    def to_wire(self) -> dict[str, Any]:
        """The JSON object; fields that are empty are left out."""
        wire: dict[str, Any] = {
            "type": self.type,
            "searchableContent": self.searchable_content,
            "pushContent": self.push_content,
            "pushData": self.push_data,
            "content": self.content,
            "base64edData": base64.b64encode(self.binary).decode("ascii"),
            "mediaType": self.media_type,
            "remoteMediaUrl": self.remote_media_url,
            "persistFlag": self.persist_flag,
            "expireDuration": self.expire_duration,
            "mentionedType": self.mentioned_type,
            "mentionedTarget": list(self.mentioned_targets),
            "extra": self.extra,
        }
        return {key: value for key, value in wire.items() if value or key == "type"}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read a JSON object; absent and null fields are empty, and binary data that is not base64 counts as none."""
        try:
            binary = base64.b64decode(wire.get("base64edData") or "", validate=True)
        except (binascii.Error, ValueError):
            binary = b""
        return cls(
            type=int(wire.get("type") or 0),
            searchable_content=wire.get("searchableContent") or "",
            push_content=wire.get("pushContent") or "",
            push_data=wire.get("pushData") or "",
            content=wire.get("content") or "",
            binary=binary,
            media_type=int(wire.get("mediaType") or 0),
            remote_media_url=wire.get("remoteMediaUrl") or "",
            persist_flag=int(wire.get("persistFlag") or 0),
            expire_duration=int(wire.get("expireDuration") or 0),
            mentioned_type=int(wire.get("mentionedType") or 0),
            mentioned_targets=tuple(wire.get("mentionedTarget") or ()),
            extra=wire.get("extra") or "",
        )
