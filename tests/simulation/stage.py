"""The whole product over in-memory stores, with a border around the stores at which a test decides what happens.

Everything that a function does to the outside passes ``Border.call``: there it may be made to wait for others, be killed
before or after the call took effect, or be told that the service is busy, with or without effect. Reads that DynamoDB
answers with eventual consistency may answer with an earlier state.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from im.connect.service import ConnectService
from im.delivery.model import Presence
from im.delivery.service import Delivery
from im.errors import BusyError
from im.group.model import GroupInfo
from im.group.roster import Roster
from im.group.service import GroupService
from im.message.log import Log
from im.message.model import Row
from im.message.screening import Screening
from im.message.service import MessageService
from im.moderation.service import Filter
from im.platform.dynamo import Item, Key
from im.platform.poster import Outcome, Post
from im.platform.uids import Uids
from tests.fakes.world import World
from tests.simulation.turns import Killed

FATES = ("kill_before", "kill_after", "busy_before", "busy_after")
"""What may become of a call: the environment dies around it, or the service says that it failed, truly or not."""

STALE_MS = 1_000
"""How far an eventually consistent read may lag."""

_PURE = frozenset({"key", "decode", "info_key", "member_key"})
_EVENTUAL = frozenset(
    {
        "load",
        "of_user",
        "with_versions",
        "get_info",
        "get_infos",
        "get_member",
        "list_members",
        "roster",
        "before",
        "after",
        "find",
    }
)
_CONSISTENT = frozenset(
    {
        "get",
        "get_many",
        "newest",
        "load_one",
        "latest_roster",
        "get_members",
        "get_dissolved",
        "page_members",
        "get_request",
    }
)

Dictionaries = list[dict[str, Any]]


class Border:
    """Stands between the services and the stores.

    Attributes:
        fate: asked before each call by its name; answers one of ``FATES`` or None.
        lag: the random source of stale reads; None makes all reads current.
    """

    def __init__(self, stores: Sequence[Any], clock: Callable[[], int]) -> None:
        self.fate: Callable[[str], str | None] = lambda name: None
        self.lag: Random | None = None
        self._stores = stores
        self._clock = clock
        self._past: list[tuple[int, Dictionaries]] = []

    def call(self, name: str, perform: Callable[[], Any]) -> Any:
        """Let one call pass, or not."""
        fate = self.fate(name)
        if fate == "kill_before":
            raise Killed
        if fate == "busy_before":
            raise BusyError(f"{name} was refused")
        result = perform()
        if fate == "kill_after":
            raise Killed
        if fate == "busy_after":
            raise BusyError(f"{name} timed out")
        return result

    def write(self, name: str, perform: Callable[[], Any]) -> Any:
        """Let a write pass, and keep the state before it for reads that lag."""

        def remember_and_perform() -> Any:
            if self.lag is not None:
                now = self._clock()
                self._past = [each for each in self._past if now - each[0] <= STALE_MS]
                self._past.append((now, [_copied(vars(store)) for store in self._stores]))
            return perform()

        return self.call(name, remember_and_perform)

    def sometime(self, perform: Callable[[], Any]) -> Any:
        """The result of a read as it is now or was a moment ago."""
        now = self._clock()
        states = [state for at, state in self._past if now - at <= STALE_MS]
        if self.lag is None or not states or self.lag.random() < 0.5:
            return perform()
        with self._as_of(self.lag.choice(states)):
            return perform()

    @contextmanager
    def _as_of(self, state: Dictionaries) -> Iterator[None]:
        present = [{name: vars(store)[name] for name in old} for store, old in zip(self._stores, state, strict=True)]
        for store, old in zip(self._stores, state, strict=True):
            vars(store).update(_copied(old))
        try:
            yield
        finally:
            for store, kept in zip(self._stores, present, strict=True):
                vars(store).update(kept)


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    """What an in-memory store keeps: its dictionaries, and the dictionaries in them. The values never change."""
    copies = {name: value.copy() for name, value in attributes.items() if isinstance(value, dict)}
    for copy in copies.values():
        for key, value in copy.items():
            if isinstance(value, dict):
                copy[key] = value.copy()
    return copies


class Guarded:
    """A store behind the border. What is several calls in the real store is several calls here."""

    def __init__(self, target: Any, border: Border) -> None:
        self._target = target
        self._border = border

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if name in _PURE:
            return method

        def run(*args: Any, **kwargs: Any) -> Any:
            def read() -> Any:
                found = method(*args, **kwargs)
                return iter(list(found)) if isinstance(found, Iterator) else found

            if name in _EVENTUAL and not kwargs.get("consistent"):
                return self._border.call(name, lambda: self._border.sometime(read))
            if name in _EVENTUAL or name in _CONSISTENT:
                return self._border.call(name, read)
            return self._border.write(name, read)

        return run


class GuardedPresence(Guarded):
    """Presence behind the border; of a batch read each item lags by itself, as DynamoDB's do."""

    def load(
        self, users: Iterable[str], also: Sequence[Key] = (), *, consistent: bool = False
    ) -> tuple[dict[str, Presence], dict[Key, Item]]:
        """See ``PresenceStore``."""

        def read(key: str | Key) -> Any:
            if isinstance(key, str):
                return self._target.load_one(key)
            return self._target.load((), [key])[1].get(key)

        def read_each() -> tuple[dict[str, Presence], dict[Key, Item]]:
            sometime = self._border.sometime
            found = {user: read(user) if consistent else sometime(partial(read, user)) for user in users}
            items = {key: read(key) if key.consistent else sometime(partial(read, key)) for key in also}
            return found, {key: item for key, item in items.items() if item is not None}

        result: tuple[dict[str, Presence], dict[Key, Item]] = self._border.call("load", read_each)
        return result


class GuardedRows(Guarded):
    """Rows behind the border."""

    def enter_many(self, users: Iterable[str], group: str, firsts: Any, minute: int, change: int) -> None:
        """See ``RowStore``; a batch may be cut between its items."""
        for user in users:
            self._border.write(
                "enter", lambda user=user: self._target.enter_many([user], group, firsts, minute, change)
            )


class GuardedGroups(Guarded):
    """Groups behind the border, with the roster cache that an environment has."""

    def __init__(self, target: Any, border: Border) -> None:
        super().__init__(target, border)
        self._cache: dict[str, Roster] = {}

    def roster(self, group: str, min_version: int) -> Roster:
        """See ``GroupStore``."""
        if group not in self._cache or self._cache[group].version < min_version:
            read = self._target.latest_roster
            roster = self._border.call("roster", lambda: self._border.sometime(lambda: read(group)))
            if roster.version < min_version:
                roster = self._border.call("roster", lambda: read(group))
            self._cache[group] = roster
        return self._cache[group]

    def put_members(self, group: str, members: Iterable[Any]) -> None:
        """See ``GroupStore``; a batch may be cut between its items."""
        for member in members:
            self._border.write("put_member", lambda member=member: self._target.put_members(group, [member]))

    def publish(self, group: str, roster: Roster, now_ms: int) -> GroupInfo | None:
        """See ``GroupStore``: an update, and then a read of what stands there."""
        self._border.write("publish", lambda: self._target.publish(group, roster, now_ms))
        info: GroupInfo | None = self._border.call("get_info", lambda: self._target.get_info(group))
        return info


class Wire:
    """The gateway: open connections, and the frames on their way. It is the poster of all environments.

    Attributes:
        frames: by open connection, what was sent to it and not yet taken.
        silent: connections that are dead without the gateway knowing; posts to them vanish.
        watch: told of every frame that is posted to an open connection.
    """

    def __init__(self, border: Border) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.silent: set[str] = set()
        self.watch: Callable[[str, dict[str, Any]], None] = lambda connection, frame: None
        self._border = border

    def post_many(self, posts: Sequence[Post]) -> Outcome:
        """See ``Poster``."""
        outcome = Outcome()
        for post in posts:
            try:
                taken = self._border.call("post", lambda post=post: self._post(post))
            except BusyError:
                outcome.failed.append(post)
                continue
            if not taken:
                outcome.gone.append(post)
        return outcome

    def _post(self, post: Post) -> bool:
        if post.connection in self.silent:
            return True
        if post.connection not in self.frames:
            return False
        frame = json.loads(post.frame)
        self.watch(post.connection, frame)
        self.frames[post.connection].append(frame)
        return True

    def close(self, connection: str) -> None:
        """See ``Poster``."""
        self._border.call("close", lambda: self.frames.pop(connection, None))


class Environment:
    """What one function environment holds: services with memories of their own over the shared stores."""

    def __init__(self, stage: "Stage") -> None:
        world, border = stage.world, stage.border
        presence = GuardedPresence(world.presence, border)
        messages, rows = Guarded(world.messages, border), GuardedRows(world.rows, border)
        groups, queue = GuardedGroups(world.groups, border), Guarded(world.queue, border)
        switches, clock = world.switches, world.clock
        limits = {"inline_limit": switches.inline_limit, "chunk": switches.fanout_chunk}
        self.delivery = Delivery(presence, stage.wire, queue, clock, **limits)  # type: ignore[arg-type]
        nodes = stage.random
        self.uids = Uids(world.ephemera, clock, pick=lambda: nodes.randrange(1 << 14))
        log = Log(messages, self.uids, index_uids=True)  # type: ignore[arg-type]
        words = Screening(Filter(world.words, clock), log, switches)
        rooms = world.room_messages(words)
        self.messages = MessageService(
            messages,  # type: ignore[arg-type]
            rows,
            groups,  # type: ignore[arg-type]
            self.delivery,
            log,
            self.uids,
            words,
            rooms,
            switches,
            clock,
            channels=world.channels,
            new_cid=stage.new_id,
        )
        self.connect = ConnectService(
            world.sessions,
            rows,
            messages,  # type: ignore[arg-type]
            groups,  # type: ignore[arg-type]
            world.channels,
            self.delivery,
            switches,
            clock,
        )
        self.groups = GroupService(groups, rows, messages, self.messages, switches, clock, stage.new_id, world.types_of)  # type: ignore[arg-type]


class Stage:
    """One deployment: shared stores, a border around them, and environments that come and go.

    Args:
        seed: of everything random.
        switches: behaviour switches by their dotted keys.
    """

    def __init__(self, seed: int = 0, **switches: Any) -> None:
        self.random = Random(seed)
        self.world = World(**switches)
        # Somewhere in a minute, so that some runs see a minute end.
        self.world.now += self.random.choice((0, 30_000, 59_000, 59_900))
        world = self.world
        self.border = Border([world.messages, world.rows, world.presence, world.groups], world.clock)
        self.wire = Wire(self.border)
        self._ids = 0
        self._environments: dict[int, Environment] = defaultdict(lambda: Environment(self))

    def new_id(self) -> str:
        """An id that nobody else has."""
        self._ids += 1
        return f"id{self._ids}"

    def environment(self, number: int = 0) -> Environment:
        """The environment of a number; a fresh one when there is none, or it has died."""
        return self._environments[number]

    def bury(self, number: int) -> None:
        """An environment has died; the next one of its number remembers nothing."""
        self._environments.pop(number, None)

    def rows_of(self, user: str) -> list[Row]:
        """A user's rows as they truly are."""
        return self.world.rows.of_user(user)
