"""What robots are told and what they ask for, cut at every AWS call of who does it; and what of it only reads."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.crash import (
    API,
    CONTEXT,
    MESSAGE,
    ROBOT_SECRET,
    Operation,
    Read,
    Scene,
    contiguous,
    cut_some_calls,
    two_chat,
)
from tests.e2e.receiver import Receiver
from tests.e2e.test_faults import persist, send_body, text

pytestmark = pytest.mark.xdist_group("crash-robots")

_CUTS = 2
"""Groups and messages are cut thoroughly as administrators and users change them; here it is the way there."""


@cache
def receiver() -> Receiver:
    """The program behind all robots of this process."""
    return Receiver()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


# --- beforehand


async def a_robot(scene: Scene) -> None:
    """A robot with a callback, and ann and bob, who are connected."""
    body = {"userId": scene.robot, "name": scene.robot, "owner": scene.ann, "secret": ROBOT_SECRET}
    await scene.admin("/admin/robot/create", {**body, "callback": receiver().url})
    await two_chat(scene)


async def it_was_written_to(scene: Scene) -> None:
    """And ann has asked it something."""
    await a_robot(scene)
    await ask_it(scene)
    receiver().bodies()


async def it_has_written(scene: Scene) -> None:
    """And it has written to bob."""
    await a_robot(scene)
    await write(scene)


async def it_leads(scene: Scene) -> None:
    """And it has a group with ann and bob."""
    await a_robot(scene)
    await create(scene)


# --- what it does


async def ask_it(scene: Scene) -> None:
    body = send_body({"type": 0, "target": scene.robot}, "a question", "q")
    scene.kept["asked"] = await persist(scene.topology, scene.kept["ann"], body)


async def write(scene: Scene) -> None:
    body = {"conv": {"type": 0, "target": scene.bob}, "payload": text("news")}
    scene.kept["news"] = await scene.admin("/robot/message/send", body)


async def answer(scene: Scene) -> None:
    await scene.admin("/robot/message/reply", {"messageUid": scene.kept["asked"]["uid"], "payload": text("news")})


async def take_back(scene: Scene) -> None:
    await scene.admin("/robot/message/recall", {"messageUid": scene.kept["news"]["messageUid"]})


async def update(scene: Scene) -> None:
    body = {"messageUid": scene.kept["news"]["messageUid"], "payload": text("better")}
    await scene.admin("/robot/message/update", body)


async def call_itself(scene: Scene) -> None:
    await scene.admin("/robot/update_profile", {"intValue": 0, "strValue": "New"})


async def set_callback(scene: Scene) -> None:
    await scene.admin("/robot/set_callback", {"url": receiver().url + "?new"})


async def delete_callback(scene: Scene) -> None:
    await scene.admin("/robot/delete_callback", {})


async def create(scene: Scene) -> None:
    members = [{"member_id": scene.ann}, {"member_id": scene.bob}]
    group = {"group_info": {"target_id": scene.team, "name": "Old", "type": 2}, "members": members}
    await scene.admin("/robot/group/create", {"group": group}, fine=(11,))


async def do(scene: Scene, path: str, fine: tuple[int, ...] = (), /, **fields: Any) -> None:
    """A change of the group."""
    await scene.admin(f"/robot/group/{path}", {"group_id": scene.team, **fields}, fine=fine)


async def dissolve(scene: Scene) -> None:
    await do(scene, "del", (253,))


async def transfer(scene: Scene) -> None:
    await do(scene, "transfer", (248,), new_owner=scene.bob)


async def modify(scene: Scene) -> None:
    await do(scene, "modify", type=0, value="New")


async def add(scene: Scene) -> None:
    await do(scene, "member/add", (12,), members=[{"member_id": scene.cem}])


async def remove(scene: Scene) -> None:
    await do(scene, "member/del", members=[scene.bob])


async def leave(scene: Scene) -> None:
    await do(scene, "member/quit", (9,))


async def name(scene: Scene) -> None:
    await do(scene, "member/set_alias", memberId=scene.bob, alias="Bobby")


async def describe(scene: Scene) -> None:
    await do(scene, "member/set_extra", memberId=scene.bob, extra="{}")


async def promote(scene: Scene) -> None:
    await do(scene, "manager/set", members=[scene.bob], is_manager=True)


async def mute(scene: Scene) -> None:
    await do(scene, "manager/mute", members=[scene.bob], is_manager=True)


async def allow(scene: Scene) -> None:
    await do(scene, "manager/allow", members=[scene.bob], is_manager=True)


# --- afterwards


async def it_was_asked(scene: Scene) -> None:
    """It got the one message that there is; once or more often, but never another."""
    told = [body for body in receiver().bodies() if body["toRobotId"] == scene.robot]
    assert {body["messageId"] for body in told} == {int(scene.kept["asked"]["uid"])}


async def bob_has_it(scene: Scene) -> None:
    """Perhaps twice: the API knows no id of the robot's."""
    messages = await contiguous(scene, "bob", {"type": 0, "target": scene.robot})
    assert {each["content"]["searchableContent"] for each in messages} == {"news"}


async def ann_has_it(scene: Scene) -> None:
    """Behind her question."""
    question, *answers = await contiguous(scene, "ann", {"type": 0, "target": scene.robot})
    assert question["uid"] == scene.kept["asked"]["uid"]
    assert {each["content"]["searchableContent"] for each in answers} == {"news"}


async def bob_has_it_no_more(scene: Scene) -> None:
    messages = await contiguous(scene, "bob", {"type": 0, "target": scene.robot})
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["recalled"]


async def it_is_better(scene: Scene) -> None:
    messages = await contiguous(scene, "bob", {"type": 0, "target": scene.robot})
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["content"]["searchableContent"] == "better"


async def it_is_called_so(scene: Scene) -> None:
    assert (await scene.admin("/robot/profile", {}))["displayName"] == "New"


async def it_is_called_back(scene: Scene) -> None:
    """There, when somebody writes."""
    assert (await scene.admin("/robot/get_callback", {}))["url"] == receiver().url + "?new"
    await ask_it(scene)
    await scene.topology.settle()
    await it_was_asked(scene)


async def it_is_not_called_back(scene: Scene) -> None:
    assert (await scene.admin("/robot/get_callback", {}))["url"] == ""
    receiver().bodies()
    await ask_it(scene)
    await scene.topology.settle()
    assert [body for body in receiver().bodies() if body["toRobotId"] == scene.robot] == []


async def _members(scene: Scene) -> dict[str, dict[str, Any]]:
    answer = await scene.admin("/admin/group/member/list", {"groupId": scene.team})
    return {member["member_id"]: member for member in answer["members"]}


async def it_is_told_of_the_group(scene: Scene) -> None:
    """Who is in the group is in the list that sends go by."""
    assert set(await _members(scene)) == {scene.ann, scene.bob, scene.robot}
    receiver().bodies()
    body = {"sender": scene.ann, "conv": {"type": 1, "target": scene.team}, "payload": text("hi all")}
    await scene.admin("/admin/message/send", body)
    await scene.topology.settle()
    told = [body["payload"]["searchableContent"] for body in receiver().bodies() if body["toRobotId"] == scene.robot]
    assert "hi all" in told


async def it_hears_no_more(scene: Scene) -> None:
    """Who is out of the group is out of the list that sends go by."""
    assert scene.robot not in await _members(scene)
    await scene.topology.settle()
    receiver().bodies()
    body = {"sender": scene.ann, "conv": {"type": 1, "target": scene.team}, "payload": text("secret")}
    await scene.admin("/admin/message/send", body)
    await scene.topology.settle()
    assert [body for body in receiver().bodies() if body["toRobotId"] == scene.robot] == []


async def it_is_gone(scene: Scene) -> None:
    answer = await scene.topology.admin("/admin/group/get_info", {"groupId": scene.team})
    assert answer["code"] == 253


async def bob_owns_it(scene: Scene) -> None:
    info = await scene.admin("/admin/group/get_info", {"groupId": scene.team})
    assert info["owner"] == scene.bob


async def it_has_the_name(scene: Scene) -> None:
    assert (await scene.admin("/admin/group/get_info", {"groupId": scene.team}))["name"] == "New"


async def cem_is_in(scene: Scene) -> None:
    assert scene.cem in await _members(scene)


async def bob_is_out(scene: Scene) -> None:
    assert scene.bob not in await _members(scene)


async def bob_has_the_alias(scene: Scene) -> None:
    assert (await _members(scene))[scene.bob]["alias"] == "Bobby"


async def bob_has_the_extra(scene: Scene) -> None:
    assert (await _members(scene))[scene.bob]["extra"] == "{}"


async def bob_manages(scene: Scene) -> None:
    assert (await _members(scene))[scene.bob]["type"] == 1


async def bob_is_mute(scene: Scene) -> None:
    assert (await _members(scene))[scene.bob]["type"] == 3


async def bob_is_allowed(scene: Scene) -> None:
    assert (await _members(scene))[scene.bob]["type"] == 5


OPERATIONS = [
    Operation("message.send to a robot", MESSAGE, a_robot, ask_it, it_was_asked),
    Operation("message.send to a robot, who is told", "RobotOnQueue", a_robot, ask_it, it_was_asked),
    Operation("/robot/message/send", API, a_robot, write, bob_has_it, _CUTS),
    Operation("/robot/message/reply", API, it_was_written_to, answer, ann_has_it, _CUTS),
    Operation("/robot/message/recall", API, it_has_written, take_back, bob_has_it_no_more, _CUTS),
    Operation("/robot/message/update", API, it_has_written, update, it_is_better, _CUTS),
    Operation("/robot/update_profile", API, a_robot, call_itself, it_is_called_so, _CUTS),
    Operation("/robot/set_callback", API, a_robot, set_callback, it_is_called_back, _CUTS),
    Operation("/robot/delete_callback", API, a_robot, delete_callback, it_is_not_called_back, _CUTS),
    Operation("/robot/group/create", API, a_robot, create, it_is_told_of_the_group, _CUTS),
    Operation("/robot/group/del", API, it_leads, dissolve, it_is_gone, _CUTS),
    Operation("/robot/group/transfer", API, it_leads, transfer, bob_owns_it, _CUTS),
    Operation("/robot/group/modify", API, it_leads, modify, it_has_the_name, _CUTS),
    Operation("/robot/group/member/add", API, it_leads, add, cem_is_in, _CUTS),
    Operation("/robot/group/member/del", API, it_leads, remove, bob_is_out, _CUTS),
    Operation("/robot/group/member/quit", API, it_leads, leave, it_hears_no_more, _CUTS),
    Operation("/robot/group/member/set_alias", API, it_leads, name, bob_has_the_alias, _CUTS),
    Operation("/robot/group/member/set_extra", API, it_leads, describe, bob_has_the_extra, _CUTS),
    Operation("/robot/group/manager/set", API, it_leads, promote, bob_manages, _CUTS),
    Operation("/robot/group/manager/mute", API, it_leads, mute, bob_is_mute, _CUTS),
    Operation("/robot/group/manager/allow", API, it_leads, allow, bob_is_allowed, _CUTS),
]


async def known(scene: Scene) -> None:
    """The robot leads a group, and bob is registered."""
    await it_leads(scene)
    person = {"userId": scene.bob, "name": scene.bob, "displayName": "Bob", "email": f"{scene.bob}@example.com"}
    await scene.admin("/admin/user/create", person)


READS = [
    Read("/robot/user_info", known, lambda scene: {"userId": scene.bob}),
    Read("/robot/user/get_info_by_email", known, lambda scene: {"email": f"{scene.bob}@example.com"}),
    Read("/robot/user/batch_get_infos", known, lambda scene: {"list": [scene.bob]}),
    Read("/robot/user/search", known, lambda scene: {"keyword": "Bob", "searchType": 100}),
    Read("/robot/user/get_user_robots", known, lambda scene: {"userId": scene.ann}),
    Read("/robot/friend/list", known, lambda scene: {}),
    Read("/robot/profile", known, lambda scene: {}),
    Read("/robot/get_callback", known, lambda scene: {}),
    Read("/robot/oss/get_upload_url", known, lambda scene: {"fileName": "a.jpg", "mediaType": 1}),
    Read("/robot/group/get_info", known, lambda scene: {"groupId": scene.team}),
    Read("/robot/group/member/list", known, lambda scene: {"groupId": scene.team}),
    Read("/robot/group/member/get", known, lambda scene: {"groupId": scene.team, "memberId": scene.bob}),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_that_is_cut_and_repeated_ends_as_if_it_had_not_been_cut(
    topology: Topology, operation: Operation
) -> None:
    cut_some_calls(topology, operation)
