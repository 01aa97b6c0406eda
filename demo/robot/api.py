"""Calls of the server API in a robot's name."""

import hashlib
import json
import random
import time
import urllib.request
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
_TIMEOUT_S = 8.0


class Refused(Exception):
    """The server answered another code than 0."""

    def __init__(self, path: str, code: int, msg: str) -> None:
        super().__init__(f"{path}: {code} {msg}")
        self.code = code


class RobotApi:
    """The paths under ``/robot``.

    Args:
        url: the server API's address.
        robot: the robot's user id.
        secret: what it signs with.
        clock: the time, s.
    """

    def __init__(self, url: str, robot: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self.robot = robot
        self._url = url.rstrip("/")
        self._secret = secret
        self._clock = clock

    def send(self, conversation: Json, payload: Json) -> Json:
        """Write into a conversation."""
        return self.call("/robot/message/send", {"conv": conversation, "payload": payload})

    def reply(self, message_uid: int, payload: Json, *, only_to_sender: bool = False) -> Json:
        """Answer a message where it was written."""
        body = {"messageUid": message_uid, "payload": payload, "only2Sender": only_to_sender}
        return self.call("/robot/message/reply", body)

    def user(self, user_id: str) -> Json:
        """A user's profile; of somebody who is not registered only the id."""
        try:
            return self.call("/robot/user_info", {"userId": user_id})
        except Refused:
            return {"userId": user_id, "displayName": user_id}

    def call(self, path: str, body: Json) -> Json:
        """A signed call; returns its result.

        Raises:
            Refused: the server does not do it.
            OSError: the server cannot be reached.
        """
        nonce, timestamp = str(random.randrange(10**12)), str(int(self._clock() * 1000))
        text = f"{nonce}|{self._secret}|{timestamp}"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "rid": self.robot,
            "nonce": nonce,
            "timestamp": timestamp,
            "sign": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        }
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            answer: Json = json.load(response)
        if answer["code"] != 0:
            raise Refused(path, answer["code"], answer["msg"])
        result: Json = answer.get("result") or {}
        return result
