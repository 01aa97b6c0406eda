"""Texts, cards, links, places and the small signals (Wildfire types 1, 4, 8 to 10, 14, 15, 80, 81, 90 to 93)."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from wildfire_client.contents.base import Content, pack, register_builtin, unpack
from wildfire_client.digest import Digester
from wildfire_client.payload import Payload, PersistFlag

QUOTE_DIGEST_LENGTH = 48
"""Characters of the quoted message that travel with a quote."""


@dataclass(frozen=True)
class Quote:
    """The message that a text answers. `uid` is decimal; `name` and `digest` are what the reader sees."""

    uid: str
    user_id: str
    name: str
    digest: str


@register_builtin
@dataclass(frozen=True)
class TextContent(Content):
    """A text, possibly an answer to another message."""

    TYPE: ClassVar[int] = 1
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    text: str
    quote: Quote | None = None

    def digest(self, words: Digester) -> str:
        """The text on one line."""
        return " ".join(self.text.split())

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"searchable_content": self.text}
        if self.quote is not None:
            quoted = self.quote.digest[:QUOTE_DIGEST_LENGTH]
            uid = int(self.quote.uid or 0)
            fields["binary"] = pack(
                {"quote": {"u": uid, "i": self.quote.user_id, "n": self.quote.name, "d": quoted}},
            )
        return fields

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        quote = unpack(payload.binary).get("quote")
        if not isinstance(quote, dict):
            return {"text": payload.searchable_content}
        return {
            "text": payload.searchable_content,
            "quote": Quote(str(quote.get("u", "")), quote.get("i", ""), quote.get("n", ""), quote.get("d", "")),
        }


@register_builtin
@dataclass(frozen=True)
class PTextContent(TextContent):
    """A text that does not count as unread, such as an automatic greeting."""

    TYPE: ClassVar[int] = 9
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED


@register_builtin
@dataclass(frozen=True)
class LocationContent(Content):
    """A place. Degrees; `thumbnail` is a small JPEG of the map."""

    TYPE: ClassVar[int] = 4
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    title: str
    latitude: float
    longitude: float
    thumbnail: bytes = b""

    def digest(self, words: Digester) -> str:
        """The mark of a place and its title."""
        return words.text("location", title=self.title)

    def _fields(self) -> dict[str, Any]:
        return {
            "searchable_content": self.title,
            "content": pack({"lat": self.latitude, "long": self.longitude}).decode(),
            "binary": self.thumbnail,
        }

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        place = unpack(payload.content)
        if not place and payload.content.count(",") == 1:
            # One of the server SDKs writes "lat,long".
            place = dict(zip(("lat", "long"), payload.content.split(","), strict=True))
        latitude, longitude = float(place.get("lat", 0)), float(place.get("long", 0))
        if not (math.isfinite(latitude) and math.isfinite(longitude)):
            raise ValueError("not a place")
        return {
            "title": payload.searchable_content,
            "latitude": latitude,
            "longitude": longitude,
            "thumbnail": payload.binary,
        }


@register_builtin
@dataclass(frozen=True)
class LinkContent(Content):
    """A web page."""

    TYPE: ClassVar[int] = 8
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    title: str
    url: str
    summary: str = ""
    thumbnail_url: str = ""

    def digest(self, words: Digester) -> str:
        """The title, else the summary, else the address."""
        return words.text("link", title=self.title or self.summary or self.url)

    def _fields(self) -> dict[str, Any]:
        return {
            "searchable_content": self.title,
            "binary": pack({"d": self.summary, "u": self.url, "t": self.thumbnail_url}),
        }

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        link = unpack(payload.binary)
        return {
            "title": payload.searchable_content,
            "url": link.get("u") or "",
            "summary": link.get("d") or "",
            "thumbnail_url": link.get("t") or "",
        }


class CardKind(IntEnum):
    """Whose card it is."""

    USER = 0
    GROUP = 1
    CHATROOM = 2
    CHANNEL = 3


_CARD_TEXTS: dict[int, str] = {
    CardKind.USER: "card_user",
    CardKind.GROUP: "card_group",
    CardKind.CHATROOM: "card_chatroom",
    CardKind.CHANNEL: "card_channel",
}


@register_builtin
@dataclass(frozen=True)
class CardContent(Content):
    """The card of a user, group, chatroom or channel; `sender` is who recommends it."""

    TYPE: ClassVar[int] = 10
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    target: str
    kind: int = CardKind.USER
    name: str = ""
    display_name: str = ""
    portrait: str = ""
    sender: str = ""

    def digest(self, words: Digester) -> str:
        """The kind of card and the name on it."""
        kind = _CARD_TEXTS.get(self.kind, _CARD_TEXTS[CardKind.USER])
        return words.text(kind, name=self.display_name or self.name or self.target)

    def _fields(self) -> dict[str, Any]:
        card = {"t": self.kind, "n": self.name, "d": self.display_name, "p": self.portrait, "f": self.sender}
        return {"content": self.target, "binary": pack(card)}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        card = unpack(payload.binary)
        return {
            "target": payload.content,
            "kind": int(card.get("t") or 0),
            "name": card.get("n") or "",
            "display_name": card.get("d") or "",
            "portrait": card.get("p") or "",
            "sender": card.get("f") or "",
        }


@dataclass(frozen=True)
class _StreamingText(Content):
    text: str
    stream_id: str

    def digest(self, words: Digester) -> str:
        """The text on one line."""
        return " ".join(self.text.split())

    def _fields(self) -> dict[str, Any]:
        return {"searchable_content": self.text, "content": self.stream_id}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"text": payload.searchable_content, "stream_id": payload.content}


@register_builtin
@dataclass(frozen=True)
class StreamingTextGeneratingContent(_StreamingText):
    """A text that grows, as a language model writes it: always the whole text so far."""

    TYPE: ClassVar[int] = 14
    FLAG: ClassVar[PersistFlag] = PersistFlag.TRANSPARENT

    def digest(self, words: Digester) -> str:
        """The text so far, marked as unfinished."""
        return words.text("streaming", text=" ".join(self.text.split()))


@register_builtin
@dataclass(frozen=True)
class StreamingTextContent(_StreamingText):
    """The finished text; it replaces the growing one with the same stream id."""

    TYPE: ClassVar[int] = 15
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED


@dataclass(frozen=True)
class RecalledOriginal:
    """What a recalled message said, for "edit again". `time` is milliseconds since 1970."""

    sender: str
    type: int
    text: str
    content: str
    extra: str
    time: int


@dataclass(frozen=True)
class _MessageEvent(Content):
    KEY: ClassVar[str]

    operator: str
    uid: str = ""

    def digest(self, words: Digester) -> str:
        """Who did it."""
        return words.text(self.KEY, who=words.person(self.operator, subject=True))

    def _fields(self) -> dict[str, Any]:
        return {"content": self.operator, "binary": self.uid.encode()}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"operator": payload.content, "uid": payload.binary.decode("ascii", "replace")}


@register_builtin
@dataclass(frozen=True)
class RecallContent(_MessageEvent):
    """What stands in the place of a recalled message, and the event that recalls it; `uid` is the recalled one's."""

    TYPE: ClassVar[int] = 80
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED
    KEY: ClassVar[str] = "recall"

    @property
    def original(self) -> RecalledOriginal | None:
        """What was recalled, when the server kept it in `extra`."""
        kept = unpack(self.extra)
        if not kept:
            return None
        return RecalledOriginal(
            sender=str(kept.get("s") or ""),
            type=int(kept.get("t") or 0),
            text=str(kept.get("sc") or ""),
            content=str(kept.get("c") or ""),
            extra=str(kept.get("e") or ""),
            time=int(kept.get("ts") or 0),
        )


@register_builtin
@dataclass(frozen=True)
class DeleteContent(_MessageEvent):
    """The event that deletes a message, for one reader or for all; `uid` is the deleted one's."""

    TYPE: ClassVar[int] = 81
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "delete"

    @property
    def through(self) -> int | None:
        """The last seq that goes, when the event deletes a stretch of messages."""
        through = unpack(self.extra).get("through")
        return through if isinstance(through, int) else None


@register_builtin
@dataclass(frozen=True)
class EditContent(_MessageEvent):
    """The event that replaces the content of a message; `uid` is that message's."""

    TYPE: ClassVar[int] = 32
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "edit"


@register_builtin
@dataclass(frozen=True)
class ReactionContent(_MessageEvent):
    """The event of a reaction to a message; `uid` is that message's."""

    TYPE: ClassVar[int] = 33
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "reaction"

    @property
    def emoji(self) -> str:
        """What it is."""
        return str(unpack(self.extra).get("emoji") or "")

    @property
    def on(self) -> bool:
        """Whether it was given, not taken away."""
        return bool(unpack(self.extra).get("on"))


@register_builtin
@dataclass(frozen=True)
class TipContent(Content):
    """A grey line between the bubbles."""

    TYPE: ClassVar[int] = 90
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED

    text: str

    def digest(self, words: Digester) -> str:
        """The text on one line."""
        return " ".join(self.text.split())

    def _fields(self) -> dict[str, Any]:
        return {"content": self.text}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"text": payload.content}


class TypingKind(IntEnum):
    """What the other side is preparing."""

    TEXT = 0
    VOICE = 1
    CAMERA = 2
    LOCATION = 3
    FILE = 4


@register_builtin
@dataclass(frozen=True)
class TypingContent(Content):
    """The other side is preparing a message at this moment."""

    TYPE: ClassVar[int] = 91
    FLAG: ClassVar[PersistFlag] = PersistFlag.TRANSPARENT

    kind: int = TypingKind.TEXT

    def digest(self, words: Digester) -> str:
        """Somebody is typing."""
        return words.text("typing", who=words.person("", subject=True))

    def _fields(self) -> dict[str, Any]:
        return {"content": str(int(self.kind))}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"kind": int(payload.content or 0)}


@dataclass(frozen=True)
class _FixedContent(Content):
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED
    KEY: ClassVar[str]

    def digest(self, words: Digester) -> str:
        """The fixed text."""
        return words.text(self.KEY)


@register_builtin
@dataclass(frozen=True)
class FriendGreetingContent(_FixedContent):
    """Made by the server when two users became friends: they may chat now."""

    TYPE: ClassVar[int] = 92
    KEY: ClassVar[str] = "greeting"


@register_builtin
@dataclass(frozen=True)
class FriendAddedContent(_FixedContent):
    """Made by the server when two users became friends."""

    TYPE: ClassVar[int] = 93
    KEY: ClassVar[str] = "friend_added"


def quote_of(uid: str, user_id: str, name: str, content: Content, words: Digester) -> Quote:
    """A quote of a message, its digest cut to what travels."""
    return Quote(uid, user_id, name, content.digest(words)[:QUOTE_DIGEST_LENGTH])
