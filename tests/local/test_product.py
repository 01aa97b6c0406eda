"""The product's own template at work on one topology, through the fixture that other tests use."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from local.client import SocketClient
from local.topology import Topology

HI = {"type": 1, "searchableContent": "hi"}


def test_every_function_of_the_template_can_be_loaded(shared_topology: Topology) -> None:
    for function in shared_topology.template.functions.values():
        module, _, entry = function.handler.rpartition(".")
        loaded, copies = shared_topology.host.modules.load(module)
        assert callable(getattr(loaded, entry))
        assert "im.platform.clock" in copies


async def test_a_message_goes_from_one_user_to_another(shared_topology: Topology) -> None:
    alice, bob = await shared_topology.socket("alice"), await shared_topology.socket("bob")

    body = {"conversation": {"type": 0, "target": "bob"}, "content": HI, "cid": "1", "base": 0}
    sent = await alice.call("message", "send", body)
    received = await bob.expect_push("message")

    assert (received["seq"], received["uid"], received["from"]) == (sent["seq"], sent["uid"], "alice")
    assert received["content"] == HI
    await alice.close()
    await bob.close()
    await shared_topology.settle()
    assert shared_topology.connections("alice") == []


async def test_after_settling_everything_that_was_sent_has_arrived(shared_topology: Topology) -> None:
    carol, dave = await shared_topology.socket("carol"), await shared_topology.socket("dave")

    answers = []
    for number in range(20):
        body = {"conversation": {"type": 0, "target": "dave"}, "content": HI, "cid": str(number), "base": 0}
        answers.append(carol.start("message", "send", body))
    await asyncio.sleep(0)
    await shared_topology.settle()

    assert all(answer.done() and answer.result()["code"] == 0 for answer in answers)
    assert sorted(push["body"]["seq"] for push in dave.pushes) == list(range(1, 21))
    await carol.close()
    await dave.close()


async def test_a_token_that_is_not_one_is_refused(shared_topology: Topology) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await SocketClient.connect(shared_topology.socket_url, "nonsense", "c")

    assert refused.value.response.status_code == 401


async def test_the_functions_live_by_the_clock_of_the_test(shared_topology: Topology) -> None:
    alice = await shared_topology.socket("alice", "other")

    before = (await alice.call("session", "hello"))["time"]
    shared_topology.clock.advance(minutes=5)
    after = (await alice.call("session", "hello"))["time"]

    assert after - before >= 300_000
    await alice.close()
