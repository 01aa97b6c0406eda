"""The sensitive-word list in memory."""

from collections.abc import Iterable


class MemoryWordStore:
    """``WordStore`` in a set; ``reads`` counts how often the list was read."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._version = 0
        self.reads = 0

    def add(self, words: Iterable[str]) -> None:
        self._words.update(words)
        self._version += 1

    def remove(self, words: Iterable[str]) -> None:
        self._words.difference_update(words)
        self._version += 1

    def words(self) -> list[str]:
        self.reads += 1
        return sorted(self._words)

    def version(self) -> int:
        return self._version
