"""Accounts that are no people: robots and devices (server-api spec 2.1). Their names and pictures are ordinary profiles."""

import msgspec

from im.errors import InvalidError
from im.message.model import check_id

MAX_SECRET = 64
MAX_CALLBACK = 1_024
MAX_EXTRA = 16_384
MAX_OWNERS = 32
MAX_OWNED = 1_000
"""Robots or devices of one owner that a list names."""


class Robot(msgspec.Struct, frozen=True):
    """What a program needs that acts as a user.

    Attributes:
        id: the user id that it acts as.
        owner: the user it belongs to; itself when nobody was named.
        secret: signs its calls; empty: it cannot call.
        callback: URL that is told its messages, or empty.
        extra: the application's own.
        state: Wildfire's, always 0.
        created: ms; the order in which robots are listed.
    """

    id: str
    owner: str
    secret: str = ""
    callback: str = ""
    extra: str = ""
    state: int = 0
    created: int = 0


class Device(msgspec.Struct, frozen=True):
    """A thing that takes part in chats.

    Attributes:
        id: the user id that it acts as.
        owners: the users it belongs to.
        token: what it connects with, on the client id that is its own id.
        secret: the other half of its credentials.
        extra: the application's own.
        state: Wildfire's, always 0.
    """

    id: str
    owners: tuple[str, ...] = ()
    token: str = ""
    secret: str = ""
    extra: str = ""
    state: int = 0


def check_robot(robot: Robot) -> Robot:
    """A robot that can be stored.

    Raises:
        InvalidError: an id is no id, or a text is too long.
    """
    check_id(robot.id, "userId")
    check_id(robot.owner, "owner")
    _check_length("secret", robot.secret, MAX_SECRET)
    check_callback(robot.callback)
    _check_length("robotExtra", robot.extra, MAX_EXTRA)
    return robot


def check_callback(url: str) -> None:
    """A callback that can be stored.

    Raises:
        InvalidError: it is too long.
    """
    _check_length("callback", url, MAX_CALLBACK)


def check_device(device: Device) -> Device:
    """A device that can be stored.

    Raises:
        InvalidError: an id is no id, there are too many owners, or the extra is too long.
    """
    check_id(device.id, "deviceId")
    if len(device.owners) > MAX_OWNERS:
        raise InvalidError(f"a device may have {MAX_OWNERS} owners")
    for owner in device.owners:
        check_id(owner, "owners")
    _check_length("extra", device.extra, MAX_EXTRA)
    return device


def _check_length(name: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidError(f"{name} may have {limit} characters")
