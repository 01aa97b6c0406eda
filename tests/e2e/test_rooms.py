"""Chatrooms over real sockets: those who vanish, those who come back, and those who are slow."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from local.client import SocketClient
from local.topology import Topology

pytestmark = pytest.mark.xdist_group("topology")

_names = itertools.count()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


class Lobby:
    """A room of its own, and those who go there."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.id = f"lobby{next(_names)}"
        self.conversation = {"type": 2, "target": self.id}
        self.sockets: dict[str, SocketClient] = {}
        self.head = 0

    async def enter(self, *users: str) -> None:
        """Connect and join."""
        for user in users:
            self.sockets[user] = await self.topology.socket(f"{user}-{self.id}")
            await self.join(user)

    async def join(self, user: str, **more: Any) -> dict[str, Any]:
        """Join on the socket that one has."""
        answer: dict[str, Any] = await self.sockets[user].call("chatroom", "join", {"chatroomId": self.id, **more})
        self.head = max(self.head, answer["head"])
        return answer

    async def say(self, user: str, text: str) -> int:
        """Send a text and let it be delivered."""
        content = {"type": 1, "searchableContent": text}
        body = {"conversation": self.conversation, "content": content, "cid": f"{user}-{text}", "base": self.head}
        answer = await self.sockets[user].call("message", "send", body)
        self.head = answer["seq"]
        await self.topology.settle()
        return self.head

    async def count(self) -> int:
        """How many are inside."""
        [user, *_] = self.sockets
        answer = await self.sockets[user].call("chatroom", "members", {"chatroomId": self.id})
        return int(answer["memberCount"])

    def heard(self, user: str) -> list[str]:
        """The texts that were pushed to somebody."""
        return [push["body"]["content"]["searchableContent"] for push in self.sockets[user].pushes]

    async def close(self) -> None:
        """Everybody goes home."""
        for socket in self.sockets.values():
            await socket.close()


def test_who_vanishes_without_a_word_loses_his_seat_with_the_next_message(topology: Topology) -> None:
    async def work() -> None:
        lobby = Lobby(topology)
        await lobby.enter("ann", "bob", "cem")
        [gone] = topology.connections(f"bob-{lobby.id}")
        topology.gateway.drop_silently(gone, 0)
        await topology.settle()
        assert await lobby.count() == 3

        await lobby.say("ann", "hello")

        assert await lobby.count() == 2
        assert lobby.heard("cem") == ["hello"]
        await lobby.close()

    topology.run(work())


def test_who_comes_back_on_a_new_socket_learns_what_he_missed_and_hears_the_rest(topology: Topology) -> None:
    async def work() -> None:
        lobby = Lobby(topology)
        await lobby.enter("ann", "bob")
        before = lobby.head
        [old] = topology.connections(f"bob-{lobby.id}")
        topology.gateway.drop_silently(old, 1)
        await lobby.say("ann", "missed")

        lobby.sockets["bob"] = await topology.socket(f"bob-{lobby.id}")
        joined = await lobby.join("bob", recent=0)
        assert joined["head"] == before + 1
        body = {"ranges": [{"conversation": lobby.conversation, "after": before}]}
        [page] = (await lobby.sockets["bob"].call("message", "pull", body))["ranges"]
        assert [message["content"]["searchableContent"] for message in page["messages"]] == ["missed"]

        await lobby.say("ann", "heard")
        assert lobby.heard("bob") == ["heard"]
        assert await lobby.count() == 2
        await lobby.close()

    topology.run(work())


def test_a_user_is_in_one_room_on_one_device_whatever_he_does(topology: Topology) -> None:
    async def work() -> None:
        first, second = Lobby(topology), Lobby(topology)
        await first.enter("ann", "bob")
        await second.enter("cem")
        tablet = await topology.socket(f"bob-{first.id}", "tablet", 8)

        await tablet.call("chatroom", "join", {"chatroomId": second.id})
        await first.say("ann", "here")
        await second.say("cem", "there")

        assert first.heard("bob") == []
        assert [push["body"]["content"]["searchableContent"] for push in tablet.pushes] == ["there"]
        assert (await first.count(), await second.count()) == (1, 2)
        refused = await first.sockets["bob"].request(
            "message",
            "send",
            {"conversation": first.conversation, "content": {"type": 1}, "cid": "c", "base": first.head},
        )
        assert refused["code"] == 20
        await tablet.close()
        await first.close()
        await second.close()

    topology.run(work())
