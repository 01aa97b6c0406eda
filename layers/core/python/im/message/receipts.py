"""How far users have read, and who is told of it (client-semantics spec, appendix C.2).

Read cursors are the source: one seq per user and conversation, which is there anyway. Nothing is written for a receipt, and
how far messages have reached a user follows from when his devices were connected.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from im.delivery.model import Presence
from im.errors import Code, ImError
from im.group.store import info_from_item, member_from_item
from im.message.model import MAX_SEQ, Conversation, ConversationType, Message, Row, check_conversation, check_id
from im.message.reading import Reading
from im.wire import frames

GROUP_PAUSE_MS = 5_000
"""A reader's progress in a group is told of at most this often: everybody reads every message there."""
SETTLED_MS = 15_000
"""How far a version lies behind its making: longer than a cursor takes to be stored, plus the clocks' skew."""


class Receipt(Struct, frozen=True):
    """How far one user has got in a conversation.

    Attributes:
        user: who.
        read: the seq up to which he has read.
        time: when he read that far, ms; 0 if he has not read.
        delivered: the time up to which messages have reached him, ms; 0 if it is not known.
    """

    user: str
    read: int
    time: int
    delivered: int


class Receipts(Reading):
    """The use cases of read cursors."""

    def read(self, user: str, conversation: Conversation, seq: int, *, skip: str | None = None) -> int:
        """Raise the user's read cursor, never beyond the head, and tell his other devices and whoever gets a receipt.

        Returns where the cursor stands. A crash after the write loses the pushes; the repeat finds the cursor where it wants
        it and pushes again.

        Raises:
            ImError: 9, the user was never in the group.
        """
        _, last, row = self._place(user, conversation)
        newest = self._messages.newest(conversation.key(user))
        wanted = min(seq, newest.seq if newest else 0, last)
        if wanted <= 0:
            return row.read if row else 0
        now = self._clock()
        read = self._rows.advance_read(user, conversation, wanted, now)
        if read == wanted:
            author = None if last < MAX_SEQ else self._author(user, conversation, wanted, newest, row, now)
            self._tell_of_reading(user, conversation, Receipt(user, read, now, now), author, skip)
            self._back_end.has_read(user, conversation, now)
        return read

    def _author(
        self, user: str, conversation: Conversation, seq: int, newest: Message | None, row: Row | None, now: int
    ) -> str | None:
        """Who gets a receipt: the other side of a single chat; in a group the author of the last message, if that was read.

        Other authors ask for their receipts when they look at the conversation.
        """
        switches = self._switches
        if not switches.receipts or conversation.type == ConversationType.CHANNEL:
            return None
        if not conversation.in_group:
            other = conversation.target
        elif switches.group_receipts and newest and newest.seq == seq and not _was_told(row, seq, now):
            other = newest.sender
        else:
            return None
        return other if other != user else None

    def _tell_of_reading(
        self, user: str, conversation: Conversation, receipt: Receipt, author: str | None, skip: str | None
    ) -> None:
        also = []
        if author and conversation.in_group:
            group = conversation.target
            also = [self._groups.info_key(group), self._groups.member_key(group, author)]
        presences, items = self._delivery.presence.load([user, author] if author else [user], also)
        if author and not presences[user].receipts:
            del presences[author]
        elif author and also:
            info, member = (items.get(key) for key in also)
            small = info is not None and info_from_item(info).member_count <= self._switches.group_receipts
            if not small or member is None or not member_from_item(member).present:
                del presences[author]
        cursor = {"conversation": frames.ConversationOut.of(conversation), "read": receipt.read}
        own = frames.push("cursor", cursor)

        def frame_for(reader: str) -> bytes:
            if reader == user:
                return own
            seen = frames.ConversationOut.of(conversation.seen_by(reader, user))
            body = {"conversation": seen, "userId": user, "read": receipt.read, "time": receipt.time}
            return frames.push("receipt", body)

        self._delivery.push_to(presences, frame_for, skip=skip)

    def receipts(self, user: str, conversation: Conversation, after: int) -> tuple[list[Receipt], int]:
        """How far the others have got in a conversation, those in a group whose cursors moved after a version.

        A user who does not want it is left out, and so is who has blacklisted the asker, and in a single chat everybody as
        long as nobody has written. The version lies a little behind the present, so that late cursors come with the next.

        Raises:
            ImError: 220, receipts are off, the group is too large for them, or it is a channel's; 9, the user is not in the
                group; 253, there is no such group.
        """
        began = self._clock()
        if not self._switches.receipts or conversation.type == ConversationType.CHANNEL:
            raise ImError(Code.FUNCTION_DISABLED)
        _, last, row = self._place(user, conversation)
        if conversation.in_group:
            found = self._receipts(user, self._readers(conversation, last), conversation)
            moved = [each for each in found if each.time > after or not after]
        else:
            known = row is not None and row.activity > 0 and conversation.target != user
            open_to_him = known and not self._is_blocked(user, conversation.target)
            moved = self._receipts(user, [conversation.target] if open_to_him else [], conversation)
        return sorted(moved, key=lambda each: (each.time, each.user)), max(after, began - SETTLED_MS)

    def _is_blocked(self, user: str, other: str) -> bool:
        row = self._rows.get(other, Conversation(0, user))
        return row is not None and row.blocked

    def _readers(self, conversation: Conversation, last: int) -> Sequence[str]:
        info = self._groups.get_info(conversation.target)
        if last < MAX_SEQ:
            raise ImError(Code.NOT_IN_GROUP)
        if info is None:
            raise ImError(Code.NOT_EXIST)
        if info.member_count > self._switches.group_receipts:
            raise ImError(Code.FUNCTION_DISABLED, "the group is too large for receipts")
        return self._groups.roster(info.id, info.roster_version).ids

    def _receipts(self, user: str, readers: Sequence[str], conversation: Conversation) -> list[Receipt]:
        others = [reader for reader in readers if reader != user]
        row_keys = {reader: self._rows.key(reader, conversation.seen_by(reader, user)) for reader in others}
        presences, items = self._delivery.presence.load(others, list(row_keys.values()))
        rows = {reader: self._rows.decode(items[key]) for reader, key in row_keys.items() if key in items}
        return _told(presences, rows, self._clock())

    def read_until(self, user: str, conversation: Conversation) -> int:
        """The time of the last message that a user has read, ms; 0 if none, or receipts are off (server-api spec 2.2)."""
        check_id(user, "userId")
        check_conversation(conversation)
        row = self._rows.get(user, conversation) if self._switches.receipts else None
        message = self._messages.get(conversation.key(user), row.read) if row and row.read else None
        return message.time if message else 0

    def delivered_until(self, user: str) -> int:
        """The time up to which messages have reached a user, ms; 0 if unknown, or receipts are off (server-api spec 2.2)."""
        check_id(user, "userId")
        if not self._switches.receipts:
            return 0
        return self._delivery.presence.load_one(user).reached(self._clock())


def _was_told(row: Row | None, seq: int, now: int) -> bool:
    """Whether a reader's progress was told of a moment ago; one that is where it was is told of again: it is a repeat."""
    return row is not None and row.read < seq and now - row.read_at < GROUP_PAUSE_MS


def _told(presences: Mapping[str, Presence], rows: Mapping[str, Row], now: int) -> list[Receipt]:
    told = []
    for reader, presence in presences.items():
        row = rows.get(reader)
        if presence.receipts:
            told.append(Receipt(reader, row.read if row else 0, row.read_at if row else 0, presence.reached(now)))
    return told
