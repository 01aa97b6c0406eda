"""In-memory presence, a fan-out queue that is a list, and a poster that remembers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from im.delivery.model import Change, Device, Job, Presence, Versions
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

    def register(self, user: str, device: Device) -> Device | None:
        old = self.load_one(user).device(device.client)
        if old and old.online and old.since > device.since:
            raise ConditionFailed
        self._replace(user, device.client, device)
        return old

    def disconnect(self, user: str, client: str, connection: str, at_ms: int) -> bool:
        device = self.load_one(user).device(client)
        if device is None or device.connection != connection:
            return False
        self._replace(user, client, replace(device, connection="", since=at_ms))
        return True

    def remove(self, user: str, client: str) -> Device | None:
        device = self.load_one(user).device(client)
        self._replace(user, client, None)
        return device

    def set_status(self, user: str, status: int) -> None:
        self._presences[user] = replace(self.load_one(user), status=status)

    def set_receipts(self, user: str, on: bool) -> None:
        self._presences[user] = replace(self.load_one(user), receipts=on)

    def _replace(self, user: str, client: str, device: Device | None) -> None:
        presence = self.load_one(user)
        others = tuple(each for each in presence.devices if each.client != client)
        self._presences[user] = replace(presence, devices=others if device is None else (*others, device))


class ListQueue:
    """``FanoutQueue`` that keeps its jobs."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def put(self, jobs: Iterable[Job]) -> None:
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
