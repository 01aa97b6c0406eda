"""Clients inside the runner: everything from the gateway's edge on is as it is with sockets, only the sockets are missing.

For runs of very many messages, and for tests that decide what happens next: nothing is read or written in the background.
All of it belongs to the topology's own event loop.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlencode

from websockets.datastructures import Headers
from websockets.http11 import Request

from local.gateway import SocketGateway, SocketSession

Frame = dict[str, Any]


class DirectRefused(Exception):
    """The handshake was refused with an HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Line:
    """The connection that the gateway sees: ``local.websocket.Connection`` without a socket."""

    peer_ip = "127.0.0.1"
    unsent = 0

    def __init__(self, take: Callable[[Frame], None], lost: Callable[[], None]) -> None:
        self.session: SocketSession
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = False
        self._take = take
        self._lost = lost

    def accept(self, subprotocol: str | None) -> bool:
        """The handshake is answered."""
        if not self.opened.done():
            self.opened.set_result(None)
        return not self.over

    def refuse(self, status: int, body: str) -> None:
        """The handshake is refused."""
        self.over = True
        if not self.opened.done():
            self.opened.set_exception(DirectRefused(status))

    def send(self, text: bytes) -> None:
        """A frame for the client."""
        if not self.over:
            self._take(json.loads(text))

    def ping(self, payload: bytes) -> "asyncio.Future[None]":
        """The client has taken everything at any time."""
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def close(self, code: int, reason: str) -> None:
        """Either side ends it."""
        if not self.over:
            self.over = True
            self._lost()
            self.session.closed(code, reason)

    def abort(self) -> None:
        """It breaks."""
        self.close(1006, "")


class DirectClient:
    """One connected client; made by ``connect``.

    Attributes:
        on_push: gets every push frame as it comes.
    """

    def __init__(self, gateway: SocketGateway, on_push: Callable[[Frame], None]) -> None:
        self.on_push = on_push
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._line = Line(self._take, self._lost)
        self._session = self._line.session = SocketSession(gateway, self._line)

    @classmethod
    async def connect(
        cls, gateway: SocketGateway, token: str, client: str, platform: int, on_push: Callable[[Frame], None]
    ) -> Self:
        """Open a connection with a token.

        Raises:
            DirectRefused: the handshake was refused.
        """
        made = cls(gateway, on_push)
        query = urlencode({"clientId": client, "platform": platform})
        headers = Headers({"Authorization": f"Bearer {token}", "Host": gateway.api.host})
        made._session.handshake(Request(f"/{gateway.api.stage}?{query}", headers))
        await made._line.opened
        return made

    @property
    def connection(self) -> str:
        """Its connection id."""
        return self._session.client.connection_id

    @property
    def open(self) -> bool:
        """Whether it is connected, as far as the client knows."""
        return not self._line.over

    def start(self, route: str, op: str, body: Any = None) -> "asyncio.Future[Frame]":
        """Send a request; the future yields the answer's frame, and is cancelled when the connection ends before."""
        number = str(next(self._ids))
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        if self._line.over:
            waiting.cancel()
            return waiting
        self._answers[number] = waiting
        self._session.text(json.dumps({"route": route, "op": op, "id": number, "body": body or {}}))
        return waiting

    def close(self) -> None:
        """Close the connection."""
        self._line.close(1000, "")

    def _take(self, frame: Frame) -> None:
        waiting = self._answers.pop(frame.get("id", ""), None)
        if waiting is None and "push" in frame:
            self.on_push(frame)
        elif waiting is not None and not waiting.done():
            waiting.set_result(frame)

    def _lost(self) -> None:
        for waiting in self._answers.values():
            waiting.cancel()
        self._answers.clear()
