"""The contract of circuits, and what the queue of callbacks asks of SQS."""

import json

import boto3
import msgspec
import pytest

from im.callback.model import Circuit, Event, Task
from im.callback.store import CircuitStore, DynamoCircuitStore, SqsCallbacks
from tests.fakes.callback import MemoryCircuitStore
from tests.stores.tables import EPHEMERA

NOW = 1_790_000_000_000
THERE = "https://app.example:8443"


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> CircuitStore:
    if request.param == "memory":
        return MemoryCircuitStore()
    return DynamoCircuitStore(request.getfixturevalue("dynamo"), EPHEMERA)


def test_of_two_who_change_what_is_known_one_wins(store: CircuitStore) -> None:
    assert store.get(THERE) is None
    assert store.replace(THERE, None, Circuit(1), NOW)
    assert not store.replace(THERE, None, Circuit(1), NOW)
    assert store.replace(THERE, Circuit(1), Circuit(2, NOW + 5, 5), NOW)
    assert not store.replace(THERE, Circuit(1), Circuit(2), NOW)
    assert not store.replace(THERE, Circuit(2, NOW + 4, 5), Circuit(3), NOW)

    assert store.get(THERE) == Circuit(2, NOW + 5, 5)
    assert store.get("https://elsewhere.example") is None


def test_what_is_known_can_be_forgotten_twice(store: CircuitStore) -> None:
    store.replace(THERE, None, Circuit(1), NOW)
    store.forget(THERE)
    store.forget(THERE)

    assert store.get(THERE) is None
    assert not store.replace(THERE, Circuit(1), Circuit(2), NOW)


@pytest.mark.usefixtures("client")
def test_callbacks_travel_in_order_are_put_off_and_buried() -> None:
    sqs = boto3.client("sqs", "us-east-1")
    fifo = {"FifoQueue": "true"}
    url = sqs.create_queue(QueueName="callbacks.fifo", Attributes=fifo)["QueueUrl"]
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"]
    queue = SqsCallbacks(lambda: sqs, url, dead)
    tasks = [Task(Event.FORWARD, f"forward-{number}", "group", msgspec.Raw(b'{"a":1}')) for number in range(2)]

    queue.put(tasks)
    queue.put(tasks[:1])
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    queue.defer([(received[0]["ReceiptHandle"], 0), (received[1]["ReceiptHandle"], 0)])
    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    queue.bury(tasks[0], NOW)

    assert [json.loads(message["Body"])["id"] for message in received] == ["forward-0", "forward-1"]
    assert len({message["Attributes"]["MessageGroupId"] for message in received}) == 1
    assert [message["MessageId"] for message in again] == [message["MessageId"] for message in received]
    [letter] = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert json.loads(letter["Body"]) == json.loads(received[0]["Body"])
