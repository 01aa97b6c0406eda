"""The receiver of docs/callbacks.md does what the page says."""

import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from im.callback.model import Event
from im.platform.webhooks import WebhookFailed, Webhooks

PAGE = Path(__file__).parents[3] / "docs/callbacks.md"
SECRET = "the text of CallbackSecret"


class Example:
    """The page's receiver at work."""

    def __init__(self) -> None:
        [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        self.happened: list[tuple[str, Any]] = []
        self.names: dict[str, Any] = {"__name__": "example"}
        exec(compile(source, PAGE.name, "exec"), self.names)
        self.names["happened"] = lambda path, event: self.happened.append((path, event))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.names["Receiver"])
        self.url = f"http://127.0.0.1:{self.server.server_port}/im_event/message"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    there = Example()
    yield there
    there.server.shutdown()
    there.server.server_close()


def test_it_takes_what_we_sign_once(example: Example) -> None:
    hooks = Webhooks(allow_private=True)
    for _ in range(2):
        assert hooks.post(example.url, b'{"messageId":1}', message_id="one", secret=SECRET).status == 200
    hooks.post(example.url, b'{"messageId":2}', message_id="two", secret=["another", SECRET])

    assert example.happened == [("/im_event/message", {"messageId": 1}), ("/im_event/message", {"messageId": 2})]


def test_it_refuses_forgeries_and_replays(example: Example) -> None:
    before = list(example.happened)
    attempts = [
        (Webhooks(allow_private=True), "forged"),
        (Webhooks(allow_private=True), None),
        (Webhooks(allow_private=True, clock=lambda: 1_000_000_000_000), SECRET),
    ]
    for hooks, secret in attempts:
        with pytest.raises(WebhookFailed) as refusal:
            hooks.post(example.url, b'{"messageId":3}', message_id="three", secret=secret)
        assert refusal.value.status == 401

    assert example.happened == before


def test_the_page_tells_every_key() -> None:
    text = PAGE.read_text()

    assert [event for event in Event if f"| `{event.value}` |" not in text] == []
