"""Friends."""

from functools import cache

from im.friend.service import FriendService
from im.friend.store import DynamoFriendStore
from im.limits import RateLimiter
from im.platform import clock
from im.settings import Env
from im.wiring.base import dynamo, ephemera, rows, settings
from im.wiring.callback import back_end
from im.wiring.delivery import changes
from im.wiring.notices import notices, user_types
from im.wiring.setting import setting_service

_DAY_MS = 86_400_000


@cache
def friend_service() -> FriendService:
    """Friends, requests, blacklists."""
    config = settings()
    limit = config.switches.friend_requests_per_day
    return FriendService(
        DynamoFriendStore(dynamo(), config.need(Env.DIRECTORY_TABLE), rows()),
        notices(),
        changes(),
        RateLimiter(ephemera(), clock.now_ms, limit, _DAY_MS, share=max(1, limit // 10)),
        user_types(),
        setting_service(),
        config.switches,
        clock.now_ms,
        back_end(),
    )
