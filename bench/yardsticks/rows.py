"""A row per recipient: write diffusion, as classic chat servers do it.

A counter numbers the conversation's messages, the body is stored once, and every member gets a row in his inbox that points
to it; then the members' sockets are looked up and posted to. Each member reads one list, his own. What it costs is a write
for every member, online or not.
"""

import json
from functools import partial
from typing import Any

from bench.yardsticks.common import CONNECTIONS, dynamo, post_to
from im.platform.dynamo import Key, decode_item
from im.platform.parallel import run_all

COUNTERS, BODIES, INBOXES, MEMBERS = (f"yardstick-{name}" for name in ("counters", "bodies", "inboxes", "members"))
_BATCH = 25


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Serve all routes."""
    connection = event["requestContext"]["connectionId"]
    user = event["requestContext"]["authorizer"]["userId"]
    match event["requestContext"]["routeKey"]:
        case "$connect":
            item = {"user": {"S": user}, "connection": {"S": connection}}
            dynamo().client.put_item(TableName=CONNECTIONS, Item=item)
        case "$disconnect":
            dynamo().client.delete_item(TableName=CONNECTIONS, Key={"user": {"S": user}})
        case _:
            request = json.loads(event["body"])
            seq = _send(user, connection, request)
            answer = {"id": request["id"], "code": 0, "body": {"seq": seq}}
            return {"statusCode": 200, "body": json.dumps(answer)}
    return {"statusCode": 200}


def _send(user: str, connection: str, request: dict[str, Any]) -> int:
    conversation, text = request["body"]["conversation"], request["body"]["text"]
    seq = _next(conversation)
    place = f"{conversation}#{seq}"
    body = {"conversation": {"S": conversation}, "seq": {"S": f"{seq:012d}"}, "from": {"S": user}, "text": {"S": text}}
    dynamo().client.put_item(TableName=BODIES, Item=body)
    members = _members(conversation)
    rows = [{"user": member, "at": place} for member in members]
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    run_all([partial(dynamo().batch_put, INBOXES, batch) for batch in batches])
    found = dynamo().batch_get(Key(CONNECTIONS, (("user", member),)) for member in members)
    frame = json.dumps(
        {"push": "message", "body": {"conversation": conversation, "seq": seq, "from": user, "text": text}}
    )
    post_to([item["connection"] for item in found.values() if item["connection"] != connection], frame)
    return seq


def _next(conversation: str) -> int:
    answer = dynamo().client.update_item(
        TableName=COUNTERS,
        Key={"conversation": {"S": conversation}},
        UpdateExpression="ADD head_seq :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["head_seq"]["N"])


def _members(conversation: str) -> list[str]:
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = dynamo().client.query(
            TableName=MEMBERS,
            KeyConditionExpression="conversation = :c",
            ExpressionAttributeValues={":c": {"S": conversation}},
            **more,
        )
        found += [decode_item(item)["member"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
