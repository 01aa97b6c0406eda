"""The use cases of robots and devices (server-api spec 2.1). What they do in chats is other domains' business."""

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.machine.model import Device, Robot, check_callback, check_device, check_robot
from im.machine.store import MachineStore
from im.platform.ids import NewId
from im.platform.webhooks import WebhookRefused, check_url
from im.profile.model import User, UserType

NewSecret = Callable[[], str]
"""Returns a secret that nobody can guess."""

DEVICE_PLATFORM = 0


def new_secret() -> str:
    """A random secret of 43 characters (256 bits)."""
    return secrets.token_urlsafe(32)


class Users(Protocol):
    """What robots and devices need of the users."""

    def register(self, user: User) -> User:
        """Register or overwrite a user of any type."""

    def lookup(self, user_ids: Sequence[str]) -> dict[str, User]:
        """Users by id, those who were destroyed included."""


class Tokens(Protocol):
    """What devices need of the connection service."""

    def issue_token(self, user: str, client: str, platform: int) -> str:
        """A token for a user on a client."""


class MachineService:
    """Registers and finds robots and devices.

    Args:
        store: robots and devices.
        users: their profiles.
        tokens: what devices connect with.
        new_id: makes ids of those that come without one.
        new_secret: makes secrets of those that come without one.
        allow_private: whether callbacks may go to addresses that are not public.
    """

    def __init__(
        self,
        store: MachineStore,
        users: Users,
        tokens: Tokens,
        new_id: NewId,
        new_secret: NewSecret = new_secret,
        *,
        allow_private: bool = False,
    ) -> None:
        self._store = store
        self._users = users
        self._tokens = tokens
        self._new_id = new_id
        self._new_secret = new_secret
        self._allow_private = allow_private

    # --- robots

    def create_robot(self, user: User, robot: Robot) -> Robot:
        """Register a robot, or overwrite it with exactly these values; without a secret it gets a new one.

        The profile comes first: a name that is somebody else's is refused before anything is written. A crash after it
        leaves a robot that nobody can speak for, until the call is repeated.

        Args:
            user: its profile; the id may be empty, the type does not count.
            robot: owner and secret may be empty; the id does not count.

        Raises:
            InvalidError: no name, or a text is too long.
            ImError: 4, the name belongs to somebody else.
        """
        robot_id = user.id or self._new_id()
        robot = check_robot(
            replace(robot, id=robot_id, owner=robot.owner or robot_id, secret=robot.secret or self._new_secret())
        )
        profile = self._users.register(replace(user, id=robot_id, type=UserType.ROBOT))
        old = self._store.robot(robot_id)
        made = replace(robot, created=old.created if old else profile.created)
        self._store.put_robot(made, old)
        return made

    def robot(self, robot_id: str) -> tuple[User, Robot]:
        """A robot and its profile.

        Raises:
            ImError: 253.
        """
        found = self._with_profiles([robot_id])
        if not found:
            raise ImError(Code.NOT_EXIST)
        return found[0]

    def robots_by_id(self, robot_ids: Sequence[str]) -> list[tuple[User, Robot]]:
        """These robots and their profiles; unknown ones are left out."""
        return self._with_profiles(robot_ids)

    def robots(self, offset: int, count: int) -> list[tuple[User, Robot]]:
        """Robots and their profiles in the order of their creation."""
        return self._with_profiles(self._store.list_robots(offset, count))

    def robots_of(self, owner: str) -> list[str]:
        """The ids of an owner's robots. One that was given away while somebody else changed it may have left its entry."""
        ids = self._store.robots_of(owner)
        robots = self._store.robots(ids)
        return [robot for robot in ids if robot in robots and robots[robot].owner == owner]

    def secret_of(self, robot_id: str) -> str:
        """What a robot signs its calls with (server-api spec 1.3).

        Raises:
            ImError: 253 no such robot, 248 it has no secret.
        """
        robot = self._store.robot(robot_id)
        if robot is None:
            raise ImError(Code.NOT_EXIST)
        if not robot.secret.strip():
            raise ImError(Code.NOT_RIGHT)
        return robot.secret.strip()

    def set_callback(self, robot_id: str, url: str) -> None:
        """Let a robot be told of its messages at an address, from now on; empty: let it not.

        Raises:
            InvalidError: the address is too long, or not one that may be asked.
            ImError: 253.
        """
        if url:
            check_callback(url)
            try:
                check_url(url, allow_private=self._allow_private)
            except WebhookRefused as error:
                raise InvalidError(str(error)) from None
        if not self._store.set_callback(robot_id, url):
            raise ImError(Code.NOT_EXIST)

    def _with_profiles(self, ids: Sequence[str]) -> list[tuple[User, Robot]]:
        users, robots = self._users.lookup(ids), self._store.robots(ids)
        known = [users[each] for each in ids if each in users]
        return [
            (user, robots.get(user.id, Robot(user.id, owner=user.id)))
            for user in known
            if user.type == UserType.ROBOT and not user.deleted
        ]

    # --- devices

    def create_device(self, device_id: str, owners: Sequence[str], extra: str) -> Device:
        """Register a device, or change its owners and its extra. It keeps its secret and gets a token.

        Profile, login, record: each step can be repeated, and the record, which is what others see, comes last.

        Args:
            device_id: may be empty.

        Raises:
            InvalidError: the id is a person's or a robot's, or a value is not acceptable.
            ImError: 4, the id is somebody else's login name.
        """
        device_id = device_id or self._new_id()
        old = self._store.device(device_id)
        wanted = Device(device_id, tuple(dict.fromkeys(owners)), extra=extra)
        check_device(wanted)
        user = self._users.lookup([device_id]).get(device_id)
        if user is not None and not user.deleted and user.type != UserType.DEVICE:
            raise InvalidError("deviceId is the id of a user")
        if user is None or user.deleted:
            self._users.register(User(device_id, name=device_id, type=UserType.DEVICE))
        token = self._tokens.issue_token(device_id, device_id, DEVICE_PLATFORM)
        made = replace(wanted, token=token, secret=old.secret if old else self._new_secret())
        self._store.put_device(made, old)
        return made

    def device(self, device_id: str) -> Device:
        """A device.

        Raises:
            ImError: 253.
        """
        found = self._store.device(device_id)
        if found is None:
            raise ImError(Code.NOT_EXIST)
        return found

    def devices_of(self, owner: str) -> list[Device]:
        """An owner's devices."""
        return [device for device in self._store.devices_of(owner) if owner in device.owners]
