"""Tasks in order: how they are queued, and what becomes of those that fail."""

from typing import Any

import pytest
from msgspec import Struct

from im.errors import BusyError
from im.platform.ordered import Ordered, OrderedQueue, RetryLater, delay_s, work_in_order


class Task(Struct, frozen=True):
    text: str


class Sqs:
    """A client that remembers."""

    def __init__(self, *, failed: bool = False) -> None:
        self.batches: list[list[dict[str, str]]] = []
        self.hidden: list[tuple[str, int]] = []
        self._failed = failed

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.batches.append(list(Entries))
        return {"Failed": [{"Id": "0"}]} if self._failed else {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.hidden.append((ReceiptHandle, VisibilityTimeout))


def queue(sqs: Sqs) -> OrderedQueue:
    return OrderedQueue(lambda: sqs, "url")


def event(*tasks: tuple[str, str], attempts: int = 1) -> dict[str, Any]:
    """A batch of (group, body)."""
    return {
        "Records": [
            {
                "messageId": body,
                "receiptHandle": f"receipt-{body}",
                "body": body,
                "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": str(attempts)},
            }
            for group, body in tasks
        ]
    }


def work(sqs: Sqs, batch: dict[str, Any], *bad: str) -> tuple[list[str], list[str]]:
    """Which tasks were tried, and which are reported as failed."""
    tried: list[str] = []

    def serve(body: str) -> None:
        tried.append(body)
        if body in bad:
            raise RetryLater("not now", 5.0)

    answer = work_in_order(batch, serve, queue(sqs), delay=lambda attempts, least: 100 * attempts + int(least))
    return tried, [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def test_repeats_of_a_task_are_known_by_their_id_and_other_groups_are_others() -> None:
    sqs = Sqs()
    queue(sqs).put([Ordered(Task("a"), "g", "1"), Ordered(Task("b"), "g", "1"), Ordered(Task("c"), "h", "1")])

    [[first, again, other]] = sqs.batches
    assert first["MessageBody"] == '{"text":"a"}'
    assert first["MessageDeduplicationId"] == again["MessageDeduplicationId"] != other["MessageDeduplicationId"]
    assert first["MessageGroupId"] == again["MessageGroupId"] != other["MessageGroupId"]


def test_groups_of_any_characters_and_length_become_ids_that_the_queue_takes() -> None:
    sqs = Sqs()
    queue(sqs).put([Ordered(Task("a"), "小火\n" * 100, "x" * 500)])

    [[entry]] = sqs.batches
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        assert entry[name].isalnum()
        assert len(entry[name]) <= 128


def test_batches_have_ten_entries_and_a_quarter_of_a_megabyte() -> None:
    sqs = Sqs()
    queue(sqs).put(Ordered(Task("x" * 90_000), "g", str(number)) for number in range(3))
    queue(sqs).put(Ordered(Task("x"), "g", str(number)) for number in range(11))

    assert [len(batch) for batch in sqs.batches] == [2, 1, 10, 1]


def test_a_task_that_was_not_taken_is_no_success() -> None:
    with pytest.raises(BusyError):
        queue(Sqs(failed=True)).put([Ordered(Task("a"), "g", "1")])


def test_what_failed_comes_again_later_and_what_is_behind_it_waits() -> None:
    sqs = Sqs()
    tried, failed = work(sqs, event(("g", "a"), ("g", "b"), ("h", "c"), ("g", "d"), attempts=3), "b")

    assert tried == ["a", "b", "c"]
    assert failed == ["b", "d"]
    assert sqs.hidden == [("receipt-b", 305), ("receipt-d", 0)]


def test_a_batch_in_which_all_went_well_leaves_nothing() -> None:
    sqs = Sqs()

    assert work(sqs, event(("g", "a"), ("g", "b"))) == (["a", "b"], [])
    assert sqs.hidden == []


def test_the_pauses_grow_differ_and_end() -> None:
    middle = [delay_s(attempts, jitter=lambda: 0.5) for attempts in range(1, 8)]

    assert middle == [2, 4, 8, 16, 32, 64, 128]
    assert (delay_s(3, jitter=lambda: 0.0), delay_s(3, jitter=lambda: 1.0)) == (4, 12)
    assert delay_s(1, 60.0) == 60
    assert delay_s(40, 10**9) == delay_s(12, jitter=lambda: 0.0) == 900
