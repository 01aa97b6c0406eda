"""Time, as an argument: services take a ``Clock`` so that tests move it by hand."""

import time
from collections.abc import Callable

MINUTE_MS = 60_000
"""Activity is stamped by the minute."""

Clock = Callable[[], int]
"""Returns the present time in milliseconds since 1970."""


def now_ms() -> int:
    """The wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
