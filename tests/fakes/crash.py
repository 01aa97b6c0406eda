"""Kills a use case between any two of its calls to the outside."""

from collections.abc import Callable
from typing import Any


class Crash(Exception):
    """The function died here; whatever it called before has happened."""


class CrashPoint:
    """Wraps collaborators; the k-th call of all of them together is the last one.

    Args:
        after: how many calls go through; None for all. The one after them raises without having happened.
    """

    def __init__(self, after: int | None = None) -> None:
        self.calls = 0
        self._after = after

    def guard(self, target: Any) -> Any:
        """The collaborator, behind this crash point."""
        return _Guarded(target, self._step)

    def _step(self) -> None:
        if self.calls == self._after:
            raise Crash
        self.calls += 1


class _Guarded:
    def __init__(self, target: Any, step: Callable[[], None]) -> None:
        self._target = target
        self._step = step

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._step()
            return method(*args, **kwargs)

        return call
