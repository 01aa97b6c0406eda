"""What an application does with settings: texts under a scope and a key, the same on all of a user's devices."""

from collections.abc import Awaitable, Callable
from typing import Any

from wildfire_client.lists import Lists
from wildfire_client.objects import Setting
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Settings:
    """One's own settings. Getters answer from the store; `SettingsChanged` tells of changes, from whatever device."""

    def __init__(self, store: Store, call: Call, lists: Lists) -> None:
        self._store = store
        self._call = call
        self._lists = lists

    def get(self, scope: int, key: str = "") -> str:
        """A value; empty when there is none."""
        return self._store.setting(scope, key)

    def all(self, scope: int) -> dict[str, str]:
        """The values of a scope, by key."""
        return self._store.settings(scope)

    async def put(self, scope: int, value: str, key: str = "") -> None:
        """Change a setting on all devices; an empty value clears it.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._call("profile", "setting", {"scope": scope, "key": key, "value": value})
        version = int(answer["version"])
        # All settings up to the new version are known only where those up to the one before were.
        known = int(answer.get("previous") or 0) == self._store.place("settings").after
        self._lists.take_settings([Setting(scope, key, value, version)], version if known else None)
        self._lists.take_versions({"settings": version})
