"""The business back end: whoever tells it, and the worker that does the talking."""

import uuid
from functools import cache, partial

from im.callback.back_end import NOBODY, BackEnd
from im.callback.model import is_configured
from im.callback.service import Callbacks
from im.callback.store import SqsCallbacks
from im.platform import aws, clock
from im.settings import Env
from im.wiring.base import settings


@cache
def callbacks() -> Callbacks | None:
    """Tells the business back end; None where there is none, or this function may tell it nothing."""
    config = settings()
    if Env.CALLBACK_QUEUE_URL not in config.resources or not is_configured(config.switches):
        return None
    queue = SqsCallbacks(partial(aws.client, "sqs", config.region), config.need(Env.CALLBACK_QUEUE_URL))
    return Callbacks(queue, config.switches, clock.now_ms, lambda: uuid.uuid4().hex)


def back_end() -> BackEnd:
    """The same, or nobody."""
    return callbacks() or NOBODY
