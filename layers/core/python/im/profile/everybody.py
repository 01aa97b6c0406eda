"""All users whom a message to everybody goes to (client-semantics spec 3.12)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from im.profile.model import User, UserType

_EXACT = 1_000
_NOT_PEOPLE = (UserType.ROBOT, UserType.DEVICE)


class Listing(Protocol):
    """What of the user store this needs."""

    def list_after(self, place: str, count: int) -> Sequence[tuple[str, str]]:
        """(place, user id) of users behind a place in the order of their registration."""

    def count_listed(self) -> int:
        """How many users are listed."""

    def get_many(self, user_ids: Iterable[str]) -> Mapping[str, User]:
        """Users by their ids."""


class Everybody:
    """Everybody in the user table but robots and devices.

    Args:
        users: the user store.
    """

    def __init__(self, users: Listing) -> None:
        self._users = users

    def page(self, after: str, limit: int) -> tuple[list[str], str]:
        """Users behind a place in the order of their registration, and the place behind them, empty at the end."""
        listed = self._users.list_after(after, limit)
        users = self._users.get_many(user for _, user in listed)
        people = [user.id for _, each in listed if (user := users.get(each)) and _is_person(user)]
        return people, listed[-1][0] if len(listed) == limit else ""

    def count(self) -> int:
        """How many they are; beyond a thousand listed users, robots and devices are counted too."""
        people, rest = self.page("", _EXACT)
        return self._users.count_listed() if rest else len(people)


def _is_person(user: User) -> bool:
    return not user.deleted and user.type not in _NOT_PEOPLE
