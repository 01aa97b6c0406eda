"""Profiles."""

from functools import cache

from im.profile.store import DynamoUserStore
from im.settings import Env
from im.wiring.base import dynamo, settings


@cache
def users() -> DynamoUserStore:
    """User profiles."""
    return DynamoUserStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))
