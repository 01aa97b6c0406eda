"""What every path of the server API is fixed to: what the official programs send, what they read, which codes they know.

Each ``Pin`` has the facts of one path (server-api spec, section 2, and 7.1 to 7.3 for spellings):

* ``result``: the shape of the ``result`` member, None when there is none. A path whose member has two spellings has both.
* ``sends``: bodies as the official Python program and the official Java program send them.
* ``needs``: members without which the answer is 251.
* ``spellings``: other names of members, as one or the other SDK or the documentation has them.
* ``codes``: what it may answer besides success and what every path may answer.

A path that is not built yet is only expected to say so; its pin counts from the moment that it is built. What the pinned
facts are compared with is in ``test_pins.py``; the same shapes are held against real answers in ``tests/e2e``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.server_api.shapes import ANY, FLAG, INT, LONG, NUMBER, TEXT, Shape

JAVA_UID = 588522146047728640
PYTHON_UID = 588522146047721600


@dataclass(frozen=True, slots=True)
class Pin:
    """The facts of one path; see the module."""

    result: Shape | None = None
    sends: tuple[Any, ...] = ()
    needs: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[int, ...] = ()


# --- shapes that several answers share

USER: dict[str, Any] = {
    **dict.fromkeys(("userId", "name", "displayName", "portrait", "mobile", "email", "address", "company"), TEXT),
    **dict.fromkeys(("social", "extra"), TEXT),
    **dict.fromkeys(("gender", "type", "deleted"), INT),
    "updateDt": LONG,
}
ROBOT: dict[str, Any] = {
    **dict.fromkeys(("userId", "name", "displayName", "portrait", "mobile", "email", "address", "company"), TEXT),
    **dict.fromkeys(("social", "extra", "owner", "secret", "callback", "robotExtra"), TEXT),
    "password?": TEXT,
    "gender": INT,
    "type?": INT,
    "deleted?": INT,
    "updateDt": LONG,
}
SESSION: dict[str, Any] = {
    **dict.fromkeys(("clientId", "userId", "packageName", "ip?"), TEXT),
    **dict.fromkeys(("platform", "status"), INT),
    "lastSeen": LONG,
}
CLIENT: dict[str, Any] = {"userId": TEXT, "clientId": TEXT, "platform": INT, "ip?": TEXT}
LOGIN: dict[str, Any] = {
    **dict.fromkeys(("userId", "clientId", "deviceToken", "deviceVoipToken"), TEXT),
    **dict.fromkeys(("platform", "pushType"), INT),
    "isOnline": FLAG,
}
GROUP: dict[str, Any] = {
    **dict.fromkeys(("target_id", "name", "portrait", "owner", "extra"), TEXT),
    **dict.fromkeys(("type", "mute", "join_type", "private_chat", "searchable", "history_message"), INT),
    **dict.fromkeys(("max_member_count", "member_count", "memberCount"), INT),
    **dict.fromkeys(("super_group", "deleted"), FLAG),
    **dict.fromkeys(("update_dt", "updateDt", "member_update_dt", "memberUpdateDt"), LONG),
}
MEMBER: dict[str, Any] = {
    **dict.fromkeys(("member_id", "alias", "extra"), TEXT),
    "type": INT,
    **dict.fromkeys(("updateDt", "createDt"), LONG),
}
CONVERSATION = {"type": INT, "target": TEXT, "line": INT}
PAYLOAD: dict[str, Any] = {
    **dict.fromkeys(("searchableContent", "pushContent", "pushData", "content", "remoteMediaUrl", "extra"), TEXT),
    **dict.fromkeys(("type", "mediaType", "persistFlag", "expireDuration", "mentionedType"), INT),
    "base64edData?": TEXT,
    "mentionedTarget": [TEXT],
}
MESSAGE: dict[str, Any] = {
    "messageId": LONG,
    "sender": TEXT,
    "conv": CONVERSATION,
    "conversation": CONVERSATION,
    "payload": PAYLOAD,
    "toUsers": [TEXT],
    "timestamp": LONG,
}
SENT = {"messageUid": LONG, "timestamp": LONG}
FILE: dict[str, Any] = {
    "messageId": LONG,
    **dict.fromkeys(("sender", "target", "name", "url"), TEXT),
    **dict.fromkeys(("conversationType", "line", "size", "downloadCount"), INT),
    "timestamp": LONG,
}
DEVICE: dict[str, Any] = {
    "state": INT,
    **dict.fromkeys(("deviceId", "token", "secret", "extra"), TEXT),
    "owners": [TEXT],
}
MENU: dict[str, Any] = {
    **{
        f"{name}?": TEXT
        for name in ("menuId", "type", "name", "key", "url", "mediaId", "articleId", "appId", "appPage", "extra")
    },
    "subMenus?": [ANY],
}
CHANNEL: dict[str, Any] = {
    **dict.fromkeys(
        ("channelId", "targetId", "name", "desc", "portrait", "extra", "owner", "callback", "secret"), TEXT
    ),
    **dict.fromkeys(("state", "status", "automatic"), INT),
    "updateDt": LONG,
    "menus?": [MENU],
}
IDS = {"list": [TEXT]}
GROUP_IDS = {"groupIds": [TEXT]}

# --- what several bodies share

_TEXT_3 = {"type": 1, "searchableContent": "hello world3", "mediaType": 0, "persistFlag": 3, "expireDuration": 0}
PYTHON_TEXT = {**_TEXT_3, "mentionedType": 0, "mentionedTarget": []}
JAVA_TEXT = {**_TEXT_3, "mentionedType": 0}
_SINGLE = {"type": 0, "target": "ff2", "line": 0}
_PYTHON_GROUP = {"group_id": "groupId1", "operator": "user1", "to_lines": []}
_JAVA_GROUP = {"group_id": "groupId1", "operator": "user1", "isMeshMessage": False}
_PYTHON_MEMBER = {"member_id": "user1", "alias": "hello user1", "type": 0, "updateDt": 0}
_JAVA_MEMBER = {**_PYTHON_MEMBER, "createDt": 0}
_RECEIVERS = ["user2", "user3", "user4"]
_PYTHON_USER = {
    "userId": "userId1", "name": "user1", "displayName": "user 1", "gender": 0, "mobile": "13900000000", "type": 0,
    "deleted": 0, "updateDt": 0,
}  # fmt: skip
_UNKNOWN_USER = {
    "userId": "1795365229032", "displayName": "updatedUserName", "portrait": "updatedUserPortrait", "gender": 0,
    "type": 0, "deleted": 0, "updateDt": 0,
}  # fmt: skip
_ROBOT = {
    "userId": "robot1", "name": "robot1", "displayName": "机器人", "owner": "userId1", "secret": "123456",
    "callback": "http://127.0.0.1:8883/robot/recvmsg",
}  # fmt: skip
_PYTHON_INFO = {
    "target_id": "groupId1", "name": "test_group", "portrait": "http://portrait", "owner": "user1", "type": 2,
    "extra": "hello extra", "memberCount": 0, "memberUpdateDt": 0, "updateDt": 0,
}  # fmt: skip
_JAVA_INFO = {
    "target_id": "groupId1", "name": "test_group", "portrait": "http://portrait", "owner": "user1", "type": 2,
    "member_count": 0, "extra": "hello extra", "mute": 0, "join_type": 0, "private_chat": 0, "searchable": 0,
    "max_member_count": 0, "history_message": 0, "super_group": False, "deleted": False, "update_dt": 0,
    "member_update_dt": 0,
}  # fmt: skip
_TO_USER2 = {"type": 0, "target": "user2", "line": 0}
_HELLO = {
    "type": 1, "searchableContent": "hello world", "mediaType": 0, "persistFlag": 0, "expireDuration": 0,
    "mentionedType": 0,
}  # fmt: skip
_ROBOTS_INFO = {
    "target_id": "g", "name": "test_group", "type": 2, "extra": "hello extra", "portrait": "http://portrait",
}  # fmt: skip
_FILES = {"offset": 0, "desc": True, "count": 10}

PINS: dict[str, Pin] = {
    # --- users
    "/admin/user/create": Pin(
        result={"userId": TEXT, "name": TEXT}, sends=(_PYTHON_USER,), needs=("name",), codes=(4,)
    ),
    "/admin/user/update": Pin(
        sends=({"flag": 3, "userInfo": _UNKNOWN_USER},), needs=("flag", "userInfo"), codes=(253,)
    ),
    "/admin/user/destroy": Pin(sends=({"userId": "robot1"},), needs=("userId",)),
    "/admin/user/get_info": Pin(
        result=USER,
        sends=(
            {"userId": "userId1", "includeDeleted": False},
            {"name": "user1", "includeDeleted": False},
            {"mobile": "13900000000", "includeDeleted": False},
        ),
        codes=(253,),
    ),
    "/admin/user/get_info_by_mobile": Pin(
        result={"userInfos": [USER], "userInfoList?": [USER]},
        sends=({"mobile": "13900000001", "includeDeleted": False},),
        needs=("mobile",),
        codes=(253,),
    ),
    "/admin/user/get_info_by_email": Pin(
        result={"userInfos": [USER], "userInfoList": [USER]},
        sends=("13900000001@139.com", {"email": "13900000001@139.com"}),
        codes=(253,),
    ),
    "/admin/user/batch_get_infos": Pin(
        result={"userInfos": [USER], "userInfoList": [USER]},
        sends=({"list": ["userId1", "admin", "FireRobot", "TestUser"]},),
        needs=("list",),
    ),
    "/admin/user/all": Pin(
        result={"userInfoList": [USER], "userList": [USER]},
        sends=({"count": 100, "offset": 0},),
        needs=("count",),
    ),
    "/admin/user/search_user": Pin(
        result={"userInfos": [USER], "keyword": TEXT},
        sends=({"keyword": "user1", "searchType": 0, "userType": 0, "page": 0},),
    ),
    "/admin/user/get_robot_info": Pin(result=ROBOT, sends=({"robotId": "robot1"},), needs=("robotId",), codes=(253,)),
    "/admin/user/get_all_robots": Pin(
        result={"robotInfoList": [ROBOT]}, sends=({"count": 100, "offset": 0},), needs=("count",)
    ),
    "/admin/user/get_user_robots": Pin(result=IDS, sends=({"userId": "ff1"},), needs=("userId",)),
    "/admin/user/get_token": Pin(
        result={"userId": TEXT, "token": TEXT, "serverLabel?": TEXT},
        sends=({"userId": "userId1", "clientId": "client111", "platform": 2},),
        needs=("userId", "clientId"),
        codes=(27,),
    ),
    "/admin/user/update_block_status": Pin(
        sends=({"userId": "userId1", "status": 2},), needs=("userId",), spellings={"block": "status"}
    ),
    "/admin/user/check_block_status": Pin(
        result={"status": INT}, sends=({"userId": "userId1", "includeDeleted": False},), needs=("userId",)
    ),
    "/admin/user/get_blocked_list": Pin(result={"statusList": [{"userId": TEXT, "status": INT}]}),
    "/admin/user/onlinestatus": Pin(
        result={"sessions": [SESSION]}, sends=({"userId": "userId1", "includeDeleted": False},), needs=("userId",)
    ),
    "/admin/user/kickoff_client": Pin(sends=({"first": "userId1"},), needs=("first",)),
    "/admin/user/online_count": Pin(result=[{"node": INT, "count": INT}]),
    "/admin/user/online_list": Pin(
        result={
            "userClients": [CLIENT],
            "users": [CLIENT],
            "totalCount": INT,
            "offset": INT,
        },
        sends=({"nodeId": 1, "offset": 0, "count": 100},),
        needs=("nodeId",),
    ),
    "/admin/user/session_list": Pin(
        result={"userSessions": [LOGIN], "sessions": [LOGIN]},
        sends=({"userId": "userId1"},),
        needs=("userId",),
    ),
    "/admin/user/app_get_user_info": Pin(
        result={"userId": TEXT, "displayName?": TEXT, "portraitUrl?": TEXT},
        sends=({"authCode": "code"},),
        needs=("authCode",),
        codes=(6,),
    ),
    "/admin/user/put_setting": Pin(
        sends=({"userId": "user1", "scope": 26, "key": "groupId1", "value": "test group remark"},),
        needs=("userId",),
    ),
    "/admin/user/get_setting": Pin(
        result={"userId": TEXT, "scope": INT, "key": TEXT, "value": TEXT},
        sends=({"userId": "user1", "scope": 26, "key": "groupId1"},),
        needs=("userId",),
        codes=(253,),
    ),
    "/admin/robot/create": Pin(
        result={"userId": TEXT, "secret": TEXT, "token?": TEXT},
        sends=(_ROBOT, {**_ROBOT, "gender": 0, "email": "123@wildfirechat.cn", "updateDt": 0}),
        needs=("name",),
        codes=(4,),
    ),
    "/admin/device/create": Pin(
        result={"deviceId": TEXT, "token": TEXT, "secret": TEXT},
        sends=({"deviceId": "deviceId1", "owners": ["opoGoG__", "userId1"]},),
    ),
    "/admin/device/get": Pin(result=DEVICE, sends=({"deviceId": "deviceId1"},), needs=("deviceId",), codes=(253,)),
    "/admin/device/user_devices": Pin(result={"devices": [DEVICE]}, sends=({"userId": "userId1"},), needs=("userId",)),
    # --- messages and conversations
    "/admin/message/send": Pin(
        result=SENT,
        sends=(
            {
                "sender": "ff1",
                "conv": _SINGLE,
                "payload": JAVA_TEXT,
                "toUsers": ["ff2"],
                "isUserMessage": False,
                "isMeshMessage": False,
            },
            {"sender": "ff1", "conv": _SINGLE, "payload": PYTHON_TEXT, "toUsers": [], "userMessage": False},
        ),
        needs=("sender", "conv", "payload"),
        spellings={"userMessage": "isUserMessage"},
        codes=(253, 8, 9, 35, 241, 242, 246, 247, 248),
    ),
    "/admin/message/publish": Pin(
        result=SENT,
        sends=(
            {
                "messageData": {"sender": "ff1", "conv": _SINGLE, "payload": JAVA_TEXT},
                "receivers": ["ff2"],
                "messageId": 0,
                "republish": False,
            },
        ),
    ),
    "/admin/message/broadcast": Pin(
        result={"messageUid": LONG, "count": LONG},
        sends=(
            {"sender": "user1", "line": 0, "payload": PYTHON_TEXT},
            {"sender": "user1", "line": 0, "payload": JAVA_TEXT},
        ),
        needs=("sender", "payload"),
    ),
    "/admin/message/multicast": Pin(
        result=SENT,
        sends=(
            {"sender": "user1", "targets": _RECEIVERS, "line": 0, "payload": PYTHON_TEXT},
            {"sender": "user1", "line": 0, "payload": JAVA_TEXT, "targets": _RECEIVERS},
        ),
        needs=("sender", "targets", "payload"),
    ),
    "/admin/message/recall": Pin(
        result=TEXT,
        sends=(
            {"operator": "user1", "messageUid": PYTHON_UID},
            {"operator": "user1", "messageUid": JAVA_UID, "isUserRecall": False},
        ),
        needs=("operator", "messageUid"),
        codes=(253, 24, 248),
    ),
    "/admin/message/recall_broadcast": Pin(
        sends=(
            {"operator": "user1", "messageUid": PYTHON_UID},
            {"operator": "user1", "messageUid": JAVA_UID, "isUserRecall": False},
        ),
        needs=("messageUid",),
        codes=(253,),
    ),
    "/admin/message/recall_multicast": Pin(
        sends=({"operator": "user1", "messageUid": PYTHON_UID, "receivers": _RECEIVERS},),
        needs=("operator", "messageUid", "receivers"),
        codes=(253,),
    ),
    "/admin/message/delete": Pin(sends=({"messageUid": PYTHON_UID},), needs=("messageUid",), codes=(253,)),
    "/admin/message/delete_broadcast": Pin(
        sends=(
            {"operator": "user1", "messageUid": PYTHON_UID},
            {"operator": "user1", "messageUid": JAVA_UID, "isUserRecall": False},
        ),
        needs=("messageUid",),
    ),
    "/admin/message/delete_multicast": Pin(
        sends=({"operator": "user1", "messageUid": PYTHON_UID, "receivers": _RECEIVERS},), needs=("messageUid",)
    ),
    "/admin/message/update": Pin(
        sends=(
            {
                "operator": "user1",
                "messageUid": PYTHON_UID,
                "payload": PYTHON_TEXT,
                "distribute": 1,
                "updateTimestamp": 0,
            },
            {
                "operator": "user1",
                "messageUid": JAVA_UID,
                "payload": JAVA_TEXT,
                "distribute": 1,
                "updateTimestamp": 0,
                "meshLocal": 0,
            },
        ),
        needs=("messageUid", "payload"),
        codes=(253,),
    ),
    "/admin/message/get_one": Pin(
        result=MESSAGE, sends=({"messageUid": PYTHON_UID},), needs=("messageUid",), codes=(253,)
    ),
    "/admin/message/clear_by_user": Pin(
        sends=(
            {
                "userId": "user1",
                "conversation": {"type": 0, "target": "user1", "line": 0},
                "startTime": 0,
                "endTime": 1795365442932,
            },
            {
                "userId": "userId1",
                "conversation": {"type": 0, "target": "admin", "line": 0},
                "fromTime": 0,
                "toTime": 1795365235844,
            },
        ),
        needs=("userId", "conversation"),
        spellings={"fromTime": "startTime", "toTime": "endTime"},
    ),
    "/admin/message/conv_read": Pin(
        result={"timestamp": LONG},
        sends=({"userId": "userId1", "conversationType": 0, "target": "admin", "line": 0},),
        needs=("userId", "target"),
        spellings={"type": "conversationType"},
    ),
    "/admin/message/delivery": Pin(result={"timestamp": LONG}, sends=({"userId": "userId1"},), needs=("userId",)),
    "/admin/message/import": Pin(
        sends=(
            {
                "messages": [
                    {
                        "sender": "user1",
                        "conversation": {"type": 0, "target": "admin", "line": 0},
                        "payload": JAVA_TEXT,
                        "receivers": ["user1", "admin"],
                        "timestamp": 1795365442932,
                    }
                ]
            },
        ),
    ),
    "/admin/conversation/delete": Pin(
        sends=({"userId": "userId1", "conversation": {"type": 0, "target": "admin", "line": 0}},),
        needs=("userId", "conversation"),
    ),
    # --- groups
    "/admin/group/create": Pin(
        result={"group_id": TEXT, "groupId": TEXT},
        sends=(
            {
                "group": {"group_info": _JAVA_INFO, "members": [_JAVA_MEMBER]},
                "operator": "user1",
                "member_extra": "more",
                "isMeshMessage": False,
            },
            {"group": {"group_info": _PYTHON_INFO, "members": [_PYTHON_MEMBER]}, "operator": "user1", "to_lines": []},
        ),
        needs=("operator", "group"),
        codes=(2, 11),
    ),
    "/admin/group/get_info": Pin(result=GROUP, sends=({"groupId": "groupId1"},), needs=("groupId",), codes=(253,)),
    "/admin/group/batch_infos": Pin(
        result={"groupInfoList": [GROUP]}, sends=(["groupId1"], {"groupIds": ["groupId1"]})
    ),
    "/admin/group/del": Pin(sends=(_PYTHON_GROUP, _JAVA_GROUP), needs=("operator", "group_id"), codes=(253,)),
    "/admin/group/transfer": Pin(
        sends=({**_PYTHON_GROUP, "new_owner": "user2"}, {**_JAVA_GROUP, "new_owner": "user2"}),
        needs=("operator", "group_id", "new_owner"),
        codes=(253,),
    ),
    "/admin/group/modify": Pin(
        sends=({**_PYTHON_GROUP, "type": 0, "value": "HelloWorld"}, {**_JAVA_GROUP, "type": 0, "value": "HelloWorld"}),
        needs=("operator", "group_id"),
        codes=(253,),
    ),
    "/admin/group/member/list": Pin(
        result={"members": [MEMBER]}, sends=({"groupId": "groupId1"},), needs=("groupId",), codes=(253,)
    ),
    "/admin/group/member/get": Pin(
        result=MEMBER,
        sends=({"groupId": "groupId1", "memberId": "user1"},),
        needs=("groupId", "memberId"),
        codes=(253,),
    ),
    "/admin/group/member/add": Pin(
        sends=(
            {**_JAVA_GROUP, "members": [_JAVA_MEMBER], "member_extra": "more"},
            {**_PYTHON_GROUP, "members": [_PYTHON_MEMBER], "memberExtra": ""},
        ),
        needs=("operator", "group_id"),
        spellings={"memberExtra": "member_extra"},
        codes=(253,),
    ),
    "/admin/group/member/del": Pin(
        sends=({**_PYTHON_GROUP, "members": ["user3"]}, {**_JAVA_GROUP, "members": ["user3"]}),
        needs=("operator", "group_id", "members"),
        codes=(253,),
    ),
    "/admin/group/member/quit": Pin(sends=(_PYTHON_GROUP, _JAVA_GROUP), needs=("operator", "group_id"), codes=(253,)),
    "/admin/group/member/set_alias": Pin(
        sends=(
            {**_PYTHON_GROUP, "memberId": "user2", "alias": "test user2"},
            {**_JAVA_GROUP, "memberId": "user2", "alias": "test user2"},
        ),
        needs=("operator", "group_id", "memberId"),
        codes=(253, 9),
    ),
    "/admin/group/member/set_extra": Pin(
        sends=(
            {**_PYTHON_GROUP, "memberId": "user2", "extra": "hello member extra2"},
            {**_JAVA_GROUP, "memberId": "user2", "extra": "hello member extra2"},
        ),
        needs=("operator", "group_id", "memberId"),
        codes=(253, 9),
    ),
    "/admin/group/manager/set": Pin(
        sends=(
            {**_PYTHON_GROUP, "members": ["user4", "user5"], "is_manager": True},
            {**_JAVA_GROUP, "members": ["user4", "user5"], "is_manager": True},
        ),
        needs=("operator", "group_id", "members"),
        codes=(253, 248),
    ),
    "/admin/group/manager/mute": Pin(
        sends=(
            {**_PYTHON_GROUP, "members": ["user5"], "is_manager": True},
            {**_JAVA_GROUP, "members": ["user5"], "is_manager": True},
        ),
        needs=("operator", "group_id", "members"),
        codes=(253,),
    ),
    "/admin/group/manager/allow": Pin(
        sends=(
            {**_PYTHON_GROUP, "members": ["user5"], "is_manager": True},
            {**_JAVA_GROUP, "members": ["user5"], "is_manager": True},
        ),
        needs=("operator", "group_id", "members"),
        codes=(253,),
    ),
    "/admin/group/join_request/add": Pin(
        sends=({"operator": "user1", "group_id": "groupId1", "userIds": ["user9"], "reason": "hello", "extra": ""},),
        codes=(253,),
    ),
    "/admin/group/of_user": Pin(result=GROUP_IDS, sends=({"userId": "user1"},), needs=("userId",)),
    "/admin/group/of_user_by_type": Pin(
        result=GROUP_IDS,
        sends=({"userId": "user2", "groupMemberTypes": [1, 2]},),
        needs=("userId",),
        spellings={"user": "userId", "types": "groupMemberTypes", "groupMemberType": "groupMemberTypes"},
    ),
    "/admin/group/common_group": Pin(
        result=GROUP_IDS, sends=({"first": "user1", "second": "user2"},), needs=("first", "second")
    ),
    # --- friends
    "/admin/friend/status": Pin(
        sends=(
            {"userId": "ff1", "friendUid": "ff2", "status": 0, "extra": '{"from":1}'},
            {"userId": "ff1", "friendUid": "ff2", "status": 1},
        ),
        needs=("userId", "friendUid"),
    ),
    "/admin/friend/list": Pin(result=IDS, sends=({"userId": "ff1"},), needs=("userId",)),
    "/admin/blacklist/status": Pin(
        sends=({"userId": "ff1", "targetUid": "ff2", "status": 2},), needs=("userId", "targetUid")
    ),
    "/admin/blacklist/list": Pin(result=IDS, sends=({"userId": "ff1"},), needs=("userId",)),
    "/admin/friend/set_alias": Pin(
        sends=({"operator": "ff1", "targetId": "ff2", "alias": "hello1795365230140"},), needs=("operator", "targetId")
    ),
    "/admin/friend/get_alias": Pin(
        result={"operator": TEXT, "targetId": TEXT, "alias": TEXT},
        sends=({"operator": "ff1", "targetId": "ff2"},),
        needs=("operator", "targetId"),
    ),
    "/admin/friend/set_extra": Pin(
        sends=({"operator": "ff1", "targetId": "ff2", "extra": "hello friend extra"},), needs=("operator", "targetId")
    ),
    "/admin/friend/send_request": Pin(
        sends=({"userId": "ff1", "friendUid": "ff2", "reason": "hello", "force": True},),
        needs=("userId", "friendUid"),
        codes=(16, 18, 23, 246, 248),
    ),
    "/admin/friend/handle_send_request": Pin(
        sends=({"userId": "ff2", "friendUid": "ff1", "status": 1, "force": False},),
        needs=("userId", "friendUid"),
        codes=(19, 253),
    ),
    "/admin/friend/get_requests": Pin(result=ANY),
    "/admin/relation/get": Pin(
        result={
            **dict.fromkeys(("userId", "targetId", "alias?", "extra?"), TEXT),
            **dict.fromkeys(("isFriend", "isBlacked"), FLAG),
            "status?": INT,
        },
        sends=({"first": "ff1", "second": "ff2"},),
        needs=("first", "second"),
    ),
    # --- channels
    "/admin/channel/create": Pin(
        result={"targetId": TEXT, "secret?": TEXT},
        sends=(
            {"owner": "user1", "name": "MyChannel", "auto": 0, "state": 0, "updateDt": 0, "menus": []},
            {
                "owner": "userId1",
                "name": "testChannel",
                "targetId": "channelId123",
                "auto": 1,
                "callback": "http://192.168.1.81:8088/wf/channelId123",
                "secret": "channelsecret",
                "state": 15,
                "updateDt": 0,
            },
        ),
        needs=("owner", "name"),
    ),
    "/admin/channel/destroy": Pin(sends=({"channelId": "c1"},), needs=("channelId",), codes=(253,)),
    "/admin/channel/get": Pin(result=CHANNEL, sends=({"channelId": "c1"},), needs=("channelId",), codes=(253,)),
    "/admin/channel/list": Pin(
        result={"list": [CHANNEL], "total": INT}, sends=({"count": 10, "offset": 0},), needs=("count",)
    ),
    "/admin/channel/subscribe": Pin(
        sends=({"channelId": "c1", "userId": "aaa", "subscribe": 1},),
        needs=("channelId", "userId"),
        spellings={"state": "subscribe"},
        codes=(253,),
    ),
    "/admin/channel/batch_subscribe": Pin(
        sends=({"channelId": "c1", "userIds": ["user1", "user2", "user3"], "subscribe": 1},),
        needs=("channelId", "userIds"),
    ),
    "/admin/channel/is_subscribed": Pin(
        result={"value": FLAG},
        sends=({"channelId": "c1", "userId": "aaa", "subscribe": 0},),
        needs=("channelId", "userId"),
    ),
    "/admin/channel/list_subscriber": Pin(
        result={"total": INT, "list": [TEXT]},
        sends=({"target": "c1", "count": 10, "offset": 1},),
        needs=("target", "count"),
    ),
    # --- chatrooms
    "/admin/chatroom/create": Pin(
        result={"chatroomId": TEXT},
        sends=(
            {
                "chatroomId": "chatroomId1",
                "title": "TESTCHATROM",
                "desc": "this is a test chatroom",
                "state": 0,
                "portrait": "http://pic.com/test123.png",
                "extra": '{\'managers:["user1","user2"]}',
            },
        ),
        needs=("title",),
    ),
    "/admin/chatroom/del": Pin(sends=({"chatroomId": "chatroomId1"},), needs=("chatroomId",)),
    "/admin/chatroom/info": Pin(
        result={
            **dict.fromkeys(("chatroomId", "title", "desc", "portrait", "extra"), TEXT),
            **dict.fromkeys(("state", "memberCount"), INT),
            **dict.fromkeys(("createDt", "updateDt"), LONG),
        },
        sends=({"chatroomId": "chatroomId1"},),
        needs=("chatroomId",),
        codes=(253,),
    ),
    "/admin/chatroom/members": Pin(
        result=IDS, sends=({"chatroomId": "chatroomId1"},), needs=("chatroomId",), codes=(253,)
    ),
    "/admin/chatroom/user_chatroom": Pin(
        result={"userId": TEXT, "chatroomId": TEXT, "clientId": TEXT, "platform": INT},
        sends=({"userId": "userId1"},),
        needs=("userId",),
        codes=(253,),
    ),
    "/admin/chatroom/set_black_status": Pin(
        sends=(
            {"chatroomId": "chatroom1", "userId": "userId1", "status": 1},
            {"chatroomId": "chatroom1", "userId": "oto9o9__", "status": 1, "expiredTime": 0},
            {"chatroomId": "chatroom1", "userId": "userId1", "status": 1, "type": 0},
        ),
        needs=("chatroomId", "userId"),
    ),
    "/admin/chatroom/get_black_status": Pin(
        result={"infos": [{"userId": TEXT, "state": INT, "status": INT, "expiredTime": LONG}]},
        sends=({"chatroomId": "chatroom1"},),
        needs=("chatroomId",),
    ),
    "/admin/chatroom/set_manager": Pin(
        sends=({"chatroomId": "chatroom1", "userId": "userId1", "status": 1},), needs=("chatroomId", "userId")
    ),
    "/admin/chatroom/get_manager_list": Pin(result=IDS, sends=({"chatroomId": "chatroom1"},), needs=("chatroomId",)),
    "/admin/chatroom/mute_all": Pin(
        sends=({"chatroomId": "chatroomId1", "status": 1}, {"chatroomId": "chatroomId1", "mute": True}),
        needs=("chatroomId",),
        spellings={"mute": "status"},
    ),
    # --- the rest
    "/admin/sensitive/add": Pin(sends=({"words": ["a", "b", "c"]},), needs=("words",), codes=(4,)),
    "/admin/sensitive/del": Pin(sends=({"words": ["a", "b", "c"]},), needs=("words",), codes=(4,)),
    "/admin/sensitive/query": Pin(result={"words": [TEXT]}),
    "/admin/system/get_setting": Pin(
        result={"id": INT, "key": INT, "value": TEXT, "desc": TEXT}, sends=({"id": 1},), needs=("id",), codes=(253,)
    ),
    "/admin/system/put_setting": Pin(
        sends=({"id": 1, "value": "2000", "desc": "最大群人数为2000"},), needs=("id",), codes=(4,)
    ),
    "/admin/health": Pin(
        result=[
            {
                "node": TEXT,
                "cpu": {"load": NUMBER, "cores": INT},
                "memory": dict.fromkeys(("free", "max", "avail"), LONG),
                "disk": dict.fromkeys(("space", "free", "usable"), LONG),
            }
        ]
    ),
    "/admin/customer": Pin(result=TEXT),
    "/admin/file/conversation_files": Pin(
        result={"total": INT, "files": [FILE]},
        sends=({"conversationType": 0, "target": "user2", "line": 0, "userId": "user1", **_FILES},),
        needs=("target",),
    ),
    "/admin/file/user_files": Pin(
        result={"total": INT, "files": [FILE]}, sends=({"userId": "user1", **_FILES},), needs=("userId",)
    ),
    "/admin/file/message_file": Pin(
        result=FILE,
        sends=({"value": JAVA_UID}, {"messageUid": PYTHON_UID}),
        needs=("value",),
        spellings={"messageUid": "value"},
        codes=(253,),
    ),
    "/admin/oss/get_upload_url": Pin(
        result={
            **dict.fromkeys(("uploadUrl", "downloadUrl", "backupUploadUrl?", "url?", "path?"), TEXT),
            "type": INT,
            "expireTime?": LONG,
        },
        sends=({"fileName": "a.jpg", "mediaType": 1, "contentType": "image/jpeg"},),
    ),
    # --- channels' services
    "/channel/message/send": Pin(
        result=SENT,
        sends=(
            {"line": 0, "payload": _HELLO},
            {"line": 0, "targets": ["userId2"], "payload": _HELLO},
        ),
        needs=("payload",),
        codes=(21, 236, 237, 248),
    ),
    "/channel/message/recall": Pin(
        result=TEXT, sends=({"messageUid": PYTHON_UID},), needs=("messageUid",), codes=(236, 237, 253)
    ),
    "/channel/message/republish": Pin(
        sends=(
            {"messageId": PYTHON_UID, "targets": ["userId2", "userId3"]},
            {"targets": ["userId2", "userId3"], "messageId": JAVA_UID},
        ),
        needs=("messageId",),
        spellings={"messageUid": "messageId"},
        codes=(236, 237, 253),
    ),
    "/channel/user_info": Pin(
        result=USER,
        sends=({"userId": "userId3"}, {"userId": "userId3", "includeDeleted": False}),
        codes=(236, 237, 248, 253),
    ),
    "/channel/get_profile": Pin(result=CHANNEL, codes=(236, 237)),
    "/channel/update_profile": Pin(sends=({"type": 2, "value": "this is a test channel"},), codes=(236, 237, 253)),
    "/channel/subscribe": Pin(
        sends=({"target": "userId2", "subscribe": 1},), needs=("target",), codes=(236, 237, 248, 253)
    ),
    "/channel/subscriber_list": Pin(result={"list": [TEXT]}, codes=(236, 237)),
    "/channel/is_subscriber": Pin(result=FLAG, sends=({"userId": "userId2"},), needs=("userId",), codes=(236, 237)),
    "/channel/application/get_user_info": Pin(
        result={"userId": TEXT, "displayName?": TEXT, "portraitUrl?": TEXT},
        sends=({"authCode": "code"},),
        needs=("authCode",),
        codes=(70, 236, 237),
    ),
    # --- robots
    "/robot/application/get_user_info": Pin(
        result={"userId": TEXT, "displayName?": TEXT, "portraitUrl?": TEXT},
        sends=({"authCode": "code"},),
        needs=("authCode",),
        codes=(70, 248, 253),
    ),
    "/robot/message/send": Pin(
        result=SENT,
        sends=(
            {"conv": _TO_USER2, "payload": _HELLO},
            {"sender": "robot1", "conv": _TO_USER2, "payload": _HELLO, "isMeshMessage": False, "isUserMessage": False},
        ),
        needs=("conv", "payload"),
        codes=(8, 9, 20, 35, 241, 242, 246, 247, 248, 253),
    ),
    "/robot/message/reply": Pin(
        result=SENT,
        sends=(
            {"messageUid": JAVA_UID, "payload": _HELLO, "only2Sender": False},
            {"messageUid": PYTHON_UID, "payload": _HELLO, "locate": False},
        ),
        needs=("messageUid", "payload"),
        spellings={"locate": "only2Sender"},
        codes=(10, 24, 253, 254),
    ),
    "/robot/message/recall": Pin(
        result=TEXT,
        sends=({"messageUid": PYTHON_UID}, {"messageUid": JAVA_UID, "isUserRecall": False}),
        needs=("messageUid",),
        codes=(24, 248, 253),
    ),
    "/robot/message/update": Pin(
        sends=(
            {"messageUid": PYTHON_UID, "payload": _HELLO},
            {"messageUid": JAVA_UID, "payload": _HELLO, "distribute": 1, "updateTimestamp": 0, "meshLocal": 0},
        ),
        needs=("messageUid", "payload"),
        codes=(248, 253),
    ),
    "/robot/user_info": Pin(
        result=USER,
        sends=(
            {"mobile": "13900000000"},
            {"name": "user1"},
            {"userId": "userId1"},
            {"userId": "userId1", "includeDeleted": False},
        ),
        codes=(253,),
    ),
    "/robot/user/get_info_by_email": Pin(
        result={"userInfos": [USER], "userInfoList?": [USER]}, sends=("123@wildfirechat.cn",), codes=(253,)
    ),
    "/robot/user/batch_get_infos": Pin(
        result={"userInfos": [USER], "userInfoList?": [USER]},
        sends=({"list": ["userId1", "userId2"]},),
        needs=("list",),
    ),
    "/robot/user/search": Pin(
        result={"userInfos": [USER], "keyword?": TEXT},
        sends=({"keyword": "user1", "searchType": 100, "page": 0, "userType": 0},),
        needs=("keyword",),
    ),
    "/robot/user/get_user_robots": Pin(
        result={"list": [TEXT], "robotInfoList": [ROBOT]}, sends=({"userId": "userId1"},), needs=("userId",)
    ),
    "/robot/friend/list": Pin(result={"friends": [TEXT], "list": [TEXT]}),
    "/robot/profile": Pin(result=ROBOT, codes=(253,)),
    "/robot/update_profile": Pin(
        sends=({"intValue": 4, "strValue": "testrobot1795365255192"},),
        spellings={"first": "intValue", "second": "strValue", "type": "intValue", "value": "strValue"},
    ),
    "/robot/set_callback": Pin(sends=({"url": "http://hellow123"},), needs=("url",)),
    "/robot/get_callback": Pin(result={"url": TEXT}),
    "/robot/delete_callback": Pin(),
    "/robot/oss/get_upload_url": Pin(
        result={
            **dict.fromkeys(("uploadUrl", "downloadUrl", "backupUploadUrl?", "url?", "path?"), TEXT),
            "type": INT,
            "expireTime?": LONG,
        },
        sends=({"fileName": "a.jpg", "mediaType": 1, "contentType": "image/jpeg"},),
        needs=("fileName",),
    ),
    "/robot/group/create": Pin(
        result={"group_id": TEXT, "groupId": TEXT},
        sends=(
            {
                "group": {"group_info": _ROBOTS_INFO, "members": [{"member_id": "user1"}, {"member_id": "user2"}]},
                "member_extra": "",
                "to_lines": [],
                "notify_message": None,
            },
        ),
        needs=("group",),
        spellings={"memberExtra": "member_extra"},
        codes=(2, 11, 248),
    ),
    "/robot/group/del": Pin(sends=({"group_id": "g", "isMeshMessage": False},), needs=("group_id",), codes=(248, 253)),
    "/robot/group/get_info": Pin(result=GROUP, sends=({"groupId": "g"},), needs=("groupId",), codes=(253,)),
    "/robot/group/transfer": Pin(
        sends=({"group_id": "g", "new_owner": "user2", "isMeshMessage": False},),
        needs=("group_id", "new_owner"),
        codes=(248, 253),
    ),
    "/robot/group/modify": Pin(
        sends=({"group_id": "g", "type": 0, "value": "HelloWorld", "isMeshMessage": False},),
        needs=("group_id",),
        codes=(9, 248, 253),
    ),
    "/robot/group/member/list": Pin(
        result={"members": [MEMBER]}, sends=({"groupId": "g"},), needs=("groupId",), codes=(253,)
    ),
    "/robot/group/member/get": Pin(
        result=MEMBER,
        sends=({"groupId": "g", "memberId": "user0"},),
        needs=("groupId", "memberId"),
        codes=(9, 253),
    ),
    "/robot/group/member/add": Pin(
        sends=(
            {"group_id": "g", "members": [{"member_id": "user0", "alias": "hello user0"}]},
            {"group_id": "g", "members": [{**_JAVA_MEMBER, "member_id": "user0"}], "isMeshMessage": False},
        ),
        needs=("group_id",),
        codes=(9, 12, 240, 248, 253),
    ),
    "/robot/group/member/del": Pin(
        sends=({"group_id": "g", "members": ["user3"], "isMeshMessage": False},),
        needs=("group_id", "members"),
        codes=(248, 253),
    ),
    "/robot/group/member/quit": Pin(
        sends=({"group_id": "g", "isMeshMessage": False},), needs=("group_id",), codes=(248, 253)
    ),
    "/robot/group/member/set_alias": Pin(
        sends=({"group_id": "g", "memberId": "user2", "alias": "test user2", "isMeshMessage": False},),
        needs=("group_id", "memberId"),
        codes=(9, 248, 253),
    ),
    "/robot/group/member/set_extra": Pin(
        sends=({"group_id": "g", "memberId": "user2", "extra": "robot member extra", "isMeshMessage": False},),
        needs=("group_id", "memberId"),
        codes=(9, 248, 253),
    ),
    "/robot/group/manager/set": Pin(
        sends=({"group_id": "g", "members": ["user2", "user0"], "is_manager": True},),
        needs=("group_id", "members"),
        codes=(248, 253),
    ),
    "/robot/group/manager/mute": Pin(
        sends=(
            {"group_id": "g", "members": ["user5"], "is_manager": True, "isMeshMessage": False},
            {"group_id": "g", "members": ["user5"], "is_mute": True},
        ),
        needs=("group_id", "members"),
        spellings={"is_mute": "is_manager"},
        codes=(248, 253),
    ),
    "/robot/group/manager/allow": Pin(
        sends=(
            {"group_id": "g", "members": ["user5"], "is_manager": True, "isMeshMessage": False},
            {"group_id": "g", "members": ["user5"], "is_allow": True},
        ),
        needs=("group_id", "members"),
        spellings={"is_allow": "is_manager"},
        codes=(248, 253),
    ),
}
"""By path."""

NOT_HOSTED = frozenset(
    f"/{part}/{name}"
    for part, names in {
        "admin/conference": "list exist list_participant create destroy recording rtp_forward stop_rtp_forward"
        " list_rtp_forward user_request user_event",
        "admin/moments": "feed/post",
        "admin/domain": "create get destroy list ping",
        "admin/mesh": "group_sync",
        "robot/conference": "request",
        "robot/moments": "feed/post feed/update feed/pull feed/pull_one feed/recall comment/post comment/pull comment/recall"
        " profiles/pull profiles/value/push profiles/list/push",
    }.items()
    for name in names.split()
)
"""Parts of Wildfire that are not hosted here: these paths answer 254 for good (server-api spec 2.8)."""

CODES = {
    0: "success",
    1: "secrect key mismatch",
    2: "invalid data",
    3: "node not exist",
    4: "server error",
    5: "not modified",
    6: "token error",
    7: "kicked off",
    8: "user forbidden",
    9: "not in group",
    10: "invalid message",
    11: "group already exist",
    12: "member already in group",
    16: "already send request",
    18: "friend request blocked",
    19: "friend request expired",
    20: "not in chatroom",
    21: "not in channel",
    22: "not licensed",
    23: "already friends",
    24: "time expired",
    25: "already locked",
    27: "robot no token",
    26: "unload failure, not your lock",
    28: "ws not configured correctly",
    30: "time inconsistent",
    35: "message too large",
    60: "conference room not exist",
    61: "conference service not available",
    70: "application token error or timeout",
    90: "Conference server response error",
    220: "function disabled",
    221: "Server busy",
    222: "Partly success",
    225: "other client already in chatroom",
    236: "channel no exist",
    237: "channel no secret",
    238: "user not prepared",
    240: "group exceed max member count",
    239: "api not signed or sign parameter not completion",
    241: "group is muted",
    242: "sensitive matched",
    243: "sign expired",
    244: "auth failure",
    245: "user is blocked",
    246: "user in black list",
    247: "forbidden send msg globally",
    248: "no right to operate",
    249: "timeout",
    250: "over frequency",
    251: "Invalid parameter",
    252: "Async handling",
    253: "not exist",
    254: "not implement",
}
"""The texts of codes, mistakes and all (server-api spec, section 3)."""
