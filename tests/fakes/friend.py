"""Friendships in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from im.friend.model import Between, Friend, FriendRequest
from im.friend.store import FriendChange, RequestChange
from tests.fakes.message import MemoryRowStore


class MemoryFriendStore:
    """``FriendStore`` in dictionaries; each user has his own copies of requests, as in the tables.

    Args:
        rows: the conversation rows that commits mark.
    """

    def __init__(self, rows: MemoryRowStore) -> None:
        self._rows = rows
        self._friends: dict[tuple[str, str], Friend] = {}
        self._requests: dict[tuple[str, str, str], FriendRequest] = {}
        self._read: dict[str, int] = {}

    def between(self, user: str, other: str) -> Between:
        return Between(
            self.get(user, other),
            self.get(other, user),
            self._requests.get((other, user, other)),
            self._requests.get((user, other, user)),
        )

    def get(self, user: str, other: str) -> Friend:
        return self._friends.get((user, other), Friend(user, other))

    def friends(self, user: str, after: int = 0, *, consistent: bool = True) -> list[Friend]:
        return [row for (owner, _), row in self._friends.items() if owner == user and row.update_dt > after]

    def requests(self, user: str, after: int = 0) -> tuple[list[FriendRequest], int]:
        found = [each for (owner, *_), each in self._requests.items() if owner == user and each.update_dt > after]
        return found, self._read.get(user, 0)

    def commit(self, friends: Sequence[FriendChange], requests: Sequence[RequestChange] = ()) -> bool:
        for change in friends:
            if self.get(change.new.user, change.new.other).update_dt != change.old.update_dt:
                return False
        for asked in requests:
            found = self._requests.get((asked.new.receiver, asked.new.sender, asked.new.receiver))
            if (found.update_dt if found else 0) != (asked.old.update_dt if asked.old else 0):
                return False
        for change in friends:
            row = change.new
            self._friends[row.user, row.other] = row
            if change.shows_in_chat:
                self._rows.relate(row.user, row.other, blocked=row.is_blacked, befriended=row.is_friend)
        for asked in requests:
            new = asked.new
            self._requests[new.receiver, new.sender, new.receiver] = new
            self._requests[new.sender, new.sender, new.receiver] = replace(new, greet_after=None)
        return True

    def greeted(self, request: FriendRequest) -> None:
        place = (request.receiver, request.sender, request.receiver)
        if self._requests[place].update_dt == request.update_dt:
            self._requests[place] = replace(self._requests[place], greet_after=None)

    def raise_read_until(self, user: str, until: int) -> int:
        self._read[user] = max(until, self._read.get(user, 0))
        return self._read[user]

    def forget(self, user: str) -> None:
        self._friends = {place: row for place, row in self._friends.items() if place[0] != user}
        self._requests = {place: each for place, each in self._requests.items() if place[0] != user}
        self._read.pop(user, None)
