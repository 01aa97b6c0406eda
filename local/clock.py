"""The runner's clock: the wall clock, which tests may put forward."""

import time
from collections.abc import Callable


class RunnerClock:
    """Milliseconds since 1970 for the gateway, the queues and all functions."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._listeners: list[Callable[[], None]] = []

    def now_ms(self) -> int:
        """The present time in milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Put the clock forward, and tell those who wait for a time."""
        self._ahead_ms += round(((hours * 60 + minutes) * 60 + seconds) * 1000)
        for listener in self._listeners:
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, in the thread that advances the clock, whenever it was put forward."""
        self._listeners.append(listener)
