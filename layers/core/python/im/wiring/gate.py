"""Tokens, and who may connect. It makes its own session store: the authorizer needs nothing else of ``base``."""

from functools import cache, partial

from im.connect.gate import Gate
from im.connect.store import DynamoSessionStore
from im.connect.tokens import Tokens
from im.platform import aws, clock
from im.platform.dynamo import Dynamo, make_client
from im.platform.secrets import Secret
from im.settings import Env, Settings


@cache
def tokens() -> Tokens:
    """Issues and reads tokens."""
    settings = Settings.from_env()
    client = partial(aws.client, "secretsmanager", settings.region)
    secret = Secret(client, settings.need(Env.TOKEN_SECRET_ID), clock.now_ms)
    return Tokens(secret.values, clock.now_ms, settings.switches.token_expire_ms)


@cache
def gate() -> Gate:
    """Decides who may connect."""
    settings = Settings.from_env()
    dynamo = Dynamo(make_client(aws.session(), settings.region))
    return Gate(DynamoSessionStore(dynamo, settings.need(Env.DIRECTORY_TABLE)), tokens())
