"""The workloads that are counted, each warmed up before it is measured. Budgets in tests use the same ones."""

import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from bench.model import stages
from im import keys
from im.delivery.store import SHARDS
from local.client import SocketClient
from local.meter import Measurement
from local.topology import Topology

_numbers = itertools.count()

ONE_KB = "x" * 880
"""A text that makes a frame of about 1 KB together with its envelope."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to count.

    Attributes:
        name: for people.
        function: the function that does the work before the answer.
        floor: what it must cost at least, USD per million; None where no floor is stated.
        run: prepares and warms up, then yields the step to measure.
    """

    name: str
    function: str
    floor: float | None
    run: Callable[[Topology], AsyncIterator[Callable[[], Awaitable[Any]]]]


class Chat:
    """One sender in one conversation, who knows its head."""

    def __init__(self, socket: SocketClient, conversation: dict[str, Any]) -> None:
        self._socket = socket
        self._conversation = conversation
        self._seq = 0

    async def send(self, text: str = ONE_KB) -> dict[str, Any]:
        """Send a text after the last one."""
        body = {
            "conversation": self._conversation,
            "content": {"type": 1, "searchableContent": text, "persistFlag": 3},
            "cid": f"{self._conversation['target']}-{next(_numbers)}",
            "base": self._seq,
        }
        answer: dict[str, Any] = await self._socket.call("message", "send", body)
        self._seq = answer["seq"]
        return answer

    def starts_at(self, seq: int) -> None:
        """The head that the sender has learned of by other means."""
        self._seq = seq


@asynccontextmanager
async def sockets(topology: Topology, *users: str) -> AsyncIterator[list[SocketClient]]:
    """Connected clients, closed at the end."""
    opened = [await topology.socket(user) for user in users]
    try:
        yield opened
    finally:
        for socket in opened:
            await socket.close()


BROADCAST_FLOOR = 3_281.0
"""USD for a million broadcasts to 10,000 subscribers of whom 3,000 are online: a frame in, its answer and 3,000 deliveries
$3,002; egress 258; Lambda 11; the queue 5; reading the list of subscribers 5; one write. It says nothing of finding out who
is online."""
_AT_ONCE = 250
"""Members that one call puts into a group: more would take longer than a function may on a busy machine."""
_made: "WeakKeyDictionary[Topology, set[str]]" = WeakKeyDictionary()


async def make_group(topology: Topology, group: str, size: int) -> str:
    """A group of ``size`` members, owned by ``<group>-0``, unless this topology has it; returns the owner."""
    made = _made.setdefault(topology, set())
    if group in made:
        return f"{group}-0"
    made.add(group)
    owner = f"{group}-0"
    members = [{"member_id": f"{group}-{number}"} for number in range(1, size)]
    info = {"target_id": group, "name": group, "type": 2, "owner": owner}
    founded = {"operator": owner, "group": {"group_info": info, "members": members[:_AT_ONCE]}}
    answers = [await topology.admin("/admin/group/create", founded)]
    for start in range(_AT_ONCE, len(members), _AT_ONCE):
        body = {"operator": owner, "group_id": group, "members": members[start : start + _AT_ONCE]}
        answers.append(await topology.admin("/admin/group/member/add", body))
    if any(answer["code"] for answer in answers):
        raise RuntimeError(f"no group: {answers}")
    return owner


async def single_both_online(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """A one-to-one message of 1 KB."""
    async with sockets(topology, "bench-alice", "bench-bob") as (alice, _):
        chat = Chat(alice, {"type": 0, "target": "bench-bob"})
        await chat.send()
        yield chat.send


async def single_offline(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """The same to somebody who is offline."""
    async with sockets(topology, "bench-alice") as (alice,):
        chat = Chat(alice, {"type": 0, "target": "bench-nobody"})
        await chat.send()
        yield chat.send


def group(
    size: int, online: int, *, arrival: bool = False
) -> Callable[[Topology], AsyncIterator[Callable[[], Awaitable[Any]]]]:
    """A message of 1 KB to a group in which people write.

    Args:
        size: members.
        online: how many of them, the sender included.
        arrival: one of them has connected since the last message, so nobody remembers where the members are.
    """

    async def run(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        name = f"bench-{size}-{online}"
        owner = await make_group(topology, name, size)
        there = [f"{name}-{number}" for number in range(1, online)]
        late = [there.pop()] if arrival else []
        async with sockets(topology, owner, *there) as opened:
            chat = Chat(opened[0], {"type": 1, "target": name})
            [known] = (await opened[0].call("session", "hello", {}))["conversations"]
            chat.starts_at(known["head"])
            # Every worker environment has to see every chunk twice before it remembers.
            for _ in range(3 + size // 1_000):
                await chat.send()
                await topology.settle()
            async with sockets(topology, *late):
                yield chat.send

    return run


_SOCKETS = 20
"""So many real sockets stand for all who are online in a channel: what a post costs does not depend on whose socket it is."""


async def _fill_channel(topology: Topology, channel: str, subscribers: int, online: int) -> None:
    """Let many users subscribe to a channel, some of whom are online, on the sockets that are open.

    Their items are written as subscribing and connecting write them; ten thousand of either would take minutes.
    """
    tables = topology.template.tables
    made = _made.setdefault(topology, set())
    if channel not in made:
        made.add(channel)
        names = [f"{channel}-{number:05}" for number in range(subscribers)]
        pk = {"S": keys.channel(channel)}
        items = [{"pk": pk, "sk": {"S": keys.subscriber(name)}, "n": {"N": "1"}} for name in names]
        topology.cloud.put_items(tables["Directory"].name, items)
    known = topology.cloud.items(tables["Presence"].name)
    devices = [
        (name, value)
        for item in known
        if item["u"]["S"].startswith(f"{channel}-socket-")
        for name, value in item.items()
        if name.startswith("d:")
    ]
    presences = []
    for number in range(online):
        user = f"{channel}-{number * subscribers // online:05}"
        name, value = devices[number % len(devices)]
        shard = zlib.crc32(user.encode()) % SHARDS
        presences.append({"u": {"S": user}, "o": {"N": str(shard)}, name: value})
    topology.cloud.put_items(tables["Presence"].name, presences)


def broadcast(subscribers: int, online: int) -> Callable[[Topology], AsyncIterator[Callable[[], Awaitable[Any]]]]:
    """A message of 1 KB to all who subscribe to a channel.

    Args:
        subscribers: how many they are.
        online: how many of them are.
    """

    async def run(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        channel = f"bench-{subscribers}-{online}"
        ends = [f"{channel}-socket-{number}" for number in range(_SOCKETS)]
        async with sockets(topology, f"{channel}-owner", *ends) as (owner, *_):
            await owner.call("channel", "create", {"name": "Bench", "channelId": channel})
            await _fill_channel(topology, channel, subscribers, online)
            chat = Chat(owner, {"type": 3, "target": channel})
            known = (await owner.call("session", "hello", {}))["conversations"]
            chat.starts_at(next((each["head"] for each in known if each["conversation"]["target"] == channel), 0))
            await chat.send("The first of this minute")
            await topology.settle()
            yield chat.send

    return run


def dialog() -> Callable[[Topology], AsyncIterator[Callable[[], Awaitable[Any]]]]:
    """A message of 1 KB from a subscriber to a channel whose owner is online."""

    async def run(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        async with sockets(topology, "olga", "rita") as (owner, reader):
            await owner.call("channel", "create", {"name": "Bench", "channelId": "desk"})
            await reader.call("channel", "listen", {"channelId": "desk", "on": True})
            chat = Chat(reader, {"type": 3, "target": "desk|rita"})
            for _ in range(2):  # the second one knows the owner
                await chat.send()
            yield chat.send

    return run


async def idle_ping(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """The heartbeat of a user with fifty quiet conversations."""
    async with sockets(topology, "bench-idle") as (idle,):
        for number in range(50):
            await Chat(idle, {"type": 0, "target": f"bench-friend-{number}"}).send("hi")
            topology.clock.advance(seconds=0.1)
        topology.clock.advance(minutes=9)
        hello = await idle.call("session", "hello", {})

        async def ping() -> Any:
            return await idle.call("session", "ping", {"sync": hello["sync"]})

        await ping()
        yield ping


async def hello_fifty(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """The first hello of a device of a user with fifty conversations."""
    async with sockets(topology, "bench-idle") as (idle,):

        async def hello() -> Any:
            return await idle.call("session", "hello", {})

        await hello()
        yield hello


async def connect(topology: Topology) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Opening a socket: authorizer and registration."""
    token = await topology.token("bench-connect", "bench-connect-client")

    async def open_and_close() -> None:
        socket = await SocketClient.connect(topology.socket_url, token, "bench-connect-client", 5)
        await socket.close()

    await open_and_close()
    await topology.settle()
    yield open_and_close


WORKLOADS = (
    Workload("one-to-one, both online", "MessageWs", 4.11, single_both_online),
    Workload("one-to-one, recipient offline", "MessageWs", None, single_offline),
    Workload("group of 2, 2 online", "MessageWs", None, group(2, 2)),
    Workload("group of 100, 30 online", "MessageWs", 35.9, group(100, 30)),
    Workload("group of 300, 10 online (queue)", "MessageWs", None, group(300, 10)),
    Workload("the same after somebody connected", "MessageWs", None, group(300, 10, arrival=True)),
    Workload("broadcast to 10,000, 3,000 online", "MessageWs", BROADCAST_FLOOR, broadcast(10_000, 3_000)),
    Workload("ping, 50 quiet conversations", "ConnectWs", None, idle_ping),
    Workload("hello, 50 conversations", "ConnectWs", None, hello_fifty),
    Workload("connect and disconnect", "ConnectWs", None, connect),
)


def round_trips(measurement: Measurement, function: str) -> int:
    """Sequential calls of one invocation: calls that run side by side in helper threads count once."""
    return len(stages(measurement.calls(function=function)))


def durable_trips(measurement: Measurement) -> int:
    """Sequential calls of a send until the message is stored."""
    steps = stages(measurement.calls(function="MessageWs"))
    return next(number for number, step in enumerate(steps, 1) if step[0].operation == "PutItem")
