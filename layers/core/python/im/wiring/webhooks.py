"""The way out to addresses that others chose."""

from functools import cache

from im.platform.webhooks import Webhooks
from im.wiring.base import settings


@cache
def webhooks() -> Webhooks:
    """Posts to webhooks."""
    return Webhooks(allow_private=settings().switches.allow_private_callbacks)
