"""In-memory sessions, node leases and rate buckets."""

from collections import defaultdict

from msgspec.structs import replace

from im.connect.model import Session


class MemorySessionStore:
    """``SessionStore`` in dictionaries."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}
        self._owners: dict[str, str] = {}
        self._statuses: dict[str, int] = {}

    def get(self, user: str, client: str) -> Session | None:
        return self._sessions.get((user, client))

    def gate(self, user: str, client: str) -> tuple[Session | None, int]:
        return self.get(user, client), self.status(user)

    def of_user(self, user: str) -> list[Session]:
        return [session for session in self._sessions.values() if session.user == user]

    def put(self, session: Session) -> None:
        self._sessions[session.user, session.client] = session

    def mark_deleted(self, user: str, client: str) -> bool:
        session = self.get(user, client)
        if session is None:
            return False
        self.put(replace(session, deleted=True))
        return True

    def claim(self, client: str, user: str) -> str | None:
        before = self._owners.get(client)
        self._owners[client] = user
        return before if before != user else None

    def status(self, user: str) -> int:
        return self._statuses.get(user, 0)

    def set_status(self, user: str, status: int) -> None:
        self._statuses[user] = status

    def blocked(self) -> list[tuple[str, int]]:
        return sorted((user, status) for user, status in self._statuses.items() if status)

    def forget(self, user: str) -> None:
        for session in self.of_user(user):
            del self._sessions[user, session.client]
        self._statuses.pop(user, None)


class MemoryEphemera:
    """Node leases, used signatures and rate buckets in dictionaries."""

    def __init__(self) -> None:
        self._leases: dict[int, tuple[str, int]] = {}
        self._signs: dict[tuple[str, str], int] = {}
        self._buckets: dict[tuple[str, str, int], int] = defaultdict(int)

    def acquire(self, node: int, holder: str, now_ms: int, until_ms: int) -> bool:
        other, until = self._leases.get(node, (holder, 0))
        if other != holder and until >= now_ms:
            return False
        self._leases[node] = (holder, until_ms)
        return True

    def remember(self, family: str, sign: str, now_ms: int, until_ms: int) -> bool:
        if self._signs.get((family, sign), 0) >= now_ms:
            return False
        self._signs[family, sign] = until_ms
        return True

    def spend(self, scope: str, owner: str, amount: int, window: int, window_ms: int) -> int:
        self._buckets[scope, owner, window] += amount
        return self._buckets[scope, owner, window]
