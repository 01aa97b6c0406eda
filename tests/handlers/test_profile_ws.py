"""The profile route: what clients ask about users."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from functions.profile.ws import handler
from im.profile.model import User
from im.wiring.profile import users
from tests.fakes.delivery import RecordingPoster

EVENT = json.loads((Path(__file__).parents[1] / "events" / "websocket_frame.json").read_text())


def ask(op: str, body: dict[str, Any]) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event["requestContext"]["routeKey"] = "profile"
    event["body"] = json.dumps({"route": "profile", "op": op, "id": "7", "body": body})
    answer = handler(event, None)
    assert len(answer["body"]) < 128 * 1024
    frame: dict[str, Any] = json.loads(answer["body"])
    return frame


def test_profiles_that_are_newer_than_the_clients(deployed: RecordingPoster) -> None:
    users().put(User("bob", name="bob", display_name="Bob", update_dt=10), None)
    users().put(User("eve", name="eve", deleted=True, update_dt=20), None)
    wanted = [{"userId": "bob", "updateDt": 9}, {"userId": "eve"}, {"userId": "nobody"}]

    answer = ask("users", {"users": wanted})["body"]

    assert [(user["userId"], user["displayName"], user["deleted"]) for user in answer["users"]] == [
        ("bob", "Bob", 0),
        ("eve", "", 1),
    ]
    assert (answer["unknown"], answer["rest"]) == (["nobody"], [])
    assert ask("users", {"users": [{"userId": "bob", "updateDt": 10}]})["body"]["users"] == []


def test_profiles_that_do_not_fit_are_named(deployed: RecordingPoster) -> None:
    for number in range(8):
        users().put(User(f"u{number}", name=f"n{number}", extra="x" * 16_000, update_dt=1), None)

    answer = ask("users", {"users": [{"userId": f"u{number}"} for number in range(8)]})["body"]

    assert [user["userId"] for user in answer["users"]] + answer["rest"] == [f"u{number}" for number in range(8)]
    assert len(answer["rest"]) == 2


@pytest.mark.parametrize(
    ("op", "body", "code"),
    [
        ("users", {"users": []}, 251),
        ("users", {"users": [{"userId": "u"}] * 101}, 251),
        ("users", {"users": [{"userId": ""}]}, 251),
        ("modify", {}, 251),
        ("modify", {"entries": []}, 251),
        ("modify", {"entries": [{"type": 9, "value": ""}]}, 251),
        ("modify", {"entries": [{"type": 0, "value": "x"}]}, 253),
        ("search", {"keyword": ""}, 251),
        ("search", {"keyword": "x", "page": 10}, 251),
        ("dance", {}, 254),
    ],
)
def test_what_does_not_fit_is_refused(deployed: RecordingPoster, op: str, body: dict[str, Any], code: int) -> None:
    assert ask(op, body)["code"] == code


def test_one_changes_ones_profile_and_is_found_by_the_new_name(deployed: RecordingPoster) -> None:
    users().put(User("ann", name="ann", display_name="Ann", update_dt=10), None)

    answer = ask("modify", {"entries": [{"type": 0, "value": "Queen Anne"}, {"type": 2, "value": "2"}]})["body"]

    [found] = ask("search", {"keyword": "queen"})["body"]["users"]
    assert (found["userId"], found["displayName"], found["gender"]) == ("ann", "Queen Anne", 2)
    assert found["updateDt"] == answer["updateDt"]


def test_users_that_do_not_fit_into_a_search_are_named(deployed: RecordingPoster) -> None:
    for number in range(8):
        profile = User(f"u{number}", name=f"n{number}", display_name="Kim", extra="x" * 16_000, update_dt=1)
        users().put(profile, None)

    answer = ask("search", {"keyword": "kim"})["body"]

    assert [user["userId"] for user in answer["users"]] + answer["rest"] == [f"u{number}" for number in range(8)]
    assert (len(answer["rest"]), answer["more"]) == (2, False)
