"""What only reads, as everybody knows it who asks in a world in which there is something of everything.

``test_crash_coverage`` records that none of it writes.
"""

from typing import Any

from tests.e2e.crash import Read, Scene
from tests.e2e.test_faults import persist, send_body, text


async def full(scene: Scene) -> None:
    """Ann and bob are registered friends, have written to one another, and are in a group and in a room; cem has asked
    ann to be her friend, and to be let into the group. There is a robot, a device, a file, a word and a setting."""
    for user in (scene.ann, scene.bob):
        await scene.admin("/admin/user/create", {"userId": user, "name": user, "displayName": user, **_reachable(user)})
    for who in ("ann", "bob", "cem"):
        scene.kept[who] = await scene.join(getattr(scene, who))
    await scene.found()
    await scene.admin("/admin/friend/status", {"userId": scene.ann, "friendUid": scene.bob, "status": 0})
    asking = {"userId": scene.cem, "friendUid": scene.ann, "reason": "hi"}
    await scene.admin("/admin/friend/send_request", asking)
    asking = {"operator": scene.cem, "group_id": scene.team, "userIds": [scene.cem], "reason": "hi"}
    await scene.admin("/admin/group/join_request/add", asking)
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "hello", "c"))
    file = text("menu.pdf", type=5, content="7", mediaType=4, remoteMediaUrl="https://media.example.com/menu.pdf")
    body = {"conversation": scene.to_bob, "content": file, "cid": "f", "base": 1}
    scene.kept["file"] = await persist(scene.topology, scene.kept["ann"], body)
    await scene.admin("/admin/chatroom/create", {"chatroomId": scene.room, "title": scene.room})
    await scene.kept["ann"].call("chatroom", "join", {"chatroomId": scene.room})
    robot = {"userId": f"bot{scene.number}", "name": f"bot{scene.number}", "owner": scene.ann, "displayName": "Bot"}
    await scene.admin("/admin/robot/create", robot)
    await scene.admin("/admin/device/create", {"deviceId": f"lamp{scene.number}", "owners": [scene.ann]})
    await scene.admin("/admin/sensitive/add", {"words": [scene.word]})
    await scene.admin("/admin/user/put_setting", {"userId": scene.ann, "scope": 1, "key": "k", "value": "1"})
    await scene.admin("/admin/system/put_setting", {"id": 1_000 + scene.number, "value": "x", "desc": "d"})


def _reachable(user: str) -> dict[str, str]:
    return {"email": f"{user}@example.com", "mobile": f"{user}-mobile"}


def _read(name: str, /, **body: Any) -> Read:
    """A read whose body is made of the scene's attributes: ``"@team"`` is the group's id."""

    def made(scene: Scene) -> Any:
        return _filled(body, scene)

    return Read(name, full, made)


def _filled(value: Any, scene: Scene) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, scene) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, scene) for each in value]
    return getattr(scene, value[1:]) if isinstance(value, str) and value.startswith("@") else value


_PAGE = {"count": 10, "offset": 0}
_FILES = {"offset": 0, "count": 10, "desc": True}

READS = [
    _read("session.devices"),
    _read("message.pull", ranges=[{"conversation": "@to_bob", "after": 0}]),
    _read("message.history", conversation="@to_bob"),
    _read("message.search", keyword="hello"),
    _read("message.files"),
    _read("message.upload", mediaType=1, name="a.jpg", size=10, contentType="image/jpeg"),
    _read("message.receipts", conversation="@to_bob"),
    _read("group.info", groups=[{"groupId": "@team"}]),
    _read("group.members", groupId="@team"),
    _read("group.member", groupId="@team", users=["@bob"]),
    _read("group.mine"),
    _read("group.common", userId="@bob"),
    _read("group.joinRequests", groupId="@team"),
    _read("profile.users", users=[{"userId": "@bob"}]),
    _read("profile.search", keyword="@bob"),
    _read("profile.presence"),
    _read("profile.settings"),
    _read("profile.friends"),
    _read("profile.friendRequests"),
    _read("chatroom.info", chatroomId="@room"),
    _read("chatroom.members", chatroomId="@room"),
    _read("chatroom/info", chatroomId="@room"),
    _read("chatroom/members", chatroomId="@room"),
    _read("chatroom/user_chatroom", userId="@ann"),
    _read("chatroom/get_black_status", chatroomId="@room"),
    _read("chatroom/get_manager_list", chatroomId="@room"),
    _read("file/conversation_files", target="@bob", userId="@ann", **_FILES),
    _read("file/user_files", userId="@ann", **_FILES),
    Read("file/message_file", full, lambda scene: {"messageUid": int(scene.kept["file"]["uid"])}),
    _read("oss/get_upload_url", fileName="a.jpg", mediaType=1, contentType="image/jpeg"),
    _read("friend/list", userId="@ann"),
    _read("friend/get_alias", operator="@ann", targetId="@bob"),
    _read("blacklist/list", userId="@ann"),
    _read("relation/get", first="@ann", second="@bob"),
    _read("group/get_info", groupId="@team"),
    _read("group/batch_infos", groupIds=["@team"]),
    _read("group/member/list", groupId="@team"),
    _read("group/member/get", groupId="@team", memberId="@bob"),
    _read("group/of_user", userId="@ann"),
    _read("group/of_user_by_type", userId="@ann", groupMemberTypes=[2]),
    _read("group/common_group", first="@ann", second="@bob"),
    Read("user/get_robot_info", full, lambda scene: {"robotId": f"bot{scene.number}"}),
    _read("user/get_all_robots", **_PAGE),
    _read("user/get_user_robots", userId="@ann"),
    Read("device/get", full, lambda scene: {"deviceId": f"lamp{scene.number}"}),
    _read("device/user_devices", userId="@ann"),
    Read("message/get_one", full, lambda scene: {"messageUid": int(scene.kept["file"]["uid"])}),
    _read("message/conv_read", userId="@bob", target="@ann", conversationType=0, line=0),
    _read("message/delivery", userId="@bob"),
    Read("system/get_setting", full, lambda scene: {"id": 1_000 + scene.number}),
    _read("customer"),
    _read("user/get_setting", userId="@ann", scope=1, key="k"),
    _read("user/get_info", userId="@bob"),
    Read("user/get_info_by_mobile", full, lambda scene: {"mobile": f"{scene.bob}-mobile"}),
    Read("user/get_info_by_email", full, lambda scene: {"email": f"{scene.bob}@example.com"}),
    _read("user/batch_get_infos", list=["@bob"]),
    _read("user/all", **_PAGE),
    _read("user/search_user", keyword="@bob", searchType=0, userType=0, page=0),
    _read("user/onlinestatus", userId="@bob"),
    _read("user/online_count"),
    _read("user/online_list", nodeId=1, **_PAGE),
    _read("user/session_list", userId="@bob"),
    _read("user/check_block_status", userId="@bob"),
    _read("user/get_blocked_list"),
    _read("sensitive/query"),
]
