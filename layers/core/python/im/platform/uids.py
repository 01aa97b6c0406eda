"""Message uids: each function environment leases a node number and makes at most one uid a millisecond.

Random bits in place of a leased number would collide about every minute at a thousand messages a second. The lease is one
item in Ephemera with an expiry; it is renewed at half time and given up when a frozen environment wakes up past it.
"""

import random
import uuid
from collections.abc import Callable
from typing import Protocol

from im.errors import BusyError
from im.platform.clock import Clock

EPOCH_MS = 1_514_736_000_000
"""2018-01-01T00:00:00+08:00, where Wildfire's message uids begin."""
NODES = 1 << 14
LEASE_MS = 600_000
_MARGIN_MS = 15_000
_TRIES = 8


def next_uid(now_ms: int, node: int, own_last_ms: int, previous_uid: int) -> int:
    """A message uid: 43 bits of milliseconds, 14 bits of node, 7 zero bits, which keep it exact as a double
    (server-api spec 7.4) until uids pass 2**60 in the year 2035.

    Strictly greater than this node's last one and than the conversation's previous uid.

    Args:
        now_ms: the present time.
        node: this environment's leased number, 0 to 16383.
        own_last_ms: the millisecond of the last uid that this environment made.
        previous_uid: the uid of the previous message in the conversation, 0 if unknown or none.
    """
    previous_ms = uid_ms(previous_uid) if previous_uid else 0
    ms = max(now_ms, own_last_ms + 1, previous_ms + 1)
    return ((ms - EPOCH_MS) << 21) | (node << 7)


def uid_ms(uid: int) -> int:
    """The millisecond (since 1970) inside a uid."""
    return (uid >> 21) + EPOCH_MS


class NodeLeases(Protocol):
    """Where node numbers are leased."""

    def acquire(self, node: int, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or renew a number; False when somebody else holds it."""


class Uids:
    """Makes message uids.

    Args:
        leases: where the node number comes from.
        clock: the time.
        pick: returns a node number to try, 0 to 16383.
    """

    def __init__(
        self, leases: NodeLeases, clock: Clock, pick: Callable[[], int] = lambda: random.randrange(NODES)
    ) -> None:
        self._leases = leases
        self._clock = clock
        self._pick = pick
        self._holder = uuid.uuid4().hex
        self._node = -1
        self._until = 0
        self._last_ms = 0

    def next(self, previous_uid: int = 0) -> int:
        """A uid greater than ``previous_uid`` and than every one made here before.

        Raises:
            BusyError: no node number could be leased.
        """
        self._ensure_lease()
        uid = next_uid(self._clock(), self._node, self._last_ms, previous_uid)
        self._last_ms = uid_ms(uid)
        return uid

    def _ensure_lease(self) -> None:
        now = self._clock()
        if now < self._until - LEASE_MS // 2:
            return
        if now < self._until - _MARGIN_MS and self._take(self._node, now):
            return
        for _ in range(_TRIES):
            if self._take(self._pick(), now):
                return
        raise BusyError("no uid node is free")

    def _take(self, node: int, now: int) -> bool:
        if not self._leases.acquire(node, self._holder, now, now + LEASE_MS):
            return False
        self._node, self._until = node, now + LEASE_MS
        return True
