"""Friendships, friend requests and blacklists (client-semantics spec, section 6). Hosting them is optional.

A friendship is two rows, one for each side; a user's row also carries what he alone decides: the name he gives the other, his
own remarks, and whether he has blacklisted him. A request is one thing that both sides keep a copy of.
"""

from enum import IntEnum

from msgspec import Struct

from im.errors import Code, ImError, InvalidError
from im.message.model import check_id
from im.settings import Switches

MAX_ALIAS = 64
MAX_REASON = 256
MAX_EXTRA = 1_024

REPEAT_MS = 5 * 60_000
"""A request may be repeated once while it is younger than this (client-semantics spec 6.1)."""


class RequestStatus(IntEnum):
    """How far a friend request has got (client-semantics spec 0.2)."""

    SENT = 0
    ACCEPTED = 1
    REJECTED = 2
    WITHDRAWN = 3
    """One of the two was destroyed; not Wildfire's, which deletes such requests and lets devices keep them."""


class GreetingType(IntEnum):
    """Content types of the messages that an accepted request leaves in the chat (client-semantics spec 0.3)."""

    GREETING = 92
    ADDED = 93


class Friend(Struct, frozen=True):
    """What one user keeps of another.

    Attributes:
        user: whose row it is.
        other: whom it is about.
        is_friend: they are friends; both rows always say the same.
        is_blacked: ``user`` does not want to hear from ``other``.
        alias: the name that ``user`` gives him.
        extra: the application's own.
        update_dt: when it changed last, ms; 0 for a row that does not exist. It never repeats for a row.
    """

    user: str
    other: str
    is_friend: bool = False
    is_blacked: bool = False
    alias: str = ""
    extra: str = ""
    update_dt: int = 0


class FriendRequest(Struct, frozen=True):
    """A request of one user to be another's friend; there is one for each ordered pair.

    Attributes:
        sender: who asks.
        receiver: who is asked.
        reason: what he says.
        extra: the application's own; becomes the extra of both friend rows.
        status: see ``RequestStatus``.
        sent: when it was sent last, ms: it expires, and may be repeated, counted from here.
        repeated: the one early repetition has been used.
        update_dt: when it changed last, ms; it never repeats for a request.
        greet_after: accepted, and its greetings are still to be written: after this seq of the chat they are not yet there.
    """

    sender: str
    receiver: str
    reason: str = ""
    extra: str = ""
    status: int = RequestStatus.SENT
    sent: int = 0
    repeated: bool = False
    update_dt: int = 0
    greet_after: int | None = None

    @property
    def is_pending(self) -> bool:
        """Nobody has answered it yet."""
        return self.status == RequestStatus.SENT


class Between(Struct, frozen=True):
    """All that is stored between two users, as one of them sees it.

    Attributes:
        mine, theirs: the two friend rows; one that does not exist has the version 0.
        outgoing, incoming: the requests, or None.
    """

    mine: Friend
    theirs: Friend
    outgoing: FriendRequest | None = None
    incoming: FriendRequest | None = None

    @property
    def are_friends(self) -> bool:
        """Whether they are friends."""
        return self.mine.is_friend and self.theirs.is_friend


def check_pair(user: str, other: str) -> None:
    """Two ids that can stand in a relation.

    Raises:
        InvalidError: one of them cannot be, or they are the same.
    """
    check_id(user, "userId")
    check_id(other, "userId")
    if user == other:
        raise InvalidError("nobody is his own friend")


def check_texts(*, reason: str = "", alias: str = "", extra: str = "") -> None:
    """Texts that can be stored.

    Raises:
        InvalidError: one is too long.
    """
    for name, value, limit in (
        ("reason", reason, MAX_REASON),
        ("alias", alias, MAX_ALIAS),
        ("extra", extra, MAX_EXTRA),
    ):
        if len(value) > limit:
            raise InvalidError(f"{name} may have {limit} characters")


def check_may_request(earlier: FriendRequest | None, switches: Switches, now_ms: int) -> bool:
    """Whether a request may be sent after an earlier one (client-semantics spec 6.1, 2). True: as its early repetition.

    Raises:
        ImError: 18 it was rejected lately; 16 it still waits for an answer.
    """
    if earlier is None or earlier.status in (RequestStatus.ACCEPTED, RequestStatus.WITHDRAWN):
        return False
    rejected = earlier.status == RequestStatus.REJECTED
    age = now_ms - (earlier.update_dt if rejected else earlier.sent)
    if rejected and age < switches.reject_request_ms:
        raise ImError(Code.FRIEND_REQUEST_BLOCKED)
    if 0 < switches.repeat_request_ms <= age:
        return False
    if age >= REPEAT_MS or earlier.repeated:
        raise ImError(Code.FRIEND_ALREADY_REQUEST)
    return True


def is_expired(request: FriendRequest, switches: Switches, now_ms: int) -> bool:
    """Whether it is too late to answer a request (client-semantics spec 6.2, 2)."""
    return 0 < switches.request_expiration_ms <= now_ms - request.sent


def befriended(between: Between, extra: str, version: int) -> tuple[Friend, Friend]:
    """Both rows after a request was accepted: friends, and nothing of what was before (client-semantics spec 6.2, 4)."""
    mine, theirs = between.mine, between.theirs
    return (
        Friend(mine.user, mine.other, is_friend=True, extra=extra, update_dt=version),
        Friend(theirs.user, theirs.other, is_friend=True, extra=extra, update_dt=version),
    )
