"""The use cases of sensitive words: keeping the list, and checking texts against it."""

from collections.abc import Sequence

from im.errors import InvalidError
from im.moderation.model import MAX_WORD_BYTES, Matcher, Verdict, check_word
from im.moderation.store import WordStore
from im.platform.clock import Clock

REFRESH_MS = 10_000


class Filter:
    """Checks texts against the list as it was at most ten seconds ago.

    One version read every ten seconds tells whether the list changed; only then is it read again.

    Args:
        store: the list.
        clock: the time.
    """

    def __init__(self, store: WordStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._matcher = Matcher(())
        self._version = 0
        self._checked_at: int | None = None

    def check(self, text: str) -> Verdict:
        """Look for sensitive words in a text.

        Raises:
            BusyError: the list is due for a look and cannot be read.
        """
        self._refresh()
        return self._matcher.check(text)

    def _refresh(self) -> None:
        now = self._clock()
        if self._checked_at is not None and now - self._checked_at < REFRESH_MS:
            return
        version = self._store.version()
        if version != self._version:
            self._matcher = Matcher(self._store.words())
            self._version = version
        self._checked_at = now


class ModerationService:
    """Keeps the list (server-api spec 2.7).

    Words are stored before the version is raised, so a filter that sees a new version reads a list that has its words;
    after a crash between the two, repeating the call raises the version.
    """

    def __init__(self, store: WordStore) -> None:
        self._store = store

    def add(self, words: Sequence[str]) -> None:
        """Add words, in lower case.

        Raises:
            InvalidError: the list is empty, or one of them is not a word.
        """
        self._store.add([check_word(word) for word in _some(words)])

    def remove(self, words: Sequence[str]) -> None:
        """Remove words, given exactly as they are stored; what can be no word is not there and therefore fine.

        Raises:
            InvalidError: the list is empty.
        """
        self._store.remove([word for word in _some(words) if len(word.encode()) <= MAX_WORD_BYTES])

    def words(self) -> list[str]:
        """The whole list."""
        return self._store.words()


def _some(words: Sequence[str]) -> Sequence[str]:
    if not words:
        raise InvalidError("words must not be empty")
    return words
