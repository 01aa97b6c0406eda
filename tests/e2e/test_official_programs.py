"""Step by step what Wildfire's two conformance programs do, the Java one and the Python one, with the commercial switches on.

The steps and their numbers are those of the server-api spec, section 7.5; 10 needs moments. A part
of a step is left out while a path that it names is not built.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from im.server_api.endpoints import NOT_IMPLEMENTED
from im.server_api.registry import ENDPOINTS
from local.topology import Topology
from tests.e2e.official import ANY_CODE, CHANNEL, CHANNEL_SECRET, JAVA, PYTHON, Dialect, Program

pytestmark = pytest.mark.xdist_group("official-programs")

Step = Callable[[Program], None]
STEPS: list[tuple[Step, tuple[str, ...]]] = []
"""In their order, each with the paths that must be built before it counts."""


def step(*needed: str) -> Callable[[Step], Step]:
    """Enter a part of the programs; without its paths it is left out."""

    def register(part: Step) -> Step:
        STEPS.append((part, tuple(f"/admin/{path}" for path in needed)))
        return part

    return register


@pytest.fixture(scope="module")
def official_topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


@pytest.mark.parametrize("dialect", [PYTHON, JAVA], ids=lambda dialect: dialect.name)
def test_the_program_runs_to_its_end(official_topology: Topology, dialect: Dialect) -> None:
    """Both on the same deployment, as in a company that uses both; either comes first."""
    with Program.of(official_topology, dialect) as program:
        left_out: set[str] = set()
        for part, needed in STEPS:
            if NOT_IMPLEMENTED.isdisjoint(needed):
                part(program)
            else:
                left_out.update(needed)
        for path in sorted(NOT_IMPLEMENTED):
            if path.startswith("/admin/"):
                program.call(path, {}, 254)
        assert ENDPOINTS.keys() - program.called - left_out == set()


# --- 1. users


def mobile(p: Program) -> str:
    return "13900000001" if p.java else "13900000000"


def user(p: Program, user_id: str, **members: Any) -> dict[str, Any]:
    """A user as the SDKs' data class writes him."""
    texts = dict.fromkeys(("name", "displayName", "portrait", "mobile", "email", "address", "company"))
    return {"userId": user_id, **texts, "social": None, "extra": None, "gender": 0, "type": 0, "deleted": 0} | {
        "updateDt": 0,
        **members,
    }


ROBOT = {
    "userId": "robot1",
    "name": "robot1",
    "displayName": "机器人",
    "owner": "userId1",
    "secret": "123456",
    "callback": "http://127.0.0.1:8883/robot/recvmsg",
}


@step()
def step_1_a_user_is_registered_again_and_again(program: Program) -> None:
    p = program
    created = p.ok("/admin/user/create", user(p, "userId1", name="user1", displayName="user 1", mobile=mobile(p)))
    assert created == {"userId": "userId1", "name": "user1"}


@step("robot/create", "user/get_robot_info")
def step_1_a_robot_comes_and_goes(program: Program) -> None:
    p = program
    body = {**ROBOT, **p.either(java={"gender": 0, "updateDt": 0}, python={})}
    assert p.ok("/admin/robot/create", body)["userId"] == "robot1"
    robot = p.ok("/admin/user/get_robot_info", {"robotId": "robot1"})
    assert [robot[name] for name in ROBOT] == list(ROBOT.values())
    p.ok("/admin/user/destroy", {"userId": "robot1"})


@step()
def step_1_the_user_reads_back_by_name_mobile_and_id(program: Program) -> None:
    p = program
    for query in ({"name": "user1"}, {"mobile": mobile(p)}, {"userId": "userId1"}):
        found = p.ok("/admin/user/get_info", {**query, "includeDeleted": False})
        assert (found["userId"], found["name"], found["mobile"]) == ("userId1", "user1", mobile(p))
        assert found["displayName"] == "user 1"


@step("user/get_info_by_mobile")
def step_1_users_by_mobile(program: Program) -> None:
    found = program.ok("/admin/user/get_info_by_mobile", {"mobile": mobile(program), "includeDeleted": False})
    assert [each["userId"] for each in found["userInfos"]] == ["userId1"]


@step("user/get_info_by_email")
def step_1_users_by_email(program: Program) -> None:
    program.call("/admin/user/get_info_by_email", "13900000001@139.com", 0, 253)


@step("user/batch_get_infos")
def step_1_several_users_one_of_them_unknown(program: Program) -> None:
    body = {"list": ["userId1", "admin", "FireRobot", "TestUser"]}
    found = program.ok("/admin/user/batch_get_infos", body)["userInfos"]
    assert {each["userId"] for each in found} == {"userId1", "admin", "FireRobot"}


@step()
def step_1_profiles_are_updated_and_unknown_ones_are_not(program: Program) -> None:
    p = program
    new = {"displayName": "updatedUserName", "portrait": "updatedUserPortrait"}
    p.call("/admin/user/update", {"flag": 3, "userInfo": user(p, "1795365229032", **new)}, 253)
    p.ok("/admin/user/update", {"flag": 3, "userInfo": user(p, "userId1", **new)})
    found = p.ok("/admin/user/get_info", {"userId": "userId1", "includeDeleted": False})
    assert {name: found[name] for name in new} == new


@step()
def step_1_tokens_and_blocking(program: Program) -> None:
    p = program
    token = p.ok("/admin/user/get_token", {"userId": "userId1", "clientId": "client111", "platform": 2})
    assert token["userId"] == "userId1"
    assert token["token"]
    for status, listed in ((2, [{"userId": "userId1", "status": 2}]), (0, [])):
        p.ok("/admin/user/update_block_status", {"userId": "userId1", "status": status})
        assert (
            p.ok("/admin/user/check_block_status", {"userId": "userId1", "includeDeleted": False})["status"] == status
        )
        assert p.ok("/admin/user/get_blocked_list")["statusList"] == listed


@step()
def step_1_sessions_and_kicking(program: Program) -> None:
    p = program
    assert isinstance(
        p.ok("/admin/user/onlinestatus", {"userId": "userId1", "includeDeleted": False})["sessions"], list
    )
    p.ok("/admin/user/kickoff_client", {"first": "userId1"})
    p.ok("/admin/user/destroy", {"userId": "user11"})


@step("user/all", "user/get_all_robots")
def step_1_lists_of_users_and_robots(program: Program) -> None:
    p = program
    users = p.ok("/admin/user/all", {"count": 100, "offset": 0})
    assert {"admin", "userId1"} <= {each["userId"] for each in users["userInfoList"]}
    if p.java:
        p.ok("/admin/user/get_all_robots", {"count": 100, "offset": 0})


@step("user/online_count", "user/online_list", "user/session_list")
def step_1_who_is_online(program: Program) -> None:
    p = program
    assert [each["node"] for each in p.ok("/admin/user/online_count")] == [1]
    assert p.ok("/admin/user/online_list", {"nodeId": 1, "offset": 0, "count": 100})["offset"] == 0
    p.ok("/admin/user/session_list", {"userId": "userId1"})


# --- 2. relations

PAIR = {"userId": "ff1", "friendUid": "ff2"}
SIDES = {"operator": "ff1", "targetId": "ff2"}


@step()
def step_2_two_users(program: Program) -> None:
    for name in ("ff1", "ff2"):
        program.ok("/admin/user/create", user(program, name, name=name, displayName=name))


@step("friend/send_request", "friend/status", "friend/list")
def step_2_friends_and_friends_no_more(program: Program) -> None:
    p = program
    p.call("/admin/friend/send_request", {**PAIR, "reason": "hello", "force": True}, 0, 23)
    p.ok("/admin/friend/status", {**PAIR, "status": 0, "extra": '{"from":1}'})
    assert "ff2" in p.ok("/admin/friend/list", {"userId": "ff1"})["list"]
    p.ok("/admin/friend/status", {**PAIR, "status": 1})
    assert "ff2" not in p.ok("/admin/friend/list", {"userId": "ff1"})["list"]


@step("blacklist/status", "blacklist/list")
def step_2_a_blacklist(program: Program) -> None:
    program.ok("/admin/blacklist/status", {"userId": "ff1", "targetUid": "ff2", "status": 2})
    assert "ff2" in program.ok("/admin/blacklist/list", {"userId": "ff1"})["list"]


@step("friend/set_alias", "friend/get_alias", "friend/set_extra", "relation/get", "friend/list")
def step_2_names_for_one_another(program: Program) -> None:
    p = program
    p.ok("/admin/friend/set_alias", {**SIDES, "alias": f"hello {p.dialect.name}"})
    assert p.ok("/admin/friend/get_alias", SIDES)["alias"] == f"hello {p.dialect.name}"
    p.ok("/admin/friend/set_extra", {**SIDES, "extra": "hello friend extra"})
    relation = p.ok("/admin/relation/get", {"first": "ff1", "second": "ff2"})
    assert (relation["isFriend"], relation["isBlacked"]) == (False, True)
    assert (relation["alias"], relation["extra"]) == (f"hello {p.dialect.name}", "hello friend extra")
    assert "ff2" not in p.ok("/admin/friend/list", {"userId": "ff1"})["list"]


@step("user/get_user_robots")
def step_2_a_user_without_robots(program: Program) -> None:
    assert program.ok("/admin/user/get_user_robots", {"userId": "ff1"}) == {"list": []}


# --- 3. groups


def base(p: Program, operator: str = "user1", **members: Any) -> dict[str, Any]:
    """What each write of the group begins with."""
    more = p.either(java={"isMeshMessage": False, "to_lines": None}, python={"to_lines": []})
    return {"group_id": "groupId1", "operator": operator, "notify_message": None, **more, **members}


def member(p: Program, name: str, **members: Any) -> dict[str, Any]:
    more = p.either(java={"createDt": 0}, python={})
    return {"member_id": name, "alias": None, "extra": None, "type": 0, "updateDt": 0, **more, **members}


def info(p: Program) -> dict[str, Any]:
    zeros = ("mute", "join_type", "private_chat", "searchable", "max_member_count", "history_message")
    both = {
        "target_id": "groupId1",
        "name": "test_group",
        "portrait": "http://portrait",
        "owner": "user1",
        "type": 2,
        "extra": "hello extra",
    }
    return both | p.either(
        java={
            **dict.fromkeys((*zeros, "member_count", "update_dt", "member_update_dt"), 0),
            "super_group": False,
            "deleted": False,
        },
        python=dict.fromkeys(("memberCount", "memberUpdateDt", "updateDt"), 0),
    )


@step()
def step_3_a_group_is_made(program: Program) -> None:
    p = program
    p.call("/admin/group/del", base(p), ANY_CODE)
    members = [member(p, "user1"), member(p, "user2"), member(p, "user3")]
    body = {**base(p), "group": {"group_info": info(p), "members": members}, "member_extra": None}
    del body["group_id"]
    assert p.ok("/admin/group/create", body) == {"group_id": "groupId1", "groupId": "groupId1"}
    found = p.ok("/admin/group/get_info", {"groupId": "groupId1"})
    assert [found[name] for name in ("name", "extra", "owner")] == ["test_group", "hello extra", "user1"]


@step("group/transfer", "group/modify")
def step_3_it_changes_hands_and_the_former_owner_still_modifies_it(program: Program) -> None:
    p = program
    p.ok("/admin/group/transfer", base(p, new_owner="user2"))
    p.ok("/admin/group/modify", base(p, type=0, value="HelloWorld"))
    p.ok("/admin/group/modify", base(p, type=2, value="HelloWorld2"))
    found = p.ok("/admin/group/get_info", {"groupId": "groupId1"})
    assert [found[name] for name in ("name", "extra", "owner")] == ["HelloWorld", "HelloWorld2", "user2"]


@step("group/member/get", "group/member/list", "group/member/add", "group/member/del")
def step_3_members_come_and_go(program: Program) -> None:
    p = program
    listed = p.ok("/admin/group/member/list", {"groupId": "groupId1"})["members"]
    assert {each["member_id"] for each in listed} == {"user1", "user2", "user3"}
    p.ok("/admin/group/member/add", base(p, members=[member(p, "user1", alias="hello user1")]))
    assert p.ok("/admin/group/member/get", {"groupId": "groupId1", "memberId": "user1"})["alias"] == "hello user1"
    p.ok("/admin/group/member/del", base(p, members=["user3"]))


@step("group/member/set_alias", "group/member/set_extra", "group/member/get")
def step_3_aliases_and_extras(program: Program) -> None:
    p = program
    p.ok("/admin/group/member/set_alias", base(p, memberId="user2", alias="test user2"))
    p.ok("/admin/group/member/set_extra", base(p, "user2", memberId="user2", extra="hello member extra2"))
    found = p.ok("/admin/group/member/get", {"groupId": "groupId1", "memberId": "user2"})
    assert (found["alias"], found["extra"]) == ("test user2", "hello member extra2")


@step("group/member/quit")
def step_3_who_is_no_member_may_quit(program: Program) -> None:
    program.ok("/admin/group/member/quit", base(program, "user4"))


@step("group/of_user", "group/of_user_by_type", "group/common_group", "group/batch_infos", "group/transfer")
def step_3_groups_of_users(program: Program) -> None:
    p = program
    assert "groupId1" in p.ok("/admin/group/of_user", {"userId": "user1"})["groupIds"]
    for types, expected in (([1, 2], True), ([0], False)):
        body = {"userId": "user2", "groupMemberTypes": types}
        assert ("groupId1" in p.ok("/admin/group/of_user_by_type", body)["groupIds"]) is expected
    assert "groupId1" in p.ok("/admin/group/common_group", {"first": "user1", "second": "user2"})["groupIds"]
    [found] = p.ok("/admin/group/batch_infos", ["groupId1"])["groupInfoList"]
    assert found["target_id"] == "groupId1"


@step("user/put_setting", "user/get_setting")
def step_3_a_remark_and_a_favourite(program: Program) -> None:
    for scope, value in ((26, "test group remark"), (6, "1")):
        key = {"userId": "user1", "scope": scope, "key": "groupId1"}
        program.ok("/admin/user/put_setting", {**key, "value": value})
        assert program.ok("/admin/user/get_setting", key) == {**key, "value": value}


@step("group/manager/set", "group/manager/mute", "group/manager/allow", "group/transfer")
def step_3_managers_the_muted_and_the_allowed(program: Program) -> None:
    p = program
    added = [member(p, name, alias=f"hello {name}") for name in ("user4", "user5")]
    p.ok("/admin/group/member/add", base(p, members=added))
    for path, members in (("set", ["user4", "user5"]), ("mute", ["user5"]), ("allow", ["user5"])):
        for state in (True, False):
            p.ok(f"/admin/group/manager/{path}", base(p, members=members, is_manager=state))
    # A member whose state was lost by being added again is muted and allowed all the same.
    p.ok("/admin/group/member/add", base(p, members=[member(p, "user5")]))
    p.ok("/admin/group/manager/allow", base(p, members=["user5"], is_manager=False))


@step()
def step_3_the_group_ends(program: Program) -> None:
    p = program
    p.ok("/admin/group/del", base(p))
    p.call("/admin/group/get_info", {"groupId": "groupId1"}, 253)


# --- 4. chatrooms

ROOM = {
    "chatroomId": "chatroomId1",
    "title": "TESTCHATROM",
    "desc": "this is a test chatroom",
    "portrait": "http://pic.com/test123.png",
    "extra": '{\'managers:["user1","user2"]}',
    "state": 0,
}


@step("chatroom/create", "chatroom/info", "chatroom/members", "chatroom/del", "chatroom/user_chatroom")
def step_4_a_chatroom_lives_on_as_ended(program: Program) -> None:
    p = program
    assert p.ok("/admin/chatroom/create", ROOM) == {"chatroomId": "chatroomId1"}
    found = p.ok("/admin/chatroom/info", {"chatroomId": "chatroomId1"})
    assert {name: found[name] for name in ROOM} == ROOM
    p.call("/admin/chatroom/members", {"chatroomId": "chatroomId1"}, ANY_CODE)
    p.ok("/admin/chatroom/del", {"chatroomId": "chatroomId1"})
    p.settle()
    assert p.ok("/admin/chatroom/info", {"chatroomId": "chatroomId1"})["state"] == 2
    p.call("/admin/chatroom/user_chatroom", {"userId": "userId1"}, 0, 253)


@step("chatroom/mute_all", "chatroom/create")
def step_4_an_ended_chatroom_is_muted_and_unmuted(program: Program) -> None:
    p = program
    for state in (True, False):
        muted = p.either(java={"status": int(state)}, python={"mute": state})
        p.ok("/admin/chatroom/mute_all", {"chatroomId": "chatroomId1", **muted})


@step("chatroom/set_black_status", "chatroom/get_black_status")
def step_4_a_black_status(program: Program) -> None:
    p = program
    room = {"chatroomId": "chatroom1"}
    for status, listed in ((1, True), (0, False)):
        more = p.either(java={"expiredTime": 0}, python={})
        p.ok("/admin/chatroom/set_black_status", {**room, "userId": "userId1", "status": status, **more})
        infos = p.ok("/admin/chatroom/get_black_status", room)["infos"]
        assert ("userId1" in [each["userId"] for each in infos if each["state"] == 1]) is listed


@step("chatroom/set_manager", "chatroom/get_manager_list")
def step_4_a_manager(program: Program) -> None:
    room = {"chatroomId": "chatroom1"}
    for status, listed in ((1, True), (0, False)):
        program.ok("/admin/chatroom/set_manager", {**room, "userId": "userId1", "status": status})
        assert ("userId1" in program.ok("/admin/chatroom/get_manager_list", room)["list"]) is listed


# --- 5. messages


def payload(p: Program, text: str = "hello world3", **members: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("pushContent", "pushData", "content", "base64edData", "remoteMediaUrl", "extra"))
    more = p.either(java={}, python={"mentionedTarget": []})
    numbers = {"mediaType": 0, "persistFlag": 3, "expireDuration": 0, "mentionedType": 0}
    return {"type": 1, "searchableContent": text, **empty, **numbers, **more, **members}


def message(p: Program, sender: str, target: str, content: dict[str, Any]) -> dict[str, Any]:
    more = p.either(java={"isMeshMessage": False, "isUserMessage": False}, python={"toUsers": [], "userMessage": False})
    return {"sender": sender, "conv": {"type": 0, "target": target, "line": 0}, "payload": content, **more}


def operation(p: Program, uid: int, **members: Any) -> dict[str, Any]:
    return {"operator": "user1", "messageUid": uid, **members}


def recall(p: Program, uid: int, **members: Any) -> dict[str, Any]:
    return operation(p, uid, **p.either(java={"isUserRecall": False}, python={}), **members)


@step()
def step_5_a_message_is_sent_read_and_recalled_by_somebody_else(program: Program) -> None:
    p = program
    sent = p.ok("/admin/message/send", message(p, "ff1", "ff2", payload(p, "Hello world")))
    assert sent["messageUid"] > 0
    assert p.ok("/admin/message/get_one", {"messageUid": sent["messageUid"]})["messageId"] == sent["messageUid"]
    p.ok("/admin/message/recall", recall(p, sent["messageUid"]))
    p.kept["recalled"] = sent["messageUid"]


@step("message/multicast", "message/recall_multicast")
def step_5_a_multicast(program: Program) -> None:
    p = program
    targets = ["user2", "user3", "user4"]
    sent = p.ok("/admin/message/multicast", {"sender": "user1", "targets": targets, "line": 0, "payload": payload(p)})
    p.ok("/admin/message/recall_multicast", operation(p, sent["messageUid"], receivers=targets))


@step()
def step_5_a_recalled_message_is_deleted(program: Program) -> None:
    program.ok("/admin/message/delete", {"messageUid": program.kept["recalled"]})


@step("message/update")
def step_5_a_message_is_updated(program: Program) -> None:
    p = program
    sent = p.ok("/admin/message/send", message(p, "ff1", "ff2", payload(p, "Hello world")))
    more = p.either(java={"meshLocal": 0}, python={})
    body = {**operation(p, sent["messageUid"]), "payload": payload(p), "distribute": 1, "updateTimestamp": 0, **more}
    p.ok("/admin/message/update", body)


@step("message/broadcast", "message/recall_broadcast", "message/delete_broadcast")
def step_5_a_broadcast(program: Program) -> None:
    p = program
    sent = p.ok("/admin/message/broadcast", {"sender": "user1", "line": 0, "payload": payload(p)})
    assert sent["messageUid"] > 0
    for path in ("recall_broadcast", "delete_broadcast"):
        p.call(f"/admin/message/{path}", recall(p, sent["messageUid"]), ANY_CODE)


@step("message/conv_read", "message/delivery")
def step_5_receipts(program: Program) -> None:
    conversation = {"conversationType": 0, "target": "admin", "line": 0}
    program.call("/admin/message/conv_read", {"userId": "userId1", **conversation}, ANY_CODE)
    program.call("/admin/message/delivery", {"userId": "userId1"}, ANY_CODE)


@step("message/clear_by_user", "conversation/delete")
def step_5_conversations_are_cleared_and_deleted(program: Program) -> None:
    p = program
    conversation = {"type": 0, "target": "admin", "line": 0}
    to = p.topology.clock.now_ms()
    bounds = p.either(java={"startTime": 0, "endTime": to}, python={"fromTime": 0, "toTime": to})
    p.call("/admin/message/clear_by_user", {"userId": "userId1", "conversation": conversation, **bounds}, ANY_CODE)
    p.call("/admin/conversation/delete", {"userId": "userId1", "conversation": conversation}, ANY_CODE)


@step("message/multicast", "message/delete_multicast")
def step_5_a_multicast_is_deleted(program: Program) -> None:
    p = program
    targets = ["user2", "user3", "user4"]
    sent = p.ok("/admin/message/multicast", {"sender": "user1", "targets": targets, "line": 0, "payload": payload(p)})
    p.call("/admin/message/delete_multicast", operation(p, sent["messageUid"], receivers=targets), ANY_CODE)


@step("message/import")
def step_5_messages_are_imported(program: Program) -> None:
    p = program
    conversation = {"type": 0, "target": "admin", "line": 0}
    one = {"sender": "userId1", "conversation": conversation, "receivers": ["userId1", "admin"]}
    messages = [
        {**one, "payload": payload(p, f"测试文本消息{number}"), "timestamp": p.topology.clock.now_ms() - 1000 + number}
        for number in range(3)
    ]
    p.call("/admin/message/import", {"messages": messages}, ANY_CODE)


def contents(p: Program) -> Iterator[dict[str, Any]]:
    """The kinds of messages that the programs try, then a text that streams."""
    media = "https://media.wfcoss.cn/firechat/"
    yield payload(p, "", type=2, content="7", mediaType=2, remoteMediaUrl=f"{media}voice_message_sample.amr")
    yield payload(p, "", type=3, mediaType=1, remoteMediaUrl=f"{media}image_message_sample.jpg", base64edData="eHg=")
    yield payload(p, "here", type=4, content="39.9,116.4", base64edData="eHg=")
    yield payload(p, "野火产品简介.pptx", type=5, content="38394", mediaType=4, remoteMediaUrl=f"{media}f.pptx")
    yield payload(p, "[视频]", type=6, mediaType=3, remoteMediaUrl=f"{media}v.mp4", base64edData="eHg=")
    yield payload(p, "", type=7, mediaType=7, remoteMediaUrl=f"{media}s.gif", base64edData="eyJ4IjoxLCJ5IjoxfQ==")
    yield payload(p, "野火IM", type=8, base64edData="eyJkIjoiIiwidSI6Imh0dHBzOi8vIn0=")
    yield payload(p, "", type=10, content="user1", base64edData="eyJ0IjowfQ==")
    yield payload(p, "", type=12, pushContent="title", content="desc", base64edData="e30=")
    yield payload(p, "article1", type=13, base64edData="eyJ0b3AiOnt9fQ==")
    yield payload(p, "quoted", base64edData="eyJxdW90ZSI6e319")
    text = "野火IM专注于即时通讯领域"
    for end in range(2, len(text) * 2, 2):
        yield payload(p, text[: end // 2], type=14, content="stream1", persistFlag=4)
    yield payload(p, text, type=15, content="stream1")


@step()
def step_5_contents_of_all_kinds_go_to_somebody_who_does_not_exist(program: Program) -> None:
    uids = [
        program.ok("/admin/message/send", message(program, "userId2", "3ygqmws2k", content))["messageUid"]
        for content in contents(program)
    ]
    assert len(set(uids)) == len(uids)


# --- 6. channels


@step("channel/create", "channel/get", "channel/subscribe", "channel/is_subscribed", "channel/destroy")
def step_6_a_channel_and_its_subscribers(program: Program) -> None:
    p = program
    body = {"owner": "user1", "name": "MyChannel", "auto": 0, "state": 0, "updateDt": 0}
    channel = p.ok("/admin/channel/create", {**body, **p.either(java={}, python={"menus": []})})["targetId"]
    found = p.ok("/admin/channel/get", {"channelId": channel})
    assert (found["name"], found["owner"]) == ("MyChannel", "user1")
    for subscribed in (True, False):
        aaa = {"channelId": channel, "userId": "aaa"}
        p.ok("/admin/channel/subscribe", {**aaa, "subscribe": int(subscribed)})
        p.settle()
        assert p.ok("/admin/channel/is_subscribed", {**aaa, "subscribe": 0}) == {"value": subscribed}
    p.ok("/admin/channel/destroy", {"channelId": channel})
    p.settle()
    assert p.ok("/admin/channel/get", {"channelId": channel})["state"] & 0x40


@step("channel/list", "channel/batch_subscribe", "channel/list_subscriber")
def step_6_channels_and_subscribers_in_pages(program: Program) -> None:
    p = program
    made = p.ok("/admin/channel/create", {"owner": "user1", "name": "MyChannel", "auto": 0, "state": 0, "updateDt": 0})
    channel, users = made["targetId"], ["user1", "user2", "user3"]
    listed = p.ok("/admin/channel/list", {"count": 100, "offset": 0})
    assert listed["total"] == len(listed["list"])
    assert channel in {each["channelId"] for each in listed["list"]}
    p.ok("/admin/channel/batch_subscribe", {"channelId": channel, "userIds": users, "subscribe": 1})
    page = p.ok("/admin/channel/list_subscriber", {"target": channel, "count": 10, "offset": 1})
    assert page == {"total": 3, "list": ["user2", "user3"]}
    p.ok("/admin/channel/batch_subscribe", {"channelId": channel, "userIds": users, "subscribe": 0})
    assert p.ok("/admin/channel/list_subscriber", {"target": channel, "count": 10, "offset": 0})["total"] == 0
    p.ok("/admin/channel/destroy", {"channelId": channel})


# --- 7. the rest


@step("system/get_setting", "system/put_setting")
def step_7_a_system_setting(program: Program) -> None:
    program.ok("/admin/system/get_setting", {"id": 1})
    program.ok("/admin/system/put_setting", {"id": 1, "value": "2000", "desc": "最大群人数为2000"})
    assert program.ok("/admin/system/get_setting", {"id": 1})["value"] == "2000"


@step()
def step_7_health_needs_no_signature(program: Program) -> None:
    envelope = program.send("/admin/health", b"", "GET", headers={})
    assert envelope["code"] == 0
    program.check_result("/admin/health", envelope)


@step("user/put_setting", "user/get_setting")
def step_7_settings_of_a_user(program: Program) -> None:
    for scope, key, value in ((1, "test_key", "test_value"), (3, "0-0-user2", "1")):
        setting = {"userId": "userId1", "scope": scope, "key": key}
        program.ok("/admin/user/put_setting", {**setting, "value": value})
        program.settle()
        assert program.ok("/admin/user/get_setting", setting)["value"] == value


@step("file/conversation_files", "file/user_files", "file/message_file")
def step_7_files(program: Program) -> None:
    p = program
    page = {"offset": 0, "desc": True, "count": 10}
    conversation = {"conversationType": 0, "target": "user2", "line": 0, "userId": "user1"}
    p.call("/admin/file/conversation_files", {**conversation, **page}, ANY_CODE)
    files = p.call("/admin/file/user_files", {"userId": "user1", **page}, ANY_CODE)
    for each in (files or {}).get("files", [])[:1]:
        uid = each["messageId"]
        p.ok("/admin/file/message_file", p.either(java={"value": uid}, python={"messageUid": uid}))


# --- 8. sensitive words


@step()
def step_8_sensitive_words(program: Program) -> None:
    words = ["a", "b", "c"]
    program.ok("/admin/sensitive/add", {"words": words})
    assert set(words) <= set(program.ok("/admin/sensitive/query")["words"])
    program.ok("/admin/sensitive/del", {"words": words})
    assert not set(words) & set(program.ok("/admin/sensitive/query")["words"])


# --- 9. devices


@step("device/create", "device/get", "device/user_devices")
def step_9_devices(program: Program) -> None:
    p = program
    p.ok("/admin/device/create", {"deviceId": "deviceId1", "owners": ["opoGoG__", "userId1"], "extra": None})
    device = p.ok("/admin/device/get", {"deviceId": "deviceId1"})
    assert device["owners"] == ["opoGoG__", "userId1"]
    devices = p.ok("/admin/device/user_devices", {"userId": "userId1"})["devices"]
    assert "deviceId1" in [each["deviceId"] for each in devices]


# --- 11. robots


@step("robot/create", "user/destroy")
def step_11_a_robot_is_itself(program: Program) -> None:
    p = program
    p.ok("/admin/robot/create", ROBOT)
    assert p.ok("/robot/profile")["userId"] == "robot1"
    name = f"testrobot-{p.dialect.name}"
    p.ok("/robot/update_profile", {"intValue": 0, "strValue": name})
    p.settle()
    assert p.ok("/robot/profile")["displayName"] == name
    p.ok("/robot/set_callback", {"url": "http://hellow123"})
    assert p.ok("/robot/get_callback")["url"] == "http://hellow123"
    p.ok("/robot/delete_callback")
    assert p.ok("/robot/get_callback")["url"] == ""


@step("robot/create", "user/destroy")
def step_11_a_robot_writes(program: Program) -> None:
    p = program
    target, content = {"type": 0, "target": "user2", "line": 0}, payload(p, "hello world")
    more = p.either(java={"sender": "robot1", "isMeshMessage": False, "isUserMessage": False}, python={})
    sent = p.ok("/robot/message/send", {"conv": target, "payload": content, **more})
    only = p.either(java={"only2Sender": False}, python={"locate": False})
    p.call("/robot/message/reply", {"messageUid": sent["messageUid"], "payload": content, **only}, ANY_CODE)
    p.ok("/robot/message/recall", {"messageUid": sent["messageUid"], **p.either({"isUserRecall": False}, {})})
    sent = p.ok("/robot/message/send", {"conv": target, "payload": content, **more})
    more = p.either(java={"distribute": 1, "updateTimestamp": 0, "meshLocal": 0}, python={})
    better = payload(p, "hello world, updated message content")
    p.ok("/robot/message/update", {"messageUid": sent["messageUid"], "payload": better, **more})


@step("robot/create", "user/destroy")
def step_11_a_robot_asks_for_users(program: Program) -> None:
    p = program
    more = p.either(java={"includeDeleted": False}, python={})
    p.call("/robot/user_info", {"mobile": mobile(p), **more}, ANY_CODE)
    p.call("/robot/user_info", {"name": "user1", **more}, ANY_CODE)
    assert p.ok("/robot/user_info", {"userId": "userId1", **more})["userId"] == "userId1"
    p.call("/robot/user/get_info_by_email", "123@wildfirechat.cn", ANY_CODE)
    p.call("/robot/user/batch_get_infos", {"list": ["userId1", "userId2"]}, ANY_CODE)


@step("robot/create", "user/destroy")
def step_11_a_robot_has_a_group(program: Program) -> None:
    p, group = program, f"robot_group-{program.dialect.name}"

    def change(path: str, **members: Any) -> None:
        p.ok(
            f"/robot/group/{path}", {"group_id": group, **members, **p.either(java={"isMeshMessage": False}, python={})}
        )

    about = {**info(p), "target_id": group}
    del about["owner"]
    members = [{"member_id": name} for name in ("user1", "user2", "user3")]
    body = {"group": {"group_info": about, "members": members}, "member_extra": "", "to_lines": []}
    assert p.ok("/robot/group/create", {**body, "notify_message": None})["group_id"] == group
    assert p.ok("/robot/group/get_info", {"groupId": group})["owner"] == "robot1"
    change("modify", type=0, value="HelloWorld")
    assert "robot1" in [each["member_id"] for each in p.ok("/robot/group/member/list", {"groupId": group})["members"]]
    change("member/add", members=[{"member_id": "user0", "alias": "hello user0"}])
    assert p.ok("/robot/group/member/get", {"groupId": group, "memberId": "user0"})["alias"] == "hello user0"
    change("member/del", members=["user3"])
    change("member/set_alias", memberId="user2", alias="test user2")
    change("member/set_extra", memberId="user2", extra="robot member extra")
    change("manager/set", members=["user2", "user0"], is_manager=True)
    change("manager/set", members=["user2", "user0"], is_manager=False)
    for role in ("mute", "allow"):
        for on in (True, False):
            change(f"manager/{role}", members=["user5"], **p.either({"is_manager": on}, {f"is_{role}": on}))
    change("transfer", new_owner="user2")
    p.settle()
    assert p.ok("/robot/group/get_info", {"groupId": group})["owner"] == "user2"
    change("member/quit")


@step("robot/create", "user/destroy")
def step_11_beyond(program: Program) -> None:
    """What the programs leave out of it."""
    p = program
    p.ok("/admin/user/create", user(p, "mailed2", name="mailed2", email="robots@b.c"))
    assert p.ok("/robot/user/get_info_by_email", "robots@b.c")["userInfos"][0]["userId"] == "mailed2"
    assert p.ok("/robot/user/search", {"keyword": "mailed2", "searchType": 100})["userInfos"][0]["userId"] == "mailed2"
    assert "robot1" in p.ok("/robot/user/get_user_robots", {"userId": "userId1"})["list"]
    p.ok("/robot/friend/list")
    p.ok("/robot/oss/get_upload_url", {"fileName": "a.jpg", "mediaType": 1, "contentType": "image/jpeg"})
    asked = p.ok("/admin/message/send", message(p, "user2", "robot1", payload(p, "robot?")))
    p.ok("/robot/message/reply", {"messageUid": asked["messageUid"], "payload": payload(p, "yes")})
    group = {"group_info": {"target_id": f"short-{p.dialect.name}", "name": "short"}, "members": []}
    p.ok("/robot/group/create", {"group": group})
    p.ok("/robot/group/del", {"group_id": f"short-{p.dialect.name}"})


@step("robot/create", "user/destroy")
def step_11_the_robot_goes(program: Program) -> None:
    program.ok("/admin/user/destroy", {"userId": "robot1"})


# --- beyond the programs: what they leave out, so that every answer is seen once


@step("user/get_info_by_email", "user/search_user", "user/get_all_robots")
def beyond_users(program: Program) -> None:
    p = program
    p.ok("/admin/user/create", user(p, "mailed", name="mailed", email="a@b.c", mobile="13900000009"))
    for body in ("a@b.c", {"email": "a@b.c"}):
        assert [each["userId"] for each in p.ok("/admin/user/get_info_by_email", body)["userInfos"]] == ["mailed"]
    found = p.ok("/admin/user/search_user", {"keyword": "mailed", "searchType": 4, "userType": 0, "page": 0})
    assert ([each["userId"] for each in found["userInfos"]], found["keyword"]) == (["mailed"], "mailed")
    p.ok("/admin/robot/create", {**ROBOT, "userId": "robot9", "name": "robot9"})
    assert "robot9" in [
        each["userId"] for each in p.ok("/admin/user/get_all_robots", {"count": 100, "offset": 0})["robotInfoList"]
    ]
    by_mobile = p.ok("/admin/user/get_info_by_mobile", {"mobile": "13900000009"})
    assert [each["userId"] for each in by_mobile["userInfos"]] == ["mailed"]


@step("user/app_get_user_info")
def beyond_applications(program: Program) -> None:
    program.call("/admin/user/app_get_user_info", {"authCode": "nonsense"}, 6)
    program.called.add("/admin/user/app_get_user_info")
    program.ok("/admin/robot/create", ROBOT)
    program.call("/robot/application/get_user_info", {"authCode": "nonsense"}, 70)
    program.called.add("/robot/application/get_user_info")


@step("friend/handle_send_request", "friend/send_request")
def beyond_friends(program: Program) -> None:
    pair = {"userId": f"asked-{program.dialect.name}", "friendUid": "ff1"}
    asked = {"userId": "ff1", "friendUid": pair["userId"], "reason": "hi", "force": True}
    program.ok("/admin/friend/send_request", asked)
    program.ok("/admin/friend/handle_send_request", {**pair, "status": 1, "force": False})
    relation = program.ok("/admin/relation/get", {"first": pair["userId"], "second": "ff1"})
    assert relation["isFriend"]


@step("group/join_request/add")
def beyond_groups(program: Program) -> None:
    p = program
    body = {**base(p), "group": {"group_info": info(p), "members": [member(p, "user1")]}}
    del body["group_id"]
    p.ok("/admin/group/create", body)
    asking = {"operator": "user9", "group_id": "groupId1", "userIds": ["user9"], "reason": "hi", "extra": ""}
    p.ok("/admin/group/join_request/add", asking)
    p.ok("/admin/group/del", base(p))


@step("chatroom/members", "chatroom/user_chatroom")
def beyond_chatrooms(program: Program) -> None:
    p, name = program, f"guest-{program.dialect.name}"

    async def visit() -> None:
        socket = await p.topology.socket(name, f"{name}-phone", 2)
        joined = await socket.request("chatroom", "join", {"chatroomId": "chatroom1"})
        assert joined["code"] == 0, joined
        assert p.ok("/admin/chatroom/members", {"chatroomId": "chatroom1"}) == {"list": [name]}
        expected = {"userId": name, "chatroomId": "chatroom1", "clientId": f"{name}-phone", "platform": 2}
        assert p.ok("/admin/chatroom/user_chatroom", {"userId": name}) == expected
        await socket.request("chatroom", "quit", {"chatroomId": "chatroom1"})
        await socket.close()

    asyncio.run(visit())


@step("file/user_files", "file/message_file", "oss/get_upload_url")
def beyond_files(program: Program) -> None:
    p = program
    content = payload(p, "a.txt", type=5, content="7", mediaType=4, remoteMediaUrl="https://media.wfcoss.cn/a.txt")
    uid = p.ok("/admin/message/send", message(p, "filer", "user2", content))["messageUid"]
    p.settle()
    page = {"offset": 0, "desc": True, "count": 10}
    [first, *_] = p.ok("/admin/file/user_files", {"userId": "filer", **page})["files"]
    assert (first["messageId"], first["name"], first["size"], first["sender"]) == (uid, "a.txt", 7, "filer")
    for body in ({"value": uid}, {"messageUid": uid}):
        assert p.ok("/admin/file/message_file", body) == first
    conversation = {"conversationType": 0, "target": "user2", "line": 0, "userId": "filer"}
    assert p.ok("/admin/file/conversation_files", {**conversation, **page})["files"][0] == first
    upload = p.ok("/admin/oss/get_upload_url", {"fileName": "a.jpg", "mediaType": 1, "contentType": "image/jpeg"})
    assert upload["uploadUrl"]
    assert upload["downloadUrl"]


@step("message/publish", "message/import", "message/broadcast", "message/multicast")
def beyond_messages(program: Program) -> None:
    p = program
    data = message(p, "ff1", "ff2", payload(p))
    p.ok("/admin/message/publish", {"messageData": data, "receivers": ["ff2"], "messageId": 0, "republish": False})
    one = {"sender": "userId1", "conversation": {"type": 0, "target": "admin", "line": 0}}
    past = p.topology.clock.now_ms() - 86_400_000
    p.ok("/admin/message/import", {"messages": [{**one, "payload": payload(p), "receivers": [], "timestamp": past}]})
    to_all = p.ok("/admin/message/broadcast", {"sender": "user1", "line": 0, "payload": payload(p)})
    targets = ["user2", "user3"]
    to_some = p.ok("/admin/message/multicast", {"sender": "user1", "targets": targets, "payload": payload(p)})
    p.settle()
    p.ok("/admin/message/delete_broadcast", operation(p, to_all["messageUid"]))
    p.ok("/admin/message/delete_multicast", operation(p, to_some["messageUid"], receivers=targets))
    to_all = p.ok("/admin/message/broadcast", {"sender": "user1", "line": 0, "payload": payload(p)})
    p.settle()
    p.ok("/admin/message/recall_broadcast", operation(p, to_all["messageUid"]))
    conversation = {"type": 0, "target": "ff2", "line": 0}
    p.ok("/admin/message/clear_by_user", {"userId": "ff1", "conversation": conversation, "startTime": 0, "endTime": 0})
    p.ok("/admin/conversation/delete", {"userId": "ff1", "conversation": conversation})


@step("customer")
def beyond_the_rest(program: Program) -> None:
    assert isinstance(program.ok("/admin/customer"), str)


@step("message/conv_read", "message/delivery")
def beyond_receipts(program: Program) -> None:
    conversation = {"conversationType": 0, "target": "admin", "line": 0}
    assert program.ok("/admin/message/conv_read", {"userId": "userId1", **conversation})["timestamp"] >= 0
    assert program.ok("/admin/message/delivery", {"userId": "userId1"})["timestamp"] >= 0


# --- 12. a channel's service


@step("channel/create", "channel/destroy")
def step_12_a_channel_is_made_anew(program: Program) -> None:
    p = program
    for number in (1, 2, 3):
        p.ok("/admin/user/create", user(p, f"userId{number}", name=f"user{number}", mobile=f"1390000000{number}"))
    made = {
        "owner": "userId1",
        "name": "testChannel",
        "targetId": CHANNEL,
        "callback": f"http://192.168.1.81:8088/wf/{CHANNEL}",
        "auto": 1,
        "secret": CHANNEL_SECRET,
        "state": 0x0F,
        "updateDt": 0,
        **p.either(java={}, python={"menus": []}),
    }
    for _ in range(2):
        p.call("/admin/channel/destroy", {"channelId": CHANNEL}, ANY_CODE)
        assert p.ok("/admin/channel/create", made) == {"targetId": CHANNEL, "secret": CHANNEL_SECRET}
    p.settle()
    assert not p.ok("/channel/get_profile")["state"] & 0x40


@step("channel/create", "channel/destroy")
def step_12_a_channel_has_subscribers(program: Program) -> None:
    p = program
    for name in ("userId2", "userId3"):
        p.ok("/channel/subscribe", {"target": name, "subscribe": 1})
    p.ok("/admin/channel/subscribe", {"channelId": CHANNEL, "userId": "userId4", "subscribe": 1})
    assert {"userId2", "userId3", "userId4"} <= set(p.ok("/channel/subscriber_list")["list"])
    assert p.ok("/channel/is_subscriber", {"userId": "userId2"}) is True
    p.call("/channel/application/get_user_info", {"authCode": "nonsense"}, 70)
    p.called.add("/channel/application/get_user_info")
    p.ok("/channel/subscribe", {"target": "userId2", "subscribe": 0})
    assert "userId2" not in p.ok("/channel/subscriber_list")["list"]
    asked = {"userId": "userId3", **p.either(java={"includeDeleted": False}, python={})}
    assert p.ok("/channel/user_info", asked)["mobile"] == "13900000003"


@step("channel/create", "channel/destroy")
def step_12_a_channel_speaks(program: Program) -> None:
    p = program
    content = payload(p, "hello world")
    sent = p.ok("/channel/message/send", {"line": 0, **p.either({}, {"targets": None}), "payload": content})
    again = {"messageId": sent["messageUid"], "targets": ["userId2", "userId3"]}
    p.ok("/channel/message/republish", again)
    article = {"top": {"id": "article1", "cover": "https://c", "title": "t", "url": "https://u", "rr": False}}
    encoded = base64.b64encode(json.dumps(article).encode()).decode()
    p.ok("/channel/message/send", {"line": 0, "payload": {**content, "type": 13, "base64edData": encoded}})
    p.ok("/channel/message/send", {"line": 0, "targets": ["userId2"], "payload": content})
    p.ok("/channel/message/recall", {"messageUid": sent["messageUid"]})


@step("channel/create", "channel/destroy")
def step_12_a_channel_describes_itself(program: Program) -> None:
    p = program
    menus = [{"menuId": "1", "type": "view", "name": "site", "url": "https://u"}]
    menus.append({"menuId": "2", "type": "view", "name": "more", **p.either({}, {"subMenus": []})})
    p.ok("/channel/update_profile", {"type": 2, "value": "this is a test channel"})
    for _ in range(2):
        p.ok("/channel/update_profile", {"type": 7, "value": json.dumps(menus)})
    profile = p.ok("/channel/get_profile")
    assert (profile["desc"], profile["secret"]) == ("this is a test channel", CHANNEL_SECRET)
    assert [menu["name"] for menu in profile["menus"]] == ["site", "more"]
