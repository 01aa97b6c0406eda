"""The server API function on moto, called the way the official SDKs call it.

Every call is made twice, in the two dialects: the Python SDK writes blanks after separators, leaves empty texts out and
sends empty lists; the Java SDK writes compact JSON with every number and boolean, and ``null`` for nothing.
"""

import copy
import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from functions.server_api.http import handler
from im.wire.signature import sign
from tests.handlers.conftest import ADMIN_SECRET

EVENT = json.loads((Path(__file__).parents[1] / "events" / "function_url.json").read_text())
_nonces = count(1)


def call(path: str, body: str = "", method: str = "POST", *, signed: bool = True) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["body"] = body
    if signed:
        nonce, timestamp = str(next(_nonces)), str(time.time_ns() // 1_000_000)
        event["headers"] |= {"nonce": nonce, "timestamp": timestamp, "sign": sign(nonce, ADMIN_SECRET, timestamp)}
    answer = handler(event, None)
    assert answer["statusCode"] == 200
    assert answer["headers"] == {"Content-Type": "application/json;charset=utf-8"}
    envelope: dict[str, Any] = json.loads(answer["body"])
    assert type(envelope["code"]) is int
    assert envelope.get("result", 0) is not None
    return envelope


Write = Callable[[dict[str, Any]], str]


def as_python(body: dict[str, Any]) -> str:
    """What the Python SDK writes: no nulls, no empty texts."""
    return json.dumps(_pruned(body), ensure_ascii=False)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pruned(member) for name, member in value.items() if member is not None and member != ""}
    return [_pruned(element) for element in value] if isinstance(value, list) else value


def as_java(body: dict[str, Any]) -> str:
    """What the Java and JavaScript SDKs write: compact, nulls and all."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class Sdk:
    """Calls in one dialect, and checks what every SDK relies on."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def code(self, path: str, body: dict[str, Any]) -> int:
        return int(call(path, self._write(body))["code"])

    def ok(self, path: str, body: dict[str, Any] | None = None) -> Any:
        envelope = call(path, "" if body is None else self._write(body))
        assert envelope["code"] == 0, envelope
        assert envelope["msg"] == "success"
        return envelope.get("result")


@pytest.fixture(params=[as_python, as_java])
def sdk(request: pytest.FixtureRequest, deployed: None) -> Sdk:
    return Sdk(request.param)


def user_body(user: str, **members: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("password", "portrait", "email", "address", "company", "social", "extra"))
    return {"userId": user, "gender": 0, "type": 0, "deleted": 0, "updateDt": 0, **empty, **members}


def payload(text: str, **members: Any) -> dict[str, Any]:
    plain = {"mediaType": 0, "persistFlag": 3, "expireDuration": 0, "mentionedType": 0, "mentionedTarget": []}
    return {"type": 1, "searchableContent": text, "pushContent": None, **plain, **members}


def test_the_users_program(sdk: Sdk) -> None:
    ann = user_body("ann1", name="ann", displayName="Ann A.", mobile="13700000000")
    assert sdk.ok("/admin/user/create", ann) == {"userId": "ann1", "name": "ann"}
    assert sdk.ok("/admin/user/create", ann) == {"userId": "ann1", "name": "ann"}
    for query in ({"name": "ann"}, {"mobile": "13700000000"}, {"userId": "ann1"}):
        found = sdk.ok("/admin/user/get_info", {**query, "includeDeleted": False})
        assert [found[name] for name in ("userId", "name", "mobile", "displayName")] == [
            "ann1",
            "ann",
            "13700000000",
            "Ann A.",
        ]
    assert sdk.code("/admin/user/create", user_body("other", name="ann")) == 4

    assert sdk.code("/admin/user/update", {"flag": 3, "userInfo": user_body("nobody", displayName="x")}) == 253
    change = {"flag": 3, "userInfo": user_body("ann1", displayName="Annie", portrait="http://p")}
    assert sdk.ok("/admin/user/update", change) is None
    found = sdk.ok("/admin/user/get_info", {"userId": "ann1"})
    assert (found["displayName"], found["portrait"], found["mobile"]) == ("Annie", "http://p", "13700000000")

    token = sdk.ok("/admin/user/get_token", {"userId": "ann1", "clientId": "client7", "platform": 2})
    assert token["userId"] == "ann1"
    assert isinstance(token["token"], str)
    assert token["token"]
    assert sdk.code("/admin/user/get_token", {"userId": "FireRobot", "clientId": "client8", "platform": 2}) == 27

    assert sdk.ok("/admin/user/update_block_status", {"userId": "ann1", "status": 2}) is None
    assert sdk.ok("/admin/user/check_block_status", {"userId": "ann1", "includeDeleted": False}) == {"status": 2}
    assert sdk.ok("/admin/user/get_blocked_list") == {"statusList": [{"userId": "ann1", "status": 2}]}
    assert sdk.ok("/admin/user/update_block_status", {"userId": "ann1", "status": 0}) is None
    assert sdk.ok("/admin/user/check_block_status", {"userId": "ann1"}) == {"status": 0}
    assert sdk.ok("/admin/user/get_blocked_list") == {"statusList": []}

    [session] = sdk.ok("/admin/user/onlinestatus", {"userId": "ann1", "includeDeleted": False})["sessions"]
    assert (session["clientId"], session["platform"], session["status"]) == ("client7", 2, 1)
    assert sdk.ok("/admin/user/kickoff_client", {"first": "ann1", "second": None}) is None
    assert sdk.ok("/admin/user/onlinestatus", {"userId": "ann1"}) == {"sessions": []}

    for user in ("never-there", "ann1"):
        assert sdk.ok("/admin/user/destroy", {"userId": user}) is None
    assert sdk.code("/admin/user/get_info", {"userId": "ann1"}) == 253


def test_the_groups_program(sdk: Sdk) -> None:
    base = {"operator": "u1", "to_lines": [], "notify_message": None, "isMeshMessage": False}
    assert sdk.code("/admin/group/del", {"group_id": "club", **base}) == 253
    info = {
        "target_id": "club",
        "name": "a club",
        "portrait": "http://p",
        "owner": "u1",
        "type": 2,
        "extra": "more",
        **dict.fromkeys(("mute", "join_type", "private_chat", "searchable", "max_member_count", "history_message"), 0),
        **dict.fromkeys(("member_count", "memberCount", "memberUpdateDt", "updateDt"), 0),
        "super_group": False,
        "deleted": False,
    }
    members = [{"member_id": f"u{n}", "alias": "", "type": 0, "updateDt": 0, "createDt": 0} for n in (1, 2, 3)]
    create = {"group": {"group_info": info, "members": members}, "member_extra": "", **base}
    assert sdk.ok("/admin/group/create", create) == {"group_id": "club", "groupId": "club"}
    assert sdk.code("/admin/group/create", create) == 11

    group = sdk.ok("/admin/group/get_info", {"groupId": "club"})
    assert [group[name] for name in ("target_id", "name", "owner", "extra", "type")] == [
        "club",
        "a club",
        "u1",
        "more",
        2,
    ]
    assert group["super_group"] is False

    again = {"group_id": "club", "members": [{"member_id": "u1", "alias": "first", "type": 0}], "member_extra": None}
    assert sdk.ok("/admin/group/member/add", {**again, **base}) is None
    assert sdk.ok("/admin/group/member/del", {"group_id": "club", "members": ["u3"], **base}) is None
    listed = sdk.ok("/admin/group/member/list", {"groupId": "club"})["members"]
    assert {member["member_id"]: (member["alias"], member["type"], member["extra"]) for member in listed} == {
        "u1": ("first", 2, ""),
        "u2": ("", 0, ""),
    }
    assert all(type(member[name]) is int for member in listed for name in ("updateDt", "createDt"))

    assert sdk.ok("/admin/group/del", {"group_id": "club", **base}) is None
    assert sdk.code("/admin/group/get_info", {"groupId": "club"}) == 253
    assert sdk.ok("/admin/group/create", create) == {"group_id": "club", "groupId": "club"}


def test_the_messages_program(sdk: Sdk) -> None:
    conversation = {"type": 0, "target": "nobody registered", "line": 0}
    send = {"sender": "u1", "conv": conversation, "toUsers": [], "isUserMessage": False, "isMeshMessage": False}
    contents = [
        payload("hello"),
        payload("", type=2, content="7", mediaType=2, remoteMediaUrl="https://media/v.amr"),
        payload("slides.pptx", type=5, content="38394", mediaType=4, remoteMediaUrl="https://media/s.pptx"),
        payload("正在输入", type=14, content="stream1", persistFlag=4),
        payload("", type=400, base64edData="eyJhIjoxfQ==", pushData="{}"),
    ]
    uids = []
    for content in contents:
        sent = sdk.ok("/admin/message/send", {**send, "payload": content})
        assert sent["messageUid"] > 0
        assert float(sent["messageUid"]) == sent["messageUid"]
        assert abs(sent["timestamp"] - time.time() * 1000) < 60_000
        uids.append(sent["messageUid"])
    assert len(set(uids)) == len(uids)

    message = sdk.ok("/admin/message/get_one", {"messageUid": uids[0]})
    assert (message["messageId"], message["sender"], message["toUsers"]) == (uids[0], "u1", [])
    assert message["conv"] == message["conversation"] == conversation
    assert message["payload"]["searchableContent"] == "hello"
    assert sdk.code("/admin/message/get_one", {"messageUid": uids[3]}) == 253

    recalled = sdk.ok("/admin/message/recall", {"operator": "u9", "messageUid": uids[0], "isUserRecall": False})
    assert json.loads(recalled)["sc"] == "hello"
    assert sdk.ok("/admin/message/get_one", {"messageUid": uids[0]})["payload"]["type"] == 80
    assert isinstance(sdk.ok("/admin/message/recall", {"operator": "u9", "messageUid": uids[0]}), str)
    assert sdk.ok("/admin/message/delete", {"messageUid": uids[0]}) is None


def test_the_words_program(sdk: Sdk) -> None:
    assert sdk.ok("/admin/sensitive/add", {"words": ["x", "y", "z"]}) is None
    assert sdk.ok("/admin/sensitive/query") == {"words": ["x", "y", "z"]}
    assert sdk.ok("/admin/sensitive/del", {"words": ["x", "y", "z"]}) is None
    assert sdk.ok("/admin/sensitive/query") == {"words": []}


def test_health_and_version_need_no_signature(deployed: None) -> None:
    health = call("/admin/health", method="GET", signed=False)
    assert health["code"] == 0
    assert isinstance(health["result"], list)

    version = handler({**EVENT, "rawPath": "/api/version", "requestContext": {"http": {"method": "GET"}}}, None)
    assert version["statusCode"] == 200


def test_an_unsigned_call_is_refused(deployed: None) -> None:
    assert call("/admin/user/get_info", '{"userId": "u1"}', signed=False)["code"] == 239


def test_a_group_of_two_thousand_members_is_created_and_listed(deployed: None) -> None:
    members = [{"member_id": f"user-{number:04d}"} for number in range(2_000)]
    body = json.dumps({"operator": "user-0000", "group": {"group_info": {"target_id": "crowd"}, "members": members}})

    assert call("/admin/group/create", body)["code"] == 0

    listed = call("/admin/group/member/list", '{"groupId": "crowd"}')["result"]["members"]
    assert len({member["member_id"] for member in listed}) == 2_000
    assert call("/admin/group/get_info", '{"groupId": "crowd"}')["result"]["member_count"] == 2_000
