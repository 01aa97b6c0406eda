"""What it costs that a robot is told of a message, and that it answers."""

from collections.abc import Iterator

import pytest

from local.meter import Measurement
from local.topology import Topology
from tests.e2e.receiver import Receiver

pytestmark = pytest.mark.xdist_group("topology")

ROBOT, SECRET = "helper", "123456"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    receiver = Receiver()
    with Topology.from_cdk() as running:
        robot = {"userId": ROBOT, "name": ROBOT, "secret": SECRET, "callback": receiver.url}
        running.run(running.admin("/admin/robot/create", robot))
        yield running
    receiver.stop()


async def ask(topology: Topology, target: str) -> Measurement:
    """The second message to somebody in a minute."""
    alice = await topology.socket("alice", "alices-phone", 2)
    conversation = {"type": 0, "target": target}
    for base in range(2):
        await topology.settle()
        with topology.meter.measure() as measured:
            content = {"type": 1, "searchableContent": "hello", "persistFlag": 3}
            body = {"conversation": conversation, "content": content, "cid": f"c{base}", "base": base}
            await alice.call("message", "send", body)
            await topology.settle()
    await alice.close()
    return measured


def test_a_message_to_a_robot_costs_one_task_more_than_one_to_a_person(topology: Topology) -> None:
    with topology.clock.held():
        person, robot = topology.run(ask(topology, "bob")), topology.run(ask(topology, ROBOT))

    calls = [f"{call.service} {call.operation}" for call in robot.calls(function="MessageWs")]
    assert calls.count("sqs SendMessageBatch") == 1
    assert len(calls) - 1 == len(person.calls(function="MessageWs"))
    assert [call.operation for call in robot.calls(function="RobotOnQueue")] == ["BatchGetItem"]
    assert robot.units("dynamodb.write") == person.units("dynamodb.write")
    assert robot.units("sqs.fifo_request") == 3
    assert robot.counted_usd * 1e6 <= 5.7, robot.table(1_000_000)


def test_a_step_of_a_growing_answer_writes_nothing_down(topology: Topology) -> None:
    async def step() -> Measurement:
        alice = await topology.socket("alice", "alices-phone", 2)
        payload = {"type": 14, "searchableContent": "hel", "content": "stream", "persistFlag": 4}
        body = {"conv": {"type": 0, "target": "alice"}, "payload": payload}
        for _ in range(2):
            await topology.settle()
            with topology.meter.measure() as measured:
                answer = await topology.robot(ROBOT, SECRET, "/robot/message/send", body)
                assert answer["code"] == 0
                await topology.settle()
        await alice.close()
        return measured

    with topology.clock.held():
        measured = topology.run(step())

    written = [call.resource for call in measured.calls() if call.operation == "PutItem"]
    assert written == [name for name in written if "Ephemera" in name], "but for the memory of signatures"
    assert len(measured.calls(service="dynamodb")) <= 4
    assert measured.counted_usd * 1e6 <= 2.35, measured.table(1_000_000)
