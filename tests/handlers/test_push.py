"""The push route and the push worker, from event to answer on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest

from functions.push.on_queue import handler as worker
from functions.push.ws import handler
from im.delivery.model import Device, PushAddress
from im.push.alert import Alert, Publication
from im.settings import Env
from im.wiring.base import presence
from tests.e2e.receiver import Receiver
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded
from tests.handlers.conftest import forget_cached


@pytest.fixture
def server(deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A push server for iOS; ann is online, and the queue and the key of Web Push are there."""
    receiver = Receiver()
    url = boto3.client("sqs", "us-east-1").create_queue(QueueName="PushQueue")["QueueUrl"]
    secret = boto3.client("secretsmanager", "us-east-1").create_secret(Name="WebPush", SecretString="s" * 48)
    switches = {
        "push.ios.server.address": receiver.url,
        "im.allow_private_callbacks": True,
        "im.web_push_contact": "mailto:a@example.com",
    }
    for name, value in (
        (Env.PUSH_QUEUE_URL, url),
        (Env.PUSH_APPLICATIONS, "{}"),
        (Env.WEB_PUSH_SECRET_ID, secret["ARN"]),
        (Env.SWITCHES, json.dumps(switches)),
    ):
        monkeypatch.setenv(name, value)
    forget_cached()
    presence().register("ann", Device("phone", 1, "ann-socket", 1))
    yield receiver
    receiver.stop()
    forget_cached()


def ask(op: str, body: dict[str, Any]) -> dict[str, Any]:
    event = recorded.frame("push", {"route": "push", "op": op, "id": "7", "body": body}, user="ann", client="phone")
    decoded: dict[str, Any] = json.loads(handler(event, None)["body"])
    return decoded


def test_a_token_is_registered_shown_and_forgotten(server: Receiver) -> None:
    body = {"token": "t", "pushType": 1, "packageName": "p", "language": "en"}
    assert ask("register", body) == {"id": "7", "code": 0, "body": {}}
    assert ask("badge", {"number": 2})["code"] == 0
    [device] = presence().load_one("ann").devices
    assert device.push == PushAddress(1, "t", "", "p", "en", 2)

    assert ask("forget", {})["code"] == 0
    [device] = presence().load_one("ann").devices
    assert device.push is None


def test_a_browser_learns_the_key(server: Receiver) -> None:
    assert len(ask("webPushKey", {})["body"]["key"]) == 87


def record(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": "r",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
            }
            for number, body in enumerate(bodies)
        ]
    }


def publication(uid: int) -> str:

    alert = Alert(kind=0, sender="bob", target="ann", content=1, uid=uid, text="hi")
    return msgspec.json.encode(Publication(alert, ("ann",))).decode()


def test_only_the_publications_that_failed_come_back(server: Receiver) -> None:
    ask("register", {"token": "t"})
    presence().disconnect("ann", "phone", "ann-socket", 10**15)
    server.answers[:] = [200, 503, 200]

    answer = worker(record(publication(1), publication(2), publication(3)), None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [body["messageId"] for body in server.bodies()] == [1, 2, 3]

    assert worker(record(publication(2)), None) == {"batchItemFailures": []}
    assert worker(record(publication(2)), None) == {"batchItemFailures": []}
    assert len(server.got) == 1
