"""What every function stands on: configuration, DynamoDB, and the stores that are shared."""

from functools import cache

from im.channel.store import DynamoChannelStore
from im.delivery.store import SHARDS, DynamoPresenceStore
from im.group.store import DynamoGroupStore
from im.limits import RateLimiter
from im.message.store import DynamoMessageStore, DynamoRowStore
from im.platform import aws, clock
from im.platform.dynamo import Dynamo, make_client
from im.platform.ephemera import Ephemera
from im.settings import Env, Settings

_CLIENT_WINDOW_MS = 5_000


@cache
def settings() -> Settings:
    """This function's configuration."""
    return Settings.from_env()


@cache
def dynamo() -> Dynamo:
    """DynamoDB."""
    return Dynamo(make_client(aws.session(), settings().region))


@cache
def ephemera() -> Ephemera:
    """Leases, rate buckets, used signatures."""
    return Ephemera(dynamo(), settings().need(Env.EPHEMERA_TABLE))


@cache
def presence() -> DynamoPresenceStore:
    """Where users are."""
    shards = SHARDS if settings().switches.online_index else 0
    return DynamoPresenceStore(dynamo(), settings().need(Env.PRESENCE_TABLE), shards=shards)


@cache
def messages() -> DynamoMessageStore:
    """The logs."""
    config = settings()
    return DynamoMessageStore(dynamo(), config.need(Env.MESSAGES_TABLE), config.switches.chatroom_retention_ms)


@cache
def rows() -> DynamoRowStore:
    """The users' conversation rows."""
    return DynamoRowStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def groups() -> DynamoGroupStore:
    """Groups and members."""
    return DynamoGroupStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def channels() -> DynamoChannelStore:
    """Channels and subscribers."""
    return DynamoChannelStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def client_limiter() -> RateLimiter:
    """The limit of client requests per client, user and operation."""
    capacity = settings().switches.client_rate_limit
    return RateLimiter(ephemera(), clock.now_ms, capacity, _CLIENT_WINDOW_MS, share=max(1, capacity // 5))
