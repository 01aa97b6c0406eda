"""In-memory settings."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from im.delivery.model import Change
from im.message.model import Conversation, Row
from im.setting.model import Head, PushPreferences, Scope, Setting, is_on, level, row_conversation
from im.setting.store import Name
from tests.fakes.delivery import MemoryVersionStore
from tests.fakes.message import MemoryRowStore


class MemorySettingStore:
    """``SettingStore`` in dictionaries."""

    def __init__(self, rows: MemoryRowStore, versions: MemoryVersionStore) -> None:
        self._rows = rows
        self._versions = versions
        self._heads: dict[str, Head] = {}
        self._settings: dict[tuple[str, int, str], Setting] = {}
        self.raced = 0

    def head(self, user: str) -> Head:
        return self._heads.get(user, Head())

    def of_user(self, user: str) -> list[Setting]:
        return [setting for (owner, *_), setting in self._settings.items() if owner == user]

    def find(self, user: str, names: Iterable[Name]) -> tuple[Head, dict[Name, Setting]]:
        wanted = [(user, *name) for name in names]
        return self.head(user), {each[1:]: self._settings[each] for each in wanted if each in self._settings}

    def get_many(self, wanted: Iterable[tuple[str, int, str]]) -> dict[tuple[str, int, str], Setting]:
        return {each: self._settings[each] for each in wanted if each in self._settings}

    def put(
        self, user: str, settings: Sequence[Setting], before: Head, after: Head, dropped: Sequence[Setting] = ()
    ) -> bool:
        if self.raced or self.head(user).version != before.version:
            self.raced = max(0, self.raced - 1)
            return False
        self._heads[user] = after
        self._versions.raise_to(user, Change.SETTINGS, after.version)
        for each in settings:
            self._settings[user, *each.name] = each
            self._show(user, each)
        for each in dropped:
            del self._settings[user, *each.name]
        return True

    def _show(self, user: str, setting: Setting) -> None:
        conversation = row_conversation(setting)
        if conversation is None:
            return
        row = self._rows.rows.get((user, conversation), Row(conversation))
        if setting.scope == Scope.CONVERSATION_SILENT:
            row = replace(row, silent=is_on(setting.value))
        else:
            row = replace(row, top=level(setting.value))
        self._rows.rows[user, conversation] = row

    def push_preferences(self, receivers: Mapping[str, Conversation]) -> dict[str, PushPreferences]:
        rows = {user: self._rows.rows.get((user, each), Row(each)) for user, each in receivers.items()}
        return {
            user: PushPreferences(
                conversation_silent=row.silent,
                rules=self.head(user).rules,
                seen=max(row.read, row.cleared, row.first(row.conversation.line) - 1),
            )
            for user, row in rows.items()
        }

    def forget(self, user: str) -> None:
        self._settings = {place: each for place, each in self._settings.items() if place[0] != user}
