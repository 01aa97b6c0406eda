"""Event sources: what AWS polls on behalf of a function.

``QueuePump`` is the one for SQS. Others (table streams) would be further classes with the same four members.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from local import events
from local.cloud import Cloud
from local.events import QueueMessage
from local.functions import FunctionFailed, FunctionHost
from local.template import EventSource, Queue

_POLLERS = 5
"""How many batches of one queue AWS works on at a time before it scales up."""


class PumpMeter(Protocol):
    """Counts the requests that AWS makes, and bills, when it polls."""

    def queue_request(self, operation: str, queue: str, size: int) -> None:
        """One request with so many bytes of messages."""


class PumpFaults(Protocol):
    """What may go wrong with deliveries."""

    def disturb(self, queue: str, batch: Sequence[QueueMessage]) -> list[list[QueueMessage]]:
        """The deliveries that a batch becomes, one after the other; undisturbed, the batch alone."""


class Pump(Protocol):
    """An event source at work. All members are used in the event loop's thread only.

    Attributes:
        window_s: how long a batch may fill before it is handled.
    """

    window_s: float

    @property
    def work(self) -> set[asyncio.Task[None]]:
        """The batches that are being handled."""

    def poll(self, *, now: bool) -> None:
        """Look for something to do. ``now`` does not wait for a batch to fill."""

    def due_in_ms(self) -> float | None:
        """How long until there is something to do: 0 for now, None when there is nothing left."""

    def stop(self) -> None:
        """Do nothing any more."""


class QueuePump:
    """Feeds a function from a queue, as Lambda's SQS event source mapping does.

    What a failed batch contained stays in the queue until its visibility timeout ends, and moves to the dead-letter
    queue when it was received too often.
    """

    def __init__(
        self,
        source: EventSource,
        queue: Queue,
        host: FunctionHost,
        cloud: Cloud,
        meter: PumpMeter,
        faults: PumpFaults,
    ) -> None:
        self.queue = queue
        self.window_s: float = source.window_s
        self._source = source
        self._host = host
        self._cloud = cloud
        self._meter = meter
        self._faults = faults
        self._limit = min(source.concurrency or _POLLERS, _POLLERS)
        self.work: set[asyncio.Task[None]] = set()
        """The batches that are being handled."""
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def due_in_ms(self) -> float | None:
        """How long until a message can be received, None when the queue is empty."""
        return self._cloud.due_in_ms(self.queue.name)

    def stop(self) -> None:
        """Receive nothing any more; batches at work are given up."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self.work:
            task.cancel()

    def poll(self, *, now: bool) -> None:
        """Receive batches as long as there are messages and pollers. ``now`` ignores the batching window."""
        if self._stopped:
            return
        waiting = self._cloud.due_in_ms(self.queue.name)
        if waiting is None:
            return
        if waiting == 0 and self.window_s and not now and not self._full():
            self._later(self.window_s)
            return
        while len(self.work) < self._limit:
            batch = self._cloud.receive(self.queue.name, self._source.batch_size, self.queue.visibility_s)
            if not batch:
                break
            self._meter.queue_request("ReceiveMessage", self.queue.name, sum(len(m.body.encode()) for m in batch))
            task = asyncio.get_running_loop().create_task(self._handle(batch))
            self.work.add(task)
            task.add_done_callback(self._handled)
        waiting = self._cloud.due_in_ms(self.queue.name)
        if waiting:
            # moto takes a message for visible only after the millisecond in which its timeout ends.
            self._later(waiting / 1000 + 0.002)

    def _full(self) -> bool:
        return len(self._cloud.bodies(self.queue.name)) >= self._source.batch_size

    def _later(self, seconds: float) -> None:
        """Poll again after a time, unless that is going to happen earlier anyway."""
        loop = asyncio.get_running_loop()
        if self._timer is not None and loop.time() <= self._timer.when() <= loop.time() + seconds:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, lambda: self.poll(now=True))

    def _handled(self, task: asyncio.Task[None]) -> None:
        self.work.discard(task)
        self.poll(now=False)

    async def _handle(self, batch: Sequence[QueueMessage]) -> None:
        for delivery in self._faults.disturb(self.queue.name, batch):
            await self._deliver(delivery)

    async def _deliver(self, batch: Sequence[QueueMessage]) -> None:
        event = events.queue_batch(batch, self.queue.arn)
        try:
            result = await self._host.invoke(self._source.function, event)
        except FunctionFailed:
            return
        failed = _failed_ids(result, batch) if self._source.partial_failures else set()
        done = [message.receipt for message in batch if message.id not in failed]
        if done:
            self._cloud.delete(self.queue.name, done)
            self._meter.queue_request("DeleteMessageBatch", self.queue.name, 0)


def _failed_ids(result: Any, batch: Sequence[QueueMessage]) -> set[str]:
    """The messages that a partial answer reports as failed; all of them when the answer is not understood."""
    everything = {message.id for message in batch}
    if not result:
        return set()
    try:
        failed = {item["itemIdentifier"] for item in result["batchItemFailures"] or []}
    except (KeyError, TypeError):
        return everything
    return failed if failed <= everything else everything
