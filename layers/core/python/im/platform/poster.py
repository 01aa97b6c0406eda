"""Posts frames to sockets through API Gateway's management API, fast.

``post_to_connection`` through botocore costs 500 to 800 microseconds of CPU, most of what a chat function does. Here a
request is signed by hand (SigV4, five microseconds) and sent over kept-alive connections on one asyncio loop, so a fan-out
is bound by the network. The signature is tested against botocore's own.
"""

import asyncio
import hashlib
import hmac
import random
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote, urlsplit

from msgspec import Struct, field

from im.platform.clock import Clock, now_ms

_CONCURRENCY = 64
_ATTEMPTS = 3
_ATTEMPT_TIMEOUT_S = 2.0
_BACKOFF_S = 0.1


class Post(Struct, frozen=True):
    """One frame for one socket.

    Attributes:
        user: whose socket it is.
        client: the client id behind it.
        connection: the connection id.
        frame: the text frame, already encoded.
    """

    user: str
    client: str
    connection: str
    frame: bytes


class Outcome(Struct):
    """What became of the posts: ``gone`` sockets no longer exist; ``failed`` ones may, but did not take the frame."""

    gone: list[Post] = field(default_factory=list)
    failed: list[Post] = field(default_factory=list)


class Poster(Protocol):
    """Sends frames to sockets and closes sockets."""

    def post_many(self, posts: Sequence[Post]) -> Outcome:
        """Send every frame, in parallel; never raises for a single socket's sake."""

    def close(self, connection: str) -> bool:
        """Close a socket; one that is gone already is fine. False when it may still be open."""


class Credentials(Struct, frozen=True):
    """What a request is signed with."""

    access_key: str
    secret_key: str
    token: str | None


class Signer:
    """AWS Signature Version 4 for the management API: few headers, the day's key cached."""

    def __init__(self, region: str, host: str) -> None:
        self._region = region
        self._host = host
        self._key: tuple[str, str, bytes] = ("", "", b"")

    def headers(
        self, method: str, path: str, body: bytes, credentials: Credentials, at_ms: int
    ) -> list[tuple[str, str]]:
        """The headers that authenticate one request.

        Args:
            method: POST or DELETE.
            path: the request path as it goes on the wire (percent-encoded once).
            body: the request body.
            credentials: whose signature.
            at_ms: the time of signing.
        """
        stamp = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        day = stamp[:8]
        signed = [("host", self._host), ("x-amz-date", stamp)]
        if credentials.token:
            signed.append(("x-amz-security-token", credentials.token))
        names = ";".join(name for name, _ in signed)
        canonical = "\n".join(
            [
                method,
                # every service but S3 encodes the path of the canonical request once more
                quote(path, safe="/-_.~"),
                "",
                *(f"{name}:{value}" for name, value in signed),
                "",
                names,
                hashlib.sha256(body).hexdigest(),
            ]
        )
        scope = f"{day}/{self._region}/execute-api/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self._signing_key(day, credentials.secret_key), text.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={credentials.access_key}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
        return [*signed, ("authorization", authorization)]

    def _signing_key(self, day: str, secret: str) -> bytes:
        if self._key[:2] != (day, secret):
            key = ("AWS4" + secret).encode()
            for part in (day, self._region, "execute-api", "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._key = (day, secret, key)
        return self._key[2]


class _Link:
    """One kept-alive connection to the management API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.reusable = True

    async def exchange(self, request: bytes) -> int:
        """Send one request and return the status of its answer."""
        self.reusable = False
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lowered = head.lower()
        length = _content_length(lowered)
        if length:
            await self._reader.readexactly(length)
        self.reusable = length is not None and b"\r\nconnection: close" not in lowered
        return status

    def close(self) -> None:
        self._writer.close()


def _content_length(lowered_head: bytes) -> int | None:
    at = lowered_head.find(b"\r\ncontent-length:")
    if at < 0:
        return None
    return int(lowered_head[at + 17 : lowered_head.index(b"\r\n", at + 2)])


class SocketPoster:
    """``Poster`` over raw HTTP/1.1.

    Args:
        endpoint: the stage's management URL, ``https://api-id.execute-api.region.amazonaws.com/stage``.
        region: the region to sign for.
        credentials: returns the credentials to sign with, asked once per call.
        clock: the time of signing.
    """

    def __init__(
        self, endpoint: str, region: str, credentials: Callable[[], Credentials], clock: Clock = now_ms
    ) -> None:
        url = urlsplit(endpoint)
        self._host = url.hostname or ""
        self._tls = url.scheme == "https"
        self._port = url.port or (443 if self._tls else 80)
        self._prefix = url.path.rstrip("/") + "/@connections/"
        self._netloc = url.netloc
        self._credentials = credentials
        self._clock = clock
        self._signer = Signer(region, url.netloc)
        self._ssl = ssl.create_default_context() if self._tls else None
        # The loop and its connections outlive an invocation: a warm function posts without a new handshake.
        self._loop = asyncio.new_event_loop()
        self._idle: list[_Link] = []

    def post_many(self, posts: Sequence[Post]) -> Outcome:
        outcome = Outcome()
        if posts:
            self._loop.run_until_complete(self._post_all(posts, outcome))
        return outcome

    def close(self, connection: str) -> bool:
        return self._loop.run_until_complete(self._close(connection))

    def shutdown(self) -> None:
        """Close the kept connections and the loop."""
        for link in self._idle:
            link.close()
        self._idle.clear()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _close(self, connection: str) -> bool:
        credentials = self._credentials()
        for attempt in range(_ATTEMPTS):
            status = await self._attempt("DELETE", connection, b"", credentials)
            if status < 300 or status == 410:
                return True
            await asyncio.sleep(random.uniform(0, _BACKOFF_S * 2**attempt))
        return False

    async def _post_all(self, posts: Sequence[Post], outcome: Outcome) -> None:
        credentials = self._credentials()
        waiting = iter(posts)

        async def work() -> None:
            for post in waiting:
                await self._post_one(post, credentials, outcome)

        await asyncio.gather(*(work() for _ in range(min(_CONCURRENCY, len(posts)))))

    async def _post_one(self, post: Post, credentials: Credentials, outcome: Outcome) -> None:
        for attempt in range(_ATTEMPTS):
            status = await self._attempt("POST", post.connection, post.frame, credentials)
            if status < 300:
                return
            if status == 410:
                outcome.gone.append(post)
                return
            if status != 429 and 400 <= status < 500:
                break
            await asyncio.sleep(random.uniform(0, _BACKOFF_S * 2**attempt))
        outcome.failed.append(post)

    async def _attempt(self, method: str, connection: str, body: bytes, credentials: Credentials) -> int:
        """One request; 599 stands for no answer. A kept connection that died while we slept is replaced once."""
        path = self._prefix + quote(connection, safe="")
        head = [f"{method} {path} HTTP/1.1"]
        head += [
            f"{name}: {value}" for name, value in self._signer.headers(method, path, body, credentials, self._clock())
        ]
        head.append(f"content-length: {len(body)}\r\n\r\n")
        request = "\r\n".join(head).encode() + body
        while True:
            reused = bool(self._idle)
            link: _Link | None = None
            try:
                async with asyncio.timeout(_ATTEMPT_TIMEOUT_S):
                    link = self._idle.pop() if reused else await self._connect()
                    status = await link.exchange(request)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
                if link:
                    link.close()
                if reused and not isinstance(error, TimeoutError):
                    continue
                return 599
            if link.reusable:
                self._idle.append(link)
            else:
                link.close()
            return status

    async def _connect(self) -> _Link:
        return _Link(*await asyncio.open_connection(self._host, self._port, ssl=self._ssl))
