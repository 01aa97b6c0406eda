"""``make bench``: one row per workload."""

import asyncio

from bench.workloads import WORKLOADS, round_trips
from local.topology import Topology

_LATENCY_NOTE = "Lambda time is this machine's; the floors assume 20 ms (group: 60 ms) of 256 to 512 MB."
_COLUMNS = (
    ("trips", 6),
    ("calls", 6),
    ("read", 8),
    ("write", 7),
    ("frames", 8),
    ("lambda", 8),
    ("$/million", 11),
    ("floor", 8),
)


async def main() -> None:
    """Use one fresh topology, on which time stands still."""
    # With a clock that runs the minute may change in between, and a message pays for its conversation's activity stamp.
    async with Topology.from_cdk() as topology:
        with topology.clock.held():
            await report(topology)


async def report(topology: Topology) -> None:
    """Measure every workload and print the table."""
    head = f"{'workload':<34}" + "".join(f"{name:>{width}}" for name, width in _COLUMNS)
    print(head)
    print("-" * len(head))
    for workload in WORKLOADS:
        async for step in workload.run(topology):
            await topology.settle()
            with topology.meter.measure() as measured:
                await step()
                await topology.settle()
            lambda_usd = sum(usd for name, usd in measured.totals().items() if name.startswith("lambda"))
            print(
                f"{workload.name:<34}"
                f"{round_trips(measured, workload.function):>6}"
                f"{len(measured.calls(service='dynamodb')):>6}"
                f"{measured.units('dynamodb.read'):>8.1f}"
                f"{measured.units('dynamodb.write'):>7.1f}"
                f"{measured.units('socket.message'):>8.0f}"
                f"{lambda_usd * 1e6:>8.2f}"
                f"{measured.usd * 1e6:>11.2f}"
                f"{'' if workload.floor is None else f'{workload.floor:>8.2f}'}"
            )
    print(_LATENCY_NOTE)


asyncio.run(main())
