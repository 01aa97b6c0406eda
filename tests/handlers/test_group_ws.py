"""The group route: what clients ask about groups, and what strangers and removed members get to know."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from functions.group import ws
from functions.group.ws import handler
from im.group.model import GroupInfo, GroupMember
from im.wiring.api import group_service
from tests.fakes.delivery import RecordingPoster

EVENT = json.loads((Path(__file__).parents[1] / "events" / "websocket_frame.json").read_text())


@pytest.fixture
def team(deployed: RecordingPoster) -> GroupInfo:
    """A group of ann and olga."""
    groups = group_service()
    groups.create("olga", GroupInfo("team", name="Team", extra="{}"), [GroupMember("ann", alias="Annie")])
    return groups.info("team")


def ask(user: str, op: str, body: dict[str, Any]) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event["requestContext"]["authorizer"]["userId"] = user
    event["body"] = json.dumps({"route": "group", "op": op, "id": "7", "body": body})
    answer = handler(event, None)
    assert answer["statusCode"] == 200
    assert len(answer["body"]) < 128 * 1024
    frame: dict[str, Any] = json.loads(answer["body"])
    assert frame["id"] == "7"
    return frame


def ok(user: str, op: str, body: dict[str, Any]) -> dict[str, Any]:
    frame = ask(user, op, body)
    assert frame["code"] == 0, frame
    answer: dict[str, Any] = frame["body"]
    return answer


def test_anybody_may_read_infos_that_are_newer_than_his(team: GroupInfo) -> None:
    wanted = [{"groupId": "team"}, {"groupId": "nothing", "updateDt": 5}]

    answer = ok("stranger", "info", {"groups": wanted})

    [group] = answer["groups"]
    assert (group["target_id"], group["name"], group["owner"], group["member_count"]) == ("team", "Team", "olga", 2)
    assert (answer["unknown"], answer["rest"]) == (["nothing"], [])
    again = ok("stranger", "info", {"groups": [{"groupId": "team", "updateDt": group["updateDt"]}]})
    assert again == {"groups": [], "unknown": [], "rest": []}


def test_infos_that_do_not_fit_are_named(deployed: RecordingPoster) -> None:
    groups = group_service()
    for number in range(9):
        groups.create("olga", GroupInfo(f"g{number}", extra="x" * 16_000), [])
    wanted = [f"g{number}" for number in range(9)]

    first = ok("olga", "info", {"groups": [{"groupId": group} for group in wanted]})
    second = ok("olga", "info", {"groups": [{"groupId": group} for group in first["rest"]]})

    assert [group["target_id"] for group in first["groups"] + second["groups"]] == wanted
    assert len(first["rest"]) == 3


def test_a_member_reads_members_and_afterwards_what_changed(team: GroupInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ok("ann", "members", {"groupId": "team"})
    assert {member["member_id"]: member["alias"] for member in first["members"]} == {"ann": "Annie", "olga": ""}
    assert first["more"] is False

    monkeypatch.setattr("im.group.reader._SETTLING_MS", 1)
    settled = ok("ann", "members", {"groupId": "team"})
    group_service().remove_members("olga", "team", ["ann"])
    place = {name: settled[name] for name in ("after", "afterId", "until")}
    [tombstone] = ok("olga", "members", {"groupId": "team", **place})["members"]
    assert (tombstone["member_id"], tombstone["type"]) == ("ann", 4)


def test_recent_changes_are_told_again_because_clocks_differ(team: GroupInfo) -> None:
    first = ok("ann", "members", {"groupId": "team"})

    again = ok("ann", "members", {"groupId": "team", "after": first["after"], "afterId": first["afterId"]})

    assert again["members"] == first["members"]
    assert first["after"] < team.created


def test_a_long_list_comes_in_pages_without_gaps_or_repetitions(
    deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_service().create("olga", GroupInfo("team"), [GroupMember(f"user{n}", extra="x" * 8_000) for n in range(30)])
    seen: list[str] = []
    place: dict[str, Any] = {}
    began = 0
    for _ in range(10):
        answer = ok("olga", "members", {"groupId": "team", **place})
        seen += [member["member_id"] for member in answer["members"]]
        began = began or answer["until"]
        place = {name: answer[name] for name in ("after", "afterId", "until")}
        if not answer["more"]:
            break

    assert seen == sorted(["olga", *(f"user{n}" for n in range(30))])
    assert place == {"after": began, "afterId": "", "until": 0}


def test_a_stranger_sees_no_members_and_a_removed_one_only_that_he_was_removed(team: GroupInfo) -> None:
    group_service().remove_members("olga", "team", ["ann"])

    assert ok("stranger", "members", {"groupId": "team"})["members"] == []
    [own] = ok("ann", "members", {"groupId": "team"})["members"]
    assert (own["member_id"], own["type"]) == ("ann", 4)
    assert ask("ann", "members", {"groupId": "nothing"})["code"] == 253


def test_ones_own_groups_come_in_pages(deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> None:
    for group in ("c", "a", "b"):
        group_service().create("ann", GroupInfo(group), [])
    monkeypatch.setattr(ws, "IDS_PER_PAGE", 2)

    assert ok("ann", "mine", {}) == {"groupIds": ["a", "b"], "more": True}
    assert ok("ann", "mine", {"after": "b"}) == {"groupIds": ["c"], "more": False}
    assert ok("bob", "mine", {}) == {"groupIds": [], "more": False}


@pytest.mark.parametrize(
    ("op", "body", "code"),
    [
        ("info", {}, 251),
        ("info", {"groups": []}, 251),
        ("info", {"groups": [{"groupId": "g"}] * 101}, 251),
        ("info", {"groups": [{"groupId": "g", "extra": 1}]}, 251),
        ("members", {"groupId": ""}, 251),
        ("members", {"groupId": "g", "after": -1}, 251),
        ("create", {}, 251),
        ("dance", {}, 254),
    ],
)
def test_what_does_not_fit_is_refused(deployed: RecordingPoster, op: str, body: dict[str, Any], code: int) -> None:
    assert ask("ann", op, body)["code"] == code
