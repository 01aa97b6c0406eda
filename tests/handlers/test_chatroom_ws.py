"""The chatroom route, from frame to frame on moto, and messages of rooms on the message route."""

import json
from typing import Any

import pytest

from functions.chatroom.ws import handler
from functions.message.ws import handler as message_handler
from im.delivery.model import Device
from im.wiring.base import presence
from tests.fakes.delivery import RecordingPoster
from tests.handlers.recorded import frame


def ask(user: str, op: str, body: dict[str, Any], route: str = "chatroom") -> dict[str, Any]:
    event = frame(route, {"route": route, "op": op, "id": "7", "body": body}, user=user, connection=f"{user}-socket")
    answer = (handler if route == "chatroom" else message_handler)(event, None)
    decoded: dict[str, Any] = json.loads(answer["body"])
    return decoded


def ok(user: str, op: str, body: dict[str, Any], route: str = "chatroom") -> Any:
    answer = ask(user, op, body, route)
    assert answer["code"] == 0, answer
    return answer["body"]


@pytest.fixture
def inside(deployed: RecordingPoster) -> int:
    """Ann and bob are in a room; the value is its head."""
    for user in ("ann", "bob"):
        presence().register(user, Device("phone", 1, f"{user}-socket", 1))
    ok("ann", "join", {"chatroomId": "lobby"})
    return int(ok("bob", "join", {"chatroomId": "lobby", "recent": None})["head"])


def send(user: str, base: int, **more: Any) -> dict[str, Any]:
    body = {"conversation": {"type": 2, "target": "lobby"}, "content": {"type": 1}, "cid": f"c{base}", "base": base}
    return ask(user, "send", {**body, **more}, "message")


def test_who_joins_hears_what_is_said_and_reads_it_later(inside: int, deployed: RecordingPoster) -> None:
    sent = send("ann", inside)
    assert (sent["code"], sent["body"]["seq"]) == (0, inside + 1)

    [push] = deployed.frames["bob-socket"]
    assert push["body"]["conversation"] == {"type": 2, "target": "lobby", "line": 0}
    assert "ann-socket" not in deployed.frames
    joined = ok("bob", "join", {"chatroomId": "lobby"})
    assert [message["seq"] for message in joined["messages"]] == [inside + 1]
    assert joined["head"] == inside + 1
    ranges = {"ranges": [{"conversation": {"type": 2, "target": "lobby"}, "after": inside}]}
    [page] = ok("bob", "pull", ranges, "message")["ranges"]
    assert (page["through"], page["head"], len(page["messages"])) == (inside + 1, inside + 1, 1)


def test_a_room_says_who_is_inside(inside: int) -> None:
    info = ok("stranger", "info", {"chatroomId": "lobby"})

    assert (info["chatroomId"], info["title"], info["state"], info["memberCount"]) == ("lobby", "lobby", 0, 2)
    assert ask("stranger", "info", {"chatroomId": "lobby", "updateDt": info["updateDt"]})["code"] == 5
    answer = ok("stranger", "members", {"chatroomId": "lobby", "limit": 1})
    assert (answer["memberCount"], len(answer["members"])) == (2, 1)


def test_who_quits_hears_nothing_more(inside: int, deployed: RecordingPoster) -> None:
    assert ok("bob", "quit", {"chatroomId": "lobby"}) == {}

    send("ann", inside)

    assert "bob-socket" not in deployed.frames


def test_a_socket_that_is_gone_loses_its_seat(inside: int, deployed: RecordingPoster) -> None:
    deployed.gone.add("bob-socket")

    send("ann", inside)

    assert ok("ann", "members", {"chatroomId": "lobby"})["members"] == ["ann"]


@pytest.mark.parametrize(
    ("op", "body", "code"),
    [
        ("join", {}, 251),
        ("join", {"chatroomId": ""}, 251),
        ("join", {"chatroomId": "x" * 65}, 251),
        ("join", {"chatroomId": "x", "recent": 51}, 251),
        ("join", {"chatroomId": "x", "more": 1}, 251),
        ("quit", {}, 251),
        ("info", {"chatroomId": "x", "updateDt": -1}, 251),
        ("info", {"chatroomId": "nowhere"}, 253),
        ("members", {"chatroomId": "x", "limit": 0}, 251),
        ("members", {"chatroomId": "x", "limit": 501}, 251),
        ("create", {}, 254),
    ],
)
def test_what_does_not_fit_is_refused(deployed: RecordingPoster, op: str, body: dict[str, Any], code: int) -> None:
    assert ask("ann", op, body)["code"] == code
