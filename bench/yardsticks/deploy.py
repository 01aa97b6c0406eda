"""The two designs as deployments of the local topology, and the message to measure on each."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from bench.workloads import ONE_KB, Workload, sockets
from bench.yardsticks import rows
from bench.yardsticks.common import CONNECTIONS
from local.synth import synthesize
from local.template import REGION, Table, Template, read_assembly
from local.topology import CACHE, Topology


def _table(name: str, hash_key: str, range_key: str = "") -> Table:
    keys = (hash_key, range_key) if range_key else (hash_key,)
    arn = f"arn:aws:dynamodb:{REGION}:0:table/{name}"
    return Table(name, name, arn, keys, dict.fromkeys(keys, "S"), (), None, None)


def _deployment(module: str, tables: Iterable[Table]) -> Template:
    """Ours with the handlers of connections and messages replaced, and the design's tables added."""
    ours = read_assembly(synthesize(CACHE)[0])
    functions = {
        name: replace(function, handler=f"{module}.handler") if name in ("ConnectWs", "MessageWs") else function
        for name, function in ours.functions.items()
    }
    return replace(ours, functions=functions, tables={**ours.tables, **{each.id: each for each in tables}})


def scan_deployment() -> Template:
    """Broadcast by scan."""
    return _deployment("bench.yardsticks.scan", [_table(CONNECTIONS, "connection")])


def rows_deployment() -> Template:
    """A row per recipient."""
    return _deployment(
        "bench.yardsticks.rows",
        [
            _table(CONNECTIONS, "user"),
            _table(rows.COUNTERS, "conversation"),
            _table(rows.BODIES, "conversation", "seq"),
            _table(rows.INBOXES, "user", "at"),
            _table(rows.MEMBERS, "conversation", "member"),
        ],
    )


def scan_message(online: int) -> Workload:
    """A message of 1 KB while so many sockets are open in the whole service."""

    async def run(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        async with sockets(topology, *(f"scan-{number}" for number in range(online))) as opened:
            sender = opened[0]

            async def send() -> None:
                await sender.send_text(f'{{"route":"message","text":"{ONE_KB}"}}')
                await sender.stray()

            await send()
            yield send

    return Workload(f"{online} sockets", "MessageWs", None, run)


def rows_message(members: int, online: int) -> Workload:
    """A message of 1 KB to a conversation of so many members."""

    async def run(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        name = f"rows-{members}-{online}"
        users = [f"{name}-{number}" for number in range(members)]
        items = [{"conversation": {"S": name}, "member": {"S": user}} for user in users]
        topology.cloud.put_items(rows.MEMBERS, items)
        async with sockets(topology, *users[:online]) as opened:
            body = {"conversation": name, "text": ONE_KB}

            async def send() -> None:
                await opened[0].call("message", "send", body)

            await send()
            yield send

    return Workload(f"{members} members, {online} online", "MessageWs", None, run)
