"""A bare client of the socket protocol for tests and seeding: frames as dictionaries, nothing is repaired or repeated."""

import asyncio
import itertools
import json
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

GUARD_S = 10.0
"""How long to wait for a frame that must come: only a guard against tests that hang."""


class SocketClient:
    """One open socket; made by ``connect``.

    Attributes:
        pushes: the pushes received so far that nobody has taken.
        strays: other frames without an answer's id, such as the gateway's error frames.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.pushes: list[dict[str, Any]] = []
        self.strays: list[Any] = []
        self._arrived = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, url: str, token: str, client: str, platform: int = 5) -> Self:
        """Open a socket with a token.

        Raises:
            websockets.exceptions.InvalidStatus: the handshake was refused.
        """
        address = f"{url}?clientId={client}&platform={platform}"
        headers = {"Authorization": f"Bearer {token}"}
        connection = await connect(
            address, additional_headers=headers, compression=None, ping_interval=None, max_size=None, proxy=None
        )
        return cls(connection)

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                frame = json.loads(text)
                waiting = self._answers.pop(frame.get("id", ""), None) if isinstance(frame, dict) else None
                if waiting is not None:
                    if not waiting.done():
                        waiting.set_result(frame)
                    continue
                async with self._arrived:
                    is_push = isinstance(frame, dict) and "push" in frame
                    (self.pushes if is_push else self.strays).append(frame)
                    self._arrived.notify_all()
        except ConnectionClosed:
            pass
        finally:
            for waiting in self._answers.values():
                waiting.cancel()

    def start(self, route: str, op: str, body: Any = None) -> "asyncio.Future[dict[str, Any]]":
        """Send a request without waiting for its answer; the future yields the answer's whole frame."""
        request_id = str(next(self._ids))
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = waiting
        frame = {"route": route, "op": op, "id": request_id, "body": body or {}}
        sending = asyncio.ensure_future(self.connection.send(json.dumps(frame)))
        waiting.add_done_callback(lambda _: sending.cancel())
        return waiting

    async def request(self, route: str, op: str, body: Any = None) -> dict[str, Any]:
        """Send a request and return the answer's whole frame.

        Raises:
            TimeoutError: no answer came.
        """
        return await asyncio.wait_for(self.start(route, op, body), GUARD_S)

    async def call(self, route: str, op: str, body: Any = None) -> Any:
        """Send a request and return the body of its answer.

        Raises:
            AssertionError: the answer is an error.
        """
        frame = await self.request(route, op, body)
        if frame.get("code") != 0:
            raise AssertionError(f"{route}.{op} answered {frame}")
        return frame.get("body")

    async def send_text(self, text: str) -> None:
        """Send a text as it is."""
        await self.connection.send(text)

    async def expect_push(self, kind: str) -> dict[str, Any]:
        """Take the first push of a kind, perhaps after waiting for it, and return its body.

        Raises:
            TimeoutError: none came.
        """

        def find() -> dict[str, Any] | None:
            return next((push for push in self.pushes if push["push"] == kind), None)

        async with asyncio.timeout(GUARD_S), self._arrived:
            await self._arrived.wait_for(lambda: find() is not None)
            push = find()
            assert push is not None
            self.pushes.remove(push)
            body: dict[str, Any] = push["body"]
            return body

    async def stray(self) -> Any:
        """Take the first frame that is neither an answer nor a push, perhaps after waiting for it.

        Raises:
            TimeoutError: none came.
        """
        async with asyncio.timeout(GUARD_S), self._arrived:
            await self._arrived.wait_for(lambda: bool(self.strays))
            return self.strays.pop(0)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket."""
        await self.connection.close(code, reason)
        await self._reader

    async def closed(self) -> tuple[int, str]:
        """Wait until the socket is closed, and return code and reason.

        Raises:
            TimeoutError: it stays open.
        """
        await asyncio.wait_for(self.connection.wait_closed(), GUARD_S)
        return self.connection.close_code or 1006, self.connection.close_reason or ""
