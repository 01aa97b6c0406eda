"""The queue of callbacks, and what is known of destinations that fail (in the Ephemera table)."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from im import keys
from im.callback.model import Circuit, Task
from im.platform.dynamo import ConditionFailed, Dynamo, Key, translated_errors
from im.platform.ordered import Ordered, OrderedQueue

_KEPT_S = 3_600


class CallbackQueue(Protocol):
    """Takes callbacks; those of one group come out in the order in which they went in."""

    def put(self, tasks: Sequence[Task]) -> None:
        """Queue callbacks, at most ten; one whose id was queued within five minutes is dropped.

        Raises:
            BusyError: one of them was not taken; all may be queued again.
        """


class WaitingCallbacks(Protocol):
    """What the worker does with callbacks that it could not deliver."""

    def defer(self, receipts: Sequence[tuple[str, int]]) -> None:
        """Let callbacks, by their receipts, come again after so many seconds; at most ten.

        Raises:
            BusyError: they come again when the queue thinks it is time.
        """

    def bury(self, task: Task, sent_at: int) -> None:
        """Put a callback, queued at this time (ms), among the dead letters.

        Raises:
            BusyError: it is not there.
        """


class SqsCallbacks:
    """``CallbackQueue`` and ``WaitingCallbacks`` on SQS FIFO queues.

    Args:
        client: returns the botocore client.
        url: the queue's.
        dead_letters: the URL of its dead-letter queue; only the worker has it.
    """

    def __init__(self, client: Callable[[], Any], url: str, dead_letters: str = "") -> None:
        self._client = client
        self._url = url
        self._queue = OrderedQueue(client, url)
        self._dead_letters = OrderedQueue(client, dead_letters)

    def put(self, tasks: Sequence[Task]) -> None:
        self._queue.put(Ordered(task, task.group, task.id) for task in tasks)

    def defer(self, receipts: Sequence[tuple[str, int]]) -> None:
        entries = [
            {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for index, (receipt, seconds) in enumerate(receipts)
        ]
        with translated_errors():
            self._client().change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def bury(self, task: Task, sent_at: int) -> None:
        # One that was moved back to the queue and fails again is another letter than before.
        self._dead_letters.put([Ordered(task, task.group, f"{task.id} {sent_at}")])


class CircuitStore(Protocol):
    """What all environments know of destinations that fail."""

    def get(self, destination: str) -> Circuit | None:
        """What is known of one; None: that it answers."""

    def replace(self, destination: str, old: Circuit | None, new: Circuit, now_ms: int) -> bool:
        """Put something new in the place of what was known; False when that is something else by now."""

    def forget(self, destination: str) -> None:
        """It answers."""


class DynamoCircuitStore:
    """``CircuitStore`` on the Ephemera table: one item per destination that fails."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def get(self, destination: str) -> Circuit | None:
        key = Key(self._table, (("k", keys.circuit(destination)),), consistent=True)
        item = self._dynamo.batch_get([key]).get(key)
        return Circuit(item["f"], item["u"], item["r"]) if item else None

    def replace(self, destination: str, old: Circuit | None, new: Circuit, now_ms: int) -> bool:
        values = {":f": new.failures, ":u": new.until, ":r": new.rest, ":t": max(new.until, now_ms) // 1000 + _KEPT_S}
        condition = "attribute_not_exists(k)"
        if old is not None:
            condition = "f = :of AND u = :ou"
            values |= {":of": old.failures, ":ou": old.until}
        try:
            with translated_errors():
                self._dynamo.client.update_item(
                    TableName=self._table,
                    Key={"k": {"S": keys.circuit(destination)}},
                    UpdateExpression="SET f = :f, u = :u, r = :r, #t = :t",
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#t": "ttl"},
                    ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
                    ReturnConsumedCapacity="TOTAL",
                )
        except ConditionFailed:
            return False
        return True

    def forget(self, destination: str) -> None:
        with translated_errors():
            self._dynamo.client.delete_item(
                TableName=self._table,
                Key={"k": {"S": keys.circuit(destination)}},
                ReturnConsumedCapacity="TOTAL",
            )
