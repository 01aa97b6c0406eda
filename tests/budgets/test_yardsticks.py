"""The designs that ours is compared with do what they are said to do, and what ours saves stays saved."""

from collections.abc import Iterator

import pytest

from bench.yardsticks.deploy import rows_deployment, rows_message, scan_deployment, scan_message
from local.topology import Topology
from tests.budgets.measuring import measure

pytestmark = pytest.mark.xdist_group("topology")


@pytest.fixture
def rows() -> Iterator[Topology]:
    with Topology(rows_deployment()) as running:
        yield running


@pytest.mark.parametrize(("members", "online"), [(2, 2), (40, 5)])
def test_a_row_per_recipient_writes_one_for_each_member_beside_counter_and_body(
    rows: Topology, members: int, online: int
) -> None:
    measured = measure(rows, rows_message(members, online))

    assert measured.units("dynamodb.write") == members + 2
    assert measured.units("socket.message") == 1 + 1 + online - 1


def test_broadcast_by_scan_posts_to_every_socket_and_stores_nothing() -> None:
    with Topology(scan_deployment()) as topology:
        measured = measure(topology, scan_message(7))

    assert measured.units("dynamodb.write") == 0
    assert measured.units("socket.message") == 1 + 7
