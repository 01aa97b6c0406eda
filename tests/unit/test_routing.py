"""The router: from an event to an operation and back, whatever comes in."""

import json
from typing import Any

import pytest

from im.errors import BusyError, Code, ImError
from im.routing import Call, Router, call_of, refuse
from im.wire import frames


class EchoBody(frames.Strict, frozen=True):
    """Something to repeat."""

    text: str


class CountingLimiter:
    """A limiter that notes what it was asked, and refuses when told so."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refusal: ImError | None = None

    def take(self, scope: str, owner: str) -> None:
        self.taken.append((scope, owner))
        if self.refusal:
            raise self.refusal


@pytest.fixture
def limiter() -> CountingLimiter:
    return CountingLimiter()


@pytest.fixture
def router(limiter: CountingLimiter) -> Router:
    router = Router("echo", lambda: limiter)  # type: ignore[arg-type, return-value]

    @router.op("say", EchoBody)
    def say(call: Call, body: EchoBody) -> dict[str, Any]:
        match body.text:
            case "busy":
                raise BusyError("storage is busy", after_ms=50)
            case "defect":
                raise ZeroDivisionError
        return {"text": body.text, "user": call.user}

    return router


def event(body: Any) -> dict[str, Any]:
    vouched = {"userId": "ann", "clientId": "phone", "platform": "1", "principalId": "ann", "integrationLatency": 3}
    return {
        "requestContext": {
            "routeKey": "echo",
            "authorizer": vouched,
            "connectionId": "GXLKAfX1FiACG1w=",
            "connectedAt": 1_795_369_100_000,
            "requestId": "r-1",
        },
        "body": body if isinstance(body, str) else json.dumps(body),
    }


def request(text: str = "hi", **changes: Any) -> dict[str, Any]:
    return {"route": "echo", "op": "say", "id": "17", "body": {"text": text}, **changes}


def frame_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer.keys() == {"statusCode", "body"}
    assert answer["statusCode"] == 200
    frame: dict[str, Any] = json.loads(answer["body"])
    return frame


def test_the_authorizers_word_is_the_caller() -> None:
    assert call_of(event("")) == Call("ann", "phone", 1, "GXLKAfX1FiACG1w=", 1_795_369_100_000)


def test_an_operation_gets_its_decoded_body_and_its_result_is_the_answers_body(router: Router) -> None:
    assert frame_of(router.handle(event(request()))) == {
        "id": "17",
        "code": 0,
        "body": {"text": "hi", "user": "ann"},
    }


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (request(body={"text": 5}), {"id": "17", "code": 251}),
        (request(body={"text": "hi", "more": 1}), {"id": "17", "code": 251}),
        (request(body=None), {"id": "17", "code": 251}),
        (request(op="sing"), {"id": "17", "code": 254}),
        (request(route="other"), {"id": "17", "code": 254}),
        (request(id=17), {"code": 251}),
        (request(more=1), {"id": "17", "code": 251}),
        ("no JSON", {"code": 251}),
        ("", {"code": 251}),
        ("[" * 30_000, {"code": 251}),
    ],
)
def test_what_is_wrong_with_a_request_becomes_an_error_frame(
    router: Router, body: Any, refusal: dict[str, Any]
) -> None:
    frame = frame_of(router.handle(event(body)))

    assert frame.pop("msg")
    assert frame == refusal


def test_a_refusal_that_may_be_repeated_says_so_and_when(router: Router) -> None:
    busy = {"id": "17", "code": 221, "msg": "storage is busy", "retry": True, "after": 50}
    assert frame_of(router.handle(event(request("busy")))) == busy


def test_a_defect_is_a_server_error_that_tells_nothing(router: Router) -> None:
    frame = frame_of(router.handle(event(request("defect"))))

    assert frame == {"id": "17", "code": Code.SERVER_ERROR, "msg": "server error", "retry": True}


def test_requests_are_counted_by_operation_and_client(router: Router, limiter: CountingLimiter) -> None:
    router.handle(event(request()))
    router.handle(event(request(op="sing")))

    assert limiter.taken == [("echo.say", "ann/phone")]


def test_who_asks_too_often_is_told_to_wait(router: Router, limiter: CountingLimiter) -> None:
    limiter.refusal = ImError(Code.OVER_FREQUENCY, retry=True, after_ms=1_200)

    frame = frame_of(router.handle(event(request())))

    assert (frame["code"], frame["retry"], frame["after"]) == (250, True, 1_200)


def test_the_registered_operations_are_known_with_their_schemas(router: Router) -> None:
    assert router.operations == {"say": EchoBody}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"route": "nowhere", "op": "x", "id": "3"}, {"id": "3", "code": 254, "msg": "no route 'nowhere'"}),
        ({"route": "x" * 100, "op": "x", "id": "3"}, {"id": "3", "code": 254, "msg": f"no route '{'x' * 64}'"}),
        ({"op": "x", "id": "3"}, {"id": "3", "code": 251, "msg": "Object missing required field `route`"}),
        ("{", {"code": 251, "msg": "Input data was truncated"}),
    ],
)
def test_frames_without_a_route_are_refused(body: Any, refusal: dict[str, Any]) -> None:
    assert frame_of(refuse(event(body))) == refusal


def test_even_nesting_beyond_reason_is_answered() -> None:
    assert frame_of(refuse(event("[" * 30_000)))["code"] == 251
