import json
from typing import Any

import pytest

from local.topology import Topology

WORK, DEAD, ORDERED = "Api-Work", "Api-Dead", "Api-Ordered.fifo"
CHAIN, CHAIN_DEAD = "Api-Chain.fifo", "Api-ChainDead.fifo"


def send(topology: Topology, *bodies: str, **more: Any) -> None:
    """Put messages into the work queue in one request."""
    entries = [{"Id": str(number), "MessageBody": body, **more} for number, body in enumerate(bodies)]
    url = topology.template.queues["Work"].url
    topology.cloud.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def batches(topology: Topology) -> list[list[dict[str, Any]]]:
    """The batches that the worker received, in the order of their receipt."""
    items = [item for item in topology.cloud.items("Storage-Things") if item["k"]["S"].startswith("batch-")]
    records: list[list[dict[str, Any]]] = [json.loads(item["records"]["S"]) for item in items]
    return sorted(records, key=lambda batch: batch[0]["attributes"]["ApproximateReceiveCount"])


def bodies(batch: list[dict[str, Any]]) -> list[str]:
    return [record["body"] for record in batch]


async def test_messages_arrive_in_batches_in_the_shape_of_lambda(sample: Topology) -> None:
    send(sample, "a", "b", MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}})
    await sample.settle()

    [batch] = batches(sample)
    assert bodies(batch) == ["a", "b"]
    record = batch[0]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == sample.template.queues["Work"].arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["kind"]["stringValue"] == "x"
    assert record["md5OfBody"] == "0cc175b9c0f1b6a831c399e269772661"
    assert sample.cloud.bodies(WORK) == []


async def test_a_batch_is_no_larger_than_the_mapping_says(sample: Topology) -> None:
    send(sample, *"abcdefg")
    await sample.settle()

    assert sorted(len(batch) for batch in batches(sample)) == [2, 5]


async def test_only_the_failed_messages_of_a_batch_come_again(sample: Topology) -> None:
    send(sample, "first", "second", "third")
    await sample.settle()

    first, second = batches(sample)
    assert bodies(first) == ["first", "second", "third"]
    assert bodies(second) == ["second"]
    assert second[0]["attributes"]["ApproximateReceiveCount"] == "2"
    assert second[0]["messageId"] == first[1]["messageId"]
    assert sample.cloud.bodies(WORK) == sample.cloud.bodies(DEAD) == []


async def test_a_failed_message_is_hidden_until_its_visibility_timeout_ends(sample: Topology) -> None:
    send(sample, "second")
    await sample.inside(sample.quiet())

    assert sample.cloud.bodies(WORK) == ["second"]
    assert 25_000 < (sample.cloud.due_in_ms(WORK) or 0) <= 30_000

    sample.clock.advance(seconds=31)
    await sample.inside(sample.quiet())

    assert sample.cloud.bodies(WORK) == []


async def test_a_message_that_keeps_failing_goes_to_the_dead_letter_queue(sample: Topology) -> None:
    send(sample, "poison", "fine")
    await sample.settle()

    assert [len(batch) for batch in batches(sample)] == [2, 1, 1]
    assert sample.cloud.bodies(DEAD) == ["poison"]


@pytest.mark.parametrize("body", ["crash", "nonsense"])
async def test_a_crash_and_an_answer_that_makes_no_sense_fail_the_whole_batch(sample: Topology, body: str) -> None:
    send(sample, body, "innocent")
    await sample.settle()

    assert [len(batch) for batch in batches(sample)] == [2, 2, 2]
    assert sorted(sample.cloud.bodies(DEAD)) == sorted([body, "innocent"])


async def test_a_delayed_message_is_delivered_by_settle_without_waiting(sample: Topology) -> None:
    send(sample, "later", DelaySeconds=900)
    await sample.inside(sample.quiet())
    assert batches(sample) == []

    await sample.settle()

    assert [bodies(batch) for batch in batches(sample)] == [["later"]]


async def test_settle_does_not_advance_the_clock(sample: Topology) -> None:
    before = sample.clock.now_ms()
    send(sample, "poison")
    await sample.settle()

    assert sample.clock.now_ms() - before < 20_000


async def test_a_fifo_queue_keeps_the_order_of_a_group_and_drops_repetitions(sample: Topology) -> None:
    sqs = sample.cloud.client("sqs")
    url = sample.template.queues["Ordered"].url
    for number in (*range(8), 0, 1):
        sqs.send_message(QueueUrl=url, MessageBody=f"m{number}", MessageGroupId="g")
    await sample.settle()

    received = [body for batch in batches_in_order(sample) for body in bodies(batch)]
    assert received == [f"m{number}" for number in range(8)]


def batches_in_order(topology: Topology) -> list[list[dict[str, Any]]]:
    return sorted(batches(topology), key=lambda batch: int(batch[0]["body"][1:]))


async def test_messages_of_a_fifo_group_wait_for_a_failed_one_that_was_before_them(sample: Topology) -> None:
    sqs = sample.cloud.client("sqs")
    url = sample.template.queues["Ordered"].url
    entries = [
        {"Id": str(number), "MessageBody": body, "MessageGroupId": "g"}
        for number, body in enumerate(["second", "a", "b", "c", "d", "late"])
    ]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    await sample.settle()

    assert [bodies(batch) for batch in batches(sample)] == [["second", "a", "b", "c", "d"], ["second", "late"]]


def chain(topology: Topology, *messages: str) -> None:
    """Put messages, each with its group before a colon, into the queue whose batches have one message."""
    entries = [
        {
            "Id": str(number),
            "MessageBody": message.partition(":")[2],
            "MessageGroupId": message.partition(":")[0],
            "MessageDeduplicationId": message.replace(":", "-"),
        }
        for number, message in enumerate(messages)
    ]
    topology.cloud.client("sqs").send_message_batch(QueueUrl=topology.template.queues["Chain"].url, Entries=entries)


def handled(topology: Topology) -> list[str]:
    """The bodies of batches of one, in the order of their receipt."""
    items = [item for item in topology.cloud.items("Storage-Things") if item["k"]["S"].startswith("batch-")]
    return [json.loads(item["records"]["S"])[0]["body"] for item in items]


async def test_a_failed_message_holds_up_its_own_group_only(sample: Topology) -> None:
    chain(sample, "g:second", "g:after", "h:other")
    await sample.inside(sample.quiet())
    assert sorted(handled(sample)) == ["other", "second"]

    await sample.settle()
    assert sorted(handled(sample)) == ["after", "other", "second", "second"]
    assert sample.cloud.bodies(CHAIN) == sample.cloud.bodies(CHAIN_DEAD) == []


async def test_a_worker_says_when_a_failed_message_comes_again(sample: Topology) -> None:
    chain(sample, "g:backoff", "g:after")
    await sample.inside(sample.quiet())

    assert 4_000 < (sample.cloud.due_in_ms(CHAIN) or 0) <= 5_000
    assert handled(sample) == ["backoff"]

    sample.clock.advance(seconds=6)
    await sample.inside(sample.quiet())

    assert sorted(handled(sample)) == ["after", "backoff", "backoff"]


async def test_a_group_goes_on_without_its_dead_letter_which_can_be_redriven(sample: Topology) -> None:
    chain(sample, "g:poison", "g:after")
    await sample.settle()

    assert sorted(handled(sample)) == ["after", "poison", "poison", "poison"]
    assert sample.cloud.bodies(CHAIN_DEAD) == ["poison"]

    sample.redrive("Chain")
    assert sample.cloud.bodies(CHAIN_DEAD) == []
    await sample.settle()

    assert handled(sample).count("poison") == 6
    assert sample.cloud.bodies(CHAIN_DEAD) == ["poison"]


async def test_a_topics_messages_reach_the_subscribed_queue_through_the_filter(sample: Topology) -> None:
    sns = sample.cloud.client("sns")
    for kind in ("work", "other"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=sample.template.topics["News"].arn, Message=kind, MessageAttributes=attributes)
    await sample.settle()

    assert [bodies(batch) for batch in batches(sample)] == [["work"]]


async def test_duplicated_deliveries_have_the_same_messages_twice(sample: Topology) -> None:
    sample.faults.duplicate(WORK, times=1)
    send(sample, "a", "b")
    await sample.settle()

    assert [bodies(batch) for batch in batches(sample)] == [["a", "b"], ["a", "b"]]
    assert [fault.action for fault in sample.faults.fired] == ["duplicate"]


async def test_reordered_deliveries_have_another_order(sample: Topology) -> None:
    sample.faults.reorder(WORK)
    send(sample, *"abcde")
    await sample.settle()

    [batch] = batches(sample)
    assert sorted(bodies(batch)) == list("abcde") != bodies(batch)


async def test_a_worker_that_is_killed_gets_its_batch_again(sample: Topology) -> None:
    sample.faults.on(function="Worker", action="kill_after")
    send(sample, "a")
    await sample.settle()

    assert [batch[0]["attributes"]["ApproximateReceiveCount"] for batch in batches(sample)] == ["1", "2"]
    assert sample.cloud.bodies(WORK) == []


async def test_messages_that_can_never_be_handled_are_named_when_nothing_settles(sample: Topology) -> None:
    sqs = sample.cloud.client("sqs")
    url = sample.template.queues["Ordered"].url
    sqs.send_message(QueueUrl=url, MessageBody="poison", MessageGroupId="g")

    with pytest.raises(TimeoutError, match=ORDERED):
        await sample.settle()


async def test_a_partly_filled_batch_waits_for_the_batching_window(sample: Topology) -> None:
    sample.pumps[WORK].window_s = 300
    send(sample, "a")
    await sample.inside(sample.quiet())
    assert batches(sample) == []

    send(sample, *"bcde")
    await sample.inside(sample.quiet())
    assert [bodies(batch) for batch in batches(sample)] == [list("abcde")]

    send(sample, "f")
    await sample.settle()
    assert sorted(bodies(batch) for batch in batches(sample)) == [list("abcde"), ["f"]]
