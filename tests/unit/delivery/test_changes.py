"""Telling a user's devices what changed."""

import pytest

from im.delivery.model import Change, News, Subject, Versions
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("change", Change)
def test_every_device_but_the_one_that_made_the_change_is_told(world: World, change: Change) -> None:
    phone, tablet = world.online("alice"), world.online("alice", "tablet", 8)

    world.changes.tell("alice", change, 7, except_client="phone")

    assert world.pushes(tablet, change.value) == [{"version": 7}]
    assert world.pushes(phone, change.value) == []


def test_a_change_that_the_server_made_is_told_to_all_devices(world: World) -> None:
    sockets = [world.online("alice"), world.online("alice", "tablet", 8)]

    world.changes.tell("alice", Change.FRIENDS, 7)

    assert [world.pushes(socket, "friends") for socket in sockets] == [[{"version": 7}]] * 2


def test_several_changes_of_several_users_are_told_at_once(world: World) -> None:
    alice, bob = world.online("alice"), world.online("bob")

    world.changes.tell_all(
        [News("alice", Change.FRIENDS, 7), News("bob", Change.FRIENDS, 7), News("bob", Change.FRIEND_REQUESTS, 8)]
    )
    world.changes.tell_all([])

    assert world.pushes(alice, "friends") == world.pushes(bob, "friends") == [{"version": 7}]
    assert world.pushes(bob, "friendRequests") == [{"version": 8}]
    assert world.connect.hello("bob", None, 1).versions.friend_requests == 8


def test_whoever_missed_the_push_finds_the_version_in_the_next_sync(world: World) -> None:
    world.changes.tell("alice", Change.FRIEND_REQUESTS, 7)
    world.changes.tell("alice", Change.FRIEND_REQUESTS, 5)
    world.changes.tell("alice", Change.SETTINGS, 6)
    world.changes.tell("bob", Change.SETTINGS, 9)

    versions = world.connect.hello("alice", None, 1).versions

    assert versions == Versions(settings=6, friend_requests=7)


def test_profiles_and_groups_are_named_by_their_ids(world: World) -> None:
    alice, bob = world.online("alice"), world.online("bob")

    world.changes.hint(["alice", "bob"], Subject.GROUP, "team")
    world.changes.hint(["bob"], Subject.PROFILE, "alice")

    assert world.pushes(alice, "group") == world.pushes(bob, "group") == [{"groupId": "team"}]
    assert world.pushes(bob, "profile") == [{"userId": "alice"}]
