"""A WebSocket client that sends exactly the frames that a test wants."""

import asyncio
import json
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

GUARD_S = 10


class Dial(Protocol):
    """The fixture ``dial``: opens a socket to the sample's API; it is cut when the test ends."""

    async def __call__(
        self, query: str = "token=t", headers: dict[str, str] | None = None, stage: str = "live"
    ) -> "RawSocket": ...


class RawSocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol = protocol
        self.response: Response
        self._events: asyncio.Queue[Frame | Response | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, headers: dict[str, str] | None = None) -> Self:
        """Connect and read the handshake's answer, whatever it is."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        raw = cls(reader, writer, ClientProtocol(parse_uri(url), max_size=None))
        request = raw.protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        raw.protocol.send_request(request)
        raw.flush()
        event = await raw._next()
        assert isinstance(event, Response)
        raw.response = event
        return raw

    @property
    def status(self) -> int:
        return self.response.status_code

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if self.writer.is_closing():
                return
            if data:
                self.writer.write(data)
            elif self.writer.can_write_eof():
                self.writer.write_eof()

    async def _read(self) -> None:
        """Keep reading, so that pings are answered whatever the test does."""
        data = b"-"
        while data:
            try:
                data = await self.reader.read(65536)
            except ConnectionError:
                data = b""
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()
            for event in self.protocol.events_received():
                if not isinstance(event, Frame) or event.opcode is not Opcode.PING:
                    self._events.put_nowait(event)
            self.flush()
        self._events.put_nowait(None)

    async def _next(self) -> Any:
        async with asyncio.timeout(GUARD_S):
            event = await self._events.get()
        if event is None:
            raise EOFError
        return event

    def send_frame(self, opcode: Opcode, data: bytes, *, fin: bool = True) -> None:
        self.writer.write(Frame(opcode, data, fin).serialize(mask=True))

    def send(self, frame: Any) -> None:
        self.send_frame(Opcode.TEXT, frame.encode() if isinstance(frame, str) else json.dumps(frame).encode())

    async def receive(self) -> Any:
        """The next text message, decoded."""
        frame = await self._next()
        assert frame.opcode is Opcode.TEXT, frame
        return json.loads(bytes(frame.data))

    async def ask(self, **frame: Any) -> Any:
        """Send a frame on the route ``do`` and return the answer."""
        self.send({"route": "do", **frame})
        return await self.receive()

    async def close_code(self) -> int:
        """Wait for the server's close frame and return its code."""
        frame = await self._next()
        assert frame.opcode is Opcode.CLOSE, frame
        return int.from_bytes(bytes(frame.data)[:2])

    async def nothing(self) -> bool:
        """Whether the server has sent nothing before it answers a ping."""
        self.send_frame(Opcode.PING, b"now")
        frame = await self._next()
        return bool(frame.opcode is Opcode.PONG)

    async def leave(self, code: int = 1000, reason: str = "bye") -> None:
        """Close as a client should."""
        self.protocol.send_close(code, reason)
        self.flush()
        await self._reading

    def abort(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Cut the connection, and wait until nothing of it is left."""
        self.abort()
        await self._reading
