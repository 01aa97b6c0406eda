"""The demo robot: what it answers to what, and whom it believes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from demo.robot.handler import Callback
from demo.robot.talk import HELP, STORY, Fire
from demo.robot.webhook import NotSigned, verify
from im.platform.webhooks import signature
from im.robot.worker import signing_key

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
TO_ALICE = {"type": 0, "target": "alice", "line": 0}
TEAM = {"type": 1, "target": "team", "line": 2}


class Server:
    """Keeps what the robot says."""

    robot = "FireRobot"

    def __init__(self) -> None:
        self.said: list[tuple[Any, dict[str, Any]]] = []

    def send(self, conversation: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        self.said.append((conversation, payload))
        return {}

    def reply(self, message_uid: int, payload: dict[str, Any], *, only_to_sender: bool = False) -> dict[str, Any]:
        self.said.append((message_uid, payload))
        return {}

    def user(self, user_id: str) -> dict[str, Any]:
        return {"userId": user_id, "displayName": user_id.title()}


class Meeting:
    def __init__(self) -> None:
        self.server = Server()
        self.pauses: list[float] = []
        self.fire = Fire(self.server, self.pauses.append, lambda: NOW)

    def hear(self, text: str, *, group: bool = False, sender: str = "alice", **fields: Any) -> list[tuple[Any, Any]]:
        """What it says to a message."""
        conversation = TEAM if group else {"type": 0, "target": "FireRobot", "line": 0}
        payload = {"type": 1, "searchableContent": text, "mentionedType": 0, "mentionedTarget": [], **fields}
        self.fire.hear({"messageId": 7, "sender": sender, "conv": conversation, "payload": payload})
        said, self.server.said = self.server.said, []
        return said


def texts(said: list[tuple[Any, Any]]) -> list[str]:
    return [payload["searchableContent"] for _, payload in said]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("hello", "hello"),
        ("/help", HELP),
        ("帮助", HELP),
        ("/time", "2026-05-04 03:02:01 UTC"),
        ("Who am I?", "You are Alice (alice)."),
        ("@小火 几点", "2026-05-04 03:02:01 UTC"),
    ],
)
def test_it_answers_in_private(asked: str, answer: str) -> None:
    assert Meeting().hear(asked) == [(TO_ALICE, {"type": 1, "searchableContent": answer, "persistFlag": 3})]


def test_an_answer_grows_in_one_stream_and_only_its_end_is_stored() -> None:
    meeting = Meeting()
    said = meeting.hear("/stream")

    *steps, done = said
    assert {payload["content"] for _, payload in said} == {"stream-7"}
    assert {(payload["type"], payload["persistFlag"]) for _, payload in steps} == {(14, 4)}
    assert (done[1]["type"], done[1]["persistFlag"], done[1]["searchableContent"]) == (15, 3, STORY)
    grown = texts(steps)
    assert grown == sorted(grown, key=len)
    assert all(STORY.startswith(part) for part in grown)
    assert sum(meeting.pauses) < 8


def test_however_long_an_answer_is_it_is_there_before_the_server_loses_patience() -> None:
    meeting = Meeting()
    meeting.hear("/stream " + "x" * 5_000)

    assert sum(meeting.pauses) < 8


def test_in_a_group_it_answers_who_mentions_it_and_nobody_else() -> None:
    meeting = Meeting()
    assert meeting.hear("hello", group=True) == []
    assert meeting.hear("hello", group=True, mentionedType=2) == []
    assert meeting.hear("hello", group=True, mentionedType=1, mentionedTarget=["bob"]) == []

    [(uid, payload)] = meeting.hear("@小火 hello", group=True, mentionedType=1, mentionedTarget=["FireRobot"])
    assert (uid, payload["searchableContent"]) == (7, "@Alice hello")
    assert (payload["mentionedType"], payload["mentionedTarget"]) == (1, ["alice"])


def test_it_does_not_talk_to_itself_or_answer_what_is_no_message() -> None:
    meeting = Meeting()

    assert meeting.hear("hello", sender="FireRobot") == []
    assert meeting.hear("hello", type=105) == meeting.hear("hello", type=15) == []


def test_what_it_cannot_do_it_says() -> None:
    assert "see pictures" in texts(Meeting().hear("", type=3))[0]
    [(_, end), (_, text)] = Meeting().hear("", type=400, content="call1")
    assert (end["type"], end["content"], text["type"]) == (402, "call1", 1)


# --- whom it believes

BODY = json.dumps(
    {"messageId": 7, "sender": "alice", "conv": TO_ALICE, "payload": {"type": 1, "searchableContent": "hi"}}
).encode()


def signed(secret: str, at: int, body: bytes = BODY) -> dict[str, str]:
    """Headers as the server makes them."""
    key = signing_key(secret)
    assert key is not None
    return {
        "webhook-id": "7.FireRobot",
        "webhook-timestamp": str(at),
        "webhook-signature": "v1,old " + signature(key, "7.FireRobot", at, body),
    }


def test_it_believes_the_server() -> None:
    assert verify(BODY, signed("123456", 1000), "123456", lambda: 1100) == "7.FireRobot"


@pytest.mark.parametrize("at", [600, 1500])
def test_it_does_not_believe_what_is_too_old_or_too_new(at: int) -> None:
    with pytest.raises(NotSigned):
        verify(BODY, signed("123456", at), "123456", lambda: 1000)


def test_it_does_not_believe_others_or_what_was_changed() -> None:
    for body, headers in (
        (BODY, signed("guessed", 1000)),
        (BODY + b" ", signed("123456", 1000)),
        (BODY, {}),
        (BODY, signed("123456", 1000) | {"webhook-timestamp": "x"}),
        (BODY, signed("123456", 1000) | {"webhook-id": "8.FireRobot"}),
    ):
        with pytest.raises(NotSigned):
            verify(body, headers, "123456", lambda: 1000)


def test_a_call_that_is_repeated_is_answered_once_and_one_that_failed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    meeting = Meeting()
    callback = Callback(meeting.fire, "123456")
    headers = {name.title(): value for name, value in signed("123456", 1000).items()}
    monkeypatch.setattr(
        "demo.robot.handler.verify", lambda body, found, secret: verify(body, found, secret, lambda: 1000)
    )
    monkeypatch.setattr(meeting.server, "send", broken := Broken(meeting.server.send))

    with pytest.raises(ConnectionError):
        callback.take(BODY, headers)
    broken.works = True
    assert [callback.take(BODY, headers) for _ in range(2)] == [200, 200]
    assert len(meeting.server.said) == 1
    assert callback.take(BODY, {}) == 401


class Broken:
    """A call that fails until it works."""

    def __init__(self, call: Any) -> None:
        self.works = False
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        if not self.works:
            raise ConnectionError
        return self._call(*arguments)
