"""小火 over real sockets and real HTTP: asked, answered, streamed, mentioned."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.robot.serve import serving
from local.client import SocketClient
from local.topology import SERVER_API, Topology

pytestmark = pytest.mark.xdist_group("topology")

FIRE, SECRET = "FireRobot", "123456"
TO_FIRE = {"type": 0, "target": FIRE}
TEAM = {"type": 1, "target": "team"}


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running, serving(running.endpoints[f"url:{SERVER_API}"], FIRE, SECRET, 0) as address:
        running.run(prepare(running, address))
        yield running


async def prepare(topology: Topology, address: str) -> None:
    """The robot of every new deployment is called at an address of this test, and is in a group."""
    group = {"group_info": {"target_id": "team", "owner": "alice"}, "members": [{"member_id": FIRE}]}
    await topology.admin("/admin/group/create", {"operator": "alice", "group": group})
    answer = await topology.robot(FIRE, SECRET, "/robot/set_callback", {"url": address})
    assert answer["code"] == 0, answer


async def heard(topology: Topology, alice: SocketClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the robot says to a message of alice."""
    alice.pushes.clear()
    await alice.call("message", "send", {"base": 0, **body})
    await topology.settle()
    pushes = [push["body"] for push in alice.pushes if push["push"] == "message"]
    return [push for push in pushes if push["from"] == FIRE]


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": 1, "searchableContent": words, "persistFlag": 3, **fields}


async def test_it_answers_who_writes_to_it_shows_how_an_answer_grows_and_keeps_only_its_end(topology: Topology) -> None:
    alice = await topology.socket("alice", "alices-phone", 2)
    [echo] = await heard(topology, alice, {"conversation": TO_FIRE, "content": text("hello"), "cid": "a"})
    *steps, done = await heard(topology, alice, {"conversation": TO_FIRE, "content": text("/stream"), "cid": "b"})
    stored = await alice.call("message", "pull", {"ranges": [{"conversation": TO_FIRE, "after": 0}]})
    await alice.close()

    assert echo["content"]["searchableContent"] == "hello"
    assert {step["content"]["type"] for step in steps} == {14}
    assert done["content"]["type"] == 15
    assert {step["content"]["content"] for step in [*steps, done]} == {done["content"]["content"]}
    assert [message["content"]["type"] for message in stored["ranges"][0]["messages"]] == [1, 1, 1, 15]


async def test_in_a_group_it_answers_a_mention_and_nothing_else(topology: Topology) -> None:
    alice = await topology.socket("alice", "alices-tablet", 8)
    silence = await heard(topology, alice, {"conversation": TEAM, "content": text("hello all"), "cid": "c"})
    meant = text("@小火 /whoami", mentionedType=1, mentionedTarget=[FIRE])
    [answer] = await heard(topology, alice, {"conversation": TEAM, "content": meant, "cid": "d"})
    await alice.close()

    assert silence == []
    assert answer["content"]["searchableContent"] == "@alice You are alice (alice)."
    assert answer["content"]["mentionedTarget"] == ["alice"]
