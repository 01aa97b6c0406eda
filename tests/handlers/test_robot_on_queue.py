"""The robots' worker: it calls one robot after the other, and says when those that failed come again."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from functions.robot.on_queue import handler
from im.machine.model import Robot
from im.platform.ordered import Ordered
from im.robot.model import Note
from im.settings import Env
from im.wiring.machine import machines
from im.wiring.outlets import robot_queue
from tests.e2e.receiver import Receiver
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded
from tests.handlers.conftest import forget_cached

NOTE = Note("helper", "0|0|alice|helper", 7, "alice", 1_790_000_000_000, '{"type":1,"searchableContent":"hello"}')


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def url(deployed: RecordingPoster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> str:
    """The queue's address; there is a robot behind the receiver."""
    sqs = boto3.client("sqs", "us-east-1")
    made = sqs.create_queue(QueueName="Robots.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv(Env.ROBOT_QUEUE_URL, made)
    monkeypatch.setenv(Env.SWITCHES, '{"im.allow_private_callbacks": true}')
    forget_cached()
    machines().put_robot(Robot("helper", owner="olga", secret="s", callback=receiver.url), None)
    return str(made)


def received(url: str) -> dict[str, Any]:
    """Lambda's event of what is in the queue."""
    sqs = boto3.client("sqs", "us-east-1")
    asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], "AttributeNames": ["All"]}
    messages = sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    [shape, *_] = recorded.event("sqs_batch")["Records"]
    return {
        "Records": [
            {
                **shape,
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
            }
            for each in messages
        ]
    }


def put(*notes: Note) -> None:
    from_one_chat = "helper with alice"
    robot_queue().put(Ordered(note, from_one_chat, str(note.uid)) for note in notes)


def test_robots_are_called_in_order(url: str, receiver: Receiver) -> None:
    put(NOTE, replace(NOTE, uid=8), NOTE)

    assert handler(received(url), None) == {"batchItemFailures": []}
    assert [body["messageId"] for body in receiver.bodies()] == [7, 8]


def test_what_a_robot_does_not_take_comes_again_soon_and_before_what_is_behind_it(url: str, receiver: Receiver) -> None:
    receiver.answers = [500]
    put(NOTE, replace(NOTE, uid=8))
    event = received(url)

    failed = handler(event, None)["batchItemFailures"]

    assert [each["itemIdentifier"] for each in failed] == [record["messageId"] for record in event["Records"]]
    assert len(receiver.got) == 1


def test_a_body_that_is_no_task_fails_alone(url: str, receiver: Receiver) -> None:
    put(NOTE)
    event = received(url)
    event["Records"][0]["body"] = json.dumps({"type": "robot"})

    assert len(handler(event, None)["batchItemFailures"]) == 1
    assert receiver.got == []
