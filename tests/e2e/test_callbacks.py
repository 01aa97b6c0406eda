"""The business back end over real HTTP: every kind of event, a back end that is down and comes back, a reviewer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from im.callback.model import HOPELESS_ATTEMPTS, OPEN_AFTER, Event
from im.platform.webhooks import signature
from local.topology import Topology
from tests.e2e.context import tell_functions
from tests.e2e.receiver import Receiver

pytestmark = pytest.mark.xdist_group("topology")

CENSOR = "/message/censor"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def topology(receiver: Receiver) -> Iterator[Topology]:
    told: dict[str, Any] = {event.value: f"{receiver.origin}/{event.name.lower()}" for event in Event}
    told |= {
        "sensitive.remote_server_url": receiver.origin + CENSOR,
        "sensitive.remote_sensitive_message_type": "7",
        "sensitive.remote_fail_when_matched": True,
        "im.review_timeout_ms": 300,
        "im.seed_demo_objects": False,
    }
    with tell_functions(
        Topology.from_cdk(), **{key.replace(".", "__"): value for key, value in told.items()}
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(receiver: Receiver) -> None:
    receiver.got.clear()
    receiver.answers.clear()
    receiver.replies.clear()
    receiver.delay_s = 0.0


async def admin(topology: Topology, path: str, **body: Any) -> Any:
    answer = await topology.admin(path, body)
    assert answer["code"] == 0, (path, answer)
    return answer.get("result")


async def say(topology: Topology, text: str, kind: int = 1, target: str = "bob", **more: Any) -> Any:
    payload = {"type": kind, "searchableContent": text, "persistFlag": 3, **more}
    conv = {"type": 0, "target": target}
    return await topology.admin(
        "/admin/message/send", {"sender": "ann", "conv": conv, "payload": payload, "isUserMessage": True}
    )


def told(receiver: Receiver, event: Event) -> list[dict[str, Any]]:
    return [json.loads(body) for headers, body in receiver.got if headers[":path"] == f"/{event.name.lower()}"]


async def pass_time(topology: Topology) -> None:
    """A minute for the queues, in which what waits is tried a few times."""
    for _ in range(3):
        await topology.quiet()
        topology.cloud.put_queues_forward(20_000)
        for pump in topology.pumps.values():
            pump.poll(now=True)
    await topology.quiet()


async def test_every_kind_of_event_arrives_signed(topology: Topology, receiver: Receiver) -> None:
    await admin(topology, "/admin/user/create", userId="ann", name="ann", displayName="Ann")
    bob = await topology.socket("bob", "bobs-phone", 2)
    sent = (await say(topology, "hello @bob", mentionedType=1, mentionedTarget=["bob"]))["result"]
    await bob.call("message", "read", {"conversation": {"type": 0, "target": "ann"}, "seq": 1})
    await admin(topology, "/admin/message/recall", operator="ann", messageUid=sent["messageUid"])
    await admin(topology, "/admin/friend/status", userId="ann", friendUid="bob", status=0)
    group = {"group_info": {"target_id": "team", "name": "Team", "owner": "ann"}, "members": [{"member_id": "bob"}]}
    await admin(topology, "/admin/group/create", operator="ann", group=group)
    await admin(topology, "/admin/group/member/add", operator="ann", group_id="team", members=[{"member_id": "cem"}])
    await admin(topology, "/admin/chatroom/create", chatroomId="hall", title="Hall")
    await bob.call("chatroom", "join", {"chatroomId": "hall"})
    await bob.close()
    await topology.settle()

    arrived = {event for event in Event if told(receiver, event)}
    assert set(Event) - arrived <= {Event.SENSITIVE, Event.CHANNEL}
    assert [body["status"] for body in told(receiver, Event.ONLINE)] == [0, 1]
    assert told(receiver, Event.FORWARD)[0]["messageId"] == sent["messageUid"]
    assert told(receiver, Event.RECALL)[0]["message"]["payload"]["searchableContent"] == "hello @bob"
    secret = topology.secrets["CallbackSecret"]
    for headers, body in receiver.got:
        expected = signature(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        assert headers["webhook-signature"] == expected
    names = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(set(names)) == len(names)


async def test_a_back_end_that_stumbles_gets_a_conversation_in_order(topology: Topology, receiver: Receiver) -> None:
    receiver.answers = [503, 500]
    for number in range(4):
        await say(topology, f"m{number}", target="carl")
    await topology.settle()

    texts = [body["payload"]["searchableContent"] for body in told(receiver, Event.FORWARD)]
    assert texts == ["m0", "m0", "m0", "m1", "m2", "m3"]


async def test_a_back_end_that_is_down_slows_nobody_and_gets_everything_when_it_is_back(
    topology: Topology, receiver: Receiver
) -> None:
    receiver.replies["/forward"] = (503, b"")
    for number in range(OPEN_AFTER + 2):
        assert (await say(topology, f"to {number}", target=f"user{number}"))["code"] == 0
    await topology.inside(pass_time(topology))
    assert not topology.cloud.bodies(topology.template.queues["CallbackQueueDlq"].name)

    receiver.replies.clear()
    receiver.got.clear()
    topology.clock.advance(minutes=6)
    await topology.settle()

    texts = {body["payload"]["searchableContent"] for body in told(receiver, Event.FORWARD)}
    assert texts == {f"to {number}" for number in range(OPEN_AFTER + 2)}


async def test_a_reviewer_rejects_replaces_and_may_be_late(topology: Topology, receiver: Receiver) -> None:
    receiver.replies[CENSOR] = (403, b"")
    assert (await say(topology, "bad", 7, "dora"))["code"] == 242

    receiver.replies[CENSOR] = (200, json.dumps({"type": 7, "searchableContent": "g**d"}).encode())
    assert (await say(topology, "good", 7, "dora"))["code"] == 0

    receiver.delay_s = 0.6
    assert (await say(topology, "late", 7, "dora"))["code"] == 0
    receiver.delay_s = 0.0
    await topology.settle()

    shown = [json.loads(body) for headers, body in receiver.got if headers[":path"] == CENSOR]
    assert [body["payload"]["searchableContent"] for body in shown] == ["bad", "good", "late"]
    texts = [body["payload"]["searchableContent"] for body in told(receiver, Event.FORWARD)]
    assert texts == ["g**d", "late"]


async def test_what_the_back_end_refuses_ends_among_the_dead_letters_and_can_be_sent_again(
    topology: Topology, receiver: Receiver
) -> None:
    receiver.replies["/forward"] = (400, b"")
    await say(topology, "refused", target="erna")
    await topology.settle()
    assert len(told(receiver, Event.FORWARD)) == HOPELESS_ATTEMPTS

    receiver.replies.clear()
    receiver.got.clear()
    topology.redrive("CallbackQueue")
    await topology.settle()

    assert [body["payload"]["searchableContent"] for body in told(receiver, Event.FORWARD)] == ["refused"]
