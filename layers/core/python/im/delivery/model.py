"""Who is reachable where: devices, presence, and the jobs of a fan-out."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from im.push.alert import Alert

T = TypeVar("T")


class Subscription(Struct, frozen=True):
    """Where a browser gets Web Push messages: the push service's URL and the browser's keys (base64url)."""

    endpoint: str
    p256dh: str
    auth: str


class PushAddress(Struct, frozen=True):
    """Where a device is notified while it has no socket.

    Attributes:
        type: the vendor, by Wildfire's number (satellites spec 1.4); our own 100 for Web Push.
        token: the vendor's token, empty if there is none.
        voip: iOS's token for calls, or empty.
        package: the application's package name or bundle id.
        language: of the device, a tag such as ``zh-CN``.
        badge: the number that the device showed when it last said so.
        subscription: of a browser.
    """

    type: int = 0
    token: str = ""
    voip: str = ""
    package: str = ""
    language: str = ""
    badge: int = 0
    subscription: Subscription | None = None


class Device(Struct, frozen=True):
    """One client of a user.

    Attributes:
        client: the client id.
        platform: Wildfire's platform number (server-api spec 4.7).
        connection: its socket's connection id, empty while it is offline.
        since: when it connected, or when it was last seen, ms.
        push: where it is notified while it is offline, if it said so.
    """

    client: str
    platform: int
    connection: str
    since: int
    push: PushAddress | None = None

    @property
    def online(self) -> bool:
        """Whether a socket is registered. Only a post tells whether it still lives."""
        return bool(self.connection)


FORBIDDEN = 2
"""The global status of a user who may not connect (client-semantics spec 5.3)."""
INVISIBLE = 4
"""The custom state of a user who wants to be taken for offline (client-semantics spec 5.5, scope 23)."""


class Presence(Struct, frozen=True):
    """All devices of a user, his global status and what he says of himself, read in one go.

    Attributes:
        user: the user id.
        devices: his devices, but for those that he is logged out on.
        status: global status: 0 normal, 1 muted, 2 forbidden.
        receipts: whether others may be told how far he has read.
        state: custom state: 0 none, 1 busy, 2 away, 4 invisible, others the application's.
        text: what goes with it.
        listed: whether he is in the index of those who are online.
        robot: whether a program is told of what is written to him (``im.robot``).
    """

    user: str
    devices: tuple[Device, ...] = ()
    status: int = 0
    receipts: bool = True
    state: int = 0
    text: str = ""
    listed: bool = False
    robot: bool = False

    def device(self, client: str) -> Device | None:
        """The device with a client id."""
        return next((device for device in self.devices if device.client == client), None)

    def reached(self, now_ms: int) -> int:
        """The time up to which messages have reached the user, ms; 0 if he never was connected.

        Devices get everything while they are connected, so it is the present, or when the last of them was seen.
        """
        if any(device.online for device in self.devices):
            return now_ms
        return max((device.since for device in self.devices), default=0)

    def without(self, client: str | None) -> "Presence":
        """The same without one device."""
        return replace(self, devices=tuple(device for device in self.devices if device.client != client))

    def put(self, device: Device) -> "Presence":
        """The same with one device as it is now."""
        return replace(self, devices=(*self.without(device.client).devices, device))

    def disconnected(self, client: str, at_ms: int) -> "Presence":
        """The same with one device offline since then."""
        device = self.device(client)
        return self if device is None else self.put(replace(device, connection="", since=at_ms))

    def saying(self, state: int, text: str) -> "Presence":
        """The same with what its user says of himself."""
        return replace(self, state=state, text=text)

    def look(self) -> str:
        """What others see of it, but for the times: equal texts are the same sight."""
        if self.state == INVISIBLE:
            return "-"
        online = sorted({device.platform for device in self.devices if device.online})
        offline = sorted({device.platform for device in self.devices} - set(online))
        return f"{online}{offline}{self.state}{self.text}"


Version = tuple[int, int]
"""A group's roster version and its count of arrivals. Neither ever falls."""


class Moment(Struct, frozen=True):
    """A group's state after a message was appended to it: what may be remembered of its members' whereabouts.

    Attributes:
        group: its id.
        version: read strongly consistently after the append.
        at: when that was, ms.
    """

    group: str
    version: Version
    at: int


class Target(Struct, frozen=True, array_like=True):
    """A socket that is known already, and whose it is, on which client. It has spoken, so a 410 says that it is gone."""

    user: str
    client: str
    connection: str


class Glimpse(Struct, frozen=True):
    """Somebody's presence looks different than before.

    Attributes:
        user: whose.
        look: how it looked after the change (``Presence.look``): if it looks different by the time that this is worked on,
            there was another change since, which has news of its own.
    """

    user: str
    look: str


class Spread(Struct, frozen=True, omit_defaults=True):
    """Work on all who listen to a channel, a page of them at a time.

    Attributes:
        channel: its id.
        after: the user behind whom the page begins.
        shard: of a channel that goes to everybody, the part of the index of those who are online; -1: it has subscribers.
        ended: when the channel was destroyed, ms: whoever subscribed before is to be no subscriber any more; 0: the job's
            frame goes to all of them.
    """

    channel: str
    after: str = ""
    shard: int = -1
    ended: int = 0


class Job(Struct, frozen=True, omit_defaults=True):
    """A chunk of a fan-out, as it travels through the queue; or news, of which the worker finds out who gets them.

    Attributes:
        frame: the push frame, the same for all.
        users: whom it is for, on whatever devices they have.
        skip: a connection that must not get it (the sender's own), or empty.
        moment: of the group whose members these are, if they are a group's.
        room: the chatroom whose message it is, or empty.
        targets: the sockets that it is for, in a chatroom.
        news: of somebody's presence; then there is nothing else.
        spread: who it is for is found out by the worker, who makes further jobs.
        alert: what devices without a socket may be notified of.
    """

    frame: str = ""
    users: tuple[str, ...] = ()
    skip: str = ""
    moment: Moment | None = None
    room: str = ""
    targets: tuple[Target, ...] = ()
    news: Glimpse | None = None
    spread: Spread | None = None
    alert: Alert | None = None


class Reach(Struct, frozen=True):
    """What a delivery found.

    Attributes:
        offline: users without any socket.
        failed: users whose sockets did not take the frame.
        gone: sockets that exist no more, as (user, connection id).
        unpushed: whether somebody who may have to be notified could not be.
    """

    offline: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    unpushed: bool = False


class Change(StrEnum):
    """What a user's devices keep by version; the value is the push's name, and the version's in a ``hello``."""

    SETTINGS = "settings"
    FRIENDS = "friends"
    FRIEND_REQUESTS = "friendRequests"


class News(Struct, frozen=True):
    """Something that the devices of a user keep has changed, at this time (ms)."""

    user: str
    change: Change
    version: int


class Subject(StrEnum):
    """What devices are told of by its id; the value is the push's name."""

    PROFILE = "profile"
    GROUP = "group"
    CHANNEL = "channel"


class Versions(Struct, frozen=True, rename="camel"):
    """How new what a user's devices keep is, in ms since 1970; 0 where nothing ever changed.

    ``groups`` and ``channels`` are not stored: they follow from the conversation rows.
    """

    settings: int = 0
    friends: int = 0
    friend_requests: int = 0
    groups: int = 0
    channels: int = 0


def chunks(recipients: Sequence[T], size: int) -> Iterable[tuple[T, ...]]:
    """The recipients in groups of at most ``size``."""
    for start in range(0, len(recipients), size):
        yield tuple(recipients[start : start + size])
