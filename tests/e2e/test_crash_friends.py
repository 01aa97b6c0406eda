"""Friends, requests and blacklists cut at AWS calls, as ``test_crash_points`` does it to everything else.

The long run cuts each operation at every call and in every way; the short one is a sample of the operations that write most.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from local.client import SocketClient
from local.topology import Topology
from tests.e2e.crash import API, CONTEXT, PROFILE, Operation, Scene, contiguous, cut_some_calls
from tests.e2e.test_faults import send_body

pytestmark = pytest.mark.xdist_group("crash-friends")

_ATTEMPTS = 12
_RACES = 5
_DONE_BEFORE = {"friendRequest": (16,)}
"""Refusals which mean that an earlier attempt has done it."""


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def ask(scene: Scene, who: str, op: str, body: Any) -> None:
    """A request on the profile route, repeated until it is done."""
    socket: SocketClient = scene.kept[who]
    for _ in range(_ATTEMPTS):
        waiting = socket.start("profile", op, body)
        await scene.topology.settle()
        if waiting.done():
            frame = waiting.result()
            if frame["code"] in (0, *_DONE_BEFORE.get(op, ())):
                return
            assert frame.get("retry"), frame
    raise AssertionError(f"{op} was never done")


# --- before


async def both_there(scene: Scene) -> None:
    """Ann and bob are connected."""
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)


async def ann_has_asked(scene: Scene) -> None:
    """And ann has asked bob to be her friend."""
    await both_there(scene)
    await request(scene)


async def they_are_friends(scene: Scene) -> None:
    """And they are friends."""
    await both_there(scene)
    await scene.admin("/admin/friend/status", {"userId": scene.ann, "friendUid": scene.bob, "status": 0})


# --- what is done


async def request(scene: Scene) -> None:
    await ask(scene, "ann", "friendRequest", {"userId": scene.bob, "reason": "hi", "extra": "{}"})


async def request_by_api(scene: Scene) -> None:
    body = {"userId": scene.ann, "friendUid": scene.bob, "reason": "hi"}
    await scene.admin("/admin/friend/send_request", body, fine=(16,))


async def accept(scene: Scene) -> None:
    await ask(scene, "bob", "friendAnswer", {"userId": scene.ann, "status": 1})


async def accept_by_api(scene: Scene) -> None:
    await scene.admin("/admin/friend/handle_send_request", {"userId": scene.bob, "friendUid": scene.ann, "status": 1})


async def reject(scene: Scene) -> None:
    await ask(scene, "bob", "friendAnswer", {"userId": scene.ann, "status": 2})


async def see_requests(scene: Scene) -> None:
    await ask(scene, "bob", "friendRequestsRead", {"until": 7})


async def end(scene: Scene) -> None:
    await ask(scene, "bob", "friendDelete", {"userId": scene.ann})


async def end_by_api(scene: Scene) -> None:
    await scene.admin("/admin/friend/status", {"userId": scene.ann, "friendUid": scene.bob, "status": 1})


async def name(scene: Scene) -> None:
    await ask(scene, "bob", "friendAlias", {"userId": scene.ann, "alias": "Annie", "extra": "{}"})


async def name_by_api(scene: Scene) -> None:
    await scene.admin("/admin/friend/set_alias", {"operator": scene.bob, "targetId": scene.ann, "alias": "Annie"})


async def describe_by_api(scene: Scene) -> None:
    await scene.admin("/admin/friend/set_extra", {"operator": scene.bob, "targetId": scene.ann, "extra": "{}"})


async def blacklist(scene: Scene) -> None:
    await ask(scene, "bob", "blacklist", {"userId": scene.ann, "on": True})


async def blacklist_by_api(scene: Scene) -> None:
    await scene.admin("/admin/blacklist/status", {"userId": scene.bob, "targetUid": scene.ann, "status": 2})


async def destroy_bob(scene: Scene) -> None:
    await scene.admin("/admin/user/destroy", {"userId": scene.bob})


# --- after


async def listed(scene: Scene, who: str, op: str, kind: str) -> list[dict[str, Any]]:
    """What a device has after a sync that the versions of its hello ask for, as they must if there is anything."""
    hello = await scene.kept[who].call("session", "hello", {})
    answer = await scene.kept[who].call("profile", op, {})
    things: list[dict[str, Any]] = answer[kind]
    assert hello["versions"][op] >= max((each["updateDt"] for each in things), default=0)
    return things


async def row(scene: Scene, who: str) -> dict[str, Any]:
    """What one of the two keeps of the other."""
    [only] = await listed(scene, who, "friends", "friends")
    return only


async def both_have_the_request(scene: Scene) -> None:
    for who in ("ann", "bob"):
        [only] = await listed(scene, who, "friendRequests", "requests")
        assert (only["from"], only["to"], only["reason"], only["status"]) == (scene.ann, scene.bob, "hi", 0)


async def both_are_friends_and_greeted_once(scene: Scene) -> None:
    for who in ("ann", "bob"):
        assert (await row(scene, who))["isFriend"]
        [request] = await listed(scene, who, "friendRequests", "requests")
        assert request["status"] == 1
    for who, conversation in (("ann", scene.to_bob), ("bob", scene.to_ann)):
        messages = await contiguous(scene, who, conversation)
        assert [(each["from"], each["content"]["type"]) for each in messages] == [
            (scene.ann, 1),
            (scene.ann, 92),
            (scene.ann, 93),
        ]


async def the_request_is_rejected(scene: Scene) -> None:
    for who in ("ann", "bob"):
        [request] = await listed(scene, who, "friendRequests", "requests")
        assert request["status"] == 2
        assert await listed(scene, who, "friends", "friends") == []


async def the_requests_are_seen(scene: Scene) -> None:
    assert (await scene.kept["bob"].call("profile", "friendRequests", {}))["read"] == 7
    assert (await scene.kept["bob"].call("session", "hello", {}))["versions"]["friendRequests"] > 7


async def neither_is_a_friend(scene: Scene) -> None:
    assert [(await row(scene, who))["isFriend"] for who in ("ann", "bob")] == [False, False]


async def she_has_a_name(scene: Scene) -> None:
    kept = await row(scene, "bob")
    assert (kept["alias"], kept["extra"], kept["isFriend"]) == ("Annie", "{}", False)


async def she_has_only_a_name(scene: Scene) -> None:
    assert (await row(scene, "bob"))["alias"] == "Annie"


async def she_has_an_extra(scene: Scene) -> None:
    assert (await row(scene, "bob"))["extra"] == "{}"


async def she_is_kept_out(scene: Scene) -> None:
    assert (await row(scene, "bob"))["isBlacked"]
    refused = await scene.kept["ann"].request("message", "send", send_body(scene.to_bob, "hello", "c"))
    assert refused["code"] == 246


async def bob_is_nobodys_friend(scene: Scene) -> None:
    assert (await row(scene, "ann"))["isFriend"] is False
    assert (await scene.admin("/admin/friend/list", {"userId": scene.bob}))["list"] == []


OPERATIONS = [
    Operation("profile.friendRequest", PROFILE, both_there, request, both_have_the_request),
    Operation("friend/send_request", API, both_there, request_by_api, both_have_the_request, cuts=3),
    Operation("profile.friendAnswer, accept", PROFILE, ann_has_asked, accept, both_are_friends_and_greeted_once),
    Operation(
        "friend/handle_send_request", API, ann_has_asked, accept_by_api, both_are_friends_and_greeted_once, cuts=3
    ),
    Operation("profile.friendAnswer, reject", PROFILE, ann_has_asked, reject, the_request_is_rejected),
    Operation("profile.friendRequestsRead", PROFILE, ann_has_asked, see_requests, the_requests_are_seen),
    Operation("profile.friendDelete", PROFILE, they_are_friends, end, neither_is_a_friend),
    Operation("friend/status", API, they_are_friends, end_by_api, neither_is_a_friend, cuts=3),
    Operation("profile.friendAlias", PROFILE, both_there, name, she_has_a_name),
    Operation("friend/set_alias", API, both_there, name_by_api, she_has_only_a_name, cuts=3),
    Operation("friend/set_extra", API, both_there, describe_by_api, she_has_an_extra, cuts=3),
    Operation("profile.blacklist", PROFILE, both_there, blacklist, she_is_kept_out),
    Operation("blacklist/status", API, both_there, blacklist_by_api, she_is_kept_out, cuts=3),
    Operation("user/destroy of a friend", API, they_are_friends, destroy_bob, bob_is_nobodys_friend, cuts=3),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)


async def bobs_two_devices(scene: Scene) -> list[str]:
    """Ann has asked; bob has a tablet as well."""
    await ann_has_asked(scene)
    scene.kept["tablet"] = await scene.join(scene.bob, f"{scene.bob}-tablet", 8)
    return ["bob", "tablet"]


def test_two_devices_that_accept_at_once_greet_once(topology: Topology) -> None:
    async def race() -> None:
        scene = Scene(topology)
        devices = await bobs_two_devices(scene)
        body = {"userId": scene.ann, "status": 1}
        await asyncio.gather(*(ask(scene, device, "friendAnswer", body) for device in devices))
        await both_are_friends_and_greeted_once(scene)
        await scene.close()

    for _ in range(_RACES):
        topology.run(race())


def test_two_who_ask_and_accept_each_other_at_once_are_friends_and_greeted_once(topology: Topology) -> None:
    async def race() -> None:
        scene = Scene(topology)
        await both_there(scene)
        pairs = [("ann", scene.bob), ("bob", scene.ann)]
        await asyncio.gather(*(ask(scene, who, "friendRequest", {"userId": other}) for who, other in pairs))
        bodies = [(who, {"userId": other, "status": 1}) for who, other in pairs]
        await asyncio.gather(*(ask(scene, who, "friendAnswer", body) for who, body in bodies))
        assert [(await row(scene, who))["isFriend"] for who in ("ann", "bob")] == [True, True]
        messages = await contiguous(scene, "ann", scene.to_bob)
        assert [each["content"]["type"] for each in messages] == [92, 93]
        await scene.close()

    for _ in range(_RACES):
        topology.run(race())


def test_an_acceptance_that_races_with_an_end_leaves_both_or_none_as_friends(topology: Topology) -> None:
    async def race() -> None:
        scene = Scene(topology)
        await ann_has_asked(scene)
        await asyncio.gather(accept(scene), ask(scene, "ann", "friendDelete", {"userId": scene.bob}))
        first, second = [(await row(scene, who))["isFriend"] for who in ("ann", "bob")]
        assert first == second
        await scene.close()

    for _ in range(_RACES):
        topology.run(race())
