"""Posts JSON to addresses that others chose: robots, services of channels, business back ends, push servers.

Two things are wrong with an address that somebody else names. It may point *inside*: at the metadata service of the
machine, at a neighbour in the private network. So its host is resolved here, once; every address of it must be a public
one; and the connection goes to exactly the address that was looked at, so a name that resolves differently a moment later
gains nothing. Redirects are answers like any other: nobody is sent on. And it may be slow, endless or dead: the whole
exchange, not each of its reads, has one deadline, and of the answer only so much is read.

Requests carry the headers of Standard Webhooks 1.0.0, beside a body that is exactly Wildfire's.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import weakref
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from im.platform.clock import Clock, now_ms

MAX_ANSWER_BYTES = 262_144
"""How much of an answer is read: more than the largest content, which a reviewer may send back."""
_MAX_URL = 2_048
_MAX_IDLE = 32
_MAX_ADDRESSES = 3
_ENCODED = "whsec_"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_BROKEN = (OSError, http.client.HTTPException)

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port; raises OSError when there are none."""


class WebhookError(Exception):
    """A request that was not accepted."""


class WebhookRefused(WebhookError):
    """The address may not be asked, now or ever; the text says why."""


class WebhookFailed(WebhookError):
    """Nobody answered, or not with 2xx; another attempt may do better.

    Attributes:
        status: the HTTP status, None when there was no answer.
        retry_after_s: how long the receiver asked to be left alone, 0 if he did not.
    """

    def __init__(self, text: str, status: int | None = None, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after_s = retry_after_s


class Answer(Struct, frozen=True):
    """A 2xx answer.

    Attributes:
        status: the HTTP status.
        body: what was answered, at most ``MAX_ANSWER_BYTES`` of it.
        headers: by name in lower case.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


class _Target(NamedTuple):
    """Where a URL leads."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """The host as the ``Host`` header names it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """One value for ``webhook-signature``.

    Args:
        secret: any text, used as it is; or ``whsec_`` and the key in base64, as Standard Webhooks writes keys.
        message_id: the value of ``webhook-id``; the same on every attempt.
        timestamp_s: the value of ``webhook-timestamp``: when this attempt was made.
        body: the request's body.
    """
    key = secret.encode()
    if secret.startswith(_ENCODED):
        key = base64.b64decode(secret.removeprefix(_ENCODED))
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Whether a URL may be registered; the full check, of what its name resolves to, is made at every request.

    Raises:
        WebhookRefused: it is not an http(s) address, or its host is an address that is not public.
    """
    target = _parse(url)
    try:
        ipaddress.ip_address(target.host)
    except ValueError:
        return
    _check_public([target.host], allow_private=allow_private)


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Webhooks:
    """Posts to webhooks. Connections are kept while the process lives, for receivers that let them.

    Args:
        allow_private: whether addresses that are not public may be asked (``im.allow_private_callbacks``).
        clock: the time that is signed.
        resolver: finds the addresses of a host.
    """

    def __init__(self, *, allow_private: bool = False, clock: Clock = now_ms, resolver: Resolver = resolve) -> None:
        self._allow_private = allow_private
        self._clock = clock
        self._resolve = resolver
        self._idle: dict[tuple[bool, str, int], _Connection] = {}
        weakref.finalize(self, _close_all, self._idle)

    def post(
        self,
        url: str,
        body: bytes,
        *,
        message_id: str,
        secret: str | Sequence[str] | None,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one attempt to hand over a body.

        Args:
            url: whom to ask.
            body: JSON in UTF-8.
            message_id: names the event; repeats of one event carry the same, so the receiver can tell.
            secret: signs the request; several while a secret is being rotated; None: it is not signed.
            timeout_s: for the exchange from the connection to the end of the answer.
            headers: further headers.

        Raises:
            WebhookRefused: the address may not be asked; never try again.
            WebhookFailed: no answer, or another than 2xx; the receiver may have taken the body all the same.
        """
        target = _parse(url)
        addresses = self._addresses(target)
        sent = self._headers(target, body, message_id, secret, headers)
        kept = self._idle.pop(target[:3], None)
        if kept is not None and kept.address in addresses:
            try:
                return self._exchange(kept, target, body, sent, timeout_s)
            except _Stale:
                pass  # closed by the other side while nobody used it: a new connection answers the question
        elif kept is not None:
            kept.close()
        return self._exchange(_Connection(target, addresses), target, body, sent, timeout_s)

    def _addresses(self, target: _Target) -> Sequence[str]:
        try:
            addresses = self._resolve(target.host, target.port)[:_MAX_ADDRESSES]
        except (OSError, UnicodeError) as error:
            raise WebhookFailed(f"{target.host} cannot be resolved") from error
        if not addresses:
            raise WebhookFailed(f"{target.host} has no address")
        _check_public(addresses, allow_private=self._allow_private)
        return addresses

    def _headers(
        self,
        target: _Target,
        body: bytes,
        message_id: str,
        secret: str | Sequence[str] | None,
        further: Mapping[str, str] | None,
    ) -> dict[str, str]:
        now_s = self._clock() // 1000
        headers = {
            "Host": target.netloc,
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
            "Accept-Encoding": "identity",
            "User-Agent": "wildfire-im",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
        }
        secrets = [secret] if isinstance(secret, str) else secret
        if secrets:
            headers["webhook-signature"] = " ".join(signature(key, message_id, now_s, body) for key in secrets)
        return {**headers, **(further or {})}

    def _exchange(
        self, connection: "_Connection", target: _Target, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        kept = connection.sock is not None
        # The socket's own timeout is one per read, and a receiver may send a byte at a time.
        watchdog = Timer(timeout_s, connection.abort)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.begin(timeout_s)
            connection.request("POST", target.path, body, dict(headers))
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES)
        except _BROKEN as error:
            connection.close()
            if kept and isinstance(error, ConnectionError) and not connection.aborted:
                raise _Stale from error
            raise WebhookFailed(f"{target.host} did not answer: {error!r}") from error
        except ValueError as error:
            connection.close()
            raise WebhookRefused(f"the request cannot be written: {error}") from error
        finally:
            watchdog.cancel()
        if connection.aborted:
            connection.close()
            raise WebhookFailed(f"{target.host} did not answer in time")
        if response.isclosed() and not response.will_close:
            self._keep(target, connection)
        else:
            connection.close()
        answered = {name.lower(): value for name, value in response.getheaders()}
        if not 200 <= response.status < 300:
            raise WebhookFailed(
                f"{target.host} answered {response.status}", response.status, self._retry_after_s(answered)
            )
        return Answer(response.status, content, answered)

    def _keep(self, target: _Target, connection: "_Connection") -> None:
        self._idle[target[:3]] = connection
        while len(self._idle) > _MAX_IDLE:
            self._idle.pop(next(iter(self._idle))).close()

    def _retry_after_s(self, headers: Mapping[str, str]) -> float:
        value = headers.get("retry-after", "").strip()
        if value.isdecimal():
            return float(value[:9])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._clock() / 1000)
        except ValueError:
            return 0.0


def _close_all(connections: Mapping[tuple[bool, str, int], "_Connection"]) -> None:
    for connection in connections.values():
        connection.close()


class _Stale(Exception):
    """A kept connection turned out to be closed."""


class _Connection(http.client.HTTPConnection):
    """A connection to one of some addresses, whatever the name of the host resolves to by now.

    Attributes:
        address: where it leads, once it is there.
        aborted: whether its exchange took too long.
    """

    def __init__(self, target: _Target, addresses: Sequence[str]) -> None:
        super().__init__(target.host, target.port)
        self.address = ""
        self.aborted = False
        self._target = target
        self._addresses = addresses
        self._patience_s = 0.0

    def begin(self, timeout_s: float) -> None:
        """Connect if need be, and limit each read of the exchange that follows."""
        self.aborted = False
        self._patience_s = timeout_s / len(self._addresses)
        if self.sock is None:
            self.connect()
        self.sock.settimeout(timeout_s)

    def connect(self) -> None:
        """Connect to the first address that takes it, and shake hands in the name of the host."""
        broken: OSError | None = None
        for address in self._addresses:
            if self.aborted:
                break
            try:
                self.sock = socket.create_connection((address, self._target.port), self._patience_s)
            except OSError as error:
                broken = error
                continue
            self.address = address
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._target.tls:
                secured = _tls().wrap_socket(
                    self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
                )
                self.sock = secured
                secured.do_handshake()
            return
        raise broken or TimeoutError("no connection in time")

    def abort(self) -> None:
        """Let go of whoever waits for this connection, from another thread."""
        self.aborted = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended already


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _parse(url: str) -> _Target:
    if not url.isprintable() or " " in url or len(url) > _MAX_URL:
        raise WebhookRefused("the address is not a URL")
    try:
        parts = urlsplit(url)
        port = parts.port
        # what a browser does with names in other scripts; an address is left as it is
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except ValueError as error:
        raise WebhookRefused(f"the address is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise WebhookRefused("the address must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("the address must not carry a password")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise WebhookRefused("the path of the address must be percent-encoded")
    return _Target(tls, host, port or (443 if tls else 80), path)


def _check_public(addresses: Sequence[str], *, allow_private: bool) -> None:
    if allow_private:
        return
    for text in addresses:
        if not all(address.is_global and not address.is_multicast for address in _faces(text)):
            raise WebhookRefused("the address is not a public one")


def _faces(text: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """An address, and the IPv4 address that stands in it where IPv6 carries one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise WebhookRefused("the address is not a public one") from error
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address, address.sixtofour]
    return [address, *(address.teredo or ())]
