"""Messages to many."""

from functools import cache, partial

from im.delivery.store import SqsQueue
from im.message.multicast import Multicasts
from im.platform import aws, clock
from im.profile.everybody import Everybody
from im.settings import Env
from im.wiring.base import messages, rows, settings
from im.wiring.delivery import delivery
from im.wiring.notices import log
from im.wiring.profile import users


@cache
def multicasts() -> Multicasts:
    """Multicasts and broadcasts."""
    config = settings()
    queue = SqsQueue(partial(aws.client, "sqs", config.region), config.need(Env.BROADCAST_QUEUE_URL))
    return Multicasts(messages(), rows(), log(), delivery(), Everybody(users()), queue, config.switches, clock.now_ms)
