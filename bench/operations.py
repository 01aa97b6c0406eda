"""What every operation of the socket protocol costs: the examples of its page, played and metered one by one."""

from dataclasses import dataclass

from bench.examples import Example, examples, people
from bench.model import stages
from local.meter import Measurement
from local.topology import Topology

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class OperationCost:
    """One run of an operation, as in the last of its examples that succeeds.

    Attributes:
        trips: sequential AWS calls before the answer.
        calls: all calls to DynamoDB.
        frames: billed socket messages: the request, its answer, and what was pushed.
        usd: of a million, without Lambda's time.
    """

    name: str
    trips: int
    calls: int
    reads: float
    writes: float
    frames: float
    usd: float


async def operation_costs(topology: Topology) -> list[OperationCost]:
    """Play the page on a fresh topology, in its order."""
    sockets = await people(topology)
    found: dict[str, OperationCost] = {}
    for example in examples():
        if example.kind != "request":
            continue
        await topology.settle()
        socket = sockets[example.marks["as"]]
        with topology.meter.measure() as measured:
            await socket.send_text(example.text)
            if "closes" in example.marks:
                await socket.closed()
                answer = {"code": 0}
            else:
                answer = await socket.stray()
            await topology.settle()
        name = f"{example.frame['route']}.{example.frame['op']}"
        if answer.get("code") == 0:
            found[name] = _cost(topology, name, example, measured)
    for socket in sockets.values():
        await socket.close()
    return list(found.values())


def _cost(topology: Topology, name: str, example: Example, measured: Measurement) -> OperationCost:
    [api] = topology.template.sockets.values()
    function = api.routes[example.frame["route"]].function
    return OperationCost(
        name,
        trips=len(stages(measured.calls(function=function))),
        calls=len(measured.calls(service="dynamodb")),
        reads=measured.units("dynamodb.read"),
        writes=measured.units("dynamodb.write"),
        frames=measured.units("socket.message"),
        usd=measured.counted_usd * _MILLION,
    )
