"""Presence in DynamoDB and the fan-out queue.

Presence is one item per user: an attribute per device, named after its client id, so that devices come and go without
reading the item and without touching one another. Connection ids are leases: a disconnect is best effort, the truth is
the 410 of a post, and both remove a connection only while it is still the one registered.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from im import keys
from im.delivery.model import Change, Device, Job, Presence, Versions
from im.errors import BusyError
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, decode_item, encode, translated_errors

_DEVICE = "d:"
_STATUS = "st"
_SILENT_READER = "nr"
_MAX_BATCH_ENTRIES = 10
_MAX_BATCH_BYTES = 250_000


class PresenceStore(Protocol):
    """Where each user can be reached."""

    def load(
        self, users: Iterable[str], also: Sequence[Key] = (), *, consistent: bool = False
    ) -> tuple[dict[str, Presence], dict[Key, Item]]:
        """Read many users' presence, and any other items in the same batch. Unknown users get an empty presence."""

    def load_one(self, user: str) -> Presence:
        """One user's presence, strongly consistent."""

    def register(self, user: str, device: Device) -> Device | None:
        """Record a connected device, unless a younger connection of the same client is there.

        Returns the device that was there before, or None.

        Raises:
            ConditionFailed: a connection that was made later is registered.
        """

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> bool:
        """Mark a device offline if this is still its connection; returns whether it was."""

    def remove(self, user: str, client: str) -> Device | None:
        """Forget a device (kick, logout); returns what was there."""

    def set_status(self, user: str, status: int) -> None:
        """Copy the global status next to the devices, where the send path reads it anyway."""

    def set_receipts(self, user: str, on: bool) -> None:
        """Copy whether others may be told how far he has read, where it is at hand when he reads."""

    def key(self, user: str) -> Key:
        """The address of a user's item, for reads that span domains."""

    def decode(self, user: str, item: Item | None) -> Presence:
        """A presence from its item."""


class DynamoPresenceStore:
    """``PresenceStore`` on the Presence table. Attribute names are data here, so it speaks to the shared client."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def key(self, user: str) -> Key:
        return Key(self._table, (("u", user),))

    def load(
        self, users: Iterable[str], also: Sequence[Key] = (), *, consistent: bool = False
    ) -> tuple[dict[str, Presence], dict[Key, Item]]:
        wanted = {user: replace(self.key(user), consistent=consistent) for user in users}
        found = self._dynamo.batch_get([*also, *wanted.values()])
        presences = {user: self.decode(user, found.get(key)) for user, key in wanted.items()}
        return presences, {key: found[key] for key in also if key in found}

    def load_one(self, user: str) -> Presence:
        with translated_errors():
            answer = self._dynamo.client.get_item(
                TableName=self._table, Key={"u": {"S": user}}, ConsistentRead=True, ReturnConsumedCapacity="TOTAL"
            )
        return self.decode(user, decode_item(answer["Item"]) if "Item" in answer else None)

    def decode(self, user: str, item: Item | None) -> Presence:
        if item is None:
            return Presence(user)
        devices = tuple(
            Device(name.removeprefix(_DEVICE), value["p"], value["c"], value["t"])
            for name, value in item.items()
            if name.startswith(_DEVICE)
        )
        return Presence(user, devices, item.get(_STATUS, 0), receipts=not item.get(_SILENT_READER, False))

    def register(self, user: str, device: Device) -> Device | None:
        old = self._update(
            user,
            device.client,
            "SET #d = :d",
            condition="attribute_not_exists(#d) OR #d.c = :none OR #d.t <= :t",
            values={
                ":d": {"c": device.connection, "p": device.platform, "t": device.since},
                ":t": device.since,
                ":none": "",
            },
        )
        return self.decode(user, old).device(device.client)

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> bool:
        try:
            self._update(
                user,
                client,
                "SET #d.c = :none, #d.t = :t",
                condition="#d.c = :c",
                values={":none": "", ":t": at_ms, ":c": connection},
            )
        except ConditionFailed:
            return False
        return True

    def remove(self, user: str, client: str) -> Device | None:
        return self.decode(user, self._update(user, client, "REMOVE #d", values={})).device(client)

    def set_status(self, user: str, status: int) -> None:
        self._set(user, _STATUS, status)

    def set_receipts(self, user: str, on: bool) -> None:
        self._set(user, _SILENT_READER, not on)

    def _set(self, user: str, name: str, value: int) -> None:
        with translated_errors():
            self._dynamo.client.update_item(
                TableName=self._table,
                Key={"u": {"S": user}},
                UpdateExpression="SET #s = :s",
                ExpressionAttributeNames={"#s": name},
                ExpressionAttributeValues={":s": encode(value)},
                ReturnConsumedCapacity="TOTAL",
            )

    def _update(
        self, user: str, client: str, expression: str, *, values: dict[str, Any], condition: str | None = None
    ) -> Item:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"u": {"S": user}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#d": _DEVICE + client},
            "ReturnValues": "ALL_OLD",
            "ReturnConsumedCapacity": "TOTAL",
        }
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = {name: encode(value) for name, value in values.items()}
        with translated_errors():
            answer = self._dynamo.client.update_item(**request)
        return decode_item(answer.get("Attributes", {}))


class VersionsItem(Model):
    """How new what a user's devices keep is."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    settings = NumberAttribute(null=True)
    friends = NumberAttribute(null=True)
    friendRequests = NumberAttribute(null=True)  # noqa: N815
    groups = NumberAttribute(null=True)
    settingCount = NumberAttribute(null=True)  # noqa: N815
    push = UnicodeAttribute(null=True)


def versions_from_item(item: Item) -> Versions:
    """The versions of a user from their item."""
    return msgspec.convert(item, Versions)


class VersionStore(Protocol):
    """The versions of what a user's devices keep."""

    def raise_to(self, user: str, change: Change, version: int) -> None:
        """Raise one version, unless it is as high already."""


class DynamoVersionStore:
    """``VersionStore`` on the Directory table. A ``hello`` gets the item along with the conversation rows."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        dynamo.bind(VersionsItem, table)

    def raise_to(self, user: str, change: Change, version: int) -> None:
        attribute = getattr(VersionsItem, change)
        condition = attribute.does_not_exist() | (attribute < version)
        try:
            with translated_errors():
                VersionsItem(keys.user(user), keys.VERSIONS).update([attribute.set(version)], condition=condition)
        except ConditionFailed:
            return


class FanoutQueue(Protocol):
    """Takes the chunks of a delivery that is too large for the sending function."""

    def put(self, jobs: Iterable[Job]) -> None:
        """Queue every job.

        Raises:
            BusyError: one of them was not taken; all may be queued again, receivers drop duplicates.
        """


_encode_job = msgspec.json.Encoder().encode
_decode_job = msgspec.json.Decoder(Job).decode


def job_from_body(body: str) -> Job:
    """The job in a queue message's body."""
    return _decode_job(body)


class SqsFanoutQueue:
    """``FanoutQueue`` on SQS, in batches of at most ten entries and 250 KB.

    Args:
        client: returns the botocore client; asked when the first job is queued, which most functions never do.
        url: the queue's.
    """

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        self._client = client
        self._url = url

    def put(self, jobs: Iterable[Job]) -> None:
        batch: list[str] = []
        size = 0
        for job in jobs:
            body = _encode_job(job).decode()
            length = len(body.encode())
            if batch and (len(batch) == _MAX_BATCH_ENTRIES or size + length > _MAX_BATCH_BYTES):
                self._send(batch)
                batch, size = [], 0
            batch.append(body)
            size += length
        if batch:
            self._send(batch)

    def _send(self, bodies: Sequence[str]) -> None:
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
        with translated_errors():
            answer = self._client().send_message_batch(QueueUrl=self._url, Entries=entries)
        if answer.get("Failed"):
            raise BusyError("the fan-out queue is busy")
