"""What people may look at without a signature."""

from urllib.parse import urlencode

import pytest

from tests.fakes.backend import Backend

PATH = "/api/verify_token"
GOOD = "The token is good: the user may connect."


@pytest.fixture
def backend() -> Backend:
    return Backend()


def verdict(backend: Backend, user: str, client: str, token: str) -> str:
    backend.world.now += 10_000
    query = urlencode({"userId": user, "clientId": client, "token": token})
    answer = backend.request(PATH, headers={}, method="GET", query=query)
    assert (answer["statusCode"], answer["headers"]) == (200, {"Content-Type": "text/plain;charset=utf-8"})
    return str(answer["body"])


def token(backend: Backend, user: str = "小火 & co", client: str = "c/1") -> str:
    body = {"userId": user, "clientId": client, "platform": 2}
    return str(backend.ok("/admin/user/get_token", body)["token"])


def test_a_good_token_is_said_to_be_good(backend: Backend) -> None:
    assert verdict(backend, "小火 & co", "c/1", token(backend)) == GOOD


def test_what_is_wrong_with_a_token_is_told(backend: Backend) -> None:
    good = token(backend, "u", "c")

    assert "another client id" in verdict(backend, "u", "d", good)
    assert "another user's" in verdict(backend, "v", "c", good)
    assert "not one of this deployment" in verdict(backend, "u", "c", good[:-4])
    assert "Give userId" in verdict(backend, "u", "", good)
    backend.ok("/admin/user/update_block_status", {"userId": "u", "status": 2})
    assert "forbidden" in verdict(backend, "u", "c", good)
    backend.ok("/admin/user/update_block_status", {"userId": "u", "status": 0})
    backend.ok("/admin/user/kickoff_client", {"first": "u"})
    assert "has ended" in verdict(backend, "u", "c", good)


def test_a_token_that_was_good_once_is_said_to_have_expired() -> None:
    backend = Backend(token_expire_ms=5_000)
    assert verdict(backend, "u", "c", token(backend, "u", "c")) == "The token has expired."


def test_tokens_cannot_be_guessed_quickly(backend: Backend) -> None:
    query = urlencode({"userId": "u", "clientId": "c", "token": "t"})
    bodies = [backend.request(PATH, headers={}, method="GET", query=query)["body"] for _ in range(4)]

    assert '"code":250' in bodies[-1]
    assert '"code"' not in bodies[0]


def test_it_is_closed_with_the_version_and_read_only(backend: Backend) -> None:
    assert Backend(close_api_version=True).request(PATH, headers={}, method="GET")["statusCode"] == 404
    assert backend.request(PATH, headers={})["statusCode"] == 405
