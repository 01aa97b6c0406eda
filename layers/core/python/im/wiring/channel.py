"""Channels."""

from functools import cache

from im.channel.service import ChannelService
from im.channel.spreading import Spreading
from im.delivery.model import Subject
from im.platform import clock
from im.platform.ids import short_id
from im.wiring.base import channels, messages, rows, settings
from im.wiring.callback import back_end
from im.wiring.delivery import changes, delivery
from im.wiring.outlets import subscription_news


@cache
def channel_service() -> ChannelService:
    """Channels and subscriptions."""
    return ChannelService(
        channels(),
        rows(),
        messages(),
        delivery().spread,
        clock.now_ms,
        short_id,
        _tell,
        subscription_news(),
        back_end(),
    )


def _tell(users: list[str], channel: str) -> None:
    changes().hint(users, Subject.CHANNEL, channel)


@cache
def spreading() -> Spreading:
    """Brings what channels say to those who are online."""
    return Spreading(channels(), channel_service(), delivery(), chunk=settings().switches.fanout_chunk)
