"""Channels cut at AWS calls, as ``test_crash_points`` does it to everything else."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.crash import API, ATTEMPTS, CONTEXT, MESSAGE, Operation, Read, Scene, contiguous, cut_some_calls
from tests.e2e.test_faults import persist, send_body

pytestmark = pytest.mark.xdist_group("topology")

CHANNEL, WORKER = "ChannelWs", "MessageOnQueue"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


def name_of(scene: Scene) -> str:
    return f"news{scene.number}"


def to_all(scene: Scene) -> dict[str, Any]:
    """What the channel says to its subscribers."""
    return {"type": 3, "target": name_of(scene)}


async def ask(scene: Scene, who: str, op: str, **body: Any) -> None:
    """A request about the scene's channel, repeated until it is done."""
    for _ in range(ATTEMPTS):
        waiting = scene.kept[who].start("channel", op, {"channelId": name_of(scene), **body})
        await scene.topology.settle()
        if waiting.done():
            frame = waiting.result()
            if frame["code"] == 0:
                return
            assert frame.get("retry"), frame
    raise AssertionError(f"{op} was never done")


# --- before


async def both_there(scene: Scene) -> None:
    """Ann and bob are connected."""
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)


async def a_channel(scene: Scene) -> None:
    """And ann has a channel."""
    await both_there(scene)
    await create(scene)


async def bob_subscribes(scene: Scene) -> None:
    """And bob listens to it."""
    await a_channel(scene)
    await listen(scene)


# --- what is done


async def create(scene: Scene) -> None:
    await ask(scene, "ann", "create", name="News")


async def modify(scene: Scene) -> None:
    await ask(scene, "ann", "modify", type=0, value="Olds")


async def transfer(scene: Scene) -> None:
    await ask(scene, "ann", "transfer", newOwner=scene.bob)


async def destroy(scene: Scene) -> None:
    await ask(scene, "ann", "destroy")


async def listen(scene: Scene) -> None:
    await ask(scene, "bob", "listen", on=True)


async def listen_no_more(scene: Scene) -> None:
    await ask(scene, "bob", "listen", on=False)


async def tell_all(scene: Scene) -> None:
    await persist(scene.topology, scene.kept["ann"], send_body(to_all(scene), "news", "n"))


async def create_by_api(scene: Scene) -> None:
    body = {"owner": scene.ann, "name": "News", "targetId": name_of(scene)}
    await scene.admin("/admin/channel/create", body)


async def destroy_by_api(scene: Scene) -> None:
    await scene.admin("/admin/channel/destroy", {"channelId": name_of(scene)})


async def subscribe_by_api(scene: Scene) -> None:
    body = {"channelId": name_of(scene), "userId": scene.bob, "subscribe": 1}
    await scene.admin("/admin/channel/subscribe", body)


async def subscribe_all_by_api(scene: Scene) -> None:
    body = {"channelId": name_of(scene), "userIds": [scene.bob, scene.cem], "subscribe": 1}
    await scene.admin("/admin/channel/batch_subscribe", body)


# --- after


async def info(scene: Scene, who: str = "ann") -> dict[str, Any]:
    answer = await scene.kept[who].call("channel", "info", {"channels": [{"channelId": name_of(scene)}]})
    [found] = answer["channels"]
    assert isinstance(found, dict)
    return found


async def mine(scene: Scene, who: str) -> list[tuple[bool, bool]]:
    """Which of the scene's channels somebody owns and listens to."""
    answer = await scene.kept[who].call("channel", "mine", {})
    return [(each["owned"], each["listened"]) for each in answer["channels"]]


async def speaks(scene: Scene, owner: str, *, heard: bool) -> None:
    """What the owner says to all gets its place, and to bob if he listens."""
    before = len(await contiguous(scene, owner, to_all(scene)))
    sent = await persist(scene.topology, scene.kept[owner], send_body(to_all(scene), "more", "m", before))
    await scene.topology.settle()
    assert sent["seq"] == before + 1
    told = [push["body"] for push in scene.kept["bob"].pushes if push["push"] == "message"]
    assert (sent["seq"] in [each["seq"] for each in told if each["conversation"]["type"] == 3]) is heard


async def it_is_anns(scene: Scene) -> None:
    assert (await info(scene))["name"] == "News"
    assert await mine(scene, "ann") == [(True, False)]
    await speaks(scene, "ann", heard=False)


async def it_has_the_name(scene: Scene) -> None:
    assert (await info(scene))["name"] == "Olds"
    found = await scene.kept["bob"].call("channel", "search", {"keyword": "Olds"})
    assert [each["name"] for each in found["channels"] if each["channelId"] == name_of(scene)] == ["Olds"]


async def it_is_bobs(scene: Scene) -> None:
    assert (await info(scene))["owner"] == scene.bob
    assert (await mine(scene, "ann"), await mine(scene, "bob")) == ([], [(True, False)])
    refused = await scene.kept["ann"].request("message", "send", send_body(to_all(scene), "no", "m", 0))
    assert refused["code"] == 248


async def it_is_gone(scene: Scene) -> None:
    await scene.topology.settle()
    assert (await info(scene))["state"] & 64
    assert (await mine(scene, "ann"), await mine(scene, "bob")) == ([], [])
    refused = await scene.kept["ann"].request("message", "send", send_body(to_all(scene), "no", "m", 0))
    assert refused["code"] == 21


async def bob_hears(scene: Scene) -> None:
    assert await mine(scene, "bob") == [(False, True)]
    await speaks(scene, "ann", heard=True)


async def bob_and_cem_subscribe(scene: Scene) -> None:
    answer = await scene.admin("/admin/channel/list_subscriber", {"target": name_of(scene), "count": 10})
    assert (answer["total"], answer["list"]) == (2, [scene.bob, scene.cem])
    await bob_hears(scene)


async def bob_does_not_hear(scene: Scene) -> None:
    assert await mine(scene, "bob") == []
    await speaks(scene, "ann", heard=False)


async def bob_has_the_news_once(scene: Scene) -> None:
    [message] = await contiguous(scene, "bob", to_all(scene))
    assert (message["seq"], message["content"]["searchableContent"]) == (1, "news")
    assert {push["body"]["seq"] for push in scene.kept["bob"].pushes if push["push"] == "message"} == {1}


OPERATIONS = [
    Operation("channel.create", CHANNEL, both_there, create, it_is_anns),
    Operation("channel.modify", CHANNEL, a_channel, modify, it_has_the_name),
    Operation("channel.transfer", CHANNEL, a_channel, transfer, it_is_bobs),
    Operation("channel.destroy", CHANNEL, bob_subscribes, destroy, it_is_gone),
    Operation("channel.destroy, its worker", WORKER, bob_subscribes, destroy, it_is_gone),
    Operation("channel.listen, on", CHANNEL, a_channel, listen, bob_hears),
    Operation("channel.listen, off", CHANNEL, bob_subscribes, listen_no_more, bob_does_not_hear),
    Operation("channel/create", API, both_there, create_by_api, it_is_anns, cuts=4),
    Operation("channel/destroy", API, bob_subscribes, destroy_by_api, it_is_gone, cuts=4),
    Operation("channel/subscribe", API, a_channel, subscribe_by_api, bob_hears, cuts=4),
    Operation("channel/batch_subscribe", API, a_channel, subscribe_all_by_api, bob_and_cem_subscribe, cuts=4),
    Operation("message.send to all of a channel", MESSAGE, bob_subscribes, tell_all, bob_has_the_news_once),
    Operation("message.send to all of a channel, its worker", WORKER, bob_subscribes, tell_all, bob_has_the_news_once),
]

READS = [
    Read("channel.info", bob_subscribes, lambda scene: {"channels": [{"channelId": name_of(scene)}]}),
    Read("channel.search", bob_subscribes, lambda scene: {"keyword": "News"}),
    Read("channel.mine", bob_subscribes, lambda scene: {}),
    Read("channel/get", bob_subscribes, lambda scene: {"channelId": name_of(scene)}),
    Read("channel/list", bob_subscribes, lambda scene: {"count": 10}),
    Read("channel/is_subscribed", bob_subscribes, lambda scene: {"channelId": name_of(scene), "userId": scene.bob}),
    Read("channel/list_subscriber", bob_subscribes, lambda scene: {"target": name_of(scene), "count": 10}),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
