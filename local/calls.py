"""One call of a function to the cloud, as the call border, the meter and the faults see it."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit


class Killed(BaseException):
    """Raised inside a function whose environment is gone: every further call raises it, so nothing takes effect.

    It is no ``Exception``, because the code of a killed function does not get to handle its death.
    """


class Caller(Protocol):
    """Who makes a call: an execution environment of a function."""

    @property
    def function(self) -> str:
        """The function's readable logical id."""

    @property
    def invocation(self) -> str | None:
        """The id of the invocation that it is working on."""

    @property
    def thread(self) -> threading.Thread:
        """The thread that runs its handler."""

    @property
    def alive(self) -> bool:
        """False once it was killed or timed out."""

    def kill(self) -> None:
        """Discard the environment; whoever waits for its answer learns that it was killed."""


@dataclass(slots=True)
class Call:
    """One AWS call. ``params`` is the decoded request body of the JSON and query protocols.

    Attributes:
        service: botocore's name in lower case with hyphens (``dynamodb``, ``sqs``, ``apigatewaymanagementapi``).
        operation: the API's name of it (``PutItem``).
        caller: None for the runner itself and for clients outside of functions.
        helper: whether a thread that the handler started makes the call, perhaps in parallel with others.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    caller: Caller | None = None
    helper: bool = False
    resource: str = field(default="", init=False)
    fate: str = field(default="", init=False)
    """What a fault has chosen to do to it."""

    def __post_init__(self) -> None:
        self.resource = _resource(self.params)

    @property
    def function(self) -> str:
        """The calling function's id, or an empty text."""
        return self.caller.function if self.caller else ""


def _resource(params: Mapping[str, Any]) -> str:
    """The table, queue, topic, bucket or secret that a call is about; several tables are joined by commas."""
    for name in ("TableName", "TopicArn", "Bucket", "SecretId"):
        if name in params:
            return str(params[name]).rpartition(":")[2]
    if "QueueUrl" in params:
        return str(params["QueueUrl"]).rpartition("/")[2]
    if "RequestItems" in params:
        return ",".join(sorted(params["RequestItems"]))
    if "TransactItems" in params:
        tables = {action["TableName"] for item in params["TransactItems"] for action in item.values()}
        return ",".join(sorted(tables))
    return ""


def decode_params(service: str, method: str, url: str, body: bytes | str | None) -> Mapping[str, Any]:
    """The request's parameters: of a JSON body, of a form, or of an S3 address."""
    parts = urlsplit(url)
    if service == "s3":
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if parts.hostname and ".s3." in parts.hostname:
            bucket, key = parts.hostname.partition(".s3.")[0], parts.path.lstrip("/")
        return {"Bucket": bucket, "Key": unquote(key), "Method": method}
    if not isinstance(body, bytes | str) or not body:
        return {}
    text = body.decode() if isinstance(body, bytes) else body
    if text.startswith("{"):
        params: Mapping[str, Any] = json.loads(text)
        return params
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
