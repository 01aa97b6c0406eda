"""Counts what a workload does on a topology."""

from bench.workloads import Workload
from local.meter import Measurement
from local.topology import Topology


def measure(topology: Topology, workload: Workload) -> Measurement:
    """What the last step of a workload took, with all that follows from it."""

    async def work() -> Measurement:
        async for step in workload.run(topology):
            await topology.settle()
            with topology.meter.measure() as measured:
                await step()
                await topology.settle()
        return measured

    with topology.clock.held():
        return topology.run(work())
