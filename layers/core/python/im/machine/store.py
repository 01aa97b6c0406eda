"""Robots and devices in the Directory table.

Each has one item beside its profile, and an entry with each of its owners, by which he finds what is his. Item and entries
are written in one transaction, and so is the flag on a robot's presence that says that he has a callback: a send reads that
item anyway (``im.robot``). Robots also carry the ``by_type`` index's keys, so that all can be listed by creation.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from im import keys
from im.delivery.store import ROBOT
from im.machine.model import MAX_OWNED, Device, Robot
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key


class TypeIndex(GlobalSecondaryIndex["RobotItem"]):
    """Lists items of one kind; sparse."""

    class Meta:
        index_name = "by_type"
        projection = KeysOnlyProjection()

    gt = UnicodeAttribute(hash_key=True)
    gs = UnicodeAttribute(range_key=True)


class RobotItem(Model):
    """A robot."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    gt = UnicodeAttribute()
    gs = UnicodeAttribute()
    owner = UnicodeAttribute()
    secret = UnicodeAttribute()
    callback = UnicodeAttribute()
    extra = UnicodeAttribute()
    state = NumberAttribute()
    created = NumberAttribute()
    by_type = TypeIndex()


class DeviceItem(Model):
    """A device."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    owners = ListAttribute(of=UnicodeAttribute)
    token = UnicodeAttribute()
    secret = UnicodeAttribute()
    extra = UnicodeAttribute()
    state = NumberAttribute()


class OwnedItem(Model):
    """Says that a robot or device is a user's."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class FlagItem(Model):
    """A robot's presence, as far as it is written here."""

    class Meta:
        table_name = ""

    u = UnicodeAttribute(hash_key=True)
    robot = BooleanAttribute(attr_name=ROBOT)


class MachineStore(Protocol):
    """Robots and devices."""

    def robot(self, robot_id: str) -> Robot | None:
        """A robot, strongly consistent."""

    def robots(self, robot_ids: Sequence[str]) -> dict[str, Robot]:
        """Many robots by id; unknown ones are missing."""

    def list_robots(self, offset: int, count: int) -> list[str]:
        """Ids of robots in the order of their creation."""

    def robots_of(self, owner: str) -> list[str]:
        """Ids of the robots of an owner, at most ``MAX_OWNED``, strongly consistent."""

    def put_robot(self, new: Robot, old: Robot | None) -> None:
        """Make or replace a robot; ``old`` is what was read, whose owner's entry goes when it is another."""

    def set_callback(self, robot_id: str, url: str) -> bool:
        """Change a robot's callback, empty for none; False when there is no such robot."""

    def device(self, device_id: str) -> Device | None:
        """A device, strongly consistent."""

    def devices_of(self, owner: str) -> list[Device]:
        """The devices of an owner, at most ``MAX_OWNED``."""

    def put_device(self, new: Device, old: Device | None) -> None:
        """Make or replace a device; ``old`` is what was read, whose owners lose it when they are none any more."""

    def forget(self, user: str) -> None:
        """Remove the robot or device that a destroyed user was; anybody else was neither."""


class DynamoMachineStore:
    """``MachineStore`` on the Directory table, with the robots' flags on the Presence table."""

    def __init__(self, dynamo: Dynamo, table: str, presence: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._robots = dynamo.bind(RobotItem, table)
        dynamo.bind(DeviceItem, table)
        dynamo.bind(FlagItem, presence)
        self._owned = dynamo.bind(OwnedItem, table)

    def robot(self, robot_id: str) -> Robot | None:
        return self.robots([robot_id]).get(robot_id)

    def robots(self, robot_ids: Sequence[str]) -> dict[str, Robot]:
        found = self._dynamo.batch_get(self._key(robot_id, keys.ROBOT) for robot_id in robot_ids)
        robots = map(_robot, found.values())
        return {robot.id: robot for robot in robots}

    def list_robots(self, offset: int, count: int) -> list[str]:
        hits = self._dynamo.query(self._robots, keys.ROBOTS, index="by_type", limit=offset + count)
        return [keys.id_of(hit["pk"]) for hit in hits][offset:]

    def robots_of(self, owner: str) -> list[str]:
        return list(self._owned_by(owner, keys.OWNED_ROBOT_PREFIX))

    def put_robot(self, new: Robot, old: Robot | None) -> None:
        with self._dynamo.transaction(RobotItem) as writes:
            writes.save(
                RobotItem(
                    keys.user(new.id),
                    keys.ROBOT,
                    gt=keys.ROBOTS,
                    gs=keys.by_creation(new.created, new.id),
                    owner=new.owner,
                    secret=new.secret,
                    callback=new.callback,
                    extra=new.extra,
                    state=new.state,
                    created=new.created,
                )
            )
            writes.save(OwnedItem(keys.user(new.owner), keys.owned_robot(new.id)))
            if old is not None and old.owner != new.owner:
                writes.delete(OwnedItem(keys.user(old.owner), keys.owned_robot(old.id)))
            if new.callback:
                writes.update(FlagItem(new.id), [FlagItem.robot.set(True)])
            elif old is not None and old.callback:
                writes.update(FlagItem(new.id), [FlagItem.robot.remove()])

    def set_callback(self, robot_id: str, url: str) -> bool:
        flag = FlagItem.robot.set(True) if url else FlagItem.robot.remove()
        try:
            with self._dynamo.transaction(RobotItem) as writes:
                robot = RobotItem(keys.user(robot_id), keys.ROBOT)
                writes.update(robot, [RobotItem.callback.set(url)], RobotItem.pk.exists())
                writes.update(FlagItem(robot_id), [flag])
        except ConditionFailed:
            return False
        return True

    def _remove_robot(self, old: Robot) -> None:
        with self._dynamo.transaction(RobotItem) as writes:
            writes.delete(RobotItem(keys.user(old.id), keys.ROBOT))
            writes.delete(OwnedItem(keys.user(old.owner), keys.owned_robot(old.id)))
            if old.callback:
                writes.update(FlagItem(old.id), [FlagItem.robot.remove()])

    def device(self, device_id: str) -> Device | None:
        key = self._key(device_id, keys.DEVICE)
        item = self._dynamo.batch_get([key]).get(key)
        return _device(item) if item else None

    def devices_of(self, owner: str) -> list[Device]:
        owned = list(self._owned_by(owner, keys.OWNED_DEVICE_PREFIX))
        found = self._dynamo.batch_get(self._key(device_id, keys.DEVICE) for device_id in owned)
        return sorted(map(_device, found.values()), key=lambda device: device.id)

    def put_device(self, new: Device, old: Device | None) -> None:
        with self._dynamo.transaction(DeviceItem) as writes:
            writes.save(
                DeviceItem(
                    keys.user(new.id),
                    keys.DEVICE,
                    owners=list(new.owners),
                    token=new.token,
                    secret=new.secret,
                    extra=new.extra,
                    state=new.state,
                )
            )
            for owner in new.owners:
                writes.save(OwnedItem(keys.user(owner), keys.owned_device(new.id)))
            for owner in old.owners if old else ():
                if owner not in new.owners:
                    writes.delete(OwnedItem(keys.user(owner), keys.owned_device(new.id)))

    def _remove_device(self, old: Device) -> None:
        with self._dynamo.transaction(DeviceItem) as writes:
            writes.delete(DeviceItem(keys.user(old.id), keys.DEVICE))
            for owner in old.owners:
                writes.delete(OwnedItem(keys.user(owner), keys.owned_device(old.id)))

    def forget(self, user: str) -> None:
        robot_key, device_key = self._key(user, keys.ROBOT), self._key(user, keys.DEVICE)
        found = self._dynamo.batch_get([robot_key, device_key])
        if robot_key in found:
            self._remove_robot(_robot(found[robot_key]))
        if device_key in found:
            self._remove_device(_device(found[device_key]))

    def _owned_by(self, owner: str, prefix: str) -> Iterator[str]:
        condition = OwnedItem.sk.startswith(prefix)
        items = self._dynamo.query(self._owned, keys.user(owner), condition, limit=MAX_OWNED, consistent=True)
        return (keys.id_of(item["sk"]) for item in items)

    def _key(self, user_id: str, sort_key: str) -> Key:
        return Key(self._table, (("pk", keys.user(user_id)), ("sk", sort_key)), consistent=True)


def _robot(item: Item) -> Robot:
    return Robot(
        id=keys.id_of(item["pk"]),
        owner=item["owner"],
        secret=item["secret"],
        callback=item["callback"],
        extra=item["extra"],
        state=item["state"],
        created=item["created"],
    )


def _device(item: Item) -> Device:
    return Device(
        id=keys.id_of(item["pk"]),
        owners=tuple(item["owners"]),
        token=item["token"],
        secret=item["secret"],
        extra=item["extra"],
        state=item["state"],
    )
