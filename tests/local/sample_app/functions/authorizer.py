"""Answers as the query parameter ``gate`` says."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    gate = (event.get("queryStringParameters") or {}).get("gate", "allow")
    match gate:
        case "unauthorized":
            raise Exception("Unauthorized")
        case "crash":
            raise ValueError("broken")
        case "object":
            return {**_policy("Allow", event["methodArn"]), "context": {"bad": {"nested": 1}}}
        case "elsewhere":
            return _policy("Allow", event["methodArn"].replace("$connect", "other"))
        case "deny":
            return _policy("Deny", event["methodArn"])
    return {**_policy("Allow", event["methodArn"]), "context": {"user": "alice", "level": 3, "admin": True}}


def _policy(effect: str, resource: str) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": [resource]}
    return {"principalId": "alice", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
