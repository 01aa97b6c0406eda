"""Signatures of server API calls: Wildfire's, and our own, which also covers what is asked (server-api spec 1.2, 1.3).

Wildfire's is ``sign = sha1(nonce | secret | timestamp)``, with ``nonce`` and ``timestamp`` as headers. It covers neither path
nor body, so one captured header set would sign any call; what limits that is a window around the timestamp on both sides
and that no signature is accepted twice.

Ours is ``x-wf-signature: v1=<hex>``, the HMAC-SHA256 under the secret of these lines joined by newlines: method, path,
SHA-256 of the body in hex, timestamp, nonce.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from im.errors import Code, ImError

NATIVE_HEADER = "x-wf-signature"
_VERSION = "v1="
_MAX_HEADER = 256


class HttpCall(Struct, frozen=True):
    """An HTTP request, as far as the server API looks at it.

    Attributes:
        method: in upper case.
        path: without the query.
        query: the raw query, empty when there is none.
        headers: names in lower case.
        body: as sent.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Policy(Struct, frozen=True):
    """What a deployment accepts.

    Attributes:
        legacy: whether Wildfire's own signature is valid.
        window_ms: how far the timestamp may be from now, in either direction; None switches the check of time off.
    """

    legacy: bool
    window_ms: int | None


class Signature(Struct, frozen=True):
    """A valid signature, and until when it would be accepted again if it were not remembered (ms).

    ``expires`` is None when the deployment does not check time: then a repeat is as good as the first.
    """

    value: str
    expires: int | None


def sign(nonce: str, secret: str, timestamp: str) -> str:
    """Wildfire's signature, in lower-case hex."""
    return hashlib.sha1("|".join((nonce, secret, timestamp)).encode()).hexdigest()


def sign_native(call: HttpCall, secret: str, timestamp: str, nonce: str) -> str:
    """Our signature, as the header's value."""
    lines = (call.method, call.path, hashlib.sha256(call.body).hexdigest(), timestamp, nonce)
    return _VERSION + hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def verify(call: HttpCall, secrets: Callable[[], Sequence[str]], policy: Policy, now_ms: int) -> Signature:
    """Check a call's signature against every valid secret, in constant time for each.

    Our own header, when it is there, is the one that counts.

    Args:
        call: the request.
        secrets: returns the valid secrets; asked only when everything else is right.
        policy: what the deployment accepts.
        now_ms: the present time.

    Raises:
        ImError: 239 parts are missing or no number, or the scheme is switched off; 243 outside the window; 244 wrong.
    """
    nonce, timestamp = call.headers.get("nonce", ""), call.headers.get("timestamp", "")
    native = call.headers.get(NATIVE_HEADER, "")
    given = native or (call.headers.get("sign", "") if policy.legacy else "")
    if not nonce or not timestamp or not given or max(map(len, (nonce, timestamp, given))) > _MAX_HEADER:
        raise ImError(Code.API_NOT_SIGNED)
    at = _milliseconds(timestamp)
    if policy.window_ms is not None and abs(now_ms - at) > policy.window_ms:
        raise ImError(Code.SIGN_EXPIRED)
    for secret in secrets():
        right = sign_native(call, secret, timestamp, nonce) if native else sign(nonce, secret, timestamp)
        if hmac.compare_digest(right.encode(), given.encode()):
            return Signature(given, None if policy.window_ms is None else at + policy.window_ms)
    raise ImError(Code.AUTH_FAILURE)


def _milliseconds(text: str) -> int:
    """A decimal 64-bit number, as Java's ``Long.parseLong`` takes it."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise ImError(Code.API_NOT_SIGNED)
    return int(text)
