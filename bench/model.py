"""How long an invocation would take on AWS: measured CPU, and the stated latency model of ``local/prices.json``.

The topology here answers in microseconds and shares its cores with everything else, so its own durations say nothing. What
it knows exactly is which calls an invocation makes, and which of them side by side; the model says how long a call takes.
"""

import heapq
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from local.meter import Measurement, Record

_FILE = Path(__file__).parents[1] / "local" / "prices.json"
_Z99 = 2.3263
_DRAWS = 2_000
_LANES = {"post": 64}
_HELPERS = 16
"""How many calls run at once: posts on the poster's connections, others in the threads of ``im.platform.parallel``."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal duration, by its median and 99th percentile in milliseconds."""

    median: float
    p99: float

    def draw(self, random: Random) -> float:
        """One duration, ms."""
        return self.median * math.exp(random.gauss(0, 1) * math.log(self.p99 / self.median) / _Z99)


@dataclass(frozen=True, slots=True)
class Server:
    """The always-on machine that the product is compared with."""

    name: str
    usd_per_hour: float
    deliveries_per_second: float
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """The assumptions.

    Attributes:
        vcpu_mb: the memory that comes with one whole core.
        latency: duration by ``service.operation``.
    """

    vcpu_mb: float
    latency: Mapping[str, Spread]
    server: Server

    def spread(self, record: Record) -> Spread:
        """How long a recorded call takes.

        Raises:
            KeyError: the price file has no assumption for it.
        """
        return self.latency[f"{record.service}.{record.operation}"]

    def cpu_ms(self, cpu_us: float, memory_mb: int) -> float:
        """CPU measured on a whole core, as a function of this size takes for it."""
        return cpu_us / 1000 / min(1.0, memory_mb / self.vcpu_mb)

    def draw(self, stages: Sequence[Sequence[Record]], random: Random) -> float:
        """How long these stages wait for AWS, ms, in one draw."""
        return sum(self._stage(stage, random) for stage in stages)

    def _stage(self, stage: Sequence[Record], random: Random) -> float:
        lanes = [0.0] * min(len(stage), _LANES.get(stage[0].operation, _HELPERS))
        for record in stage:
            heapq.heappush(lanes, heapq.heappop(lanes) + self.spread(record).draw(random))
        return max(lanes)

    def mean_ms(self, stages: Sequence[Sequence[Record]]) -> float:
        """How long these stages wait for AWS on average, ms; the same number every time."""
        random = Random(1)
        return sum(self.draw(stages, random) for _ in range(_DRAWS)) / _DRAWS


@cache
def model() -> Model:
    """The model of the price file."""
    raw: dict[str, Any] = json.loads(_FILE.read_text())["model"]
    return Model(
        raw["vcpu_mb"],
        {name: Spread(**spread) for name, spread in raw["latency_ms"].items()},
        Server(**raw["server"]),
    )


def stages(calls: Sequence[Record]) -> list[list[Record]]:
    """The calls of one invocation, in order, as steps that wait for each other.

    Calls of helper threads, and posts, run side by side.
    """
    found: list[list[Record]] = []
    for call in calls:
        beside = call.helper or call.operation == "post"
        last = found[-1][-1] if found else None
        if last is not None and beside and (last.helper or last.operation == "post"):
            found[-1].append(call)
        else:
            found.append([call])
    return found


def invocations(measurement: Measurement) -> dict[str, list[Record]]:
    """The calls of each invocation that ended, by its id."""
    ended = [record.invocation for record in measurement.records if record.operation == "invoke" and record.invocation]
    calls: dict[str, list[Record]] = {invocation: [] for invocation in ended}
    for record in measurement.calls():
        if record.invocation in calls:
            calls[record.invocation].append(record)
    return calls
