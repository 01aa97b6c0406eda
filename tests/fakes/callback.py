"""Callbacks in memory: the queue, the circuits, and a back end that answers as told."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from im.callback.model import Circuit, Event, Task
from im.platform.webhooks import Answer, WebhookError


class ListedCallbacks:
    """``CallbackQueue`` and ``WaitingCallbacks`` in lists; like the queue, it drops what it has been given already."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.deferred: dict[str, int] = {}
        self.buried: list[Task] = []

    def put(self, tasks: Sequence[Task]) -> None:
        known = {(task.group, task.id) for task in self.tasks}
        self.tasks += [task for task in tasks if (task.group, task.id) not in known]

    def defer(self, receipts: Sequence[tuple[str, int]]) -> None:
        self.deferred.update(receipts)

    def bury(self, task: Task, sent_at: int) -> None:
        self.buried.append(task)

    def bodies(self, event: Event) -> list[Any]:
        """What was queued of a kind, read as JSON."""
        return [json.loads(bytes(task.body)) for task in self.tasks if task.event is event]


class MemoryCircuitStore:
    """``CircuitStore`` in a dictionary that counts its calls."""

    def __init__(self) -> None:
        self.circuits: dict[str, Circuit] = {}
        self.calls = 0

    def get(self, destination: str) -> Circuit | None:
        self.calls += 1
        return self.circuits.get(destination)

    def replace(self, destination: str, old: Circuit | None, new: Circuit, now_ms: int) -> bool:
        self.calls += 1
        present = self.circuits.get(destination)
        if (present and (present.failures, present.until)) != (old and (old.failures, old.until)):
            return False
        self.circuits[destination] = new
        return True

    def forget(self, destination: str) -> None:
        self.calls += 1
        self.circuits.pop(destination, None)


class Posted(Struct, frozen=True):
    """One attempt."""

    url: str
    body: Any
    message_id: str
    secret: tuple[str, ...]
    timeout_s: float


class Answering:
    """``Webhooks`` that answers as told, by URL; what it is not told about takes everything."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.failures: dict[str, WebhookError] = {}
        self.answers: dict[str, bytes] = {}

    def post(
        self,
        url: str,
        body: bytes,
        *,
        message_id: str,
        secret: str | Sequence[str] | None,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See ``Webhooks``."""
        secrets = (secret,) if isinstance(secret, str) else tuple(secret or ())
        self.posted.append(Posted(url, json.loads(body), message_id, secrets, timeout_s))
        if url in self.failures:
            raise self.failures[url]
        return Answer(200, self.answers.get(url, b"ok"), {})
