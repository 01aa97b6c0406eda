"""The profile route: what clients ask about users."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from functions.profile.ws import handler
from im.delivery.model import Device
from im.profile.model import User
from im.setting.model import Setting
from im.wiring.base import presence
from im.wiring.profile import users
from im.wiring.setting import setting_service
from tests.fakes.delivery import RecordingPoster

EVENT = json.loads((Path(__file__).parents[1] / "events" / "websocket_frame.json").read_text())

CONNECTION = EVENT["requestContext"]["connectionId"]
USER, CLIENT = (EVENT["requestContext"]["authorizer"][name] for name in ("userId", "clientId"))


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


def connected(client: str, connection: str) -> None:
    presence().register(USER, Device(client, 1, connection, 1))


def test_a_setting_is_put_and_synced_to_ones_other_device(deployed: RecordingPoster) -> None:
    connected(CLIENT, CONNECTION)
    connected("tablet", "GXLKBfX1FiACG1w=")

    put = ask("setting", {"scope": 3, "key": "0-0-bob", "value": "1"})["body"]

    assert put["previous"] == 0
    assert dict(deployed.frames) == {"GXLKBfX1FiACG1w=": [{"push": "settings", "body": {"version": put["version"]}}]}
    stored = {"scope": 3, "key": "0-0-bob", "value": "1", "version": put["version"]}
    assert ask("settings", {})["body"] == {"settings": [stored], "version": put["version"], "more": False}
    nothing = {"settings": [], "version": put["version"], "more": False}
    assert ask("settings", {"after": put["version"]})["body"] == nothing


def test_settings_that_do_not_fit_come_with_the_next_answers(deployed: RecordingPoster) -> None:
    names = [f"k{number}" for number in range(60)]
    for start in range(0, 60, 20):
        text = "\N{GRINNING FACE}" * 1_000
        setting_service().put(USER, [Setting(1_000, name, text) for name in names[start : start + 20]])

    found: list[list[str]] = []
    after, more = 0, True
    while more:
        answer = ask("settings", {"after": after})["body"]
        found.append([setting["key"] for setting in answer["settings"]])
        after, more = answer["version"], answer["more"]

    assert [name for page in found for name in page] == names
    assert len(found) == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [({"scope": 9, "key": "news", "value": "1"}, 248), ({"scope": 2, "value": "x"}, 251), ({"key": "x"}, 251)],
)
def test_a_setting_that_is_refused_is_not_stored(deployed: RecordingPoster, body: dict[str, Any], code: int) -> None:
    assert ask("setting", body)["code"] == code
    assert ask("settings", {})["body"] == {"settings": [], "version": 0, "more": False}


def test_one_watches_says_something_and_sees_ones_friends(deployed: RecordingPoster) -> None:
    presence().register("bob", Device("phone", 2, "conn", 5))

    [bob] = ask("watch", {"users": ["bob"], "seconds": 60})["body"]["users"]
    assert (bob["userId"], bob["platforms"][0]["platform"], bob["platforms"][0]["online"]) == ("bob", 2, True)
    assert ask("state", {"state": 2, "text": "at lunch"})["body"] == {}
    assert presence().load_one("ann").text == "at lunch"
    assert ask("presence", {})["body"] == {"users": [], "more": False}
    assert ask("watch", {"users": ["bob"], "seconds": 0})["body"] == {"users": [], "full": []}
