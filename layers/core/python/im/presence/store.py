"""Who watches whose presence, in the Ephemera table: one item per user who is watched, an attribute per watcher."""

from typing import Any, Protocol

from im import keys
from im.platform.dynamo import Dynamo, Key, decode_item, translated_errors
from im.presence.model import MAX_WATCH_S, MAX_WATCHERS

_WATCHER = "w:"
_GRACE_S = 60


class WatchStore(Protocol):
    """Watches for a time."""

    def watch(self, user: str, watcher: str, until_ms: int, now_ms: int) -> bool:
        """Let somebody watch a user until then; False when the user has all the watchers that he can have."""

    def unwatch(self, user: str, watcher: str) -> None:
        """End a watch; one that does not exist is fine."""

    def watchers(self, user: str, now_ms: int) -> list[str]:
        """Who watches a user now."""


class DynamoWatchStore:
    """``WatchStore`` on the Ephemera table.

    Watches that are over stay in the item until it is full or expires; whoever reads compares the time.
    """

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def watch(self, user: str, watcher: str, until_ms: int, now_ms: int) -> bool:
        answer = self._update(
            user,
            "SET #w = :u, #t = :t",
            {"#w": _WATCHER + watcher, "#t": "ttl"},
            {":u": {"N": str(until_ms)}, ":t": {"N": str(now_ms // 1000 + MAX_WATCH_S + _GRACE_S)}},
        )
        marks = _marks(decode_item(answer["Attributes"]))
        if len(marks) <= MAX_WATCHERS:
            return True
        over = [each for each, until in marks.items() if until <= now_ms]
        full = len(marks) - len(over) > MAX_WATCHERS
        self._remove(user, [*over, watcher] if full else over)
        return not full

    def unwatch(self, user: str, watcher: str) -> None:
        self._remove(user, [watcher])

    def watchers(self, user: str, now_ms: int) -> list[str]:
        key = Key(self._table, (("k", keys.watchers(user)),))
        item = self._dynamo.batch_get([key]).get(key, {})
        return sorted(watcher for watcher, until in _marks(item).items() if until > now_ms)

    def _remove(self, user: str, watchers: list[str]) -> None:
        names = {f"#w{number}": _WATCHER + watcher for number, watcher in enumerate(watchers)}
        self._update(user, f"REMOVE {', '.join(names)}", names, {})

    def _update(self, user: str, expression: str, names: dict[str, str], values: dict[str, Any]) -> Any:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"k": {"S": keys.watchers(user)}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ReturnValues": "ALL_NEW",
            "ReturnConsumedCapacity": "TOTAL",
        }
        if values:
            request["ExpressionAttributeValues"] = values
        with translated_errors():
            return self._dynamo.client.update_item(**request)


def _marks(item: dict[str, Any]) -> dict[str, int]:
    return {name.removeprefix(_WATCHER): until for name, until in item.items() if name.startswith(_WATCHER)}
