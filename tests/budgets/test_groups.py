"""What joining, adding and making groups may cost: calls of AWS, and units of DynamoDB."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bench.workloads import make_group
from local.client import SocketClient
from local.meter import Measurement
from local.topology import Topology

pytestmark = pytest.mark.xdist_group("topology")

FUNCTION = "GroupWs"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running, running.clock.held():
        yield running


def measure(topology: Topology, step: Callable[[SocketClient], Awaitable[Any]], user: str) -> Measurement:
    """What one request of a user's costs, after a first one that opened what a process keeps open."""

    async def work() -> Measurement:
        socket = await topology.socket(user)
        await socket.call("group", "mine", {})
        with topology.meter.measure() as measured:
            await step(socket)
            await topology.settle()
        await socket.close()
        return measured

    return topology.run(work())


def check(measured: Measurement, calls: int, writes: float, reads: float) -> None:
    made = len(measured.calls(function=FUNCTION, service="dynamodb"))
    spent = (made, measured.units("dynamodb.write"), measured.units("dynamodb.read"))
    print(f"calls, writes, reads: {spent}")  # noqa: T201
    assert spent[0] <= calls, spent
    assert spent[1] <= writes, spent
    assert spent[2] <= reads, spent


@pytest.mark.parametrize("size", [10, 600])
def test_joining_writes_about_the_same_in_a_large_group(topology: Topology, size: int) -> None:
    topology.run(make_group(topology, f"join{size}", size))

    measured = measure(topology, lambda socket: socket.call("group", "join", {"groupId": f"join{size}"}), f"eve{size}")

    check(measured, calls=18, writes=11, reads=25 if size == 10 else 720)


def test_adding_one(topology: Topology) -> None:
    topology.run(make_group(topology, "add1", 10))
    body = {"groupId": "add1", "members": [{"member_id": "eve"}]}

    measured = measure(topology, lambda socket: socket.call("group", "add", body), "add1-0")

    check(measured, calls=18, writes=8, reads=28)


def test_adding_many_takes_two_writes_for_each(topology: Topology) -> None:
    number = 60
    topology.run(make_group(topology, "many", 10))
    body = {"groupId": "many", "members": [{"member_id": f"a-new-member-{n:04d}"} for n in range(number)]}

    measured = measure(topology, lambda socket: socket.call("group", "add", body), "many-0")

    check(measured, calls=18 + 2 * number, writes=12 + 2 * number, reads=40 + 3 * number)


def test_founders_are_written_in_batches_of_twenty_five(topology: Topology) -> None:
    number = 300
    members = [{"member_id": f"a-founder-{n:04d}"} for n in range(number)]
    body = {"group": {"target_id": "crowd"}, "members": members}

    measured = measure(topology, lambda socket: socket.call("group", "create", body), "founder")

    check(measured, calls=20 + 2 * (number // 25 + 1), writes=40 + 2 * number, reads=20 + 2 * number)
