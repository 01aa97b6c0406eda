"""What others see of a user: where he is, since when, and what he says of himself (client-semantics spec, appendix C.3)."""

from msgspec import Struct

from im.delivery.model import INVISIBLE, Presence

MAX_WATCHED = 100
"""Users that one request watches."""
MAX_WATCHERS = 200
"""Users who watch one user, besides his friends: all of them are in one item."""
MAX_WATCH_S = 86_400
MAX_TEXT = 64
MAX_TOLD = 5_000
"""Friends and watchers who are told of one change; the others see it when they ask."""


class PlatformSight(Struct, frozen=True):
    """A user on one platform; ``last_seen`` in ms: now for one who is online there."""

    platform: int
    online: bool
    last_seen: int


class Sight(Struct, frozen=True):
    """What others see of a user: a platform that he is logged out on is missing."""

    user: str
    state: int = 0
    text: str = ""
    platforms: tuple[PlatformSight, ...] = ()


def sight(presence: Presence, now_ms: int) -> Sight:
    """What others see of a user now. Who is invisible looks like somebody who was never here."""
    if presence.state == INVISIBLE:
        return Sight(presence.user)
    platforms: dict[int, PlatformSight] = {}
    for device in presence.devices:
        known = platforms.get(device.platform, PlatformSight(device.platform, online=False, last_seen=0))
        seen = now_ms if device.online else device.since
        platforms[device.platform] = PlatformSight(
            device.platform, known.online or device.online, max(known.last_seen, seen)
        )
    ordered = tuple(platforms[platform] for platform in sorted(platforms))
    return Sight(presence.user, presence.state, presence.text, ordered)
