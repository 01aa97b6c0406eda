"""Robots over real sockets and real HTTP: who is told what, in which order, and until when."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.receiver import Receiver

pytestmark = pytest.mark.xdist_group("topology")

SECRET = "abcdef"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def topology(receiver: Receiver) -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        running.run(prepare(running, receiver))
        yield running


async def prepare(topology: Topology, receiver: Receiver) -> None:
    robot = {"userId": "helper", "name": "helper", "owner": "alice", "secret": SECRET, "callback": receiver.url}
    await admin(topology, "/admin/robot/create", robot)
    info = {"target_id": "team", "name": "Team", "owner": "alice"}
    members = [{"member_id": "bob"}, {"member_id": "helper"}]
    await admin(
        topology, "/admin/group/create", {"operator": "alice", "group": {"group_info": info, "members": members}}
    )
    await topology.settle()


async def admin(topology: Topology, path: str, body: Any) -> Any:
    answer = await topology.admin(path, body)
    assert answer["code"] == 0, (path, answer)
    return answer.get("result")


@pytest.fixture(autouse=True)
def fresh(receiver: Receiver) -> None:
    receiver.got.clear()
    receiver.answers.clear()


async def say(topology: Topology, text: str, *, target: str = "helper", kind: int = 0) -> dict[str, Any]:
    """Send a text as alice, through the server API; returns what it got."""
    body = {
        "sender": "alice",
        "conv": {"type": kind, "target": target},
        "payload": {"type": 1, "searchableContent": text, "persistFlag": 3},
    }
    sent: dict[str, Any] = await admin(topology, "/admin/message/send", body)
    return sent


async def test_what_is_written_to_a_robot_over_a_socket_reaches_its_callback(
    topology: Topology, receiver: Receiver
) -> None:
    bob = await topology.socket("bob", "bobs-phone", 2)
    body = {
        "conversation": {"type": 0, "target": "helper"},
        "content": {"type": 1, "searchableContent": "hello"},
        "cid": "c",
    }
    sent = await bob.call("message", "send", {**body, "base": 0})
    await bob.close()
    await topology.settle()

    [(headers, raw)] = receiver.got
    told = json.loads(raw)
    assert (told["messageId"], told["sender"], told["toRobotId"]) == (int(sent["uid"]), "bob", "helper")
    assert told["conv"] == {"type": 0, "target": "helper", "line": 0}
    signed = ".".join((headers["webhook-id"], headers["webhook-timestamp"], raw.decode()))
    right = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"


async def test_everything_that_is_said_in_a_robots_group_reaches_it(topology: Topology, receiver: Receiver) -> None:
    await say(topology, "hello", target="team", kind=1)
    await topology.settle()

    [told] = receiver.bodies()
    assert (told["conv"]["type"], told["conv"]["target"], told["toRobotId"]) == (1, "team", "helper")


async def test_a_robot_that_stumbles_gets_everything_in_order(topology: Topology, receiver: Receiver) -> None:
    receiver.answers = [503, 500]
    for number in range(4):
        await say(topology, f"m{number}")
    await topology.settle()

    assert receiver.texts() == ["m0", "m0", "m0", "m1", "m2", "m3"]


async def test_a_robot_that_is_away_for_long_gets_its_dead_letters_when_they_are_redriven(
    topology: Topology, receiver: Receiver
) -> None:
    receiver.answers = [500] * 8
    await say(topology, "lost")
    await say(topology, "next")
    await topology.settle()
    assert receiver.texts() == ["lost"] * 8 + ["next"]

    topology.redrive("RobotQueue")
    await topology.settle()

    assert receiver.texts() == ["lost"]
    assert topology.cloud.bodies(topology.template.queues["RobotQueueDlq"].name) == []


async def test_a_call_that_is_made_twice_has_the_same_id(topology: Topology, receiver: Receiver) -> None:
    topology.faults.duplicate("RobotQueue", times=1)
    await say(topology, "twice")
    await topology.settle()
    topology.faults.clear()

    first, again = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == again
    assert len(set(receiver.texts())) == 1


async def test_a_robot_that_left_the_group_hears_no_more_of_it(topology: Topology, receiver: Receiver) -> None:
    await admin(topology, "/admin/group/member/del", {"operator": "alice", "group_id": "team", "members": ["helper"]})
    await say(topology, "secret", target="team", kind=1)
    await topology.settle()
    assert receiver.bodies() == []

    members = [{"member_id": "helper"}]
    await admin(topology, "/admin/group/member/add", {"operator": "alice", "group_id": "team", "members": members})
    await say(topology, "welcome", target="team", kind=1)
    await topology.settle()
    assert receiver.texts()[-1] == "welcome"
