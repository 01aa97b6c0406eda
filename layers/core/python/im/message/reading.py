"""Reading: ranges of logs as one reader may see them."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from im import keys
from im.channel.model import State
from im.errors import Code, ImError, InvalidError
from im.message.events import is_edit
from im.message.messaging import Messaging
from im.message.model import (
    HISTORY_LIMIT,
    MAX_SEQ,
    PULL_LIMIT,
    PULL_RANGES,
    Conversation,
    ConversationType,
    Message,
    Row,
    Sender,
    check_conversation,
    payload_from_json,
)
from im.platform.parallel import run_all

_HISTORY_EXAMINED = 500
_PAGE_BYTES = 100_000
_FRESH_MESSAGE_MS = 10_000


class Page(Struct, frozen=True):
    """A part of a conversation, as one reader may see it.

    Attributes:
        messages: what he may see of it.
        through: everything visible up to this seq is in ``messages`` or was skipped on purpose.
        head: the last seq that he may see at present.
    """

    messages: tuple[Message, ...]
    through: int
    head: int


class Range(Struct, frozen=True):
    """A request for the messages of one conversation after a seq."""

    conversation: Conversation
    after: int
    limit: int


class _Fitting:
    """The messages of an answer, as many as its bytes allow; the first of an empty answer always fits."""

    def __init__(self, budget: int) -> None:
        self.messages: list[Message] = []
        self.used = 0
        self._budget = budget

    def take(self, message: Message) -> bool:
        """Whether one more message fits; then it is taken."""
        size = message.wire_bytes
        if self.used + size > self._budget and (self.messages or self._budget < _PAGE_BYTES):
            return False
        self.messages.append(message)
        self.used += size
        return True


class Reading(Messaging):
    """The use cases that read logs."""

    def pull(self, user: str, ranges: Sequence[Range], *, reader: Sender | None = None) -> list[Page]:
        """The messages of several conversations after given seqs, ascending, as many as one answer can hold.

        Args:
            user: who reads.
            ranges: which messages.
            reader: the same with his device, which chatrooms ask for.

        Raises:
            ImError: 9, the user was never in one of the groups; 20, he is not in one of the chatrooms; 21, he has nothing to
                do with one of the channels.
        """
        if not 1 <= len(ranges) <= PULL_RANGES:
            raise InvalidError(f"ranges must have 1 to {PULL_RANGES} entries")
        began = self._clock()
        bounds = run_all([partial(self._visible, reader or Sender(user), wanted.conversation) for wanted in ranges])
        budget = _PAGE_BYTES
        pages = []
        for wanted, (first, last) in zip(ranges, bounds, strict=True):
            page, used = self._page(user, wanted, first, last, budget)
            budget -= used
            pages.append(page)
        return run_all(
            [
                partial(self._still_his, user, wanted.conversation, page, last, began)
                for wanted, page, (_, last) in zip(ranges, pages, bounds, strict=True)
            ]
        )

    def _still_his(self, user: str, conversation: Conversation, page: Page, last: int, began: int) -> Page:
        """The page without what came after a removal that took place between reading the bounds and the log.

        An append lands within its function's timeout after its message's time, so older pages need no second look.
        """
        if last < MAX_SEQ or not conversation.has_members:
            return page
        if not page.messages or max(message.time for message in page.messages) < began - _FRESH_MESSAGE_MS:
            return page
        _, last = self._bounds(user, conversation)
        kept = tuple(message for message in page.messages if message.seq <= last)
        return Page(kept, min(page.through, last), min(page.head, last))

    def _page(self, user: str, wanted: Range, first: int, last: int, budget: int) -> tuple[Page, int]:
        log = wanted.conversation.key(user)
        after = max(wanted.after, first - 1)
        limit = max(1, min(wanted.limit, PULL_LIMIT))
        fitting = _Fitting(budget)
        through, examined, now = after, 0, self._clock()
        complete = True
        for message in self._messages.after(log, after, limit, consistent=True):
            if message.seq > last:
                break
            shown = message.visible_to(user) and not self._over(message, now)
            if shown and not fitting.take(message):
                complete = False
                break
            examined += 1
            through = message.seq
        kept, used = fitting.messages, fitting.used
        bound = self._with_subjects(log, kept, first, user)
        if bound is not kept:
            fitting = _Fitting(budget)
            over = next((message for message in bound if not fitting.take(message)), None)
            kept, used = fitting.messages, fitting.used
            if over is not None:
                through, complete = over.seq - 1, False
        if complete and examined < limit:
            return Page(tuple(kept), through, through), used
        newest = self._messages.newest(log)
        return Page(tuple(kept), through, min(newest.seq if newest else through, last)), used

    def _with_subjects(self, log: str, messages: list[Message], first: int, reader: str) -> list[Message]:
        """The messages, those that tell of an edit with what the message is now; of several edits the last one tells."""
        telling = {event.ref: event.seq for event in messages if event.ref >= first and is_edit(event)}
        if not telling:
            return messages
        subjects = self._messages.get_many(log, telling)
        now = self._clock()
        shown = {
            telling[seq]: subject
            for seq, subject in subjects.items()
            if subject.edit and not subject.withdrawn and subject.visible_to(reader) and not subject.expired(now)
        }
        return [replace(message, subject=shown.get(message.seq)) for message in messages]

    def history(
        self, user: str, conversation: Conversation, before: int | None, limit: int, types: Sequence[int] = ()
    ) -> tuple[list[Message], int | None]:
        """Older messages, newest first, and the ``before`` of the next page, None at the end (client-semantics spec 3.7).

        A page may be short, even empty, while there is more: what the user may not see is skipped.
        """
        in_room = conversation.type == ConversationType.CHATROOM
        if not (self._switches.chatroom_history if in_room else self._switches.remote_history):
            return [], None
        began = self._clock()
        check_conversation(conversation)
        first, last = (1, MAX_SEQ) if in_room else self._history_bounds(user, conversation)
        start = min(MAX_SEQ if before is None else before, last + 1)
        found, rest = self._history(user, conversation, first, start, limit, types)
        page = self._still_his(user, conversation, Page(tuple(found), 0, 0), last, began)
        return list(page.messages), rest

    def _history_bounds(self, user: str, conversation: Conversation) -> tuple[int, int]:
        """``_bounds``, but who listens to a channel may look at what it said before he did (client-semantics spec 3.7)."""
        first, last, row = self._place(user, conversation)
        if conversation.type == ConversationType.CHANNEL and last == MAX_SEQ:
            first = (row.cleared if row else 0) + 1
        return first, last

    def _history(
        self, user: str, conversation: Conversation, first: int, start: int, limit: int, types: Sequence[int]
    ) -> tuple[list[Message], int | None]:
        limit = max(1, min(limit, HISTORY_LIMIT))
        wanted = set(types)
        kept: list[Message] = []
        seq, used, now = start, 0, self._clock()
        for message in self._messages.before(conversation.key(user), start, _HISTORY_EXAMINED):
            if message.seq < first:
                return kept, None
            size = message.wire_bytes
            if len(kept) == limit or used + size > _PAGE_BYTES:
                return kept, seq
            seq = message.seq
            if not message.visible_to(user) or self._over(message, now):
                continue
            if wanted and payload_from_json(message.payload).type not in wanted:
                continue
            kept.append(message)
            used += size
        return kept, seq if start - seq >= _HISTORY_EXAMINED and seq > first else None

    def _visible(self, reader: Sender, conversation: Conversation) -> tuple[int, int]:
        """The first and last seq that somebody may see, who must be inside if it is a chatroom's.

        Raises:
            ImError: 9, he was never in the group; 20, he is not in the chatroom.
        """
        if conversation.type != ConversationType.CHATROOM:
            return self._bounds(reader.user, conversation)
        self._rooms.check_reader(reader, check_conversation(conversation))
        return 1, MAX_SEQ

    def _over(self, message: Message, now: int) -> bool:
        """Whether a message's time has passed: its own, or that of all messages in chatrooms."""
        return message.expired(now) or (keys.is_chatroom(message.log) and self._rooms.expired(message))

    def _bounds(self, user: str, conversation: Conversation) -> tuple[int, int]:
        """The first and last seq of a conversation that a user may see, and has not cleared away.

        Raises:
            ImError: 9, he was never in the group; 254, chatrooms know no such thing.
        """
        first, last, _ = self._place(user, conversation)
        return first, last

    def _place(self, user: str, conversation: Conversation) -> tuple[int, int, Row | None]:
        """``_bounds``, and the row that has the user's cursor.

        Raises:
            ImError: 9, he was never in the group; 21, nor has he to do with the channel; 254, chatrooms know no such thing.
        """
        check_conversation(conversation)
        if conversation.type == ConversationType.CHATROOM:
            raise ImError(Code.NOT_IMPLEMENT, "not in chatrooms")
        row = self._rows.get(user, replace(conversation, line=0) if conversation.has_members else conversation)
        if not conversation.has_members:
            if conversation.subscriber not in ("", user):
                self._check_owner(user, conversation.channel)
            return (row.cleared if row else 0) + 1, MAX_SEQ, row
        if not conversation.in_group and (row is None or row.firsts is None or row.lasts is not None):
            row = self._row_of_everybody(conversation, row)
        if row is None or row.firsts is None:
            raise ImError(Code.NOT_IN_GROUP)
        own = self._rows.get(user, conversation) if conversation.line else row
        cleared = own.cleared if own else 0
        return max(row.first(conversation.line), cleared + 1), row.last(conversation.line), own

    def _check_owner(self, user: str, channel: str) -> None:
        known = self._channels.get(channel)
        if known is None or known.owner != user:
            raise ImError(Code.NOT_IN_CHANNEL)

    def _row_of_everybody(self, conversation: Conversation, row: Row | None) -> Row:
        """The row of one who does not subscribe: he may read a channel that goes to everybody, or what he once could.

        Raises:
            ImError: 21.
        """
        known = self._channels.get(conversation.channel)
        if known is not None and known.has(State.GLOBAL) and not known.deleted:
            return replace(row or Row(conversation), firsts={}, lasts=None)
        if row is None or row.firsts is None:
            raise ImError(Code.NOT_IN_CHANNEL)
        return row
