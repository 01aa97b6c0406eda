"""Lets the in-memory stores take part in reads that span domains: a key leads to whatever object stands for the item."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from im.platform.dynamo import Item, Key


class Items:
    """A registry of readers by table name; a reader returns a stand-in for the item, or None."""

    def __init__(self) -> None:
        self._readers: dict[str, Callable[[Key], Any]] = {}

    def serve(self, table: str, reader: Callable[[Key], Any]) -> None:
        """Answer keys of a table."""
        self._readers[table] = reader

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The stand-ins of all keys that lead to something."""
        found = {}
        for key in keys:
            item = self._readers[key.table](replace(key, consistent=False))
            if item is not None:
                found[key] = item
        return found
