"""Logins, and the push tokens that belong to them."""

from functools import cache

from im.connect.store import DynamoSessionStore
from im.push.store import DynamoTokenStore
from im.settings import Env
from im.wiring.base import dynamo, settings


@cache
def sessions() -> DynamoSessionStore:
    """The logins."""
    return DynamoSessionStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def push_tokens() -> DynamoTokenStore:
    """Whose push tokens are."""
    return DynamoTokenStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))
