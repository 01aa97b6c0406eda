"""Decides who may open a socket: the authorizer of ``$connect``.

No or a bad token is 401 (the gateway makes that of the word "Unauthorized"); an expired token, an ended session or a
forbidden user is 403. The context that it returns comes back with every later event of the connection.
"""

from typing import Any

from im.connect.tokens import TokenExpired
from im.errors import Code, ImError
from im.platform.telemetry import logger
from im.wire.handshake import credentials
from im.wiring.gate import gate


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer with an IAM policy for this one connection."""
    try:
        token, client, platform = credentials(event)
        claims = gate().admit(token, client)
    except ImError as error:
        logger.info("connection refused", extra={"code": int(error.code), "why": error.msg})
        if isinstance(error, TokenExpired) or error.code in (Code.KICKED_OFF, Code.USER_BLOCKED):
            return _policy("nobody", "Deny", event["methodArn"])
        raise Exception("Unauthorized") from error
    return {
        **_policy(claims.user, "Allow", event["methodArn"]),
        "context": {"userId": claims.user, "clientId": claims.client, "platform": str(claims.platform or platform)},
    }


def _policy(principal: str, effect: str, resource: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
