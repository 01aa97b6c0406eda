"""Remembers where the members of busy groups are, so that a message does not read a hundred presences.

What is remembered goes with a *version*: the roster's version and the count of arrivals, both on the group's info. A device
that connects raises the count of each group of its user that was written to lately, after it has registered and before its
handshake is answered. A sender compares the version with the info that he reads after his append, strongly consistently. So
either he sees the new count and reads presence again, or his append came before the count, hence before the device's
``hello``, which finds the message in the log. Devices that leave cost a 410, which removes them here as well.
"""

from collections import OrderedDict
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from im.delivery.model import Presence

LIFE_MS = 60_000
"""How long a remembered audience is used. A group whose last stamp is older than this (and a minute) needs no count."""
_GROUPS = 256

Version = tuple[int, int]
"""Roster version and count of arrivals."""


class _Known(Struct):
    version: Version
    presences: dict[str, Presence]
    since: int


class Audiences:
    """The remembered presences of whole rosters, the most recently used groups."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def find(self, group: str, version: Version, now_ms: int) -> Mapping[str, Presence] | None:
        """The presences of a group's members, if they are remembered for this version and not too old."""
        known = self._known.get(group)
        if known is None or known.version != version or now_ms - known.since > LIFE_MS:
            return None
        self._known.move_to_end(group)
        return known.presences

    def keep(self, group: str, version: Version, presences: Mapping[str, Presence], read_at: int) -> None:
        """Remember presences that were read, strongly consistently, after this version was."""
        self._known[group] = _Known(version, dict(presences), read_at)
        self._known.move_to_end(group)
        if len(self._known) > _GROUPS:
            self._known.popitem(last=False)

    def forget(self, group: str, user: str, connection: str) -> None:
        """A socket turned out to be gone."""
        known = self._known.get(group)
        presence = known.presences.get(user) if known else None
        if known and presence:
            left = tuple(device for device in presence.devices if device.connection != connection)
            known.presences[user] = replace(presence, devices=left)
