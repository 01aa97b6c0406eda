"""Messages to many and what else the server API does to messages, cut at every AWS call of the call and of its worker."""

import json
from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e.crash import (
    API,
    CONTEXT,
    Operation,
    Scene,
    an_admin_wrote,
    bob_connected,
    contiguous,
    cut_some_calls,
    two_chat,
)
from tests.e2e.test_faults import text

pytestmark = pytest.mark.xdist_group("crash-multicast")

WORKER = "BroadcastOnQueue"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def multicast(scene: Scene) -> None:
    """Ann writes to bob and cem at once."""
    body = {"sender": scene.ann, "targets": [scene.bob, scene.cem], "payload": text("news")}
    scene.kept["news"] = await scene.admin("/admin/message/multicast", body)
    await scene.topology.settle()


async def ready(scene: Scene) -> None:
    """Bob is connected, and cem."""
    await bob_connected(scene)
    scene.kept["cem"] = await scene.join(scene.cem)


async def each_has_it_once_at_least(scene: Scene) -> None:
    """The caller may have said it twice: the API knows no id of his. One that was answered is there."""
    for who in ("bob", "cem"):
        messages = await contiguous(scene, who, scene.to_ann)
        assert 1 <= len(messages) <= 2
        assert f"~multicast:{scene.kept['news']['messageUid']}" in [each["cid"] for each in messages]


async def each_has_it_once(scene: Scene) -> None:
    """Whatever became of the worker."""
    for who in ("bob", "cem"):
        [message] = await contiguous(scene, who, scene.to_ann)
        assert message["content"]["searchableContent"] == "news"
        hello = await scene.kept[who].call("session", "hello", {})
        assert [state["head"] for state in hello["conversations"]] == [1]


async def sent_to_both(scene: Scene) -> None:
    """Both have it."""
    await ready(scene)
    await multicast(scene)


async def withdraw(scene: Scene) -> None:
    """Take it back from both."""
    body = {"operator": "root", "messageUid": scene.kept["news"]["messageUid"], "receivers": [scene.bob, scene.cem]}
    await scene.admin("/admin/message/recall_multicast", body)
    await scene.topology.settle()


async def nobody_has_it(scene: Scene) -> None:
    """Each has one event, and the text is nowhere."""
    await _taken_back(scene, "recalled")


async def _taken_back(scene: Scene, how: str) -> None:
    for who in ("bob", "cem"):
        messages = await contiguous(scene, who, scene.to_ann)
        assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
        assert messages[0][how]
        assert "news" not in json.dumps([each["content"] for each in messages])


async def delete_multicast(scene: Scene) -> None:
    """Delete it for both."""
    body = {"operator": "root", "messageUid": scene.kept["news"]["messageUid"], "receivers": [scene.bob, scene.cem]}
    await scene.admin("/admin/message/delete_multicast", body)
    await scene.topology.settle()


async def it_is_deleted_for_both(scene: Scene) -> None:
    """Each has one event, and the text is nowhere."""
    await _taken_back(scene, "deleted")


async def all_are_registered(scene: Scene) -> None:
    """Bob and cem are connected, and registered: to others a broadcast does not go."""
    await ready(scene)
    for user in (scene.bob, scene.cem):
        await scene.admin("/admin/user/create", {"userId": user, "name": user, "displayName": user})


async def broadcast(scene: Scene) -> None:
    """Ann writes to everybody."""
    body = {"sender": scene.ann, "payload": text("news")}
    scene.kept["news"] = await scene.admin("/admin/message/broadcast", body)
    await scene.topology.settle()


async def sent_to_all(scene: Scene) -> None:
    """Everybody has it."""
    await all_are_registered(scene)
    await broadcast(scene)


async def recall_broadcast(scene: Scene) -> None:
    """Take it back from everybody."""
    body = {"operator": "root", "messageUid": scene.kept["news"]["messageUid"]}
    await scene.admin("/admin/message/recall_broadcast", body)
    await scene.topology.settle()


async def delete_broadcast(scene: Scene) -> None:
    """Delete it for everybody."""
    body = {"operator": "root", "messageUid": scene.kept["news"]["messageUid"]}
    await scene.admin("/admin/message/delete_broadcast", body)
    await scene.topology.settle()


async def publish(scene: Scene) -> None:
    """Ann writes to bob alone."""
    data = {"sender": scene.ann, "conv": {"type": 0, "target": scene.bob}, "payload": text("news")}
    scene.kept["news"] = await scene.admin("/admin/message/publish", {"messageData": data})


async def bob_has_it_once_at_least(scene: Scene) -> None:
    """As ``each_has_it_once_at_least``."""
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [each["seq"] for each in messages] in ([1], [1, 2])
    assert str(scene.kept["news"]["messageUid"]) == messages[-1]["uid"]


async def clear(scene: Scene) -> None:
    """Away from bob's view."""
    body = {"userId": scene.bob, "conversation": {"type": 0, "target": scene.ann}}
    await scene.admin("/admin/message/clear_by_user", body)


async def it_is_cleared_for_bob(scene: Scene) -> None:
    """And for him alone."""
    assert await contiguous(scene, "bob", scene.to_ann) == []
    assert len(await contiguous(scene, "ann", scene.to_bob)) == 1


async def update(scene: Scene) -> None:
    """Replace the content of what was sent."""
    body = {"operator": "root", "messageUid": scene.kept["sent"]["messageUid"], "payload": text("better")}
    await scene.admin("/admin/message/update", {**body, "distribute": 1})


async def it_is_better(scene: Scene) -> None:
    """Once, and told once."""
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["content"]["searchableContent"] == "better"


async def take_over(scene: Scene) -> None:
    """Import two messages."""
    conversation = {"type": 0, "target": scene.bob}
    messages = [
        {
            "sender": scene.ann,
            "conversation": conversation,
            "payload": text(f"old {at}"),
            "timestamp": 1_700_000_000_000 + at,
        }
        for at in (1, 2)
    ]
    await scene.admin("/admin/message/import", {"messages": messages})


async def both_are_there_once(scene: Scene) -> None:
    """In their order, with their time."""
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [(each["seq"], each["time"] % 10) for each in messages] == [(1, 1), (2, 2)]


async def delete_conversation(scene: Scene) -> None:
    """For bob."""
    body = {"userId": scene.bob, "conversation": {"type": 0, "target": scene.ann}}
    await scene.admin("/admin/conversation/delete", body)


async def it_is_gone_for_bob(scene: Scene) -> None:
    """And for him alone."""
    [state] = (await scene.kept["bob"].call("session", "hello", {}))["conversations"]
    assert (state["cleared"], state["removed"]) == (1, 1)
    assert await contiguous(scene, "bob", scene.to_ann) == []
    assert len(await contiguous(scene, "ann", scene.to_bob)) == 1


OPERATIONS = [
    Operation("message/multicast", API, ready, multicast, each_has_it_once_at_least),
    Operation("message/multicast, its worker", WORKER, ready, multicast, each_has_it_once),
    Operation("message/recall_multicast", API, sent_to_both, withdraw, nobody_has_it),
    Operation("message/recall_multicast, its worker", WORKER, sent_to_both, withdraw, nobody_has_it),
    Operation("message/delete_multicast", API, sent_to_both, delete_multicast, it_is_deleted_for_both, cuts=3),
    Operation("message/broadcast", API, all_are_registered, broadcast, each_has_it_once_at_least, cuts=3),
    Operation("message/broadcast, its worker", WORKER, all_are_registered, broadcast, each_has_it_once, cuts=3),
    Operation("message/recall_broadcast", API, sent_to_all, recall_broadcast, nobody_has_it, cuts=2),
    Operation("message/recall_broadcast, its worker", WORKER, sent_to_all, recall_broadcast, nobody_has_it, cuts=2),
    Operation("message/delete_broadcast", API, sent_to_all, delete_broadcast, it_is_deleted_for_both, cuts=2),
    Operation("message/publish", API, bob_connected, publish, bob_has_it_once_at_least),
    Operation("message/clear_by_user", API, two_chat, clear, it_is_cleared_for_bob),
    Operation("message/update", API, an_admin_wrote, update, it_is_better),
    Operation("message/import", API, bob_connected, take_over, both_are_there_once),
    Operation("conversation/delete", API, two_chat, delete_conversation, it_is_gone_for_bob),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
