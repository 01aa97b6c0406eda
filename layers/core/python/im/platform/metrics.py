"""Metrics as an argument: services call a ``Count``; ``telemetry`` has the one that reaches CloudWatch."""

from collections.abc import Callable

Count = Callable[[str, float], None]
"""Adds a value to a named metric."""


def ignore(name: str, value: float) -> None:
    """A ``Count`` that keeps nothing."""
