"""Sessions, tokens and the sync token: who may connect on which device, and what a device has seen."""

import base64

from msgspec import Struct

from im.delivery.model import PushAddress, Versions
from im.errors import InvalidError
from im.message.model import Conversation
from im.platform.clock import MINUTE_MS

SYNC_SLACK_MS = 90_000
"""How far a sync token lies behind its making: longer than any function runs plus the clocks' skew, so that an append whose
stamp was read before the token was made is still looked at by the next sync."""

_MOBILE = frozenset({1, 2, 10})
_PAD = frozenset({8, 9, 11})
_PC = frozenset({3, 4, 7, 12})
KICKABLE = frozenset({3, 4, 5, 7, 8, 9, 11, 12})
"""Platforms that a user may kick from another of his devices: PC, web and pad (client-semantics spec 2.2, KPCC)."""


class Session(Struct, frozen=True):
    """A user's login on one client.

    Attributes:
        user: the user id.
        client: the client id, which belongs to one user at a time.
        platform: Wildfire's platform number.
        generation: counts the logins after a kick or logout; a token of an older one is void.
        created: when it was first made, ms.
        deleted: kicked or logged out.
    """

    user: str
    client: str
    platform: int
    generation: int = 1
    created: int = 0
    deleted: bool = False


class SessionState(Struct, frozen=True):
    """A session, whether it is connected, and where it is notified while it is not; ``last_seen`` in ms."""

    session: Session
    online: bool
    last_seen: int
    push: PushAddress | None = None


class Claims(Struct, frozen=True):
    """What a token says: this user, on this client, at this login."""

    user: str
    client: str
    platform: int
    generation: int


class SyncToken(Struct, frozen=True):
    """How far a device has synced: everything stamped before ``minute`` is known.

    While the pages of one sync are read, ``cursor`` holds the place (activity minute, conversation key) after which the next
    page begins.
    """

    minute: int
    cursor: tuple[int, str] | None = None

    def dump(self) -> str:
        """The token as clients keep it: opaque text."""
        place = f" {self.cursor[0]} {self.cursor[1]}" if self.cursor else ""
        return base64.urlsafe_b64encode(f"1 {self.minute}{place}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "SyncToken":
        """Read a token that ``dump`` wrote.

        Raises:
            InvalidError: it is not one of ours.
        """
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            version, minute, *place = plain.split(" ", 3)
            cursor = (int(place[0]), place[1]) if place else None
            if version != "1":
                raise ValueError(version)
            return cls(int(minute), cursor)
        except (ValueError, IndexError):
            raise InvalidError("sync is not a token of this server") from None


class ConversationState(Struct, frozen=True):
    """What ``hello`` says of a conversation.

    Attributes:
        conversation: from the reader's side.
        head: the last seq that he may see.
        read: his read cursor.
        first: the lowest seq that he may see.
        last: set once he left: nothing after it is his.
        cleared: up to there he has cleared it away.
        removed: the head at which he took it off his list.
        silent: he gets no notifications of it.
        top: how far up in the list he keeps it, 0 for as it comes.
    """

    conversation: Conversation
    head: int
    read: int
    first: int
    last: int | None = None
    cleared: int = 0
    removed: int = 0
    silent: bool = False
    top: int = 0


class Changes(Struct, frozen=True):
    """One page of a sync: conversations that changed, newest activity first, and the versions of all else."""

    time: int
    token: str
    more: bool
    conversations: tuple[ConversationState, ...]
    versions: Versions


def platform_class(platform: int) -> frozenset[int]:
    """The platforms that one login excludes from one another (client-semantics spec 1.3); empty for platform 0."""
    for group in (_MOBILE, _PAD, _PC):
        if platform in group:
            return group
    return frozenset({platform}) if platform > 0 else frozenset()


def displaced(
    sessions: list[Session], client: str, platform: int, *, multi: bool, multi_pc: bool, multi_pad: bool
) -> list[Session]:
    """The user's sessions that a new login on ``client`` ends (client-semantics spec 1.3)."""
    same_class = platform_class(platform)
    if multi or (multi_pc and same_class == _PC) or (multi_pad and same_class == _PAD):
        return []
    return [
        session
        for session in sessions
        if not session.deleted and session.client != client and session.platform in same_class
    ]


def next_token_minute(now_ms: int) -> int:
    """The minute that a sync which began now has covered for certain."""
    return (now_ms - SYNC_SLACK_MS) // MINUTE_MS
