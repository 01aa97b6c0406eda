"""Every operation is cut at AWS calls that it makes; then its caller does what callers do: he repeats it.

The calls of an operation are found by recording an undisturbed run, so a new call gets its cuts without anybody adding
them. Large fan-outs have theirs in ``test_faults``, and other domains in modules of their own.
"""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from im import keys
from local.client import SocketClient
from local.topology import Topology
from tests.e2e.crash import (
    API,
    CONTEXT,
    MESSAGE,
    PROFILE,
    ROOM,
    SOCKET,
    Operation,
    Scene,
    an_admin_wrote,
    ask,
    bob_connected,
    contiguous,
    cut_some_calls,
    group_chats,
    nothing,
    two_chat,
)
from tests.e2e.test_faults import persist, send_body, text

pytestmark = pytest.mark.xdist_group("crash-points")

LARGE = 5


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


# --- frames


async def send(scene: Scene) -> None:
    scene.kept["answer"] = await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "more", "d", 1))


async def it_is_stored_once_and_delivered(scene: Scene) -> None:
    assert scene.kept["answer"]["seq"] == 2
    assert [each["seq"] for each in await contiguous(scene, "bob", scene.to_ann)] == [1, 2]
    assert {push["body"]["seq"] for push in scene.kept["bob"].pushes} == {1, 2}


async def a_large_group(scene: Scene) -> None:
    """More users than a message is delivered to without the queue; two of them are connected."""
    await group_chats(scene)
    members = [{"member_id": f"guest{number}-{scene.number}"} for number in range(LARGE)]
    body = {"operator": scene.ann, "group_id": scene.team, "members": members}
    await scene.admin("/admin/group/member/add", body)
    scene.kept["head"] = len(await contiguous(scene, "ann", scene.to_team))


async def tell_all(scene: Scene) -> None:
    body = send_body(scene.to_team, "x", "c", scene.kept["head"])
    await persist(scene.topology, scene.kept["ann"], body)


async def bob_gets_it_from_the_queue(scene: Scene) -> None:
    head = scene.kept["head"]
    assert [each["seq"] for each in await contiguous(scene, "bob", scene.to_team)] == list(range(1, head + 2))
    assert scene.kept["bob"].pushes[-1]["body"]["seq"] == head + 1


async def recall(scene: Scene) -> None:
    await ask(scene, "ann", "message", "recall", {"conversation": scene.to_bob, "seq": 1})


async def delete_for_all(scene: Scene) -> None:
    await ask(scene, "ann", "message", "delete", {"conversation": scene.to_bob, "seq": 1, "all": True})


async def is_gone_for_all(scene: Scene) -> None:
    for who, conversation in (("ann", scene.to_bob), ("bob", scene.to_ann)):
        messages = await contiguous(scene, who, conversation)
        assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
        assert messages[0]["deleted"]
        assert "secret" not in json.dumps(messages)


async def delete_for_me(scene: Scene) -> None:
    await ask(scene, "ann", "message", "delete", {"conversation": scene.to_bob, "seq": 1})


async def is_gone_for_me(scene: Scene) -> None:
    own = await contiguous(scene, "ann", scene.to_bob)
    assert [(each["seq"], each.get("ref")) for each in own] == [(1, None), (2, 1)]
    [others] = await contiguous(scene, "bob", scene.to_ann)
    assert others["content"]["searchableContent"] == "secret"


async def read(scene: Scene) -> None:
    answer = await ask(scene, "bob", "message", "read", {"conversation": scene.to_ann, "seq": 1})
    assert answer == {"read": 1}


async def is_read(scene: Scene) -> None:
    hello = await scene.kept["bob"].call("session", "hello", {})
    assert [(state["head"], state["read"]) for state in hello["conversations"]] == [(1, 1)]


async def hello(scene: Scene) -> None:
    scene.kept["hello"] = await ask(scene, "bob", "session", "hello", {})


async def ping(scene: Scene) -> None:
    scene.kept["hello"] = await ask(scene, "bob", "session", "ping", {})


async def names_what_is_new(scene: Scene) -> None:
    assert [state["head"] for state in scene.kept["hello"]["conversations"]] == [1]
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "more", "d", 1))
    await scene.topology.settle()
    assert 2 in [push["body"]["seq"] for push in scene.kept["bob"].pushes]


async def unregistered(scene: Scene) -> None:
    """Both chat, and the registration of bob's socket has got lost."""
    await two_chat(scene)
    [connection] = scene.topology.connections(scene.bob)
    event = {"requestContext": {"routeKey": "$disconnect", "connectionId": connection, "authorizer": {}}}
    session = scene.topology.gateway.sessions[connection]
    event["requestContext"]["authorizer"] = dict(session.client.authorizer)
    event["requestContext"]["connectedAt"] = session.client.connected_at
    await scene.topology.invoke("ConnectWs", event)


async def a_phone_and_the_web(scene: Scene) -> None:
    """Ann has a phone and a browser."""
    scene.kept["ann"] = await scene.join(scene.ann, f"{scene.ann}-phone", 1)
    scene.kept["web"] = await scene.join(scene.ann, f"{scene.ann}-web", 5)
    scene.kept["token"] = await scene.token(scene.ann, f"{scene.ann}-web", 5)


async def kick_own(scene: Scene) -> None:
    await ask(scene, "ann", "session", "kick", {"clientId": f"{scene.ann}-web"})


async def kick_by_admin(scene: Scene) -> None:
    await scene.admin("/admin/user/kickoff_client", {"first": scene.ann, "second": f"{scene.ann}-web"})


async def log_out(scene: Scene) -> None:
    await ask(scene, "web", "session", "logout", {})


async def the_web_is_out(scene: Scene) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await SocketClient.connect(scene.topology.socket_url, scene.kept["token"], f"{scene.ann}-web", 5)
    assert refused.value.response.status_code == 403
    devices = await scene.kept["ann"].call("session", "devices", {})
    assert [(each["clientId"], each["online"]) for each in devices] == [(f"{scene.ann}-phone", True)]


# --- sockets


async def ann_is_there(scene: Scene) -> None:
    """Ann is connected."""
    scene.kept["ann"] = await scene.join(scene.ann)


async def connect(scene: Scene) -> None:
    scene.kept["bob"] = await scene.join(scene.bob)


async def bob_gets_pushes(scene: Scene) -> None:
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "x", "c"))
    await scene.topology.settle()
    assert [push["body"]["seq"] for push in scene.kept["bob"].pushes] == [1]


async def disconnect(scene: Scene) -> None:
    await scene.kept["bob"].close()
    await scene.topology.settle()


async def bob_is_offline_and_misses_nothing(scene: Scene) -> None:
    # A 410 is believed once the socket is too old to be in its handshake.
    scene.topology.clock.advance(seconds=31)
    body = send_body(scene.to_bob, "more", "d", 1)
    await persist(scene.topology, scene.kept["ann"], body)
    answer = await scene.admin("/admin/user/onlinestatus", {"userId": scene.bob})
    assert [session["status"] for session in answer["sessions"]] == [1]
    scene.kept["bob"] = await scene.join(scene.bob)
    assert [message["seq"] for message in await contiguous(scene, "bob", scene.to_ann)] == [1, 2]


# --- server API


async def get_token(scene: Scene) -> None:
    scene.kept["token"] = await scene.token(scene.bob)


async def the_token_opens(scene: Scene) -> None:
    client = f"{scene.bob}-client"
    socket = await SocketClient.connect(scene.topology.socket_url, scene.kept["token"], client, 5)
    scene.sockets.append(socket)
    assert (await socket.call("session", "hello", {}))["userId"] == scene.bob


async def create_user(scene: Scene) -> None:
    await scene.register()


async def bob_is_registered(scene: Scene) -> None:
    for query in ({"userId": scene.bob}, {"name": scene.bob}):
        assert (await scene.admin("/admin/user/get_info", query))["displayName"] == "Bob"


async def bob_registered(scene: Scene) -> None:
    """Bob is a registered user."""
    await scene.register()


async def update_user(scene: Scene) -> None:
    await scene.admin("/admin/user/update", {"flag": 1, "userInfo": {"userId": scene.bob, "displayName": "Robert"}})


async def bob_is_robert(scene: Scene) -> None:
    found = await scene.admin("/admin/user/get_info", {"userId": scene.bob})
    assert found["displayName"] == "Robert"
    assert (await scene.admin("/admin/user/get_info", {"name": scene.bob}))["userId"] == scene.bob


async def ann_is_registered_and_there(scene: Scene) -> None:
    """Ann is registered and connected; so is bob, whom she is going to watch."""
    await scene.admin("/admin/user/create", {"userId": scene.ann, "name": scene.ann, "displayName": "Ann"})
    scene.kept["ann"] = await scene.join(scene.ann)
    scene.kept["bob"] = await scene.join(scene.bob)


async def modify_profile(scene: Scene) -> None:
    await ask(scene, "ann", "profile", "modify", {"entries": [{"type": 0, "value": f"Queen {scene.ann}"}]})


async def ann_is_found_as_queen(scene: Scene) -> None:
    for keyword, hits in ((f"queen {scene.ann}", [scene.ann]), ("een", [scene.ann])):
        found = await scene.kept["ann"].call("profile", "search", {"keyword": keyword})
        assert [user["userId"] for user in found["users"] if user["userId"] == scene.ann] == hits


async def watch_bob(scene: Scene) -> None:
    await ask(scene, "ann", "profile", "watch", {"users": [scene.bob], "seconds": 600})


async def ann_learns_what_bob_says(scene: Scene) -> None:
    await ask(scene, "bob", "profile", "state", {"state": 2, "text": "busy"})
    await scene.topology.settle()
    told = [each for push in scene.kept["ann"].pushes if push["push"] == "presence" for each in push["body"]["users"]]
    assert (told[-1]["userId"], told[-1]["text"]) == (scene.bob, "busy")


async def say_something(scene: Scene) -> None:
    await ask(scene, "bob", "profile", "state", {"state": 2, "text": "busy"})


async def bob_is_busy(scene: Scene) -> None:
    seen = await scene.kept["ann"].call("profile", "watch", {"users": [scene.bob], "seconds": 1})
    assert [each["text"] for each in seen["users"]] == ["busy"]


async def create_robot(scene: Scene) -> None:
    robot = {"userId": scene.bob, "name": scene.bob, "owner": scene.ann, "secret": "s", "displayName": "Bot"}
    await scene.admin("/admin/robot/create", robot)


async def the_robot_is_anns(scene: Scene) -> None:
    robot = await scene.admin("/admin/user/get_robot_info", {"robotId": scene.bob})
    assert (robot["owner"], robot["secret"]) == (scene.ann, "s")
    assert (await scene.admin("/admin/user/get_user_robots", {"userId": scene.ann}))["list"] == [scene.bob]


async def create_device(scene: Scene) -> None:
    await scene.admin("/admin/device/create", {"deviceId": scene.bob, "owners": [scene.ann]})


async def the_device_connects(scene: Scene) -> None:
    [device] = (await scene.admin("/admin/device/user_devices", {"userId": scene.ann}))["devices"]
    scene.sockets.append(await SocketClient.connect(scene.topology.socket_url, device["token"], scene.bob, 0))


async def destroy_robot(scene: Scene) -> None:
    await scene.admin("/admin/user/destroy", {"userId": scene.bob})


async def the_robot_is_gone(scene: Scene) -> None:
    assert (await scene.topology.admin("/admin/user/get_robot_info", {"robotId": scene.bob}))["code"] == 253
    assert (await scene.admin("/admin/user/get_user_robots", {"userId": scene.ann}))["list"] == []


async def bob_everywhere(scene: Scene) -> None:
    """Bob is registered, connected, and in a group."""
    await scene.register()
    await group_chats(scene)
    scene.kept["token"] = await scene.token(scene.bob)


async def destroy_user(scene: Scene) -> None:
    await scene.admin("/admin/user/destroy", {"userId": scene.bob})


async def bob_is_nowhere(scene: Scene) -> None:
    assert await scene.members() == [scene.ann]
    with pytest.raises(InvalidStatus):
        await SocketClient.connect(scene.topology.socket_url, scene.kept["token"], f"{scene.bob}-client", 5)
    answer = await scene.topology.admin("/admin/user/get_info", {"name": scene.bob})
    assert answer["code"] == 253
    assert await contiguous(scene, "ann", scene.to_team)


async def forbid(scene: Scene) -> None:
    await scene.admin("/admin/user/update_block_status", {"userId": scene.bob, "status": 2})


async def bob_is_forbidden(scene: Scene) -> None:
    await scene.kept["bob"].closed()
    assert (await scene.admin("/admin/user/check_block_status", {"userId": scene.bob}))["status"] == 2
    token = await scene.token(scene.bob)
    with pytest.raises(InvalidStatus):
        await SocketClient.connect(scene.topology.socket_url, token, f"{scene.bob}-client", 5)


async def send_as_ann(scene: Scene) -> None:
    conversation = {"type": 0, "target": scene.bob}
    body = {"sender": scene.ann, "conv": conversation, "payload": text("x")}
    scene.kept["sent"] = await scene.admin("/admin/message/send", body)


async def bob_has_it_once_or_twice(scene: Scene) -> None:
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [each["seq"] for each in messages] in ([1], [1, 2])
    assert str(scene.kept["sent"]["messageUid"]) == messages[-1]["uid"]


async def recall_by_uid(scene: Scene) -> None:
    uid = scene.kept["sent"]["messageUid"]
    await scene.admin("/admin/message/recall", {"operator": scene.ann, "messageUid": uid})


async def is_recalled(scene: Scene) -> None:
    messages = await contiguous(scene, "bob", scene.to_ann)
    assert [(each["seq"], each.get("ref")) for each in messages] == [(1, None), (2, 1)]
    assert messages[0]["recalled"]["by"] == scene.ann
    assert "secret" not in json.dumps(messages)


async def delete_by_uid(scene: Scene) -> None:
    await scene.admin("/admin/message/delete", {"messageUid": scene.kept["sent"]["messageUid"]})


async def create_group(scene: Scene) -> None:
    await scene.found()


async def the_group_works(scene: Scene) -> None:
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)
    assert await scene.members() == sorted([scene.ann, scene.bob])
    before = await contiguous(scene, "ann", scene.to_team)
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_team, "x", "c", len(before)))
    await scene.topology.settle()
    assert scene.kept["bob"].pushes[-1]["body"]["seq"] == len(before) + 1


async def add_member(scene: Scene) -> None:
    body = {"operator": scene.ann, "group_id": scene.team, "members": [{"member_id": scene.cem}]}
    await scene.admin("/admin/group/member/add", body)


async def cem_is_in(scene: Scene) -> None:
    assert await scene.members() == sorted([scene.ann, scene.bob, scene.cem])
    cem = scene.kept["cem"] = await scene.join(scene.cem)
    messages = await contiguous(scene, "ann", scene.to_team)
    head = messages[-1]["seq"]
    assert [each["seq"] for each in messages] == list(range(1, head + 1))
    await persist(scene.topology, cem, send_body(scene.to_team, "x", "c", head))
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_team, "y", "d", head + 1))
    await scene.topology.settle()
    assert cem.pushes[-1]["body"]["seq"] == head + 2


async def remove_member(scene: Scene) -> None:
    body = {"operator": scene.ann, "group_id": scene.team, "members": [scene.bob]}
    await scene.admin("/admin/group/member/del", body)


async def bob_is_out(scene: Scene) -> None:
    assert await scene.members() == [scene.ann]
    messages = await contiguous(scene, "ann", scene.to_team)
    head = messages[-1]["seq"]
    assert [each["seq"] for each in messages] == list(range(1, head + 1))
    assert 106 in [each["content"]["type"] for each in messages]
    await scene.topology.settle()
    pushes = len(scene.kept["bob"].pushes)
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_team, "after", "c", head))
    await scene.topology.settle()
    assert len(scene.kept["bob"].pushes) == pushes
    assert max(each["seq"] for each in await contiguous(scene, "bob", scene.to_team)) <= head
    refused = await scene.kept["bob"].request("message", "send", send_body(scene.to_team, "no", "c", 1))
    assert refused["code"] == 9


async def dissolve(scene: Scene) -> None:
    await scene.admin("/admin/group/del", {"operator": scene.ann, "group_id": scene.team}, fine=(253,))


async def the_group_is_gone(scene: Scene) -> None:
    answer = await scene.topology.admin("/admin/group/get_info", {"groupId": scene.team})
    assert answer["code"] == 253
    messages = await contiguous(scene, "bob", scene.to_team)
    assert 108 in [each["content"]["type"] for each in messages]
    refused = await scene.kept["ann"].request("message", "send", send_body(scene.to_team, "no", "c", 1))
    assert refused["code"] == 253
    hello = await scene.kept["bob"].call("session", "hello", {})
    assert [state["last"] > 0 for state in hello["conversations"]] == [True]


async def add_word(scene: Scene) -> None:
    await scene.admin("/admin/sensitive/add", {"words": [scene.word]})


async def the_word_is_listed(scene: Scene) -> None:
    assert scene.word in (await scene.admin("/admin/sensitive/query", {}))["words"]


async def remove_word(scene: Scene) -> None:
    await scene.admin("/admin/sensitive/del", {"words": [scene.word]})


async def the_word_is_not_listed(scene: Scene) -> None:
    assert scene.word not in (await scene.admin("/admin/sensitive/query", {}))["words"]


async def put_setting(scene: Scene) -> None:
    body = {"scope": 1, "key": f"0-0-{scene.ann}", "value": "1"}
    scene.kept["put"] = await ask(scene, "bob", "profile", "setting", body)


async def put_setting_by_api(scene: Scene) -> None:
    body = {"userId": scene.bob, "scope": 1, "key": f"0-0-{scene.ann}", "value": "1"}
    await scene.admin("/admin/user/put_setting", body)


async def bob_has_the_setting_everywhere(scene: Scene) -> None:
    """The setting, its version, and what hello shows of it agree."""
    answer = await scene.kept["bob"].call("profile", "settings", {})
    assert [(each["scope"], each["value"]) for each in answer["settings"]] == [(1, "1")]
    hello = await scene.kept["bob"].call("session", "hello", {})
    assert [state["silent"] for state in hello["conversations"]] == [True]
    assert hello["versions"]["settings"] == answer["version"] == answer["settings"][0]["version"]


# --- chatrooms


async def a_room(scene: Scene) -> None:
    """There are two rooms; ann is in one of them, and bob is connected."""
    for room in (scene.room, scene.other_room):
        await scene.admin("/admin/chatroom/create", {"chatroomId": room, "title": room})
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)
    scene.kept["head"] = (await ask(scene, "ann", "chatroom", "join", {"chatroomId": scene.room}))["head"]


async def enter(scene: Scene) -> None:
    await ask(scene, "bob", "chatroom", "join", {"chatroomId": scene.room})


async def both_in_the_room(scene: Scene) -> None:
    """Ann and bob are in the same room."""
    await a_room(scene)
    await enter(scene)


async def bob_elsewhere(scene: Scene) -> None:
    """Ann is in a room, and bob is in another one."""
    await a_room(scene)
    await ask(scene, "bob", "chatroom", "join", {"chatroomId": scene.other_room})


async def inside(scene: Scene, room: str) -> list[str]:
    answer = await scene.kept["ann"].call("chatroom", "members", {"chatroomId": room})
    return sorted(answer["members"])


async def both_hear_one_another(scene: Scene) -> None:
    assert (await inside(scene, scene.room), await inside(scene, scene.other_room)) == ([scene.ann, scene.bob], [])
    assert (await scene.admin("/admin/chatroom/user_chatroom", {"userId": scene.bob}))["chatroomId"] == scene.room
    sent = await persist(scene.topology, scene.kept["ann"], send_body(scene.to_room, "x", "c", scene.kept["head"]))
    await scene.topology.settle()
    assert scene.kept["bob"].pushes[-1]["body"]["seq"] == sent["seq"]
    await persist(scene.topology, scene.kept["bob"], send_body(scene.to_room, "y", "d", sent["seq"]))


async def leave_room(scene: Scene) -> None:
    await ask(scene, "bob", "chatroom", "quit", {"chatroomId": scene.room})


async def bob_is_outside(scene: Scene) -> None:
    assert await inside(scene, scene.room) == [scene.ann]
    assert (await scene.topology.admin("/admin/chatroom/user_chatroom", {"userId": scene.bob}))["code"] == 253
    before = len(scene.kept["bob"].pushes)
    await persist(scene.topology, scene.kept["ann"], send_body(scene.to_room, "x", "c", scene.kept["head"]))
    await scene.topology.settle()
    assert len(scene.kept["bob"].pushes) == before


async def say_in_room(scene: Scene) -> None:
    body = send_body(scene.to_room, "x", "c", scene.kept["head"])
    scene.kept["sent"] = await persist(scene.topology, scene.kept["ann"], body)


async def it_is_said_once(scene: Scene) -> None:
    [message] = await contiguous(scene, "bob", scene.to_room)
    assert message["seq"] == scene.kept["sent"]["seq"] > scene.kept["head"]
    assert {push["body"]["seq"] for push in scene.kept["bob"].pushes} == {message["seq"]}


async def a_silent_room(scene: Scene) -> None:
    """The same, and whatever was ever said there has expired."""
    await both_in_the_room(scene)
    table = scene.topology.template.tables["Directory"].name
    [room] = [
        item
        for item in scene.topology.cloud.items(table)
        if item["pk"] == {"S": keys.chatroom(scene.room)} and item["sk"] == {"S": "info"}
    ]
    scene.kept["head"] -= 86_400_000
    old = {"N": str(scene.kept["head"])}
    scene.topology.cloud.put_items(table, [{**room, "floor": old, "alive": old}])


async def end_room(scene: Scene) -> None:
    await scene.admin("/admin/chatroom/del", {"chatroomId": scene.room})


async def the_room_has_ended(scene: Scene) -> None:
    assert (await scene.admin("/admin/chatroom/info", {"chatroomId": scene.room}))["state"] == 2
    assert await inside(scene, scene.room) == []
    refused = await scene.kept["bob"].request("message", "send", send_body(scene.to_room, "x", "c", scene.kept["head"]))
    assert refused["code"] == 20


async def create_room(scene: Scene) -> None:
    await scene.admin("/admin/chatroom/create", {"chatroomId": scene.room, "title": "Lobby", "desc": "d"})


async def the_room_is_there(scene: Scene) -> None:
    found = await scene.admin("/admin/chatroom/info", {"chatroomId": scene.room})
    assert (found["title"], found["desc"], found["state"], found["memberCount"]) == ("Lobby", "d", 0, 0)


async def ban(scene: Scene) -> None:
    body = {"chatroomId": scene.room, "userId": scene.bob, "status": 2}
    await scene.admin("/admin/chatroom/set_black_status", body)


async def bob_is_banned(scene: Scene) -> None:
    await bob_is_outside(scene)
    assert (await scene.kept["bob"].request("chatroom", "join", {"chatroomId": scene.room}))["code"] == 248


async def mute_the_room(scene: Scene) -> None:
    await scene.admin("/admin/chatroom/mute_all", {"chatroomId": scene.room, "status": 1})


async def both_are_mute(scene: Scene) -> None:
    body = send_body(scene.to_room, "x", "c", scene.kept["head"])
    for who in ("ann", "bob"):
        assert (await scene.kept[who].request("message", "send", body))["code"] == 241


async def a_muted_room(scene: Scene) -> None:
    """Both are in the same room, in which everybody is muted."""
    await both_in_the_room(scene)
    await mute_the_room(scene)


async def bob_may_speak(scene: Scene) -> None:
    await scene.admin("/admin/chatroom/set_manager", {"chatroomId": scene.room, "userId": scene.bob, "status": 1})


async def only_bob_speaks(scene: Scene) -> None:
    body = send_body(scene.to_room, "x", "c", scene.kept["head"])
    assert (await scene.kept["ann"].request("message", "send", body))["code"] == 241
    await persist(scene.topology, scene.kept["bob"], body)


async def put_system_setting(scene: Scene) -> None:
    await scene.admin("/admin/system/put_setting", {"id": 1_000 + scene.number, "value": "x", "desc": "d"})


async def the_system_setting_is_there(scene: Scene) -> None:
    found = await scene.admin("/admin/system/get_setting", {"id": 1_000 + scene.number})
    assert (found["value"], found["desc"]) == ("x", "d")


OPERATIONS = [
    Operation("message.send", MESSAGE, two_chat, send, it_is_stored_once_and_delivered),
    Operation(
        "message.send, the queue's worker", "MessageOnQueue", a_large_group, tell_all, bob_gets_it_from_the_queue
    ),
    Operation("message.recall", MESSAGE, two_chat, recall, is_recalled),
    Operation("message.delete for all", MESSAGE, two_chat, delete_for_all, is_gone_for_all),
    Operation("message.delete for oneself", MESSAGE, two_chat, delete_for_me, is_gone_for_me),
    Operation("message.read", MESSAGE, two_chat, read, is_read),
    Operation("session.hello", SOCKET, two_chat, hello, names_what_is_new),
    Operation("session.hello, unregistered", SOCKET, unregistered, hello, names_what_is_new),
    Operation("session.ping", SOCKET, two_chat, ping, names_what_is_new),
    Operation("session.kick", SOCKET, a_phone_and_the_web, kick_own, the_web_is_out),
    Operation("session.logout", SOCKET, a_phone_and_the_web, log_out, the_web_is_out),
    Operation("$connect, authorizer", "ConnectAuthorizer", ann_is_there, connect, bob_gets_pushes),
    Operation("$connect", SOCKET, ann_is_there, connect, bob_gets_pushes),
    Operation("$disconnect", SOCKET, two_chat, disconnect, bob_is_offline_and_misses_nothing),
    Operation("user/get_token", API, nothing, get_token, the_token_opens),
    Operation("user/create", API, nothing, create_user, bob_is_registered),
    Operation("user/update", API, bob_registered, update_user, bob_is_robert),
    Operation("user/destroy", API, bob_everywhere, destroy_user, bob_is_nowhere),
    Operation("user/update_block_status", API, bob_connected, forbid, bob_is_forbidden),
    Operation("profile.modify", PROFILE, ann_is_registered_and_there, modify_profile, ann_is_found_as_queen),
    Operation("profile.watch", PROFILE, ann_is_registered_and_there, watch_bob, ann_learns_what_bob_says),
    Operation("profile.state", PROFILE, ann_is_registered_and_there, say_something, bob_is_busy),
    Operation("robot/create", API, nothing, create_robot, the_robot_is_anns),
    Operation("user/destroy of a robot", API, create_robot, destroy_robot, the_robot_is_gone),
    Operation("device/create", API, nothing, create_device, the_device_connects),
    Operation("user/kickoff_client", API, a_phone_and_the_web, kick_by_admin, the_web_is_out),
    Operation("message/send", API, bob_connected, send_as_ann, bob_has_it_once_or_twice),
    Operation("message/recall", API, an_admin_wrote, recall_by_uid, is_recalled),
    Operation("message/delete", API, an_admin_wrote, delete_by_uid, is_gone_for_all),
    Operation("group/create", API, nothing, create_group, the_group_works),
    Operation("group/member/add", API, group_chats, add_member, cem_is_in),
    Operation("group/member/del", API, group_chats, remove_member, bob_is_out),
    Operation("group/del", API, group_chats, dissolve, the_group_is_gone),
    Operation("profile.setting", PROFILE, two_chat, put_setting, bob_has_the_setting_everywhere),
    Operation("user/put_setting", API, two_chat, put_setting_by_api, bob_has_the_setting_everywhere),
    Operation("chatroom.join", ROOM, a_room, enter, both_hear_one_another),
    Operation("chatroom.join, from another room", ROOM, bob_elsewhere, enter, both_hear_one_another),
    Operation("chatroom.quit", ROOM, both_in_the_room, leave_room, bob_is_outside),
    Operation("message.send, in a room", MESSAGE, both_in_the_room, say_in_room, it_is_said_once),
    Operation("message.send, in a silent room", MESSAGE, a_silent_room, say_in_room, it_is_said_once),
    Operation("chatroom/create", API, nothing, create_room, the_room_is_there),
    Operation("chatroom/del", API, both_in_the_room, end_room, the_room_has_ended),
    Operation("chatroom/set_black_status", API, both_in_the_room, ban, bob_is_banned),
    Operation("chatroom/mute_all", API, both_in_the_room, mute_the_room, both_are_mute),
    Operation("chatroom/set_manager", API, a_muted_room, bob_may_speak, only_bob_speaks),
    Operation("system/put_setting", API, nothing, put_system_setting, the_system_setting_is_there),
    Operation("sensitive/add", API, nothing, add_word, the_word_is_listed),
    Operation("sensitive/del", API, add_word, remove_word, the_word_is_not_listed),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
