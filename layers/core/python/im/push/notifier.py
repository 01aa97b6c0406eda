"""Hands what is delivered to those who notify devices: one publication for all receivers who have no socket."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from im.delivery.model import Presence
from im.errors import BusyError
from im.platform.clock import Clock
from im.platform.metrics import Count, ignore
from im.platform.sns import Sns
from im.push.alert import AlertFor, Kind, Publication, chunks_of
from im.push.model import candidates
from im.settings import Switches

_USERS_BYTES = 40_000
"""With the alert, of 10 KB at most, a publication stays below the 64 KB that SNS and SQS bill as one."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Publication).decode


def publication_from_body(body: str) -> Publication:
    """The publication in a queue message's body."""
    return _decode(body)


class Topic(Protocol):
    """Takes publications."""

    def publish(self, publication: Publication, platforms: Sequence[int]) -> None:
        """Publish one, for devices of these platforms.

        Raises:
            BusyError: it was not taken, as far as is known.
        """


class SnsTopic:
    """``Topic`` on SNS.

    The attributes ``kind`` (``message``, ``call_invite``, ...) and ``platforms`` let other subscribers choose what they want
    to see.

    Args:
        sns: SNS.
        arn: the topic's.
    """

    def __init__(self, sns: Sns, arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, publication: Publication, platforms: Sequence[int]) -> None:
        attributes = {
            "kind": ("String", Kind(publication.alert.kind).name.lower()),
            "platforms": ("String.Array", _encode(platforms).decode()),
        }
        self._sns.publish(self._arn, _encode(publication).decode(), attributes)


class Notifier:
    """Publishes alerts.

    Args:
        topic: where to.
        switches: the deployment's behaviour.
        clock: the time.
        count: takes metrics.
    """

    def __init__(self, topic: Topic, switches: Switches, clock: Clock, count: Count = ignore) -> None:
        self._topic = topic
        self._switches = switches
        self._clock = clock
        self._count = count

    def notify(self, alert_for: AlertFor, presences: Mapping[str, Presence]) -> bool:
        """Publish an alert for those of these users who have a device that waits for it.

        A delivery does not fail because of it: who is not notified finds the message when he looks. Publishing again is
        harmless, each device shows a message once.

        Returns:
            False when it could not be published, so that who can repeat it cheaply does.
        """
        waiting = {
            user: presence
            for user, presence in presences.items()
            if any(device.push and not device.online for device in presence.devices)
        }
        alert = alert_for() if waiting else None
        if alert is None:
            return True
        users = candidates(alert, waiting, self._clock(), self._switches)
        devices = [device for user in users for device in waiting[user].devices]
        platforms = sorted({device.platform for device in devices if device.push and not device.online})
        try:
            for publication in chunks_of(alert, users, _USERS_BYTES):
                self._topic.publish(publication, platforms)
        except BusyError:
            self._count("PushUnpublished", 1)
            return False
        return True
