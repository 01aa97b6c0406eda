"""Robots and devices in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from im.machine.model import Device, Robot
from tests.fakes.delivery import MemoryPresenceStore


class MemoryMachineStore:
    """``MachineStore`` in dictionaries."""

    def __init__(self, presence: MemoryPresenceStore) -> None:
        self._presence = presence
        self._robots: dict[str, Robot] = {}
        self._devices: dict[str, Device] = {}

    def robot(self, robot_id: str) -> Robot | None:
        return self._robots.get(robot_id)

    def robots(self, robot_ids: Sequence[str]) -> dict[str, Robot]:
        return {robot_id: self._robots[robot_id] for robot_id in robot_ids if robot_id in self._robots}

    def list_robots(self, offset: int, count: int) -> list[str]:
        ordered = sorted(self._robots.values(), key=lambda robot: (robot.created, robot.id))
        return [robot.id for robot in ordered][offset : offset + count]

    def robots_of(self, owner: str) -> list[str]:
        return sorted(robot.id for robot in self._robots.values() if robot.owner == owner)

    def put_robot(self, new: Robot, old: Robot | None) -> None:
        self._robots[new.id] = new
        self._presence.flag_robot(new.id, bool(new.callback))

    def set_callback(self, robot_id: str, url: str) -> bool:
        old = self.robot(robot_id)
        if old is None:
            return False
        self.put_robot(replace(old, callback=url), old)
        return True

    def device(self, device_id: str) -> Device | None:
        return self._devices.get(device_id)

    def devices_of(self, owner: str) -> list[Device]:
        owned = (device for device in self._devices.values() if owner in device.owners)
        return sorted(owned, key=lambda device: device.id)

    def put_device(self, new: Device, old: Device | None) -> None:
        self._devices[new.id] = new

    def forget(self, user: str) -> None:
        if self._robots.pop(user, None):
            self._presence.flag_robot(user, False)
        self._devices.pop(user, None)
