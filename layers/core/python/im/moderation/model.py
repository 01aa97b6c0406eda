"""Sensitive words: how they are kept, found and masked (client-semantics spec 3.11)."""

import re
from collections.abc import Iterable

import ahocorasick
from msgspec import Struct

from im.errors import InvalidError

MAX_WORD_BYTES = 256
MASK = "***"

_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_NO_WORD = "\0"


def fold(text: str) -> str:
    """The text in lower case, character by character, so that every position stays where it is."""
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def check_word(word: str) -> str:
    """A word as it is stored: in lower case.

    Raises:
        InvalidError: it is empty, too long or holds control characters.
    """
    folded = fold(word)
    if not folded.strip() or len(folded.encode()) > MAX_WORD_BYTES or not folded.isprintable():
        raise InvalidError(f"words must have 1 to {MAX_WORD_BYTES} bytes and no control characters")
    return folded


class Verdict(Struct, frozen=True):
    """What a check found: whether any word, and the text with each found word replaced by ``***``."""

    matched: bool
    masked: str


class Matcher:
    """Finds words in texts in one pass, however many words there are.

    Args:
        words: in lower case.
    """

    def __init__(self, words: Iterable[str]) -> None:
        automaton = ahocorasick.Automaton()
        for word in words:
            automaton.add_word(word, len(word))
        automaton.make_automaton()
        self._automaton = automaton

    def check(self, text: str) -> Verdict:
        """Look for words; of overlapping ones the leftmost counts, then the longest. Text inside URLs is skipped."""
        if not len(self._automaton):
            return Verdict(False, text)
        searched = _URL.sub(lambda url: _NO_WORD * len(url[0]), fold(text))
        spans = sorted((end + 1 - length, -length) for end, length in self._automaton.iter(searched))
        parts, done = [], 0
        for start, negative_length in spans:
            if start >= done:
                parts += [text[done:start], MASK]
                done = start - negative_length
        return Verdict(bool(spans), "".join([*parts, text[done:]]))
