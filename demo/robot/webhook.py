"""Is it the server that calls? Standard Webhooks 1.0.0, with the bytes of the robot's secret as the key."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

TOLERANCE_S = 300


class NotSigned(Exception):
    """Somebody else calls, or repeats what the server sent long ago."""


def verify(body: bytes, headers: Mapping[str, str], secret: str, clock: Callable[[], float] = time.time) -> str:
    """Check a callback; returns its id, which is the same whenever the server makes the same call again.

    Args:
        body: as it was received.
        headers: names in lower case.
        secret: the robot's.
        clock: the time, s.

    Raises:
        NotSigned: the signature is not right, or too old.
    """
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        given = headers["webhook-signature"].split(" ")
        late = abs(clock() - int(timestamp)) > TOLERANCE_S
    except (KeyError, ValueError):
        raise NotSigned("a header is missing") from None
    if late:
        raise NotSigned("the call is too old")
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    right = "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(right.encode(), each.encode()) for each in given):
        raise NotSigned("the signature is wrong")
    return message_id
