"""What delivers callbacks."""

from functools import cache, partial

from im.callback.breaker import Breaker
from im.callback.store import DynamoCircuitStore, SqsCallbacks
from im.callback.worker import CallbackWorker
from im.platform import aws, clock, telemetry
from im.platform.secrets import Secret
from im.settings import Env
from im.wiring.base import dynamo, settings
from im.wiring.webhooks import webhooks


@cache
def callback_worker() -> CallbackWorker:
    """Delivers callbacks."""
    config = settings()
    client = partial(aws.client, "sqs", config.region)
    secret = Secret(
        partial(aws.client, "secretsmanager", config.region), config.need(Env.CALLBACK_SECRET_ID), clock.now_ms
    )
    return CallbackWorker(
        webhooks(),
        secret.values,
        SqsCallbacks(client, config.need(Env.CALLBACK_QUEUE_URL), config.need(Env.CALLBACK_DLQ_URL)),
        Breaker(DynamoCircuitStore(dynamo(), config.need(Env.EPHEMERA_TABLE)), clock.now_ms),
        config.switches,
        clock.now_ms,
        count=telemetry.count,
    )
