"""Lists that devices keep up to date: they ask for what changed after a place, and get the place for the next time.

A place is the time of a change and the id of what changed, so that any number of changes in one millisecond can be paged.
Clocks of functions differ, and a write lands a little after its time was taken: what is newer than ``SETTLING_MS`` may still
get something before it. So the place that is handed out at the end of a list is that old: recent changes come again, and a
list whose version is greater than one's place has something new.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

SETTLING_MS = 10_000

T = TypeVar("T")


class Place(Struct, frozen=True, order=True):
    """How far a device knows the changes of a list.

    Attributes:
        time: of the last change that it knows, ms.
        id: of what changed.
    """

    time: int = 0
    id: str = ""


def changed(things: Iterable[T], after: Place, place_of: Callable[[T], Place]) -> list[T]:
    """The things that changed after a place, in the order of their changes."""
    return sorted((thing for thing in things if place_of(thing) > after), key=place_of)


def end_of(page: Sequence[T], after: Place, place_of: Callable[[T], Place], *, more: bool, now_ms: int) -> Place:
    """The place for the next time: behind the page if ``more`` follow at once, else where everything is settled (ms)."""
    if more:
        return place_of(page[-1])
    return max(after, Place(now_ms - SETTLING_MS))
