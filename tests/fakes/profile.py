"""Users in memory."""

from collections.abc import Iterable

from im import keys
from im.platform.dynamo import Key
from im.profile.model import User
from im.profile.search import endings
from im.profile.store import SHARED


class MemoryUserStore:
    """``UserStore`` in dictionaries."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._names: dict[str, str] = {}
        self._seeded = False

    def user_key(self, user_id: str, *, consistent: bool = False) -> Key:
        return Key("users", (("pk", keys.user(user_id)), ("sk", keys.PROFILE)), consistent)

    def get(self, user_id: str, *, consistent: bool = False) -> User | None:
        return self._users.get(user_id)

    def get_many(self, user_ids: Iterable[str]) -> dict[str, User]:
        return {user_id: self._users[user_id] for user_id in user_ids if user_id in self._users}

    def id_of_name(self, name: str) -> str | None:
        return self._names.get(name)

    def ids_of_mobile(self, mobile: str, limit: int = SHARED) -> list[str]:
        return sorted(user.id for user in self._users.values() if user.mobile == mobile)[:limit]

    def ids_of_email(self, email: str) -> list[str]:
        return sorted(user.id for user in self._users.values() if user.email == email)[:SHARED]

    def ids_of_display_name(self, part: str, limit: int) -> list[str]:
        entries = sorted((ending, user.id) for user in self._users.values() for ending in endings(user))
        hits = [user_id for ending, user_id in entries if ending.startswith(part)]
        return list(dict.fromkeys(hits[:limit]))

    def list_ids(self, offset: int, count: int) -> list[str]:
        listed = sorted((user.created, user.id) for user in self._users.values() if not user.deleted)
        return [user_id for _, user_id in listed][offset : offset + count]

    def list_after(self, place: str, count: int) -> list[tuple[str, str]]:
        places = [keys.by_creation(user.created, user.id) for user in self._users.values() if not user.deleted]
        return [(each, keys.id_of(each)) for each in sorted(places) if each > place][:count]

    def count_listed(self) -> int:
        return sum(not user.deleted for user in self._users.values())

    def put(self, new: User, old: User | None) -> bool:
        if self._users.get(new.id) != old:
            return False
        if not new.deleted and self._names.get(new.name, new.id) != new.id:
            return False
        if old and not old.deleted:
            del self._names[old.name]
        if not new.deleted:
            self._names[new.name] = new.id
        self._users[new.id] = new
        return True

    def seeded(self) -> bool:
        return self._seeded

    def mark_seeded(self) -> None:
        self._seeded = True
