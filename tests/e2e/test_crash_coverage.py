"""Nothing writes that is not cut: whatever can be asked for is in one of two tables (see ``tests.e2e.crash``).

A new operation belongs into ``OPERATIONS`` of a ``test_crash_...`` module, or, if it only reads, into ``READS``; here is
recorded that what is in there makes no call that writes.
"""

import importlib
from collections.abc import Iterator

import pytest

from im.routing import Router
from im.server_api.endpoints import ENDPOINTS
from local.client import SocketClient
from local.meter import Record
from local.topology import Topology
from stacks.functions import FUNCTIONS, ROUTES
from tests.e2e.crash import CONTEXT, Read, Scene, Step, every_operation, every_read

pytestmark = pytest.mark.xdist_group("crash-coverage")

UNROUTED = "$default"
"""The route of frames that have none: they are refused without a look at anything."""
READING = ("Get", "BatchGet", "Query", "Scan", "TransactGet", "Head", "List", "Describe", "Receive")
SIGNATURES = "Ephemera"
"""Where the server API notes every signature that was used."""


def surface() -> set[str]:
    """All that can be asked for: socket events, operations of routes, paths of the server API."""
    found = {route for route in ROUTES if route.startswith("$")} - {UNROUTED}
    for route, spec in ROUTES.items():
        routers = [each for each in vars(importlib.import_module(spec.module)).values() if isinstance(each, Router)]
        found.update(f"{route}.{op}" for router in routers if not route.startswith("$") for op in router.operations)
    return found | {path.removeprefix("/admin/") for path in ENDPOINTS}


def test_whatever_can_be_asked_for_is_cut_or_only_reads() -> None:
    cut, reads = {each.op for each in every_operation()}, {each.name for each in every_read()}

    assert surface() - cut - reads == set(), "add them to OPERATIONS or READS of a tests/e2e/test_crash_... module"
    assert (cut | reads) - surface() == set(), "nobody can ask for these"
    assert cut & reads == set()


def test_every_function_is_cut() -> None:
    assert {spec.name for spec in FUNCTIONS} - {each.function for each in every_operation()} == set()


def test_no_two_operations_have_one_name() -> None:
    names = [each.name for each in every_operation()] + [each.name for each in every_read()]

    assert sorted(names) == sorted(set(names))


# --- what only reads


class Scenes(dict[Step, Scene]):
    """Scenes by what prepares them, made when they are first asked for."""

    def __init__(self, topology: Topology) -> None:
        super().__init__()
        self.topology = topology

    def __missing__(self, prepare: Step) -> Scene:
        scene = self[prepare] = Scene(self.topology)
        self.topology.run(prepare(scene))
        self.topology.run(self.topology.settle())
        return scene


@pytest.fixture(scope="module")
def scenes() -> Iterator[Scenes]:
    with Topology.from_cdk(context=CONTEXT) as topology:
        kept = Scenes(topology)
        yield kept
        for scene in kept.values():
            topology.run(scene.close())


async def put(scene: Scene, question: Read) -> None:
    """Ask it, and get an answer: a refusal would prove nothing."""
    route, _, op = question.name.partition(".")
    body = question.body(scene)
    if op:
        socket: SocketClient = scene.kept[question.who]
        await socket.call(route, op, body)
    else:
        await scene.admin(question.name if route.startswith("/") else f"/admin/{route}", body)
    await scene.topology.settle()


def writes(call: Record) -> bool:
    return not call.operation.startswith(READING) and SIGNATURES not in call.resource


@pytest.mark.parametrize("question", every_read(), ids=lambda question: question.name)
def test_what_only_reads_makes_no_call_that_writes(scenes: Scenes, question: Read) -> None:
    scene = scenes[question.prepare]
    with scenes.topology.meter.measure() as measured:
        scenes.topology.run(put(scene, question))

    assert [f"{call.operation} {call.resource}" for call in measured.calls() if writes(call)] == []
