"""State of a module, to see who shares it."""

from im.platform.clock import now_ms

calls = 0
default_clock = now_ms
