"""``make bench-cost``: what everything costs, beside two other designs and beside a server; rewrites docs/cost.md."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import figures
from bench.figures import Figure, at_most
from bench.measure import Priced, price
from bench.model import model
from bench.operations import OperationCost, operation_costs
from bench.plot import chart
from bench.stub import Stub, running
from bench.workloads import BROADCAST_FLOOR, WORKLOADS, Workload, group
from bench.yardsticks.deploy import rows_deployment, rows_message, scan_deployment, scan_message
from local.meter import item_size, prices
from local.synth import synthesize
from local.template import Template, read_assembly
from local.topology import CACHE, Topology

_DOCS = Path(__file__).parents[1] / "docs"
_MILLION = 1_000_000
_INDEX_USD = 0.625
"""Keeping the uid index: one write unit a message."""
_SIZES = ((2, 2), (10, 10), (100, 30), (1_000, 30), (10_000, 30))
_SCANNED = (2, 10, 30, 100)
_MEMORIES = (128, 256, 512, 1024)
_BROADCAST = "broadcast to 10,000, 3,000 online"
_ITEM_OVERHEAD = 100
"""Bytes that DynamoDB adds to an item, and to an entry of an index, when it bills storage."""
_HEARTBEATS_A_DAY = 24 * 60 // 4
_CONNECTIONS_A_DAY = 12
_MINUTES_A_DAY = 24 * 60
_DAYS = 30.4
_SECOND_A_MONTH = 730 * 3600


def raised(template: Template, **switches: Any) -> Template:
    """The deployment with other switches."""
    functions = {}
    for name, function in template.functions.items():
        present = json.loads(function.environment.get("IM_SWITCHES", "{}"))
        chosen = json.dumps({**present, **switches})
        functions[name] = replace(function, environment={**function.environment, "IM_SWITCHES": chosen})
    return replace(template, functions=functions)


async def _measure(template: Template, workloads: Sequence[Workload], stub: Stub) -> list[Priced]:
    found = []
    async with Topology(template) as topology:
        for workload in workloads:
            began = time.monotonic()
            found.append(await price(topology, workload, stub))
            print(f"  {workload.name}: {found[-1].total * _MILLION:.2f} ({time.monotonic() - began:.0f} s)", flush=True)
    return found


def _dimensions(priced: Priced) -> str:
    """Every billed dimension of a million runs."""
    rows: list[tuple[object, ...]] = []
    for unit, number in sorted(priced.units.items()):
        listed = prices()[unit]
        rows.append((unit, float(number), f"{listed.usd:g} / {listed.per:,.0f}", priced.usd(unit) * _MILLION))
    floor = priced.workload.floor
    rows.append(("**sum**", "", "", priced.total * _MILLION))
    if floor is not None:
        rows += [("floor", "", "", floor), ("ratio", "", "", priced.total * _MILLION / floor)]
    times = "; ".join(
        f"{run.function} x {run.invocations}: {run.cpu_us / 1000:.1f} ms CPU, {run.waits_ms:.0f} ms waiting, "
        f"{run.billed_ms:.0f} ms billed at {run.memory_mb} MB"
        for run in priced.runs
    )
    head = ("billed", "units each", "list price, USD", "USD per million")
    return f"**{priced.workload.name}** ({times})\n\n{figures.table(head, rows)}\n"


def _overview(all_priced: Sequence[Priced]) -> str:
    rows = []
    for priced in all_priced:
        usd, floor = priced.total * _MILLION, priced.workload.floor
        rows.append(
            (
                priced.workload.name,
                priced.trips,
                priced.units.get("dynamodb.read", 0.0),
                priced.units.get("dynamodb.write", 0.0),
                priced.units.get("socket.message", 0.0),
                (priced.usd("lambda.request") + priced.usd("lambda.gb_second")) * _MILLION,
                usd,
                floor,
                usd / floor if floor else None,
            )
        )
    head = (
        "work",
        "round trips",
        "read units",
        "write units",
        "frames",
        "Lambda, USD",
        "USD per million",
        "floor",
        "ratio",
    )
    return figures.table(head, rows)


def _operations(costs: Sequence[OperationCost]) -> str:
    head = ("operation", "round trips", "DynamoDB calls", "read units", "write units", "frames", "USD per million")
    rows = [(f"`{c.name}`", c.trips, c.calls, c.reads, c.writes, int(c.frames), c.usd) for c in costs]
    return figures.table(head, rows)


def _memories(all_priced: Sequence[Priced]) -> str:
    rows = [(p.workload.name, *(p.at_memory(memory) * _MILLION for memory in _MEMORIES)) for p in all_priced]
    return figures.table(("USD per million", *(f"{memory} MB" for memory in _MEMORIES)), rows)


def _storage(topology: Topology) -> tuple[str, list[Figure]]:
    messages = topology.template.tables["Messages"]
    item = max(topology.cloud.items(messages.name), key=item_size)
    body = item_size(item) + _ITEM_OVERHEAD
    [index] = messages.indexes
    entry = item_size({name: item[name] for name in {*index.keys, *messages.keys}}) + _ITEM_OVERHEAD
    month = (body + entry) / 1e9 * prices()["dynamodb.gb_month"].usd * _MILLION
    text = (
        f"A stored message of 1 KB takes {body:,} bytes and {entry} in the uid index, whatever the number of members. "
        f"A million of them cost ${month:.2f} a month."
    )
    return text, [
        Figure("storage per message with index", float(body + entry), "bytes"),
        Figure("storage of a million messages", month, "USD/month"),
    ]


def _idle(ping: Priced, connecting: Priced) -> tuple[str, list[Figure]]:
    minutes = _MINUTES_A_DAY * prices()["socket.minute"].usd / prices()["socket.minute"].per
    pings, connects = _HEARTBEATS_A_DAY * ping.total, _CONNECTIONS_A_DAY * connecting.total
    day = minutes + pings + connects
    rows = [
        ("connection minutes", float(_MINUTES_A_DAY), minutes * _MILLION),
        ("heartbeats with their answers, every 4 minutes", float(_HEARTBEATS_A_DAY), pings * _MILLION),
        ("connections, every 2 hours", float(_CONNECTIONS_A_DAY), connects * _MILLION),
        ("**day**", "", day * _MILLION),
        ("**month**", "", day * _DAYS * _MILLION),
    ]
    head = ("idle user, around the clock", "a day", "USD per million users")
    return figures.table(head, rows), [
        Figure("connection minutes of a user-day", minutes * _MILLION, "USD/million user-days"),
        Figure("idle day of a user", day * _MILLION, "USD/million user-days"),
    ]


def _beside(
    ours: Sequence[Priced], after: Sequence[Priced], rows: Sequence[Priced], scans: Mapping[int, Priced]
) -> str:
    table = []
    for (members, online), mine, anew, theirs in zip(_SIZES, ours, after, rows, strict=True):
        usd, other, scan = mine.total * _MILLION, theirs.total * _MILLION, scans[online].total * _MILLION
        table.append(
            (
                f"{members:,} / {online}",
                mine.units["dynamodb.write"],
                theirs.units["dynamodb.write"],
                usd,
                usd - _INDEX_USD,
                anew.total * _MILLION,
                other,
                other / usd,
                scan,
            )
        )
    head = (
        "members / online",
        "our write units",
        "row per recipient: write units",
        "ours",
        "ours without uid index",
        "ours after somebody connected",
        "row per recipient",
        "times ours",
        "scan, if nobody else is online",
    )
    return figures.table(head, table)


def _crossover(single: Priced, hundred: Priced, online: int) -> tuple[str, list[Figure]]:
    server = model().server
    second = server.usd_per_hour / 3600
    rows, found = [], []
    for name, priced, deliveries in (
        ("one-to-one", single, 1),
        (f"group of 100, {online} online", hundred, online - 1),
    ):
        each = (priced.total - priced.usd("egress.byte")) / deliveries
        rate = second / each
        rows.append(
            (
                name,
                each * _MILLION,
                rate,
                rate * _SECOND_A_MONTH / _MILLION,
                each * server.deliveries_per_second * _SECOND_A_MONTH,
                server.usd_per_hour * 730,
            )
        )
        found.append(Figure(f"crossover with a server, {name}", rate, "deliveries/s"))
    connections = server.usd_per_hour / 60 / (prices()["socket.minute"].usd / prices()["socket.minute"].per)
    found.append(Figure("crossover with a server, open connections alone", connections, "connections"))
    head = (
        "work",
        "ours, USD per million deliveries",
        "server is cheaper from, deliveries/s",
        "million deliveries a month",
        f"ours at {server.deliveries_per_second:,.0f}/s, USD a month",
        "server, USD a month",
    )
    text = figures.table(head, rows)
    text += (
        f"\n\nThe server: {server.name}, ${server.usd_per_hour} an hour, {server.deliveries_per_second:,.0f} deliveries a "
        f"second ({server.source}). Egress costs both the same and is left out. Open connections alone cost as much as the "
        f"server from {connections:,.0f} on. A second machine for when the first one dies doubles the rates above."
    )
    return text, found


def _targets(single: Priced, sizes: Sequence[Priced], broadcast: Priced) -> list[Figure]:
    usd = "USD/million"
    hundred = sizes[2]
    found = [
        at_most("one-to-one, both online", single.total * _MILLION, usd, 1.05 * 4.11 + 0.63, 4.11 + 0.63),
        at_most("one-to-one, without uid index", single.total * _MILLION - _INDEX_USD, usd, 1.05 * 4.11, 4.11),
        at_most("group of 100, 30 online", hundred.total * _MILLION, usd, 1.05 * 35.9, 35.9),
        at_most(_BROADCAST, broadcast.total * _MILLION, usd, 1.1 * BROADCAST_FLOOR, BROADCAST_FLOOR),
    ]
    for (members, _), priced in zip(_SIZES, sizes, strict=True):
        units = priced.measurement.units("dynamodb.write", function="MessageWs") - 1
        found.append(at_most(f"write units to store a message, {members:,} members", units, "units", 1.0, 1.0))
        found.append(Figure(f"message to a group of {members:,}", priced.total * _MILLION, usd))
    return found


def _sized(members: int, online: int, *, arrival: bool = False) -> Workload:
    name = f"group of {members}, {online} online{', one has just connected' if arrival else ''}"
    return Workload(name, "MessageWs", None, group(members, online, arrival=arrival))


async def _main() -> None:
    deployed = read_assembly(synthesize(CACHE)[0])
    with running() as stub:
        print("ours")
        ours: list[Priced] = []
        async with Topology(deployed) as topology:
            for workload in WORKLOADS:
                ours.append(await price(topology, workload, stub))
                print(f"  {workload.name}: {ours[-1].total * _MILLION:.2f}", flush=True)
            storage, storage_figures = _storage(topology)
        async with Topology(deployed) as topology:
            operations = await operation_costs(topology)
        by_name = {priced.workload.name: priced for priced in ours}
        largest = max(members for members, _ in _SIZES)
        deep = raised(deployed, **{"im.max_group_members": largest})
        sized = [_sized(*size, arrival=arrival) for size in _SIZES for arrival in (False, True)]
        measured = await _measure(deep, sized, stub)
        sizes, after = measured[::2], measured[1::2]
        print("row per recipient")
        rows = await _measure(rows_deployment(), [rows_message(*size) for size in _SIZES], stub)
        print("broadcast by scan")
        scanned = await _measure(scan_deployment(), [scan_message(online) for online in _SCANNED], stub)
    scans = dict(zip(_SCANNED, scanned, strict=True))

    single, hundred = by_name["one-to-one, both online"], by_name["group of 100, 30 online"]
    idle, idle_figures = _idle(by_name["ping, 50 quiet conversations"], by_name["connect and disconnect"])
    crossover, crossover_figures = _crossover(single, hundred, 30)
    targets = _targets(single, sizes, by_name[_BROADCAST])
    hello = by_name["hello, 50 conversations"]
    others = [Figure("hello over 50 conversations", hello.total * _MILLION, "USD/million")]
    others += [
        Figure(f"message to a group of {members:,} after somebody connected", p.total * _MILLION, "USD/million")
        for (members, _), p in zip(_SIZES, after, strict=True)
    ]
    others += [Figure(f"broadcast by scan, {n} sockets", p.total * _MILLION, "USD/million") for n, p in scans.items()]
    others += [
        Figure(f"row per recipient, {members:,} members", p.total * _MILLION, "USD/million")
        for (members, _), p in zip(_SIZES, rows, strict=True)
    ]
    others += [Figure(f"{each.name}, without Lambda's time", each.usd, "USD/million") for each in operations]
    found = [*targets, *storage_figures, *idle_figures, *crossover_figures, *others]

    slope = (scans[100].total - scans[2].total) / 98 * _MILLION
    parts = {
        "targets": figures.verdicts(targets),
        "overview": _overview(ours),
        "operations": _operations(operations),
        "dimensions": "\n".join(_dimensions(priced) for priced in ours),
        "memory": _memories([single, hundred]),
        "storage": storage,
        "idle": idle,
        "beside": _beside(sizes, after, rows, scans)
        + f"\n\nOne million messages of broadcast by scan cost ${slope:.2f} more for every further socket that is open "
        "anywhere in the service.",
        "crossover": crossover,
    }
    page = (_DOCS / "cost.md").read_text()
    for name, text in parts.items():
        page = figures.fill(page, name, text)
        print(f"\n{text}")
    (_DOCS / "cost.md").write_text(page)
    members = [float(size) for size, _ in _SIZES]
    series = {
        "ours": [p.total * _MILLION for p in sizes],
        "ours after somebody connected": [p.total * _MILLION for p in after],
        "row per recipient": [p.total * _MILLION for p in rows],
        "posts alone (30 online)": [p.usd("socket.message") * _MILLION for p in sizes],
    }
    plotted = {name: list(zip(members, values, strict=True)) for name, values in series.items()}
    title = "A message to a group, at most 30 members online"
    (_DOCS / "cost-groups.svg").write_text(chart(title, "members", "USD per million messages", plotted))
    print(f"\nwritten: docs/cost.md, docs/cost-groups.svg, {figures.write('cost', found)}")


if __name__ == "__main__":
    asyncio.run(_main())
