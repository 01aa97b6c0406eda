"""Finding and masking sensitive words, and keeping the list."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im.errors import InvalidError
from im.moderation.model import Matcher, Verdict, check_word, fold
from im.moderation.service import REFRESH_MS, Filter, ModerationService
from tests.fakes.moderation import MemoryWordStore


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing here", None),
        ("a BaD day", "a *** day"),
        ("badly put", "*** put"),
        ("badbad", "******"),
        ("这是坏话吗", "这是***吗"),
        ("İ bad", "İ ***"),
        ("see https://bad.example/bad?x=bad now", None),
        ("see HTTP://bad.example bad", "see HTTP://bad.example ***"),
        ("http://x.example/坏话", "http://x.example/***"),
        ("xbhttp://ad", None),
        ("", None),
    ],
)
def test_words_are_found_in_any_case_outside_urls_longest_first(text: str, masked: str | None) -> None:
    matcher = Matcher(["bad", "badly", "坏话", "bhttp://ad"])

    assert matcher.check(text) == Verdict(masked is not None, text if masked is None else masked)


def test_an_empty_list_matches_nothing() -> None:
    assert Matcher([]).check("bad") == Verdict(False, "bad")


WORDS = st.lists(st.text("abAB", min_size=1, max_size=3), min_size=1, max_size=6)


@given(WORDS, st.text("abABc ", max_size=20))
def test_masking_equals_replacing_the_leftmost_longest_words(words: list[str], text: str) -> None:
    folded = sorted({fold(word) for word in words}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, folded)), re.IGNORECASE)

    verdict = Matcher(folded).check(text)

    assert verdict == Verdict(bool(pattern.search(text)), pattern.sub("***", text))


@pytest.mark.parametrize("word", ["", "  ", "a\nb", "a\0", "字" * 86])
def test_what_cannot_be_a_word_is_refused(word: str) -> None:
    with pytest.raises(InvalidError):
        check_word(word)


def test_words_are_kept_in_lower_case_and_removed_exactly() -> None:
    store = MemoryWordStore()
    service = ModerationService(store)

    service.add(["Bad", "WORSE"])
    service.remove(["Bad", "worse", "x" * 300])

    assert service.words() == ["bad"]


@pytest.mark.parametrize("change", [ModerationService.add, ModerationService.remove])
def test_an_empty_list_is_refused(change: "type[ModerationService.add]") -> None:
    with pytest.raises(InvalidError):
        change(ModerationService(MemoryWordStore()), [])


def test_a_filter_looks_for_changes_every_ten_seconds_and_reads_the_list_only_then() -> None:
    store = MemoryWordStore()
    now = 0
    words = Filter(store, lambda: now)
    assert not words.check("bad").matched

    store.add(["bad"])
    now = REFRESH_MS - 1
    assert not words.check("bad").matched
    now = REFRESH_MS
    assert words.check("bad").matched

    for _ in range(3):
        now += REFRESH_MS
        assert words.check("bad").matched
    assert store.reads == 1
