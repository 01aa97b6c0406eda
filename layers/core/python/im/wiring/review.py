"""Who is shown messages before they are accepted."""

from functools import cache, partial

from im.callback.review import RemoteReview
from im.message.screening import Review
from im.platform import aws, clock, telemetry
from im.platform.secrets import Secret
from im.settings import Env
from im.wiring.base import settings
from im.wiring.webhooks import webhooks


@cache
def review() -> Review | None:
    """The reviewer, if the deployment has one and this function sends for others."""
    config = settings()
    switches = config.switches
    if not switches.review_url or Env.CALLBACK_SECRET_ID not in config.resources:
        return None
    secret = Secret(
        partial(aws.client, "secretsmanager", config.region), config.need(Env.CALLBACK_SECRET_ID), clock.now_ms
    )
    return RemoteReview(webhooks(), secret.values, switches, clock.now_ms, telemetry.count)
