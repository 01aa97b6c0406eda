"""The server API over HTTP, where callers are not as well-behaved as the official SDKs."""

import json
from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e.official import PYTHON, Program

pytestmark = pytest.mark.xdist_group("official-programs")

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def caller() -> Iterator[Program]:
    with Topology.from_cdk() as topology, Program.of(topology, PYTHON) as program:
        yield program


def status(caller: Program, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    caller.connection.request(method, path, body, caller.signature())
    with caller.connection.getresponse() as response:
        return response.status, response.read()


def test_a_body_may_come_as_any_type_of_content(caller: Program) -> None:
    body = '{"userId":"小火"}'.encode()
    for content_type in ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded", ""):
        headers = {**caller.signature(), "Content-Type": content_type}
        caller.connection.request("POST", "/admin/user/check_block_status", body, headers)
        with caller.connection.getresponse() as response:
            assert json.loads(response.read()) == {"code": 0, "msg": "success", "result": {"status": 0}}


def test_header_names_have_no_case(caller: Program) -> None:
    headers = {name.title(): value for name, value in caller.signature().items()}

    assert caller.send("/admin/sensitive/query", b"", headers=headers)["code"] == 0


def test_large_bodies_are_read_or_refused(caller: Program) -> None:
    """A function URL takes 6 MB; what is below that is JSON, and has to be good."""
    padding = b"x" * (5 * MEGABYTE)
    assert caller.send("/admin/user/check_block_status", b'{"userId":"u","more":"' + padding + b'"}')["code"] == 0
    assert caller.send("/admin/user/check_block_status", b'{"userId":"' + padding + b'"}')["code"] == 251
    assert caller.send("/admin/user/check_block_status", b"[" * (5 * MEGABYTE))["code"] == 251
    assert status(caller, "POST", "/admin/user/check_block_status", b"x" * (7 * MEGABYTE))[0] == 413


def test_an_answer_that_is_no_envelope_is_no_success_for_an_sdk(caller: Program) -> None:
    assert status(caller, "POST", "/admin/nothing") == (404, b"")
    assert status(caller, "GET", "/admin/user/get_info") == (405, b"")
    assert status(caller, "PUT", "/admin/user/get_info") == (405, b"")
    assert status(caller, "HEAD", "/admin/user/get_info") == (200, b"")


def test_a_path_is_taken_as_it_is_spelled(caller: Program) -> None:
    assert status(caller, "POST", "/admin/user/get%5Finfo", b'{"userId":"admin"}')[0] == 200
    assert status(caller, "POST", "/ADMIN/user/get_info")[0] == 404
    assert status(caller, "POST", "/admin//user/get_info")[0] == 404


def test_a_person_is_told_why_a_client_cannot_connect(caller: Program) -> None:
    token = caller.ok("/admin/user/get_token", {"userId": "ann", "clientId": "phone", "platform": 2})["token"]
    code, text = status(caller, "GET", f"/api/verify_token?userId=ann&clientId=phone&token={token}")

    assert (code, text.decode()) == (200, "The token is good: the user may connect.")
