"""Counts the cuts of the running test for the summary."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.crash import tally


@pytest.fixture(autouse=True)
def counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Reports what the test has cut: see ``tests/conftest.py``."""
    tally.clear()
    yield
    for points, cuts in tally:
        record_property("crash points", [points, cuts])
