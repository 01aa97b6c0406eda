"""Robots and devices: registering, finding, losing them."""

from collections.abc import Sequence
from itertools import count

import pytest

from im.errors import Code, ImError, InvalidError
from im.machine.model import Robot
from im.machine.service import MachineService, new_secret
from im.profile.model import User, UserType
from tests.fakes.crash import Crash, CrashPoint
from tests.fakes.delivery import MemoryPresenceStore
from tests.fakes.items import Items
from tests.fakes.machine import MemoryMachineStore

NOW = 1_790_000_000_000


class Workshop:
    """A machine service with users that are a dictionary."""

    def __init__(self) -> None:
        self.store = MemoryMachineStore(MemoryPresenceStore(Items()))
        self.users: dict[str, User] = {}
        self.now = NOW
        self.service = self.make(CrashPoint())

    def make(self, crash: CrashPoint) -> MachineService:
        ids, secrets = count(1), count(1)
        return MachineService(
            crash.guard(self.store),
            crash.guard(self),
            crash.guard(self),
            lambda: f"new{next(ids)}",
            lambda: f"secret{next(secrets)}",
        )

    def register(self, user: User) -> User:
        if any(other.name == user.name and other.id != user.id for other in self.users.values()):
            raise ImError(Code.SERVER_ERROR)
        self.now += 1
        self.users[user.id] = User(user.id, name=user.name, type=user.type, created=self.now)
        return self.users[user.id]

    def lookup(self, user_ids: Sequence[str]) -> dict[str, User]:
        return {user: self.users[user] for user in user_ids if user in self.users}

    def issue_token(self, user: str, client: str, platform: int) -> str:
        return f"token of {user} on {client}"


@pytest.fixture
def shop() -> Workshop:
    return Workshop()


BARE = Robot("", owner="")


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code is code)


def test_a_robot_gets_what_it_came_without(shop: Workshop) -> None:
    made = shop.service.create_robot(User("", name="bot"), BARE)

    assert made == Robot("new1", owner="new1", secret="secret1", created=NOW + 1)
    user, robot = shop.service.robot("new1")
    assert (user.type, robot) == (UserType.ROBOT, made)


def test_creating_a_robot_again_overwrites_it_with_a_new_secret_unless_one_is_given(shop: Workshop) -> None:
    first = shop.service.create_robot(User("r1", name="bot"), Robot("", owner="ann", callback="http://c", extra="x"))
    second = shop.service.create_robot(User("r1", name="bot"), Robot("", owner="bob"))
    third = shop.service.create_robot(User("r1", name="bot"), Robot("", owner="bob", secret="s"))

    assert (first.secret, second.secret, third.secret) == ("secret1", "secret2", "s")
    assert (third.callback, third.extra, third.created) == ("", "", first.created)
    assert (shop.service.robots_of("ann"), shop.service.robots_of("bob")) == ([], ["r1"])


def test_a_name_that_is_taken_leaves_the_robot_as_it_was(shop: Workshop) -> None:
    made = shop.service.create_robot(User("r1", name="bot"), Robot("", owner="ann", secret="s"))
    shop.register(User("u1", name="ann"))

    with refusal(Code.SERVER_ERROR):
        shop.service.create_robot(User("r1", name="ann"), Robot("", owner="bob", secret="t"))
    assert shop.store.robot("r1") == made


@pytest.mark.parametrize(
    "robot",
    [
        Robot("", owner="o" * 65),
        Robot("", owner="", secret="s" * 65),
        Robot("", owner="", callback="c" * 1_025),
        Robot("", owner="", extra="e" * 16_385),
    ],
)
def test_what_cannot_be_a_robot_is_refused_before_anything_is_written(shop: Workshop, robot: Robot) -> None:
    with pytest.raises(InvalidError):
        shop.service.create_robot(User("r1", name="bot"), robot)
    assert shop.users == {}


def test_a_robot_that_was_cut_anywhere_is_finished_by_repeating_it(shop: Workshop) -> None:
    for after in range(3):
        robot = User(f"r{after}", name=f"bot{after}")
        with pytest.raises(Crash):
            shop.make(CrashPoint(after)).create_robot(robot, BARE)

        made = shop.service.create_robot(robot, BARE)

        assert shop.service.robot(robot.id)[1] == made


def test_robots_are_listed_in_the_order_of_their_creation_without_those_that_are_people_now(shop: Workshop) -> None:
    for robot in ("b", "a", "c"):
        shop.service.create_robot(User(robot, name=robot), BARE)
    shop.register(User("a", name="a"))

    assert [robot.id for _, robot in shop.service.robots(0, 10)] == ["b", "c"]
    for nobody in ("a", "nobody"):
        with refusal(Code.NOT_EXIST):
            shop.service.robot(nobody)


def test_a_robot_of_which_only_the_profile_is_known_belongs_to_itself_and_lets_nobody_in(shop: Workshop) -> None:
    shop.register(User("r1", name="bot", type=UserType.ROBOT))

    _, robot = shop.service.robot("r1")

    assert robot == Robot("r1", owner="r1")
    with refusal(Code.NOT_EXIST):
        shop.service.secret_of("r1")


def test_a_robots_secret_is_taken_without_the_blanks_around_it(shop: Workshop) -> None:
    shop.service.create_robot(User("r1", name="bot"), Robot("", owner="", secret=" s3cret\n"))
    shop.service.create_robot(User("r2", name="bot2"), Robot("", owner="", secret=" "))

    assert shop.service.secret_of("r1") == "s3cret"
    with refusal(Code.NOT_RIGHT):
        shop.service.secret_of("r2")


def test_a_callback_is_an_address_that_may_be_asked(shop: Workshop) -> None:
    shop.service.create_robot(User("r1", name="bot"), Robot("", owner=""))

    shop.service.set_callback("r1", "https://bot.example.com/hook")
    assert shop.service.robot("r1")[1].callback == "https://bot.example.com/hook"
    for bad in ("ftp://bot.example.com", "http://127.0.0.1/hook", "bot", "https://" + "x" * 2000):
        with refusal(Code.INVALID_PARAMETER):
            shop.service.set_callback("r1", bad)
    shop.service.set_callback("r1", "")
    assert shop.service.robot("r1")[1].callback == ""
    with refusal(Code.NOT_EXIST):
        shop.service.set_callback("nobody", "")


def test_a_device_gets_credentials_and_keeps_its_secret(shop: Workshop) -> None:
    first = shop.service.create_device("", ["ann", "ann", "bob"], "{}")
    again = shop.service.create_device(first.id, ["bob"], "")

    assert (first.id, first.owners, first.secret) == ("new1", ("ann", "bob"), "secret1")
    assert first.token == "token of new1 on new1"
    assert (again.owners, again.secret) == (("bob",), "secret1")
    assert shop.users["new1"].type == UserType.DEVICE
    assert (shop.service.device("new1"), shop.service.devices_of("ann")) == (again, [])
    assert shop.service.devices_of("bob") == [again]
    with refusal(Code.NOT_EXIST):
        shop.service.device("nobody")


def test_an_id_of_a_person_or_a_robot_is_no_devices(shop: Workshop) -> None:
    shop.register(User("ann", name="ann"))
    shop.service.create_robot(User("r1", name="bot"), BARE)

    for taken in ("ann", "r1"):
        with pytest.raises(InvalidError):
            shop.service.create_device(taken, [], "")
    assert shop.users["ann"].type == UserType.NORMAL


@pytest.mark.parametrize(
    ("owners", "extra"), [(["o" * 65], ""), ([""], ""), ([f"u{n}" for n in range(33)], ""), ([], "e" * 16_385)]
)
def test_what_cannot_be_a_device_is_refused(shop: Workshop, owners: list[str], extra: str) -> None:
    with pytest.raises(InvalidError):
        shop.service.create_device("d1", owners, extra)
    assert shop.users == {}


def test_a_device_that_was_cut_anywhere_is_finished_by_repeating_it(shop: Workshop) -> None:
    for after in range(5):
        device = f"d{after}"
        with pytest.raises(Crash):
            shop.make(CrashPoint(after)).create_device(device, ["ann"], "")

        made = shop.service.create_device(device, ["ann"], "")

        assert shop.service.device(device) == made


def test_secrets_differ_and_are_long() -> None:
    assert new_secret() != new_secret()
    assert len(new_secret()) >= 43
