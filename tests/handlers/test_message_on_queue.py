"""The fan-out worker: who gets a chunk's frame, and which chunks come back."""

import json
from typing import Any

import pytest

from functions.message.on_queue import handler
from im.delivery.model import Device
from im.platform.clock import now_ms
from im.presence.store import DynamoWatchStore
from im.settings import Env
from im.wiring.base import dynamo, presence, settings
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded

FRAME = {"push": "message", "body": {"seq": 7}}


@pytest.fixture
def online(deployed: RecordingPoster) -> RecordingPoster:
    """ann is online on two devices, carl on one; bob is offline."""
    presence().register("ann", Device("phone", 1, "ann-1", 1))
    presence().register("ann", Device("web", 5, "ann-2", 1))
    presence().register("bob", Device("phone", 1, "bob-1", 1))
    presence().disconnect("bob", "phone", "bob-1", 2)
    presence().register("carl", Device("phone", 1, "carl-1", 1))
    return deployed


def failures(*numbers: int) -> dict[str, Any]:
    records = recorded.event("sqs_batch")["Records"]
    return {"batchItemFailures": [{"itemIdentifier": records[number]["messageId"]} for number in numbers]}


def test_every_socket_of_every_user_of_a_chunk_gets_the_frame(online: RecordingPoster) -> None:
    assert handler(recorded.event("sqs_batch"), None) == failures()
    assert online.frames == {"ann-1": [FRAME], "ann-2": [FRAME], "carl-1": [FRAME]}


def test_the_senders_own_socket_is_skipped(online: RecordingPoster) -> None:
    event = recorded.event("sqs_batch")
    job = json.loads(event["Records"][0]["body"])
    event["Records"][0]["body"] = json.dumps({**job, "skip": "ann-1"})

    assert handler(event, None) == failures()
    assert online.frames.keys() == {"ann-2", "carl-1"}


def test_a_socket_that_is_gone_is_forgotten_and_not_tried_again(online: RecordingPoster) -> None:
    online.gone = {"ann-1"}

    assert handler(recorded.event("sqs_batch"), None) == failures()
    gone = presence().load_one("ann").device("phone")
    assert gone is not None
    assert not gone.online
    assert online.frames.keys() == {"ann-2", "carl-1"}


def test_only_a_chunk_with_a_socket_that_did_not_take_the_frame_comes_back(online: RecordingPoster) -> None:
    online.stuck = {"carl-1"}

    assert handler(recorded.event("sqs_batch"), None) == failures(1)
    assert online.frames.keys() == {"ann-1", "ann-2"}


def test_when_every_chunk_fails_every_chunk_comes_back(online: RecordingPoster) -> None:
    online.stuck = {"ann-1", "carl-1"}

    assert handler(recorded.event("sqs_batch"), None) == failures(0, 1)


def test_a_chunk_that_nobody_can_read_does_not_hold_up_the_others(online: RecordingPoster) -> None:
    event = recorded.event("sqs_batch")
    event["Records"][0]["body"] = "not a job"

    assert handler(event, None) == failures(0)
    assert online.frames == {"carl-1": [FRAME]}


def test_news_of_a_presence_go_to_friends_and_watchers_unless_they_are_old(online: RecordingPoster) -> None:
    watches = DynamoWatchStore(dynamo(), settings().need(Env.EPHEMERA_TABLE))
    now = now_ms()
    assert watches.watch("carl", "ann", now + 60_000, now)
    event = recorded.event("sqs_batch")
    look = presence().load_one("carl").look()
    for record, told in zip(event["Records"], (look, "as it was before"), strict=False):
        record["body"] = json.dumps({"news": {"user": "carl", "look": told}})

    assert handler(event, None) == failures()

    [frame] = online.frames["ann-1"]
    assert frame["push"] == "presence"
    [seen] = frame["body"]["users"]
    assert (seen["userId"], seen["platforms"][0]["online"]) == ("carl", True)
    assert online.frames.keys() == {"ann-1", "ann-2"}
