"""Appending to a room's log, whose slots expire.

Messages in rooms are kept for a while only. Were nothing done about it, a room that was quiet for that long would lose the
last slot of its log too, and begin again at seq 1, below what devices have. So a room's info has a *floor*: a seq after which
the present part of its log begins. Within a part seqs are contiguous, and the next part begins at the present time in
milliseconds, which no log ever catches up with.

Nothing of that is needed for an ordinary message. Its base is a slot that the send has read anyway, and one that is younger
than half of the retention says that everything behind it exists still. Otherwise (the room was quiet, or the base has
expired) the head is read, and the info is written once, on the condition that nobody else has: which of the senders begins
the new part is decided there. The margins keep a sender that was delayed apart from the next part: an append happens within
seconds of what justified it, and a part is only ended when a far older justification would not do any more.

=====================================  ========================================================
what is known                          then
=====================================  ========================================================
a slot younger than 1/2                append behind it
floor begun or renewed within 1/16     append behind the head, or the floor
head younger than 3/4, or floor        renew: note the time on the info, then append so
within 1/8
none of it                             begin a new part, then append behind its floor
=====================================  ========================================================
"""

from msgspec.structs import replace

from im.chatroom.model import Room, written_ms
from im.chatroom.store import ChatroomStore
from im.errors import BusyError, InvalidError
from im.message.log import CLIENT_WALK, Appended, Head, Log, Walk
from im.message.model import Message
from im.message.store import MessageStore
from im.platform.clock import Clock

_ATTEMPTS = 4
_REMEMBERED = 1_024


class RoomLog:
    """Appends to rooms' logs.

    Args:
        messages: the logs.
        rooms: their floors.
        log: appends.
        retention_ms: how long slots are kept.
        clock: the time.
    """

    def __init__(self, messages: MessageStore, rooms: ChatroomStore, log: Log, retention_ms: int, clock: Clock) -> None:
        self._messages = messages
        self._rooms = rooms
        self._log = log
        self._retention_ms = retention_ms
        self._clock = clock
        self._heads: dict[str, int] = {}

    def append(
        self,
        draft: Message,
        room: Room,
        base: int,
        slot: Message | None,
        *,
        indexed: bool = False,
        walk: Walk = CLIENT_WALK,
    ) -> Appended:
        """Put a message behind a base, or find where an earlier attempt has put it.

        Args:
            draft: the message without seq, uid and time.
            room: as it was read with the base.
            base: the last seq that the sender knew; the same on every resend.
            slot: what was found there, if anything.
            indexed: whether the uid must be findable even where only server messages are.
            walk: how much may lie between base and the free slot.

        Raises:
            InvalidError: there never was such a base.
            ImError: 238 with ``retry``, base is too far behind.
            BusyError: storage is busy, or too many senders race.
        """
        if slot is not None and self._clock() - written_ms(slot) < self._retention_ms // 2:
            hint = self._heads.get(draft.log, 0)
            appended = self._log.append(draft, Head(base, slot.uid), behind=hint > base + 1, indexed=indexed, walk=walk)
        else:
            newest = self._messages.newest(draft.log)
            room = self._assured(room, newest)
            head = max(room.floor, newest.seq if newest else 0)
            if base > head:
                raise InvalidError(f"base {base} does not exist in this conversation")
            appended = self._log.append(
                draft,
                Head(base, slot.uid if slot else 0),
                behind=newest is not None and newest.seq > base,
                indexed=indexed,
                walk=walk,
                floor=room.floor,
            )
        self._remember(appended.message)
        return appended

    def _assured(self, room: Room, newest: Message | None) -> Room:
        """The room in a state that an append may rely on.

        It may have been read a little late: a floor that was moved since went with an ``alive`` that was too old to be
        trusted, and then the conditional write fails and tells.
        """
        for _ in range(_ATTEMPTS):
            now = self._clock()
            living = newest is not None and newest.seq > room.floor
            age = now - written_ms(newest) if newest is not None and living else self._retention_ms
            since = now - room.alive
            if age < self._retention_ms // 2 or since < self._retention_ms // 16:
                return room
            over = age >= self._retention_ms * 3 // 4 and since >= self._retention_ms // 8
            changed = replace(room, floor=max(now, room.floor + 1) if over else room.floor, alive=now)
            if self._rooms.begin(room, changed.floor, now):
                return changed
            room = self._rooms.get(room.id) or room
        raise BusyError("the room is being begun anew")

    def _remember(self, message: Message) -> None:
        known = self._heads.pop(message.log, 0)
        self._heads[message.log] = max(known, message.seq)
        if len(self._heads) > _REMEMBERED:
            del self._heads[next(iter(self._heads))]
