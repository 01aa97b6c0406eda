"""Tells a user's devices that something of his changed, which they then ask for.

Whatever a device keeps by version (settings, friends, ...) has a number in one item per user, which a ``hello`` or a
heartbeat reads together with the conversation rows. So the push may be lost: the next heartbeat shows the number.
"""

from collections.abc import Sequence
from functools import partial

from im.delivery.model import Change, News, Presence, Subject
from im.delivery.service import Delivery
from im.delivery.store import VersionStore
from im.platform.parallel import run_all
from im.push.alert import Alert
from im.wire import frames

_ID_FIELDS = {Subject.PROFILE: "userId", Subject.GROUP: "groupId", Subject.CHANNEL: "channelId"}


class Changes:
    """What is to be told to the devices of a user.

    Args:
        versions: the versions of what they keep.
        delivery: brings frames to them.
    """

    def __init__(self, versions: VersionStore, delivery: Delivery) -> None:
        self._versions = versions
        self._delivery = delivery

    def tell(self, user: str, change: Change, version_ms: int, *, except_client: str | None = None) -> None:
        """Raise a user's version and push it to his devices. Call it after the change itself is stored.

        Two writes of the caller and no transaction: a crash between them leaves a change that nobody was told of, and
        repeating the caller's operation tells it. The version never goes back. Versions are times, and two changes may be
        stored in another order than they are told; who answers "everything newer than" must therefore let the last
        seconds be asked for again, as ``group.members`` does.

        Args:
            user: whose devices.
            change: what changed.
            version_ms: the time of the change.
            except_client: the device that made the change and knows it from its answer.

        Raises:
            BusyError: try again.
        """
        self._versions.raise_to(user, change, version_ms)
        self.announce(user, change, version_ms, except_client=except_client)

    def tell_all(self, news: Sequence[News], alert: Alert | None = None) -> None:
        """``tell`` of several changes, also of several users, with one look at where they are.

        Args:
            news: what changed.
            alert: what devices without a socket are notified of.

        Raises:
            BusyError: try again; some may have been told.
        """
        run_all([partial(self._versions.raise_to, each.user, each.change, each.version) for each in news])
        presences, _ = self._delivery.presence.load({each.user for each in news})
        told: dict[tuple[Change, int], dict[str, Presence]] = {}
        for each in news:
            told.setdefault((each.change, each.version), {})[each.user] = presences[each.user]
        for (change, version), reached in told.items():
            frame = frames.push(change.value, {"version": version})
            self._delivery.push_to(reached, partial(_same, frame), alert_for=(lambda: alert) if alert else None)

    def announce(self, user: str, change: Change, version_ms: int, *, except_client: str | None = None) -> None:
        """Only the push, for who has raised the version together with the change itself."""
        frame = frames.push(change.value, {"version": version_ms})
        presence, _ = self._delivery.presence.load([user])
        reached = {user: presence[user].without(except_client)}
        self._delivery.push_to(reached, lambda _: frame)

    def hint(self, users: list[str], subject: Subject, subject_id: str) -> None:
        """Push that a profile, a group or a channel changed, which has no version of its own in a ``hello``."""
        frame = frames.push(subject.value, {_ID_FIELDS[subject]: subject_id})
        self._delivery.push(users, lambda _: frame)


def _same(frame: bytes, user: str) -> bytes:
    return frame
