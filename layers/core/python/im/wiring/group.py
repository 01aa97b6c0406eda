"""Questions about groups."""

from functools import cache

from im.group.service import GroupReader
from im.platform import clock
from im.wiring.base import groups, rows


@cache
def group_reader() -> GroupReader:
    """Answers questions about groups."""
    return GroupReader(groups(), rows(), clock.now_ms)
