"""The life of a socket and the session route, with the events that API Gateway sends."""

import json
from typing import Any

import pytest

from functions.connect.ws import handler
from im.connect.model import Session
from im.delivery.model import Change, Device
from im.message.model import Conversation, Message
from im.wiring.base import messages, presence, rows
from im.wiring.delivery import changes
from im.wiring.sessions import sessions
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded
from tests.handlers.recorded import CONNECTION

CONNECTED_AT = 1_795_369_100_000


def device(client: str = "phone", user: str = "ann") -> Device | None:
    return presence().load_one(user).device(client)


def ask(op: str, body: Any = None, *, user: str = "ann", connection: str = CONNECTION) -> dict[str, Any]:
    request = {"route": "session", "op": op, "id": "5", "body": body or {}}
    answer = handler(recorded.frame("session", request, user=user, connection=connection), None)
    assert answer.keys() == {"statusCode", "body"}
    frame: dict[str, Any] = json.loads(answer["body"])
    assert frame["id"] == "5"
    return frame


@pytest.fixture
def online(deployed: RecordingPoster) -> RecordingPoster:
    """ann is connected on her phone, and logged in on the web as well."""
    sessions().put(Session("ann", "phone", 1, created=7))
    sessions().put(Session("ann", "web", 5, created=8))
    assert handler(recorded.event("websocket_connect"), None) == {"statusCode": 200, "headers": {}}
    return deployed


def test_connecting_registers_the_socket(online: RecordingPoster) -> None:
    assert device() == Device("phone", 1, CONNECTION, CONNECTED_AT)


def test_the_subprotocol_is_selected_when_it_was_offered(deployed: RecordingPoster) -> None:
    event = recorded.event("websocket_connect")
    event["headers"]["Sec-WebSocket-Protocol"] = "wildfire.v1, abc"

    assert handler(event, None) == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "wildfire.v1"}}


def test_a_new_socket_of_a_client_replaces_and_closes_the_old_one(online: RecordingPoster) -> None:
    event = recorded.event("websocket_connect")
    event["requestContext"] |= {"connectionId": "GXLKBfX1FiACG1w=", "connectedAt": CONNECTED_AT + 1}

    assert handler(event, None)["statusCode"] == 200
    assert device() == Device("phone", 1, "GXLKBfX1FiACG1w=", CONNECTED_AT + 1)
    assert online.closed == [CONNECTION]
    assert online.frames == {}


def test_a_socket_that_was_opened_before_the_registered_one_is_refused(online: RecordingPoster) -> None:
    late = recorded.event("websocket_connect")
    late["requestContext"] |= {"connectionId": "GXLK-fX1FiACG1w=", "connectedAt": CONNECTED_AT - 1}

    assert handler(late, None) == {"statusCode": 409}
    assert device() == Device("phone", 1, CONNECTION, CONNECTED_AT)
    assert online.closed == []


def test_disconnecting_leaves_the_device_offline(online: RecordingPoster) -> None:
    assert handler(recorded.event("websocket_disconnect"), None) == {"statusCode": 200}

    left = device()
    assert left is not None
    assert (left.online, left.platform) == (False, 1)
    assert left.since > CONNECTED_AT


def test_a_late_disconnect_does_not_touch_the_socket_that_came_after(online: RecordingPoster) -> None:
    newer = recorded.event("websocket_connect")
    newer["requestContext"] |= {"connectionId": "GXLKBfX1FiACG1w=", "connectedAt": CONNECTED_AT + 1}
    handler(newer, None)

    assert handler(recorded.event("websocket_disconnect"), None) == {"statusCode": 200}
    assert device() == Device("phone", 1, "GXLKBfX1FiACG1w=", CONNECTED_AT + 1)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("hello", {"code": 251, "msg": "JSON is malformed: invalid character (byte 0)"}),
        ("", {"code": 251, "msg": "Input data was truncated"}),
        ({"op": "x", "id": "1"}, {"code": 251, "msg": "Object missing required field `route`", "id": "1"}),
        ({"route": "x", "op": "x", "id": "1"}, {"code": 254, "msg": "no route 'x'", "id": "1"}),
    ],
)
def test_frames_that_fit_no_route_are_answered(deployed: RecordingPoster, body: Any, answer: dict[str, Any]) -> None:
    reply = handler(recorded.frame("$default", body), None)

    assert reply["statusCode"] == 200
    assert json.loads(reply["body"]) == answer


def test_an_empty_default_event_is_answered(deployed: RecordingPoster) -> None:
    event = recorded.frame("$default", "")
    del event["body"]

    assert json.loads(handler(event, None)["body"])["code"] == 251


def test_hello_of_a_new_user_is_empty_and_tells_what_the_deployment_allows(online: RecordingPoster) -> None:
    body = ask("hello")["body"]

    assert (body["userId"], body["more"], body["conversations"]) == ("ann", False, [])
    assert body["server"] == {
        "heartbeat": 240,
        "maxMessageBytes": 32_768,
        "maxUploadBytes": 104_857_600,
        "recallTimeLimit": 120,
        "pullLimit": 200,
        "receipts": True,
        "groupReceipts": 200,
    }
    assert body["versions"] == {"settings": 0, "friends": 0, "friendRequests": 0, "groups": 0, "channels": 0}


@pytest.mark.parametrize("op", ["hello", "ping"])
def test_hello_and_ping_tell_the_versions_of_what_else_is_synced(online: RecordingPoster, op: str) -> None:
    changes().tell("ann", Change.FRIEND_REQUESTS, 1_795_369_100_007, except_client="web")

    assert ask(op)["body"]["versions"] == {
        "settings": 0,
        "friends": 0,
        "friendRequests": 1_795_369_100_007,
        "groups": 0,
        "channels": 0,
    }
    [push] = online.frames[CONNECTION]
    assert push == {"push": "friendRequests", "body": {"version": 1_795_369_100_007}}


def test_hello_names_conversations_page_by_page_even_with_the_longest_ids(online: RecordingPoster) -> None:
    long_ids = [sign * 64 for sign in "\N{GRINNING FACE}\N{WINKING FACE}\N{PILE OF POO}"]
    for minute, other in enumerate(long_ids, start=1):
        conversation = Conversation(0, other)
        messages().put(Message(conversation.key(long_ids[0]), 1, minute, "c", other, 1, '{"type":1}'), indexed=False)
        rows().stamp(long_ids[0], conversation, minute)
    presence().register(long_ids[0], Device("phone", 1, CONNECTION, CONNECTED_AT))

    named, sync = [], None
    for _ in long_ids:
        page = ask("hello", {"sync": sync, "limit": 1}, user=long_ids[0])["body"]
        named += [state["conversation"]["target"] for state in page["conversations"]]
        sync = page["sync"]

    assert named == long_ids[::-1]
    assert page["more"] is False


def test_ping_puts_a_lost_registration_right(online: RecordingPoster) -> None:
    presence().disconnect("ann", "phone", CONNECTION, 9)

    assert ask("ping")["code"] == 0
    assert device() == Device("phone", 1, CONNECTION, CONNECTED_AT)


def test_a_client_whose_session_was_ended_is_told_so(online: RecordingPoster) -> None:
    presence().remove("ann", "phone")

    assert ask("ping") == {"id": "5", "code": 7, "msg": "kicked off"}
    assert ask("hello")["code"] == 7
    assert device() is None


def test_ones_own_devices(online: RecordingPoster) -> None:
    phone, web = ask("devices")["body"]

    assert (phone["clientId"], phone["platform"], phone["online"]) == ("phone", 1, True)
    assert web == {"clientId": "web", "platform": 5, "online": False, "since": 8}


def test_one_may_kick_ones_browser_which_is_told_before_it_is_closed(online: RecordingPoster) -> None:
    presence().register("ann", Device("web", 5, "GXLKWfX1FiACG1w=", 1))

    assert ask("kick", {"clientId": "web"}) == {"id": "5", "code": 0, "body": {}}
    assert online.frames == {"GXLKWfX1FiACG1w=": [{"push": "kicked", "body": {"reason": "kicked off"}}]}
    assert online.closed == ["GXLKWfX1FiACG1w="]
    assert device("web") is None
    ended = sessions().get("ann", "web")
    assert ended is not None
    assert ended.deleted


def test_one_may_not_kick_a_phone(online: RecordingPoster) -> None:
    assert ask("kick", {"clientId": "phone"}) == {"id": "5", "code": 248, "msg": "no right to operate"}
    assert online.closed == []


@pytest.mark.parametrize(("push", "ended"), [("off", True), ("keep", False)])
def test_logging_out_closes_the_socket_and_may_keep_the_session(
    online: RecordingPoster, push: str, ended: bool
) -> None:
    assert ask("logout", {"push": push}) == {"id": "5", "code": 0, "body": {}}

    assert online.closed == [CONNECTION]
    session = sessions().get("ann", "phone")
    assert session is not None
    assert session.deleted is ended
    left = device()
    assert (left is None) is ended
    assert left is None or not left.online
