"""In-memory presence, a fan-out queue that is a list, and a poster that remembers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from im.delivery.model import FORBIDDEN, Change, Device, Job, Presence, PushAddress, Versions
from im.platform.dynamo import ConditionFailed, Item, Key
from im.platform.poster import Outcome, Post
from tests.fakes.items import Items


class MemoryPresenceStore:
    """``PresenceStore`` in a dictionary."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._presences: dict[str, Presence] = {}

    def key(self, user: str) -> Key:
        return Key("presence", (("u", user),))

    def decode(self, user: str, item: Item | None) -> Presence:
        return self._presences.get(user, Presence(user))

    def load(
        self, users: Iterable[str], also: Sequence[Key] = (), *, consistent: bool = False
    ) -> tuple[dict[str, Presence], dict[Key, Item]]:
        return {user: self.load_one(user) for user in users}, self._items.read(also)

    def load_one(self, user: str) -> Presence:
        return self._presences.get(user, Presence(user))

    def register(self, user: str, device: Device) -> Presence:
        before = self.load_one(user)
        old = before.device(device.client)
        if before.status == FORBIDDEN or (old and old.online and old.since > device.since):
            raise ConditionFailed
        return self._replace(before, before.put(replace(device, push=old.push if old else None)))

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> Presence | None:
        before = self.load_one(user)
        device = before.device(client)
        if device is None or device.connection != connection:
            return None
        return self._replace(before, before.disconnected(client, at_ms))

    def remove(self, user: str, client: str) -> Presence:
        before = self.load_one(user)
        return self._replace(before, before.without(client))

    def set_push(self, user: str, client: str, before: PushAddress | None, after: PushAddress | None) -> bool:
        presence = self.load_one(user)
        device = presence.device(client)
        if device is None or device.push != before:
            return False
        self._presences[user] = presence.put(replace(device, push=after))
        return True

    def set_state(self, user: str, state: int, text: str) -> Presence:
        before = self.load_one(user)
        return self._replace(before, replace(before, state=state, text=text))

    def enlist(self, user: str, device: Device) -> None:
        self._presences[user] = replace(self.load_one(user), listed=True)

    def online_counts(self) -> list[int]:
        return [len(self.online_users(0, 0, 10**9))]

    def online_users(self, shard: int, offset: int, count: int) -> list[str]:
        listed = sorted(user for user, presence in self._presences.items() if presence.listed)
        return listed[offset : offset + count]

    def page_online(self, shard: int, after: str, limit: int) -> list[str]:
        return [user for user in self.online_users(0, 0, 10**9) if user > after][:limit] if shard == 0 else []

    def online_among(self, users: Sequence[str]) -> set[str] | None:
        return set(self.online_users(0, 0, 10**9)).intersection(users)

    def set_status(self, user: str, status: int) -> None:
        self._presences[user] = replace(self.load_one(user), status=status)

    def set_receipts(self, user: str, on: bool) -> None:
        self._presences[user] = replace(self.load_one(user), receipts=on)

    def flag_robot(self, user: str, on: bool) -> None:
        """Whether a robot has a callback, which ``MachineStore`` keeps."""
        self._presences[user] = replace(self.load_one(user), robot=on)

    def _replace(self, before: Presence, after: Presence) -> Presence:
        listed = any(device.online for device in after.devices)
        self._presences[before.user] = replace(after, listed=listed)
        return before


class ListQueue:
    """``FanoutQueue`` that keeps its jobs."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def put(self, jobs: Iterable[Job], delay_s: int = 0) -> None:
        self.jobs += jobs


class RecordingPoster:
    """``Poster`` that remembers every frame by connection; named connections are gone or do not take frames."""

    def __init__(self) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.closed: list[str] = []
        self.gone: set[str] = set()
        self.stuck: set[str] = set()

    def post_many(self, posts: Sequence[Post]) -> Outcome:
        outcome = Outcome()
        for post in posts:
            if post.connection in self.gone:
                outcome.gone.append(post)
            elif post.connection in self.stuck:
                outcome.failed.append(post)
            else:
                self.frames[post.connection].append(json.loads(post.frame))
        return outcome

    def close(self, connection: str) -> bool:
        self.closed.append(connection)
        return True


class MemoryVersionStore:
    """``VersionStore`` in a dictionary."""

    def __init__(self) -> None:
        self.versions: dict[str, Versions] = defaultdict(Versions)

    def raise_to(self, user: str, change: Change, version: int) -> None:
        known = self.versions[user]
        name = {Change.FRIEND_REQUESTS: "friend_requests"}.get(change, change.value)
        self.versions[user] = msgspec.structs.replace(known, **{name: max(version, getattr(known, name))})
