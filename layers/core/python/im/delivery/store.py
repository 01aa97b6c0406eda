"""Presence in DynamoDB and the fan-out queue.

Presence is one item per user: an attribute per device, named after its client id, so that devices come and go without
reading the item and without touching one another. Connection ids are leases: a disconnect is best effort, the truth is
the 410 of a post, and both remove a connection only while it is still the one registered.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from im import keys
from im.delivery.model import FORBIDDEN, Change, Device, Job, Presence, PushAddress, Subscription, Versions
from im.errors import BusyError
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, decode_item, encode, translated_errors
from im.platform.parallel import run_all

SHARDS = 16
"""Parts of the index of those who are online: each takes 1,000 users who come or go in a second."""
_WORTH_AN_INDEX = 500
"""Users from which on the index is looked at to find who of them is online."""
_ENTRIES_PER_USER = 100
"""Entries of the index that are cheaper to read than one user's presence, which is half a read unit."""
_DEVICE = "d:"
_PUSH = "p:"
_STATUS = "st"
_SILENT_READER = "nr"
_SHARD = "o"
ROBOT = "rb"
"""Set, by ``im.machine.store``, while a robot has a callback."""
_STATE = "cs"
_TEXT = "ct"
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

    def register(self, user: str, device: Device) -> Presence:
        """Record a connected device, unless a younger connection of the same client is there, or the user is forbidden.

        Returns the presence as it was before.

        Raises:
            ConditionFailed: a connection that was made later is registered, or the user is forbidden.
        """

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> Presence | None:
        """Mark a device offline if this is still its connection; returns the presence before that, None if it was not."""

    def remove(self, user: str, client: str) -> Presence:
        """Forget a device (kick, logout); returns the presence as it was before."""

    def set_push(self, user: str, client: str, before: PushAddress | None, after: PushAddress | None) -> bool:
        """Change where a device is notified; False if that is not ``before`` any more, or the device is not there."""

    def set_status(self, user: str, status: int) -> None:
        """Copy the global status next to the devices, where the send path reads it anyway."""

    def set_receipts(self, user: str, on: bool) -> None:
        """Copy whether others may be told how far he has read, where it is at hand when he reads."""

    def set_state(self, user: str, state: int, text: str) -> Presence:
        """Set what a user says of himself; returns the presence as it was before."""

    def enlist(self, user: str, device: Device) -> None:
        """Put a user into the index of those who are online, as long as this device of his is; repairs what a crash left."""

    def online_counts(self) -> list[int]:
        """How many users are online, by shard of the index; empty without an index."""

    def online_users(self, shard: int, offset: int, count: int) -> list[str]:
        """Some of the users of a shard who are online, in order."""

    def page_online(self, shard: int, after: str, limit: int) -> list[str]:
        """Users of a shard who are online and whose ids come after one, in order; empty without an index."""

    def online_among(self, users: Sequence[str]) -> set[str] | None:
        """Those of the users who are in the index of who is online; it may lag behind by a moment.

        None when there is no index, or so many others are online that looking each of these up is cheaper.
        """

    def key(self, user: str) -> Key:
        """The address of a user's item, for reads that span domains."""

    def decode(self, user: str, item: Item | None) -> Presence:
        """A presence from its item."""


class DynamoPresenceStore:
    """``PresenceStore`` on the Presence table. Attribute names are data here, so it speaks to the shared client.

    Users who are online carry the index's key, a shard's number, in the same item: it is set by the update that registers a
    device and taken away by the one that disconnects it. When the old item, which that update returns, shows another device
    online, it is set again, on condition that this one still is.

    Args:
        dynamo: DynamoDB.
        table: the Presence table.
        shards: into how many parts the index is split, so that none of them is busy; 0: there is none.
    """

    def __init__(self, dynamo: Dynamo, table: str, *, shards: int = SHARDS) -> None:
        self._dynamo = dynamo
        self._table = table
        self._shards = shards

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
            Device(
                client := name.removeprefix(_DEVICE),
                value["p"],
                value["c"],
                value["t"],
                _address(item[_PUSH + client]) if _PUSH + client in item else None,
            )
            for name, value in item.items()
            if name.startswith(_DEVICE)
        )
        return Presence(
            user,
            devices,
            item.get(_STATUS, 0),
            receipts=not item.get(_SILENT_READER, False),
            state=item.get(_STATE, 0),
            text=item.get(_TEXT, ""),
            listed=_SHARD in item,
            robot=ROBOT in item,
        )

    def register(self, user: str, device: Device) -> Presence:
        listed = f", {_SHARD} = :shard" if self._shards else ""
        values = {
            ":d": {"c": device.connection, "p": device.platform, "t": device.since},
            ":t": device.since,
            ":none": "",
            ":forbidden": FORBIDDEN,
        }
        old = self._update(
            user,
            device.client,
            f"SET #d = :d{listed}",
            condition="(attribute_not_exists(#d) OR #d.c = :none OR #d.t <= :t)"
            f" AND (attribute_not_exists({_STATUS}) OR {_STATUS} <> :forbidden)",
            values=values | self._shard_of(user),
        )
        return self.decode(user, old)

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> Presence | None:
        unlisted = f" REMOVE {_SHARD}" if self._shards else ""
        try:
            old = self._update(
                user,
                client,
                f"SET #d.c = :none, #d.t = :t{unlisted}",
                condition="#d.c = :c",
                values={":none": "", ":t": at_ms, ":c": connection},
            )
        except ConditionFailed:
            return None
        return self._left(self.decode(user, old), client)

    def remove(self, user: str, client: str) -> Presence:
        unlisted = f", {_SHARD}" if self._shards else ""
        old = self._update(user, client, f"REMOVE #d, #p{unlisted}", values={}, names={"#p": _PUSH + client})
        return self._left(self.decode(user, old), client)

    def set_push(self, user: str, client: str, before: PushAddress | None, after: PushAddress | None) -> bool:
        unchanged = "attribute_not_exists(#p)" if before is None else "#p = :before"
        values = {":before": before and _stored(before), ":after": after and _stored(after)}
        try:
            self._update(
                user,
                client,
                "REMOVE #p" if after is None else "SET #p = :after",
                condition=f"attribute_exists(#d) AND {unchanged}",
                values={name: value for name, value in values.items() if value is not None},
                names={"#p": _PUSH + client},
            )
        except ConditionFailed:
            return False
        return True

    def _left(self, before: Presence, client: str) -> Presence:
        others = [device for device in before.without(client).devices if device.online]
        if others:
            self.enlist(before.user, others[0])
        return before

    def enlist(self, user: str, device: Device) -> None:
        if not self._shards:
            return
        try:
            self._update(
                user,
                device.client,
                f"SET {_SHARD} = :shard",
                condition="#d.c = :c",
                values={":c": device.connection, **self._shard_of(user)},
            )
        except ConditionFailed:
            return

    def set_state(self, user: str, state: int, text: str) -> Presence:
        with translated_errors():
            answer = self._dynamo.client.update_item(
                TableName=self._table,
                Key={"u": {"S": user}},
                UpdateExpression=f"SET {_STATE} = :s, {_TEXT} = :t",
                ExpressionAttributeValues={":s": encode(state), ":t": encode(text)},
                ReturnValues="ALL_OLD",
                ReturnConsumedCapacity="TOTAL",
            )
        return self.decode(user, decode_item(answer.get("Attributes", {})))

    def online_counts(self) -> list[int]:
        return run_all([partial(self._count, shard) for shard in range(self._shards)])

    def _count(self, shard: int) -> int:
        return sum(page["Count"] for page in self._pages(shard, {"Select": "COUNT"}))

    def online_users(self, shard: int, offset: int, count: int) -> list[str]:
        found: list[str] = []
        for page in self._pages(shard, {"Limit": offset + count}):
            found += [item["u"]["S"] for item in page["Items"]]
            if len(found) >= offset + count:
                break
        return found[offset : offset + count]

    def page_online(self, shard: int, after: str, limit: int) -> list[str]:
        if not self._shards:
            return []
        return self._between(shard, after + keys.FIRST, keys.LAST, limit)

    def online_among(self, users: Sequence[str]) -> set[str] | None:
        if not self._shards or len(users) < _WORTH_AN_INDEX:
            return None
        allowed = len(users) * _ENTRIES_PER_USER // self._shards
        search = partial(self._between, first=min(users), last=max(users), limit=allowed)
        found = [search(0)]
        if len(found[0]) < allowed:
            found += run_all([partial(search, shard) for shard in range(1, self._shards)])
        if any(len(part) >= allowed for part in found):
            return None
        return {user for part in found for user in part}.intersection(users)

    def _between(self, shard: int, first: str, last: str, limit: int) -> list[str]:
        """Users of a shard who are online, from one id to another."""
        condition = f"{_SHARD} = :shard AND u BETWEEN :first AND :last"
        values = {":shard": encode(shard), ":first": encode(first), ":last": encode(last)}
        found: list[str] = []
        for page in self._pages(
            shard, {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "Limit": limit}
        ):
            found += [item["u"]["S"] for item in page["Items"]]
            if len(found) >= limit:
                break
        return found

    def _pages(self, shard: int, how: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request = {
            "TableName": self._table,
            "IndexName": "online",
            "KeyConditionExpression": f"{_SHARD} = :shard",
            "ExpressionAttributeValues": {":shard": encode(shard)},
            "ReturnConsumedCapacity": "TOTAL",
            **how,
        }
        while True:
            with translated_errors():
                page = self._dynamo.client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _shard_of(self, user: str) -> dict[str, int]:
        return {":shard": zlib.crc32(user.encode()) % self._shards} if self._shards else {}

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
        self,
        user: str,
        client: str,
        expression: str,
        *,
        values: dict[str, Any],
        condition: str | None = None,
        names: dict[str, str] | None = None,
    ) -> Item:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"u": {"S": user}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#d": _DEVICE + client, **(names or {})},
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


_PUSH_NAMES = {"y": "type", "k": "token", "v": "voip", "n": "package", "l": "language", "b": "badge"}


def _stored(address: PushAddress) -> dict[str, Any]:
    """An address under one-letter names, without what is empty: the item is read with every message to its user."""
    named = {short: value for short, name in _PUSH_NAMES.items() if (value := getattr(address, name))}
    browser = address.subscription
    return named | ({"w": [browser.endpoint, browser.p256dh, browser.auth]} if browser else {})


def _address(stored: dict[str, Any]) -> PushAddress:
    values = {name: stored[short] for short, name in _PUSH_NAMES.items() if short in stored}
    return PushAddress(**values, subscription=Subscription(*stored["w"]) if "w" in stored else None)


class VersionsItem(Model):
    """How new what a user's devices keep is."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    settings = NumberAttribute(null=True)
    friends = NumberAttribute(null=True)
    friendRequests = NumberAttribute(null=True)  # noqa: N815
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

    def put(self, jobs: Iterable[Job], delay_s: int = 0) -> None:
        """Queue every job, to be worked on after a delay (s).

        Raises:
            BusyError: one of them was not taken; all may be queued again, receivers drop duplicates.
        """


_encode_job = msgspec.json.Encoder().encode
_decode_job = msgspec.json.Decoder(Job).decode


def job_from_body(body: str) -> Job:
    """The job in a queue message's body."""
    return _decode_job(body)


class SqsQueue:
    """``FanoutQueue`` and other queues of tasks on SQS, in batches of at most ten entries and 250 KB.

    Args:
        client: returns the botocore client; asked when the first job is queued, which most functions never do.
        url: the queue's.
    """

    def __init__(self, client: Callable[[], Any], url: str) -> None:
        self._client = client
        self._url = url

    def put(self, jobs: Iterable[msgspec.Struct], delay_s: int = 0) -> None:
        batch: list[str] = []
        size = 0
        for job in jobs:
            body = _encode_job(job).decode()
            length = len(body.encode())
            if batch and (len(batch) == _MAX_BATCH_ENTRIES or size + length > _MAX_BATCH_BYTES):
                self._send(batch, delay_s)
                batch, size = [], 0
            batch.append(body)
            size += length
        if batch:
            self._send(batch, delay_s)

    def _send(self, bodies: Sequence[str], delay_s: int) -> None:
        late = {"DelaySeconds": delay_s} if delay_s else {}
        entries = [{"Id": str(index), "MessageBody": body, **late} for index, body in enumerate(bodies)]
        with translated_errors():
            answer = self._client().send_message_batch(QueueUrl=self._url, Entries=entries)
        if answer.get("Failed"):
            raise BusyError("the queue is busy")
