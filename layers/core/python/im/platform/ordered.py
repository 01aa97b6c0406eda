"""Queues that keep order (SQS FIFO): tasks of one group come one after the other, each once within five minutes.

A task that failed holds up its own group until it comes again, after a time that grows with each attempt, or has become a
dead letter; what was taken from the queue behind it goes back.
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from im.errors import BusyError
from im.platform.dynamo import translated_errors
from im.platform.telemetry import logger

MAX_DELAY_S = 900
_MAX_BATCH_ENTRIES = 10
_MAX_BATCH_BYTES = 250_000
_encode = msgspec.json.Encoder().encode


class Ordered(Struct, frozen=True):
    """A task on its way into the queue.

    Attributes:
        task: what goes into the body, as JSON.
        group: the tasks that it keeps order with have the same; any text.
        once: the same on every repeat of this task, unique in its group; any text.
    """

    task: Struct
    group: str
    once: str


class RetryLater(Exception):
    """A task could not be done now.

    Attributes:
        after_s: how long at least to wait, 0: as the attempts so far suggest.
    """

    def __init__(self, text: str, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.after_s = after_s


def short_hash(text: str) -> str:
    """A text as an id that SQS takes, whatever its characters and length."""
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def delay_s(attempts: int, at_least_s: float = 0.0, *, jitter: Callable[[], float] = random.random) -> int:
    """How long to wait after so many attempts (1 and up): 2 s, 4 s, 8 s, ..., at most 15 minutes, give or take a half."""
    spread = 2.0 ** min(attempts, 12) * (0.5 + jitter())
    return int(min(max(spread, at_least_s, 1.0), MAX_DELAY_S))


class OrderedQueue:
    """A FIFO queue.

    Args:
        client: returns the botocore client; asked when it is first needed.
        url: the queue's.
    """

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        self._client = client
        self._url = url

    def put(self, tasks: Iterable[Ordered]) -> None:
        """Queue every task; one that is there already, or was within five minutes, is dropped.

        Raises:
            BusyError: one of them was not taken; all may be queued again.
        """
        batch: list[dict[str, str]] = []
        size = 0
        for each in tasks:
            body = _encode(each.task).decode()
            length = len(body.encode())
            if batch and (len(batch) == _MAX_BATCH_ENTRIES or size + length > _MAX_BATCH_BYTES):
                self._send(batch)
                batch, size = [], 0
            batch.append(
                {
                    "Id": str(len(batch)),
                    "MessageBody": body,
                    "MessageGroupId": short_hash(each.group),
                    "MessageDeduplicationId": short_hash(f"{each.group}\n{each.once}"),
                }
            )
            size += length
        if batch:
            self._send(batch)

    def _send(self, entries: Sequence[Mapping[str, str]]) -> None:
        with translated_errors():
            answer = self._client().send_message_batch(QueueUrl=self._url, Entries=entries)
        if answer.get("Failed"):
            raise BusyError("the queue is busy")

    def hide(self, receipt: str, seconds: int) -> None:
        """Let a message that was received come again after so many seconds."""
        with translated_errors():
            self._client().change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )


def work_in_order(
    event: Mapping[str, Any], serve: Callable[[str], None], queue: OrderedQueue, *, delay: Callable[..., int] = delay_s
) -> dict[str, Any]:
    """Do the tasks of a batch; returns which of them failed, as Lambda wants it.

    Tasks of a queue that keeps no order have no groups: each holds up itself alone.

    Args:
        event: Lambda's, of an event source that takes partial failures.
        serve: does the task of a body; what it raises makes the task come again.
        queue: where the event is from.
        delay: tells by the number of attempts and a least time how long to wait.
    """
    failed: list[dict[str, str]] = []
    blocked: set[str] = set()
    for record in event["Records"]:
        group = record["attributes"].get("MessageGroupId", record["messageId"])
        wait = 0
        if group not in blocked:
            try:
                serve(record["body"])
                continue
            except Exception as error:
                attempts = int(record["attributes"]["ApproximateReceiveCount"])
                wait = delay(attempts, getattr(error, "after_s", 0.0))
                logger.info("task failed", extra={"reason": repr(error)[:300], "attempt": attempts, "again_in_s": wait})
        blocked.add(group)
        _hide(queue, record["receiptHandle"], wait)
        failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _hide(queue: OrderedQueue, receipt: str, seconds: int) -> None:
    try:
        queue.hide(receipt, seconds)
    except Exception as error:  # the queue's own timeout brings it back
        logger.info("cannot set when a task comes again", extra={"reason": repr(error)[:300]})
