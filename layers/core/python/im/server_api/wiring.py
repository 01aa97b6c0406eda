"""The composition root of the server API, apart from ``im.wiring`` so that socket functions do not pay for its schemas."""

from functools import cache

from im import wiring
from im.moderation.service import ModerationService
from im.platform import clock
from im.server_api.api import ServerApi
from im.server_api.endpoints import Services


@cache
def server_api() -> ServerApi:
    """The server API."""
    services = Services(
        users=wiring.profile_service(),
        sessions=wiring.connect_service(),
        messages=wiring.message_service(),
        groups=wiring.group_service(),
        words=ModerationService(wiring.word_list()),
    )
    return ServerApi(
        services,
        wiring.admin_secret().values,
        wiring.ephemera(),
        wiring.api_limiter(),
        wiring.settings().switches,
        clock.now_ms,
    )
