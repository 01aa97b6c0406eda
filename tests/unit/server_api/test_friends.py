"""Friends, blacklists and aliases through the server API (server-api spec 2.4, and 7.5 step 2)."""

from typing import Any

import pytest

from im.wire.api.codec import decode
from im.wire.api.friends import SendRequest, SetFriend
from tests.fakes.backend import Backend

PAIR = {"userId": "ff1", "friendUid": "ff2"}
NAMED = {"operator": "ff1", "targetId": "ff2"}
PATHS: dict[str, dict[str, Any]] = {
    "/admin/friend/status": {**PAIR, "status": 0},
    "/admin/friend/list": {"userId": "ff1"},
    "/admin/friend/set_alias": {**NAMED, "alias": "x"},
    "/admin/friend/get_alias": NAMED,
    "/admin/friend/set_extra": {**NAMED, "extra": "x"},
    "/admin/friend/send_request": {**PAIR, "reason": "hi"},
    "/admin/friend/handle_send_request": {**PAIR, "status": 1},
    "/admin/blacklist/status": {"userId": "ff1", "targetUid": "ff2", "status": 2},
    "/admin/blacklist/list": {"userId": "ff1"},
    "/admin/relation/get": {"first": "ff1", "second": "ff2"},
}


@pytest.fixture
def backend() -> Backend:
    return Backend()


def listed(backend: Backend, family: str = "friend") -> list[str]:
    result = backend.ok(f"/admin/{family}/list", {"userId": "ff1"})
    assert result.keys() == {"list"}
    ids: list[str] = result["list"]
    return ids


def relation(backend: Backend) -> dict[str, Any]:
    found: dict[str, Any] = backend.ok("/admin/relation/get", {"first": "ff1", "second": "ff2"})
    return found


def test_what_the_official_programs_do_with_two_users(backend: Backend) -> None:
    assert backend.ok("/admin/friend/send_request", {**PAIR, "reason": "hello", "force": True}) is None
    assert backend.ok("/admin/friend/status", {**PAIR, "status": 0, "extra": '{"from":1}'}) is None
    assert listed(backend) == ["ff2"]
    assert backend.code("/admin/friend/send_request", {**PAIR, "reason": "hello", "force": True}) == 23
    assert backend.ok("/admin/friend/status", {**PAIR, "status": 1}) is None
    assert listed(backend) == []
    assert backend.ok("/admin/blacklist/status", PATHS["/admin/blacklist/status"]) is None
    assert listed(backend, "blacklist") == ["ff2"]
    assert backend.ok("/admin/friend/set_alias", {**NAMED, "alias": "hello1795365230140"}) is None
    assert backend.ok("/admin/friend/get_alias", NAMED) == {**NAMED, "alias": "hello1795365230140"}
    assert backend.ok("/admin/friend/set_extra", {**NAMED, "extra": "hello friend extra"}) is None
    assert relation(backend) == {
        "userId": "ff1",
        "targetId": "ff2",
        "isFriend": False,
        "isBlacked": True,
        "status": 1,
        "alias": "hello1795365230140",
        "extra": "hello friend extra",
    }
    body = {"sender": "ff1", "conv": {"type": 0, "target": "ff2"}, "payload": {"type": 1, "searchableContent": "hi"}}
    assert backend.code("/admin/message/send", body) == 0


def test_of_strangers_a_relation_says_only_that(backend: Backend) -> None:
    assert relation(backend) == {"userId": "ff1", "targetId": "ff2", "isFriend": False, "isBlacked": False, "status": 1}
    assert backend.ok("/admin/friend/get_alias", NAMED) == {**NAMED, "alias": ""}
    assert listed(backend) == listed(backend, "blacklist") == []


@pytest.mark.parametrize("status", [1, 0, "1"])
def test_two_numbers_take_somebody_off_the_blacklist(backend: Backend, status: int | str) -> None:
    body = PATHS["/admin/blacklist/status"]
    backend.ok("/admin/blacklist/status", body)

    backend.ok("/admin/blacklist/status", {**body, "status": status})

    assert listed(backend, "blacklist") == []


def test_an_alias_or_extra_that_is_missing_or_null_is_cleared(backend: Backend) -> None:
    for name in ("alias", "extra"):
        for body in (NAMED, {**NAMED, name: None}, {**NAMED, name: ""}):
            backend.ok(f"/admin/friend/set_{name}", {**NAMED, name: "x"})
            backend.ok(f"/admin/friend/set_{name}", body)
            assert name not in relation(backend)


def test_a_request_keeps_to_the_users_rules_unless_it_is_forced(backend: Backend) -> None:
    backend.ok("/admin/blacklist/status", {"userId": "ff2", "targetUid": "ff1", "status": 2})

    assert backend.code("/admin/friend/send_request", {**PAIR, "reason": None, "force": False}) == 246
    assert backend.code("/admin/friend/send_request", {**PAIR, "force": "true"}) == 0


def test_a_request_is_answered_for_who_was_asked(backend: Backend) -> None:
    answer = {"userId": "ff2", "friendUid": "ff1"}
    assert backend.code("/admin/friend/handle_send_request", {**answer, "status": 1}) == 253
    backend.ok("/admin/friend/send_request", PAIR)
    backend.ok("/admin/friend/handle_send_request", {**answer, "status": 2})
    assert backend.code("/admin/friend/send_request", PAIR) == 18

    backend.world.now += 8 * 86_400_000
    assert backend.code("/admin/friend/handle_send_request", {**answer, "status": 1}) == 19
    backend.ok("/admin/friend/handle_send_request", {**answer, "status": 1, "force": True})
    assert listed(backend) == ["ff2"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/admin/friend/status", {"status": 2}),
        ("/admin/friend/status", {"friendUid": "ff1"}),
        ("/admin/friend/status", {"extra": "x" * 1_025}),
        ("/admin/friend/set_alias", {"alias": "x" * 65}),
        ("/admin/friend/send_request", {"reason": "x" * 257}),
        ("/admin/friend/handle_send_request", {"status": 3}),
        ("/admin/blacklist/status", {"status": 3}),
        ("/admin/blacklist/status", {"targetUid": "a\u0000b"}),
    ],
)
def test_what_cannot_be_is_refused(backend: Backend, path: str, change: dict[str, Any]) -> None:
    assert backend.code(path, {**PATHS[path], **change}) == 251
    assert (listed(backend), backend.world.friends.friends("ff1")) == ([], [])


@pytest.mark.parametrize("path", PATHS)
def test_where_friendships_are_not_hosted_every_path_says_so(path: str) -> None:
    envelope = Backend(host_friends=False).call(path, PATHS[path])

    assert (envelope["code"], envelope["msg"]) == (254, "friendships are not hosted here")


def test_what_java_and_javascript_write_is_read_alike() -> None:
    assert decode(SetFriend, b'{"userId":"a","friendUid":"b","status":"0","extra":null,"x":1}') == SetFriend(
        "a", "b", 0
    )
    assert decode(SendRequest, b'{"userId":"a","friendUid":"b","reason":null,"force":1}') == SendRequest(
        "a", "b", force=True
    )
