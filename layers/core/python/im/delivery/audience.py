"""Remembers where the members of busy groups are, so that a message does not read the presence of them all.

What is remembered goes with a *version*: the roster's version and the count of arrivals, both on the group's info. A device
that connects raises the count of each group of its user that was written to lately, after it has registered and before its
handshake is answered. A sender compares the version with the info that he reads after his append, strongly consistently. So
either he sees the new count and presence is read again, or his append came before the count, hence before the device's
``hello``, which finds the message in the log. Devices that leave cost a 410, which removes them here as well.

Workers of large deliveries learn that version from their job. Neither number ever falls, and a presence is only remembered
under a version that was reached before the presence was read; so it serves a job of that version and of every earlier one.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from im.delivery.model import Moment, Presence, Version

LIFE_MS = 60_000
"""How long an audience is used after its version was read. A group whose last stamp is older than this (and a minute) needs
no count."""
_GROUPS = 256
_USERS = 50_000
"""Both bound the memory of one environment."""


class _Known(Struct):
    """The audience of one group; ``glimpsed`` are users whose presence was read once and not kept."""

    version: Version
    since: int
    presences: dict[str, Presence] = field(default_factory=dict)
    glimpsed: set[str] = field(default_factory=set)

    def covers(self, version: Version) -> bool:
        return self.version[0] >= version[0] and self.version[1] >= version[1]


class Recalled(Struct, frozen=True):
    """What a worker knows of the users of his job.

    Attributes:
        presences: of those who are remembered.
        to_keep: users to be read strongly consistently, and to be remembered by ``Audiences.add``.
        to_read: users to be read for this once.
    """

    presences: Mapping[str, Presence]
    to_keep: Sequence[str]
    to_read: Sequence[str]


class Audiences:
    """The remembered presences of groups, the most recently used ones."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._users = 0

    def find(self, group: str, version: Version, now_ms: int) -> Mapping[str, Presence] | None:
        """The presences of a group's members, if they are remembered for this version and not too old."""
        known = self._known.get(group)
        if known is None or known.version != version or now_ms - known.since > LIFE_MS:
            return None
        self._known.move_to_end(group)
        return known.presences

    def keep(self, group: str, version: Version, presences: Mapping[str, Presence], read_at: int) -> None:
        """Remember presences that were read, strongly consistently, after this version was."""
        self._replace(group, _Known(version, read_at, dict(presences)))

    def recall(self, moment: Moment, users: Sequence[str], now_ms: int) -> Recalled:
        """What is remembered of these users, as good as if it were read now for a message of that moment.

        A strongly consistent read costs twice as much as another one. It pays when the group is written to more often than
        its members connect, so presences are kept the second time that they are asked for under one version.
        """
        if now_ms - moment.at > LIFE_MS:
            return Recalled({}, (), users)
        known = self._known.get(moment.group)
        if known is None or not known.covers(moment.version) or now_ms - known.since > LIFE_MS:
            known = _Known(moment.version, moment.at)
            self._replace(moment.group, known)
        self._known.move_to_end(moment.group)
        missing = [user for user in users if user not in known.presences]
        to_keep = [user for user in missing if user in known.glimpsed]
        to_read = [user for user in missing if user not in known.glimpsed]
        known.glimpsed.update(to_read)
        self._users += len(to_read)
        return Recalled(known.presences, to_keep, to_read)

    def add(self, moment: Moment, presences: Mapping[str, Presence]) -> None:
        """Remember presences that were read, strongly consistently, after ``recall`` had asked for them."""
        known = self._known.get(moment.group)
        if known is not None:
            known.presences.update(presences)
            known.glimpsed.difference_update(presences)
        self._shrink()

    def forget(self, group: str, user: str, connection: str) -> None:
        """A socket turned out to be gone."""
        known = self._known.get(group)
        presence = known.presences.get(user) if known else None
        if known and presence:
            left = tuple(device for device in presence.devices if device.connection != connection)
            known.presences[user] = replace(presence, devices=left)

    def _replace(self, group: str, known: _Known) -> None:
        self._users += len(known.presences) - self._size(self._known.pop(group, None))
        self._known[group] = known
        self._shrink()

    def _shrink(self) -> None:
        while len(self._known) > 1 and (len(self._known) > _GROUPS or self._users > _USERS):
            self._users -= self._size(self._known.popitem(last=False)[1])

    @staticmethod
    def _size(known: _Known | None) -> int:
        return len(known.presences) + len(known.glimpsed) if known else 0
