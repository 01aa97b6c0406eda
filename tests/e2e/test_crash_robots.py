"""What robots are told, cut at every AWS call of who tells them."""

from collections.abc import Iterator
from functools import cache

import pytest

from local.topology import Topology
from tests.e2e.crash import CONTEXT, MESSAGE, Operation, Scene, cut_some_calls, two_chat
from tests.e2e.receiver import Receiver
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("topology")


@cache
def receiver() -> Receiver:
    """The program behind all robots of this process."""
    return Receiver()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


def robot_of(scene: Scene) -> str:
    return f"robot{scene.number}"


async def a_robot(scene: Scene) -> None:
    """A robot with a callback, and ann and bob, who are connected."""
    robot = robot_of(scene)
    body = {"userId": robot, "name": robot, "owner": scene.ann, "secret": "123456", "callback": receiver().url}
    await scene.admin("/admin/robot/create", body)
    await two_chat(scene)


async def ask_it(scene: Scene) -> None:
    body = send_body({"type": 0, "target": robot_of(scene)}, "a question", "q")
    scene.kept["asked"] = await persist(scene.topology, scene.kept["ann"], body)


async def it_was_asked(scene: Scene) -> None:
    """It got the one message that there is; once or more often, but never another."""
    told = [body for body in receiver().bodies() if body["toRobotId"] == robot_of(scene)]
    assert {body["messageId"] for body in told} == {int(scene.kept["asked"]["uid"])}


OPERATIONS = [
    Operation("message.send to a robot", MESSAGE, a_robot, ask_it, it_was_asked),
    Operation("message.send to a robot, who is told", "RobotOnQueue", a_robot, ask_it, it_was_asked),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_that_is_cut_and_repeated_ends_as_if_it_had_not_been_cut(
    topology: Topology, operation: Operation
) -> None:
    cut_some_calls(topology, operation)
