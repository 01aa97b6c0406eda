"""Sockets: presence, kicks, hello."""

from functools import cache

from im.channel.everywhere import GlobalChannels
from im.connect.service import ConnectService
from im.platform import clock
from im.wiring.base import channels, groups, messages, rows, settings
from im.wiring.callback import back_end
from im.wiring.delivery import delivery
from im.wiring.presence import presence_service
from im.wiring.sessions import push_tokens, sessions


@cache
def connect_service() -> ConnectService:
    """Sessions, presence, hello; it issues no tokens."""
    return ConnectService(
        sessions(),
        rows(),
        messages(),
        groups(),
        channels(),
        delivery(),
        settings().switches,
        clock.now_ms,
        news=presence_service(),
        global_channels=GlobalChannels(channels().global_ids, clock.now_ms),
        back_end=back_end(),
        push_tokens=push_tokens(),
    )
