"""What it costs that the business back end is told, and that a reviewer is asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.meter import Measurement
from local.topology import Topology
from tests.e2e.context import tell_functions
from tests.e2e.receiver import Receiver
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("topology")

REVIEWED = 7


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def topology(receiver: Receiver) -> Iterator[Topology]:
    told: dict[str, Any] = {
        "message.forward.url": receiver.url,
        "message.forward.types": "1",
        "sensitive.remote_server_url": receiver.url,
        "sensitive.remote_sensitive_message_type": str(REVIEWED),
    }
    with tell_functions(
        Topology.from_cdk(), **{key.replace(".", "__"): value for key, value in told.items()}
    ) as running:
        yield running


async def measured(topology: Topology, kind: int) -> Measurement:
    """The second of two messages of a kind from ann to bob, who are both connected."""
    ann = await topology.socket("ann", f"ann-{kind}", 1)
    bob = await topology.socket("bob", f"bob-{kind}", 1)
    to_bob = {"type": 0, "target": "bob", "line": kind}
    first = await persist(topology, ann, typed(send_body(to_bob, "first", "c1"), kind))
    await topology.settle()
    with topology.meter.measure() as counted:
        await persist(topology, ann, typed(send_body(to_bob, "second", "c2", first["seq"]), kind))
        await topology.settle()
    await ann.close()
    await bob.close()
    await topology.settle()
    return counted


def typed(body: dict[str, Any], kind: int) -> dict[str, Any]:
    return {**body, "content": {**body["content"], "type": kind}}


def test_a_forwarded_message_costs_one_task_more(topology: Topology) -> None:
    with topology.clock.held():
        plain, forwarded = topology.run(measured(topology, 3)), topology.run(measured(topology, 1))

    calls = [f"{call.service} {call.operation}" for call in forwarded.calls(function="MessageWs")]
    assert calls == ["dynamodb BatchGetItem", "dynamodb PutItem", "sqs SendMessageBatch", "socket post"]
    assert forwarded.calls(function="CallbackOnQueue") == []
    assert forwarded.units("dynamodb.write") == plain.units("dynamodb.write")
    assert forwarded.units("sqs.fifo_request") == 3
    assert [call.operation for call in plain.calls(function="MessageWs")] == ["BatchGetItem", "PutItem", "post"]
    print(f"${(forwarded.counted_usd - plain.counted_usd) * 1e6:.2f} a million", forwarded.table(1_000_000))  # noqa: T201
    assert (forwarded.counted_usd - plain.counted_usd) * 1e6 <= 1.8, forwarded.table(1_000_000)


def test_a_reviewed_message_costs_a_look_for_its_earlier_self(topology: Topology) -> None:
    with topology.clock.held():
        reviewed = topology.run(measured(topology, REVIEWED))

    calls = [f"{call.service} {call.operation}" for call in reviewed.calls(function="MessageWs")]
    assert calls == ["dynamodb BatchGetItem", "dynamodb Query", "dynamodb PutItem", "socket post"]
