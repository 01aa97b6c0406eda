"""Tokens for trying things out. For development only.

A product's client gets its token from the product's own back end, which knows who signed in. Here the program holds the
administrator's secret itself, reads where the server is from a file that the local runner writes, and issues a token for
any user that it is told.
"""

import asyncio
import hashlib
import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


class SetupError(Exception):
    """The chat cannot begin; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the server is, and the secret of its server API."""

    socket: str
    server_api: str
    admin_secret: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the runner's file.

        Raises:
            SetupError: it is not there, or is not such a file.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(values["socket"]), str(values["server_api"]), str(values["admin_secret"]))
        except FileNotFoundError:
            raise SetupError(f"{path} is not there: start the server first (make run)") from None
        except (KeyError, TypeError, ValueError) as error:
            raise SetupError(f"{path} is not a file of endpoints: {error}") from None

    async def token(self, user_id: str, client_id: str, platform: int) -> str:
        """Ask the server API for a token.

        Raises:
            SetupError: there is no server, or it refuses.
        """
        return await asyncio.to_thread(self._token, {"userId": user_id, "clientId": client_id, "platform": platform})

    def _token(self, body: dict[str, Any]) -> str:
        nonce, timestamp = str(secrets.randbelow(10**9)), str(int(time.time() * 1000))
        sign = hashlib.sha1(f"{nonce}|{self.admin_secret}|{timestamp}".encode()).hexdigest()
        request = urllib.request.Request(
            f"{self.server_api.rstrip('/')}/admin/user/get_token",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "nonce": nonce, "timestamp": timestamp, "sign": sign},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                answer = json.load(response)
        except (OSError, ValueError) as error:
            raise SetupError(f"no answer from {self.server_api} ({error}): is the server running?") from None
        if answer.get("code") != 0:
            raise SetupError(f"the server gives no token: {answer.get('msg') or answer}")
        return str(answer["result"]["token"])
