"""A browser that has subscribed to Web Push: it alone can read what is sent to it."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from im.delivery.model import Subscription
from im.push.webpush import text_of


class Browser:
    """The receiving side of RFC 8291, written down from the standard and not from the sending side.

    Args:
        endpoint: where its push service is.
    """

    def __init__(self, endpoint: str = "https://push.example.net/1") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = b"0123456789abcdef"
        self._point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = Subscription(endpoint, text_of(self._point), text_of(self._auth))

    def decrypt(self, body: bytes) -> bytes:
        """What a message says."""
        salt, record, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= record
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        keying = _hkdf(self._auth, shared, b"WebPush: info\x00" + self._point + sender, 32)
        key = _hkdf(salt, keying, b"Content-Encoding: aes128gcm\x00", 16)
        padded = AESGCM(key).decrypt(_hkdf(salt, keying, b"Content-Encoding: nonce\x00", 12), sealed, None)
        plain, delimiter, padding = padded.rpartition(b"\x02")
        assert (delimiter, padding.strip(b"\x00")) == (b"\x02", b"")
        return plain


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
