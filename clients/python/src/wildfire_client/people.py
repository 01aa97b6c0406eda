"""What an application does with users and friends."""

from collections.abc import Awaitable, Callable, Iterable
from enum import IntEnum
from typing import Any

from wildfire_client.lists import Lists
from wildfire_client.objects import Friend, FriendRequest, User
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Entry(IntEnum):
    """What `Users.modify` can change of one's own profile."""

    DISPLAY_NAME = 0
    PORTRAIT = 1
    GENDER = 2
    EMAIL = 4
    ADDRESS = 5
    COMPANY = 6
    SOCIAL = 7
    EXTRA = 8


class Users:
    """Profiles. Getters answer from the store at once and fetch behind the scenes; `UsersChanged` tells what came."""

    def __init__(self, store: Store, call: Call, lists: Lists) -> None:
        self._store = store
        self._call = call
        self._lists = lists

    def get(self, user_id: str) -> User | None:
        """A profile as far as it is known; the server is asked when that was long ago, or never."""
        self._lists.want_users([user_id])
        return self._store.user(user_id)

    async def fetch(self, user_ids: Iterable[str]) -> list[User]:
        """Profiles as they are now; users who are not registered are missing.

        Raises:
            ChatError: refused, or no link.
        """
        wanted = list(user_ids)
        await self._lists.fetch_users(wanted)
        return [user for user_id in wanted if (user := self._store.user(user_id)) is not None]

    def name(self, user_id: str, group_id: str | None = None) -> str:
        """What to call a user: my alias for him, his name in the group, his display name, or his id."""
        friend = self._store.friend(user_id)
        if friend is not None and friend.alias:
            return friend.alias
        member = None if group_id is None else self._store.member(group_id, user_id)
        if member is not None and member.alias:
            return member.alias
        user = self.get(user_id)
        return (user.display_name or user.name) if user is not None else user_id

    async def modify(self, entries: dict[Entry, str]) -> None:
        """Change one's own profile.

        Raises:
            ChatError: refused, or no link.
        """
        body = {"entries": [{"type": int(entry), "value": value} for entry, value in entries.items()]}
        await self._call("profile", "modify", body)
        await self._lists.fetch_users([self._store.user_id])

    async def search(self, keyword: str, kind: int = 0, page: int = 0) -> tuple[list[User], bool]:
        """Users who are found by a word, and whether the next page may have more.

        Args:
            kind: what is looked at; 0 is everything that the deployment allows.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._call("profile", "search", {"keyword": keyword, "type": kind, "page": page})
        found = [User.from_wire(wire) for wire in answer["users"]]
        if rest := answer.get("rest"):
            found += await self.fetch(rest)
        return found, bool(answer.get("more"))


class Friends:
    """Friends, friend requests and the blacklist. What is read comes from the store; `FriendsChanged` and
    `FriendRequestsChanged` tell of changes, from whatever device or user."""

    def __init__(self, store: Store, call: Call, lists: Lists) -> None:
        self._store = store
        self._call = call
        self._lists = lists

    def all(self) -> list[Friend]:
        """My friends, by id."""
        return [friend for friend in self._store.friends() if friend.friend]

    def get(self, user_id: str) -> Friend | None:
        """What I keep of a user: friendship, alias, blacklist."""
        return self._store.friend(user_id)

    def is_friend(self, user_id: str) -> bool:
        """Whether we are friends."""
        kept = self._store.friend(user_id)
        return kept is not None and kept.friend

    def blacklist(self) -> list[str]:
        """Ids of those whom I do not want to hear from."""
        return [friend.user_id for friend in self._store.friends() if friend.blacklisted]

    def requests(self) -> list[FriendRequest]:
        """Requests to me and from me, the youngest first."""
        return self._store.requests()

    @property
    def unread_requests(self) -> int:
        """Requests to me that wait and that I have not read."""
        return self._lists.unread_requests()

    async def request(self, user_id: str, reason: str = "", extra: str = "") -> None:
        """Ask somebody to be my friend.

        Raises:
            ChatError: they are friends already, one has asked already, refused, or no link.
        """
        await self._call("profile", "friendRequest", {"userId": user_id, "reason": reason, "extra": extra})

    async def answer(self, user_id: str, *, accept: bool) -> None:
        """Answer the request of a user.

        Raises:
            ChatError: there is none, it has expired, or no link.
        """
        await self._call("profile", "friendAnswer", {"userId": user_id, "status": 1 if accept else 2})

    async def mark_requests_read(self) -> None:
        """I have seen all requests.

        Raises:
            ChatError: refused, or no link.
        """
        newest = max((request.time for request in self._store.requests()), default=0)
        if newest > self._store.requests_read:
            await self._call("profile", "friendRequestsRead", {"until": newest})

    async def delete(self, user_id: str) -> None:
        """End a friendship, for both.

        Raises:
            ChatError: refused, or no link.
        """
        await self._call("profile", "friendDelete", {"userId": user_id})

    async def set_alias(self, user_id: str, alias: str) -> None:
        """Give somebody a name that only I see.

        Raises:
            ChatError: refused, or no link.
        """
        await self._call("profile", "friendAlias", {"userId": user_id, "alias": alias})

    async def block(self, user_id: str, *, on: bool = True) -> None:
        """Put somebody on my blacklist, or take him off.

        Raises:
            ChatError: refused, or no link.
        """
        await self._call("profile", "blacklist", {"userId": user_id, "on": on})
