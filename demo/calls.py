"""Signed calls of the server API, by a robot or the service of a channel in its own name."""

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


class Caller:
    """Signs calls.

    Args:
        url: the server API's address.
        header: what names the caller: ``rid`` a robot, ``cid`` a channel.
        name: the robot's or channel's id.
        secret: what it signs with.
        clock: the time, s.
    """

    def __init__(self, url: str, header: str, name: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._url = url.rstrip("/")
        self._caller = {header: name}
        self._secret = secret
        self._clock = clock

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
            "nonce": nonce,
            "timestamp": timestamp,
            "sign": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
            **self._caller,
        }
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            answer: Json = json.load(response)
        if answer["code"] != 0:
            raise Refused(path, answer["code"], answer["msg"])
        result: Json = answer.get("result") or {}
        return result
