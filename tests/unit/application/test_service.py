"""Auth codes: who gets one, and whom it names."""

import pytest

from im.application.model import CODE_LIFE_MS, Application, Kind, host_of
from im.application.service import ApplicationService
from im.channel.model import Channel, State
from im.errors import Code, ImError, InvalidError
from im.machine.model import Robot
from tests.fakes.application import MemoryPermissionStore

HELPER = Application(Kind.ROBOT, "helper")
NEWS = Application(Kind.CHANNEL, "news")
BACK_END = Application(Kind.BACK_END)
HOOK = "https://Bot.example.com:8443/hook"


class World:
    """One robot and one channel, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000
        self.robots = {"helper": Robot("helper", "olga", "s", HOOK)}
        self.channels = {"news": Channel("news", secret="s", callback="https://news.example.com")}
        self.service = ApplicationService(
            MemoryPermissionStore(), self, Channels(self.channels), ["app.example.com", " "], lambda: self.now
        )

    def robot(self, robot_id: str) -> Robot | None:
        return self.robots.get(robot_id)


class Channels:
    def __init__(self, channels: dict[str, Channel]) -> None:
        self._channels = channels

    def get(self, channel_id: str) -> Channel | None:
        return self._channels.get(channel_id)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("application", "host"),
    [
        (HELPER, "bot.example.com"),
        (HELPER, " BOT.example.com "),
        (NEWS, "news.example.com"),
        (BACK_END, "app.example.com"),
    ],
)
def test_a_code_names_the_user_for_a_minute_as_often_as_it_is_asked(
    world: World, application: Application, host: str
) -> None:
    code = world.service.issue("alice", application, host)

    world.now += CODE_LIFE_MS - 1
    assert [world.service.redeem(code, application) for _ in range(2)] == ["alice", "alice"]
    world.now += 1
    with pytest.raises(ImError) as refused:
        world.service.redeem(code, application)
    assert refused.value.code == (Code.TOKEN_ERROR if application == BACK_END else Code.APPLICATION_TOKEN_ERROR)


def test_a_code_is_of_no_use_to_another_application(world: World) -> None:
    code = world.service.issue("alice", HELPER, "bot.example.com")
    for other in (NEWS, BACK_END, Application(Kind.CHANNEL, "helper"), Application(Kind.ROBOT, "other")):
        with pytest.raises(ImError):
            world.service.redeem(code, other)
    with pytest.raises(ImError):
        world.service.redeem("guessed", HELPER)


def test_two_codes_differ(world: World) -> None:
    codes = {world.service.issue("alice", HELPER, "bot.example.com") for _ in range(2)}
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("application", "host"),
    [
        (HELPER, "evil.example.com"),
        (HELPER, ""),
        (Application(Kind.ROBOT, "nobody"), "bot.example.com"),
        (Application(Kind.CHANNEL, "helper"), "bot.example.com"),
        (BACK_END, "bot.example.com"),
        (BACK_END, ""),
    ],
)
def test_a_page_of_somebody_else_gets_no_code(world: World, application: Application, host: str) -> None:
    with pytest.raises(InvalidError):
        world.service.issue("alice", application, host)


def test_an_application_without_callback_or_secret_gets_no_code(world: World) -> None:
    for robot in (Robot("helper", "olga", callback=HOOK), Robot("helper", "olga", "s")):
        world.robots["helper"] = robot
        with pytest.raises(InvalidError):
            world.service.issue("alice", HELPER, "bot.example.com")


def test_a_destroyed_channel_gets_no_code(world: World) -> None:
    world.channels["news"] = Channel("news", secret="s", callback="https://news.example.com", state=State.DELETED)
    with pytest.raises(InvalidError):
        world.service.issue("alice", NEWS, "news.example.com")


def test_an_address_that_is_none_has_no_host() -> None:
    assert [host_of(url) for url in ("http://[", "nowhere", "https://A.b/c")] == ["", "", "a.b"]
