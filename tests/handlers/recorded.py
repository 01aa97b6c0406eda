"""Recorded events, as API Gateway and SQS send them."""

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"
CONNECTION = "GXLKAfX1FiACG1w="
"""The connection id of the recorded events; they are ann's, on her client "phone"."""


def event(name: str) -> dict[str, Any]:
    """A fresh copy of a recorded event."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def frame(
    route: str, body: Any, *, user: str = "ann", client: str = "phone", connection: str = CONNECTION
) -> dict[str, Any]:
    """The event of a text frame on a route; a body that is no text is written as JSON."""
    made = event("websocket_frame")
    made["requestContext"] |= {"routeKey": route, "connectionId": connection}
    made["requestContext"]["authorizer"] |= {"userId": user, "clientId": client, "principalId": user}
    made["body"] = body if isinstance(body, str) else json.dumps(body)
    return made
