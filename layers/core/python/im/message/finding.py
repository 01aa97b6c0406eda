"""Search: bounded backward reading of one's own conversations, a page of work at a time, with a cursor to go on from.

There is no index of words: it would cost a write unit or more for every message, for ever, while a search reads what it looks
at once, half a read unit for 4 KB. A call examines at most ``EXAMINED`` messages of ``CONVERSATIONS`` conversations and
says how far it has got, so an application shows what was found so far and asks on, or stops.
"""

import base64
import json
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.message.files import FileRecord
from im.message.model import (
    MAX_SEQ,
    ContentType,
    Conversation,
    ConversationType,
    Message,
    Payload,
    check_conversation,
    conversation_of,
    payload_from_json,
)
from im.message.reading import Page, Reading

SEARCH_LIMIT = 100
"""Messages in an answer of a search."""
MAX_KEYWORD = 64
EXAMINED = 1_000
"""Messages that one call of a client looks at."""
CONVERSATIONS = 20
"""Conversations that one call of a client looks into."""
API_EXAMINED = 20_000
"""Messages that one call of the server API looks at: its answers know no cursor."""
_PAGE = 200
_ANSWER_BYTES = 100_000

Wanted = Callable[[Message, Payload], bool]


class Found(Struct, frozen=True):
    """What one call has found.

    Attributes:
        messages: newest first within each conversation.
        cursor: where the next call goes on; None: nothing is left.
        searched: how many conversations are done with, of all calls together.
        of: how many there are.
    """

    messages: tuple[Message, ...]
    cursor: str | None
    searched: int
    of: int


class _Place(Struct, frozen=True):
    """One of a user's logs, and what of it is his."""

    log: str
    conversation: Conversation
    first: int
    last: int


class Finding(Reading):
    """The use cases that look for messages."""

    def search(
        self,
        user: str,
        keyword: str,
        *,
        conversation: Conversation | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Found:
        """Messages whose text holds a keyword, whatever the case of its letters.

        Args:
            user: who searches.
            keyword: 1 to 64 characters.
            conversation: where; None: in all of his conversations.
            cursor: of the answer before; the same keyword and conversation go with it.
            limit: at most so many messages.

        Raises:
            ImError: 9, he was never in the group.
            InvalidError: no keyword, or a cursor that is not ours.
        """
        sought = keyword.strip().casefold()
        if not 1 <= len(sought) <= MAX_KEYWORD:
            raise InvalidError(f"keyword must have 1 to {MAX_KEYWORD} characters")
        return self._search(user, conversation, cursor, limit, lambda _, payload: sought in _text_of(payload))

    def files(
        self,
        user: str,
        *,
        keyword: str = "",
        own: bool = False,
        conversation: Conversation | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Found:
        """Files that were sent in the user's conversations; ``own``: by himself. Arguments and errors as for a search."""
        sought = keyword.strip().casefold()
        if len(sought) > MAX_KEYWORD:
            raise InvalidError(f"keyword may have {MAX_KEYWORD} characters")

        def wanted(message: Message, payload: Payload) -> bool:
            is_file = payload.type == ContentType.FILE and sought in _text_of(payload)
            return is_file and (not own or message.sender == user)

        return self._search(user, conversation, cursor, limit, wanted)

    def _search(
        self, user: str, conversation: Conversation | None, cursor: str | None, limit: int, wanted: Wanted
    ) -> Found:
        if not self._switches.remote_history:
            return Found((), None, 0, 0)
        places = self._own_places(user) if conversation is None else [self._own_place(user, conversation)]
        log, before = _parse(cursor) if cursor else ("", MAX_SEQ)
        done = sum(place.log < log for place in places)
        budget = _Budget(EXAMINED, max(1, min(limit, SEARCH_LIMIT)))
        began = self._clock()
        for number, place in enumerate(places[done : done + CONVERSATIONS], done):
            start = before if place.log == log else MAX_SEQ
            found, rest = self._scan(user, place, start, wanted, budget)
            page = self._still_his(user, place.conversation, Page(tuple(found), 0, 0), place.last, began)
            budget.messages.extend(page.messages)
            if rest is not None:
                return Found(tuple(budget.messages), _dump(place.log, rest), number, len(places))
            if budget.is_spent and number + 1 < len(places):
                return Found(tuple(budget.messages), _dump(places[number + 1].log, MAX_SEQ), number + 1, len(places))
        reached = min(done + CONVERSATIONS, len(places))
        rest_of = _dump(places[reached].log, MAX_SEQ) if reached < len(places) else None
        return Found(tuple(budget.messages), rest_of, reached, len(places))

    def _scan(
        self, user: str, place: _Place, start: int, wanted: Wanted, budget: "_Budget"
    ) -> tuple[list[Message], int | None]:
        """What is wanted of one log before a seq, and from where to go on; None: the log is done with."""
        found: list[Message] = []
        before, now = min(start, place.last + 1), self._clock()
        while before > place.first:
            if not budget.left:
                return found, before
            page = list(self._messages.before(place.log, before, min(_PAGE, budget.left)))
            for message in page:
                if message.seq < place.first:
                    return found, None
                if self._shows(message, user, now, wanted):
                    if not budget.fits(message):
                        return found, message.seq + 1
                    found.append(message)
                before = message.seq
                budget.left -= 1
            if not page:
                break
        return found, None

    def _shows(self, message: Message, user: str, now: int, wanted: Wanted) -> bool:
        if message.ref or message.withdrawn or not message.visible_to(user) or message.expired(now):
            return False
        return wanted(message, payload_from_json(message.payload))

    def _own_place(self, user: str, conversation: Conversation) -> _Place:
        first, last = self._bounds(user, conversation)
        return _Place(conversation.key(user), conversation, first, last)

    def _own_places(self, user: str) -> list[_Place]:
        """All of a user's logs by their keys: an order that stays while a search goes on, unlike that of activity."""
        rows = {row.conversation: row for row in self._rows.of_user(user)}
        shared = [row for row in rows.values() if row.conversation.has_members and row.firsts is not None]
        still = [row.conversation for row in shared if row.lasts is None]
        infos = self._groups.get_infos(each.target for each in still if each.in_group)
        channels = self._channels.get_many(each.target for each in still if not each.in_group)
        places = [
            _Place(conversation.key(user), conversation, row.cleared + 1, MAX_SEQ)
            for conversation, row in rows.items()
            if not conversation.has_members
        ]
        for row in shared:
            known = infos if row.conversation.in_group else channels
            info = known.get(row.conversation.target)
            for line in row.lasts if row.lasts is not None else info.lines if info else ():
                conversation = replace(row.conversation, line=line)
                cleared = rows[conversation].cleared if conversation in rows else 0
                first = max(row.first(line), cleared + 1)
                places.append(_Place(conversation.key(user), conversation, first, row.last(line)))
        return sorted(places, key=lambda place: place.log)

    # --- for the server API

    def files_of_conversation(self, conversation: Conversation, user: str) -> list[FileRecord]:
        """The files of a conversation, newest first, among its last messages (server-api spec 2.7).

        Args:
            conversation: from the user's side; a single chat needs him, to be named at all.
            user: may be empty for a group.
        """
        check_conversation(conversation)
        if conversation.type == ConversationType.SINGLE and not user:
            raise InvalidError("userId is missing: a single chat has two sides")
        place = _Place(conversation.key(user), conversation, 1, MAX_SEQ)
        return self._files([place], lambda _: True)

    def files_of_user(self, user: str) -> list[FileRecord]:
        """The files that a user has sent, newest first, among the last messages of his conversations."""
        return self._files(self._own_places(user), lambda message: message.sender == user)

    def file_by_uid(self, uid: int) -> FileRecord:
        """The file of a message.

        Raises:
            ImError: 253, there is no such message, it was taken back, or it is no file.
        """
        message = self._messages.find(uid)
        if message is None or message.ref or message.withdrawn:
            raise ImError(Code.NOT_EXIST)
        if payload_from_json(message.payload).type != ContentType.FILE:
            raise ImError(Code.NOT_EXIST)
        return FileRecord.of(message)

    def _files(self, places: Sequence[_Place], wanted: Callable[[Message], bool]) -> list[FileRecord]:
        left, now = API_EXAMINED, self._clock()
        found: list[Message] = []
        for place in places:
            if not left:
                break
            for message in self._messages.before(place.log, min(MAX_SEQ, place.last + 1), left):
                left -= 1
                if message.seq < place.first:
                    break
                if message.ref or message.withdrawn or message.expired(now) or not wanted(message):
                    continue
                if payload_from_json(message.payload).type == ContentType.FILE:
                    found.append(message)
        return [FileRecord.of(message) for message in sorted(found, key=lambda message: message.uid, reverse=True)]


class _Budget:
    """How much one call may still examine and answer."""

    def __init__(self, examined: int, limit: int) -> None:
        self.left = examined
        self.messages: list[Message] = []
        self._limit = limit
        self._bytes = 0

    @property
    def is_spent(self) -> bool:
        """Whether there is no more to examine."""
        return not self.left

    def fits(self, message: Message) -> bool:
        """Whether the answer takes one more message; then it is counted."""
        size = message.wire_bytes
        if not self._limit or (self._bytes and self._bytes + size > _ANSWER_BYTES):
            return False
        self._limit -= 1
        self._bytes += size
        return True


def _text_of(payload: Payload) -> str:
    return payload.searchableContent.casefold()


def _dump(log: str, before: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([log, before]).encode()).decode().rstrip("=")


def _parse(cursor: str) -> tuple[str, int]:
    try:
        log, before = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        conversation_of(log, "")
        return log, min(MAX_SEQ, max(1, int(before)))
    except (ValueError, TypeError, AttributeError, IndexError):
        raise InvalidError("next is not a cursor of this server") from None
