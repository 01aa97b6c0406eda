"""The worker: order, retries, rests, and what is given up."""

import json

import msgspec
import pytest

from im.callback.breaker import Breaker
from im.callback.model import HOPELESS_ATTEMPTS, OPEN_AFTER, Event, Task
from im.callback.worker import CallbackWorker, Received
from im.platform.webhooks import WebhookFailed, WebhookRefused
from im.settings import Switches
from tests.fakes.callback import Answering, ListedCallbacks, MemoryCircuitStore

MESSAGES, RECALLS = "http://app.example/im_event/message", "http://app.example/im_event/recall_message"
AUDIT = "http://audit.example/message"


class Post:
    """A worker over fakes, and a queue that hands out what it is told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000
        self.queue = ListedCallbacks()
        self.circuits = MemoryCircuitStore()
        self.back_end = Answering()
        self.counts: dict[str, float] = {}
        switches = Switches.parse({Event.FORWARD: MESSAGES, Event.RECALL: RECALLS, Event.MENTION: AUDIT})
        self.worker = CallbackWorker(
            self.back_end,
            lambda: ["new", "old"],
            self.queue,
            Breaker(self.circuits, lambda: self.now),
            switches,
            lambda: self.now,
            chance=lambda: 0.0,
            count=lambda name, value: self.counts.update({name: self.counts.get(name, 0) + value}),
        )

    def received(
        self, name: str, *, event: Event = Event.FORWARD, group: str = "g", attempts: int = 1, age_s: int = 0
    ) -> Received:
        task = Task(event, name, group, msgspec.Raw(json.dumps({"n": name}).encode()))
        return Received(
            f"id-{name}", f"receipt-{name}", msgspec.json.encode(task).decode(), attempts, self.now - age_s * 1000
        )

    def delivered(self) -> list[str]:
        return [each.message_id for each in self.back_end.posted]


def test_a_batch_is_delivered_in_order_signed_with_every_valid_secret() -> None:
    post = Post()

    assert post.worker.serve([post.received("a"), post.received("b", event=Event.RECALL)]) == []

    assert [(each.url, each.body, each.message_id) for each in post.back_end.posted] == [
        (MESSAGES, {"n": "a"}, "a"),
        (RECALLS, {"n": "b"}, "b"),
    ]
    assert post.back_end.posted[0].secret == ("new", "old")
    assert (post.circuits.calls, post.queue.deferred) == (0, {})


def test_what_fails_holds_up_its_own_group_only() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("down")

    failed = post.worker.serve(
        [
            post.received("a1", group="a", attempts=3),
            post.received("a2", group="a"),
            post.received("b1", group="b", event=Event.MENTION),
        ]
    )

    assert failed == ["id-a1", "id-a2"]
    assert post.delivered() == ["a1", "b1"]
    assert post.queue.deferred == {"receipt-a1": 4, "receipt-a2": 4}, "they come again together, in their order"


def test_a_dead_back_end_is_left_alone_and_costs_no_attempt_but_nothing_is_given_up() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("down")
    for number in range(OPEN_AFTER):
        post.worker.serve([post.received(f"{number}", group=str(number))])
    attempts = len(post.back_end.posted)

    assert post.worker.serve([post.received("later", attempts=900, age_s=86_399)]) == ["id-later"]

    assert len(post.back_end.posted) == attempts
    assert post.queue.deferred["receipt-later"] == 5
    assert post.queue.buried == []


def test_after_its_rest_one_trial_is_made_and_its_success_lets_all_through() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("busy", 503)
    for number in range(OPEN_AFTER):
        post.worker.serve([post.received(f"{number}", group=str(number))])
    post.now += 5_000
    post.back_end.failures.clear()

    assert post.worker.serve([post.received("again")]) == []
    assert post.worker.serve([post.received("next")]) == []
    assert post.circuits.circuits == {}


def test_a_callback_is_given_up_when_it_is_too_old() -> None:
    post = Post()

    assert post.worker.serve([post.received("old", age_s=86_401), post.received("young")]) == []

    assert [task.id for task in post.queue.buried] == ["old"]
    assert post.delivered() == ["young"]
    assert post.counts["CallbacksGivenUp"] == 1


def test_a_callback_that_its_receiver_finds_fault_with_does_not_hold_up_the_rest_for_long() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("what is this", 400)

    assert post.worker.serve([post.received("bad", attempts=HOPELESS_ATTEMPTS - 1)]) == ["id-bad"]
    assert post.worker.serve([post.received("bad", attempts=HOPELESS_ATTEMPTS)]) == []

    assert [task.id for task in post.queue.buried] == ["bad"]
    assert post.circuits.circuits == {}, "who answers is not dead"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_receiver_that_is_set_up_wrongly_is_waited_for(status: int) -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("no", status)

    assert post.worker.serve([post.received("a", attempts=200)]) == ["id-a"]
    assert post.queue.buried == []


def test_an_address_that_may_not_be_asked_ends_among_the_dead_letters_at_once() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookRefused("private")

    assert post.worker.serve([post.received("a")]) == []
    assert [task.id for task in post.queue.buried] == ["a"]


def test_what_has_no_address_any_more_is_dropped() -> None:
    post = Post()

    assert post.worker.serve([post.received("a", event=Event.USER)]) == []
    assert (post.delivered(), post.queue.buried) == ([], [])


def test_a_receiver_may_ask_for_patience() -> None:
    post = Post()
    post.back_end.failures[MESSAGES] = WebhookFailed("slowly", 429, retry_after_s=90)

    post.worker.serve([post.received("a")])

    assert post.queue.deferred == {"receipt-a": 90}


def test_what_nobody_can_read_waits_and_stands_in_nobodys_way() -> None:
    post = Post()
    odd = Received("odd", "receipt-odd", '{"event":"of.the.future"}', 1, post.now)

    assert post.worker.serve([odd, post.received("a")]) == ["odd"]
    assert post.delivered() == ["a"]
