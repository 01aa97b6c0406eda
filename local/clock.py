"""The runner's clock: the wall clock, which tests may put forward."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RunnerClock:
    """Milliseconds since 1970 for the gateway, the queues and all functions."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._held_ms: int | None = None
        self._listeners: list[Callable[[], None]] = []

    def now_ms(self) -> int:
        """The present time in milliseconds since 1970."""
        real_ms = time.time_ns() // 1_000_000 if self._held_ms is None else self._held_ms
        return real_ms + self._ahead_ms

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let time pass by ``advance`` alone: what functions remember for seconds does not age while a machine is slow."""
        self._held_ms = time.time_ns() // 1_000_000
        try:
            yield
        finally:
            self._held_ms = None

    def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Put the clock forward, and tell those who wait for a time."""
        self._ahead_ms += round(((hours * 60 + minutes) * 60 + seconds) * 1000)
        for listener in self._listeners:
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, in the thread that advances the clock, whenever it was put forward."""
        self._listeners.append(listener)
