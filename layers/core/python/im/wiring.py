"""The composition root: makes every service once per process, from the environment.

Functions call these; nothing else does. A constructor that a function never calls costs it nothing.
"""

from functools import cache, partial

from im.connect.service import ConnectService, Gate
from im.connect.store import DynamoSessionStore
from im.connect.tokens import Tokens
from im.delivery.service import Delivery
from im.delivery.store import DynamoPresenceStore, SqsFanoutQueue
from im.group.service import GroupService
from im.group.store import DynamoGroupStore
from im.limits import RateLimiter
from im.message.log import Log
from im.message.media import Media
from im.message.service import MessageService
from im.message.store import DynamoMessageStore, DynamoRowStore
from im.moderation.service import Filter
from im.moderation.store import DynamoWordStore
from im.platform import aws, clock, telemetry
from im.platform.dynamo import Dynamo, make_client
from im.platform.ephemera import Ephemera
from im.platform.ids import short_id
from im.platform.poster import SocketPoster
from im.platform.secrets import Secret
from im.platform.uids import Uids
from im.profile.model import UserType
from im.profile.service import ProfileService
from im.profile.store import DynamoUserStore
from im.settings import Env, Settings

CLIENT_WINDOW_MS = 5_000
API_WINDOW_MS = 10_000


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
def sessions() -> DynamoSessionStore:
    """The logins."""
    return DynamoSessionStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def messages() -> DynamoMessageStore:
    """The logs."""
    return DynamoMessageStore(dynamo(), settings().need(Env.MESSAGES_TABLE))


@cache
def rows() -> DynamoRowStore:
    """The users' conversation rows."""
    return DynamoRowStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def groups() -> DynamoGroupStore:
    """Groups and members."""
    return DynamoGroupStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def users() -> DynamoUserStore:
    """User profiles."""
    return DynamoUserStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def token_secret() -> Secret:
    """What tokens are signed with."""
    return _secret(Env.TOKEN_SECRET_ID)


@cache
def admin_secret() -> Secret:
    """What calls of the server API are signed with."""
    return _secret(Env.ADMIN_SECRET_ID)


def _secret(variable: Env) -> Secret:
    client = partial(aws.client, "secretsmanager", settings().region)
    return Secret(client, settings().need(variable), clock.now_ms)


@cache
def tokens() -> Tokens:
    """Issues and reads tokens."""
    return Tokens(token_secret().values, clock.now_ms, settings().switches.token_expire_ms)


@cache
def gate() -> Gate:
    """Decides who may connect."""
    return Gate(sessions(), tokens())


@cache
def delivery() -> Delivery:
    """Brings frames to users."""
    config = settings()
    queue = None
    if Env.FANOUT_QUEUE_URL in config.resources:
        queue = SqsFanoutQueue(partial(aws.client, "sqs", config.region), config.need(Env.FANOUT_QUEUE_URL))
    return Delivery(
        DynamoPresenceStore(dynamo(), config.need(Env.PRESENCE_TABLE)),
        SocketPoster(config.need(Env.SOCKET_ENDPOINT), config.region, aws.credentials),
        queue,
        clock.now_ms,
        inline_limit=config.switches.inline_limit,
        chunk=config.switches.fanout_chunk,
        count=telemetry.count,
    )


@cache
def connect_service() -> ConnectService:
    """Sessions, presence, hello."""
    config = settings()
    return ConnectService(
        sessions(),
        tokens() if Env.TOKEN_SECRET_ID in config.resources else None,
        rows(),
        messages(),
        groups(),
        delivery(),
        _is_robot,
        config.switches,
        clock.now_ms,
    )


def _is_robot(user: str) -> bool:
    profile = users().get(user)
    return profile is not None and profile.type == UserType.ROBOT


@cache
def word_list() -> DynamoWordStore:
    """The sensitive words as they are stored."""
    return DynamoWordStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def words() -> Filter:
    """The sensitive words."""
    return Filter(word_list(), clock.now_ms)


@cache
def message_service() -> MessageService:
    """Messages."""
    config = settings()
    uids = Uids(ephemera(), clock.now_ms)
    log = Log(messages(), uids, index_uids=config.switches.uid_index == "all", count=telemetry.count)
    return MessageService(
        messages(),
        rows(),
        groups(),
        delivery(),
        log,
        uids,
        words(),
        config.switches,
        clock.now_ms,
        count=telemetry.count,
    )


@cache
def media() -> Media:
    """Permissions to upload."""
    config = settings()
    return Media(
        partial(aws.client, "s3", config.region),
        config.need(Env.MEDIA_BUCKET),
        config.need(Env.MEDIA_BASE_URL),
        config.switches.max_upload_bytes,
        clock.now_ms,
    )


@cache
def client_limiter() -> RateLimiter:
    """The limit of client requests per client, user and operation."""
    capacity = settings().switches.client_rate_limit
    return RateLimiter(ephemera(), clock.now_ms, capacity, CLIENT_WINDOW_MS, share=max(1, capacity // 5))


@cache
def api_limiter() -> RateLimiter:
    """The limit of server API calls per family."""
    capacity = settings().switches.admin_rate_limit
    return RateLimiter(ephemera(), clock.now_ms, capacity, API_WINDOW_MS, share=max(1, capacity // 20))


@cache
def group_service() -> GroupService:
    """Groups."""
    return GroupService(groups(), rows(), messages(), message_service(), settings().switches, clock.now_ms, short_id)


@cache
def profile_service() -> ProfileService:
    """Users."""
    return ProfileService(
        users(),
        group_service(),
        connect_service(),
        delivery(),
        settings().switches,
        clock.now_ms,
        short_id,
    )
