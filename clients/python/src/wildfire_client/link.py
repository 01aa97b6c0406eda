"""One WebSocket connection: requests and their answers, pushes, and the rule when it counts as dead."""

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from wildfire_client.clock import Clock
from wildfire_client.errors import ChatError, Code

logger = logging.getLogger(__name__)

MAX_FRAME = 32 * 1024
"""Bytes that API Gateway takes in one frame from a client."""


class HandshakeRefused(Exception):
    """The server answered the handshake with an HTTP status other than 101."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"handshake refused with status {status}")


class Socket(Protocol):
    """What a link needs of a WebSocket. `recv` and `send` raise OSError when it is closed."""

    async def send(self, text: str) -> None:
        """Send one text frame."""

    async def recv(self) -> str:
        """The next text frame."""

    async def close(self) -> None:
        """Close; harmless when it is closed."""


Dial = Callable[[str, dict[str, str]], Awaitable[Socket]]
"""Opens a socket to a URL with these headers; raises HandshakeRefused, or OSError when there is no server to talk to."""


class _WebSocket:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error

    async def recv(self) -> str:
        try:
            frame = await self._connection.recv()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error
        return frame if isinstance(frame, str) else ""

    async def close(self) -> None:
        await self._connection.close()


async def dial(url: str, headers: dict[str, str]) -> Socket:
    """Open a WebSocket with the `websockets` library.

    Its own pings are off: the protocol has a heartbeat, and API Gateway counts frames of either kind. Compression is off
    because API Gateway does not offer it.

    Raises:
        HandshakeRefused: the server answered with another status.
        OSError: there was no answer.
    """
    try:
        connection = await connect(
            url, additional_headers=headers, compression=None, ping_interval=None, open_timeout=20, close_timeout=2
        )
    except InvalidStatus as error:
        raise HandshakeRefused(error.response.status_code) from error
    except (InvalidHandshake, TimeoutError) as error:
        raise ConnectionError(str(error)) from error
    return _WebSocket(connection)


def address(endpoint: str, client_id: str, platform: int) -> str:
    """The URL to open: the endpoint with the device in its query."""
    parts = urlsplit(endpoint)
    query = "&".join(filter(None, [parts.query, urlencode({"clientId": client_id, "platform": platform})]))
    return urlunsplit(parts._replace(query=query))


class Link:
    """Requests over one socket.

    A request that is not answered in time means that the link is dead, whatever the socket says; then every waiting
    request fails with CONNECTION_LOST and nobody knows whether it was carried out.

    Args:
        timeout: seconds for one request.
        on_push: called with the name and body of each push, in the order of arrival.
    """

    def __init__(
        self, socket: Socket, clock: Clock, timeout: float, on_push: Callable[["Link", str, dict[str, Any]], None]
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._timeout = timeout
        self._on_push = on_push
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._closed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.reason = ""
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @property
    def alive(self) -> bool:
        """Whether requests can be made."""
        return not self._closed.is_set()

    async def request(self, route: str, op: str, body: dict[str, Any]) -> Any:
        """Make one request; the body of its answer.

        Raises:
            ChatError: the server refused, the frame would be too large, or the link broke.
        """
        if not self.alive:
            raise ChatError.not_connected()
        request_id = str(next(self._ids))
        frame = json.dumps(
            {"route": route, "op": op, "id": request_id, "body": body}, ensure_ascii=False, separators=(",", ":")
        )
        if len(frame.encode()) > MAX_FRAME:
            raise ChatError(Code.MESSAGE_TOO_LARGE)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        self._idle.clear()
        timer = self._clock.call_later(self._timeout, lambda: self._break("no answer in time"))
        try:
            try:
                await self._socket.send(frame)
            except OSError as error:
                self._break(str(error))
            return await answer
        finally:
            timer.cancel()
            self._waiting.pop(request_id, None)
            if not self._waiting:
                self._idle.set()

    async def wait_closed(self) -> str:
        """Wait until the link is no more; why."""
        await self._closed.wait()
        return self.reason

    async def retire(self) -> None:
        """Wait for the answers that are due, then close."""
        try:
            await self._idle.wait()
        finally:
            await self.close()

    async def close(self, reason: str = "closed by this client") -> None:
        """Close the socket; requests that wait fail."""
        self._break(reason)
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._socket.recv())
        except OSError as error:
            self._break(str(error))

    def _take(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        if not isinstance(frame, dict):
            logger.warning("ignored a frame that is not a JSON object")
        elif "push" in frame:
            self._on_push(self, str(frame["push"]), frame.get("body") or {})
        elif (answer := self._waiting.get(str(frame.get("id")))) is not None and not answer.done():
            if code := int(frame.get("code") or 0):
                after = frame.get("after")
                answer.set_exception(
                    ChatError(
                        code,
                        str(frame.get("msg") or ""),
                        retry=bool(frame.get("retry")),
                        after=None if after is None else float(after) / 1000,
                    )
                )
            else:
                answer.set_result(frame.get("body") or {})
        # Anything else has no taker: a late answer, or API Gateway's own "Internal server error", which names no request.

    def _break(self, reason: str) -> None:
        if not self.alive:
            return
        self.reason = reason
        self._closed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChatError(Code.CONNECTION_LOST, reason, retry=True))
