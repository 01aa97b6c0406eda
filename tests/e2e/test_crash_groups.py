"""Every operation of groups over the socket, cut at AWS calls, as ``test_crash_points`` does it to everything else.

The long run cuts each operation at every call and in every way; the short one takes a sample of the cuts of those that
bring people in and out.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from local.client import SocketClient
from local.topology import Topology
from tests.e2e.crash import CONTEXT, GROUP, Operation, Scene, contiguous, cut_some_calls
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("crash-groups")

_ATTEMPTS = 12
_DONE_BEFORE = {
    "create": (11,),
    "dismiss": (253,),
    "quit": (9,),
    "add": (12,),
    "join": (12,),
    "transfer": (),
    "joinAnswer": (253,),
}
"""Refusals which mean that an earlier attempt has done it."""


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def ask(scene: Scene, who: str, op: str, body: Any = None) -> None:
    """A request about the scene's group, repeated until it is done."""
    socket: SocketClient = scene.kept[who]
    for _ in range(_ATTEMPTS):
        waiting = socket.start("group", op, {"groupId": scene.team} if body is None else body)
        await scene.topology.settle()
        if waiting.done():
            frame = waiting.result()
            if frame["code"] in (0, *_DONE_BEFORE.get(op, ())):
                return
            assert frame.get("retry"), frame
    raise AssertionError(f"{op} was never done")


# --- before


async def all_there(scene: Scene) -> None:
    """Ann, bob and cem are connected."""
    for who in ("ann", "bob", "cem"):
        scene.kept[who] = await scene.join(getattr(scene, who))


async def two_in(scene: Scene) -> None:
    """And ann has a group with bob in it."""
    await all_there(scene)
    await create(scene)


async def cem_has_asked(scene: Scene) -> None:
    """And nobody may join, but cem has asked to."""
    await two_in(scene)
    await ask(scene, "ann", "modify", {"groupId": scene.team, "type": 4, "value": "1"})
    await ask(scene, "cem", "joinRequest")


# --- the operations


async def create(scene: Scene) -> None:
    """Ann makes the group."""
    await ask(scene, "ann", "create", {"group": {"target_id": scene.team}, "members": [{"member_id": scene.bob}]})


async def add(scene: Scene) -> None:
    """Bob adds cem and somebody else."""
    await ask(scene, "bob", "add", {"groupId": scene.team, "members": [{"member_id": scene.cem}, {"member_id": "dia"}]})


async def join(scene: Scene) -> None:
    """Cem joins."""
    await ask(scene, "cem", "join")


async def kick(scene: Scene) -> None:
    """Ann puts bob out."""
    await ask(scene, "ann", "kick", {"groupId": scene.team, "users": [scene.bob]})


async def leave(scene: Scene) -> None:
    """Bob leaves."""
    await ask(scene, "bob", "quit")


async def owner_leaves(scene: Scene) -> None:
    """Ann, who owns the group, leaves."""
    await ask(scene, "ann", "quit")


async def dismiss(scene: Scene) -> None:
    """Ann ends the group."""
    await ask(scene, "ann", "dismiss")


async def transfer(scene: Scene) -> None:
    """Ann gives bob the group."""
    await ask(scene, "ann", "transfer", {"groupId": scene.team, "newOwner": scene.bob})


async def modify(scene: Scene) -> None:
    """Ann names the group."""
    await ask(scene, "ann", "modify", {"groupId": scene.team, "type": 0, "value": "New"})


async def alias(scene: Scene) -> None:
    """Bob names himself."""
    await ask(scene, "bob", "alias", {"groupId": scene.team, "alias": "Bobby"})


async def mute(scene: Scene) -> None:
    """Ann mutes bob."""
    await ask(scene, "ann", "mute", {"groupId": scene.team, "users": [scene.bob], "on": True})


async def name_member(scene: Scene) -> None:
    """Ann names bob."""
    await ask(scene, "ann", "memberAlias", {"groupId": scene.team, "userId": scene.bob, "alias": "Bobby"})


async def describe(scene: Scene) -> None:
    """Bob writes something about himself."""
    await ask(scene, "bob", "memberExtra", {"groupId": scene.team, "extra": "{}"})


async def promote(scene: Scene) -> None:
    """Ann makes bob a manager."""
    await ask(scene, "ann", "managers", {"groupId": scene.team, "users": [scene.bob], "on": True})


async def allow(scene: Scene) -> None:
    """Ann lets bob speak whatever is muted."""
    await ask(scene, "ann", "allow", {"groupId": scene.team, "users": [scene.bob], "on": True})


async def request(scene: Scene) -> None:
    """Cem asks to be let in."""
    await ask(scene, "cem", "joinRequest")


async def accept(scene: Scene) -> None:
    """Ann lets cem in."""
    await ask(scene, "ann", "joinAnswer", {"groupId": scene.team, "userId": scene.cem, "accept": True})


# --- afterwards


async def told(scene: Scene, kind: int, who: str = "ann") -> None:
    """The log has no hole, and a notice of this type."""
    messages = await contiguous(scene, who, scene.to_team)
    assert kind in [each["content"]["type"] for each in messages]


async def kinds(scene: Scene) -> dict[str, int]:
    """Types of the members by what is served to administrators."""
    answer = await scene.admin("/admin/group/member/list", {"groupId": scene.team})
    return {member["member_id"]: member["type"] for member in answer["members"]}


async def talk(scene: Scene, *inside: str, outside: str = "") -> None:
    """Who is in gets what another one writes; who is out neither writes nor gets it."""
    messages = await contiguous(scene, inside[0], scene.to_team)
    # A creation that was cut after the group had appeared, and repeated, leaves it without a first notice.
    head = messages[-1]["seq"] if messages else 0
    await persist(scene.topology, scene.kept[inside[0]], send_body(scene.to_team, "x", "c", head))
    await scene.topology.settle()
    for who in inside[1:]:
        assert scene.kept[who].pushes[-1]["body"]["seq"] == head + 1
    if outside:
        refused = await scene.kept[outside].request("message", "send", send_body(scene.to_team, "no", "d", 1))
        assert refused["code"] == 9
        assert max((each["seq"] for each in await contiguous(scene, outside, scene.to_team)), default=0) <= head


async def two_are_in(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 0}
    await talk(scene, "ann", "bob")


async def four_are_in(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 0, scene.cem: 0, "dia": 0}
    await told(scene, 105)
    await talk(scene, "ann", "bob", "cem")


async def three_are_in(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 0, scene.cem: 0}
    await told(scene, 105)
    await talk(scene, "ann", "bob", "cem")


async def bob_was_put_out(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2}
    await told(scene, 106)
    await talk(scene, "ann", outside="bob")


async def bob_has_left(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2}
    await told(scene, 107)
    await talk(scene, "ann", outside="bob")


async def bob_has_inherited(scene: Scene) -> None:
    assert await kinds(scene) == {scene.bob: 2}
    await told(scene, 109, "bob")
    await told(scene, 107, "bob")
    await talk(scene, "bob", outside="ann")


async def it_is_gone(scene: Scene) -> None:
    assert (await scene.topology.admin("/admin/group/get_info", {"groupId": scene.team}))["code"] == 253
    await told(scene, 108, "bob")
    refused = await scene.kept["ann"].request("message", "send", send_body(scene.to_team, "no", "c", 1))
    assert refused["code"] == 253


async def bob_owns_it(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 0, scene.bob: 2}
    await told(scene, 109)


async def it_has_the_name(scene: Scene) -> None:
    assert (await scene.admin("/admin/group/get_info", {"groupId": scene.team}))["name"] == "New"
    await told(scene, 110)


async def bob_has_the_alias(scene: Scene) -> None:
    found = await scene.admin("/admin/group/member/get", {"groupId": scene.team, "memberId": scene.bob})
    assert found["alias"] == "Bobby"
    await told(scene, 111)


async def bob_has_the_extra(scene: Scene) -> None:
    found = await scene.admin("/admin/group/member/get", {"groupId": scene.team, "memberId": scene.bob})
    assert found["extra"] == "{}"
    await told(scene, 123)


async def bob_manages(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 1}
    await told(scene, 117)


async def bob_is_allowed(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 5}
    await told(scene, 119)


async def bob_is_mute(scene: Scene) -> None:
    assert await kinds(scene) == {scene.ann: 2, scene.bob: 3}
    await told(scene, 118)


async def a_request_waits(scene: Scene) -> None:
    answer = await scene.kept["ann"].call("group", "joinRequests", {"groupId": scene.team})
    assert [(each["memberId"], each["status"]) for each in answer["requests"]] == [(scene.cem, 0)]


async def the_request_is_answered(scene: Scene) -> None:
    answer = await scene.kept["ann"].call("group", "joinRequests", {"groupId": scene.team})
    assert [(each["memberId"], each["status"]) for each in answer["requests"]] == [(scene.cem, 1)]
    await three_are_in(scene)


OPERATIONS = [
    Operation("group.create", GROUP, all_there, create, two_are_in),
    Operation("group.add", GROUP, two_in, add, four_are_in),
    Operation("group.join", GROUP, two_in, join, three_are_in, cuts=4),
    Operation("group.kick", GROUP, two_in, kick, bob_was_put_out, cuts=4),
    Operation("group.quit", GROUP, two_in, leave, bob_has_left, cuts=4),
    Operation("group.quit, the owner", GROUP, two_in, owner_leaves, bob_has_inherited),
    Operation("group.dismiss", GROUP, two_in, dismiss, it_is_gone, cuts=4),
    Operation("group.transfer", GROUP, two_in, transfer, bob_owns_it, cuts=4),
    Operation("group.modify", GROUP, two_in, modify, it_has_the_name, cuts=4),
    Operation("group.alias", GROUP, two_in, alias, bob_has_the_alias, cuts=4),
    Operation("group.mute", GROUP, two_in, mute, bob_is_mute, cuts=4),
    Operation("group.memberAlias", GROUP, two_in, name_member, bob_has_the_alias, cuts=4),
    Operation("group.memberExtra", GROUP, two_in, describe, bob_has_the_extra, cuts=4),
    Operation("group.managers", GROUP, two_in, promote, bob_manages, cuts=4),
    Operation("group.allow", GROUP, two_in, allow, bob_is_allowed, cuts=4),
    Operation("group.joinRequest", GROUP, two_in, request, a_request_waits, cuts=4),
    Operation("group.joinAnswer", GROUP, cem_has_asked, accept, the_request_is_answered),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
