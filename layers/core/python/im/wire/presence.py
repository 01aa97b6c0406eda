"""Presence as the socket protocol writes it."""

from msgspec import Struct

from im.presence.model import Sight

# ruff: noqa: N815  the members' names are the protocol's


class PlatformOut(Struct, frozen=True):
    """A user on one platform."""

    platform: int
    online: bool
    lastSeen: int


class SightOut(Struct, frozen=True):
    """What others see of a user."""

    userId: str
    state: int
    text: str
    platforms: list[PlatformOut]

    @classmethod
    def of(cls, seen: Sight) -> "SightOut":
        """The wire form of what is seen."""
        platforms = [PlatformOut(each.platform, each.online, each.last_seen) for each in seen.platforms]
        return cls(seen.user, seen.state, seen.text, platforms)
