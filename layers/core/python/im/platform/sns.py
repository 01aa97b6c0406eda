"""SNS: a topic to publish to, and platform endpoints, by which phones are reached."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from im.errors import BusyError

_KNOWN_ENDPOINT = re.compile(r"Endpoint (arn:\S+) already exists")
_DEAD = frozenset({"EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException"})
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterException", "InvalidParameterValue"})

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
    """

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def publish(self, topic: str, message: str, attributes: Attributes) -> None:
        """Publish to a topic.

        Raises:
            BusyError: it was not taken, as far as is known, for whatever reason: nobody is to fail because of it.
        """
        try:
            self._client().publish(TopicArn=topic, Message=message, MessageAttributes=_attributes(attributes))
        except (ClientError, BotoCoreError) as error:
            raise BusyError(f"the topic took nothing: {type(error).__name__}") from error

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


def _translated(error: Exception) -> Exception:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    if code in _DEAD:
        return EndpointDeadError(code)
    if code in _REFUSED:
        return RefusedError(code)
    # Everything else may pass: throttling, an application whose credentials are being renewed, rights that are missing.
    return BusyError(f"SNS did not take it: {code or type(error).__name__}")
