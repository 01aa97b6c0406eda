"""Watching presence."""

from functools import cache

from im.friend.store import DynamoFriendStore
from im.platform import clock
from im.presence.service import PresenceService
from im.presence.store import DynamoWatchStore
from im.settings import Env
from im.wiring.base import dynamo, rows, settings
from im.wiring.delivery import delivery


@cache
def presence_service() -> PresenceService:
    """Shows users to one another, and tells of changes."""
    watches = DynamoWatchStore(dynamo(), settings().need(Env.EPHEMERA_TABLE))
    friends = DynamoFriendStore(dynamo(), settings().need(Env.DIRECTORY_TABLE), rows())
    hosted = friends if settings().switches.host_friends else None
    return PresenceService(watches, delivery(), hosted, settings().switches, clock.now_ms)
