"""What robots are sent, and what happens when they do not take it."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from im.group.model import GroupInfo
from im.machine.model import Robot
from im.platform.ordered import RetryLater
from im.platform.webhooks import Answer, WebhookFailed, WebhookRefused
from im.profile.model import User, UserType
from im.robot.model import Note
from im.robot.worker import RobotCalls
from im.settings import Switches
from tests.fakes.delivery import MemoryPresenceStore
from tests.fakes.items import Items
from tests.fakes.machine import MemoryMachineStore

NOTE = Note(
    robot="fire",
    log="0|0|alice|fire",
    uid=1 << 60,
    sender="alice",
    time=1_790_000_000_000,
    payload='{"type":1,"searchableContent":"hello"}',
    client="phone",
    platform=2,
)
IN_GROUP = Note("fire", "1|3|team", 7, "alice", 8, '{"type":1,"mentionedType":1,"mentionedTarget":["fire"]}', ("fire",))


class Internet:
    """Keeps what is posted; ``trouble`` is raised instead of an answer."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.trouble: Exception | None = None

    def post(
        self, url: str, body: bytes, *, message_id: str, secret: str | Sequence[str] | None, timeout_s: float = 10.0
    ) -> Answer:
        self.posts.append({"url": url, "body": json.loads(body), "id": message_id, "secret": secret})
        if self.trouble:
            raise self.trouble
        return Answer(200, b"ignored", {})


class Users:
    def get_many(self, user_ids: Sequence[str]) -> dict[str, User]:
        kinds = {"fire": UserType.ROBOT}
        return {user: User(user, name=user, type=kinds.get(user, UserType.NORMAL)) for user in user_ids}


class Groups:
    def get_info(self, group: str) -> GroupInfo:
        return GroupInfo(group, name="The Team", owner="olga", member_count=3)


class Desk:
    def __init__(self, **switches: Any) -> None:
        self.robots = MemoryMachineStore(MemoryPresenceStore(Items()))
        self.robots.put_robot(Robot("fire", owner="fire", secret="123456", callback="http://fire/hook"), None)
        self.internet = Internet()
        self.counted: list[str] = []
        self.calls = RobotCalls(
            self.robots,
            Users(),
            Groups(),
            self.internet,
            Switches(**switches),
            lambda name, value: self.counted.append(name),
        )

    def body(self, note: Note = NOTE) -> dict[str, Any]:
        """The body of one call."""
        self.calls.call(note)
        body: dict[str, Any] = self.internet.posts[-1]["body"]
        return body


def test_a_robot_gets_the_message_as_the_specification_gives_it() -> None:
    assert Desk().body() == {
        "messageId": 1 << 60,
        "sender": "alice",
        "conv": {"type": 0, "target": "fire", "line": 0},
        "payload": {
            "type": 1,
            "searchableContent": "hello",
            "pushContent": "",
            "pushData": "",
            "content": "",
            "mediaType": 0,
            "remoteMediaUrl": "",
            "persistFlag": 0,
            "expireDuration": 0,
            "mentionedType": 0,
            "mentionedTarget": [],
            "extra": "",
        },
        "toUsers": [],
        "timestamp": 1_790_000_000_000,
        "toRobotId": "fire",
    }


def test_the_page_about_robots_shows_what_they_get() -> None:
    page = (Path(__file__).parents[3] / "docs" / "robots.md").read_text(encoding="utf-8")
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    payload = '{"type":1,"searchableContent":"hello","persistFlag":3}'
    note = Note("helper", "0|0|alice|helper", 567463543513088064, "alice", 1_790_000_000_000, payload)
    desk = Desk()
    desk.robots.put_robot(Robot("helper", owner="alice", callback="http://helper"), None)

    assert desk.body(note) == shown


def test_a_groups_message_names_the_group_its_line_and_who_is_meant() -> None:
    body = Desk().body(IN_GROUP)

    assert body["conv"] == {"type": 1, "target": "team", "line": 3}
    assert (body["toUsers"], body["payload"]["mentionedTarget"]) == (["fire"], ["fire"])


def test_what_else_is_told_is_a_matter_of_switches() -> None:
    desk = Desk(robot_client_info=True, robot_sender_info=True, robot_target_info=True)
    private, group = desk.body(), desk.body(IN_GROUP)

    assert private["client"] == {"platform": 2, "clientId": "phone"}
    assert (private["senderUserInfo"]["userId"], private["targetUserInfo"]["type"]) == ("alice", 1)
    assert "targetGroupInfo" not in private
    assert (group["targetGroupInfo"]["name"], group["targetGroupInfo"]["member_count"]) == ("The Team", 3)
    assert not {"client", "targetUserInfo"} & set(group)


def test_a_call_is_signed_with_the_robots_secret_and_named_after_message_and_robot() -> None:
    desk = Desk()
    desk.body()

    [post] = desk.internet.posts
    assert (post["url"], post["id"]) == ("http://fire/hook", f"{1 << 60}.fire")
    assert base64.b64decode(post["secret"].removeprefix("whsec_")) == b"123456"


@pytest.mark.parametrize("robot", [None, Robot("fire", owner="fire", secret="123456")])
def test_a_robot_that_has_gone_or_wants_no_calls_gets_none(robot: Robot | None) -> None:
    desk = Desk()
    if robot is None:
        desk.robots.forget("fire")
    else:
        desk.robots.put_robot(robot, None)
    desk.calls.call(NOTE)

    assert desk.internet.posts == []


def test_a_robot_without_a_secret_is_called_without_a_signature() -> None:
    desk = Desk()
    desk.robots.put_robot(Robot("fire", owner="fire", callback="http://fire"), None)
    desk.calls.call(NOTE)

    assert desk.internet.posts[0]["secret"] is None


def test_a_robot_that_does_not_answer_gets_the_message_again_when_it_wants_to() -> None:
    desk = Desk()
    desk.internet.trouble = WebhookFailed("it answered 503", 503, 30.0)

    with pytest.raises(RetryLater) as caught:
        desk.calls.call(NOTE)
    assert caught.value.after_s == 30.0
    assert desk.counted == ["RobotCallbackFailed"]


def test_an_address_that_may_not_be_asked_is_not_tried_again() -> None:
    desk = Desk()
    desk.internet.trouble = WebhookRefused("the address is not a public one")
    desk.calls.call(NOTE)

    assert desk.counted == ["RobotCallbackRefused"]
