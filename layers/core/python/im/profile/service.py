"""The use cases of users (client-semantics spec 2.2 and 5, server-api spec 2.1)."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd
from im.errors import BusyError, Code, ImError, InvalidError, not_hosted
from im.machine.model import Robot
from im.machine.store import MachineStore
from im.message.model import check_id
from im.platform.clock import Clock
from im.platform.ids import NewId
from im.profile.model import (
    User,
    UserType,
    check_creatable,
    check_user,
    destroyed,
    name_taken,
    updated,
)
from im.profile.store import UserStore
from im.settings import Switches
from im.wire import frames

_ATTEMPTS = 4

SEEDS = (
    User("admin", name="admin", display_name="系统管理员", type=UserType.ADMIN),
    User("FireRobot", name="FireRobot", display_name="小火", type=UserType.ROBOT),
    User("wfc_file_transfer", name="wfc_file_transfer", display_name="文件传输助手", type=UserType.ROBOT),
)
"""The users that every deployment has from its first day, because the SDKs' programs rely on them (server-api spec 2.0)."""


SEED_ROBOTS = (
    Robot("FireRobot", owner="FireRobot", secret="123456", callback="http://127.0.0.1:8883/robot/recvmsg"),  # noqa: S106
    Robot("wfc_file_transfer", owner="wfc_file_transfer"),
)
"""What goes with the robots among them. The secret is public knowledge: production leaves ``im.seed_demo_objects`` off."""

MAX_LISTED = 1_000
"""Users that one call lists or looks up."""


class Groups(Protocol):
    """What destroying a user needs of the groups."""

    def quit_all(self, user: str) -> None:
        """Take a user out of all his groups."""


class Sessions(Protocol):
    """What users need of the connection service."""

    def kick(self, user: str, client: str | None) -> None:
        """End the user's sessions, all when no client is given."""

    def forget_user(self, user: str) -> None:
        """Remove what sessions and conversations left."""


class Delivery(Protocol):
    """What users need of the delivery."""

    def push(self, users: Sequence[str], frame_for: Callable[[str], bytes]) -> object:
        """Post a frame to users' devices."""


class Owned(Protocol):
    """A domain that keeps something of users."""

    def forget(self, user: str) -> None:
        """Remove what is kept of a destroyed user. Repeating it finishes what a crash left."""


class ProfileService:
    """Registers, changes, lists and destroys users.

    Args:
        store: users.
        machines: robots, of which a fresh deployment has two.
        groups: what he is in.
        sessions: where he is connected.
        owned: what else is removed with a destroyed user, in this order.
        delivery: tells his devices.
        switches: the deployment's behaviour.
        clock: the time.
        new_id: makes ids of users that come without one.
        back_end: the business, which is told of who is made or changed, but not of who is destroyed.
    """

    def __init__(
        self,
        store: UserStore,
        machines: MachineStore,
        groups: Groups,
        sessions: Sessions,
        owned: Sequence[Owned],
        delivery: Delivery,
        switches: Switches,
        clock: Clock,
        new_id: NewId,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._back_end = back_end
        self._store = store
        self._machines = machines
        self._groups = groups
        self._sessions = sessions
        self._owned = owned
        self._delivery = delivery
        self._switches = switches
        self._clock = clock
        self._new_id = new_id
        self._seeded = False

    def ensure_seeds(self) -> None:
        """Make the users of a fresh deployment, once in its life, unless the switch forbids it.

        A mark in storage says that it was done, so a seed that somebody destroyed stays so. Every process looks once.
        Users that exist are left alone, so a crash before the mark is repaired by doing it again.
        """
        if self._seeded or not self._switches.seed_demo_objects:
            return
        if not self._store.seeded():
            now = self._clock()
            for seed in SEEDS:
                self._store.put(replace(seed, created=now, update_dt=now), None)
            for robot in SEED_ROBOTS:
                if self._machines.robot(robot.id) is None:
                    self._machines.put_robot(replace(robot, created=now), None)
            self._store.mark_seeded()
        self._seeded = True

    def create(self, user: User) -> User:
        """Register a user, or overwrite him with exactly the submitted values. Returns him with his id.

        Args:
            user: the id may be empty.

        Raises:
            InvalidError: no name, a wrong type, or a text that is too long.
            ImError: 4, the name belongs to somebody else; 254 profiles are not hosted.
        """
        self.need_hosting()
        check_creatable(user.type)
        return self.register(user)

    def register(self, user: User) -> User:
        """``create`` for accounts of any type: robots and devices have profiles wherever people have none.

        Raises:
            InvalidError: no name, or a text that is too long.
            ImError: 4, the name belongs to somebody else.
        """
        user = check_user(replace(user, id=user.id or self._new_id()))
        for _ in range(_ATTEMPTS):
            old = self._store.get(user.id, consistent=True)
            now = self._next_time(old)
            new = replace(user, deleted=False, created=old.created if old else now, update_dt=now)
            if self._replace(new, old):
                self._back_end.user_changed(new)
                return new
        raise BusyError("the user is being changed by somebody else")

    def update(self, user: User, chosen: int) -> User:
        """Take over the chosen fields and tell the user's devices. Destroyed users can be changed too.

        Args:
            user: the new values; the id says who.
            chosen: a mask of ``Field``.

        Raises:
            InvalidError: no field is chosen, or a value is not acceptable.
            ImError: 253 unknown user; 4, the name belongs to somebody else; 254 profiles are not hosted.
        """
        self.need_hosting()
        check_id(user.id, "userId")
        for _ in range(_ATTEMPTS):
            old = self._store.get(user.id, consistent=True)
            if old is None:
                raise ImError(Code.NOT_EXIST)
            new = updated(old, user, chosen, self._next_time(old))
            if self._replace(new, old):
                self._tell(user.id)
                self._back_end.user_changed(new)
                return new
        raise BusyError("the user is being changed by somebody else")

    def _tell(self, user: str) -> None:
        self._delivery.push([user], lambda own: frames.push("profile", {"userId": own}))

    def need_hosting(self) -> None:
        """Go on only where this deployment keeps profiles.

        Raises:
            ImError: 254.
        """
        if not self._switches.host_profiles:
            raise not_hosted("profiles")

    def find(self, *, user_id: str = "", name: str = "", mobile: str = "", deleted: bool = False) -> User:
        """One user by id, else by login name, else the first registered with a mobile number.

        Args:
            user_id, name, mobile: the first that is not empty counts.
            deleted: whether a destroyed user is found by his id as well.

        Raises:
            InvalidError: nothing to look for.
            ImError: 253; 254 profiles are not hosted.
        """
        self.need_hosting()
        if user_id:
            ids = [user_id]
        elif name:
            ids = [owner] if (owner := self._store.id_of_name(name)) else []
        elif mobile:
            ids = self._store.ids_of_mobile(mobile)
        else:
            raise InvalidError("one of userId, name and mobile is required")
        return self._existing(ids, deleted=deleted)[0]

    def find_by_mobile(self, mobile: str, *, deleted: bool = False) -> list[User]:
        """All users with a mobile number, in the order of their creation; ``deleted`` finds none more, they have no number.

        Raises:
            ImError: 253 nobody; 254 profiles are not hosted.
        """
        self.need_hosting()
        return self._existing(self._store.ids_of_mobile(mobile), deleted=deleted)

    def find_by_email(self, email: str) -> list[User]:
        """All users with an e-mail address, in the order of their creation.

        Raises:
            ImError: 253 nobody; 254 profiles are not hosted.
        """
        self.need_hosting()
        return self._existing(self._store.ids_of_email(email))

    def batch(self, user_ids: Sequence[str]) -> list[User]:
        """Users by id in the order asked for, without unknown and destroyed ones.

        Raises:
            InvalidError: none is asked for, or more than ``MAX_LISTED``.
            ImError: 254 profiles are not hosted.
        """
        self.need_hosting()
        wanted = list(dict.fromkeys(user_ids))
        if not 1 <= len(wanted) <= MAX_LISTED:
            raise InvalidError(f"list must name 1 to {MAX_LISTED} users")
        found = self._store.get_many(wanted)
        return [found[user] for user in wanted if user in found and not found[user].deleted]

    def page(self, offset: int, count: int) -> list[User]:
        """Users in the order of their creation, robots included and destroyed ones left out.

        It reads the index from its beginning, so its cost grows with ``offset``: half a read unit per some 40 users that
        are skipped. The index is behind by a moment: who was just created may be missing.

        Raises:
            InvalidError: ``offset`` is negative, or ``count`` is not between 1 and ``MAX_LISTED``.
            ImError: 254 profiles are not hosted.
        """
        self.need_hosting()
        check_page(offset, count)
        ids = self._store.list_ids(offset, count)
        found = self._store.get_many(ids)
        return [found[user] for user in ids if user in found and not found[user].deleted]

    def lookup(self, user_ids: Sequence[str]) -> dict[str, User]:
        """Users by id, those who were destroyed included; whether profiles are hosted or not."""
        return self._store.get_many(user_ids)

    def _existing(self, ids: Sequence[str], *, deleted: bool = False) -> list[User]:
        users = [user for user in self._store.get_many(ids).values() if deleted or not user.deleted]
        if not users:
            raise ImError(Code.NOT_EXIST)
        return sorted(users, key=lambda user: (user.created, user.id))

    def destroy(self, user_id: str) -> None:
        """Destroy a user, robot or device: success also for unknown ids (server-api spec 2.1).

        Sessions end, he leaves his groups, what other domains keep of him goes, a blank profile and his messages stay.
        Each step can be repeated. Sessions go first, so that he does nothing in between; groups before the conversation
        rows, because the rows are how his groups are known.
        """
        check_id(user_id, "userId")
        self._sessions.kick(user_id, None)
        self._groups.quit_all(user_id)
        for domain in self._owned:
            domain.forget(user_id)
        self._blank(user_id)
        self._sessions.forget_user(user_id)

    def _blank(self, user_id: str) -> None:
        keep = self._switches.keep_display_name_when_destroy
        for _ in range(_ATTEMPTS):
            old = self._store.get(user_id, consistent=True)
            if old is None or old.deleted:
                return
            if self._replace(destroyed(old, keep_display_name=keep, now_ms=self._next_time(old)), old):
                return
        raise BusyError("the user is being changed by somebody else")

    def _next_time(self, old: User | None) -> int:
        """The time of a change. It never repeats for a user: it is also what tells two changes apart."""
        return max(self._clock(), old.update_dt + 1 if old else 0)

    def _replace(self, new: User, old: User | None) -> bool:
        """Write a change; False when the user changed meanwhile.

        Raises:
            ImError: 4, the name belongs to somebody else.
        """
        if self._store.put(new, old):
            return True
        owner = self._store.id_of_name(new.name)
        if not new.deleted and owner is not None and owner != new.id:
            raise name_taken()
        return False


def check_page(offset: int, count: int) -> None:
    """The part of a list that a call asks for.

    Raises:
        InvalidError: ``offset`` is negative, or ``count`` is not between 1 and ``MAX_LISTED``.
    """
    if offset < 0 or not 1 <= count <= MAX_LISTED:
        raise InvalidError(f"offset must be 0 or more, count 1 to {MAX_LISTED}")
