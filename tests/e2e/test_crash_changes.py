"""Edits, reactions and clearings cut at AWS calls, as ``test_crash_points`` does it to everything else."""

from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e.crash import CONTEXT, MESSAGE, Operation, Scene, ask, contiguous, cut_some_calls, two_chat
from tests.e2e.test_crash_points import both_in_the_room, say_in_room
from tests.e2e.test_faults import text

pytestmark = pytest.mark.xdist_group("crash-changes")


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def edit(scene: Scene) -> None:
    body = {"conversation": scene.to_bob, "seq": 1, "content": text("corrected")}
    await ask(scene, "ann", "message", "edit", body)


async def is_corrected_and_told_once(scene: Scene) -> None:
    for who, conversation in (("ann", scene.to_bob), ("bob", scene.to_ann)):
        messages = await contiguous(scene, who, conversation)
        assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
        assert messages[0]["content"]["searchableContent"] == "corrected"
        assert messages[1]["edit"]["content"]["searchableContent"] == "corrected"


async def react(scene: Scene) -> None:
    await ask(scene, "bob", "message", "react", {"conversation": scene.to_ann, "seq": 1, "emoji": "👍"})


async def has_one_reaction_and_one_event(scene: Scene) -> None:
    messages = await contiguous(scene, "ann", scene.to_bob)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["reactions"] == [{"emoji": "👍", "users": [scene.bob]}]


async def reacted(scene: Scene) -> None:
    """Bob has reacted to ann's message."""
    await two_chat(scene)
    await react(scene)


async def take_back(scene: Scene) -> None:
    body = {"conversation": scene.to_ann, "seq": 1, "emoji": "👍", "on": False}
    await ask(scene, "bob", "message", "react", body)


async def has_no_reaction(scene: Scene) -> None:
    messages = await contiguous(scene, "ann", scene.to_bob)
    assert [(each["seq"], each.get("ref")) for each in messages] in (
        [(1, None), (2, 1), (3, 1)],
        # The reaction was taken away, nobody was told, and the repeat found nothing to take away.
        [(1, None), (2, 1)],
    )
    assert not messages[0].get("reactions")


async def clear(scene: Scene) -> None:
    assert await ask(scene, "bob", "message", "clear", {"conversation": scene.to_ann}) == {"cleared": 1}


async def is_cleared_for_him_alone(scene: Scene) -> None:
    assert await contiguous(scene, "bob", scene.to_ann) == []
    assert len(await contiguous(scene, "ann", scene.to_bob)) == 1


async def remove(scene: Scene) -> None:
    assert await ask(scene, "bob", "message", "remove", {"conversation": scene.to_ann}) == {"removed": 1}


async def is_off_his_list(scene: Scene) -> None:
    [state] = (await scene.kept["bob"].call("session", "hello", {}))["conversations"]
    assert (state["head"], state["removed"]) == (1, 1)
    assert len(await contiguous(scene, "bob", scene.to_ann)) == 1


async def ann_spoke_in_a_room(scene: Scene) -> None:
    """Ann and bob are in the same room, and ann has said something."""
    await both_in_the_room(scene)
    await say_in_room(scene)
    scene.kept["said"] = scene.kept["sent"]["seq"]


async def edit_in_room(scene: Scene) -> None:
    body = {"conversation": scene.to_room, "seq": scene.kept["said"], "content": text("corrected")}
    await ask(scene, "ann", "message", "edit", body)


async def is_corrected_in_the_room(scene: Scene) -> None:
    said = scene.kept["said"]
    messages = await contiguous(scene, "bob", scene.to_room)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(said, None), (said + 1, said)]
    pushed = {push["body"]["seq"]: push["body"] for push in scene.kept["bob"].pushes}
    for event in (messages[1], pushed[said + 1]):
        assert event["edit"]["content"]["searchableContent"] == "corrected"
    assert messages[0]["content"]["searchableContent"] == "corrected"


async def react_in_room(scene: Scene) -> None:
    body = {"conversation": scene.to_room, "seq": scene.kept["said"], "emoji": "👍"}
    await ask(scene, "bob", "message", "react", body)


async def has_one_reaction_in_the_room(scene: Scene) -> None:
    said = scene.kept["said"]
    messages = await contiguous(scene, "ann", scene.to_room)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(said, None), (said + 1, said)]
    assert messages[0]["reactions"] == [{"emoji": "👍", "users": [scene.bob]}]


async def recall_in_room(scene: Scene) -> None:
    await ask(scene, "ann", "message", "recall", {"conversation": scene.to_room, "seq": scene.kept["said"]})


async def is_recalled_in_the_room(scene: Scene) -> None:
    said = scene.kept["said"]
    messages = await contiguous(scene, "bob", scene.to_room)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(said, None), (said + 1, said)]
    assert messages[0]["recalled"]["by"] == scene.ann


OPERATIONS = [
    Operation("message.edit", MESSAGE, two_chat, edit, is_corrected_and_told_once),
    Operation("message.react, on", MESSAGE, two_chat, react, has_one_reaction_and_one_event),
    Operation("message.react, off", MESSAGE, reacted, take_back, has_no_reaction),
    Operation("message.clear", MESSAGE, two_chat, clear, is_cleared_for_him_alone),
    Operation("message.remove", MESSAGE, two_chat, remove, is_off_his_list),
    Operation("message.edit, in a room", MESSAGE, ann_spoke_in_a_room, edit_in_room, is_corrected_in_the_room),
    Operation("message.react, in a room", MESSAGE, ann_spoke_in_a_room, react_in_room, has_one_reaction_in_the_room),
    Operation("message.recall, in a room", MESSAGE, ann_spoke_in_a_room, recall_in_room, is_recalled_in_the_room),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
