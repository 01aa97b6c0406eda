from typing import Any

import pytest

from local.meter import Measurement, item_size, prices
from local.topology import Topology
from tests.local.raw import Dial
from tests.local.test_functions import do
from tests.local.test_pumps import send

THINGS, ROWS = "Storage-Things", "Storage-Rows"


def text(size: int) -> dict[str, str]:
    return {"S": "x" * size}


async def cost(topology: Topology, operation: str, service: str = "dynamodb", **arguments: Any) -> Measurement:
    """What one call of the socket function costs."""
    with topology.meter.measure() as measured:
        await do(topology, do="call", service=service, operation=operation, arguments=arguments)
    return measured


async def written(topology: Topology, operation: str, **arguments: Any) -> float:
    return (await cost(topology, operation, **arguments)).units("dynamodb.write")


async def read(topology: Topology, operation: str, **arguments: Any) -> float:
    return (await cost(topology, operation, **arguments)).units("dynamodb.read")


def fill(topology: Topology, count: int, size: int) -> None:
    """Rows of one partition, each of exactly ``size`` bytes: p, n (two bytes of number) and x."""
    items = [{"p": {"S": "p"}, "n": {"N": str(number)}, "x": text(size - 6)} for number in range(1, count + 1)]
    assert {item_size(item) for item in items[:9]} == {size}
    topology.cloud.put_items(ROWS, items)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "grüß"}, 6),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "-12"}, 3),
        ({"N": "1795370693420"}, 7),
        ({"N": "1000000"}, 2),
        ({"N": "0.5"}, 2),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"B": "YWJj"}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"key": {"S": "v"}}}, 3 + 1 + 3 + 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "22"]}, 4),
    ],
)
def test_sizes_of_values_follow_the_documented_rules(value: dict[str, Any], size: int) -> None:
    assert item_size({"a": value}) == 1 + size


@pytest.mark.parametrize(("size", "units"), [(10, 1), (1024 - 3, 1), (1025 - 3, 2), (5000, 5)])
async def test_a_put_costs_a_unit_for_each_begun_kilobyte(sample: Topology, size: int, units: int) -> None:
    assert await written(sample, "put_item", TableName=THINGS, Item={"k": {"S": "k"}, "x": text(size)}) == units


async def test_a_write_costs_the_larger_of_the_item_before_and_after(sample: Topology) -> None:
    key = {"k": {"S": "k"}}
    sample.cloud.put_items(THINGS, [{**key, "x": text(3000)}])

    assert await written(sample, "put_item", TableName=THINGS, Item=key) == 3
    values = {":x": text(2000)}
    update = {"UpdateExpression": "SET x = :x", "ExpressionAttributeValues": values}
    assert await written(sample, "update_item", TableName=THINGS, Key=key, **update) == 2
    assert await written(sample, "delete_item", TableName=THINGS, Key=key) == 2
    assert await written(sample, "delete_item", TableName=THINGS, Key=key) == 1


async def test_a_refused_condition_costs_as_much_as_a_write_of_what_is_there(sample: Topology) -> None:
    key = {"k": {"S": "k"}}
    sample.cloud.put_items(THINGS, [{**key, "x": text(3000)}])
    condition = {"ConditionExpression": "attribute_not_exists(k)"}

    assert await written(sample, "put_item", TableName=THINGS, Item=key, **condition) == 3


async def test_a_request_that_is_not_valid_costs_nothing(sample: Topology) -> None:
    assert await written(sample, "put_item", TableName=THINGS, Item={"wrong": {"S": "key"}}) == 0


async def test_an_index_costs_only_when_its_entry_changes(sample: Topology) -> None:
    async def put(**attributes: dict[str, str]) -> float:
        return await written(sample, "put_item", TableName=THINGS, Item={"k": {"S": "k"}, **attributes})

    assert await put() == 1
    assert await put(g=text(1)) == 1 + 1
    assert await put(g=text(1), other=text(5)) == 1 + 0
    assert await put(g=text(2)) == 1 + 2
    assert await put() == 1 + 1


async def test_a_get_costs_half_a_unit_for_each_begun_four_kilobytes_and_one_when_consistent(sample: Topology) -> None:
    sample.cloud.put_items(THINGS, [{"k": {"S": "small"}}, {"k": {"S": "big"}, "x": text(4096)}])

    for key, units in (("small", 0.5), ("big", 1.0), ("missing", 0.5)):
        arguments = {"TableName": THINGS, "Key": {"k": {"S": key}}}
        assert await read(sample, "get_item", **arguments) == units
        assert await read(sample, "get_item", ConsistentRead=True, **arguments) == 2 * units
        assert await read(sample, "get_item", ProjectionExpression="k", **arguments) == units


async def test_a_batch_get_rounds_every_item_up(sample: Topology) -> None:
    sample.cloud.put_items(THINGS, [{"k": {"S": "small"}}, {"k": {"S": "big"}, "x": text(4096)}])
    fill(sample, 1, 100)
    request = {
        THINGS: {"Keys": [{"k": {"S": key}} for key in ("small", "big", "missing")]},
        ROWS: {"Keys": [{"p": {"S": "p"}, "n": {"N": "1"}}], "ConsistentRead": True},
    }

    assert await read(sample, "batch_get_item", RequestItems=request) == 0.5 + 1 + 0.5 + 1


async def test_a_query_costs_what_it_examined_whatever_it_returns(sample: Topology) -> None:
    fill(sample, 9, 1000)
    query = {
        "TableName": ROWS,
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": "p"},
        "ExpressionAttributeValues": {":p": {"S": "p"}},
    }
    filtered = {
        **query,
        "FilterExpression": "#f = :f",
        "ExpressionAttributeNames": {"#p": "p", "#f": "nothing"},
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":f": {"S": "x"}},
    }

    assert await read(sample, "query", **query) == 0.5 * 3
    assert await read(sample, "query", ConsistentRead=True, **query) == 3
    assert await read(sample, "query", Limit=4, **query) == 0.5
    assert await read(sample, "query", Select="COUNT", **query) == 0.5 * 3
    assert await read(sample, "query", ProjectionExpression="n", **query) == 0.5 * 3
    assert await read(sample, "query", **filtered) == 0.5 * 3
    assert await read(sample, "scan", TableName=ROWS) == 0.5 * 3
    assert await read(sample, "query", **{**query, "ExpressionAttributeValues": {":p": {"S": "none"}}}) == 0.5


async def test_a_query_of_an_index_costs_the_size_of_its_entries(sample: Topology) -> None:
    sample.cloud.put_items(THINGS, [{"k": {"S": str(n)}, "g": text(1), "x": text(4000)} for n in range(5)])
    values = {":g": text(1)}
    query = {"IndexName": "by_g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": values}

    assert await read(sample, "query", TableName=THINGS, **query) == 0.5


async def test_transactions_cost_double(sample: Topology) -> None:
    put = {"Put": {"TableName": THINGS, "Item": {"k": {"S": "k"}, "g": text(1)}}}
    check = {
        "ConditionCheck": {
            "TableName": ROWS,
            "Key": {"p": {"S": "p"}, "n": {"N": "1"}},
            "ConditionExpression": "attribute_not_exists(p)",
        }
    }
    get = {"Get": {"TableName": THINGS, "Key": {"k": {"S": "k"}}}}

    assert await written(sample, "transact_write_items", TransactItems=[put, check]) == 2 * (1 + 1 + 1)
    assert await read(sample, "transact_get_items", TransactItems=[get]) == 2


async def test_batch_writes_cost_the_sum_of_their_items(sample: Topology) -> None:
    sample.cloud.put_items(THINGS, [{"k": {"S": "old"}, "x": text(1500)}])
    requests = [
        {"PutRequest": {"Item": {"k": {"S": "new"}, "x": text(1100)}}},
        {"DeleteRequest": {"Key": {"k": {"S": "old"}}}},
    ]

    assert await written(sample, "batch_write_item", RequestItems={THINGS: requests}) == 4


async def test_queue_requests_are_billed_by_64_kilobytes(sample: Topology) -> None:
    url = sample.template.queues["Log"].url
    fifo = sample.template.queues["Ordered"].url
    entries = [{"Id": str(number), "MessageBody": "x" * 10_000} for number in range(10)]

    one = await cost(sample, "send_message", "sqs", QueueUrl=url, MessageBody="x")
    batch = await cost(sample, "send_message_batch", "sqs", QueueUrl=url, Entries=entries)
    ordered = await cost(sample, "send_message", "sqs", QueueUrl=fifo, MessageBody="x", MessageGroupId="g")

    assert one.units("sqs.request") == 1
    assert batch.units("sqs.request") == 2
    assert ordered.units("sqs.request") == 0
    assert ordered.units("sqs.fifo_request", function="Socket") == 1


async def test_an_event_source_costs_a_receive_and_a_delete_for_each_batch(sample: Topology) -> None:
    with sample.meter.measure() as measured:
        send(sample, *"abcdefg")
        await sample.settle()

    assert measured.units("sqs.request") == 2 + 2
    assert measured.units("lambda.request", function="Worker") == 2


async def test_publishing_and_secrets_and_objects_are_counted(sample: Topology) -> None:
    topic = sample.template.topics["News"].arn
    published = await cost(sample, "publish", "sns", TopicArn=topic, Message="x" * 70_000)
    secret = await cost(sample, "get_secret_value", "secretsmanager", SecretId=sample.template.secrets["Secret"].arn)
    stored = await cost(sample, "put_object", "s3", Bucket="storage-media", Key="k", Body="x")
    fetched = await cost(sample, "get_object", "s3", Bucket="storage-media", Key="k")

    assert published.units("sns.publish") == 2
    assert secret.units("secrets.request") == 1
    assert (stored.units("s3.write"), fetched.units("s3.read")) == (1, 1)


async def test_socket_messages_are_billed_by_32_kilobytes_in_both_directions(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    [connection] = sample.gateway.sessions
    with sample.meter.measure() as measured:
        await raw.ask(do="big", size=40_000)
        raw.send({"route": "do", "do": "post", "to": [connection], "size": 70_000})
        await sample.settle()

    [post] = measured.calls(service="socket")
    assert (post.function, post.operation, post.units["socket.message"]) == ("Socket", "post", 3)
    assert measured.units("socket.message", resource="do") == 2
    assert measured.units("socket.message") == 2 + 3 + (2 + 1)
    assert measured.units("egress.byte") == 40_002 + 70_000 + len('"posted"')


async def test_connections_are_billed_by_begun_minutes(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    sample.clock.advance(seconds=90)
    with sample.meter.measure() as measured:
        await raw.leave()
        await sample.settle()

    assert measured.units("socket.minute") == 2


async def test_invocations_cost_memory_and_time(sample: Topology) -> None:
    await do(sample, do="echo")
    with sample.meter.measure() as measured:
        await do(sample, do="sleep", seconds=0.4)

    assert measured.units("lambda.request") == 1
    assert 0.1 <= measured.units("lambda.gb_second") < 1


async def test_what_happens_outside_of_a_measurement_or_by_the_runner_is_not_in_it(sample: Topology) -> None:
    await do(sample, do="echo")
    with sample.meter.measure() as measured:
        sample.cloud.client("dynamodb").get_item(TableName=THINGS, Key={"k": {"S": "x"}})
    await do(sample, do="echo")

    assert measured.records == []


async def test_calls_of_one_invocation_are_listed_in_order(sample: Topology) -> None:
    with sample.meter.measure() as measured:
        await do(sample, do="put", item={"k": {"S": "k"}})

    calls = measured.calls(function="Socket")
    assert [(call.service, call.operation, call.resource) for call in calls] == [("dynamodb", "PutItem", THINGS)] * 2
    assert len({call.invocation for call in calls}) == 1
    assert not any(call.helper for call in calls)


async def test_dollars_follow_the_price_file(sample: Topology) -> None:
    measured = await cost(sample, "put_item", TableName=THINGS, Item={"k": {"S": "k"}})

    totals = measured.totals()
    assert totals["dynamodb.write"] == pytest.approx(0.625e-6)
    assert totals["lambda.request"] == pytest.approx(0.2e-6)
    assert measured.usd == pytest.approx(sum(totals.values()))
    assert "dynamodb.write" in measured.table(1_000_000)
    assert " 0.625000" in measured.table(1_000_000)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(KeyError):
        Measurement().units("dynamodb.writes")


def test_the_price_file_has_the_list_prices() -> None:
    assert prices()["socket.message"].usd == 1.0
    assert prices()["lambda.gb_second"].usd == pytest.approx(0.0000133334)
