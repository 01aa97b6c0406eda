"""Sensitive words in DynamoDB: one partition with an item per word, and a version that every change raises."""

from collections.abc import Iterable
from typing import Protocol

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from im import keys
from im.platform.dynamo import Dynamo, Key, translated_errors


class VersionItem(Model):
    """The version of the word list."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    number = NumberAttribute()


class WordStore(Protocol):
    """The word list."""

    def add(self, words: Iterable[str]) -> None:
        """Add words, then raise the version; a word that is there already is fine."""

    def remove(self, words: Iterable[str]) -> None:
        """Remove words, then raise the version; a word that is not there is fine."""

    def words(self) -> list[str]:
        """All words, strongly consistent, in order."""

    def version(self) -> int:
        """The version, eventually consistent; 0 before the first change."""


class DynamoWordStore:
    """``WordStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._model = dynamo.bind(VersionItem, table)

    def add(self, words: Iterable[str]) -> None:
        self._dynamo.batch_put(self._table, map(self._word_key, dict.fromkeys(words)))
        self._raise_version()

    def remove(self, words: Iterable[str]) -> None:
        self._dynamo.batch_delete(self._table, map(self._word_key, dict.fromkeys(words)))
        self._raise_version()

    def words(self) -> list[str]:
        condition = VersionItem.sk.startswith(keys.WORD_PREFIX)
        items = self._dynamo.query(self._model, keys.SENSITIVE_WORDS, condition, consistent=True)
        return [keys.id_of(item["sk"]) for item in items]

    def version(self) -> int:
        key = Key(self._table, (("pk", keys.SENSITIVE_WORDS), ("sk", keys.VERSION)))
        item = self._dynamo.batch_get([key]).get(key)
        return item["number"] if item else 0

    def _raise_version(self) -> None:
        with translated_errors():
            VersionItem(keys.SENSITIVE_WORDS, keys.VERSION).update(actions=[VersionItem.number.add(1)])

    @staticmethod
    def _word_key(word: str) -> dict[str, str]:
        return {"pk": keys.SENSITIVE_WORDS, "sk": keys.word(word)}
