"""The way out, as callbacks and reviews need it."""

from collections.abc import Sequence
from typing import Protocol

from im.platform.webhooks import Answer


class WayOut(Protocol):
    """What is needed of ``Webhooks``."""

    def post(self, url: str, body: bytes, *, message_id: str, secret: Sequence[str], timeout_s: float) -> Answer:
        """Make one attempt to hand over a body; see ``Webhooks.post``."""
