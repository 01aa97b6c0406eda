"""Appending to a conversation's log: contiguous, and exactly once.

The writer tries the slot after the last one that it knows; a conditional put either wins it or hands back who stands there.
Every attempt looks at every slot from ``base + 1`` on, and a writer that meets its own message (same sender and cid) stops
there. Since the client repeats the same cid and base on every resend, a message that was stored before is always met before
a free slot is, whatever happened to the answer: that is the whole duplicate detection, and it lasts for ever.
"""

from msgspec import Struct
from msgspec.structs import replace

from im.errors import BusyError, Code, ImError
from im.message.model import MAX_WALK, Message
from im.message.store import MessageStore
from im.platform.metrics import Count, ignore
from im.platform.uids import Uids, uid_ms

_PUTS_BEFORE_WALK = 2
"""Lost puts in a row after which the log is read up to its head: chasing a busy head put by put never gets there."""
_MAX_PUTS = 64


class Head(Struct, frozen=True):
    """The last slot that is known of a log: its seq (0 for an empty log) and uid (0 if unknown)."""

    seq: int = 0
    uid: int = 0


class Walk(Struct, frozen=True):
    """How far an append may read from its base to the free slot: reading costs, and the client chose the base."""

    slots: int
    payload_bytes: int


CLIENT_WALK = Walk(slots=MAX_WALK, payload_bytes=256 * 1024)
SERVER_WALK = Walk(slots=1_000_000, payload_bytes=10**9)
"""The server's own messages must find themselves however much was written since they were first tried."""
_REFUSED_WALK = 20
"""How far behind its base an earlier attempt of a message is looked for that a rule refuses by now."""


class Appended(Struct, frozen=True):
    """A message in its slot; ``fresh`` is False when it was there before."""

    message: Message
    fresh: bool


class Log:
    """Appends to logs.

    Args:
        store: the logs.
        uids: makes message uids.
        index_uids: whether messages are indexed by uid.
        count: takes metrics.
    """

    def __init__(self, store: MessageStore, uids: Uids, *, index_uids: bool, count: Count = ignore) -> None:
        self._store = store
        self._uids = uids
        self._index_uids = index_uids
        self._count = count

    def append(
        self,
        draft: Message,
        base: Head,
        *,
        behind: bool = False,
        indexed: bool = False,
        walk: Walk = CLIENT_WALK,
        floor: int = 0,
        above: int = 0,
        time: int | None = None,
    ) -> Appended:
        """Put a message after ``base``, or find where it already is.

        Args:
            draft: the message without seq and time; a uid that it has already is kept if it is great enough.
            base: a slot that exists (or the empty head), the same on every resend.
            behind: whether the log is known to go on well past ``base``: it is then read, not probed put by put.
            indexed: whether the uid must be findable even where only server messages are.
            walk: how much may lie between base and the free slot.
            floor: the free slot is behind this seq, where the slots before it may have expired (``im.chatroom.log``).
            above: a uid that the message's is to be greater than, like those before it.
            time: when it was written, ms, if not now.

        Raises:
            ImError: 238 with ``retry``, base is too far behind: the client must sync first.
            BusyError: storage is busy, or too many writers race for the conversation.
        """
        seq, previous, passed = base.seq + 1, base.uid, 0
        for puts in range(_MAX_PUTS):
            if behind or (puts and puts % _PUTS_BEFORE_WALK == 0):
                behind = False
                walked = 0
                for slot in self._store.after(draft.log, seq - 1, walk.slots + 1, consistent=True):
                    if slot.same_as(draft):
                        return Appended(slot, False)
                    seq, previous, passed = slot.seq + 1, slot.uid, passed + 1
                    walked += len(slot.payload)
                    if walked > walk.payload_bytes:
                        raise _too_far(walk)
            if passed > walk.slots:
                raise _too_far(walk)
            seq = max(seq, floor + 1)
            least = max(previous, above)
            uid = draft.uid if draft.uid > least else self._uids.next(least)
            message = replace(draft, seq=seq, uid=uid, time=uid_ms(uid) if time is None else time)
            occupant = self._store.put(message, indexed=indexed or self._index_uids)
            if occupant is None:
                if puts:
                    self._count("SendConflicts", puts)
                return Appended(message, True)
            if occupant.same_as(draft):
                return Appended(occupant, False)
            seq, previous, passed = occupant.seq + 1, occupant.uid, passed + 1
        raise BusyError("too many senders at once", after_ms=200)

    def find(self, draft: Message, base: int) -> Message | None:
        """The message of an earlier attempt, if it is among the first slots after its base."""
        found = self._store.after(draft.log, base, _REFUSED_WALK, consistent=True)
        return next((slot for slot in found if slot.same_as(draft)), None)


def _too_far(walk: Walk) -> ImError:
    text = f"sync first: base is more than {walk.slots} messages or {walk.payload_bytes} bytes behind"
    return ImError(Code.USER_NOT_PREPARED, text, retry=True)
