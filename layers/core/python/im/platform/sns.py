"""SNS: a topic to publish to, and platform endpoints, by which phones are reached."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from im.errors import BusyError

_KNOWN_ENDPOINT = re.compile(r"Endpoint (arn:\S+) already exists")
_DEAD = frozenset({"EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException"})
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterException", "InvalidParameterValue"})

_THROTTLED = frozenset({"Throttled", "ThrottledException"})
_TRIES = 3
_PAUSE_S = 0.05

Attributes = Mapping[str, tuple[str, str]]
"""Message attributes by name: data type and value."""


class EndpointDeadError(Exception):
    """The vendor has said that the token is no more, or the endpoint was deleted."""


class RefusedError(Exception):
    """SNS will never take this: a token or a payload that cannot be."""


class Sns:
    """The SNS operations that we use.

    Args:
        client: returns the botocore client; asked when it is needed first.
        pause: waits, for so many seconds.
    """

    def __init__(self, client: Callable[[], Any], pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause

    def publish(self, topic: str, message: str, attributes: Attributes) -> None:
        """Publish to a topic.

        The client knows SNS's word for throttling no more than that it is an error, so it is tried again here.

        Raises:
            BusyError: it was not taken, as far as is known, for whatever reason: nobody is to fail because of it.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                self._client().publish(TopicArn=topic, Message=message, MessageAttributes=_attributes(attributes))
            except (ClientError, BotoCoreError) as error:
                if attempt == _TRIES or _code(error) not in _THROTTLED:
                    raise BusyError(f"the topic took nothing: {type(error).__name__}") from error
                self._pause(_PAUSE_S * attempt)
            else:
                return

    def endpoint(self, application: str, token: str) -> str:
        """The ARN of a token's endpoint, made if need be and enabled in any case: the token has just been uploaded.

        Raises:
            RefusedError: it is no token of this platform.
            BusyError: try again.
        """
        try:
            arn: str = self._client().create_platform_endpoint(PlatformApplicationArn=application, Token=token)[
                "EndpointArn"
            ]
        except (ClientError, BotoCoreError) as error:
            # The token has an endpoint with other attributes; the text is the only place that names it.
            known = _KNOWN_ENDPOINT.search(str(error))
            if known is None:
                raise _translated(error) from error
            arn = known[1]
        try:
            self._client().set_endpoint_attributes(EndpointArn=arn, Attributes={"Token": token, "Enabled": "true"})
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error
        return arn

    def push(self, endpoint: str, message: str, attributes: Attributes) -> None:
        """Send to one endpoint; the message is the JSON of all platforms.

        Raises:
            EndpointDeadError: nothing gets there any more.
            RefusedError: SNS does not want it.
            BusyError: try again.
        """
        try:
            self._client().publish(
                TargetArn=endpoint, Message=message, MessageStructure="json", MessageAttributes=_attributes(attributes)
            )
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error

    def delete(self, endpoint: str) -> None:
        """Remove an endpoint; one that is gone is fine.

        Raises:
            BusyError: try again.
        """
        try:
            self._client().delete_endpoint(EndpointArn=endpoint)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error


def _attributes(attributes: Attributes) -> dict[str, dict[str, str]]:
    return {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _translated(error: Exception) -> Exception:
    code = _code(error)
    if code in _DEAD:
        return EndpointDeadError(code)
    if code in _REFUSED:
        return RefusedError(code)
    # Everything else may pass: throttling, an application whose credentials are being renewed, rights that are missing.
    return BusyError(f"SNS did not take it: {code or type(error).__name__}")
