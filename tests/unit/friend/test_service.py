"""Friends and blacklists: both sides agree, devices learn of every change, messages are judged by it."""

from typing import Any

import pytest

from im.errors import Code, ImError
from im.friend.model import RequestStatus
from im.friend.service import Place
from im.message.model import Conversation, Sender, payload_from_json
from tests.fakes.world import World

FRIENDS = {("ann", "friends"), ("bob", "friends")}


@pytest.fixture
def world() -> World:
    return World()


def refusal(code: Code) -> Any:
    return pytest.raises(ImError, match=rf"^{int(code)} ")


# --- friends


def test_a_back_end_makes_and_ends_friendships(world: World) -> None:
    world.friendships.set_friends("ann", "bob", friends=True, extra="x")
    assert world.friendships.friends_of("ann") == ["bob"]
    assert world.friendships.friends_of("bob") == ["ann"]
    assert [world.friendships.relation(*pair).extra for pair in (("ann", "bob"), ("bob", "ann"))] == ["x", "x"]
    assert world.told.taken() == FRIENDS

    world.friendships.set_friends("ann", "bob", friends=True, extra="y")
    assert [world.friendships.relation(*pair).extra for pair in (("ann", "bob"), ("bob", "ann"))] == ["y", "x"]

    world.told.taken()
    world.friendships.set_friends("bob", "ann", friends=False)
    assert world.friendships.friends_of("ann") == world.friendships.friends_of("bob") == []
    assert world.told.taken() == FRIENDS


def test_friends_are_listed_in_the_order_of_their_last_change(world: World) -> None:
    for other in ("eve", "bob", "cem"):
        world.now += 1
        world.friendships.set_friends("ann", other, friends=True)
    world.now += 1
    world.friendships.set_alias("ann", "eve", alias="E.")

    assert world.friendships.friends_of("ann") == ["bob", "cem", "eve"]


def test_ending_a_friendship_leaves_a_tombstone_with_what_each_wrote_down(world: World) -> None:
    world.friendships.set_friends("ann", "bob", friends=True)
    world.friendships.set_alias("ann", "bob", alias="Bobby", extra="{}")
    world.now += 9

    world.friendships.unfriend("bob", "ann")

    [row] = world.friendships.friends_since("ann", Place(world.now - 1))
    assert (row.other, row.is_friend, row.alias, row.extra) == ("bob", False, "Bobby", "{}")


def test_ending_what_never_was_is_fine_and_leaves_nothing(world: World) -> None:
    world.friendships.unfriend("ann", "bob")

    assert (world.friends.friends("ann"), world.friends.friends("bob"), world.told.news) == ([], [], [])


def test_an_end_that_is_repeated_is_told_again(world: World) -> None:
    """Its news may have been lost in a crash."""
    world.friendships.set_friends("ann", "bob", friends=True)
    world.friendships.unfriend("ann", "bob")
    world.told.taken()

    world.friendships.unfriend("ann", "bob")

    assert world.told.taken() == FRIENDS


def test_only_what_changed_after_a_place_is_listed_even_within_one_millisecond(world: World) -> None:
    for other in ("bob", "cem", "dan"):
        world.friendships.set_friends("ann", other, friends=True)

    rows = world.friendships.friends_since("ann", Place())
    later = world.friendships.friends_since("ann", Place(rows[0].update_dt, rows[0].other))

    assert [row.other for row in rows] == ["bob", "cem", "dan"]
    assert later == rows[1:]


def test_every_change_of_a_row_has_a_version_of_its_own(world: World) -> None:
    versions = []
    for alias in ("a", "b", "c"):
        world.friendships.set_alias("ann", "bob", alias=alias)
        versions.append(world.friendships.relation("ann", "bob").update_dt)

    assert len(set(versions)) == 3


def test_an_alias_for_a_stranger_makes_him_no_friend(world: World) -> None:
    world.friendships.set_alias("ann", "bob", alias="Bobby")
    world.friendships.set_alias("ann", "bob", extra="{}")

    row = world.friendships.relation("ann", "bob")
    assert (row.is_friend, row.alias, row.extra) == (False, "Bobby", "{}")
    assert world.told.taken() == {("ann", "friends")}
    world.friendships.set_alias("ann", "bob", alias="")
    assert world.friendships.relation("ann", "bob").alias == ""


def test_what_is_the_same_already_is_not_written_again(world: World) -> None:
    world.friendships.set_alias("ann", "bob", alias="Bobby")
    before = world.friendships.relation("ann", "bob")
    world.now += 9

    world.friendships.set_alias("ann", "bob", alias="Bobby")

    assert world.friendships.relation("ann", "bob") == before


@pytest.mark.parametrize("texts", [{}, {"alias": "x" * 65}, {"extra": "x" * 1_025}])
def test_an_alias_that_cannot_be_is_refused(world: World, texts: dict[str, str]) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.friendships.set_alias("ann", "bob", **texts)

    assert world.friends.friends("ann") == []


def test_nobody_stands_in_a_relation_to_himself(world: World) -> None:
    for act in (
        lambda: world.friendships.set_friends("ann", "ann", friends=True),
        lambda: world.friendships.unfriend("ann", "ann"),
        lambda: world.friendships.set_blacked("ann", "ann", True),
        lambda: world.friendships.set_alias("ann", "ann", alias="me"),
        lambda: world.friendships.answer("ann", "ann", accept=True),
    ):
        with refusal(Code.INVALID_PARAMETER):
            act()


# --- blacklist


def test_a_blacklist_stops_messages_from_that_moment_and_only_from_there(world: World) -> None:
    world.friendships.set_friends("ann", "bob", friends=True)

    world.friendships.set_blacked("bob", "ann", True)

    with refusal(Code.IN_BLACK_LIST):
        world.say("ann", "hello", to="bob")
    assert world.say("bob", "hello", to="ann").seq == 1
    assert world.friendships.blacklist_of("bob") == ["ann"]
    assert world.friendships.friends_of("bob") == ["ann"]

    world.friendships.set_blacked("bob", "ann", False)
    assert world.say("ann", "hello", to="bob", base=1).seq == 2
    assert world.friendships.blacklist_of("bob") == []


def test_only_the_own_devices_learn_of_a_blacklist(world: World) -> None:
    world.friendships.set_blacked("bob", "ann", True)

    assert world.told.taken() == {("bob", "friends")}
    assert not world.friendships.relation("bob", "ann").is_friend


def test_a_blacklist_outlives_the_friendship(world: World) -> None:
    world.friendships.set_friends("ann", "bob", friends=True)
    world.friendships.set_blacked("bob", "ann", True)
    world.friendships.unfriend("ann", "bob")

    with refusal(Code.IN_BLACK_LIST):
        world.say("ann", "hello", to="bob")


# --- strangers


def test_strangers_may_chat_unless_it_is_switched_off() -> None:
    assert World().say("ann", "hello", to="bob").seq == 1

    with refusal(Code.NOT_RIGHT):
        World(disable_stranger_chat=True).say("ann", "hello", to="bob")


def test_friends_may_chat_where_strangers_may_not_until_they_are_friends_no_more() -> None:
    world = World(disable_stranger_chat=True)
    world.friendships.request("ann", "bob", "hi")
    world.friendships.answer("bob", "ann", accept=True)
    assert world.say("ann", "hello", to="bob", base=3).seq == 4
    assert world.say("bob", "hello", to="ann", base=4).seq == 5

    world.friendships.unfriend("bob", "ann")
    for user, other in (("ann", "bob"), ("bob", "ann")):
        with refusal(Code.NOT_RIGHT):
            world.say(user, "still there?", to=other, base=5)


def test_what_counts_is_the_line_that_all_lines_share() -> None:
    world = World(disable_stranger_chat=True)
    world.friendships.set_friends("ann", "bob", friends=True)

    sent = world.service.send(
        Sender("ann"), Conversation(0, "bob", 3), payload_from_json('{"type":1}'), cid="a", base=0
    )

    assert sent.seq == 1


@pytest.mark.parametrize("other", ["admin", "robot", "FireRobot"])
def test_robots_and_named_users_chat_with_everybody(other: str) -> None:
    world = World(disable_stranger_chat=True)
    world.robots.add("robot")

    assert world.say("ann", "hello", to=other).seq == 1
    assert world.say(other, "hello", to="ann", base=1).seq == 2


def test_between_friends_nobody_looks_up_what_they_are() -> None:
    world = World(disable_stranger_chat=True)
    world.friendships.set_friends("ann", "bob", friends=True)
    world.service._user_types = None  # type: ignore[assignment]

    assert world.say("ann", "hello", to="bob").seq == 1


def test_calls_pass_between_strangers_as_they_pass_a_blacklist() -> None:
    world = World(disable_stranger_chat=True)

    assert world.say("ann", "", to="bob", type=402, persistFlag=0).seq == 1


# --- destroyed users


def test_who_is_destroyed_is_nobodys_friend_and_waits_for_nobody(world: World) -> None:
    world.friendships.set_friends("ann", "bob", friends=True)
    world.friendships.set_alias("bob", "ann", alias="A.")
    world.friendships.request("ann", "cem", "hi")
    world.friendships.request("dan", "ann", "hi")
    world.told.taken()

    world.friendships.forget("ann")
    world.friendships.forget("ann")

    assert world.friendships.friends_of("ann") == world.friendships.friends_of("bob") == []
    assert world.friendships.relation("bob", "ann").alias == "A."
    for other in ("cem", "dan"):
        [request] = world.friendships.requests_since(other, Place())[0]
        assert request.status == RequestStatus.WITHDRAWN
    assert {("bob", "friends"), ("cem", "friendRequests"), ("dan", "friendRequests")} <= world.told.taken()
    with refusal(Code.NOT_EXIST):
        world.friendships.answer("cem", "ann", accept=True)
    world.friendships.request("dan", "ann", "are you back?")
    world.friendships.request("ann", "cem", "here I am again")


# --- not hosted


def test_where_friendships_are_not_hosted_everything_says_so_and_nobody_is_a_stranger() -> None:
    world = World(host_friends=False, disable_stranger_chat=True)
    friendships = world.friendships
    world.rows.relate("bob", "ann", blocked=True, befriended=False)

    for act in (
        lambda: friendships.friends_since("ann", Place()),
        lambda: friendships.requests_since("ann", Place()),
        lambda: friendships.friends_of("ann"),
        lambda: friendships.blacklist_of("ann"),
        lambda: friendships.relation("ann", "bob"),
        lambda: friendships.request("ann", "bob"),
        lambda: friendships.answer("ann", "bob", accept=True),
        lambda: friendships.mark_read("ann", 1),
        lambda: friendships.set_friends("ann", "bob", friends=True),
        lambda: friendships.unfriend("ann", "bob"),
        lambda: friendships.set_alias("ann", "bob", alias="x"),
        lambda: friendships.set_blacked("ann", "bob", True),
    ):
        with refusal(Code.NOT_IMPLEMENT):
            act()

    friendships.forget("ann")
    assert world.say("ann", "hello", to="bob").seq == 1
    assert (world.friends.friends("ann"), world.told.news) == ([], [])
