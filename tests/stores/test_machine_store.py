"""The contract of the robots and devices."""

from typing import Any

import pytest
from msgspec.structs import replace

from im.delivery.store import DynamoPresenceStore
from im.machine.model import Device, Robot
from im.machine.store import DynamoMachineStore, MachineStore
from tests.fakes.delivery import MemoryPresenceStore
from tests.fakes.items import Items
from tests.fakes.machine import MemoryMachineStore
from tests.stores.tables import DIRECTORY, PRESENCE

ROBOT = Robot("r|1", owner="ann%", secret="s", callback="http://c", extra="{}", created=1_000)
DEVICE = Device("d|1", owners=("ann%", "bob"), token="t", secret="s", extra="{}")


@pytest.fixture(params=["memory", "dynamo"])
def presence(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryPresenceStore(Items())
    return DynamoPresenceStore(request.getfixturevalue("dynamo"), PRESENCE)


@pytest.fixture
def store(request: pytest.FixtureRequest, presence: Any) -> MachineStore:
    if isinstance(presence, MemoryPresenceStore):
        return MemoryMachineStore(presence)
    return DynamoMachineStore(request.getfixturevalue("dynamo"), DIRECTORY, PRESENCE)


def test_a_robot_comes_back_and_its_owner_finds_it(store: MachineStore) -> None:
    assert (store.robot(ROBOT.id), store.robots_of("ann%")) == (None, [])

    store.put_robot(ROBOT, None)

    assert store.robot(ROBOT.id) == ROBOT
    assert store.robots([ROBOT.id, "nobody"]) == {ROBOT.id: ROBOT}
    assert (store.robots_of("ann%"), store.robots_of("bob")) == ([ROBOT.id], [])


def test_a_robot_changes_hands(store: MachineStore) -> None:
    store.put_robot(ROBOT, None)
    store.put_robot(replace(ROBOT, owner="bob"), ROBOT)

    assert (store.robots_of("ann%"), store.robots_of("bob")) == ([], [ROBOT.id])


def test_robots_are_listed_in_the_order_of_their_creation(store: MachineStore) -> None:
    for robot, created in (("late", 20_000), ("early", 3_000), ("middle", 4_000)):
        store.put_robot(Robot(robot, owner=robot, created=created), None)

    assert store.list_robots(0, 10) == ["early", "middle", "late"]
    assert (store.list_robots(1, 1), store.list_robots(3, 5)) == (["middle"], [])


def test_a_forgotten_robot_leaves_nothing(store: MachineStore) -> None:
    store.put_robot(ROBOT, None)
    store.forget(ROBOT.id)
    store.forget(ROBOT.id)

    assert (store.robot(ROBOT.id), store.robots_of("ann%"), store.list_robots(0, 10)) == (None, [], [])


def test_a_device_comes_back_and_each_owner_finds_it(store: MachineStore) -> None:
    assert (store.device(DEVICE.id), store.devices_of("bob")) == (None, [])

    store.put_device(DEVICE, None)

    assert store.device(DEVICE.id) == DEVICE
    assert (store.devices_of("ann%"), store.devices_of("bob")) == ([DEVICE], [DEVICE])


def test_an_owner_who_is_none_any_more_finds_it_no_longer(store: MachineStore) -> None:
    store.put_device(DEVICE, None)
    changed = replace(DEVICE, owners=("bob", "cem"))
    store.put_device(changed, DEVICE)

    assert [store.devices_of(owner) for owner in ("ann%", "bob", "cem")] == [[], [changed], [changed]]
    store.forget(DEVICE.id)
    assert (store.device(DEVICE.id), store.devices_of("bob")) == (None, [])


def test_presence_tells_whether_a_robot_has_a_callback(store: MachineStore, presence: Any) -> None:
    def flagged() -> bool:
        return bool(presence.load_one(ROBOT.id).robot)

    silent = replace(ROBOT, callback="")
    store.put_robot(silent, None)
    assert not flagged()

    store.put_robot(ROBOT, silent)
    presence.set_status(ROBOT.id, 1)
    assert flagged()

    store.put_robot(silent, ROBOT)
    assert not flagged()

    store.put_robot(ROBOT, silent)
    store.forget(ROBOT.id)
    assert not flagged()
    assert presence.load_one(ROBOT.id).status == 1


def test_a_callback_is_changed_for_itself_and_only_of_a_robot_that_exists(store: MachineStore, presence: Any) -> None:
    assert not store.set_callback(ROBOT.id, "http://new")
    assert store.robot(ROBOT.id) is None
    assert not presence.load_one(ROBOT.id).robot

    store.put_robot(replace(ROBOT, callback=""), None)
    for url in ("http://new", "http://newer", ""):
        assert store.set_callback(ROBOT.id, url)
        assert store.robot(ROBOT.id) == replace(ROBOT, callback=url)
        assert presence.load_one(ROBOT.id).robot == bool(url)
