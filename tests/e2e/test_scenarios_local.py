"""The end-to-end scenarios on this machine's topology."""

from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e.deployment import LocalDeployment, environments_with
from tests.e2e.scenarios import SCENARIOS, SWITCHES, Scenario, play


@pytest.fixture(scope="module")
def deployment() -> Iterator[LocalDeployment]:
    with (
        Topology.from_cdk(context=environments_with(SWITCHES)) as topology,
        topology.meter.measure() as measurement,
    ):
        yield LocalDeployment(topology, measurement)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_scenario(deployment: LocalDeployment, scenario: Scenario) -> None:
    await play(scenario, deployment)
