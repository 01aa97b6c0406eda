"""Sensitive words (server-api spec 2.7)."""

from msgspec import Struct


class Words(Struct, frozen=True):
    """Sensitive words."""

    words: tuple[str, ...]


class WordList(Struct, frozen=True):
    """All sensitive words."""

    words: list[str]
