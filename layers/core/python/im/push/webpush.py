"""Web Push: messages that only the browser can read (RFC 8291), from a server that proves who it is (VAPID, RFC 8292)."""

import base64
import hashlib
import os
from collections.abc import Callable
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from im.delivery.model import Subscription
from im.platform.clock import Clock

RECORD_BYTES = 4_096
"""The size of the one record of a message; with the header it is what push services take at least."""
MAX_PLAIN_BYTES = RECORD_BYTES - 17 - 86
"""What fits: a record has a delimiter and a tag, and the header counts against the services' 4 KB."""
_TOKEN_LIFE_MS = 12 * 3_600_000
_FRESH_MS = 6 * 3_600_000
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CURVE = ec.SECP256R1()


def text_of(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """What base64url without padding says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_from(secret: str) -> ec.EllipticCurvePrivateKey:
    """The private key that follows from a secret text, always the same one.

    So the deployment's generated secret is the key: nobody has to make one and put it in. Another secret is another key,
    and browsers have to subscribe again.
    """
    digest = hashlib.sha512(b"Web Push key\0" + secret.encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) % (_ORDER - 1) + 1, _CURVE)


def encrypt(
    subscription: Subscription,
    plain: bytes,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """A message's body in the coding ``aes128gcm`` (RFC 8188), for one browser.

    Args:
        subscription: whose keys have been checked.
        plain: at most ``MAX_PLAIN_BYTES``.
        key, salt: for one message only; random where not given.

    Raises:
        ValueError: the browser's key is not a point of the curve.
    """
    theirs = bytes_of(subscription.p256dh)
    own = key or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    ours = _point(own)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, theirs))
    secret = _derive(bytes_of(subscription.auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    content_key = _derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4) + bytes([len(ours)]) + ours
    return header + AESGCM(content_key).encrypt(nonce, plain + b"\2", None)


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


class Vapid:
    """Who this server is.

    Args:
        secret: returns the deployment's secret.
        contact: a ``mailto:`` or ``https:`` address where the operators of push services find the deployment's.
        clock: the time.
    """

    def __init__(self, secret: Callable[[], str], contact: str, clock: Clock) -> None:
        self._secret = secret
        self._contact = contact
        self._clock = clock
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._tokens: dict[str, tuple[int, str]] = {}

    def _private(self) -> ec.EllipticCurvePrivateKey:
        if self._key is None:
            self._key = key_from(self._secret())
        return self._key

    def public_key(self) -> str:
        """The key that browsers subscribe with, base64url.

        Raises:
            BusyError: the secret cannot be read at present.
        """
        return text_of(_point(self._private()))

    def authorization(self, endpoint: str) -> str:
        """The header's value for a push service; the same one for some hours.

        Raises:
            BusyError: the secret cannot be read at present.
        """
        parts = urlsplit(endpoint)
        audience, now = f"{parts.scheme}://{parts.netloc}", self._clock()
        made, header = self._tokens.get(audience, (0, ""))
        if not header or now - made > _FRESH_MS:
            claims = {"aud": audience, "exp": (now + _TOKEN_LIFE_MS) // 1000, "sub": self._contact}
            header = f"vapid t={jwt.encode(claims, self._private(), algorithm='ES256')}, k={self.public_key()}"
            self._tokens[audience] = (now, header)
        return header
