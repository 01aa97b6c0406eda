"""The robot as a function: its function URL is the robot's callback.

Environment: ``SERVER_API_URL``, ``ROBOT_ID`` (FireRobot) and ``ROBOT_SECRET``.
"""

import base64
import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from demo.robot.api import RobotApi
from demo.robot.talk import Fire
from demo.robot.webhook import NotSigned, verify

_REMEMBERED = 1_000


class Listener(Protocol):
    """Whoever the callbacks are for."""

    def hear(self, body: Any) -> object:
        """Do what a callback asks for."""


class Callback:
    """Takes callbacks.

    Args:
        listener: answers.
        secret: the robot's, or the channel's.
    """

    def __init__(self, listener: Listener, secret: str) -> None:
        self._listener = listener
        self._secret = secret
        self._done: OrderedDict[str, None] = OrderedDict()

    def take(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Do what a callback asks for; returns the HTTP status to answer.

        One whose id was dealt with is success and nothing else. What fails raises, and the server calls again.
        """
        try:
            message_id = verify(body, {name.lower(): value for name, value in headers.items()}, self._secret)
        except NotSigned:
            return 401
        if message_id not in self._done:
            self._listener.hear(json.loads(body))
            self._done[message_id] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
        return 200


@cache
def callback() -> Callback:
    """The robot that the environment names."""
    secret = os.environ["ROBOT_SECRET"]
    return Callback(
        Fire(RobotApi(os.environ["SERVER_API_URL"], os.environ.get("ROBOT_ID", "FireRobot"), secret)), secret
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a function URL's event."""
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    return {"statusCode": callback().take(body, event.get("headers", {}))}
