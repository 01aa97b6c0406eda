"""Contents: what is encoded is decoded again, in Wildfire's form, and has a line for lists in both languages."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from wildfire_client import (
    Article,
    ArticlesContent,
    CardContent,
    CardKind,
    ChannelEntered,
    ChannelLeft,
    ChannelMenuChosen,
    CompositeContent,
    CompositeItem,
    Content,
    DeleteContent,
    Digester,
    FileContent,
    ImageContent,
    LinkContent,
    LocationContent,
    Mention,
    Menu,
    Payload,
    PersistFlag,
    PTextContent,
    Quote,
    RecallContent,
    StickerContent,
    StreamingTextContent,
    StreamingTextGeneratingContent,
    TextContent,
    TipContent,
    TypingContent,
    TypingKind,
    UnknownContent,
    VideoContent,
    VoiceContent,
    add_language,
    contents,
    quote_of,
    register_content,
)
from wildfire_client.contents import base
from wildfire_client.contents.notices import GroupNotice

NOTICES = [cls for cls in base._REGISTRY.values() if issubclass(cls, GroupNotice)]
ITEM = CompositeItem(
    uid="550000000000000128",
    conversation_type=1,
    target="team",
    line=0,
    sender="bob",
    time=1_700_000_000_000,
    # The items of a forwarded chat have no persist flag.
    payload=Payload(1, "inner", mentioned_type=Mention.SOME, mentioned_targets=("alice",)),
    to=("alice",),
    direction=1,
    status=5,
)
SAMPLES: list[Content] = [
    TextContent("hello 你好"),
    TextContent("answer", quote=Quote("550000000000000128", "bob", "Bob", "the question")),
    TextContent("@all", mentioned_type=Mention.ALL, extra="x", push_content="p", push_data="d", expire_duration=9),
    PTextContent("greetings"),
    VoiceContent(7, url="https://m/v.amr"),
    ImageContent(b"\xff\xd8", 640, 480, url="https://m/i.jpg"),
    ImageContent(url="https://m/i.jpg"),
    LocationContent("Tower", 31.2397, -121.4998, b"\xff\xd8"),
    FileContent("report.pdf", 12_345, url="https://m/r.pdf"),
    VideoContent(12, b"\xff\xd8", url="https://m/v.mp4"),
    StickerContent(200, 100, url="https://m/s.gif"),
    ArticlesContent(Article("1", "Rain", "https://m/1"), (Article("2", "Sun", "https://m/2"),)),
    ChannelEntered(),
    ChannelLeft(),
    ChannelMenuChosen(Menu("1", "click", "Today", "today")),
    LinkContent("Title", "https://example.com", "summary", "https://example.com/t.png"),
    CardContent("bob", CardKind.GROUP, "bob1", "Bob", "https://m/p.png", "alice"),
    CompositeContent("Chat of alice and bob", (ITEM, ITEM), url="https://m/full.json"),
    StreamingTextGeneratingContent("The answer is", "stream-1"),
    StreamingTextContent("The answer is 42.", "stream-1"),
    RecallContent("bob", "550000000000000128"),
    DeleteContent("bob", "550000000000000128"),
    contents.EditContent("bob", "550000000000000128"),
    contents.ReactionContent("bob", "550000000000000128"),
    TipContent("a tip"),
    TypingContent(TypingKind.FILE),
    contents.FriendGreetingContent(),
    contents.FriendAddedContent(),
    base._REGISTRY[125]((("bob", 2), ("carol", 3))),  # type: ignore[call-arg]
    *[cls("team", "bob", "1", "carol", ("carol", "dave")) for cls in NOTICES],
    UnknownContent(Payload(type=4711, content="kept", binary=b"\x00", persist_flag=3)),
]


@pytest.mark.parametrize("content", SAMPLES, ids=lambda content: type(content).__name__)
def test_a_content_survives_the_wire(content: Content) -> None:
    wire = json.loads(json.dumps(content.encode().to_wire()))
    again = contents.decode(Payload.from_wire(wire))
    assert again == content
    assert again.encode() == content.encode()


@pytest.mark.parametrize("content", SAMPLES, ids=lambda content: type(content).__name__)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_content_has_a_line(content: Content, language: str) -> None:
    line = content.digest(Digester(language, "alice"))
    assert line
    assert "\n" not in line
    assert "{" not in line


def test_every_registered_type_is_sampled() -> None:
    assert {cls.TYPE for cls in base._REGISTRY.values()} <= {sample.encode().type for sample in SAMPLES}


@pytest.mark.parametrize("content_type", sorted(base._REGISTRY))
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": "not json", "base64edData": "bm90IGpzb24="},
        {"content": "[1]", "base64edData": "WzFd"},
        {"content": '{"w":"x","duration":[],"lat":"x","d":{}}', "base64edData": "eyJtcyI6MSwicXVvdGUiOjEsIm1pIjoxfQ=="},
        {"base64edData": "***", "mentionedTarget": None, "searchableContent": None},
    ],
)
def test_a_broken_payload_stays_a_message(content_type: int, body: dict[str, Any]) -> None:
    payload = Payload.from_wire({"type": content_type} | body)
    content = contents.decode(payload)
    assert isinstance(content.digest(Digester("en", "alice")), str)
    assert content.encode().type == content_type


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TextContent("hi"), {"type": 1, "searchableContent": "hi", "persistFlag": 3}),
        (VoiceContent(7), {"type": 2, "searchableContent": "[声音]", "content": '{"duration":7}', "mediaType": 2}),
        (FileContent("a.txt", 5), {"type": 5, "searchableContent": "a.txt", "content": "5", "mediaType": 4}),
        (VideoContent(3), {"type": 6, "content": '{"d":3,"duration":3}', "mediaType": 3}),
        (StickerContent(1, 2), {"type": 7, "base64edData": "eyJ4IjoxLCJ5IjoyfQ==", "mediaType": 7}),
        (RecallContent("bob", "128"), {"type": 80, "content": "bob", "base64edData": "MTI4", "persistFlag": 1}),
        (TypingContent(TypingKind.VOICE), {"type": 91, "content": "1", "persistFlag": 4}),
    ],
)
def test_payloads_have_wildfires_fields(content: Content, expected: dict[str, Any]) -> None:
    wire = content.encode().to_wire()
    assert {key: wire.get(key) for key in expected} == expected


def test_a_quote_carries_a_number_and_at_most_48_characters() -> None:
    quote = quote_of("550000000000000128", "bob", "Bob", TextContent("x" * 100), Digester())
    wire = json.loads(TextContent("re", quote=quote).encode().binary)
    assert wire == {"quote": {"u": 550000000000000128, "i": "bob", "n": "Bob", "d": "x" * 48}}


def test_spellings_of_other_sdks_are_understood() -> None:
    place = contents.decode(Payload(type=4, searchable_content="T", content="31.5,121.25"))
    assert place == LocationContent("T", 31.5, 121.25)
    assert contents.decode(Payload(type=2, content="9", remote_media_url="u")) == VoiceContent(9, url="u")


def test_a_recall_keeps_what_was_said_for_another_edit() -> None:
    extra = json.dumps({"s": "bob", "ts": 5, "t": 1, "sc": "mistake", "c": "", "e": ""})
    content = contents.decode(Payload(type=80, content="bob", binary=b"128", extra=extra))
    assert isinstance(content, RecallContent)
    assert content.original is not None
    assert (content.original.text, content.original.sender, content.original.time) == ("mistake", "bob", 5)


def test_a_composite_lists_its_messages() -> None:
    content = CompositeContent("Chat", (ITEM,))
    assert content.lines(Digester("en", "alice")) == ["bob: inner"]
    assert content.encode().searchable_content == "inner"


@pytest.mark.parametrize(
    ("content", "english", "chinese"),
    [
        (ImageContent(), "[Image]", "[图片]"),
        (FileContent("a.txt", 1), "[File] a.txt", "[文件] a.txt"),
        (RecallContent("alice"), "You recalled a message", "你撤回了一条消息"),
        (contents.MembersAdded("g", "bob", members=("bob",)), "Bob joined the group", "Bob加入了群组"),
        (
            contents.MembersRemoved("g", "bob", members=("alice",)),
            "Bob removed you from the group",
            "Bob把你移出了群组",
        ),
        (contents.GroupMuteChanged("g", "bob", "1"), "Bob muted the group", "Bob开启了全员禁言"),
        (contents.GroupMuteChanged("g", "bob", "0"), "Bob unmuted the group", "Bob关闭了全员禁言"),
        (
            contents.MembersAllowed("g", "bob", "1", members=("alice", "carol")),
            "Bob allowed you, Carol to speak while the group is muted",
            "Bob允许你、Carol在全员禁言时发言",
        ),
        (UnknownContent(Payload(type=4711)), "[Message of an unknown type]", "[未知类型消息]"),
        (UnknownContent(Payload(type=4711, push_content="A poll")), "A poll", "A poll"),
    ],
)
def test_lines_read_well_in_both_languages(content: Content, english: str, chinese: str) -> None:
    assert content.digest(Digester("en", "alice", str.capitalize)) == english
    assert content.digest(Digester("zh", "alice", str.capitalize)) == chinese


def test_a_language_can_be_added() -> None:
    add_language("fr", {"image": "[Photo]"})
    assert ImageContent().digest(Digester("fr")) == "[Photo]"
    assert VoiceContent(1).digest(Digester("fr")) == "[Voice]"


@dataclass(frozen=True)
class OrderContent(Content):
    TYPE: ClassVar[int] = 1001
    FLAG: ClassVar[PersistFlag] = PersistFlag.COUNTED

    number: str

    def digest(self, words: Digester) -> str:
        return f"Order {self.number}"

    def _fields(self) -> dict[str, Any]:
        return {"content": self.number}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        return {"number": payload.content}


def test_an_application_adds_its_own_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    payload = OrderContent("A-1").encode()
    assert isinstance(contents.decode(payload), UnknownContent)
    register_content(OrderContent)
    assert contents.decode(payload) == OrderContent("A-1")
    assert register_content(OrderContent) is OrderContent


def test_reserved_and_taken_types_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    register_content(OrderContent)

    class Other(OrderContent):
        pass

    class Low(OrderContent):
        TYPE: ClassVar[int] = 999

    with pytest.raises(ValueError, match="OrderContent"):
        register_content(Other)
    with pytest.raises(ValueError, match="reserved"):
        register_content(Low)
