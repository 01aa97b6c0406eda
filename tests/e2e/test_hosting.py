"""A business may keep users' profiles, their friendships, both or neither somewhere else: chat works all the same."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from im.settings import Env
from local.client import SocketClient
from local.topology import Topology

pytestmark = pytest.mark.xdist_group("hosting")

NOT_HOSTED = 254


@pytest.fixture(scope="module", params=[(p, f) for p in (True, False) for f in (True, False)], ids=str)
def deployment(request: pytest.FixtureRequest) -> Iterator[tuple[Topology, bool, bool]]:
    """A topology, and whether it hosts profiles and friendships; where it has friendships, strangers may not chat."""
    profiles, friends = request.param
    switches = {"im.host_profiles": profiles, "im.host_friends": friends, "message.disable_stranger_chat": True}
    template = Topology.from_cdk().template
    functions = {
        name: replace(function, environment={**function.environment, Env.SWITCHES.value: json.dumps(switches)})
        for name, function in template.functions.items()
    }
    with Topology(replace(template, functions=functions)) as topology:
        yield topology, profiles, friends


async def meet(topology: Topology) -> tuple[SocketClient, SocketClient]:
    """Ann and bob are connected; nobody has registered them."""
    return await topology.socket("ann", "anns-phone", 1), await topology.socket("bob", "bobs-phone", 1)


async def say(socket: SocketClient, kind: int, target: str, cid: str, base: int = 0) -> dict[str, Any]:
    """Send a text; the whole answer."""
    content = {"type": 1, "searchableContent": cid, "persistFlag": 3}
    conversation = {"type": kind, "target": target}
    body = {"conversation": conversation, "content": content, "cid": cid, "base": base}
    return await socket.request("message", "send", body)


def test_tokens_messages_and_groups_need_neither_but_friends_decide_who_may_write(
    deployment: tuple[Topology, bool, bool],
) -> None:
    topology, _, friends = deployment

    async def work() -> None:
        ann, bob = await meet(topology)
        members = [{"member_id": "ann"}, {"member_id": "bob"}]
        group = {"group_info": {"target_id": "team", "name": "Team", "owner": "ann"}, "members": members}
        assert (await topology.admin("/admin/group/create", {"operator": "ann", "group": group}))["code"] == 0
        assert (await say(ann, 1, "team", "in the group", 1))["code"] == 0

        assert (await say(ann, 0, "bob", "as a stranger"))["code"] == (248 if friends else 0)
        asked = await ann.request("profile", "friendRequest", {"userId": "bob", "reason": "hi"})
        if not friends:
            assert asked["code"] == NOT_HOSTED
            return
        assert asked["code"] == 0
        await bob.call("profile", "friendAnswer", {"userId": "ann", "status": 1})
        assert (await say(ann, 0, "bob", "as a friend", 3))["body"]["seq"] == 4

    topology.run(work())
    topology.run(topology.settle())


def test_what_is_not_hosted_says_so_in_the_same_words_everywhere(deployment: tuple[Topology, bool, bool]) -> None:
    topology, profiles, friends = deployment
    sockets: dict[str, tuple[bool, dict[str, Any]]] = {
        "users": (profiles, {"users": [{"userId": "ann"}]}),
        "search": (profiles, {"keyword": "ann"}),
        "friends": (friends, {}),
        "friendRequests": (friends, {}),
        "friendAlias": (friends, {"userId": "cem", "alias": "C."}),
        "friendDelete": (friends, {"userId": "cem"}),
        "blacklist": (friends, {"userId": "cem", "on": False}),
    }
    calls: dict[str, tuple[bool, dict[str, Any]]] = {
        "/admin/user/create": (profiles, {"userId": "ann", "name": "ann"}),
        "/admin/user/get_info": (profiles, {"userId": "ann"}),
        "/admin/friend/list": (friends, {"userId": "ann"}),
        "/admin/friend/status": (friends, {"userId": "ann", "friendUid": "bob", "status": 0}),
        "/admin/blacklist/list": (friends, {"userId": "ann"}),
        "/admin/relation/get": (friends, {"first": "ann", "second": "bob"}),
    }

    async def work() -> None:
        ann, _ = await meet(topology)
        for op, (hosted, body) in sockets.items():
            answer = await ann.request("profile", op, body)
            assert answer["code"] == (0 if hosted else NOT_HOSTED), (op, answer)
            assert hosted or answer["msg"].endswith("are not hosted here")
        for path, (hosted, body) in calls.items():
            answer = await topology.admin(path, body)
            assert answer["code"] == (0 if hosted else NOT_HOSTED), (path, answer)
            assert hosted or answer["msg"].endswith("are not hosted here")

    topology.run(work())


def test_a_user_can_be_destroyed_whatever_is_hosted(deployment: tuple[Topology, bool, bool]) -> None:
    topology, _, friends = deployment

    async def work() -> None:
        if friends:
            await topology.admin("/admin/friend/status", {"userId": "ann", "friendUid": "bob", "status": 0})
        answer = await topology.admin("/admin/user/destroy", {"userId": "bob"})
        assert answer["code"] == 0, answer
        if friends:
            assert (await topology.admin("/admin/friend/list", {"userId": "ann"}))["result"]["list"] == []

    topology.run(work())
