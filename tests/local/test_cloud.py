import gc
import sys
import threading
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.dynamo_type import DynamoType

from local.topology import Topology

THINGS, ROWS = "Storage-Things", "Storage-Rows"
THREADS = 8


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("hasty_threads")
def test_a_conditional_put_has_one_winner(sample: Topology) -> None:
    client = sample.cloud.client("dynamodb")
    won: list[int] = []

    def race(_: int) -> None:
        for key in range(25):
            try:
                client.put_item(
                    TableName=THINGS, Item={"k": {"S": str(key)}}, ConditionExpression="attribute_not_exists(k)"
                )
            except ClientError:
                continue
            won.append(key)

    at_once(race)

    assert sorted(won) == list(range(25))


@pytest.mark.usefixtures("hasty_threads")
def test_no_addition_is_lost(sample: Topology) -> None:
    client = sample.cloud.client("dynamodb")

    def add(_: int) -> None:
        for _ in range(25):
            client.update_item(
                TableName=THINGS,
                Key={"k": {"S": "sum"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    at_once(add)

    item = sample.cloud.item(THINGS, {"k": {"S": "sum"}})
    assert item is not None
    assert item["n"] == {"N": str(25 * THREADS)}


@pytest.mark.usefixtures("hasty_threads")
def test_transactions_and_puts_at_the_same_time_lose_nothing(sample: Topology) -> None:
    client = sample.cloud.client("dynamodb")

    def write(number: int) -> None:
        for step in range(10):
            key = {"S": f"{number}-{step}"}
            if number % 2:
                client.put_item(TableName=THINGS, Item={"k": key})
            else:
                client.transact_write_items(TransactItems=[{"Put": {"TableName": THINGS, "Item": {"k": key}}}])

    at_once(write)

    assert len(list(sample.cloud.items(THINGS))) == 10 * THREADS


@pytest.mark.usefixtures("hasty_threads")
def test_a_queues_message_is_received_once(sample: Topology) -> None:
    client = sample.cloud.client("sqs")
    url = sample.template.queues["Log"].url
    for number in range(20):
        client.send_message(QueueUrl=url, MessageBody=str(number))
    received: list[str] = []

    def receive(_: int) -> None:
        for _ in range(5):
            answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
            received.extend(message["Body"] for message in answer.get("Messages", []))

    at_once(receive)

    assert sorted(received, key=int) == [str(number) for number in range(20)]


def test_a_query_sees_one_partition_in_order(sample: Topology) -> None:
    items = [{"p": {"S": p}, "n": {"N": str(n)}} for p in ("a", "b") for n in (10, 9, 2, 1)]
    sample.cloud.put_items(ROWS, items)

    def numbers(partition: str, **arguments: object) -> list[int]:
        answer = sample.cloud.client("dynamodb").query(
            TableName=ROWS,
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues={":p": {"S": partition}},
            **arguments,
        )
        return [int(item["n"]["N"]) for item in answer["Items"]]

    assert numbers("a") == [1, 2, 9, 10]
    assert numbers("b", ScanIndexForward=False, Limit=2) == [10, 9]
    assert numbers("a", ExclusiveStartKey={"p": {"S": "a"}, "n": {"N": "2"}}) == [9, 10]
    assert numbers("c") == []


def test_what_was_replaced_is_not_kept(sample: Topology) -> None:
    client = sample.cloud.client("dynamodb")
    item = {"k": {"S": "one"}, "text": {"S": "x"}}
    client.put_item(TableName=THINGS, Item=item)
    gc.collect()
    before = sum(isinstance(each, DynamoType) for each in gc.get_objects())

    for _ in range(20):
        client.put_item(TableName=THINGS, Item=item)
        client.transact_write_items(TransactItems=[{"Put": {"TableName": THINGS, "Item": item}}])

    gc.collect()
    assert sum(isinstance(each, DynamoType) for each in gc.get_objects()) < before + 10


def test_tables_have_their_index_and_time_to_live(sample: Topology) -> None:
    client = sample.cloud.client("dynamodb")

    described = client.describe_table(TableName=THINGS)["Table"]
    ttl = client.describe_time_to_live(TableName=THINGS)["TimeToLiveDescription"]

    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["by_g"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_a_secret_has_a_random_value_of_the_templates_length_and_can_be_rotated(sample: Topology) -> None:
    secret = sample.template.secrets["Secret"]
    client = sample.cloud.client("secretsmanager")
    first = client.get_secret_value(SecretId=secret.arn)["SecretString"]

    sample.cloud.set_secret(secret.name, "next")

    assert len(first) >= secret.length
    assert first == sample.secrets["Secret"]
    assert client.get_secret_value(SecretId=secret.arn)["SecretString"] == "next"
    previous = client.get_secret_value(SecretId=secret.arn, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == first


def test_any_client_of_the_process_reaches_the_cloud(sample: Topology) -> None:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")

    assert sorted(session.client("dynamodb").list_tables()["TableNames"]) == [ROWS, THINGS]


def test_an_operation_that_dynamodb_refuses_is_an_error_of_the_runner(sample: Topology) -> None:
    with pytest.raises(RuntimeError, match="ResourceNotFoundException"):
        sample.cloud.dynamodb("Query", {"TableName": "absent", "KeyConditionExpression": "k = :k"})
