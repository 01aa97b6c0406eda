"""Prices a workload: the units that the topology's meter counts, with Lambda's time by the model."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bench.model import invocations, model, stages
from bench.replay import Recorder, Recording, cpu_us
from bench.stub import Stub
from bench.workloads import Workload, round_trips
from local.meter import Measurement, prices
from local.topology import Topology


@dataclass(frozen=True, slots=True)
class Run:
    """One function in a workload: CPU of an invocation in microseconds, its wait for AWS and its billed time in ms."""

    function: str
    invocations: int
    memory_mb: int
    cpu_us: float
    waits_ms: float
    billed_ms: float


@dataclass(frozen=True, slots=True)
class Priced:
    """What one run of a workload costs.

    Attributes:
        units: name in the price file -> number.
        runs: the functions that took part.
        trips: sequential AWS calls before the answer.
        measurement: everything that the meter saw.
    """

    workload: Workload
    units: Mapping[str, float]
    runs: tuple[Run, ...]
    trips: int
    measurement: Measurement

    def usd(self, unit: str) -> float:
        """What the units of a kind cost."""
        price = prices()[unit]
        return self.units.get(unit, 0.0) * price.usd / price.per

    @property
    def total(self) -> float:
        """What it costs altogether, USD."""
        return sum(self.usd(unit) for unit in self.units)

    def at_memory(self, memory_mb: int) -> float:
        """What it would cost, USD, if all functions had this much memory, and the share of a core that comes with it."""
        seconds = sum(
            run.invocations * math.ceil(model().cpu_ms(run.cpu_us, memory_mb) + run.waits_ms) / 1000
            for run in self.runs
        )
        gb_second = prices()["lambda.gb_second"]
        lambda_usd = seconds * memory_mb / 1024 * gb_second.usd / gb_second.per
        return self.total - self.usd("lambda.gb_second") + lambda_usd


async def price(topology: Topology, workload: Workload, stub: Stub) -> Priced:
    """Run a workload once and price it; ``stub`` takes the posts while CPU is measured."""
    recorder = Recorder(topology)
    # Else the minute may change in between, and a message pays for its conversation's activity stamp.
    with topology.clock.held():
        async for step in workload.run(topology):
            await topology.settle()
            with recorder.watching(), topology.meter.measure() as measured:
                await step()
                await topology.settle()
            recordings = recorder.recordings()
    return _priced(topology, workload, measured, recordings, stub)


def _priced(
    topology: Topology,
    workload: Workload,
    measured: Measurement,
    recordings: Mapping[str, Recording],
    stub: Stub,
) -> Priced:
    functions = {record.invocation: record.function for record in measured.records if record.operation == "invoke"}
    waits: dict[str, list[float]] = defaultdict(list)
    for invocation, calls in invocations(measured).items():
        waits[functions[invocation]].append(model().mean_ms(stages(calls)))
    runs = []
    gb_seconds = 0.0
    for name, waited in waits.items():
        memory = topology.template.functions[name].memory_mb
        used = cpu_us(recordings[name], stub)
        billed = [math.ceil(model().cpu_ms(used, memory) + wait) for wait in waited]
        gb_seconds += sum(billed) / 1000 * memory / 1024
        mean_wait, mean_billed = sum(waited) / len(waited), sum(billed) / len(billed)
        runs.append(Run(name, len(waited), memory, used, mean_wait, mean_billed))
    units: dict[str, float] = defaultdict(float)
    for record in measured.records:
        for unit, number in record.units.items():
            units[unit] += number
    if runs:
        units["lambda.gb_second"] = gb_seconds
    return Priced(workload, dict(units), tuple(runs), round_trips(measured, workload.function), measured)
