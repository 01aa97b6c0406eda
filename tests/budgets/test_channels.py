"""What channels may cost, counted on the whole topology."""

from collections.abc import Iterator

import pytest

from bench.workloads import BROADCAST_FLOOR, Workload, broadcast, dialog, round_trips
from local.topology import Topology
from tests.budgets.measuring import measure

pytestmark = pytest.mark.xdist_group("channels")


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


def test_a_broadcast_to_ten_thousand_costs_little_more_than_its_deliveries(topology: Topology) -> None:
    measured = measure(topology, Workload("", "MessageWs", None, broadcast(10_000, 3_000)))

    assert measured.units("socket.message") >= 3_002
    assert measured.units("socket.message") <= 3_003
    print(f"ratio to the floor: {measured.counted_usd * 1e6 / BROADCAST_FLOOR:.3f}")  # noqa: T201
    assert measured.counted_usd * 1e6 <= 1.1 * BROADCAST_FLOOR, measured.table(1_000_000)
    assert measured.units("dynamodb.write") == 2
    assert measured.units("dynamodb.read") <= 1_700
    calls = [call.operation for call in measured.calls(function="MessageWs", service="dynamodb")]
    assert calls[:2] == ["BatchGetItem", "PutItem"]


def test_a_question_takes_two_round_trips_before_it_is_durable(topology: Topology) -> None:
    measured = measure(topology, Workload("", "MessageWs", None, dialog()))

    calls = [call.operation for call in measured.calls(function="MessageWs", service="dynamodb")]
    assert calls == ["BatchGetItem", "PutItem"]
    assert round_trips(measured, "MessageWs") <= 3
    assert measured.units("dynamodb.write") == 2
    assert measured.units("dynamodb.read") <= 4
    assert measured.units("socket.message") == 3
