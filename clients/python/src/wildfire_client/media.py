"""Uploads to the media store: a presigned POST, streamed from the file, off the event loop.

The standard library does it: `urllib.request` streams a file-like body, honours proxy settings and verifies certificates,
so no HTTP client is added to the dependencies for one kind of request.
"""

import asyncio
import io
import mimetypes
import os
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from wildfire_client.errors import ChatError, Code
from wildfire_client.payload import MediaType

Progress = Callable[[int, int], None]
"""Told bytes sent and bytes in all, on the event loop."""

_TIMEOUT = 60
_PROGRESS_STEP = 32 * 1024


class _Stopped(Exception):
    pass


class _Form(io.RawIOBase):
    """A multipart/form-data body with one file at its end, read in pieces."""

    def __init__(self, fields: Mapping[str, str], file: BinaryIO, size: int, name: str, content_type: str) -> None:
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        quoted = name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        )
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = "".join(parts).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._sources: list[BinaryIO] = [io.BytesIO(self._head), file, io.BytesIO(self._tail)]
        self._size = size
        self._read = 0
        self._told = 0
        self.stopped = threading.Event()
        self.on_read: Progress = lambda sent, total: None

    @property
    def length(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.stopped.is_set():
            raise _Stopped
        while self._sources:
            if piece := self._sources[0].read(size):
                self._read += len(piece)
                self._tell(max(0, min(self._size, self._read - len(self._head))))
                return piece
            self._sources.pop(0)
        return b""

    def _tell(self, sent: int) -> None:
        step = max(_PROGRESS_STEP, self._size // 100)
        if sent - self._told >= step or (sent == self._size and sent > self._told):
            self._told = sent
            self.on_read(sent, self._size)


def content_type_of(name: str) -> str:
    """The MIME type by the name's ending."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


class Uploader:
    """Uploads files.

    Args:
        presign: asks the server where to put a file: media type, name, bytes, MIME type.
    """

    def __init__(self, presign: Callable[[MediaType, str, int, str], Awaitable[dict[str, Any]]]) -> None:
        self._presign = presign

    async def upload(
        self, source: str | os.PathLike[str] | bytes, media: MediaType, name: str, progress: Progress | None
    ) -> str:
        """Upload a file or bytes; the URL that goes into a message.

        Raises:
            ChatError: FILE_MISSING, UPLOAD_FAILED (with `retry` when another try may help), or the server's refusal.
        """
        if isinstance(source, bytes):
            return await self._send(io.BytesIO(source), len(source), media, name, progress)
        try:
            file = await asyncio.to_thread(Path(source).open, "rb")
        except OSError as error:
            raise ChatError(Code.FILE_MISSING, str(error)) from error
        with file:
            return await self._send(file, os.fstat(file.fileno()).st_size, media, name, progress)

    async def _send(self, file: BinaryIO, size: int, media: MediaType, name: str, progress: Progress | None) -> str:
        content_type = content_type_of(name)
        ticket = await self._presign(media, name, size, content_type)
        form = _Form(ticket.get("fields") or {}, file, size, name, content_type)
        if progress is not None:
            loop = asyncio.get_running_loop()
            told = progress

            def on_read(sent: int, total: int) -> None:
                loop.call_soon_threadsafe(told, sent, total)

            form.on_read = on_read
        request = urllib.request.Request(
            str(ticket["url"]),
            data=form,
            headers={"Content-Type": form.content_type, "Content-Length": str(form.length)},
            method="POST",
        )
        posting = asyncio.create_task(asyncio.to_thread(_post, request))
        try:
            await asyncio.shield(posting)
        except asyncio.CancelledError:
            # The thread ends at its next read; until then it has the file.
            form.stopped.set()
            await asyncio.gather(posting, return_exceptions=True)
            raise
        return str(ticket["remoteMediaUrl"])


def _post(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        with error:
            # 403 is an expired or foreign signature, for which a new ticket helps; 5xx is the store's own trouble.
            retry = error.code >= 500 or error.code in (403, 408, 429)
            raise ChatError(Code.UPLOAD_FAILED, f"the media store answered {error.code}", retry=retry) from error
    except OSError as error:
        raise ChatError(Code.UPLOAD_FAILED, str(error), retry=True) from error
