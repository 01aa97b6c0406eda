"""The opening handshake: where a client puts its token (docs/protocol.md, Connecting)."""

from collections.abc import Mapping
from typing import Any

from im.errors import Code, ImError

SUBPROTOCOL = "wildfire.v1"
_MAX_TOKEN = 4_096


def credentials(event: Mapping[str, Any]) -> tuple[str, str, int]:
    """Token, client id and platform (0 when not given) of a ``$connect`` event.

    The token is in ``Authorization: Bearer`` or, for browsers, the second WebSocket subprotocol; never in the URL.

    Raises:
        ImError: 6, one of them is missing or malformed.
    """
    query = event.get("queryStringParameters") or {}
    client = query.get("clientId") or ""
    platform = query.get("platform") or "0"
    if not client or not platform.isascii() or not platform.isdigit() or len(platform) > 3:
        raise ImError(Code.TOKEN_ERROR, "clientId is missing or platform is not a number")
    token = _token(event)
    if not token or len(token) > _MAX_TOKEN:
        raise ImError(Code.TOKEN_ERROR, "no token")
    return token, client, int(platform)


def _token(event: Mapping[str, Any]) -> str:
    scheme, _, token = _header(event, "authorization").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = _offered(event)
    return offered[1] if len(offered) == 2 and offered[0] == SUBPROTOCOL else ""


def selects_subprotocol(event: Mapping[str, Any]) -> bool:
    """Whether the client offered our subprotocol, which the answer must then select."""
    return SUBPROTOCOL in _offered(event)


def _offered(event: Mapping[str, Any]) -> list[str]:
    return [part.strip() for part in _header(event, "sec-websocket-protocol").split(",") if part.strip()]


def _header(event: Mapping[str, Any], name: str) -> str:
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), "")
