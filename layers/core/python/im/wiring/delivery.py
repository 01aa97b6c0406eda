"""Bringing frames to users."""

from functools import cache, partial

from im.delivery.changes import Changes
from im.delivery.service import Delivery
from im.delivery.store import DynamoVersionStore, SqsQueue
from im.platform import aws, clock, telemetry
from im.platform.poster import SocketPoster
from im.platform.sns import Sns
from im.push.notifier import Notifier, SnsTopic
from im.settings import Env
from im.wiring.base import dynamo, presence, settings
from im.wiring.callback import back_end


@cache
def delivery() -> Delivery:
    """Brings frames to users; only functions that were given the queue use it."""
    config = settings()
    queue = None
    if Env.FANOUT_QUEUE_URL in config.resources:
        queue = SqsQueue(partial(aws.client, "sqs", config.region), config.need(Env.FANOUT_QUEUE_URL))
    notifier = None
    if Env.PUSH_TOPIC_ARN in config.resources:
        topic = SnsTopic(Sns(partial(aws.client, "sns", config.region)), config.need(Env.PUSH_TOPIC_ARN))
        notifier = Notifier(topic, config.switches, clock.now_ms, telemetry.count)
    return Delivery(
        presence(),
        SocketPoster(config.need(Env.SOCKET_ENDPOINT), config.region, aws.credentials),
        queue,
        clock.now_ms,
        inline_limit=config.switches.inline_limit,
        chunk=config.switches.fanout_chunk,
        news_delay_s=None if config.switches.presence == "off" else config.switches.presence_delay_s,
        notifier=notifier,
        count=telemetry.count,
        lost=back_end().changed,
    )


@cache
def changes() -> Changes:
    """Tells users' devices what changed."""
    return Changes(DynamoVersionStore(dynamo(), settings().need(Env.DIRECTORY_TABLE)), delivery())
