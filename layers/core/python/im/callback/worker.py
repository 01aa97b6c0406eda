"""Delivers callbacks from the queue to the business back end: signed, in order, as often as it takes.

What fails comes again after a while that grows, and holds up what is behind it in its group; other groups go on. A failing
destination is left alone (``im.callback.breaker``), and waiting for it does not count against a callback: the queue lets a
callback be received a thousand times, and it is here that one is given up, by its age, or because its receiver finds fault
with it while he takes others. What is given up is put among the dead letters, whence it can be sent again.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct, ValidationError

from im.callback.breaker import Breaker
from im.callback.model import (
    LONGEST_WAIT_MS,
    MAX_AGE_S,
    Task,
    blames_receiver,
    destination_of,
    is_hopeless,
    task_from_body,
    url_of,
    wait_ms,
)
from im.callback.store import WaitingCallbacks
from im.callback.way_out import WayOut
from im.errors import BusyError
from im.platform.clock import Clock
from im.platform.metrics import Count, ignore
from im.platform.parallel import run_all
from im.platform.webhooks import WebhookFailed, WebhookRefused
from im.settings import Switches

TIMEOUT_S = 5.0
"""For one attempt. Ten of them, which is a batch of one group, fit into the function's time."""


class Received(Struct, frozen=True):
    """A message of the queue.

    Attributes:
        id: what the queue calls it.
        receipt: what the queue knows this delivery by.
        body: a task as text.
        attempts: how often it was received, this time included.
        sent_at: when it was queued, ms.
    """

    id: str
    receipt: str
    body: str
    attempts: int
    sent_at: int


class _Callback(Struct, frozen=True):
    """A callback in hand."""

    received: Received
    task: Task


class CallbackWorker:
    """Delivers batches.

    Args:
        webhooks: makes the attempts.
        secrets: what they are signed with.
        queue: takes back what was not delivered.
        breaker: knows who is to be left alone.
        switches: the addresses, and how old a callback may get.
        clock: the time.
        chance: a random number from 0 to 1.
        count: takes metrics.
    """

    def __init__(
        self,
        webhooks: WayOut,
        secrets: Callable[[], Sequence[str]],
        queue: WaitingCallbacks,
        breaker: Breaker,
        switches: Switches,
        clock: Clock,
        *,
        chance: Callable[[], float] = random.random,
        count: Count = ignore,
    ) -> None:
        self._webhooks = webhooks
        self._secrets = secrets
        self._queue = queue
        self._breaker = breaker
        self._switches = switches
        self._clock = clock
        self._chance = chance
        self._count = count

    def serve(self, batch: Sequence[Received]) -> list[str]:
        """Deliver a batch, its groups side by side; returns the ids of what must come again.

        What was delivered but could not be removed from the queue comes again: with the same id, so receivers can tell.
        """
        groups: dict[str, list[_Callback]] = {}
        unread: list[tuple[Received, int]] = []
        for received in batch:
            try:
                task = task_from_body(received.body)
            except ValidationError:
                # Another version's: it waits, and ends among the dead letters when none comes that can read it.
                unread.append((received, LONGEST_WAIT_MS))
            else:
                groups.setdefault(task.group, []).append(_Callback(received, task))
        held = run_all([partial(self._serve_group, callbacks) for callbacks in groups.values()])
        waiting = unread + [each for group in held for each in group]
        if waiting:
            self._count("CallbacksDeferred", len(waiting))
            self._defer([(received.receipt, _seconds(wait)) for received, wait in waiting])
        return [received.id for received, _ in waiting]

    def _defer(self, receipts: Sequence[tuple[str, int]]) -> None:
        try:
            self._queue.defer(receipts)
        except BusyError:
            return  # they come again after the queue's own visibility timeout

    def _serve_group(self, callbacks: Sequence[_Callback]) -> list[tuple[Received, int]]:
        """Deliver in order; from the first that must wait on, all wait equally, so that they come again together."""
        for position, callback in enumerate(callbacks):
            try:
                wait = self._attempt(callback)
            except BusyError:
                wait = wait_ms(callback.received.attempts, self._chance())
            if wait:
                return [(each.received, wait) for each in callbacks[position:]]
        return []

    def _attempt(self, callback: _Callback) -> int:
        """Deliver one callback; returns how long it must wait, ms, or 0 when it is done with."""
        task, received = callback.task, callback.received
        url = url_of(task.event, self._switches)
        if not url:
            return 0
        if self._clock() - received.sent_at > min(self._switches.callback_max_age_s, MAX_AGE_S) * 1000:
            return self._give_up(callback)
        destination = destination_of(url)
        rest = self._breaker.rest_ms(destination)
        if rest:
            return min(rest + int(1000 * self._chance()), LONGEST_WAIT_MS)
        try:
            self._webhooks.post(url, bytes(task.body), message_id=task.id, secret=self._secrets(), timeout_s=TIMEOUT_S)
        except WebhookRefused:
            return self._give_up(callback)
        except WebhookFailed as failure:
            self._count("CallbacksFailed", 1)
            if blames_receiver(failure.status):
                self._breaker.failed(destination)
            else:
                self._breaker.succeeded(destination)
            if is_hopeless(failure.status, received.attempts):
                return self._give_up(callback)
            return wait_ms(received.attempts, self._chance(), failure.retry_after_s)
        self._breaker.succeeded(destination)
        self._count("CallbackLag", self._clock() - received.sent_at)
        return 0

    def _give_up(self, callback: _Callback) -> int:
        self._queue.bury(callback.task, callback.received.sent_at)
        self._count("CallbacksGivenUp", 1)
        return 0


def _seconds(wait: int) -> int:
    return max(1, -(-wait // 1000))
