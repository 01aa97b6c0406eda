"""The broadcast worker: tasks copy the message to their receivers, and those that fail come back."""

import json
from typing import Any

import boto3
import pytest

from functions.broadcast.on_queue import handler
from functions.server_api.http import handler as server_api
from im.delivery.model import Device
from im.settings import Env
from im.wiring.base import presence
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded, test_server_api_http
from tests.handlers.conftest import forget_cached


@pytest.fixture
def queue(deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The queue's address; ann is online."""
    sqs = boto3.client("sqs", "us-east-1")
    url = sqs.create_queue(QueueName="BroadcastQueue")["QueueUrl"]
    monkeypatch.setenv(Env.BROADCAST_QUEUE_URL, url)
    forget_cached()
    presence().register("ann", Device("phone", 1, "ann-1", 1))
    return url


def tasks(url: str) -> list[str]:
    sqs = boto3.client("sqs", "us-east-1")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in received:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in received]


def serve(*bodies: str) -> Any:
    event = recorded.event("sqs_batch")
    records = event["Records"][: len(bodies)]
    for record, body in zip(records, bodies, strict=True):
        record["body"] = body
    return handler({"Records": records}, None)


def call(path: str, body: dict[str, Any]) -> Any:
    assert server_api
    answer = test_server_api_http.call(path, json.dumps(body))
    assert answer["code"] == 0, answer
    return answer.get("result")


def test_a_multicast_travels_through_the_queue_to_its_receivers(deployed: RecordingPoster, queue: str) -> None:
    payload = {"type": 1, "searchableContent": "hello all"}
    sent = call("/admin/message/multicast", {"sender": "news", "targets": ["ann", "bob"], "payload": payload})
    [task] = tasks(queue)

    assert serve(task) == {"batchItemFailures": []}
    assert serve(task) == {"batchItemFailures": []}

    pushes = [push["body"] for push in deployed.frames["ann-1"]]
    assert {(push["from"], push["seq"], push["content"]["searchableContent"]) for push in pushes} == {
        ("news", 1, "hello all")
    }
    body = {"operator": "root", "messageUid": sent["messageUid"], "receivers": ["ann", "bob"]}
    call("/admin/message/recall_multicast", body)
    serve(*tasks(queue))
    assert deployed.frames["ann-1"][-1]["body"]["ref"] == 1


def test_a_broadcast_lists_the_registered_users(deployed: RecordingPoster, queue: str) -> None:
    for user in ("ann", "bob"):
        call("/admin/user/create", {"userId": user, "name": user, "displayName": user})

    sent = call("/admin/message/broadcast", {"sender": "news", "payload": {"type": 1}})
    serve(*tasks(queue))
    serve(*tasks(queue))

    assert sent["count"] >= 2
    assert deployed.frames["ann-1"][0]["body"]["conversation"] == {"type": 0, "target": "news", "line": 0}


def test_a_task_that_nobody_can_read_comes_back_alone(deployed: RecordingPoster, queue: str) -> None:
    good = '{"log":"0|0||nobody","seq":1,"users":["ann"]}'

    failed = serve("not a task", good)["batchItemFailures"]

    assert [each["itemIdentifier"] for each in failed] == [recorded.event("sqs_batch")["Records"][0]["messageId"]]
