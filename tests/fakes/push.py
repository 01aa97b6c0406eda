"""In-memory tokens and claims, and a topic that is a list."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from im.errors import BusyError
from im.push.alert import Alert, Publication
from im.push.model import Reason
from im.push.notice import Names, Notice
from im.push.senders import Sending
from im.push.store import Owner


class MemoryTokenStore:
    """``TokenStore`` in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[str, Owner] = {}

    def claim(self, digest: str, user: str, client: str) -> Owner | None:
        before = self.known.get(digest)
        self.known[digest] = Owner(user, client)
        return before

    def owners(self, digests: Iterable[str]) -> dict[str, Owner]:
        return {digest: self.known[digest] for digest in digests if digest in self.known}

    def note_endpoint(self, digest: str, owner: Owner, endpoint: str) -> None:
        known = self.known.get(digest)
        if known and (known.user, known.client) == (owner.user, owner.client):
            self.known[digest] = replace(known, endpoint=endpoint)

    def release(self, digest: str, user: str, client: str) -> None:
        known = self.known.get(digest)
        if known and (known.user, known.client) == (user, client):
            del self.known[digest]


class MemoryClaimStore:
    """``ClaimStore`` in a dictionary: whether what was shown was withdrawn."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str, str], bool] = {}
        self.by: dict[tuple[str, str, str], str] = {}
        self.withdrawn: dict[tuple[str, str, str], str] = {}
        self.calls: dict[tuple[str, str, str], int] = {}

    def claim(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        key = user, client, about
        if key in self.known and (self.by.get(key) != by or key in self.withdrawn):
            return False
        self.known[key], self.by[key] = False, by
        return True

    def release(self, user: str, client: str, about: str, by: str) -> None:
        key = user, client, about
        if self.by.get(key) == by:
            del self.known[key], self.by[key]

    def withdraw(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        key = user, client, about
        self.known[key] = True
        return self.withdrawn.setdefault(key, by) == by and key in self.by

    def note_call(self, user: str, client: str, call: str, uid: int, now_ms: int) -> None:
        self.calls[user, client, call] = uid

    def call_start(self, user: str, client: str, call: str) -> int:
        return self.calls.get((user, client, call), 0)

    def restore(self, user: str, client: str, about: str, by: str) -> None:
        key = user, client, about
        if self.withdrawn.get(key) == by:
            del self.withdrawn[key]
            self.known[key] = False


class MemoryDirectory:
    """``Directory`` in which everybody is called by his id in capitals."""

    def names(self, alert: Alert, users: Sequence[str]) -> dict[str, Names]:
        return {user: Names(alert.sender.upper(), target=alert.target.upper()) for user in users}


class ListSender:
    """``Sender`` that keeps what it is given, and answers what it is told, or is busy."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.answers: list[Reason | Exception | None] = []

    def send(self, sending: Sending) -> Reason | None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.sent.append(sending.notice)
        return answer


class ListTopic:
    """``Topic`` that keeps what is published; while ``closed`` it takes nothing."""

    def __init__(self) -> None:
        self.published: list[Publication] = []
        self.platforms: list[Sequence[int]] = []
        self.closed = False

    def publish(self, publication: Publication, platforms: Sequence[int]) -> None:
        if self.closed:
            raise BusyError("the topic is closed")
        self.published.append(publication)
        self.platforms.append(platforms)
