"""Broadcast by scan: the design of AWS's public WebSocket chat sample.

A table holds the open connections, nothing else. Whoever sends makes the function scan that table and post the message to
every connection in it, his own included. Nothing is stored, nothing is acknowledged, and everybody gets everything: it is a
chat of one room, whose every message costs a post for every socket of the whole service.
"""

from typing import Any

from bench.yardsticks.common import CONNECTIONS, dynamo, post_to


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Serve all routes."""
    connection = event["requestContext"]["connectionId"]
    client = dynamo().client
    match event["requestContext"]["routeKey"]:
        case "$connect":
            client.put_item(TableName=CONNECTIONS, Item={"connection": {"S": connection}})
        case "$disconnect":
            client.delete_item(TableName=CONNECTIONS, Key={"connection": {"S": connection}})
        case _:
            for gone in post_to(_everybody(), event["body"]):
                client.delete_item(TableName=CONNECTIONS, Key={"connection": {"S": gone}})
    return {"statusCode": 200}


def _everybody() -> list[str]:
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = dynamo().client.scan(TableName=CONNECTIONS, ProjectionExpression="#c", **_NAMES, **more)
        found += [item["connection"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


_NAMES = {"ExpressionAttributeNames": {"#c": "connection"}}
