"""Channels cut at AWS calls, as ``test_crash_points`` does it to everything else."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.crash import (
    API,
    ATTEMPTS,
    CHANNEL_SECRET,
    CONTEXT,
    MESSAGE,
    Operation,
    Read,
    Scene,
    contiguous,
    cut_some_calls,
)
from tests.e2e.test_faults import persist, send_body, text

pytestmark = pytest.mark.xdist_group("crash-channels")

CHANNEL, WORKER = "ChannelWs", "MessageOnQueue"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


def to_all(scene: Scene) -> dict[str, Any]:
    """What the channel says to its subscribers."""
    return {"type": 3, "target": scene.channel}


async def ask(scene: Scene, who: str, op: str, **body: Any) -> None:
    """A request about the scene's channel, repeated until it is done."""
    for _ in range(ATTEMPTS):
        waiting = scene.kept[who].start("channel", op, {"channelId": scene.channel, **body})
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


async def a_channel_that_may_subscribe_users(scene: Scene) -> None:
    """Ann and bob are connected, and ann has such a channel."""
    await both_there(scene)
    body = {"owner": scene.ann, "name": "News", "targetId": scene.channel, "secret": CHANNEL_SECRET, "state": 4}
    await scene.admin("/admin/channel/create", body)


async def bob_is_known(scene: Scene) -> None:
    """The same, and bob is registered."""
    await bob_subscribes(scene)
    await scene.register()


# --- what is done


async def create(scene: Scene) -> None:
    await ask(scene, "ann", "create", name="News", secret=CHANNEL_SECRET)


def new_name(scene: Scene) -> str:
    """What no other scene's channel is called: a search lists so many and no more."""
    return f"Olds of {scene.channel}."


async def modify(scene: Scene) -> None:
    await ask(scene, "ann", "modify", type=0, value=new_name(scene))


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
    body = {"owner": scene.ann, "name": "News", "targetId": scene.channel}
    await scene.admin("/admin/channel/create", body)


async def destroy_by_api(scene: Scene) -> None:
    await scene.admin("/admin/channel/destroy", {"channelId": scene.channel})


async def subscribe_by_api(scene: Scene) -> None:
    body = {"channelId": scene.channel, "userId": scene.bob, "subscribe": 1}
    await scene.admin("/admin/channel/subscribe", body)


async def subscribe_all_by_api(scene: Scene) -> None:
    body = {"channelId": scene.channel, "userIds": [scene.bob, scene.cem], "subscribe": 1}
    await scene.admin("/admin/channel/batch_subscribe", body)


async def service_tells_all(scene: Scene) -> None:
    scene.kept["news"] = await scene.admin("/channel/message/send", {"payload": text("news")})


async def service_takes_back(scene: Scene) -> None:
    await scene.admin("/channel/message/recall", {"messageUid": scene.kept["news"]["messageUid"]})


async def service_says_it_again(scene: Scene) -> None:
    body = {"messageId": scene.kept["news"]["messageUid"], "targets": [scene.bob]}
    await scene.admin("/channel/message/republish", body)


async def service_modifies(scene: Scene) -> None:
    await scene.admin("/channel/update_profile", {"type": 0, "value": new_name(scene)})


async def service_subscribes(scene: Scene) -> None:
    await scene.admin("/channel/subscribe", {"target": scene.bob, "subscribe": 1})


async def the_service_has_spoken(scene: Scene) -> None:
    """And bob listens, and has what the service says."""
    await bob_subscribes(scene)
    await service_tells_all(scene)
    await scene.topology.settle()
    scene.kept["bob"].pushes.clear()


# --- after


async def info(scene: Scene, who: str = "ann") -> dict[str, Any]:
    answer = await scene.kept[who].call("channel", "info", {"channels": [{"channelId": scene.channel}]})
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
    assert (await info(scene))["name"] == new_name(scene)
    found = await scene.kept["bob"].call("channel", "search", {"keyword": new_name(scene)})
    assert [each["channelId"] for each in found["channels"]] == [scene.channel]


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
    answer = await scene.admin("/admin/channel/list_subscriber", {"target": scene.channel, "count": 10})
    assert (answer["total"], answer["list"]) == (2, [scene.bob, scene.cem])
    await bob_hears(scene)


async def bob_does_not_hear(scene: Scene) -> None:
    assert await mine(scene, "bob") == []
    await speaks(scene, "ann", heard=False)


async def bob_has_the_news_once(scene: Scene) -> None:
    [message] = await contiguous(scene, "bob", to_all(scene))
    assert (message["seq"], message["content"]["searchableContent"]) == (1, "news")
    assert {push["body"]["seq"] for push in scene.kept["bob"].pushes if push["push"] == "message"} == {1}


async def bob_has_the_services_news(scene: Scene) -> None:
    """Perhaps twice: the API knows no id of the service's."""
    await scene.topology.settle()
    messages = await contiguous(scene, "bob", to_all(scene))
    assert {each["content"]["searchableContent"] for each in messages} == {"news"}
    assert str(scene.kept["news"]["messageUid"]) == messages[-1]["uid"]
    assert messages[-1]["seq"] in [
        each["body"]["seq"] for each in scene.kept["bob"].pushes if each["push"] == "message"
    ]


async def the_news_are_taken_back(scene: Scene) -> None:
    messages = await contiguous(scene, "bob", to_all(scene))
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["recalled"]


async def bob_hears_it_again(scene: Scene) -> None:
    await scene.topology.settle()
    assert len(await contiguous(scene, "bob", to_all(scene))) == 1
    assert {each["body"]["seq"] for each in scene.kept["bob"].pushes if each["push"] == "message"} == {1}


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
    Operation("/channel/message/send", API, bob_subscribes, service_tells_all, bob_has_the_services_news, cuts=4),
    Operation(
        "/channel/message/recall", API, the_service_has_spoken, service_takes_back, the_news_are_taken_back, cuts=4
    ),
    Operation(
        "/channel/message/republish", API, the_service_has_spoken, service_says_it_again, bob_hears_it_again, cuts=4
    ),
    Operation("/channel/update_profile", API, a_channel, service_modifies, it_has_the_name, cuts=4),
    Operation("/channel/subscribe", API, a_channel_that_may_subscribe_users, service_subscribes, bob_hears, cuts=4),
    Operation("message.send to all of a channel", MESSAGE, bob_subscribes, tell_all, bob_has_the_news_once),
    Operation("message.send to all of a channel, its worker", WORKER, bob_subscribes, tell_all, bob_has_the_news_once),
]

READS = [
    Read("channel.info", bob_subscribes, lambda scene: {"channels": [{"channelId": scene.channel}]}),
    Read("channel.search", bob_subscribes, lambda scene: {"keyword": "News"}),
    Read("channel.mine", bob_subscribes, lambda scene: {}),
    Read("/channel/get_profile", bob_subscribes, lambda scene: {}),
    Read("/channel/subscriber_list", bob_subscribes, lambda scene: {}),
    Read("/channel/is_subscriber", bob_subscribes, lambda scene: {"userId": scene.bob}),
    Read("/channel/user_info", bob_is_known, lambda scene: {"userId": scene.bob}),
    Read("channel/get", bob_subscribes, lambda scene: {"channelId": scene.channel}),
    Read("channel/list", bob_subscribes, lambda scene: {"count": 10}),
    Read("channel/is_subscribed", bob_subscribes, lambda scene: {"channelId": scene.channel, "userId": scene.bob}),
    Read("channel/list_subscriber", bob_subscribes, lambda scene: {"target": scene.channel, "count": 10}),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
