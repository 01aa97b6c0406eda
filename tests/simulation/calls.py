"""A stand-in for ``im.platform.parallel.run_all``: simulations want calls in an order that they decide."""

from collections.abc import Callable, Sequence
from typing import Any


def one_by_one(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run every call, one after another; the first failure is raised once all have ended."""
    failures: list[Exception] = []
    results = []
    for call in calls:
        try:
            results.append(call())
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return results
