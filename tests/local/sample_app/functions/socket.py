"""Does what the frame's ``do`` says; connects and disconnects are kept in a table."""

import json
import os
import sys
import threading
import time
from typing import Any

import boto3

from im import counter

_state = {"invocations": 0}


def _client(service: str) -> Any:
    return boto3.session.Session().client(service, region_name=os.environ["AWS_REGION"])


def _posts() -> Any:
    endpoint = os.environ["SOCKET_ENDPOINT"]
    return boto3.session.Session().client("apigatewaymanagementapi", endpoint_url=endpoint, region_name="us-east-1")


def handler(event: dict[str, Any], context: Any) -> Any:
    _state["invocations"] += 1
    counter.calls += 1
    request = event["requestContext"]
    match request["routeKey"]:
        case "$connect":
            return _connect(event)
        case "$disconnect":
            _client("sqs").send_message(QueueUrl=os.environ["LOG_QUEUE"], MessageBody=json.dumps(event))
            return {"statusCode": 200}
    frame = json.loads(event["body"]) if request["routeKey"] != "$default" else {"do": "echo"}
    answer = _do(frame, event, context)
    return (
        answer
        if isinstance(answer, dict) and "statusCode" in answer
        else {"statusCode": 200, "body": json.dumps(answer)}
    )


def _connect(event: dict[str, Any]) -> dict[str, Any]:
    query = event.get("queryStringParameters") or {}
    if query.get("connect") == "crash":
        raise RuntimeError("no")
    if query.get("connect") == "post":
        connection = event["requestContext"]["connectionId"]
        try:
            _posts().post_to_connection(ConnectionId=connection, Data=b"too early")
        except Exception as error:
            return {"statusCode": int(error.response["ResponseMetadata"]["HTTPStatusCode"])}
    offered = event["headers"].get("Sec-WebSocket-Protocol", "")
    headers = {"sec-websocket-protocol": offered.split(",")[0]} if offered else {}
    return {"statusCode": int(query.get("connect", 200)), "headers": headers}


def _do(frame: dict[str, Any], event: dict[str, Any], context: Any) -> Any:
    match frame.get("do", "echo"):
        case "event":
            return event
        case "context":
            return {
                "name": context.function_name,
                "memory": context.memory_limit_in_mb,
                "request": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(),
            }
        case "environment":
            return dict(os.environ)
        case "set":
            os.environ["LEAK"] = "yes"
            return "set"
        case "state":
            return {**_state, "module": counter.calls, "now": counter.default_clock(), "loaded": sorted(_own_modules())}
        case "threads":
            return _in_thread()
        case "raise":
            raise ValueError("as asked")
        case "sleep":
            time.sleep(frame["seconds"])
            return "slept"
        case "await":
            key = {"k": {"S": frame["key"]}}
            while "Item" not in _client("dynamodb").get_item(TableName=os.environ["TABLE"], Key=key):
                time.sleep(0.01)
            return "seen"
        case "late":
            time.sleep(frame["seconds"])
            _client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=frame["item"])
            return "late"
        case "big":
            return "x" * frame["size"]
        case "bytes":
            return {"statusCode": 200, "body": b"no text"}
        case "malformed":
            return {"statusCode": 200, "body": {"not": "text"}}
        case "print":
            sys.stdout.write("out of the function\n")
            sys.stderr.write("error of the function\n")
            return "printed"
        case "put":
            _client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=frame["item"])
            _client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=frame["item"])
            return "put"
        case "steps":
            for key in frame["items"]:
                _client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"k": {"S": key}})
            return "all"
        case "stubborn":
            for key in frame["items"]:
                try:
                    _client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"k": {"S": key}})
                except BaseException:
                    continue
            return "all"
        case "post":
            data = frame.get("text", "x" * frame.get("size", 0)).encode()
            for connection in frame["to"]:
                _posts().post_to_connection(ConnectionId=connection, Data=data)
            return "posted"
        case "status":
            return _statuses(frame["call"], frame["to"])
        case "call":
            return _call(frame["service"], frame["operation"], frame["arguments"])
    return {"body": event["body"]}


def _own_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in ("im", "functions")]


def _in_thread() -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def look() -> None:
        seen["table"] = os.environ.get("TABLE")
        _client("dynamodb").get_item(TableName=os.environ["TABLE"], Key={"k": {"S": "x"}})

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return seen


def _statuses(call: str, connection: str) -> dict[str, Any]:
    arguments = {"ConnectionId": connection}
    if call == "post_to_connection":
        arguments["Data"] = b"hello"
    try:
        answer = getattr(_posts(), call)(**arguments)
    except Exception as error:
        response = error.response
        return {"status": response["ResponseMetadata"]["HTTPStatusCode"], "code": response["Error"]["Code"]}
    return {"status": answer["ResponseMetadata"]["HTTPStatusCode"], "since": str(answer.get("ConnectedAt", ""))}


def _call(service: str, operation: str, arguments: dict[str, Any]) -> Any:
    try:
        getattr(_client(service), operation)(**arguments)
    except Exception as error:
        return type(error).__name__
    return "done"
