"""Registering for notifications, and notifying, cut at every AWS call."""

from collections.abc import Iterator
from functools import cache

import pytest

from local.topology import Topology
from tests.e2e.context import tell_functions
from tests.e2e.crash import MESSAGE, Operation, Read, Scene, ask, bob_connected, cut_some_calls, plain
from tests.e2e.receiver import Receiver
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("crash-push")

PUSH, WORKER = "PushWs", "PushOnQueue"
ANDROID = 2


@cache
def push_server() -> Receiver:
    """The push server of this process."""
    return Receiver()


def notifying() -> Topology:
    """The system with a push server for Android."""
    return tell_functions(plain(), push__android__server__address=push_server().url)


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with notifying() as running:
        yield running


def token_of(scene: Scene) -> str:
    return f"token{scene.number}"


# --- before


async def both_there(scene: Scene) -> None:
    """Ann is connected, and bob on a phone."""
    scene.kept["ann"] = await scene.join(scene.ann)
    scene.kept["bob"] = await scene.join(scene.bob, platform=ANDROID)


async def bob_registered(scene: Scene) -> None:
    """And bob's phone has a token."""
    await both_there(scene)
    await register(scene)


async def bob_asleep(scene: Scene) -> None:
    """And it has gone to sleep."""
    await bob_registered(scene)
    await fall_asleep(scene)


async def fall_asleep(scene: Scene) -> None:
    await scene.kept["bob"].close()
    await scene.topology.settle()


# --- what is done


async def register(scene: Scene) -> None:
    await ask(scene, "bob", "push", "register", {"token": token_of(scene), "pushType": 1, "packageName": "p"})


async def forget(scene: Scene) -> None:
    await ask(scene, "bob", "push", "forget")


async def show_a_number(scene: Scene) -> None:
    await ask(scene, "bob", "push", "badge", {"number": 6})


async def write(scene: Scene) -> None:
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "news", "n"))
    await scene.topology.settle()


# --- after


def notices(scene: Scene) -> list[dict[str, object]]:
    return [body for body in push_server().bodies() if body["deviceToken"] == token_of(scene)]


async def bob_is_notified(scene: Scene) -> None:
    await fall_asleep(scene)
    await write(scene)
    assert len(notices(scene)) == 1


async def bob_is_not_notified(scene: Scene) -> None:
    await fall_asleep(scene)
    await write(scene)
    assert notices(scene) == []


async def one_is_added_to_the_number(scene: Scene) -> None:
    await fall_asleep(scene)
    await write(scene)
    assert [(each["existBadgeNumber"], each["unReceivedMsg"]) for each in notices(scene)] == [(6, 1)]


async def bob_was_notified_once(scene: Scene) -> None:
    assert len(notices(scene)) == 1


async def bob_was_not_notified_twice(scene: Scene) -> None:
    """Whoever notifies may die while he does; then the device is not told, rather than told twice."""
    died = [fault for fault in scene.topology.faults.fired[-1:] if fault.action.startswith("kill")]
    assert len(notices(scene)) in ((0, 1) if died else (1,))


OPERATIONS = [
    Operation("push.register", PUSH, both_there, register, bob_is_notified, system=notifying),
    Operation("push.forget", PUSH, bob_registered, forget, bob_is_not_notified, system=notifying),
    Operation("push.badge", PUSH, bob_registered, show_a_number, one_is_added_to_the_number, system=notifying),
    Operation("message.send to a sleeper", MESSAGE, bob_asleep, write, bob_was_notified_once, system=notifying),
    Operation(
        "message.send to a sleeper, who is notified",
        WORKER,
        bob_asleep,
        write,
        bob_was_not_notified_twice,
        system=notifying,
    ),
]

READS = [Read("push.webPushKey", bob_connected, lambda scene: {}, who="bob")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
