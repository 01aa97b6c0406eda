"""What chatrooms may cost, counted on the whole topology, and that a room of a thousand stays in order."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bench.workloads import ONE_KB
from im import keys
from local.client import SocketClient
from local.meter import Measurement
from local.topology import Topology

pytestmark = pytest.mark.xdist_group("rooms")

INDEX_UNIT = 1
_names = itertools.count()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


class Room:
    """A chatroom, and those who are inside."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.id = f"room{next(_names)}"
        self.conversation = {"type": 2, "target": self.id}
        self.inside: list[SocketClient] = []
        self.head = 0

    async def enter(self, user: str, **more: Any) -> dict[str, Any]:
        """One more real socket."""
        self.inside.append(await self.topology.socket(user))
        return await self.join(len(self.inside) - 1, **more)

    async def join(self, index: int, **more: Any) -> dict[str, Any]:
        """Join, once more perhaps."""
        answer: dict[str, Any] = await self.inside[index].call("chatroom", "join", {"chatroomId": self.id, **more})
        self.head = max(self.head, answer["head"])
        return answer

    async def say(self, index: int = 0, cid: str = "", base: int = 0) -> int:
        """A message of 1 KB."""
        body = {
            "conversation": self.conversation,
            "content": {"type": 1, "searchableContent": ONE_KB},
            "cid": cid or f"c{next(_names)}",
            "base": base or self.head,
        }
        answer = await self.inside[index].call("message", "send", body)
        self.head = max(self.head, answer["seq"])
        return int(answer["seq"])

    def crowd(self, size: int) -> None:
        """Let many more sit there, on the sockets that are open: what a message costs does not depend on whose they are."""
        [seat, *_] = self._seats()
        connections = [item["x"]["S"] for item in self._seats()]
        names = [f"{self.id}-guest-{number:04}" for number in range(size - len(connections))]
        crowd = [
            {**seat, "sk": {"S": keys.seat(name)}, "c": {"S": f"{name}-client"}, "x": {"S": connection}}
            for name, connection in zip(names, itertools.cycle(connections), strict=False)
        ]
        self.topology.cloud.put_items(self._table, crowd)

    def _seats(self) -> list[dict[str, Any]]:
        partition = {"S": keys.chatroom(self.id)}
        items = self.topology.cloud.items(self._table)
        return [item for item in items if item["pk"] == partition and item["sk"]["S"].startswith(keys.SEAT_PREFIX)]

    @property
    def _table(self) -> str:
        return self.topology.template.tables["Directory"].name

    async def close(self) -> None:
        """Close the sockets."""
        for socket in self.inside:
            await socket.close()


def measure(
    topology: Topology, act: Callable[[Room], Awaitable[Any]], *, people: int = 3, crowd: int = 0
) -> Measurement:
    """What an operation costs in a room where people sit, after it has been done once or has been prepared."""

    async def work() -> Measurement:
        room = Room(topology)
        for number in range(people):
            await room.enter(f"{room.id}-{number}")
        await room.say()
        if crowd:
            room.crowd(crowd)
        await topology.settle()
        with topology.meter.measure() as measured:
            await act(room)
            await topology.settle()
        await room.close()
        return measured

    return topology.run(work())


def operations(measured: Measurement, function: str) -> list[str]:
    return [call.operation for call in measured.calls(function=function, service="dynamodb")]


def test_a_message_in_a_room_is_a_batch_read_a_put_and_a_query(topology: Topology) -> None:
    measured = measure(topology, lambda room: room.say())

    assert operations(measured, "MessageWs") == ["BatchGetItem", "PutItem", "Query"]
    assert measured.units("dynamodb.write") == 1 + INDEX_UNIT
    assert measured.units("dynamodb.read") <= 3.5
    assert measured.units("socket.message") == 1 + 1 + 2


def test_a_message_to_a_thousand_costs_little_more_than_its_posts(topology: Topology) -> None:
    measured = measure(topology, lambda room: room.say(), people=20, crowd=1_000)

    assert operations(measured, "MessageWs") == ["BatchGetItem", "PutItem", "Query"]
    assert operations(measured, "MessageOnQueue") == [], "workers ask nobody where anybody is"
    assert measured.units("dynamodb.write") == 1 + INDEX_UNIT
    assert measured.units("dynamodb.read") <= 40
    # The sender's socket stands for fifty of the thousand and is left out.
    assert measured.units("socket.message") == 2 + 1_000 - 50
    assert measured.counted_usd <= 1.12 * measured.units("socket.message") * 1e-6, measured.table(1)


def test_joining_costs_two_writes_and_no_more_in_a_full_room(topology: Topology) -> None:
    async def act(room: Room) -> None:
        await room.enter(f"{room.id}-late")

    measured = measure(topology, act, crowd=1_000)

    assert operations(measured, "ChatroomWs") == ["BatchGetItem", "PutItem", "PutItem", "BatchGetItem", "Query"]
    writes = [call.operation for call in measured.calls(function="ChatroomWs") if call.operation == "PutItem"]
    assert len(writes) == 2


def test_joining_again_writes_nothing(topology: Topology) -> None:
    measured = measure(topology, lambda room: room.join(1, recent=0), crowd=1_000)

    assert operations(measured, "ChatroomWs") == ["BatchGetItem", "Query"]
    assert measured.units("dynamodb.write") == 0
    assert measured.units("dynamodb.read") <= 7


async def answered(saying: Awaitable[int]) -> int | None:
    """The seq of a message, None when a busy machine took too long to say it."""
    try:
        return await saying
    except TimeoutError:
        return None


async def in_order(topology: Topology, people: int, senders: int, each: int) -> None:
    """Some speak at the same time; everybody ends with the same messages, each sender's in their order."""
    room = Room(topology)
    for start in range(0, people, 20):
        await asyncio.gather(*(room.enter(f"{room.id}-{start + number}") for number in range(min(20, people - start))))

    async def speak(index: int) -> None:
        base = room.head
        for number in range(each):
            while (seq := await answered(room.say(index, f"{index}-{number}", base))) is None:
                pass  # what clients do: the same again
            base = seq

    with topology.meter.measure() as measured:
        await asyncio.gather(*(speak(index) for index in range(senders)))
        await topology.settle(within_s=300)
    listener = room.inside[-1]
    ranges = {"ranges": [{"conversation": room.conversation, "after": 0}]}
    log = (await listener.call("message", "pull", ranges))["ranges"][0]["messages"]
    said = {message["seq"]: message["cid"] for message in log}

    assert sorted(said) == list(range(min(said), min(said) + senders * each))
    for index in range(senders):
        own = [cid for _, cid in sorted(said.items()) if cid.startswith(f"{index}-")]
        assert own == [f"{index}-{number}" for number in range(each)]
    for socket in room.inside[senders:]:
        heard = {push["body"]["seq"]: push["body"]["cid"] for push in socket.pushes}
        assert heard == said
    collisions = senders - 1
    assert measured.units("dynamodb.write") <= (1 + INDEX_UNIT + collisions) * senders * each
    await room.close()


def test_a_room_stays_in_order_per_sender(topology: Topology) -> None:
    topology.run(in_order(topology, people=24, senders=4, each=5))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_room_of_a_thousand_sockets_stays_in_order_per_sender(topology: Topology) -> None:
    topology.run(in_order(topology, people=1_000, senders=3, each=2))
