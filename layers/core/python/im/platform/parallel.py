"""Runs a few blocking AWS calls side by side."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")

_WIDTH = 16


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WIDTH, thread_name_prefix="aws")


def run_all(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run every call and return the results in their order; the first failure is raised once all have ended.

    Each call sees the caller's context variables, so that logs and meters can tell whose work it is.
    """
    if len(calls) <= 1:
        return [call() for call in calls]
    futures = [_pool().submit(contextvars.copy_context().run, call) for call in calls]
    for future in futures:
        future.exception()
    return [future.result() for future in futures]
