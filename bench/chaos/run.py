"""A chaos run: people on devices, windows of faults, and a roll call after each window.

The roll call asks three things, each in logs where nothing else could have brought the message:

* does every connected device get a push (a device that the server lost sight of does not)?
* does a ``hello`` name a conversation whose only message was stored by a function that died right after, for a sender who
  never came back?
* after that, has every device everything?

Everybody subscribes to a channel, and writes to a robot from one of his devices: what the robot's program is told counts as
what a device shows. It knows repeated callbacks by their ids, so it has to get each message once, in order.
"""

import asyncio
import base64
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from bench.chaos.checker import Report, check
from bench.chaos.history import Acked, Adding, Began, Delivered, Due, Entry, Event, History, Refused, Removing, Sent
from bench.chaos.outside import RobotProgram
from bench.chaos.people import Device, follow_lives, group, log_name, single
from bench.chaos.weather import ACT_EVERY_S, WEATHERS, Weather
from local.client import SocketClient
from local.synth import synthesize
from local.template import Template, read_assembly
from local.topology import CACHE, Options, Topology
from wildfire_client import Conversation, Platform

GROUP_SIZE = 4
LARGE_GROUP_SIZE = 9
SWITCHES = {"im.inline_limit": GROUP_SIZE, "im.fanout_chunk": 3}
"""Groups of four are served by the sending function, larger ones through the queue in chunks of three."""
REMOVALS = 4
"""Members who are removed in each window, from different groups."""
DESK = "desk"
"""The user who owns all groups, writes the probes and is spared."""
CHANNEL, ROBOT, PROGRAM = "channel", "robot", "robot's program"
_ROBOT_FAILS = 0.1
_IN_A_ROW = 6
_OFTEN = 3
"""How many groups' share of its words the desk has for the channel."""
_WITHIN_S = 20.0
_PROBE_WITHIN_S = 8.0
_ADDED, _REMOVED = 105, 106

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        seconds: of traffic, over all windows.
        clients: devices.
        seed: of people, traffic and faults.
        weathers: names of fault classes, one after the other.
        per_second: messages that all devices together try to send.
        roots: where the functions are loaded from.
    """

    seconds: float
    clients: int
    seed: int = 0
    weathers: Sequence[str] = tuple(WEATHERS)
    per_second: float = 40
    roots: Sequence[Path] = Options().roots


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found, and which faults it fired."""

    report: Report
    faults: dict[str, dict[str, int]]


async def run(plan: Plan, say: Progress = lambda line: None) -> Outcome:
    """Do a whole run and judge it.

    Raises:
        RuntimeError: the topology did not get going, or a client was sent to a final state.
    """
    options = Options(seed=plan.seed, roots=plan.roots)
    async with Topology(await asyncio.to_thread(_template), options) as topology:
        with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
            scene = _Run(topology, plan, Path(directory), say)
            follow_lives()
            try:
                await scene.populate()
                for number, name in enumerate(plan.weathers):
                    await scene.window(number, WEATHERS[name], plan.seconds / len(plan.weathers))
                history = await scene.history()
            finally:
                await scene.end()
    return Outcome(check(history), scene.fired)


def _template() -> Template:
    assembly, _ = synthesize(CACHE)
    template = read_assembly(assembly)
    functions = {}
    for name, function in template.functions.items():
        switches = {**json.loads(function.environment.get("IM_SWITCHES", "{}")), **SWITCHES}
        functions[name] = replace(function, environment={**function.environment, "IM_SWITCHES": json.dumps(switches)})
    return replace(template, functions=functions)


class _Run:
    def __init__(self, topology: Topology, plan: Plan, directory: Path, say: Progress) -> None:
        self.random = Random(plan.seed)
        self.phones: list[Device] = []
        self.paired: list[Device] = []
        self.fired: dict[str, dict[str, int]] = {}
        self._topology = topology
        self._plan = plan
        self._directory = directory
        self._say = say
        self._events: list[Event] = []
        self._changed = asyncio.Event()
        self._devices: list[Device] = []
        self._desk: Device
        self._members: dict[str, tuple[str, ...]] = {}
        self._groups: dict[str, list[str]] = {}
        self._away: list[tuple[str, str]] = []
        self._moved: set[tuple[str, str]] = set()
        self._awaited: list[tuple[str, str]] = []
        self._work: set[asyncio.Task[None]] = set()
        self._acts: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._robot = RobotProgram(Random(plan.seed), self._robot_heard)

    # --- keeping track

    def _record(self, event: Event) -> None:
        self._events.append(event)
        if isinstance(event, Acked):
            self._awaited.append((event.log, event.body))
        self._changed.set()

    def _robot_heard(self, sender: str, body: str) -> None:
        """A callback has come, in a thread of its own. It names no seq: that follows from the log at the end."""
        told = Delivered(PROGRAM, log_name(sender, single(ROBOT)), 0, body)
        self._loop.call_soon_threadsafe(self._record, told)

    async def _until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait for a condition on what is recorded; False when it does not come true in time, which the checker judges."""
        end = asyncio.get_running_loop().time() + within_s
        while not condition():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self._changed.clear()
            # Not everything that conditions look at is recorded, so look again now and then.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, 0.2))
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    # --- people

    async def populate(self) -> None:
        """Make users, groups and devices, and wait until all are connected: what comes from now on is news to them."""
        self._desk = self._device(DESK, DESK, Platform.LINUX)
        users: list[str] = []
        while len(self._devices) < self._plan.clients:
            user = f"user{len(users)}"
            users.append(user)
            self.phones.append(self._device(f"{user}-phone", user, Platform.IOS))
            if len(users) % 3 == 0 and len(self._devices) < self._plan.clients:
                self._device(f"{user}-laptop", user, Platform.LINUX)
                self.paired.append(self.phones[-1])
        for user in users:
            self._members[log_name(DESK, single(user))] = (DESK, user)
            for friend in self.random.sample(users, min(2, len(users))):
                if friend != user:
                    self._members[log_name(user, single(friend))] = tuple(sorted((user, friend)))
        for size, kind in ((GROUP_SIZE, "small"), (LARGE_GROUP_SIZE, "large")):
            mixed = self.random.sample(users, len(users))
            for first in range(0, len(mixed), size - 1):
                name = f"{kind}{first}"
                self._groups[name] = mixed[first : first + size - 1]
                self._members[name] = (DESK, *self._groups[name])
                info = {"target_id": name, "name": name, "type": 2, "owner": DESK}
                members = [{"member_id": user} for user in self._groups[name]]
                await self._ask("group/create", {"group": {"group_info": info, "members": members}})
        await self._make_outsiders(users)
        for device in self._devices:
            device.conversations = [
                _conversation(device.user, log)
                for log, members in self._members.items()
                if device.user in members and (DESK not in members or log in self._groups)
                # Messages of two devices may be told in another order than they are stored in.
                if ROBOT not in members or device in self.phones
            ]
            if device is self._desk:
                device.conversations += [Conversation.channel(CHANNEL)] * _OFTEN
            await device.start()
        if not await self._until(lambda: all(device.connected for device in self._devices), _WITHIN_S):
            raise RuntimeError("not all clients could connect")
        self._say(f"{len(self._devices)} devices of {len(users) + 1} users, {len(self._groups)} groups")

    async def _make_outsiders(self, users: Sequence[str]) -> None:
        robot = {"userId": ROBOT, "name": ROBOT, "owner": DESK, "secret": "s", "callback": self._robot.url}
        await self._ask("robot/create", robot)
        for user in users:
            self._members[log_name(user, single(ROBOT))] = (user, ROBOT)
        await self._ask("channel/create", {"targetId": CHANNEL, "owner": DESK, "name": CHANNEL})
        await self._ask("channel/batch_subscribe", {"channelId": CHANNEL, "userIds": users, "subscribe": 1})
        self._members[CHANNEL] = (DESK, *users)

    def _device(self, name: str, user: str, platform: int) -> Device:
        device = Device(self._topology, name, user, platform, self._directory / f"{name}.db", self._record)
        self._devices.append(device)
        return device

    async def _ask(self, operation: str, body: dict[str, Any]) -> None:
        """Call the server API until it works, as an operator does.

        Raises:
            RuntimeError: it does not.
        """
        answer: Any = None
        for _ in range(100):
            with suppress(aiohttp.ClientError, OSError, ValueError):
                answer = await self._topology.admin(f"/admin/{operation}", {"operator": DESK, **body})
                if answer.get("code") == 0:
                    return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"{operation} does not work: {answer}")

    # --- a window

    async def window(self, number: int, weather: Weather, seconds: float) -> None:
        """Traffic under one class of faults, then the roll call in calm."""
        self._record(Began(weather.name))
        # Sockets have some age when the faults strike, as most have in life: the server judges young ones with more care.
        self._topology.clock.advance(minutes=1)
        before, fired, self._acts = len(self._events), len(self._topology.faults.fired), Counter()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        self._robot.failing = _ROBOT_FAILS
        if weather.begin:
            weather.begin(self._topology.faults)
        if weather.shuffled:
            self._topology.shuffle_frames(self._plan.seed)
        tasks = [self._talk(device, end) for device in self._devices]
        tasks += [self._change_members(end - seconds / 3)]
        if weather.act:
            tasks.append(self._act(weather, end))
        await asyncio.gather(*tasks)
        self._topology.faults.clear()
        self._topology.shuffle_frames(None)
        self._robot.failing = 0.0
        kinds = Counter(each.action for each in self._topology.faults.fired[fired:]) + self._acts
        rolled = await self._roll_call(number)
        self.fired[weather.name] = dict(sorted((kinds + Counter(self.fired.get(weather.name))).items()))
        news = Counter(type(event).__name__ for event in self._events[before:])
        acked = len({event.body for event in self._events[before:] if isinstance(event, Acked)})
        self._say(
            f"{loop.time() - self._began:5.0f} s  {weather.name:<28} {news['Sent']:>5} sent {acked:>5} acked"
            f" {news['Delivered']:>6} delivered {kinds.total():>5} faults{'' if rolled else '   (not all arrived)'}"
        )
        ended = [f"{device.name}: {device.ended}" for device in self._devices if device.ended]
        if ended:
            raise RuntimeError(f"clients were told to stop: {', '.join(ended)}")

    async def _talk(self, device: Device, end: float) -> None:
        """Send now and then, mostly one message after the other, sometimes several at once."""
        loop = asyncio.get_running_loop()
        mean = len(self._devices) / self._plan.per_second
        while True:
            await asyncio.sleep(min(self.random.uniform(0, 2 * mean), max(0.0, end - loop.time())))
            if loop.time() >= end:
                return
            conversation = self.random.choice(device.conversations)
            bodies = [await device.send(conversation) for _ in range(self.random.choice((1, 1, 1, 3)))]
            await self._until(partial(device.open.keys().isdisjoint, bodies), max(0.0, end - loop.time()))

    async def _act(self, weather: Weather, end: float) -> None:
        loop = asyncio.get_running_loop()
        while weather.act and loop.time() < end:
            await weather.act(self)
            await asyncio.sleep(ACT_EVERY_S)

    async def _change_members(self, by: float) -> None:
        """Bring back who was removed in the window before, and remove others, at times drawn by chance."""
        loop = asyncio.get_running_loop()
        self._moved.clear()
        returning, self._away = self._away, []
        for user, log in returning:
            self._moved.add((user, log))
            await asyncio.sleep(self.random.uniform(0, max(0.0, by - loop.time()) / REMOVALS / 2))
            self._record(Adding(user, log))
            await self._ask("group/member/add", {"group_id": log, "members": [{"member_id": user}]})
        for log in self.random.sample(list(self._groups), min(REMOVALS, len(self._groups))):
            user = self.random.choice(self._groups[log])
            if (user, log) in self._moved:
                continue
            self._moved.add((user, log))
            await asyncio.sleep(self.random.uniform(0, max(0.0, by - loop.time()) / REMOVALS))
            self._record(Removing(user, log))
            await self._ask("group/member/del", {"group_id": log, "members": [user]})
            self._away.append((user, log))

    # --- what weathers do to devices

    async def drop(self, device: Device) -> None:
        self._acts["dropped silently"] += 1
        device.cut_network(self.random.uniform(0.3, 1.5))
        posts = self.random.randrange(3)
        for connection in self._connections(device):
            await self._topology.inside(self._drop(connection, posts))

    async def _drop(self, connection: str, posts: int) -> None:
        if connection in self._topology.gateway.sessions:
            self._topology.gateway.drop_silently(connection, posts)

    async def reconnect(self, device: Device, *, away_s: float = 0) -> None:
        self._acts["cut"] += 1
        device.cut_network(away_s)
        for connection in self._connections(device):
            await self._topology.inside(self._close(connection))

    async def _close(self, connection: str) -> None:
        if session := self._topology.gateway.sessions.get(connection):
            session.close(1001, "Going away")

    async def crash(self, device: Device) -> None:
        self._acts["client killed"] += 1
        if device.client is None:
            return
        connections = self._connections(device)
        await device.kill()
        for connection in connections:
            # A machine that loses its power says nothing to anybody; a process that dies lets its sockets be closed.
            work = self._drop(connection, 2) if self.random.random() < 0.5 else self._close(connection)
            await self._topology.inside(work)
        self._start(self._come_back(device, self.random.uniform(0.2, 1)))

    async def _come_back(self, device: Device, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await device.start()

    def _connections(self, device: Device) -> list[str]:
        return [
            session.client.connection_id
            for session in list(self._topology.gateway.sessions.values())
            if session.client.authorizer.get("clientId") == device.name and session.ghost_posts < 0
        ]

    # --- the roll call

    async def _roll_call(self, number: int) -> bool:
        """In calm: everything is sent, pushes reach everybody, hello names everything. False when something is missing."""
        await asyncio.gather(*self._work)
        within = _WITHIN_S
        settled = await self._until(lambda: all(device.connected for device in self._devices), within)
        settled &= await self._until(self._nothing_open, within)
        await self._talk_to_a_faint_robot()
        await self._topology.settle()
        probes = await self._probe(number)
        self._record(Due(frozenset(probes)))
        await self._strangers_send(number)
        connects = {device.name: device.connects for device in self._devices}
        for device in self._devices:
            await self.reconnect(device)
        settled &= await self._until(
            lambda: all(device.connects > connects[device.name] for device in self._devices), within
        )
        await self._topology.settle()
        settled &= await self._until(self._nothing_missing, _PROBE_WITHIN_S)
        self._record(Due())
        self._awaited.clear()
        return settled

    async def _talk_to_a_faint_robot(self) -> None:
        """Some messages in a row, while every second call of the robot fails: none may overtake another."""
        self._robot.failing = 0.5
        for _ in range(_IN_A_ROW):
            await self.phones[0].send(single(ROBOT))
            await self._until(self._nothing_open, _PROBE_WITHIN_S)
        self._robot.failing = 0.0
        await self._topology.settle()

    def _nothing_open(self) -> bool:
        for device in self._devices:
            device.look_up()
        return not any(device.open for device in self._devices)

    async def _probe(self, number: int) -> list[str]:
        """One message to every user in a log of his own, and to every second group; the logs."""
        groups = list(self._groups)[number % 2 :: 2]
        logs = [log_name(DESK, single(device.user)) for device in self.phones] + groups + [CHANNEL]
        bodies = {log: await self._desk.send(_conversation(DESK, log)) for log in logs}
        await self._until(self._nothing_open, _PROBE_WITHIN_S)
        await self._topology.settle()
        wanted = set(bodies.items())
        await self._until(lambda: self._nothing_missing(wanted), _PROBE_WITHIN_S)
        return logs

    def _nothing_missing(self, wanted: set[tuple[str, str]] | None = None) -> bool:
        """Whether all devices have shown what was sent in this window, as far as that is plain without the final logs."""
        return all(
            body in device.shown
            for log, body in self._awaited
            if wanted is None or (log, body) in wanted
            for device in self._devices
            if device.user in self._members[log] and not body.startswith(f"{device.name}/")
            if (device.user, log) not in self._moved and (device.user, log) not in self._away
        )

    async def _strangers_send(self, number: int) -> None:
        """Senders without a store, who make happen for certain what chance makes rare.

        A function dies right after it has stored a message, so nobody is told of it: some senders never come back, one
        sends the same again. And one sends with a base that does not exist.
        """
        name = f"stranger{number}"
        socket = await self._topology.socket(name)
        forgetful = self.random.sample(self.phones, min(3, len(self.phones)))
        for device in forgetful:
            self._topology.faults.on(
                function="MessageWs", service="dynamodb", operation="PutItem", resource="Messages", action="kill_after"
            )
            log, body = self._stranger(name, device.user)
            socket.start("message", "send", _request(device.user, body, 0))
            await self._topology.settle()
            self._topology.faults.clear()
            self._awaited.append((log, body))
        again, body = self._stranger(name, forgetful[-1].user, new=False)
        answer = await socket.request("message", "send", _request(forgetful[-1].user, body, 0))
        self._answered(again, body, answer)
        beyond, body = self._stranger(name, DESK)
        self._answered(beyond, body, await socket.request("message", "send", _request(DESK, body, 7)))
        await socket.close()

    def _stranger(self, name: str, target: str, *, new: bool = True) -> tuple[str, str]:
        """The log and the text of a stranger's only message to somebody."""
        log, body = log_name(name, single(target)), f"{name}/{target}"
        if new:
            self._members[log] = tuple(sorted((name, target)))
            self._record(Sent(name, log, body))
        return log, body

    def _answered(self, log: str, body: str, answer: dict[str, Any]) -> None:
        accepted = answer.get("code") == 0
        self._record(Acked(log, body, int(answer["body"]["seq"])) if accepted else Refused(log, body))

    # --- the end

    async def history(self) -> History:
        """What was observed, with the logs as the server has them now."""
        for device in self._devices:
            device.look_up()
        await self.end()
        logs: dict[str, tuple[Entry, ...]] = {}
        readers: dict[str, list[str]] = {}
        for log, members in self._members.items():
            readers.setdefault(DESK if DESK in members else members[0], []).append(log)
        for user, named in readers.items():
            socket = await self._topology.socket(user, f"{user}-reader", Platform.WEB)
            for log in named:
                logs[log] = tuple([_entry(wire) for wire in await _pull(socket, _conversation(user, log))])
            await socket.close()
        devices = {device.name: device.user for device in self._devices} | {PROGRAM: ROBOT}
        start = dict.fromkeys(self._groups, 1)
        places = {(log, entry.body): entry.seq for log, entries in logs.items() for entry in entries}
        events = [
            replace(event, seq=places.get((event.log, event.body), 0))
            if isinstance(event, Delivered) and event.device == PROGRAM
            else event
            for event in self._events
        ]
        return History(tuple(events), logs, self._members, devices, start)

    async def end(self) -> None:
        """End all clients, and the robot's program."""
        self._robot.close()
        self._topology.faults.clear()
        for task in self._work:
            task.cancel()
        for device in self._devices:
            await device.close()


def _conversation(user: str, log: str) -> Conversation:
    if "~" not in log:
        return Conversation.channel(log) if log == CHANNEL else group(log)
    return single(next((name for name in log.split("~") if name != user), user))


def _request(target: str, body: str, base: int) -> dict[str, Any]:
    content = {"type": 1, "searchableContent": body, "persistFlag": 3}
    return {"conversation": {"type": 0, "target": target}, "content": content, "cid": body, "base": base}


async def _pull(socket: SocketClient, conversation: Conversation) -> list[dict[str, Any]]:
    """A whole log."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        wanted = {"ranges": [{"conversation": conversation.to_wire(), "after": after, "limit": 100}]}
        answer = await socket.call("message", "pull", wanted)
        [part] = answer["ranges"]
        found += part["messages"]
        if part["through"] <= after or part["through"] >= part["head"]:
            return found
        after = part["through"]


def _entry(wire: dict[str, Any]) -> Entry:
    content = wire["content"]
    kind = int(content["type"])
    named: tuple[str, ...] = ()
    if kind in (_ADDED, _REMOVED):
        named = tuple(json.loads(base64.b64decode(content["base64edData"]))["ms"])
    return Entry(
        int(wire["seq"]),
        str(wire["from"]),
        body=str(content.get("searchableContent", "")) if kind == 1 else "",
        joined=named if kind == _ADDED else (),
        left=named if kind == _REMOVED else (),
    )
