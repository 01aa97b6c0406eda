"""Users' settings in DynamoDB: an item each in their user's partition, v value, n version.

All writes are transactions that also move the version in the user's ``versions`` item on, on the condition that nobody else
did meanwhile. So versions appear in the order of their numbers, and whoever has read "nothing newer than n" has missed
nothing. What a ``hello`` shows of a conversation, and what decides about notifications, is written along.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from im import keys
from im.delivery.store import VersionsItem
from im.message.model import Conversation
from im.message.store import RowItem
from im.platform.dynamo import ConditionFailed, ContendedError, Dynamo, Item, Key
from im.setting.model import Head, PushPreferences, PushRules, Scope, Setting, is_on, level, row_conversation

Name = tuple[int, str]
"""Scope and key."""


class SettingItem(Model):
    """One setting."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    v = UnicodeAttribute()
    n = NumberAttribute()


class SettingStore(Protocol):
    """The settings of users."""

    def head(self, user: str) -> Head:
        """Where a user's settings stand, strongly consistent."""

    def of_user(self, user: str) -> list[Setting]:
        """All settings of a user, cleared ones too, strongly consistent."""

    def find(self, user: str, names: Iterable[Name]) -> tuple[Head, dict[Name, Setting]]:
        """Some settings of a user, and where they stand, strongly consistent."""

    def get_many(self, wanted: Iterable[tuple[str, int, str]]) -> dict[tuple[str, int, str], Setting]:
        """Settings of any users by user, scope and key; those that were never put are missing."""

    def put(
        self, user: str, settings: Sequence[Setting], before: Head, after: Head, dropped: Sequence[Setting] = ()
    ) -> bool:
        """Store settings and remove others, all or nothing; False when another write came in between. No two share a name."""

    def push_preferences(self, receivers: Mapping[str, Conversation]) -> dict[str, PushPreferences]:
        """What decides about notifications, for many users at once, each with the conversation as he names it."""

    def forget(self, user: str) -> None:
        """Remove all settings of a user."""


class DynamoSettingStore:
    """``SettingStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._model = dynamo.bind(SettingItem, table)
        dynamo.bind(VersionsItem, table)
        dynamo.bind(RowItem, table)

    def head(self, user: str) -> Head:
        return self.find(user, ())[0]

    def of_user(self, user: str) -> list[Setting]:
        return [_setting(item) for item in self._items(user)]

    def _items(self, user: str) -> Iterator[Item]:
        prefix = SettingItem.sk.startswith(keys.SETTING_PREFIX)
        return self._dynamo.query(self._model, keys.user(user), prefix, consistent=True)

    def find(self, user: str, names: Iterable[Name]) -> tuple[Head, dict[Name, Setting]]:
        head = self._key(user, keys.VERSIONS, consistent=True)
        wanted = [self._key(user, keys.setting(*name), consistent=True) for name in names]
        found = self._dynamo.batch_get([head, *wanted])
        settings = [_setting(found[key]) for key in wanted if key in found]
        return _head(found.get(head)), {setting.name: setting for setting in settings}

    def get_many(self, wanted: Iterable[tuple[str, int, str]]) -> dict[tuple[str, int, str], Setting]:
        places = {each: self._key(each[0], keys.setting(each[1], each[2])) for each in wanted}
        found = self._dynamo.batch_get(places.values())
        return {each: _setting(found[key]) for each, key in places.items() if key in found}

    def put(
        self, user: str, settings: Sequence[Setting], before: Head, after: Head, dropped: Sequence[Setting] = ()
    ) -> bool:
        owner = keys.user(user)
        unchanged = (
            VersionsItem.settings == before.version if before.version else VersionsItem.settings.does_not_exist()
        )
        moved: list[Action] = [
            VersionsItem.settings.set(after.version),
            VersionsItem.settingCount.set(after.count),
            VersionsItem.push.set(msgspec.json.encode(after.rules).decode()),
        ]
        try:
            with self._dynamo.transaction(SettingItem) as writes:
                writes.update(VersionsItem(owner, keys.VERSIONS), moved, unchanged)
                for each in settings:
                    writes.save(SettingItem(owner, keys.setting(*each.name), v=each.value, n=each.version))
                for conversation, actions in _shown(settings).items():
                    sort_key = keys.conversation_row(conversation.type, conversation.target, conversation.line)
                    writes.update(RowItem(owner, sort_key), actions)
                for each in dropped:
                    writes.delete(SettingItem(owner, keys.setting(*each.name)))
        except (ConditionFailed, ContendedError):
            return False
        return True

    def push_preferences(self, receivers: Mapping[str, Conversation]) -> dict[str, PushPreferences]:
        heads = {user: self._key(user, keys.VERSIONS) for user in receivers}
        rows = {
            user: self._key(user, keys.conversation_row(each.type, each.target, each.line))
            for user, each in receivers.items()
        }
        found = self._dynamo.batch_get([*heads.values(), *rows.values()])
        return {
            user: PushPreferences(
                conversation_silent=found.get(rows[user], {}).get("q", False),
                rules=_head(found.get(heads[user])).rules,
                seen=_seen(found.get(rows[user], {}), each.line),
            )
            for user, each in receivers.items()
        }

    def forget(self, user: str) -> None:
        self._dynamo.batch_delete(self._table, [{"pk": item["pk"], "sk": item["sk"]} for item in self._items(user)])

    def _key(self, user: str, sort_key: str, *, consistent: bool = False) -> Key:
        return Key(self._table, (("pk", keys.user(user)), ("sk", sort_key)), consistent)


def _seen(row: Item, line: int) -> int:
    firsts: dict[str, int] = json.loads(row.get("f", "{}"))
    read: int = row.get("r", 0)
    cleared: int = row.get("cl", 0)
    return max(read, cleared, firsts.get(str(line), 1) - 1)


def _setting(item: Item) -> Setting:
    scope, key = keys.parse_setting(item["sk"])
    return Setting(scope, key, item["v"], item["n"])


def _head(item: Item | None) -> Head:
    if item is None or "settings" not in item:
        return Head()
    return Head(item["settings"], item["settingCount"], msgspec.json.decode(item["push"], type=PushRules))


def _shown(settings: Sequence[Setting]) -> dict[Conversation, list[Action]]:
    """What changes in the rows of conversations."""
    shown: dict[Conversation, list[Action]] = {}
    for each in settings:
        conversation = row_conversation(each)
        if conversation is None:
            continue
        if each.scope == Scope.CONVERSATION_SILENT:
            action: Action = RowItem.q.set(True) if is_on(each.value) else RowItem.q.remove()
        else:
            top = level(each.value)
            action = RowItem.w.set(top) if top else RowItem.w.remove()
        shown.setdefault(conversation, []).append(action)
    return shown
