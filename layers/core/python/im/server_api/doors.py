"""Who may call the families of the server API that sign with secrets of their own (server-api spec 1.2, 1.3).

Windows, replays and rates are those of the admin family, but for each caller by himself; a timestamp is checked in both
directions, and a signature is accepted once.
"""

from collections.abc import Callable
from typing import Protocol

from im.errors import Code, ImError
from im.limits import RateLimiter
from im.platform.clock import Clock
from im.wire.signature import HttpCall, Policy, verify

_MAX_ID = 64

SecretOf = Callable[[str], str]
"""Returns what a caller signs with, without blanks around it; raises ImError for who is unknown or has none."""


class UsedSignatures(Protocol):
    """Remembers signatures."""

    def remember(self, family: str, sign: str, now_ms: int, until_ms: int) -> bool:
        """Remember a signature until then; False when it is remembered already."""


class Door:
    """Lets callers of one family in.

    Args:
        family: the first part of its paths.
        header: what names the caller.
        secret_of: finds his secret; asked when everything else is right.
        limiter: the limit of each caller.
        signatures: remembers used signatures.
        policy: which signatures count.
        clock: the time.
    """

    def __init__(
        self,
        family: str,
        header: str,
        secret_of: SecretOf,
        limiter: RateLimiter,
        signatures: UsedSignatures,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self.family = family
        self._header = header
        self._secret_of = secret_of
        self._limiter = limiter
        self._signatures = signatures
        self._policy = policy
        self._clock = clock

    def admit(self, call: HttpCall) -> str:
        """Check a call; returns who makes it.

        Raises:
            ImError: 239 not signed, 243 too old or too new, 244 wrong, 250 too many calls; what ``secret_of`` raises.
        """
        caller = call.headers.get(self._header, "").strip()
        if not 1 <= len(caller) <= _MAX_ID:
            raise ImError(Code.API_NOT_SIGNED)
        if not (call.headers.get("nonce") and call.headers.get("timestamp")):
            raise ImError(Code.API_NOT_SIGNED)
        self._limiter.take(self.family, caller)
        now = self._clock()
        signature = verify(call, lambda: [self._secret_of(caller)], self._policy, now)
        if signature.expires is None:
            return caller
        if not self._signatures.remember(f"{self.family}:{caller}", signature.value, now, signature.expires):
            raise ImError(Code.AUTH_FAILURE)
        return caller
