"""The server API as a whole: the order of the checks, the answers' form, what is served and what is not."""

import json
from typing import Any

import pytest

from im.delivery.model import PushAddress
from im.errors import BusyError, Code, ImError
from im.message.model import Conversation
from im.server_api.endpoints import NOT_IMPLEMENTED
from im.server_api.registry import ENDPOINTS
from im.wire.signature import HttpCall, sign_native
from tests.fakes.backend import Backend


@pytest.fixture
def backend() -> Backend:
    return Backend()


# --- the checks, in their order


def test_a_refused_signature_answers_its_code_twice(backend: Backend) -> None:
    envelope = backend.call("/admin/user/check_block_status", {"userId": "u"}, headers={})

    assert (envelope["code"], envelope["result"]) == (239, {"code": 239, "msg": envelope["msg"]})


def test_the_rate_comes_before_the_signature_and_the_window_frees_it() -> None:
    backend = Backend(capacity=3)
    codes = [backend.code("/admin/user/check_block_status", {"userId": "u"}, headers={}) for _ in range(5)]
    assert set(codes) == {239, 250}
    assert backend.call("/admin/sensitive/query")["result"] == {"code": 250, "msg": "over frequency"}
    assert backend.call("/admin/health", method="GET")["code"] == 250

    backend.world.now += 10_000
    assert backend.code("/admin/sensitive/query") == 0


def test_a_signature_is_accepted_once(backend: Backend) -> None:
    headers = backend.signed()

    assert backend.code("/admin/sensitive/query", headers=headers) == 0
    assert backend.code("/admin/user/destroy", {"userId": "u"}, headers=headers) == 244


def test_a_nonce_may_be_used_again(backend: Backend) -> None:
    assert backend.code("/admin/sensitive/query", headers=backend.signed(nonce="7")) == 0
    backend.world.now += 1
    assert backend.code("/admin/sensitive/query", headers=backend.signed(nonce="7")) == 0


def test_a_signature_is_remembered_as_long_as_its_timestamp_is_good(backend: Backend) -> None:
    window = backend.world.switches.clock_window_ms
    headers = backend.signed()
    backend.world.now -= window
    assert backend.code("/admin/sensitive/query", headers=headers) == 0

    backend.world.now += 2 * window
    assert backend.code("/admin/sensitive/query", headers=headers) == 244
    backend.world.now += 1
    assert backend.code("/admin/sensitive/query", headers=headers) == 243


def test_a_wrong_signature_uses_up_nothing(backend: Backend) -> None:
    right = backend.signed()

    assert backend.code("/admin/sensitive/query", headers=backend.signed("wrong", nonce=right["nonce"])) == 244
    assert backend.code("/admin/sensitive/query", headers=right) == 0


def test_the_previous_secret_is_still_valid(backend: Backend) -> None:
    assert backend.code("/admin/sensitive/query", headers=backend.signed("previous")) == 0


def test_with_the_check_of_time_off_fixed_headers_keep_working() -> None:
    backend = Backend(admin_no_check_time=True)
    headers = backend.signed()
    backend.world.now += 10**10

    assert [backend.code("/admin/sensitive/query", headers=headers) for _ in range(2)] == [0, 0]


def test_the_native_signature_is_accepted_once_and_alone_when_the_legacy_one_is_off() -> None:
    backend = Backend(legacy_signature=False)
    nonce, timestamp = "n", str(backend.world.now)
    call = HttpCall("POST", "/admin/sensitive/query", "", {}, b"")
    headers = {"nonce": nonce, "timestamp": timestamp, "x-wf-signature": sign_native(call, "current", timestamp, nonce)}

    codes = [backend.code("/admin/sensitive/query", headers=headers) for _ in range(2)]
    assert [*codes, backend.code("/admin/sensitive/query")] == [0, 244, 239]


def test_health_needs_no_signature_in_exactly_that_spelling(backend: Backend) -> None:
    [node] = backend.call("/admin/health", headers={}, method="GET")["result"]
    assert backend.code("/admin/health", headers={}, method="GET", query="x=1") == 239
    assert backend.code("/admin/health", method="GET", query="x=1") == 0

    assert isinstance(node["node"], str)
    assert (type(node["cpu"]["load"]), type(node["cpu"]["cores"])) == (float, int)
    assert all(type(node["memory"][name]) is int and node["memory"][name] > 0 for name in ("free", "max", "avail"))
    assert all(type(node["disk"][name]) is int for name in ("space", "free", "usable"))


# --- what is served


@pytest.mark.parametrize(
    "path", ["/", "/admin", "/admin/", "/admin/nothing", "/admin/user/create/", "/im", "/api/nothing"]
)
def test_a_path_outside_the_api_is_not_found(backend: Backend, path: str) -> None:
    assert backend.request(path)["statusCode"] == 404


def test_a_wrong_method_is_refused_and_head_is_harmless(backend: Backend) -> None:
    for path, method in (
        ("/admin/user/create", "GET"),
        ("/admin/health", "POST"),
        ("/robot/profile", "GET"),
        ("/api/version", "POST"),
        ("/admin/user/create", "OPTIONS"),
    ):
        assert backend.request(path, method=method)["statusCode"] == 405
    head = backend.request("/anything", method="HEAD")
    assert (head["statusCode"], head["body"]) == (200, "")


@pytest.mark.parametrize("path", sorted(NOT_IMPLEMENTED))
def test_a_known_path_that_is_not_built_says_so(backend: Backend, path: str) -> None:
    assert backend.code(path, {}) == 254
    assert path not in ENDPOINTS


def test_the_table_of_what_is_not_built_spells_paths_as_the_sdks_do() -> None:
    for path in (
        "/admin/domain/create",
        "/robot/moments/profiles/value/push",
        "/robot/conference/request",
        "/admin/moments/feed/post",
    ):
        assert path in NOT_IMPLEMENTED


def test_an_unsigned_call_learns_nothing_about_admin_paths(backend: Backend) -> None:
    assert backend.code("/admin/robot/create", {}, headers={}) == 239


def test_the_version_is_free_unless_it_is_closed(backend: Backend) -> None:
    answer = backend.request("/api/version", method="GET", headers={})
    closed = Backend(close_api_version=True).request("/api/version", method="GET", headers={})

    assert (answer["statusCode"], json.loads(answer["body"])["name"]) == (200, "wildfire-serverless")
    assert closed["statusCode"] == 404


def test_an_answer_without_an_envelope_is_no_refusal(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    backend.request("/api/version", method="GET", headers={})
    backend.request("/api/version", method="HEAD", headers={})

    printed = capsys.readouterr().out
    assert "ApiCalls" in printed
    assert "ApiRefused" not in printed


# --- failures


@pytest.mark.parametrize("body", ["{", "nonsense", '{"userId":}', "[]", '"u"', ""])
def test_a_body_that_cannot_be_used_is_an_invalid_parameter(backend: Backend, body: str) -> None:
    answer = backend.request("/admin/user/check_block_status", body)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (200, 251)


def test_a_call_without_a_body_ignores_what_is_sent(backend: Backend) -> None:
    assert json.loads(backend.request("/admin/sensitive/query", "{")["body"])["code"] == 0


@pytest.mark.parametrize(
    ("failure", "code"), [(BusyError("busy"), 221), (ImError(Code.NOT_RIGHT), 248), (RuntimeError("secret"), 4)]
)
def test_failures_of_ours_have_codes_and_tell_nothing_inner(backend: Backend, failure: Exception, code: int) -> None:
    def fail() -> list[str]:
        raise failure

    backend.world.words.words = fail  # type: ignore[method-assign]

    answer = backend.request("/admin/sensitive/query")

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (200, code)
    assert "secret" not in answer["body"]


def test_logs_and_metrics_hold_neither_bodies_nor_signatures(
    backend: Backend, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    headers = backend.signed()
    backend.request("/admin/user/get_info", '{"userId":"private"}', headers)
    backend.request("/admin/guess/%0aprivate", "", headers)

    printed = capsys.readouterr().out + repr([vars(record) for record in caplog.records])
    assert "ApiRefused" in printed
    assert "'/admin/user/get_info'" in printed
    for hidden in ("private", headers["sign"], headers["timestamp"]):
        assert hidden not in printed


# --- endpoints


def test_users_from_registration_to_destruction(backend: Backend) -> None:
    create = {"userId": "userId1", "name": "user1", "displayName": "user 1", "mobile": "13900000000", "type": 0}
    assert backend.ok("/admin/user/create", create) == {"userId": "userId1", "name": "user1"}
    for query in ({"name": "user1"}, {"mobile": "13900000000"}, {"userId": "userId1"}):
        user = backend.ok("/admin/user/get_info", query)
        assert (user["userId"], user["displayName"], user["mobile"]) == ("userId1", "user 1", "13900000000")

    change = {"userId": "userId1", "displayName": "new", "portrait": "p"}
    assert backend.ok("/admin/user/update", {"flag": 3, "userInfo": change}) is None
    assert backend.ok("/admin/user/get_info", {"userId": "userId1"})["portrait"] == "p"
    assert backend.code("/admin/user/update", {"flag": 3, "userInfo": {"userId": "nobody"}}) == 253
    assert backend.code("/admin/user/update", {"flag": 0, "userInfo": change}) == 251
    assert backend.code("/admin/user/create", {"userId": "userId2", "name": "user1"}) == 4
    assert backend.code("/admin/user/create", {"userId": "userId2"}) == 251

    assert backend.ok("/admin/user/destroy", {"userId": "userId1"}) is None
    assert backend.code("/admin/user/get_info", {"userId": "userId1"}) == 253
    assert backend.ok("/admin/user/get_info", {"userId": "userId1", "includeDeleted": True})["deleted"] == 1
    assert backend.ok("/admin/user/destroy", {"userId": "user11"}) is None


def test_an_empty_display_name_becomes_the_name_and_an_absent_one_stays_empty(backend: Backend) -> None:
    for user, display in (("a", {"displayName": ""}), ("b", {}), ("c", {"displayName": None})):
        backend.ok("/admin/user/create", {"userId": user, "name": f"name-{user}", **display})

    names = [backend.ok("/admin/user/get_info", {"userId": user})["displayName"] for user in "abc"]
    assert names == ["name-a", "", ""]


def test_the_seeds_exist_from_the_first_call(backend: Backend) -> None:
    assert backend.ok("/admin/user/get_info", {"userId": "admin"})["type"] == 3
    assert backend.ok("/admin/user/get_info", {"name": "FireRobot"})["displayName"] == "小火"


def test_tokens_sessions_and_kicking(backend: Backend) -> None:
    token = backend.ok("/admin/user/get_token", {"userId": "u", "clientId": "c", "platform": "2"})
    assert token["userId"] == "u"
    assert token["token"]
    [session] = backend.ok("/admin/user/onlinestatus", {"userId": "u", "includeDeleted": False})["sessions"]
    assert (session["clientId"], session["userId"], session["platform"], session["status"]) == ("c", "u", 2, 1)
    backend.world.online("u", "c", 2)
    [session] = backend.ok("/admin/user/onlinestatus", {"userId": "u"})["sessions"]
    assert (session["status"], session["lastSeen"]) == (0, backend.world.now)

    assert backend.ok("/admin/user/kickoff_client", {"first": "u"}) is None
    assert backend.ok("/admin/user/onlinestatus", {"userId": "u"}) == {"sessions": []}
    backend.world.robots.add("FireRobot")
    assert backend.code("/admin/user/get_token", {"userId": "FireRobot", "clientId": "c"}) == 27
    assert backend.code("/admin/user/get_token", {"userId": "u"}) == 251


def test_one_client_may_be_kicked_alone(backend: Backend) -> None:
    for client, platform in (("c1", 2), ("c2", 5)):
        backend.ok("/admin/user/get_token", {"userId": "u", "clientId": client, "platform": platform})

    backend.ok("/admin/user/kickoff_client", {"first": "u", "second": "c1"})

    [left] = backend.ok("/admin/user/onlinestatus", {"userId": "u"})["sessions"]
    assert left["clientId"] == "c2"


def test_block_status_by_either_name(backend: Backend) -> None:
    assert backend.ok("/admin/user/check_block_status", {"userId": "u"}) == {"status": 0}
    backend.ok("/admin/user/update_block_status", {"userId": "u", "status": 2})
    backend.ok("/admin/user/update_block_status", {"userId": "v", "block": 1})

    assert backend.ok("/admin/user/check_block_status", {"userId": "u"}) == {"status": 2}
    blocked = backend.ok("/admin/user/get_blocked_list")["statusList"]
    assert sorted(blocked, key=lambda each: each["userId"]) == [
        {"userId": "u", "status": 2},
        {"userId": "v", "status": 1},
    ]
    assert backend.code("/admin/user/update_block_status", {"userId": "u", "status": 3}) == 251


def send(backend: Backend, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "sender": "ff1",
        "conv": {"type": 0, "target": "ff2", "line": 0},
        "payload": {"type": 1, "searchableContent": "Hello world", "persistFlag": 3, "mentionedTarget": []},
        "toUsers": [],
    }
    return backend.call("/admin/message/send", {**body, **changes})


def test_messages_from_sending_to_deletion(backend: Backend) -> None:
    sent = send(backend)["result"]
    uid = sent["messageUid"]
    assert (type(uid), sent["timestamp"]) == (int, backend.world.now)
    assert float(uid) == uid

    message = backend.ok("/admin/message/get_one", {"messageUid": str(uid)})
    assert (message["messageId"], message["sender"], message["conv"]["target"]) == (uid, "ff1", "ff2")
    assert message["payload"]["searchableContent"] == "Hello world"

    original = backend.ok("/admin/message/recall", {"operator": "user1", "messageUid": uid, "isUserRecall": False})
    assert json.loads(original)["sc"] == "Hello world"
    assert backend.ok("/admin/message/get_one", {"messageUid": uid})["payload"]["type"] == 80
    assert backend.ok("/admin/message/recall", {"operator": "user1", "messageUid": uid}) == ""
    assert backend.ok("/admin/message/delete", {"messageUid": uid}) is None
    assert backend.code("/admin/message/get_one", {"messageUid": uid}) == 253
    for path in ("recall", "delete", "get_one"):
        assert backend.code(f"/admin/message/{path}", {"operator": "user1", "messageUid": 128}) == 253


def test_a_directed_message_is_for_the_listed_users(backend: Backend) -> None:
    connections = [backend.world.online(user) for user in ("ff2", "ff1")]

    send(backend, toUsers=["somebody"])

    assert [len(backend.world.pushes(connection)) for connection in connections] == [0, 1]


def test_an_admins_message_passes_where_a_users_does_not(backend: Backend) -> None:
    backend.world.rows.relate("ff2", "ff1", blocked=True, befriended=False)
    backend.world.words.add(["hello"])

    assert send(backend)["code"] == 0
    assert send(backend, isUserMessage=True)["code"] == 246
    assert send(backend, conv={"target": "ff3"}, userMessage=True)["code"] == 242
    assert send(backend, payload={"type": 104})["code"] == 0
    assert send(backend, conv={"target": "ff3"}, payload={"type": 104}, userMessage=True)["code"] == 251


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"conv": None}, 251),
        ({"conv": {"type": 0, "target": ""}}, 251),
        ({"conv": {"type": 7, "target": "x"}}, 251),
        ({"conv": {"type": -1, "target": "x"}}, 251),
        ({"sender": ""}, 251),
        ({"payload": None}, 251),
        ({"conv": {"type": 1, "target": "nobody"}}, 253),
        ({"payload": {}}, 0),
    ],
)
def test_what_a_message_needs(backend: Backend, change: dict[str, Any], code: int) -> None:
    assert send(backend, **change)["code"] == code


def test_a_user_recall_keeps_to_the_users_rules(backend: Backend) -> None:
    uid = send(backend)["result"]["messageUid"]

    assert backend.code("/admin/message/recall", {"operator": "ff2", "messageUid": uid, "isUserRecall": True}) == 248
    assert backend.code("/admin/message/recall", {"operator": "ff1", "messageUid": uid, "isUserRecall": True}) == 0


def test_groups_from_creation_to_dissolution(backend: Backend) -> None:
    create = {
        "operator": "user1",
        "group": {
            "group_info": {"target_id": "groupId1", "name": "test_group", "owner": "user1", "type": 2, "extra": "x"},
            "members": [{"member_id": "user1", "type": 0}, {"member_id": "user2", "type": "0"}],
        },
        "to_lines": [],
        "notify_message": None,
        "member_extra": "",
    }
    assert backend.code("/admin/group/del", {"operator": "user1", "group_id": "groupId1", "to_lines": []}) == 253
    assert backend.ok("/admin/group/create", create) == {"group_id": "groupId1", "groupId": "groupId1"}
    assert backend.code("/admin/group/create", create) == 11
    info = backend.ok("/admin/group/get_info", {"groupId": "groupId1"})
    assert (info["name"], info["owner"], info["extra"], info["member_count"]) == ("test_group", "user1", "x", 2)

    added = {"group_id": "groupId1", "members": [{"member_id": "user3", "alias": "three"}], "operator": "user1"}
    assert backend.ok("/admin/group/member/add", added) is None
    listed = backend.ok("/admin/group/member/list", {"groupId": "groupId1"})["members"]
    assert {member["member_id"]: (member["type"], member["alias"]) for member in listed} == {
        "user1": (2, ""),
        "user2": (0, ""),
        "user3": (0, "three"),
    }
    removed = {"group_id": "groupId1", "members": ["user2", "user9"], "operator": "user1"}
    assert backend.ok("/admin/group/member/del", removed) is None
    assert len(backend.ok("/admin/group/member/list", {"groupId": "groupId1"})["members"]) == 2

    assert backend.ok("/admin/group/del", {"operator": "user1", "group_id": "groupId1"}) is None
    for path in ("get_info", "member/list"):
        assert backend.code(f"/admin/group/{path}", {"groupId": "groupId1"}) == 253
    log = Conversation(1, "groupId1").key("user1")
    assert [json.loads(message.payload)["type"] for message in backend.world.messages.after(log, 0, 9)] == [
        104, 105, 106, 108
    ]  # fmt: skip


def test_a_group_of_an_unknown_type_or_without_an_operator_is_refused(backend: Backend) -> None:
    group = {"group_info": {"type": 4}}
    assert backend.code("/admin/group/create", {"operator": "o", "group": group}) == 2
    assert backend.code("/admin/group/create", {"group": {"group_info": {}}}) == 251
    assert backend.code("/admin/group/create", {"operator": "o"}) == 251


def test_a_notice_of_ones_own_goes_to_the_lines_that_are_asked_for(backend: Backend) -> None:
    notice = {"type": 1001, "content": "welcome", "persistFlag": 1}
    body = {"operator": "o", "group": {"group_info": {}}, "to_lines": ["1", 1], "notify_message": notice}

    group = backend.ok("/admin/group/create", body)["group_id"]

    assert backend.world.messages.newest(Conversation(1, group).key("o")) is None
    message = backend.world.messages.newest(Conversation(1, group, 1).key("o"))
    assert message is not None
    assert (message.seq, json.loads(message.payload)) == (1, {"type": 1001, "content": "welcome", "persistFlag": 1})


def test_sensitive_words_come_and_go(backend: Backend) -> None:
    backend.ok("/admin/sensitive/add", {"words": ["A", "b", "c"]})
    assert backend.ok("/admin/sensitive/query") == {"words": ["a", "b", "c"]}
    backend.ok("/admin/sensitive/del", {"words": ["a", "b"]})

    assert backend.ok("/admin/sensitive/query") == {"words": ["c"]}
    for body in ({"words": []}, {}, None):
        assert backend.code("/admin/sensitive/add", body) == 251


def test_every_endpoint_says_what_it_does() -> None:
    assert all(endpoint.summary.endswith(".") for endpoint in ENDPOINTS.values())


# --- more of users, robots and devices


def register(backend: Backend, user: str, **more: Any) -> None:
    backend.world.now += 1
    backend.ok("/admin/user/create", {"userId": user, "name": f"name-{user}", **more})


def test_users_by_number_address_and_in_batches_under_the_names_of_both_sdks(backend: Backend) -> None:
    register(backend, "u1", mobile="139", email="a@b.c")
    register(backend, "u2", mobile="139")

    by_mobile = backend.ok("/admin/user/get_info_by_mobile", {"mobile": "139", "includeDeleted": False, "name": ""})
    assert [user["userId"] for user in by_mobile["userInfos"]] == ["u1", "u2"]
    for spelling in ("a@b.c", {"email": "a@b.c"}):
        by_email = backend.ok("/admin/user/get_info_by_email", spelling)
        assert [user["userId"] for user in by_email["userInfos"]] == ["u1"]
        assert by_email["userInfoList"] == by_email["userInfos"]
    assert backend.code("/admin/user/get_info_by_email", "x@y.z") == 253
    assert backend.code("/admin/user/get_info_by_mobile", {"mobile": "0"}) == 253

    batch = backend.ok("/admin/user/batch_get_infos", {"list": ["u2", "TestUser", "admin", "FireRobot"]})
    assert [user["userId"] for user in batch["userInfos"]] == ["u2", "admin", "FireRobot"]
    assert batch["userInfoList"] == batch["userInfos"]
    for path in ("get_info_by_email", "get_info_by_mobile", "batch_get_infos"):
        assert backend.code(f"/admin/user/{path}", {}) == 251
    assert backend.code("/admin/user/batch_get_infos", {"list": []}) == 251


def test_all_users_page_by_page(backend: Backend) -> None:
    backend.ok("/admin/user/get_blocked_list")
    register(backend, "u1")
    register(backend, "u2")

    everybody = backend.ok("/admin/user/all", {"count": 100, "offset": 0})
    assert everybody["userList"] == everybody["userInfoList"]
    ids = [user["userId"] for user in everybody["userInfoList"]]
    assert ids[-2:] == ["u1", "u2"]
    assert set(ids[:-2]) == {"admin", "FireRobot", "wfc_file_transfer"}
    assert backend.ok("/admin/user/all", {"count": 1, "offset": 4})["userInfoList"][0]["userId"] == "u2"
    assert backend.ok("/admin/user/all", {"count": 1, "offset": 5}) == {"userInfoList": [], "userList": []}
    for wrong in ({"count": 0}, {"count": 1, "offset": -1}, {"count": 1001}, {}):
        assert backend.code("/admin/user/all", wrong) == 251


def test_users_are_searched_for_whatever_clients_may(backend: Backend) -> None:
    register(backend, "u1", displayName="Ann Lee")

    found = backend.ok("/admin/user/search_user", {"keyword": "lee", "searchType": 0, "userType": 1, "page": 0})

    assert ([user["userId"] for user in found["userInfos"]], found["keyword"]) == (["u1"], "lee")
    assert backend.ok("/admin/user/search_user", {"keyword": "u1", "searchType": 4})["userInfos"]
    assert backend.ok("/admin/user/search_user", {"keyword": "lee", "userType": 2})["userInfos"] == []
    assert backend.code("/admin/user/search_user", {"keyword": "lee", "searchType": 9}) == 251
    assert backend.code("/admin/user/search_user", {}) == 251


def test_the_sessions_of_a_user_under_the_names_of_both_sdks(backend: Backend) -> None:
    backend.ok("/admin/user/get_token", {"userId": "u", "clientId": "c", "platform": 2})
    backend.world.online("u", "c", 2)
    backend.world.push_devices.register("u", "c", 2, PushAddress(6, "t"))

    listed = backend.ok("/admin/user/session_list", {"userId": "u"})

    session = {"userId": "u", "clientId": "c", "platform": 2, "pushType": 6, "deviceToken": "t", "deviceVoipToken": ""}
    assert listed == {name: [{**session, "isOnline": True}] for name in ("userSessions", "sessions")}
    assert backend.ok("/admin/user/session_list", {"userId": "nobody"}) == {"userSessions": [], "sessions": []}


def test_who_is_online_is_counted_by_user_and_listed_by_device(backend: Backend) -> None:
    assert backend.ok("/admin/user/online_count") == [{"node": 1, "count": 0}]
    for user, client in (("b", "phone"), ("a", "phone"), ("a", "web"), ("c", "phone")):
        backend.world.online(user, client, 5)
    backend.world.connect.disconnected("c", "phone", backend.world.presence.load_one("c").devices[0].connection)

    assert backend.ok("/admin/user/online_count") == [{"node": 1, "count": 2}]
    listed = backend.ok("/admin/user/online_list", {"nodeId": 1, "offset": 0, "count": 10})
    assert listed["users"] == listed["userClients"]
    assert (listed["totalCount"], listed["offset"]) == (2, 0)
    assert listed["userClients"] == [
        {"userId": user, "clientId": client, "platform": 5}
        for user, client in (("a", "phone"), ("a", "web"), ("b", "phone"))
    ]
    rest = backend.ok("/admin/user/online_list", {"nodeId": 1, "offset": 1, "count": 10})
    assert [client["userId"] for client in rest["userClients"]] == ["b"]
    for wrong in ({"nodeId": 2}, {}, {"nodeId": 1, "offset": -1}, {"nodeId": 1, "count": 1001}):
        assert backend.code("/admin/user/online_list", wrong) == 251


def test_a_socket_that_is_older_than_any_can_be_is_not_listed(backend: Backend) -> None:
    backend.world.online("a")
    backend.world.now += 131 * 60_000

    assert backend.ok("/admin/user/online_list", {"nodeId": 1, "count": 10})["userClients"] == []


def test_without_an_index_nobody_is_counted() -> None:
    backend = Backend(online_index=False)

    assert backend.code("/admin/user/online_count") == 220
    assert backend.code("/admin/user/online_list", {"nodeId": 1, "count": 1}) == 220


def test_a_robot_is_made_read_back_listed_and_destroyed(backend: Backend) -> None:
    create = {
        "userId": "robot1",
        "name": "robot1",
        "displayName": "Bot",
        "gender": 0,
        "updateDt": 0,
        "owner": "userId1",
    }
    create |= {"secret": "123456", "callback": "http://127.0.0.1:8883/robot/recvmsg", "robotExtra": "x", "extra": "y"}
    assert backend.ok("/admin/robot/create", create) == {"userId": "robot1", "secret": "123456"}

    robot = backend.ok("/admin/user/get_robot_info", {"robotId": "robot1"})
    update_dt = robot.pop("updateDt")
    assert type(update_dt) is int
    texts = dict.fromkeys(("portrait", "mobile", "email", "address", "company", "social"), "")
    del create["updateDt"]
    assert robot == {**create, **texts}

    assert backend.ok("/admin/user/get_user_robots", {"userId": "userId1"}) == {"list": ["robot1"]}
    assert backend.ok("/admin/user/get_user_robots", {"userId": "ff1"}) == {"list": []}
    listed = backend.ok("/admin/user/get_all_robots", {"count": 100, "offset": 0})["robotInfoList"]
    assert {each["userId"]: each["secret"] for each in listed} == dict.fromkeys(
        ("FireRobot", "wfc_file_transfer", "robot1"), ""
    )
    backend.ok("/admin/user/destroy", {"userId": "robot1"})
    assert backend.code("/admin/user/get_robot_info", {"robotId": "robot1"}) == 253
    assert backend.ok("/admin/user/get_user_robots", {"userId": "userId1"}) == {"list": []}


def test_a_robot_without_a_secret_or_an_id_gets_them(backend: Backend) -> None:
    made = backend.ok("/admin/robot/create", {"name": "bot"})

    assert backend.ok("/admin/user/get_robot_info", {"robotId": made["userId"]})["secret"] == made["secret"] != ""
    assert backend.code("/admin/robot/create", {}) == 251
    assert backend.code("/admin/robot/create", {"userId": "other", "name": "bot"}) == 4
    assert backend.code("/admin/user/get_robot_info", {"robotId": "nobody"}) == 253
    assert backend.code("/admin/user/get_all_robots", {}) == 251


def test_fire_robot_comes_with_the_record_that_the_sdks_expect(backend: Backend) -> None:
    robot = backend.ok("/admin/user/get_robot_info", {"robotId": "FireRobot"})

    assert (robot["owner"], robot["secret"]) == ("FireRobot", "123456")


def test_a_device_is_made_read_back_and_its_owners_find_it(backend: Backend) -> None:
    made = backend.ok("/admin/device/create", {"deviceId": "deviceId1", "owners": ["opoGoG__", "userId1"]})
    assert made["deviceId"] == "deviceId1"
    assert all(isinstance(made[name], str) and made[name] for name in ("token", "secret"))

    device = backend.ok("/admin/device/get", {"deviceId": "deviceId1"})
    assert device == {**made, "state": 0, "owners": ["opoGoG__", "userId1"], "extra": ""}
    assert backend.ok("/admin/device/user_devices", {"userId": "userId1"}) == {"devices": [device]}
    assert backend.ok("/admin/device/user_devices", {"userId": "nobody"}) == {"devices": []}
    assert backend.code("/admin/device/get", {"deviceId": "nothing"}) == 253
    assert backend.ok("/admin/user/get_info", {"userId": "deviceId1"})["type"] == 2
    assert backend.world.gate.admit(made["token"], "deviceId1").user == "deviceId1"


def test_without_profiles_their_endpoints_answer_254_and_everything_else_works() -> None:
    backend = Backend(host_profiles=False)
    user = {"userId": "u1", "name": "ann"}
    for path, body in (
        ("create", user),
        ("update", {"flag": 1, "userInfo": user}),
        ("get_info", user),
        ("get_info_by_mobile", {"mobile": "1"}),
        ("get_info_by_email", "a@b.c"),
        ("batch_get_infos", {"list": ["u1"]}),
        ("all", {"count": 1}),
        ("search_user", {"keyword": "ann"}),
    ):
        assert backend.code(f"/admin/user/{path}", body) == 254

    assert backend.ok("/admin/user/get_token", {"userId": "u1", "clientId": "c"})["token"]
    assert backend.ok("/admin/user/session_list", {"userId": "u1"})["sessions"]
    assert backend.ok("/admin/robot/create", {"userId": "r1", "name": "bot", "secret": "s"})["userId"] == "r1"
    backend.ok("/admin/user/update_block_status", {"userId": "u1", "status": 1})
    backend.ok("/admin/user/destroy", {"userId": "u1"})
