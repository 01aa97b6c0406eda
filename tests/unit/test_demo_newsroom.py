"""The demo channel's newsroom: whom it welcomes, what it answers, what it publishes, and whom it believes."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from demo.channel.newsroom import ABOUT_US, MENU, NOTHING_YET, WELCOME, Newsroom, article, text
from demo.robot.handler import Callback

SECRET = "s3cret"


class Server:
    """Keeps what is said, and to whom."""

    def __init__(self) -> None:
        self.said: list[tuple[dict[str, Any], list[str]]] = []

    def send(self, payload: dict[str, Any], targets: Sequence[str] = ()) -> dict[str, Any]:
        self.said.append((payload, list(targets)))
        return {}


def message(kind: int, **payload: Any) -> dict[str, Any]:
    return {"messageId": 1, "sender": "ann", "payload": {"type": kind, "content": "", **payload}, "toUsers": []}


def tap(key: str) -> dict[str, Any]:
    return message(73, content=json.dumps({"key": key}))


def test_who_subscribes_is_welcomed_and_who_leaves_is_let_go() -> None:
    server = Server()
    newsroom = Newsroom(server)
    for status in (1, 0):
        newsroom.hear({"userId": "ann", "channelId": "news", "status": status})

    assert server.said == [(text(WELCOME), ["ann"])]


def test_what_a_user_writes_is_acknowledged_in_his_dialog_and_what_is_no_text_is_not() -> None:
    server = Server()
    newsroom = Newsroom(server)
    newsroom.hear(message(1, searchableContent="a question"))
    for kind in (3, 71, 72, 91):
        newsroom.hear(message(kind))

    [(payload, targets)] = server.said
    assert targets == ["ann"]
    assert "a question" in payload["searchableContent"]


def test_every_entry_of_the_menu_has_an_answer() -> None:
    server = Server()
    newsroom = Newsroom(server)
    for entry in MENU:
        newsroom.hear(tap(entry["key"]))
    newsroom.publish("Extra!", "digest")
    newsroom.hear(tap("latest"))
    newsroom.hear(tap("unknown"))

    extra = article("Extra!", "digest")
    expected = [(text(NOTHING_YET), ["ann"]), (text(ABOUT_US), ["ann"]), (extra, []), (extra, ["ann"])]
    assert server.said == expected


def test_an_article_is_written_as_wildfire_writes_it() -> None:
    made = article("Title", "Digest", "https://u", "https://c")

    assert (made["type"], made["searchableContent"], made["persistFlag"]) == (13, "Title", 3)
    top = json.loads(base64.b64decode(made["base64edData"]))["top"]
    assert (top["title"], top["digest"], top["url"], top["cover"]) == ("Title", "Digest", "https://u", "https://c")


def test_only_the_server_is_believed() -> None:
    server = Server()
    callback = Callback(Newsroom(server), SECRET)

    assert callback.take(json.dumps(message(1, searchableContent="hi")).encode(), {}) == 401
    assert server.said == []
