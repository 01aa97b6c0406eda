"""An HTTP server on loopback that takes presigned POSTs, and signs tokens as the server API does."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser
from types import TracebackType
from typing import Self


class FakeHttp:
    """Keeps what it was sent.

    Attributes:
        forms: the fields of each form; the file is under "file" with its name under "filename".
        answers: status codes for the next requests; 204 when there are none.
        token_for: makes the token that `/admin/user/get_token` answers; user id and client id in.
        hold: when set, answers wait for it.
    """

    def __init__(self) -> None:
        self.forms: list[dict[str, bytes]] = []
        self.answers: list[int] = []
        self.requests: list[tuple[str, Message]] = []
        self.token_for: Callable[[str, str], str] = lambda user, client: f"{user}.{client}"
        self.secret = "123456"  # noqa: S105
        self.hold: asyncio.Event | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line, _, rest = head.partition(b"\r\n")
            headers = BytesParser().parsebytes(rest)
            body = await reader.readexactly(int(headers["Content-Length"] or 0))
            path = line.decode().split()[1]
            self.requests.append((path, headers))
            if self.hold is not None:
                await self.hold.wait()
            status, answer = self._answer(path, headers, body)
            payload = json.dumps(answer).encode() if answer is not None else b""
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n".encode())
            writer.write(payload)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str, headers: Message, body: bytes) -> tuple[int, dict[str, object] | None]:
        if path == "/admin/user/get_token":
            signed = f"{headers['nonce']}|{self.secret}|{headers['timestamp']}".encode()
            if hashlib.sha1(signed).hexdigest() != headers["sign"]:
                return 200, {"code": 244, "msg": "auth failure"}
            asked = json.loads(body)
            token = self.token_for(asked["userId"], asked["clientId"])
            return 200, {"code": 0, "msg": "success", "result": {"userId": asked["userId"], "token": token}}
        self.forms.append(_parse_form(headers["Content-Type"], body))
        return (self.answers.pop(0) if self.answers else 204), None


def _parse_form(content_type: str, body: bytes) -> dict[str, bytes]:
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parsed: dict[str, bytes] = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        parsed[str(name)] = payload
        if filename := part.get_filename():
            parsed["filename"] = filename.encode()
    return parsed
