"""Chatrooms: what they are, and the rules that need no storage (client-semantics spec 7.1; server-api spec 2.6).

A room has *seats*: who is inside, on which client, over which socket. A user sits in one room at a time; his *place* says in
which. His *standing* in a room is what administrators made of him there: a manager, muted, banned.
"""

from collections.abc import Collection
from enum import IntEnum

from msgspec import Struct

from im.errors import Code, ImError, InvalidError
from im.message.model import Message, check_id
from im.platform.uids import uid_ms

MAX_TITLE = 64
MAX_PORTRAIT = 1_024
MAX_TEXT = 16_384
"""Characters of a description or an extra."""
MAX_RECENT = 50
"""How many of the newest messages one who joins may ask for."""
MAX_LISTED = 500
"""How many members one answer names."""
_ACTIVE_SHARE = 3
_SEAT_GRACE_S = 3_600
_SEAT_LIFE_S = 30 * 86_400
"""How long a seat outlives its last sign of life where nobody is ever idle."""


class State(IntEnum):
    """A room's state; whatever is greater than ENDED means the same."""

    NORMAL = 0
    NOT_STARTED = 1
    ENDED = 2


class Black(IntEnum):
    """What a user is kept from in a room."""

    CLEAR = 0
    MUTED = 1
    BANNED = 2


class Room(Struct, frozen=True):
    """A chatroom.

    Attributes:
        id: the room id.
        state: see ``State``.
        muted: only managers may speak.
        created, update_dt: ms.
        floor: the seq after which the present part of its log begins, see ``im.chatroom.log``.
        alive: when the log was last begun or renewed, ms.
    """

    id: str
    title: str = ""
    desc: str = ""
    portrait: str = ""
    extra: str = ""
    state: int = State.NORMAL
    muted: bool = False
    created: int = 0
    update_dt: int = 0
    floor: int = 0
    alive: int = 0

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state >= State.ENDED


class Standing(Struct, frozen=True):
    """What administrators made of a user in a room.

    Attributes:
        user: the user id.
        black: see ``Black``.
        until: when that ends, ms; 0 never.
        manager: whether he may speak while everybody is muted.
    """

    user: str
    black: int = Black.CLEAR
    until: int = 0
    manager: bool = False

    def black_at(self, now_ms: int) -> int:
        """His black status at a moment."""
        return self.black if not self.until or now_ms < self.until else Black.CLEAR


class Seat(Struct, frozen=True):
    """Somebody inside a room.

    Attributes:
        room, user: where, who.
        client: his client id; one client of a user is inside.
        platform: Wildfire's platform number.
        connection: the socket that messages are posted to.
        active: his last sign of life in the room, ms; it may lag behind by a share of the idle time.
    """

    room: str
    user: str
    client: str
    platform: int
    connection: str
    active: int

    def taken_at(self, now_ms: int, idle_ms: int) -> bool:
        """Whether he still sits there: who was idle for too long is out, whether or not anybody has cleared the seat."""
        return not idle_ms or now_ms - self.active < idle_ms

    def is_stale(self, now_ms: int, idle_ms: int) -> bool:
        """Whether a sign of life is worth a write: not more often than three times in the idle time."""
        return now_ms - self.active >= (idle_ms or _SEAT_LIFE_S * 1000) // _ACTIVE_SHARE

    def expires_s(self, idle_ms: int) -> int:
        """When storage may forget it, in seconds."""
        life = idle_ms // 1000 + _SEAT_GRACE_S if idle_ms else _SEAT_LIFE_S
        return self.active // 1000 + life


class Place(Struct, frozen=True):
    """Which room a user went to last, on which client. He is inside only if he has the seat there."""

    user: str
    room: str
    client: str
    taken: int

    @property
    def expires_s(self) -> int:
        """When storage may forget it, in seconds: later than any seat."""
        return self.taken // 1000 + 2 * _SEAT_LIFE_S


class Visitor(Struct, frozen=True):
    """Who is at the door: a user on one client and socket."""

    user: str
    client: str
    connection: str
    platform: int = 0


def check_room(room: Room) -> Room:
    """A room that can be created.

    Raises:
        InvalidError: an id, a text or the state that cannot be.
    """
    check_id(room.id, "chatroomId")
    for name, text, limit in (
        ("title", room.title, MAX_TITLE),
        ("desc", room.desc, MAX_TEXT),
        ("portrait", room.portrait, MAX_PORTRAIT),
        ("extra", room.extra, MAX_TEXT),
    ):
        if len(text) > limit:
            raise InvalidError(f"{name} may have {limit} characters")
    if room.state < 0:
        raise InvalidError("state must be 0 or more")
    return room


def check_may_speak(
    room: Room, standing: Standing, content_type: int, now_ms: int, mute_exceptions: Collection[int]
) -> None:
    """Whether somebody inside may send; the exempted content types get past a mute, not past a ban.

    Raises:
        ImError: 248 he is banned or muted, 241 everybody is muted.
    """
    black = standing.black_at(now_ms)
    if black == Black.BANNED:
        raise ImError(Code.NOT_RIGHT)
    if content_type in mute_exceptions:
        return
    if black == Black.MUTED:
        raise ImError(Code.NOT_RIGHT)
    if room.muted and not standing.manager:
        raise ImError(Code.GROUP_MUTED)


def has_expired(message: Message, keep_ms: int, now_ms: int) -> bool:
    """Whether a message in a room has been kept for long enough; storage removes it some time after that."""
    return written_ms(message) + keep_ms <= now_ms


def written_ms(message: Message) -> int:
    """When a message was appended, ms; its time may be changed by an edit."""
    return uid_ms(message.uid)
