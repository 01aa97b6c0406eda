"""Whatever a caller puts into a body, the answer is HTTP 200 and a code that tells what is wrong, never a failure of ours."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from im.errors import Code
from im.server_api.registry import ENDPOINTS
from tests.unit.server_api.pins import PINS
from tests.unit.server_api.test_api import Backend

WITH_BODY = sorted(path for path in ENDPOINTS if ENDPOINTS[path].request)
HOSTILE = (
    None, "", " ", "\x00", "a|b", "小" * 200, "x" * 70, "x" * 100_000, 0, -1, 1.5, 2**31, 2**63, 10**40, True, [], [None],
    [[]], ["x"] * 5_000, {}, {"low": 1, "high": 2**40}, {"userId": {"userId": 1}},
)  # fmt: skip
NAMES_ARE_UNIQUE = ("/admin/user/create", "/admin/robot/create")


@pytest.fixture(scope="module")
def backend() -> Backend:
    return Backend(capacity=1_000_000)


@pytest.mark.parametrize("path", [path for path in WITH_BODY if PINS[path].needs])
def test_what_is_needed_is_asked_for(backend: Backend, path: str) -> None:
    [body, *_] = PINS[path].sends
    for name in PINS[path].needs:
        for without in ({key: value for key, value in body.items() if key != name}, {**body, name: None}):
            assert backend.code(path, without) == Code.INVALID_PARAMETER, f"without {name}"


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize(
    "body", ["{", "[", '"', "nonsense", "<xml/>", '{"userId":', '{"a":1}{"b":2}', "\x00", "[" * 60_000, "1e999"]
)
def test_what_is_not_json_is_an_invalid_parameter(backend: Backend, path: str, body: str) -> None:
    answer = backend.request(path, body)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (200, Code.INVALID_PARAMETER)


@pytest.mark.parametrize("path", WITH_BODY)
def test_a_body_of_another_kind_is_no_failure_of_ours(backend: Backend, path: str) -> None:
    for body in ("", "null", "true", "7", '"text"', "[]", "{}", "[[]]", "[null]", '{"":{}}'):
        answer = backend.request(path, body)
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"])["code"] != Code.SERVER_ERROR, body


@pytest.mark.parametrize("path", [path for path in WITH_BODY if path not in NAMES_ARE_UNIQUE])
def test_no_value_of_a_member_is_a_failure_of_ours(backend: Backend, path: str) -> None:
    for sent in PINS[path].sends:
        for body in spoilt(sent):
            assert backend.code(path, body) != Code.SERVER_ERROR, body


def spoilt(body: Any) -> Iterator[Any]:
    """The body with one hostile value in the place of each of its members, however deep."""
    if not isinstance(body, dict):
        yield from HOSTILE
        return
    for name, value in body.items():
        for hostile in HOSTILE:
            yield {**body, name: hostile}
        if isinstance(value, dict):
            yield from ({**body, name: inner} for inner in spoilt(value))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ({**body, name: [inner]} for inner in spoilt(value[0]))


@pytest.mark.parametrize("word", ["x" * 99, '"' * 50, "小" * 33])
def test_an_answer_that_does_not_fit_says_so(word: str) -> None:
    """Otherwise Lambda would answer HTTP 502, which SDKs raise as whatever went wrong."""
    backend = Backend()
    backend.world.words.words = lambda: [word] * 50_000  # type: ignore[method-assign]
    assert len(json.dumps(backend.request("/admin/sensitive/query"), ensure_ascii=False).encode()) < 6_291_556

    backend = Backend()
    backend.world.words.words = lambda: [word] * 60_000  # type: ignore[method-assign]
    envelope = backend.call("/admin/sensitive/query")
    assert envelope["code"] == Code.INVALID_PARAMETER
    assert "ask for less" in envelope["msg"]
