"""What channels send, and what their readers do with them (Wildfire types 13, 71 to 73)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from wildfire_client.contents.base import Content, pack, register_builtin, unpack
from wildfire_client.digest import Digester
from wildfire_client.objects import Menu
from wildfire_client.payload import Payload, PersistFlag


@dataclass(frozen=True, slots=True)
class Article:
    """One article. `cover` and `url` are addresses; `reports_reads` asks for a receipt of each reading."""

    id: str
    title: str
    url: str
    cover: str = ""
    summary: str = ""
    reports_reads: bool = False

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            id=str(wire.get("id") or ""),
            title=str(wire.get("title") or ""),
            url=str(wire.get("url") or ""),
            cover=str(wire.get("cover") or ""),
            summary=str(wire.get("digest") or ""),
            reports_reads=bool(wire.get("rr")),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {
            "id": self.id,
            "cover": self.cover,
            "title": self.title,
            "digest": self.summary,
            "url": self.url,
            "rr": self.reports_reads,
        }


@register_builtin
@dataclass(frozen=True)
class ArticlesContent(Content):
    """An article of a channel, and more below it."""

    TYPE: ClassVar[int] = 13
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    top: Article
    others: tuple[Article, ...] = ()

    def digest(self, words: Digester) -> str:
        """The title of the first one."""
        return words.text("articles", title=self.top.title)

    def _fields(self) -> dict[str, Any]:
        articles = {"top": self.top.to_wire(), "subArticles": [each.to_wire() for each in self.others] or None}
        return {"searchable_content": self.top.title, "binary": pack(articles)}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        wire = unpack(payload.binary)
        return {
            "top": Article.from_wire(wire.get("top") or {"title": payload.searchable_content}),
            "others": tuple(Article.from_wire(each) for each in wire.get("subArticles") or ()),
        }


@dataclass(frozen=True)
class _ChannelEvent(Content):
    FLAG: ClassVar[PersistFlag] = PersistFlag.TRANSPARENT
    KEY: ClassVar[str]

    def digest(self, words: Digester) -> str:
        """What a reader does, for the channel's service."""
        return words.text(self.KEY, who=words.person("", subject=True))


@register_builtin
@dataclass(frozen=True)
class ChannelEntered(_ChannelEvent):
    """The reader looks at the channel: send it into his dialog."""

    TYPE: ClassVar[int] = 71
    KEY: ClassVar[str] = "channel_entered"


@register_builtin
@dataclass(frozen=True)
class ChannelLeft(_ChannelEvent):
    """The reader looks elsewhere."""

    TYPE: ClassVar[int] = 72
    KEY: ClassVar[str] = "channel_left"


@register_builtin
@dataclass(frozen=True)
class ChannelMenuChosen(_ChannelEvent):
    """The reader chose an entry of the channel's menu."""

    TYPE: ClassVar[int] = 73
    KEY: ClassVar[str] = "channel_menu"

    menu: Menu

    def digest(self, words: Digester) -> str:
        """Which entry was chosen."""
        return words.text(self.KEY, who=words.person("", subject=True), name=self.menu.name)

    def _fields(self) -> dict[str, Any]:
        return {"content": json.dumps(self.menu.to_wire(), ensure_ascii=False, separators=(",", ":"))}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"menu": Menu.from_wire(unpack(payload.content))}
