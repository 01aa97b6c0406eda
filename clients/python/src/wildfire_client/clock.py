"""Time as an argument, so that tests turn the hands instead of waiting."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Forget the call; harmless when it has happened."""


class Clock(Protocol):
    """Where the client reads the time and orders timers."""

    def now(self) -> float:
        """Seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds on a scale that never jumps."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` on the event loop after `delay` seconds."""


class SystemClock:
    """The machine's clock and the running event loop's timers."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a scale that never jumps."""
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` on the event loop after `delay` seconds."""
        return asyncio.get_running_loop().call_later(delay, callback)


class Pause:
    """A wait of so many seconds that `end` cuts short."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._over = asyncio.Event()
        self._timer = clock.call_later(seconds, self._over.set)

    def end(self) -> None:
        """Stop waiting now."""
        self._over.set()

    async def wait(self) -> None:
        """Return when the time has passed or `end` was called."""
        try:
            await self._over.wait()
        finally:
            self._timer.cancel()


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait by `clock`."""
    await Pause(clock, seconds).wait()
