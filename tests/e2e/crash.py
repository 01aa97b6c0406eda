"""Operations that are cut at their AWS calls: the people they are played with, the cuts, and who cuts what.

Every module of this folder that is named ``test_crash_...`` may have two tables: ``OPERATIONS``, which write and are
therefore cut, and ``READS``, which do not. Its own test cuts some calls of each operation in one way (``cut_some_calls``),
``test_exhaustive_cuts`` cuts many of them, and by hand all of them in all ways, and ``test_crash_coverage`` compares the
tables with what there is.
"""

import importlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from local.client import SocketClient
from local.topology import Topology
from tests.e2e.context import with_switches
from tests.e2e.test_faults import ACTIONS, persist, pulled, send_body, text

ATTEMPTS = 12
"""How often a caller tries."""
CUTS = 4
"""How many calls of an operation the short tests cut, where it does not say another number."""
MANY_CUTS = 2 * len(ACTIONS)
"""How many the long ones do: each way comes twice."""
CONTEXT = with_switches(seed_demo_objects=False, inline_limit=4, auth_code_hosts="pages.example.com")
SOCKET, MESSAGE, PROFILE, ROOM, API = "ConnectWs", "MessageWs", "ProfileWs", "ChatroomWs", "ServerApi"
GROUP = "GroupWs"
ROBOT_SECRET = "123456"
CHANNEL_SECRET = "a-channels-secret"
"""Of the robot of a scene, in which there is one."""

_names = itertools.count()
tally: list[tuple[int, int]] = []
"""The calls and the cuts of each operation that the running test has cut."""


class Scene:
    """What one run of an operation has to do with: fresh users, their sockets, and a group that is theirs."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        number = self.number = next(_names)
        self.ann, self.bob, self.cem = (f"{name}{number}" for name in ("ann", "bob", "cem"))
        self.team = f"team{number}"
        self.word = f"word{number}"
        self.robot = f"robot{number}"
        self.channel = f"news{number}"
        self.room, self.other_room = f"room{number}", f"bar{number}"
        self.sockets: list[SocketClient] = []
        self.kept: dict[str, Any] = {}

    @property
    def to_bob(self) -> dict[str, Any]:
        """The single chat as ann names it."""
        return {"type": 0, "target": self.bob}

    @property
    def to_ann(self) -> dict[str, Any]:
        """The single chat as bob names it."""
        return {"type": 0, "target": self.ann}

    @property
    def to_team(self) -> dict[str, Any]:
        """The group's conversation."""
        return {"type": 1, "target": self.team}

    @property
    def to_room(self) -> dict[str, Any]:
        """The chatroom's conversation."""
        return {"type": 2, "target": self.room}

    async def join(self, user: str, client: str = "", platform: int = 5) -> SocketClient:
        """Connect, again and again until it succeeds."""
        for _ in range(ATTEMPTS):
            try:
                token = await self.token(user, client, platform)
                name = client or f"{user}-client"
                socket = await SocketClient.connect(self.topology.socket_url, token, name, platform)
            except InvalidStatus as refused:
                if refused.response.status_code in (401, 403):
                    raise
                continue
            self.sockets.append(socket)
            return socket
        raise AssertionError("never connected")

    async def token(self, user: str, client: str = "", platform: int = 5) -> str:
        """A token, asked for until it comes."""
        body = {"userId": user, "clientId": client or f"{user}-client", "platform": platform}
        return str((await self.admin("/admin/user/get_token", body))["token"])

    async def admin(self, path: str, body: Any, *, fine: tuple[int, ...] = ()) -> Any:
        """A call of the server API, repeated as long as the answer says that the server failed.

        A robot's path is asked for by the scene's robot, and a channel's by its channel.
        Codes in ``fine`` mean that an attempt before has done it.
        """
        for _ in range(ATTEMPTS):
            try:
                answer = await self._ask(path, body)
            except ValueError:
                continue
            code = answer.get("code")
            if code in (0, *fine):
                return answer.get("result")
            assert code in (None, 4, 221), answer
        raise AssertionError(f"{path} never succeeded")

    async def _ask(self, path: str, body: Any) -> dict[str, Any]:
        if path.startswith("/robot/"):
            return await self.topology.robot(self.robot, ROBOT_SECRET, path, body)
        if path.startswith("/channel/"):
            return await self.topology.channel(self.channel, CHANNEL_SECRET, path, body)
        return await self.topology.admin(path, body)

    async def found(self) -> None:
        """Make the group, with ann and bob."""
        info = {"target_id": self.team, "name": self.team, "type": 2, "owner": self.ann}
        group = {"group_info": info, "members": [{"member_id": self.ann}, {"member_id": self.bob}]}
        await self.admin("/admin/group/create", {"operator": self.ann, "group": group}, fine=(11,))

    async def members(self) -> list[str]:
        """Who is in the group by what is served to administrators."""
        answer = await self.admin("/admin/group/member/list", {"groupId": self.team})
        return sorted(member["member_id"] for member in answer["members"])

    async def register(self) -> None:
        """Make bob a registered user."""
        await self.admin("/admin/user/create", {"userId": self.bob, "name": self.bob, "displayName": "Bob"})

    async def close(self) -> None:
        """Close what was opened."""
        for socket in self.sockets:
            await socket.close()


Step = Callable[[Scene], Awaitable[None]]


def plain() -> Topology:
    """The system of most operations."""
    return Topology.from_cdk(context=CONTEXT)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what must be there before, the operation with its repeats, and what must be true afterwards.

    Attributes:
        name: what is asked for, as ``group.kick`` or a path of the server API (without ``/admin/``), and perhaps a comma
            or a space and more words.
        function: whose calls are cut; not who is asked, where that is a worker.
        cuts: so many of its calls are cut by the short tests.
        system: makes the system that it needs.
    """

    name: str
    function: str
    prepare: Step
    run: Step
    check: Step
    cuts: int = CUTS
    system: Callable[[], Topology] = plain

    @property
    def op(self) -> str:
        """What is asked for, without further words."""
        return self.name.split(" ")[0].rstrip(",")


@dataclass(frozen=True, slots=True)
class Read:
    """An operation that writes nothing: what must be there before, and the question. Reads may share a scene.

    Attributes:
        name: what is asked for, as in ``Operation``.
        prepare: the scene; made once for all that name the same one.
        body: what is asked with, as the user ``who`` of the scene.
    """

    name: str
    prepare: Step
    body: Callable[[Scene], Any]
    who: str = "ann"


async def nothing(scene: Scene) -> None:
    """Nothing has to be there."""


async def two_chat(scene: Scene) -> None:
    """Both are connected, and ann has sent bob a message."""
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)
    sent = await persist(scene.topology, scene.kept["ann"], send_body(scene.to_bob, "secret", "c"))
    scene.kept["sent"] = sent


async def group_chats(scene: Scene) -> None:
    """The group exists; ann and bob are connected."""
    await scene.found()
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)


async def ask(scene: Scene, who: str, route: str, op: str, body: Any = None) -> Any:
    """A request of a socket, repeated until it succeeds; None when the socket was closed over it."""
    socket: SocketClient = scene.kept[who]
    for _ in range(ATTEMPTS):
        try:
            waiting = socket.start(route, op, body)
            await scene.topology.settle()
        except ConnectionClosed:
            return None
        if waiting.cancelled():
            return None
        if waiting.done():
            frame = waiting.result()
            if frame["code"] == 0:
                return frame["body"]
            assert frame.get("retry"), frame
    raise AssertionError(f"{route}.{op} was never answered")


async def contiguous(scene: Scene, who: str, conversation: dict[str, Any]) -> list[dict[str, Any]]:
    """All messages of a conversation; promises 2 and 5 hold for them."""
    messages = await pulled(scene.kept[who], conversation)
    cids = [message["cid"] for message in messages]
    assert len(set(cids)) == len(cids), cids
    return messages


async def bob_connected(scene: Scene) -> None:
    """Bob is connected."""
    scene.kept["bob"] = await scene.join(scene.bob)


async def an_admin_wrote(scene: Scene) -> None:
    """Both are connected; the server API has sent a message, so it is known by its uid."""
    scene.kept["ann"], scene.kept["bob"] = await scene.join(scene.ann), await scene.join(scene.bob)
    body = {"sender": scene.ann, "conv": {"type": 0, "target": scene.bob}, "payload": text("secret")}
    scene.kept["sent"] = await scene.admin("/admin/message/send", body)


# --- the cuts


@contextmanager
def _witnessed(topology: Topology) -> Iterator[set[str]]:
    """What the functions are asked for meanwhile: ``group.info``, ``group/create``, ``/robot/message/send``, ``$connect``."""
    asked: set[str] = set()
    start = topology.host.start

    def witness(function: str, event: Mapping[str, Any]) -> Any:
        asked.add(_asked(event))
        return start(function, event)

    topology.host.start = witness  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        topology.host.start = start  # type: ignore[method-assign]


def _asked(event: Mapping[str, Any]) -> str:
    if "rawPath" in event:
        return str(event["rawPath"]).removeprefix("/admin/")
    key = str(event.get("requestContext", {}).get("routeKey", ""))
    if not key or key.startswith("$"):
        return key
    return f"{key}.{json.loads(event['body'])['op']}"


async def play(topology: Topology, operation: Operation, action: Any = None, nth: int = 0) -> int:
    """One run, cut at its n-th call if an action is given; returns how many calls its function made."""
    scene = Scene(topology)
    try:
        await operation.prepare(scene)
        await topology.settle()
        if action:
            topology.faults.on(function=operation.function, action=action, nth=nth)
        with topology.meter.measure() as measured, _witnessed(topology) as asked:
            await operation.run(scene)
            await topology.settle()
        topology.faults.clear()
        assert operation.op in asked, f"it is named {operation.op}, and asks for {asked}"
        await operation.check(scene)
    except Exception as error:
        raise AssertionError(f"{operation.name}, {action} at call {nth}") from error
    finally:
        topology.faults.clear()
        await scene.close()
    return len(measured.calls(function=operation.function))


def cut_some_calls(topology: Topology, operation: Operation, most: int | None = None) -> None:
    """Play an operation undisturbed, and then cut at calls spread over all that it makes, each in one way.

    Args:
        topology: the system.
        operation: what is cut.
        most: how many cuts at most; where it makes fewer calls, they are cut again in other ways. None: so many as the
            operation says, and each call once.
    """
    way = sum(operation.name.encode()) + (most or 0)
    # The first run in a process makes calls that later ones need not make, so the last ones may be out of their reach.
    for _ in range(2):
        points = topology.run(play(topology, operation))
        assert points, f"{operation.name} has no crash point"
        cuts = most or min(points, operation.cuts)
        fired = len(topology.faults.fired)
        for cut in range(cuts):
            nth = points if cuts == 1 else 1 + cut * (points - 1) // (cuts - 1)
            topology.run(play(topology, operation, ACTIONS[(cut + way) % len(ACTIONS)], nth))
        if len(topology.faults.fired) > fired:
            tally.append((points, cuts))
            return
    raise AssertionError(f"no cut of {operation.name} came about")


def cut_all_calls(topology: Topology, operation: Operation) -> None:
    """Cut an operation at every call in every way; what is found is told at the end, all of it.

    Raises:
        ExceptionGroup: the cuts after which something was not as it must be.
    """
    points = topology.run(play(topology, operation))
    tally.append((points, points * len(ACTIONS)))
    found = []
    for nth, action in itertools.product(range(1, points + 1), ACTIONS):
        try:
            topology.run(play(topology, operation, action, nth))
        except AssertionError as error:
            found.append(error)
    if found:
        raise ExceptionGroup(operation.name, found)


# --- the tables


def every_operation() -> list[Operation]:
    """What is cut."""
    return [each for module in _modules() for each in getattr(module, "OPERATIONS", ())]


def every_read() -> list[Read]:
    """What writes nothing."""
    return [each for module in _modules() for each in getattr(module, "READS", ())]


def _modules() -> Iterator[Any]:
    for file in sorted(Path(__file__).parent.glob("test_crash_*.py")):
        yield importlib.import_module(f"tests.e2e.{file.stem}")
