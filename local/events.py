"""The events that functions receive, in AWS's shapes.

Pure functions: what the gateway and the pumps know goes in, the event comes out. Times are milliseconds since 1970.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from local.template import ACCOUNT, REGION

Headers = Sequence[tuple[str, str]]
Event = dict[str, Any]


@dataclass(slots=True)
class Client:
    """What the API knows about one connection. ``authorizer`` is empty until the authorizer answered."""

    connection_id: str
    api_id: str
    stage: str
    domain: str
    connected_at: int
    source_ip: str
    user_agent: str
    authorizer: dict[str, Any] = field(default_factory=dict)


def iso(milliseconds: int) -> str:
    """A time as the connection management API writes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _apache_time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _request_context(client: Client, route: str, kind: str, request_id: str, now: int) -> Event:
    context: Event = {
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": _apache_time(now),
        "messageDirection": "IN",
        "stage": client.stage,
        "connectedAt": client.connected_at,
        "requestTimeEpoch": now,
        "identity": {"userAgent": client.user_agent, "sourceIp": client.source_ip},
        "requestId": request_id,
        "domainName": client.domain,
        "connectionId": client.connection_id,
        "apiId": client.api_id,
    }
    if client.authorizer:
        context["authorizer"] = client.authorizer
    return context


def _single_and_multi(name: str, pairs: Iterable[tuple[str, str]]) -> Event:
    """Headers or query parameters twice, as API Gateway gives them: the last value of each, and all values of each."""
    many: dict[str, list[str]] = {}
    for key, value in pairs:
        many.setdefault(key, []).append(value)
    if not many:
        return {}
    capital = name[0].upper() + name[1:]
    return {name: {key: values[-1] for key, values in many.items()}, f"multiValue{capital}": many}


def _handshake(headers: Headers, query: str) -> Event:
    return {
        **_single_and_multi("headers", headers),
        **_single_and_multi("queryStringParameters", parse_qsl(query, keep_blank_values=True)),
    }


def connect(client: Client, headers: Headers, query: str, request_id: str, now: int) -> Event:
    """The event of the ``$connect`` route."""
    return {
        **_handshake(headers, query),
        "requestContext": _request_context(client, "$connect", "CONNECT", request_id, now),
        "isBase64Encoded": False,
    }


def authorizer(client: Client, headers: Headers, query: str, request_id: str, now: int) -> Event:
    """The event of a REQUEST authorizer of ``$connect``."""
    return {
        "type": "REQUEST",
        "methodArn": method_arn(client),
        **_handshake(headers, query),
        "stageVariables": {},
        "requestContext": _request_context(client, "$connect", "CONNECT", request_id, now),
    }


def method_arn(client: Client) -> str:
    """What an authorizer's policy has to allow."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{client.api_id}/{client.stage}/$connect"


def message(client: Client, route: str, body: str, message_id: str, request_id: str, now: int) -> Event:
    """The event of a text message on a route."""
    context = _request_context(client, route, "MESSAGE", request_id, now)
    return {"requestContext": {**context, "messageId": message_id}, "body": body, "isBase64Encoded": False}


def disconnect(client: Client, code: int, reason: str, request_id: str, now: int) -> Event:
    """The event of the ``$disconnect`` route. It has no headers of the client's."""
    context = _request_context(client, "$disconnect", "DISCONNECT", request_id, now)
    return {
        **_single_and_multi("headers", [("Host", client.domain), ("x-api-key", ""), ("X-Forwarded-For", "")]),
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def function_url(
    *,
    host: str,
    method: str,
    path: str,
    query: str,
    headers: Headers,
    source_ip: str,
    body: str,
    is_base64: bool,
    request_id: str,
    now: int,
) -> Event:
    """The event of a function URL, payload format 2.0: header names in lower case, repeated values joined by commas."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    cookies = joined.pop("cookie", "")
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": _apache_time(now),
            "timeEpoch": now,
        },
        "isBase64Encoded": is_base64,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if parameters:
        event["queryStringParameters"] = parameters
    if body:
        event["body"] = body
    return event


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message of a queue."""

    id: str
    receipt: str
    body: str
    md5: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, Mapping[str, Any]]


def queue_batch(messages: Iterable[QueueMessage], queue_arn: str) -> Event:
    """The event of a batch of an SQS event source."""
    return {
        "Records": [
            {
                "messageId": received.id,
                "receiptHandle": received.receipt,
                "body": received.body,
                "attributes": dict(received.attributes),
                "messageAttributes": {name: dict(value) for name, value in received.message_attributes.items()},
                "md5OfBody": received.md5,
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": REGION,
            }
            for received in messages
        ]
    }
