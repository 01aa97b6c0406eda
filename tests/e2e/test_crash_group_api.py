"""What administrators do to groups, cut at AWS calls; checked by what members see, as in ``test_crash_groups``."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.crash import API, CONTEXT, Operation, Scene, cut_some_calls
from tests.e2e.test_crash_groups import (
    a_request_waits,
    bob_has_left,
    bob_has_the_alias,
    bob_has_the_extra,
    bob_is_allowed,
    bob_is_mute,
    bob_manages,
    bob_owns_it,
    it_has_the_name,
    two_in,
)

pytestmark = pytest.mark.xdist_group("crash-group_api")


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def do(scene: Scene, path: str, operator: str = "", **fields: Any) -> None:
    """A change of the group."""
    body = {"operator": operator or scene.ann, "group_id": scene.team, **fields}
    await scene.admin(f"/admin/group/{path}", body)


async def leave(scene: Scene) -> None:
    await do(scene, "member/quit", scene.bob)


async def transfer(scene: Scene) -> None:
    await do(scene, "transfer", new_owner=scene.bob)


async def modify(scene: Scene) -> None:
    await do(scene, "modify", type=0, value="New")


async def name(scene: Scene) -> None:
    await do(scene, "member/set_alias", memberId=scene.bob, alias="Bobby")


async def describe(scene: Scene) -> None:
    await do(scene, "member/set_extra", scene.bob, memberId=scene.bob, extra="{}")


async def promote(scene: Scene) -> None:
    await do(scene, "manager/set", members=[scene.bob], is_manager=True)


async def mute(scene: Scene) -> None:
    await do(scene, "manager/mute", members=[scene.bob], is_manager=True)


async def allow(scene: Scene) -> None:
    await do(scene, "manager/allow", members=[scene.bob], is_manager=True)


async def request(scene: Scene) -> None:
    await do(scene, "join_request/add", scene.cem, userIds=[scene.cem], reason="hi")


OPERATIONS = [
    Operation("group/member/quit", API, two_in, leave, bob_has_left),
    Operation("group/transfer", API, two_in, transfer, bob_owns_it),
    Operation("group/modify", API, two_in, modify, it_has_the_name),
    Operation("group/member/set_alias", API, two_in, name, bob_has_the_alias),
    Operation("group/member/set_extra", API, two_in, describe, bob_has_the_extra),
    Operation("group/manager/set", API, two_in, promote, bob_manages),
    Operation("group/manager/mute", API, two_in, mute, bob_is_mute),
    Operation("group/manager/allow", API, two_in, allow, bob_is_allowed),
    Operation("group/join_request/add", API, two_in, request, a_request_waits),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
