"""Watches in memory."""

from im.presence.model import MAX_WATCHERS


class MemoryWatchStore:
    """``WatchStore`` in dictionaries."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[str, int]] = {}

    def watch(self, user: str, watcher: str, until_ms: int, now_ms: int) -> bool:
        marks = self._marks.setdefault(user, {})
        marks[watcher] = until_ms
        if len(self.watchers(user, now_ms)) > MAX_WATCHERS:
            del marks[watcher]
            return False
        return True

    def unwatch(self, user: str, watcher: str) -> None:
        self._marks.get(user, {}).pop(watcher, None)

    def watchers(self, user: str, now_ms: int) -> list[str]:
        return sorted(watcher for watcher, until in self._marks.get(user, {}).items() if until > now_ms)
