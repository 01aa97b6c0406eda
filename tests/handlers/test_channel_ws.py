"""The channel route, from frame to frame on moto; messages of channels, and the worker that spreads them."""

import json
from typing import Any

import pytest
from msgspec import json as wire

from functions.channel.ws import handler
from functions.message.on_queue import handler as on_queue
from functions.message.ws import handler as message_handler
from im.delivery.model import Device, Job, Spread
from im.wiring.base import presence
from im.wiring.delivery import delivery
from tests.fakes.delivery import ListQueue, RecordingPoster
from tests.handlers import recorded
from tests.handlers.recorded import frame


@pytest.fixture
def queue(deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> ListQueue:
    """The fan-out queue; ann and bob are online, and bob listens to ann's channel."""
    found = ListQueue()
    monkeypatch.setattr(delivery(), "_queue", found)
    for user in ("ann", "bob"):
        presence().register(user, Device("phone", 1, f"{user}-socket", 1))
    ok("ann", "create", {"channelId": "news", "name": "The News"})
    ok("bob", "listen", {"channelId": "news", "on": True})
    deployed.frames.clear()
    return found


def ask(user: str, op: str, body: dict[str, Any], route: str = "channel") -> dict[str, Any]:
    event = frame(route, {"route": route, "op": op, "id": "7", "body": body}, user=user, connection=f"{user}-socket")
    answer = (handler if route == "channel" else message_handler)(event, None)
    decoded: dict[str, Any] = json.loads(answer["body"])
    return decoded


def ok(user: str, op: str, body: dict[str, Any], route: str = "channel") -> Any:
    answer = ask(user, op, body, route)
    assert answer["code"] == 0, answer
    return answer["body"]


def work(jobs: list[Job]) -> Any:
    """Give jobs to the worker, as the queue does."""
    event = recorded.event("sqs_batch")
    event["Records"] = [
        {**event["Records"][0], "messageId": str(number), "body": wire.encode(job).decode()}
        for number, job in enumerate(jobs)
    ]
    return on_queue(event, None)


def test_a_message_to_all_goes_through_two_jobs_to_those_who_are_online(
    queue: ListQueue, deployed: RecordingPoster
) -> None:
    body = {"conversation": {"type": 3, "target": "news"}, "content": {"type": 1}, "cid": "c", "base": 0}
    assert ok("ann", "send", body, "message")["seq"] == 1

    [job] = queue.jobs
    assert job.spread == Spread("news")
    for _ in range(2):
        jobs, queue.jobs = queue.jobs, []
        assert work(jobs) == {"batchItemFailures": []}

    [push] = deployed.frames["bob-socket"]
    assert push["body"]["conversation"] == {"type": 3, "target": "news", "line": 0}
    assert "ann-socket" not in deployed.frames


def test_a_destroyed_channels_subscribers_are_taken_out_by_the_worker(
    queue: ListQueue, deployed: RecordingPoster
) -> None:
    ok("ann", "destroy", {"channelId": "news"})

    assert work(queue.jobs) == {"batchItemFailures": []}

    assert deployed.frames["bob-socket"] == [{"push": "channel", "body": {"channelId": "news"}}]
    assert ok("bob", "mine", {}) == {"channels": [], "more": False}


def test_channels_are_changed_found_and_listed(queue: ListQueue) -> None:
    ok("ann", "modify", {"channelId": "news", "type": 7, "value": '[{"name": "Help", "subMenus": [{"name": "x"}]}]'})
    [found] = ok("bob", "search", {"keyword": "news"})["channels"]
    assert (found["secret"], found["menus"][0]["subMenus"][0]["name"]) == ("", "x")
    asked = [{"channelId": "news", "updateDt": found["updateDt"]}, {"channelId": "nowhere"}]
    assert ok("bob", "info", {"channels": asked}) == {"channels": [], "unknown": ["nowhere"], "rest": []}

    ok("ann", "transfer", {"channelId": "news", "newOwner": "bob"})

    assert ok("bob", "mine", {})["channels"] == [{"channelId": "news", "owned": True, "listened": True}]
    assert ok("bob", "mine", {"after": "news"}) == {"channels": [], "more": False}
