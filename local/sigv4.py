"""Checks of AWS signatures (version 4), as the loopback servers see them.

On AWS a request with a wrong signature is refused; here as well, so that hand-made signing code is tested.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<signed>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureError(Exception):
    """The request is not signed, or the signature is wrong; the text is what AWS would say."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a request."""

    access_key: str


@lru_cache(maxsize=16)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs requests of one day to one service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify(secret: str, method: str, raw_path: str, query: str, headers: Mapping[str, str], body: bytes) -> Signed:
    """Check the ``Authorization`` header of a request; header names in ``headers`` are looked up in lower case.

    ``raw_path`` is the path as sent, that is, already percent-encoded: the signature covers it encoded once more.

    Raises:
        SignatureError: there is no signature, or it does not fit.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise SignatureError("Missing Authentication Token")
    signed = match["signed"].split(";")
    if "host" not in signed or "x-amz-date" not in signed:
        raise SignatureError("'Host' and 'X-Amz-Date' must be signed headers")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            quote(raw_path, safe="/~"),
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed),
            "",
            match["signed"],
            headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{match['date']}/{match['region']}/{match['service']}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers.get("x-amz-date", ""), scope, digest])
    key = signing_key(secret, match["date"], match["region"], match["service"])
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, match["signature"]):
        raise SignatureError("The request signature we calculated does not match the signature you provided.")
    return Signed(match["key"])


def verify_policy(secret: str, policy: str, credential: str, signature: str) -> None:
    """Check the signature of a presigned POST's policy (the base64 text).

    Raises:
        SignatureError: it does not fit.
    """
    parts = credential.split("/")
    if len(parts) != 5:
        raise SignatureError("the credential is malformed")
    _, date, region, service, _ = parts
    expected = hmac.new(signing_key(secret, date, region, service), policy.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise SignatureError("The request signature we calculated does not match the signature you provided.")
