"""Rate limits that cost nothing while they are kept.

Each function environment lets everybody have a small share per window on its own word. Only who uses that up is counted in
the shared bucket, in blocks, so a well-behaved user never causes a write; the sum over all environments stays bounded by
the shared capacity plus one share each.
"""

from collections import OrderedDict
from typing import Protocol

from msgspec import Struct

from im.errors import Code, ImError
from im.platform.clock import Clock

_REMEMBERED = 20_000


class Buckets(Protocol):
    """Counts that all environments share."""

    def spend(self, scope: str, owner: str, amount: int, window: int, window_ms: int) -> int:
        """Add an amount to an owner's count in a window and return the sum."""


class _Share(Struct):
    window: int
    left: int
    refused: bool = False


class RateLimiter:
    """At most ``capacity`` requests per window and owner (client-semantics spec 0.5; server-api spec 1.6).

    Args:
        buckets: the shared counts.
        clock: the time.
        capacity: requests per window.
        window_ms: the window's length.
        share: requests per window that one environment grants without asking, and the size of a block.
    """

    def __init__(self, buckets: Buckets, clock: Clock, capacity: int, window_ms: int, share: int) -> None:
        self._buckets = buckets
        self._clock = clock
        self._capacity = capacity
        self._window_ms = window_ms
        self._share = share
        self._shares: OrderedDict[tuple[str, str], _Share] = OrderedDict()

    def take(self, scope: str, owner: str) -> None:
        """Count one request.

        Raises:
            ImError: 250, over the limit; ``after_ms`` says when the window ends.
        """
        now = self._clock()
        window = now // self._window_ms
        share = self._current(scope, owner, window)
        if share.left == 0 and not share.refused:
            used = self._buckets.spend(scope, owner, self._share, window, self._window_ms)
            if used > self._capacity:
                share.refused = True
            else:
                share.left = self._share
        if share.left == 0:
            raise ImError(Code.OVER_FREQUENCY, retry=True, after_ms=(window + 1) * self._window_ms - now)
        share.left -= 1

    def _current(self, scope: str, owner: str, window: int) -> _Share:
        share = self._shares.get((scope, owner))
        if share is None or share.window != window:
            share = _Share(window, self._share)
            self._shares[(scope, owner)] = share
            if len(self._shares) > _REMEMBERED:
                self._shares.popitem(last=False)
        self._shares.move_to_end((scope, owner))
        return share
