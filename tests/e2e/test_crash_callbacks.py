"""What the business back end is told, cut at every AWS call of who says it and of who delivers it."""

from collections.abc import Iterator
from functools import cache

import pytest

from local.topology import Topology
from tests.e2e.context import tell_functions
from tests.e2e.crash import MESSAGE, Operation, Scene, contiguous, cut_some_calls, plain, two_chat
from tests.e2e.receiver import Receiver
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("crash-callbacks")

WORKER = "CallbackOnQueue"


@cache
def back_end() -> Receiver:
    """The business back end of this process."""
    return Receiver()


def forwarding() -> Topology:
    """The system, and it forwards messages."""
    return tell_functions(plain(), message__forward__url=back_end().url)


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with forwarding() as running:
        yield running


async def send(scene: Scene) -> None:
    scene.kept["answer"] = await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "more", "d", 1))


async def both_are_forwarded(scene: Scene) -> None:
    """Each message once or more often, in their order, and nothing else."""
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [each["seq"] for each in messages] == [1, 2]
    told = [body["messageId"] for body in back_end().bodies() if body["sender"] == scene.ann]
    assert list(dict.fromkeys(told)) == [int(each["uid"]) for each in messages]


async def two_chat_with_a_faint_back_end(scene: Scene) -> None:
    """The same, and the back end fails at the next message."""
    await two_chat(scene)
    await scene.topology.settle()
    back_end().answers = [500]


OPERATIONS = [
    Operation("message.send, which is forwarded", MESSAGE, two_chat, send, both_are_forwarded, system=forwarding),
    Operation(
        "message.send, which is forwarded at the second try",
        WORKER,
        two_chat_with_a_faint_back_end,
        send,
        both_are_forwarded,
        system=forwarding,
    ),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
