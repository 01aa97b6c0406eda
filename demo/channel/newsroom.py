"""What the newsroom says, and to whom."""

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from demo.calls import Caller, Json

TEXT, ARTICLES, MENU_TAP = 1, 13, 73
STORED = 3
SUBSCRIBED = 1
LATEST, ABOUT = "latest", "about"
MENU: list[Json] = [
    {"menuId": "1", "type": "click", "name": "Latest (最新)", "key": LATEST},
    {"menuId": "2", "type": "click", "name": "About (关于)", "key": ABOUT},
]
WELCOME = "Welcome! You get what we publish from now on. Write to us here, or tap the menu."
RECEIVED = "Thank you, the newsroom has read it: {text}"
NOTHING_YET = "Nothing has been published yet."
ABOUT_US = "The newsroom of this demo. It speaks to all its subscribers at once, and with each of them alone."


class Api(Protocol):
    """What it needs of the server."""

    def send(self, payload: Json, targets: Sequence[str] = ()) -> Json:
        """Speak to some users, or to all who subscribe."""


class ChannelApi(Caller):
    """The paths under ``/channel``.

    Args:
        url: the server API's address.
        channel: the channel's id.
        secret: what it signs with.
        clock: the time, s.
    """

    def __init__(self, url: str, channel: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(url, "cid", channel, secret, clock)

    def send(self, payload: Json, targets: Sequence[str] = ()) -> Json:
        """Speak to some users, or to all who subscribe."""
        return self.call("/channel/message/send", {"targets": list(targets), "payload": payload})


def text(words: str) -> Json:
    """A text."""
    return {"type": TEXT, "searchableContent": words, "persistFlag": STORED}


def article(title: str, digest: str = "", url: str = "", cover: str = "") -> Json:
    """A message with one article."""
    top = {"id": title, "cover": cover, "title": title, "digest": digest, "url": url, "rr": False}
    content = json.dumps({"top": top, "subArticles": []}, ensure_ascii=False)
    encoded = base64.b64encode(content.encode()).decode()
    return {"type": ARTICLES, "searchableContent": title, "base64edData": encoded, "persistFlag": STORED}


class Newsroom:
    """Publishes, and answers.

    Args:
        api: the server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._latest: Json | None = None

    def publish(self, title: str, digest: str = "", url: str = "") -> None:
        """Broadcast an article."""
        self._latest = article(title, digest, url)
        self._api.send(self._latest)

    def hear(self, body: Any) -> None:
        """Deal with a callback: a message of a user, or his coming or going."""
        if "status" in body:
            if body["status"] == SUBSCRIBED:
                self._api.send(text(WELCOME), [body["userId"]])
            return
        answer = self._answer(body["payload"])
        if answer is not None:
            self._api.send(answer, [body["sender"]])

    def _answer(self, payload: Json) -> Json | None:
        match payload["type"]:
            case int(kind) if kind == TEXT:
                return text(RECEIVED.format(text=payload["searchableContent"]))
            case int(kind) if kind == MENU_TAP:
                tapped = json.loads(payload["content"] or "{}").get("key")
                if tapped == LATEST:
                    return self._latest or text(NOTHING_YET)
                return text(ABOUT_US) if tapped == ABOUT else None
        return None
