"""Notifications."""

from collections.abc import Mapping
from functools import cache, partial

from im.platform import aws, clock, telemetry
from im.platform.ordered import OrderedQueue
from im.platform.secrets import Secret
from im.platform.sns import Sns
from im.push.alert import Alert
from im.push.devices import PushDevices
from im.push.senders import EndpointSender, Sender, ServerSender, WebSender
from im.push.service import PushService
from im.push.store import DynamoClaimStore, DynamoDirectory
from im.push.ways import Carrier, Ways, applications_from_json
from im.push.webpush import Vapid
from im.settings import Env
from im.wiring.base import dynamo, presence, settings
from im.wiring.sessions import push_tokens
from im.wiring.setting import setting_store
from im.wiring.webhooks import webhooks


@cache
def vapid() -> Vapid | None:
    """Who this deployment is to push services; None where Web Push is not set up."""
    config = settings()
    if not config.switches.web_push_contact:
        return None
    client = partial(aws.client, "secretsmanager", config.region)
    secret = Secret(client, config.need(Env.WEB_PUSH_SECRET_ID), clock.now_ms)
    return Vapid(lambda: secret.values()[0], config.switches.web_push_contact, clock.now_ms)


@cache
def push_devices() -> PushDevices:
    """Where devices are notified."""
    server = vapid()
    return PushDevices(presence(), push_tokens(), server.public_key if server else None)


@cache
def push_queue() -> OrderedQueue:
    """What brings publications, for those that have to come again."""
    config = settings()
    return OrderedQueue(partial(aws.client, "sqs", config.region), config.need(Env.PUSH_QUEUE_URL))


@cache
def push_service() -> PushService:
    """Notifies them."""
    config, server = settings(), vapid()
    senders: dict[Carrier, Sender] = {
        Carrier.SNS: EndpointSender(Sns(partial(aws.client, "sns", config.region)), push_tokens()),
        Carrier.SERVER: ServerSender(webhooks()),
    }
    if server:
        senders[Carrier.WEB] = WebSender(webhooks(), server)
    table = config.need(Env.DIRECTORY_TABLE)
    return PushService(
        presence(),
        setting_store(),
        DynamoDirectory(dynamo(), table),
        push_tokens(),
        DynamoClaimStore(dynamo(), config.need(Env.EPHEMERA_TABLE)),
        push_devices(),
        Ways(applications_from_json(config.need(Env.PUSH_APPLICATIONS)), config.switches, web_push=server is not None),
        senders,
        config.switches,
        clock.now_ms,
        count=telemetry.count,
        report=_report,
    )


def _report(alert: Alert, counts: Mapping[str, int]) -> None:
    telemetry.logger.info(
        "push", extra={"kind": alert.kind, "uid": alert.subject or alert.uid, "devices": dict(counts)}
    )
