"""Robots and devices (server-api spec 2.0, 2.1)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.machine.model import MAX_CALLBACK, MAX_EXTRA, MAX_OWNERS, MAX_SECRET, Device, Robot
from im.profile.model import User
from im.wire.api.fields import Id, IdOrEmpty, Int
from im.wire.api.users import UserBody
from im.wire.objects import UserOut

# ruff: noqa: N815  the members' names are Wildfire's


MachineExtra = Annotated[str, Meta(max_length=MAX_EXTRA)]


class RobotBody(UserBody, frozen=True):
    """``/admin/robot/create``: a user and what makes him a robot. Its type does not count."""

    owner: IdOrEmpty = ""
    secret: Annotated[str, Meta(max_length=MAX_SECRET)] = ""
    callback: Annotated[str, Meta(max_length=MAX_CALLBACK)] = ""
    robotExtra: MachineExtra = ""

    def robot(self) -> Robot:
        """The same as the domain knows it."""
        return Robot(self.userId, owner=self.owner, secret=self.secret, callback=self.callback, extra=self.robotExtra)


class RobotRef(Struct, frozen=True):
    """A robot's user id."""

    robotId: Id


class CreatedRobot(Struct, frozen=True):
    """Which robot was made, and what it signs its calls with."""

    userId: str
    secret: str


class RobotOut(Struct, frozen=True):
    """A robot; texts that are not set are empty, never null."""

    userId: str
    name: str
    displayName: str
    portrait: str
    gender: Int
    mobile: str
    email: str
    address: str
    company: str
    social: str
    extra: str
    updateDt: int
    owner: str
    secret: str
    callback: str
    robotExtra: str

    @classmethod
    def of(cls, user: User, robot: Robot, *, secret: bool) -> "RobotOut":
        """The wire form of a robot, with or without its secret."""
        profile = UserOut.of(user)
        return cls(
            **{name: getattr(profile, name) for name in cls.__struct_fields__ if hasattr(profile, name)},
            owner=robot.owner,
            secret=robot.secret if secret else "",
            callback=robot.callback,
            robotExtra=robot.extra,
        )


class RobotPage(Struct, frozen=True):
    """A part of all robots."""

    robotInfoList: list[RobotOut]


class RobotIds(Struct, frozen=True):
    """The robots of a user."""

    list: list[str]


class DeviceBody(Struct, frozen=True):
    """``/admin/device/create``."""

    deviceId: IdOrEmpty = ""
    owners: Annotated[tuple[Id, ...], Meta(max_length=MAX_OWNERS)] = ()
    extra: MachineExtra = ""


class DeviceRef(Struct, frozen=True):
    """A device's user id."""

    deviceId: Id


class CreatedDevice(Struct, frozen=True):
    """Which device was made, and its credentials."""

    deviceId: str
    token: str
    secret: str


class DeviceOut(Struct, frozen=True):
    """A device."""

    deviceId: str
    token: str
    secret: str
    state: Int
    owners: tuple[str, ...]
    extra: str

    @classmethod
    def of(cls, device: Device) -> "DeviceOut":
        """The wire form of a device."""
        return cls(device.id, device.token, device.secret, device.state, device.owners, device.extra)


class Devices(Struct, frozen=True):
    """The devices of a user."""

    devices: list[DeviceOut]
