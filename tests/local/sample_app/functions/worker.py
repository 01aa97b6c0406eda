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
    failed = [record["messageId"] for record in records if _fails(record)]
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in failed]}


def _fails(record: dict[str, Any]) -> bool:
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    return record["body"] == "poison" or (record["body"] == "second" and tries < 2)
