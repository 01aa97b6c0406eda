"""One TCP connection to the WebSocket API's port: frames in and out, with API Gateway's limits on them.

The port also serves the connection management API. The first request decides: an upgrade to WebSocket stays here, anything
else is handed to the HTTP server.
"""

import asyncio
import codecs
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

MAX_FRAME = 32 * 1024
MAX_MESSAGE = 128 * 1024
_MAX_HEAD = 16 * 1024
_UPGRADE = re.compile(rb"\r\nupgrade:\s*websocket\s*\r\n", re.IGNORECASE)
_LINGER_S = 1.0
"""How long a peer may take to close its side after we closed ours."""


class Session(Protocol):
    """What the connection reports to: one opening handshake, and what follows it."""

    def handshake(self, request: Request) -> None:
        """A client asks for a WebSocket; answer by ``WebSocketConnection.accept`` or ``refuse``."""

    def text(self, text: str) -> None:
        """A whole text message has arrived."""

    def closed(self, code: int, reason: str) -> None:
        """The connection is over, once, after the handshake or during it."""


class Connection(Protocol):
    """What a session does with its connection; ``WebSocketConnection`` is one."""

    @property
    def peer_ip(self) -> str:
        """The client's address."""

    @property
    def unsent(self) -> int:
        """How many bytes the client has not taken yet."""

    def accept(self, subprotocol: str | None) -> bool:
        """Answer the handshake; False when the client is gone."""

    def refuse(self, status: int, body: str) -> None:
        """Refuse the handshake."""

    def send(self, text: bytes) -> None:
        """Send a text message."""

    def ping(self, payload: bytes) -> "asyncio.Future[None]":
        """Ask whether the client has taken everything."""

    def close(self, code: int, reason: str) -> None:
        """Close in order."""

    def abort(self) -> None:
        """Cut."""


class WebSocketConnection(asyncio.Protocol):
    """The server's side of one connection.

    Args:
        make_session: makes the session when a client asks for a WebSocket.
        make_http: makes the protocol that takes over a plain HTTP connection.
    """

    def __init__(
        self,
        make_session: "Callable[[WebSocketConnection], Session]",
        make_http: Callable[[], asyncio.Protocol],
    ) -> None:
        self._make_session = make_session
        self._make_http = make_http
        self._head = b""
        self._transport: asyncio.Transport
        self._session: Session | None = None
        self._protocol = ServerProtocol(max_size=(MAX_MESSAGE, MAX_FRAME))
        self._request: Request
        self._response: Response
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._parts: list[str] = []
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self._over = False

    @property
    def peer_ip(self) -> str:
        """The client's address."""
        address: tuple[str, int] = self._transport.get_extra_info("peername") or ("127.0.0.1", 0)
        return address[0]

    @property
    def unsent(self) -> int:
        """How many bytes the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._session is None:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                if len(self._head) > _MAX_HEAD:
                    self._transport.abort()
                return
            if not _UPGRADE.search(self._head):
                http = self._make_http()
                self._transport.set_protocol(http)
                http.connection_made(self._transport)
                http.data_received(self._head)
                return
            data = self._head
            self._session = self._make_session(self)
        self._protocol.receive_data(data)
        self._process()

    def eof_received(self) -> bool:
        """Called by the event loop when the client has closed its side."""
        if self._session is not None:
            self._protocol.receive_eof()
            self._process()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._finish(1006, "Connection closed abnormally")

    def _process(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._begin(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self._protocol.parser_exc is not None:
            sent = self._protocol.close_sent
            self._finish(sent.code if sent else 1006, sent.reason if sent else "Connection closed abnormally")

    def _begin(self, request: Request) -> None:
        self._request = request
        self._response = self._protocol.accept(request)
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._protocol.send_response(self._response)
            return
        assert self._session is not None
        self._session.handshake(request)

    def accept(self, subprotocol: str | None) -> bool:
        """Answer the handshake with 101. False when the client has left meanwhile."""
        if self._over:
            return False
        if subprotocol is not None:
            self._response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._protocol.send_response(self._response)
        self._process()
        return True

    def refuse(self, status: int, body: str) -> None:
        """Answer the handshake with an HTTP error and a JSON body."""
        if self._over:
            return
        response = self._protocol.reject(HTTPStatus(status), body)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        self._protocol.send_response(response)
        self._flush()

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.BINARY:
                self.fail(1003, "Unsupported data")
            case Opcode.TEXT | Opcode.CONT:
                try:
                    self._parts.append(self._decoder.decode(bytes(frame.data), frame.fin))
                except UnicodeDecodeError:
                    self.fail(1007, "Invalid frame payload data")
                    return
                if frame.fin:
                    text, self._parts = "".join(self._parts), []
                    if self._session is not None and not self._over:
                        self._session.text(text)
            case Opcode.PONG:
                waiter = self._pongs.pop(bytes(frame.data), None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)
            case Opcode.CLOSE:
                close = self._protocol.close_rcvd
                self._finish(close.code if close else 1005, close.reason if close else "")

    def send(self, text: bytes) -> None:
        """Send one text message. Nothing happens when the connection is closing."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text)
            self._flush()

    def ping(self, payload: bytes) -> "asyncio.Future[None]":
        """Send a ping; the future is done when the client has answered, and thus has taken all that was sent before."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._protocol.state is State.OPEN:
            self._pongs[payload] = waiter
            self._protocol.send_ping(payload)
            self._flush()
        else:
            waiter.set_result(None)
        return waiter

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake; to the session the connection is over now."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._linger()
        self._finish(code, reason)

    def fail(self, code: int, reason: str) -> None:
        """Close because of what the client did."""
        self._protocol.fail(code, reason)
        self._flush()
        self._finish(code, reason)

    def abort(self) -> None:
        """Cut the TCP connection without a word to the session."""
        self._over = True
        self._transport.abort()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                # Only our side: with unread data in the socket, a full close would reset the connection, and the client
                # would lose the close frame.
                self._transport.write_eof()
                self._linger()

    def _linger(self) -> None:
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _finish(self, code: int, reason: str) -> None:
        for waiter in self._pongs.values():
            if not waiter.done():
                waiter.set_result(None)
        self._pongs.clear()
        if not self._over:
            self._over = True
            if self._session is not None:
                self._session.closed(code, reason)
