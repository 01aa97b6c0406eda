"""The opening handshake: the two places of the token, and what makes it unusable."""

from typing import Any

import pytest

from im.errors import Code, ImError
from im.wire.handshake import credentials, selects_subprotocol


def event(headers: dict[str, str] | None = None, **query: str) -> dict[str, Any]:
    return {"headers": headers or {}, "queryStringParameters": query or None}


def offering(value: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": value}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer abc"},
        {"authorization": "bearer abc"},
        {"AUTHORIZATION": "Bearer   abc "},
        offering("wildfire.v1, abc"),
        offering("wildfire.v1,abc"),
        {"sec-websocket-protocol": "wildfire.v1, abc"},
    ],
)
def test_the_token_is_in_a_header_or_the_second_subprotocol(headers: dict[str, str]) -> None:
    assert credentials(event(headers, clientId="phone", platform="2")) == ("abc", "phone", 2)


def test_the_header_is_the_one_that_counts() -> None:
    both = {"Authorization": "Bearer abc", **offering("wildfire.v1, other")}

    assert credentials(event(both, clientId="phone"))[0] == "abc"


def test_the_platform_may_be_left_out() -> None:
    assert credentials(event({"Authorization": "Bearer abc"}, clientId="phone")) == ("abc", "phone", 0)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {"clientId": "phone"}),
        ({"Authorization": "Bearer "}, {"clientId": "phone"}),
        ({"Authorization": "Basic abc"}, {"clientId": "phone"}),
        ({"Authorization": "abc"}, {"clientId": "phone"}),
        ({"Authorization": "Bearer " + "x" * 4_097}, {"clientId": "phone"}),
        (offering("wildfire.v1"), {"clientId": "phone"}),
        (offering("abc, wildfire.v1"), {"clientId": "phone"}),
        (offering("wildfire.v2, abc"), {"clientId": "phone"}),
        (offering("wildfire.v1, abc, def"), {"clientId": "phone"}),
        ({}, {"clientId": "phone", "token": "abc"}),
        ({"Authorization": "Bearer abc"}, {}),
        ({"Authorization": "Bearer abc"}, {"clientId": ""}),
        ({"Authorization": "Bearer abc"}, {"clientId": "phone", "platform": "web"}),
        ({"Authorization": "Bearer abc"}, {"clientId": "phone", "platform": "-1"}),
        ({"Authorization": "Bearer abc"}, {"clientId": "phone", "platform": "1000"}),
        ({"Authorization": "Bearer abc"}, {"clientId": "phone", "platform": "\N{ARABIC-INDIC DIGIT FIVE}"}),
    ],
)
def test_anything_else_is_a_token_error(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(ImError) as refusal:
        credentials(event(headers, **query))

    assert refusal.value.code is Code.TOKEN_ERROR


def test_a_handshake_without_headers_and_query_is_refused_not_an_error() -> None:
    with pytest.raises(ImError):
        credentials({"headers": None, "queryStringParameters": None})


def test_the_subprotocol_is_selected_when_it_was_offered() -> None:
    assert selects_subprotocol(event(offering("wildfire.v1, abc")))
    assert selects_subprotocol(event(offering("wildfire.v1")))
    assert not selects_subprotocol(event(offering("wildfire.v10, abc")))
    assert not selects_subprotocol(event())
