"""``make bench-speed``: CPU, round trips, latency, posts a second, start-up, contention; rewrites docs/speed.md."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import quantiles

from bench import contention, figures, posting, startup
from bench.contention import Contention, Queued
from bench.figures import Figure, at_least, at_most
from bench.measure import Priced, price
from bench.model import model, stages
from bench.plot import chart
from bench.stub import Stub, running
from bench.workloads import WORKLOADS, durable_trips
from local.meter import Record, prices
from local.topology import Topology

_DOCS = Path(__file__).parents[1] / "docs"
_DRAWS = 10_000
_SINGLE, _HUNDRED = "one-to-one, both online", "group of 100, 30 online"
_SOCKET_FUNCTIONS = (
    "functions.connect.authorizer",
    "functions.connect.ws",
    "functions.message.ws",
    "functions.group.ws",
    "functions.profile.ws",
)
_OTHER_FUNCTIONS = ("functions.message.on_queue", "functions.server_api.http")
_RATES = (1, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250)
_POSTS = {"ours": 20_000, "boto3": 3_000}
_MILLION = 1_000_000


def _cpu(priced: Sequence[Priced]) -> tuple[str, list[Figure]]:
    rows, found = [], []
    for each in priced:
        for run in each.runs:
            rows.append(
                (each.workload.name, run.function, run.cpu_us / 1000, model().cpu_ms(run.cpu_us, run.memory_mb))
            )
            found.append(Figure(f"CPU, {each.workload.name}, {run.function}", run.cpu_us, "us"))
    return figures.table(("operation", "function", "CPU here, ms", "at its memory's share, ms"), rows), found


def _latency(priced: Sequence[Priced]) -> tuple[str, list[Figure]]:
    rows, found = [], []
    for each in priced:
        run = next((run for run in each.runs if run.function == each.workload.function), None)
        steps = stages(each.measurement.calls(function=each.workload.function))
        if run is None or "connect" in each.workload.name:
            continue
        cpu = model().cpu_ms(run.cpu_us, run.memory_mb)
        answer, seen = _distributions(steps, cpu)
        rows.append((each.workload.name, each.trips, *_cuts(answer), *(_cuts(seen) if seen else ("", "", ""))))
        found.append(Figure(f"answer p50, {each.workload.name}", _cuts(answer)[0], "ms"))
        found.append(Figure(f"answer p99, {each.workload.name}", _cuts(answer)[2], "ms"))
    head = ("operation", "round trips", "answer p50, ms", "p95", "p99", "seen by a recipient p50, ms", "p95", "p99")
    return figures.table(head, rows), found


def _distributions(steps: Sequence[Sequence[Record]], cpu_ms: float) -> tuple[list[float], list[float]]:
    """Draws of the time to the sender's answer, and to a recipient's socket where the function itself posts; ms."""
    random, latency = Random(1), model().latency
    posts = next((number for number, step in enumerate(steps) if step[0].operation == "post"), None)
    answers, seen = [], []
    for _ in range(_DRAWS):
        way_in = latency["gateway.in"].draw(random) + cpu_ms
        answers.append(way_in + model().draw(steps, random) + latency["gateway.answer"].draw(random))
        if posts is not None:
            seen.append(way_in + model().draw(steps[:posts], random) + latency["socket.post"].draw(random))
    return answers, seen


def _cuts(draws: Sequence[float]) -> tuple[float, float, float]:
    cuts = quantiles(draws, n=100)
    return cuts[49], cuts[94], cuts[98]


def _posting(stub: Stub) -> tuple[str, list[Figure]]:
    ours = posting.measured("ours", _POSTS["ours"], stub)
    theirs = posting.measured("boto3", _POSTS["boto3"], stub)
    rows = [
        ("ours", ours.per_second, ours.cpu_us, 1e6 / ours.cpu_us),
        ("boto3, 32 threads", theirs.per_second, theirs.cpu_us, 1e6 / theirs.cpu_us),
    ]
    head = ("poster", "posts/s", "CPU per post, us", "posts/s that one core's CPU gives")
    return figures.table(head, rows), [
        at_most("CPU per post", ours.cpu_us, "us", 150.0, 15.0),
        at_least("posts per second on one core", ours.per_second, "posts/s", 5000.0),
        Figure("CPU per post, boto3 in 32 threads", theirs.cpu_us, "us"),
        Figure("posts per second, boto3 in 32 threads", theirs.per_second, "posts/s"),
    ]


def _startup() -> tuple[str, list[Figure]]:
    measured = startup.starts((*_SOCKET_FUNCTIONS, *_OTHER_FUNCTIONS))
    rows: list[tuple[object, ...]] = [
        ("bare pynamodb and client, as installed", measured.bare * 1000, 1.0, measured.bare / measured.bare_trimmed),
        ("the same with trimmed botocore", measured.bare_trimmed * 1000, measured.bare_trimmed / measured.bare, 1.0),
    ]
    found = []
    for module, seconds in measured.functions.items():
        ratio = seconds / measured.bare
        rows.append((module, seconds * 1000, ratio, seconds / measured.bare_trimmed))
        name = f"start of {module}, times bare pynamodb and client"
        found.append(
            at_most(name, ratio, "x", 1.1, 1.0) if module in _SOCKET_FUNCTIONS else Figure(name, ratio, "x", 1.0)
        )
    return figures.table(("start", "CPU, ms", "times bare", "times bare, trimmed too"), rows), found


def _queued_usd(queued: Queued, *, transactions: bool) -> float:
    """What the queued way adds to a message, USD per million, without what a put in a free slot costs in any case.

    A FIFO request to send; one to receive, one to delete, and an invocation, shared by a batch; and one frame that
    confirms to the sender what was only queued.
    """
    fifo = prices()["sqs.fifo_request"].usd * (1 + 2 / queued.batch)
    gb_second = prices()["lambda.gb_second"].usd * _MILLION
    worker = prices()["lambda.request"].usd / queued.batch + queued.worker_ms / 1000 / 2 * gb_second
    doubled = prices()["dynamodb.write"].usd if transactions else 0.0
    return fifo + worker + doubled + prices()["socket.message"].usd


def _wasted_usd(each: Contention) -> float:
    """What conflicts add to a message, USD per million: refused puts and walks."""
    writes = (each.write_units - 1) * prices()["dynamodb.write"].usd
    return writes + each.read_units * prices()["dynamodb.read"].usd


def _contention() -> tuple[str, list[Figure], list[Contention]]:
    found = [contention.simulate(rate) for rate in _RATES]
    in_turn = [contention.simulate_queue(rate, transactions=False) for rate in _RATES]
    at_once = [contention.simulate_queue(rate, transactions=True) for rate in _RATES]
    rows = [
        (
            f"{each.rate:g}",
            f"{each.conflicted:.0%}",
            each.write_units,
            each.p50_ms,
            each.p99_ms,
            f"{each.refused:.1%}",
            _wasted_usd(each),
            *(turn.p50_ms, turn.p99_ms, _queued_usd(turn, transactions=False)),
            *(once.p50_ms, once.p99_ms, _queued_usd(once, transactions=True)),
        )
        for each, turn, once in zip(found, in_turn, at_once, strict=True)
    ]
    head = (
        "messages/s",
        "met another",
        "write units",
        "p50, ms",
        "p99",
        "told to retry",
        "wasted, USD per million",
        "queue, one by one: p50",
        "p99",
        "added, USD",
        "queue, transactions: p50",
        "p99",
        "added, USD",
    )
    figures_found = []
    for each, turn, once in zip(found, in_turn, at_once, strict=True):
        figures_found.append(Figure(f"write units per message at {each.rate:g}/s", each.write_units, "units", 1.0))
        figures_found.append(Figure(f"conflicted messages at {each.rate:g}/s", each.conflicted, "share", 0.0))
        figures_found.append(Figure(f"append p99 at {each.rate:g}/s", each.p99_ms, "ms"))
        figures_found.append(Figure(f"told to retry at {each.rate:g}/s", each.refused, "share", 0.0))
        figures_found.append(Figure(f"queued append p99 at {each.rate:g}/s", turn.p99_ms, "ms"))
        figures_found.append(Figure(f"append in queued transactions p99 at {each.rate:g}/s", once.p99_ms, "ms"))
    return figures.table(head, rows), figures_found, found


async def _price(stub: Stub) -> list[Priced]:
    async with Topology.from_cdk() as topology:
        return [await price(topology, workload, stub) for workload in WORKLOADS]


def main(arguments: Sequence[str]) -> None:
    """Measure everything, print it, and write it to docs/speed.md and .local/bench/speed.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--contention", action="store_true", help="only that; it needs no quiet machine")
    only_contention = parser.parse_args(arguments).contention
    print("contention (virtual time)", flush=True)
    contended, contention_figures, curve = _contention()
    series = {
        "write units per message": [(each.rate, each.write_units) for each in curve],
        "append p99, ms": [(each.rate, each.p99_ms) for each in curve],
    }
    title = "Many senders in one conversation"
    (_DOCS / "speed-contention.svg").write_text(chart(title, "messages per second", "", series))
    if only_contention:
        _fill({"contention": contended})
        return
    print("start-up", flush=True)
    started, start_figures = _startup()
    with running() as stub:
        print("posting", flush=True)
        posted, post_figures = _posting(stub)
        print("operations", flush=True)
        priced = asyncio.run(_price(stub))
    by_name = {each.workload.name: each for each in priced}
    trips = [
        at_most(
            f"round trips before the message is durable, {name}",
            durable_trips(by_name[name].measurement),
            "calls",
            2,
            2,
        )
        for name in (_SINGLE, _HUNDRED)
    ]
    cpu, cpu_figures = _cpu(priced)
    latency, latency_figures = _latency(priced)
    targets = [*trips, *post_figures, *start_figures]
    parts = {
        "targets": figures.verdicts(targets),
        "cpu": cpu,
        "latency": latency,
        "posting": posted,
        "startup": started,
        "contention": contended,
    }
    _fill(parts)
    file = figures.write("speed", [*targets, *cpu_figures, *latency_figures, *contention_figures])
    print(f"\nwritten: docs/speed.md, docs/speed-contention.svg, {file}")


def _fill(parts: Mapping[str, str]) -> None:
    page = (_DOCS / "speed.md").read_text()
    for name, text in parts.items():
        page = figures.fill(page, name, text)
        print(f"\n{text}")
    (_DOCS / "speed.md").write_text(page)


if __name__ == "__main__":
    main(sys.argv[1:])
