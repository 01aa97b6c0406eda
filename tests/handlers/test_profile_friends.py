"""The profile route's operations of friends, as two users see them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from functions.profile.ws import handler
from im.delivery.model import Device
from im.message.model import Conversation
from im.wiring.base import presence, rows
from im.wiring.friend import friend_service
from im.wiring.message import message_service
from tests.fakes.delivery import RecordingPoster

EVENT = json.loads((Path(__file__).parents[1] / "events" / "websocket_frame.json").read_text())


def ask(user: str, op: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event["requestContext"]["routeKey"] = "profile"
    event["requestContext"]["authorizer"]["userId"] = user
    event["body"] = json.dumps({"route": "profile", "op": op, "id": "7", "body": body or {}})
    answer = handler(event, None)
    assert len(answer["body"]) < 128 * 1024
    frame: dict[str, Any] = json.loads(answer["body"])
    return frame


def ok(user: str, op: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    frame = ask(user, op, body)
    assert frame["code"] == 0, frame
    answer: dict[str, Any] = frame["body"]
    return answer


def test_from_a_request_to_a_friendship_and_its_end(deployed: RecordingPoster) -> None:
    for user in ("ann", "bob"):
        presence().register(user, Device("phone", 1, f"{user}-phone", 1))

    assert ok("ann", "friendRequest", {"userId": "bob", "reason": "hi", "extra": "{}"}) == {}
    [request] = ok("bob", "friendRequests")["requests"]
    sent, changed = request.pop("time"), request.pop("updateDt")
    assert request == {"from": "ann", "to": "bob", "reason": "hi", "extra": "{}", "status": 0}
    assert sent == changed
    assert ok("bob", "friendRequestsRead", {"until": sent}) == {"read": sent}
    assert ok("bob", "friendRequests", {"after": changed})["read"] == sent

    assert ok("bob", "friendAnswer", {"userId": "ann", "status": 1}) == {}
    assert ok("bob", "friendAnswer", {"userId": "ann", "status": 1}) == {}
    for user, other in (("ann", "bob"), ("bob", "ann")):
        [friend] = ok(user, "friends")["friends"]
        assert friend.pop("updateDt") > 0
        assert friend == {"userId": other, "isFriend": True, "isBlacked": False, "alias": "", "extra": "{}"}
        kinds = [frame["push"] for frame in deployed.frames[f"{user}-phone"]]
        assert {"friends", "friendRequests"} <= set(kinds)
        assert kinds.count("message") == 3
    assert message_service().head("ann", Conversation(0, "bob")) == 3

    assert ok("ann", "friendAlias", {"userId": "bob", "alias": "B."}) == {}
    assert ok("ann", "blacklist", {"userId": "bob", "on": True}) == {}
    assert ok("bob", "friendDelete", {"userId": "ann"}) == {}
    [row] = ok("ann", "friends")["friends"]
    assert (row["isFriend"], row["isBlacked"], row["alias"], row["extra"]) == (False, True, "B.", "{}")
    chat = rows().get("ann", Conversation(0, "bob"))
    assert chat
    assert (chat.blocked, chat.befriended) == (True, False)


def test_a_long_list_comes_in_pages_without_gaps_or_repetitions(deployed: RecordingPoster) -> None:
    for number in range(120):
        friend_service().set_alias("ann", f"u{number:03}", extra="x" * 1_000)
    seen: list[str] = []
    place: dict[str, Any] = {}
    for _ in range(5):
        answer = ok("ann", "friends", place)
        seen += [row["userId"] for row in answer["friends"]]
        place = {"after": answer["after"], "afterId": answer["afterId"]}
        if not answer["more"]:
            break

    assert sorted(seen) == [f"u{number:03}" for number in range(120)]


def test_recent_changes_come_again_and_settled_ones_do_not(
    deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    friend_service().set_friends("ann", "bob", friends=True)
    first = ok("ann", "friends")
    again = ok("ann", "friends", {"after": first["after"], "afterId": first["afterId"]})
    assert again["friends"] == first["friends"]

    monkeypatch.setattr("im.place.SETTLING_MS", -1)
    settled = ok("ann", "friends")
    assert settled["after"] > settled["friends"][0]["updateDt"]
    assert ok("ann", "friends", {"after": settled["after"]})["friends"] == []


def test_nothing_to_tell_moves_the_place_along(deployed: RecordingPoster) -> None:
    first = ok("ann", "friendRequests")
    assert (first["requests"], first["read"], first["more"]) == ([], 0, False)
    later = ok("ann", "friendRequests", {"after": first["after"] + 60_000})

    assert later["after"] == first["after"] + 60_000


@pytest.mark.parametrize(
    ("op", "body", "code"),
    [
        ("friendRequest", {}, 251),
        ("friendRequest", {"userId": "ann"}, 251),
        ("friendRequest", {"userId": "bob", "reason": "x" * 257}, 251),
        ("friendAnswer", {"userId": "bob", "status": 3}, 251),
        ("friendAnswer", {"userId": "bob", "status": 1}, 253),
        ("friendAlias", {"userId": "bob"}, 251),
        ("blacklist", {"userId": "bob"}, 251),
        ("friends", {"after": "x"}, 251),
        ("friendRequestsRead", {"until": None}, 251),
    ],
)
def test_what_does_not_fit_is_refused(deployed: RecordingPoster, op: str, body: dict[str, Any], code: int) -> None:
    assert ask("ann", op, body)["code"] == code
