"""Handles batches of a queue: bodies say what happens, and every batch is written to a table."""

import json
import os
from typing import Any

import boto3


def handler(event: dict[str, Any], context: Any) -> Any:
    table = boto3.session.Session().client("dynamodb", region_name="us-east-1")
    records = event["Records"]
    table.put_item(
        TableName=os.environ["TABLE"],
        Item={"k": {"S": f"batch-{context.aws_request_id}"}, "records": {"S": json.dumps(records)}},
    )
    if any(record["body"] == "crash" for record in records):
        raise RuntimeError("the whole batch")
    if any(record["body"] == "nonsense" for record in records):
        return {"batchItemFailures": [{"itemIdentifier": "unknown"}]}
    for record in records:
        if record["body"].startswith("backoff"):
            _hide(record, seconds=5)
    failed = [record["messageId"] for record in records if _fails(record)]
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def _fails(record: dict[str, Any]) -> bool:
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    return record["body"] == "poison" or (record["body"] in ("second", "backoff") and tries < 2)


def _hide(record: dict[str, Any], seconds: int) -> None:
    sqs = boto3.session.Session().client("sqs", region_name="us-east-1")
    account, name = record["eventSourceARN"].split(":")[-2:]
    sqs.change_message_visibility(
        QueueUrl=f"https://sqs.us-east-1.amazonaws.com/{account}/{name}",
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=seconds,
    )
