"""Who is told of messages outside, as far as this function may tell them: each outlet has a queue, by its URL."""

from functools import cache, partial

from im.channel.callbacks import ChannelOutlet, SubscriptionNews
from im.message.outlets import Outlet
from im.platform import aws, clock
from im.platform.ordered import OrderedQueue
from im.robot.outlet import RobotOutlet
from im.settings import Env
from im.wiring.base import settings
from im.wiring.callback import callbacks


@cache
def robot_queue() -> OrderedQueue:
    """The queue of what programs in chats are told."""
    config = settings()
    return OrderedQueue(partial(aws.client, "sqs", config.region), config.need(Env.ROBOT_QUEUE_URL))


@cache
def outlets() -> tuple[Outlet, ...]:
    """The outlets whose queues this function was given."""
    given = settings().resources
    found: list[Outlet] = []
    if Env.ROBOT_QUEUE_URL in given:
        found.append(RobotOutlet(robot_queue()))
        found.append(ChannelOutlet(robot_queue()))
    told = callbacks()
    if told is not None:
        found.append(told)
    return tuple(found)


@cache
def subscription_news() -> SubscriptionNews | None:
    """Who tells the services of channels of subscribers, where this function was given the queue."""
    if Env.ROBOT_QUEUE_URL not in settings().resources:
        return None
    return SubscriptionNews(robot_queue(), clock.now_ms)
