"""Who sees whom, and who is told."""

from typing import Any

import pytest
from msgspec.structs import replace

from im.delivery.model import Job
from im.errors import Code, ImError, InvalidError
from im.friend.store import FriendChange
from im.presence.model import MAX_WATCHERS, PlatformSight, Sight
from im.setting.model import Setting
from tests.fakes.world import World


def befriend(world: World, user: str, *others: str, friends: bool = True, blacked: bool = False) -> None:
    for other in others:
        old = world.friends.get(user, other)
        new = replace(old, is_friend=friends, is_blacked=blacked, update_dt=old.update_dt + 1)
        assert world.friends.commit([FriendChange(old, new)])


@pytest.fixture
def world() -> World:
    made = World()
    befriend(made, "bob", "ann")
    made.online("ann", "phone", 1)
    made.queue.jobs.clear()
    return made


def work(world: World) -> None:
    """Let the worker do what is queued."""
    jobs: list[Job] = world.queue.jobs[:]
    world.queue.jobs.clear()
    for job in jobs:
        assert job.news
        world.sights.tell(job.news)


def told(world: World, user: str = "ann", client: str = "phone") -> list[dict[str, Any]]:
    """The presences that a device was told of."""
    [device] = [each for each in world.presence.load_one(user).devices if each.client == client]
    return [each for push in world.pushes(device.connection, "presence") for each in push["users"]]


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code is code)


def test_a_friend_learns_who_comes_and_goes(world: World) -> None:
    connection = world.online("bob", "phone", 2)
    work(world)
    came = world.now
    world.now += 60_000
    world.connect.disconnected("bob", "phone", connection)
    work(world)

    assert told(world) == [
        {"userId": "bob", "state": 0, "text": "", "platforms": [{"platform": 2, "online": True, "lastSeen": came}]},
        {
            "userId": "bob",
            "state": 0,
            "text": "",
            "platforms": [{"platform": 2, "online": False, "lastSeen": world.now}],
        },
    ]


def test_nobody_is_told_what_nobody_wants_to_know(world: World) -> None:
    world.online("carol")

    assert world.queue.jobs == []


def test_a_socket_that_takes_the_place_of_another_is_no_news(world: World) -> None:
    world.online("bob", "phone", 2)
    work(world)
    world.now += 1
    world.online("bob", "phone", 2)
    world.now += 1
    world.online("bob", "other phone", 2)

    assert world.queue.jobs == []


def test_of_several_changes_in_a_moment_the_last_one_is_told(world: World) -> None:
    first = world.online("bob", "phone", 2)
    work(world)
    world.connect.disconnected("bob", "phone", first)
    world.now += 1
    world.online("bob", "phone", 2)
    world.now += 1
    world.online("bob", "web", 5)
    assert len(world.queue.jobs) == 3
    work(world)

    assert [[(each["platform"], each["online"]) for each in seen["platforms"]] for seen in told(world)[1:]] == [
        [(2, True), (5, True)]
    ]


def test_a_device_that_is_logged_out_is_not_seen(world: World) -> None:
    world.connect.issue_token("bob", "phone", 2)
    world.online("bob", "phone", 2)
    world.connect.kick("bob", "phone")
    work(world)

    assert told(world)[-1]["platforms"] == []


def test_a_forbidden_user_is_seen_to_go(world: World) -> None:
    world.online("bob", "phone", 2)
    work(world)
    world.connect.set_block_status("bob", 2)
    work(world)

    assert told(world)[-1]["platforms"][0]["online"] is False


def test_a_socket_that_turns_out_to_be_dead_is_news(world: World) -> None:
    connection = world.online("bob", "phone", 2)
    work(world)
    world.now += 60_000
    world.poster.gone.add(connection)
    world.say("ann", "hello", to="bob")
    work(world)

    assert told(world)[-1]["platforms"][0]["online"] is False


def test_a_watcher_sees_at_once_and_is_told_until_his_time_is_over(world: World) -> None:
    befriend(world, "bob", "ann", friends=False)
    bob = world.online("bob", "phone", 2)
    seen, full = world.sights.watch("ann", ["bob", "nobody", "bob", "ann"], 10)
    assert full == []
    assert seen == [Sight("bob", platforms=(PlatformSight(2, True, world.now),)), Sight("nobody")]

    world.connect.disconnected("bob", "phone", bob)
    work(world)
    assert [each["userId"] for each in told(world)] == ["bob"]

    world.now += 10_000
    world.online("bob", "phone", 2)
    assert world.queue.jobs == []


def test_a_watch_can_be_ended(world: World) -> None:
    befriend(world, "bob", "ann", friends=False)
    world.sights.watch("ann", ["bob"], 10)

    assert world.sights.watch("ann", ["bob"], 0) == ([], [])
    world.online("bob")
    assert world.queue.jobs == []


def test_whoever_has_too_many_watchers_is_seen_but_not_watched(world: World) -> None:
    for number in range(MAX_WATCHERS):
        world.watches.watch("bob", f"w{number}", world.now + 1, world.now)

    seen, full = world.sights.watch("ann", ["bob"], 10)

    assert ([each.user for each in seen], full) == (["bob"], ["bob"])


@pytest.mark.parametrize(
    ("users", "seconds"), [([], 1), ([f"u{n}" for n in range(101)], 1), (["bob"], -1), (["bob"], 86_401), (["\x00"], 1)]
)
def test_what_cannot_be_watched_is_refused(world: World, users: list[str], seconds: int) -> None:
    with pytest.raises(InvalidError):
        world.sights.watch("ann", users, seconds)


def test_friends_are_seen_page_by_page(world: World) -> None:
    befriend(world, "ann", "dave", "bob", "carol")
    world.online("carol", "web", 5)

    first, more = world.sights.friends("ann", "", 2)
    rest, end = world.sights.friends("ann", first[-1].user, 2)

    assert ([each.user for each in first], more) == (["bob", "carol"], True)
    assert ([each.user for each in rest], end) == (["dave"], False)
    assert first[1].platforms == (PlatformSight(5, True, world.now),)


def test_a_custom_state_is_shown_and_told(world: World) -> None:
    world.online("bob", "phone", 2)
    work(world)
    world.sights.set_state("bob", 2, "at lunch")
    world.sights.set_state("bob", 2, "at lunch")
    work(world)

    assert [(each["state"], each["text"]) for each in told(world)] == [(0, ""), (2, "at lunch")]
    for state, text in ((-1, ""), (2**31, ""), (0, "t" * 65)):
        with pytest.raises(InvalidError):
            world.sights.set_state("bob", state, text)


def test_who_is_invisible_looks_like_nobody_and_comes_and_goes_unnoticed(world: World) -> None:
    world.sights.set_state("bob", 4, "hidden")
    work(world)
    connection = world.online("bob", "phone", 2)
    world.connect.disconnected("bob", "phone", connection)

    assert world.queue.jobs == []
    [seen], _ = world.sights.watch("ann", ["bob"], 10)
    assert seen == Sight("bob")


def test_several_devices_of_a_platform_are_one_sight(world: World) -> None:
    world.online("bob", "old phone", 2)
    world.now += 5
    [device] = world.presence.load_one("bob").devices
    world.connect.disconnected("bob", "old phone", device.connection)
    world.now += 5
    world.online("bob", "phone", 2)

    [seen], _ = world.sights.watch("ann", ["bob"], 10)

    assert seen.platforms == (PlatformSight(2, True, world.now),)


def test_only_watchers_are_told_where_the_deployment_says_so() -> None:
    world = World(presence="watchers")
    befriend(world, "bob", "ann")
    world.online("bob")
    assert world.queue.jobs == []
    assert world.sights.friends("ann", "", 10) == ([], False)

    world.sights.watch("ann", ["bob"], 10)
    world.online("bob", "web", 5)
    assert len(world.queue.jobs) == 1


def test_nobody_is_told_anything_where_presence_is_off() -> None:
    world = World(presence="off")
    befriend(world, "bob", "ann")
    world.online("bob")

    assert world.queue.jobs == []
    for call in (
        lambda: world.sights.watch("ann", ["bob"], 10),
        lambda: world.sights.friends("ann", "", 10),
        lambda: world.sights.set_state("ann", 1, ""),
    ):
        with refusal(Code.FUNCTION_DISABLED):
            call()


def test_a_friend_whom_one_does_not_want_to_hear_from_is_not_told(world: World) -> None:
    befriend(world, "bob", "ann", blacked=True)
    world.online("bob")

    assert world.queue.jobs == []


@pytest.mark.parametrize(
    ("value", "state", "text"),
    [("2-at lunch", 2, "at lunch"), ("1", 1, ""), ("", 0, ""), ("hello", 0, "hello"), ("2-" + "t" * 99, 2, "t" * 64)],
)
def test_the_custom_state_may_be_put_as_a_setting(world: World, value: str, state: int, text: str) -> None:
    world.settings.put("bob", [Setting(23, "", value)])

    presence = world.presence.load_one("bob")
    assert (presence.state, presence.text) == (state, text)


def test_a_forbidden_users_socket_that_got_past_the_gate_is_refused(world: World) -> None:
    world.connect.set_block_status("bob", 2)

    assert not world.connect.connected("bob", "phone", 2, "late", world.now)
    with refusal(Code.USER_BLOCKED):
        world.connect.renew("bob", "phone", 2, "late", world.now)
    assert "late" in world.poster.closed
