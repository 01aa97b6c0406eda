"""A clock that stands still until a test turns it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class _Due:
    at: float
    order: int
    callback: Callable[[], object] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Seconds since an arbitrary morning; timers fire when `advance` passes them."""

    def __init__(self) -> None:
        self._time = 0.0
        self._due: list[_Due] = []
        self._order = itertools.count()

    def now(self) -> float:
        return 1_800_000_000.0 + self._time

    def monotonic(self) -> float:
        return self._time

    def call_later(self, delay: float, callback: Callable[[], object]) -> _Due:
        due = _Due(self._time + delay, next(self._order), callback)
        heapq.heappush(self._due, due)
        return due

    @property
    def delays(self) -> list[float]:
        """Seconds until each timer that waits."""
        return sorted(due.at - self._time for due in self._due if not due.cancelled)

    async def advance(self, seconds: float) -> None:
        """Turn the clock; what the timers set off gets a turn of the loop after each."""
        end = self._time + seconds
        while self._due and self._due[0].at <= end:
            due = heapq.heappop(self._due)
            self._time = max(self._time, due.at)
            if not due.cancelled:
                due.callback()
                await asyncio.sleep(0)
        self._time = end
