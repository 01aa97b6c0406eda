"""Where devices are notified: registering push tokens and taking them back (satellites spec 1.5)."""

import base64
import hashlib
from collections.abc import Callable

from msgspec.structs import replace

from im.delivery.model import PushAddress, Subscription
from im.delivery.store import PresenceStore
from im.errors import BusyError, Code, ImError, InvalidError
from im.push.store import TokenStore

WEB_PUSH = 100
"""The push type of browsers, which Wildfire's numbers do not have."""
IOS_VOIP = 2
"""As an iOS device uploads it: the token is the one for calls."""
IOS = frozenset({1, 8})
_ATTEMPTS = 5
_P256_POINT = 65
_AUTH_SECRET = 16
VOIP = "voip"
"""The kind of tokens for calls, where others have the number of their type."""


def digest(kind: object, package: str, token: str) -> str:
    """The name under which a token's owner is kept: tokens of two vendors or applications may be the same text."""
    return hashlib.sha256("\0".join((str(kind), package, token)).encode()).hexdigest()[:32]


def digests(address: PushAddress) -> list[str]:
    """The names of an address's tokens: the vendor's or the browser's, and iOS's for calls."""
    named: list[tuple[object, str]] = [(address.type, address.token), (VOIP, address.voip)]
    if address.subscription:
        named.append((WEB_PUSH, address.subscription.endpoint))
    return [digest(kind, address.package, token) for kind, token in named if token]


def without(address: PushAddress, gone: str) -> PushAddress | None:
    """An address without the token of this name; None when nothing is left."""
    if address.token and digest(address.type, address.package, address.token) == gone:
        address = replace(address, token="")
    if address.voip and digest(VOIP, address.package, address.voip) == gone:
        address = replace(address, voip="")
    browser = address.subscription
    if browser and digest(WEB_PUSH, address.package, browser.endpoint) == gone:
        address = replace(address, subscription=None)
    return address if address.token or address.voip or address.subscription else None


class PushDevices:
    """The use cases of a device.

    Args:
        presence: the devices.
        tokens: whose tokens are.
        public_key: returns the key that browsers subscribe with; None where Web Push is not set up.
    """

    def __init__(self, presence: PresenceStore, tokens: TokenStore, public_key: Callable[[], str] | None) -> None:
        self._presence = presence
        self._tokens = tokens
        self._public_key = public_key

    def register(self, user: str, client: str, platform: int, upload: PushAddress) -> None:
        """Keep a device's token, which from now on is no other session's.

        An iOS device uploads its token for calls with type 2; the other one stays then, and the other way round. Three
        writes, and repeating the call finishes what a crash left: the token's own item says whose it is, so another
        session that still has it gets nothing any more, whether or not its address was cleaned up.

        Raises:
            InvalidError: there is nothing to register, it is no token, or a subscription's keys are none.
            ImError: 7, the session has been ended.
        """
        if upload.subscription:
            upload = replace(upload, type=WEB_PUSH, subscription=check_subscription(upload.subscription))
        elif upload.type == WEB_PUSH or not upload.token:
            raise InvalidError("a token or a subscription must be given")
        if not (upload.token.isascii() and (upload.token + upload.package).isprintable() and " " not in upload.token):
            raise InvalidError("token must be printable ASCII without blanks, packageName printable")
        self._change(user, client, lambda old: _merged(old, platform, upload), claims=True)

    def forget(self, user: str, client: str) -> None:
        """A device wants no notifications any more. One that has no token is fine."""
        self._change(user, client, lambda old: None)

    def report_badge(self, user: str, client: str, number: int) -> None:
        """Note the number that a device shows, to which what comes while it is away is added.

        Raises:
            ImError: 253, it has registered no token.
        """

        def shown(old: PushAddress | None) -> PushAddress:
            if old is None:
                raise ImError(Code.NOT_EXIST, "no token is registered")
            return replace(old, badge=number)

        self._change(user, client, shown)

    def web_push_key(self) -> str:
        """The key that browsers subscribe with, base64url.

        Raises:
            ImError: 254, Web Push is not set up.
        """
        if self._public_key is None:
            raise ImError(Code.NOT_IMPLEMENT, "Web Push is not set up")
        return self._public_key()

    def drop(self, user: str, client: str, name: str) -> None:
        """A token is dead or another session's: take it from this one."""
        for _ in range(_ATTEMPTS):
            device = self._presence.load_one(user).device(client)
            if device is None or device.push is None or name not in digests(device.push):
                break
            if self._presence.set_push(user, client, device.push, without(device.push, name)):
                break
        self._tokens.release(name, user, client)

    def _change(
        self,
        user: str,
        client: str,
        change: Callable[[PushAddress | None], PushAddress | None],
        *,
        claims: bool = False,
    ) -> None:
        for _ in range(_ATTEMPTS):
            device = self._presence.load_one(user).device(client)
            if device is None:
                raise ImError(Code.KICKED_OFF)
            before, after = device.push, change(device.push)
            kept = digests(after) if after else []
            for name in kept if claims else ():
                self._claim(name, user, client)
            if before == after or self._presence.set_push(user, client, before, after):
                for name in set(digests(before) if before else []) - set(kept):
                    self._tokens.release(name, user, client)
                return
        raise BusyError("the device is being changed by others")

    def _claim(self, name: str, user: str, client: str) -> None:
        before = self._tokens.claim(name, user, client)
        if before and (before.user, before.client) != (user, client):
            self.drop(before.user, before.client, name)


def check_subscription(subscription: Subscription) -> Subscription:
    """A subscription that messages can be encrypted for, its keys without padding.

    Raises:
        InvalidError: it is none.
    """
    url = subscription.endpoint
    if not (url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url):
        raise InvalidError("subscription.endpoint must be a URL")
    point, secret = _plain(subscription.p256dh), _plain(subscription.auth)
    if len(point) != _P256_POINT or point[0] != 4:
        raise InvalidError("subscription.keys.p256dh must be an uncompressed point of P-256 in base64url")
    if len(secret) != _AUTH_SECRET:
        raise InvalidError("subscription.keys.auth must be 16 bytes in base64url")
    return replace(subscription, p256dh=subscription.p256dh.rstrip("="), auth=subscription.auth.rstrip("="))


def _plain(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _merged(old: PushAddress | None, platform: int, upload: PushAddress) -> PushAddress:
    """The address after an upload: tokens of the same application that it does not replace stay."""
    same = old if old and old.package == upload.package else None
    badge = old.badge if old else 0
    if platform in IOS and upload.type == IOS_VOIP:
        known = same or PushAddress()
        return replace(known, voip=upload.token, package=upload.package, language=upload.language, badge=badge)
    return replace(upload, voip=same.voip if same else "", badge=badge)
