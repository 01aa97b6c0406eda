"""Time, as an argument: services take a ``Clock`` so that tests move it by hand."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the present time in milliseconds since 1970."""


def now_ms() -> int:
    """The wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
