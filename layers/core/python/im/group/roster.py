"""Who is in a group, compactly and in parts, so that a change writes little however large the group is.

The latest members are in the *tail*, the others in pages of at most ``PAGE_BYTES``. A page is never changed: whoever takes a
member out of one makes another page in its place. So readers may keep pages for ever, and a roster changes all at once,
when its head, which has the tail and the names of the pages, is replaced.
"""

from collections.abc import Callable, Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

PAGE_BYTES = 4_000
"""So many bytes of ids are a page, or a tail: four write units, 170 ids of 22 characters."""


MAX_ROBOTS = 50
"""Robots of one group that are told of its messages; those who came later are not."""


class RosterPage(Struct, frozen=True):
    """Some members; the name is empty until the page is stored."""

    ids: tuple[str, ...]
    name: str = ""


class Roster(Struct, frozen=True):
    """The members of a group, in about the order of their joining.

    Attributes:
        version: grows with each change.
        tail: the latest.
        pages: the others.
        robots: which of them are robots, at most ``MAX_ROBOTS``; they are kept here, where changes of who is in come one
            after the other, and shown in the group's info, which every send reads.
    """

    version: int
    tail: tuple[str, ...] = ()
    pages: tuple[RosterPage, ...] = ()
    robots: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All members."""
        if not self.pages:
            return self.tail
        return tuple(user for part in (*(page.ids for page in self.pages), self.tail) for user in part)

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(len(page.ids) for page in self.pages) + len(self.tail)

    def with_added(self, ids: Iterable[str], robots: Iterable[str] = ()) -> "Roster":
        """The next version, with these members in it, and the robots among them known as such."""
        known = {user for page in self.pages for user in page.ids}
        tail = tuple(dict.fromkeys((*self.tail, *(user for user in ids if user not in known))))
        known_robots = tuple(dict.fromkeys((*self.robots, *robots)))[:MAX_ROBOTS]
        return _packed(self.version + 1, tail, self.pages, known_robots)

    def with_removed(self, ids: Collection[str]) -> "Roster":
        """The next version, without these members. What is left of a page that gets small goes to the tail."""
        gone = frozenset(ids)
        tail = tuple(user for user in self.tail if user not in gone)
        pages = []
        for page in self.pages:
            left = page if gone.isdisjoint(page.ids) else RosterPage(tuple(u for u in page.ids if u not in gone))
            if left is not page and _size(left.ids) < PAGE_BYTES // 4:
                tail = (*left.ids, *tail)
            else:
                pages.append(left)
        robots = tuple(robot for robot in self.robots if robot not in gone)
        return _packed(self.version + 1, tail, tuple(pages), robots)

    def named(self, new_name: Callable[[], str]) -> "Roster":
        """The same with a name for each page that has none."""
        return replace(self, pages=tuple(page if page.name else replace(page, name=new_name()) for page in self.pages))


def _packed(version: int, tail: tuple[str, ...], pages: tuple[RosterPage, ...], robots: tuple[str, ...]) -> Roster:
    """The roster, with full pages cut from the front of a tail that is too long."""
    added: list[RosterPage] = []
    part: list[str] = []
    size = 0
    if _size(tail) > PAGE_BYTES:
        for user in tail:
            length = _length(user)
            if size + length > PAGE_BYTES:
                added.append(RosterPage(tuple(part)))
                part, size = [], 0
            part.append(user)
            size += length
        tail = tuple(part)
    return Roster(version, tail, (*pages, *added), robots)


def _size(ids: Iterable[str]) -> int:
    return sum(map(_length, ids))


def _length(user: str) -> int:
    return len(user.encode()) + 1
