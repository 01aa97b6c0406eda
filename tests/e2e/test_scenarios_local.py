"""The end-to-end scenarios on this machine's topology."""

import json
from collections.abc import Iterator

import pytest

from local.synth import ROOT
from local.topology import Topology
from tests.e2e.deployment import LocalDeployment
from tests.e2e.scenarios import SCENARIOS, SWITCHES, Scenario, play


@pytest.fixture(scope="module")
def deployment() -> Iterator[LocalDeployment]:
    environments = json.loads((ROOT / "cdk.json").read_text())["context"]["environments"]
    environments["dev"]["switches"] = SWITCHES
    with (
        Topology.from_cdk(context={"environments": environments}) as topology,
        topology.meter.measure() as measurement,
    ):
        yield LocalDeployment(topology, measurement)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_scenario(deployment: LocalDeployment, scenario: Scenario) -> None:
    await play(scenario, deployment)
