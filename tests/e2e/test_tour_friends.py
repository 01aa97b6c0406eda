"""A tour: two users become friends, make a group, and one of them is muted. Frames as any client writes them."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.client import SocketClient
from local.topology import Topology

pytestmark = pytest.mark.xdist_group("topology")

GROUP = {"type": 1, "target": "hikers"}


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


def text(conversation: dict[str, Any], said: str, base: int) -> dict[str, Any]:
    """The body of a text message."""
    content = {"type": 1, "searchableContent": said, "persistFlag": 3}
    return {"conversation": conversation, "cid": said, "base": base, "content": content}


async def taken(topology: Topology, socket: SocketClient) -> list[tuple[str, Any]]:
    """What was pushed since the last look: of messages the type, of all else the whole body."""
    await topology.settle()
    pushes, socket.pushes = socket.pushes, []
    return [(each["push"], each["body"].get("content", {}).get("type", each["body"])) for each in pushes]


async def newer(socket: SocketClient, op: str, kind: str) -> list[dict[str, Any]]:
    """All friends or requests, as a device that has none yet asks for them because a hello's version says so."""
    hello = await socket.call("session", "hello", {})
    assert hello["versions"][op] > 0
    answer = await socket.call("profile", op, {"after": 0})
    things: list[dict[str, Any]] = answer[kind]
    return things


def test_two_users_become_friends_make_a_group_and_one_is_muted(topology: Topology) -> None:
    async def tour() -> None:
        alice = await topology.socket("alice", "alices-phone", 1)
        bob = await topology.socket("bob", "bobs-phone", 2)

        # Alice asks bob to be her friend. He is told, and finds her request.
        await alice.call("profile", "friendRequest", {"userId": "bob", "reason": "We met on the hill"})
        assert "friendRequests" in [kind for kind, _ in await taken(topology, bob)]
        [request] = await newer(bob, "friendRequests", "requests")
        assert (request["from"], request["reason"], request["status"]) == ("alice", "We met on the hill", 0)
        await bob.call("profile", "friendRequestsRead", {"until": request["time"]})

        # He accepts: both have a friend now, and their chat begins with what she said.
        await bob.call("profile", "friendAnswer", {"userId": "alice", "status": 1})
        for socket, other in ((alice, "bob"), (bob, "alice")):
            pushed = await taken(topology, socket)
            assert [what for kind, what in pushed if kind == "message"] == [1, 92, 93]
            [friend] = await newer(socket, "friends", "friends")
            assert (friend["userId"], friend["isFriend"]) == (other, True)
        await bob.call("profile", "friendAlias", {"userId": "alice", "alias": "Alice from the hill"})
        sent = await bob.call("message", "send", text({"type": 0, "target": "alice"}, "Nice to meet you", 3))
        assert sent["seq"] == 4

        # Alice makes a group of them.
        info = {"target_id": "hikers", "name": "Hikers"}
        made = await alice.call("group", "create", {"group": info, "members": [{"member_id": "bob"}]})
        assert made["groupId"] == "hikers"
        assert ("message", 104) in await taken(topology, bob)
        assert (await bob.call("group", "mine", {}))["groupIds"] == ["hikers"]
        assert (await bob.call("message", "send", text(GROUP, "Where to on Sunday?", 1)))["seq"] == 2

        # Bob talks too much: she mutes him, all are told, and he is refused until she lets him speak again.
        await alice.call("group", "mute", {"groupId": "hikers", "users": ["bob"], "on": True})
        assert ("message", 118) in await taken(topology, bob)
        refused = await bob.request("message", "send", text(GROUP, "And on Monday?", 3))
        assert refused["code"] == 248
        members = (await alice.call("group", "members", {"groupId": "hikers"}))["members"]
        assert {each["member_id"]: each["type"] for each in members} == {"alice": 2, "bob": 3}
        assert (await alice.call("message", "send", text(GROUP, "Up the hill", 3)))["seq"] == 4
        await alice.call("group", "mute", {"groupId": "hikers", "users": ["bob"], "on": False})
        assert (await bob.call("message", "send", text(GROUP, "And on Monday?", 5)))["seq"] == 6

        # What they tell one another in private is not concerned.
        assert (await bob.call("message", "send", text({"type": 0, "target": "alice"}, "See you", 4)))["seq"] == 5

    topology.run(tour())
