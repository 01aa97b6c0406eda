"""``make volume SENDS=100000``: very many messages through the whole topology, every delivery counted.

Clients have no sockets (``local.direct``); all else is as in ``make run``: the gateway's routes and events, the handlers, the
AWS calls, the posts over HTTP, the fan-out queue. Some conversations have two senders at once, some devices come and go, and
now and then an AWS call fails or kills its function. In the end every device must have shown exactly what stands in the
logs of its conversations: each message once, in order, without a gap.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.cost import raised
from bench.figures import Figure, at_least, at_most, write
from im.message.model import Conversation
from local.faults import Action
from local.synth import synthesize
from local.template import read_assembly
from local.topology import CACHE, Topology
from tests.simulation.local_device import PAD, LocalDevice

SINGLES, SMALL, LARGE = 150, 30, 4
"""How many conversations there are of each kind."""
_SMALL_SIZE, _LARGE_SIZE = 4, 12
_SHARES = {"single chat": 0.8, "group of 4": 0.17, "group of 12, through the queue": 0.03}
_INLINE_LIMIT, _CHUNK = 8, 5
_AT_WORK = 8
"""Conversations that are written to at the same time."""
_BOTH_SEND = 0.1
_COMES_BACK_EVERY = 400
_PINGS_EVERY_S = 200.0
_FAULTS = 0.0003
_ACTIONS: tuple[Action, ...] = (
    "kill_before",
    "kill_after",
    "throttle",
    "fail_before",
    "fail_after",
    "timeout_before",
    "timeout_after",
)
_ATTEMPTS = 60
_REPORT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Talked:
    """One conversation: its kind, its log, and its members' devices with the name that each has for it."""

    kind: str
    log: str
    members: Sequence[tuple[LocalDevice, Conversation]]


class Volume:
    """The run.

    Args:
        topology: a started one; all coroutines run in its loop.
        sends: how many messages.
        seed: of everything random.
    """

    def __init__(self, topology: Topology, sends: int, seed: int) -> None:
        self._topology = topology
        self._random = Random(seed)
        self._sends = sends
        self._devices: list[LocalDevice] = []
        self._conversations: dict[str, list[Talked]] = {kind: [] for kind in _SHARES}
        self._acked: dict[str, list[tuple[int, str]]] = {}
        self._pulls: set[asyncio.Task[bool]] = set()
        self._until = 0.0
        self.done = 0
        self.again = 0

    async def prepare(self) -> None:
        """Make users, devices and groups."""
        for number in range(SINGLES):
            await self._converse("single chat", [f"s{number}a", f"s{number}b"])
        for number in range(SMALL):
            await self._converse("group of 4", [f"g{number}m{each}" for each in range(_SMALL_SIZE)], f"g{number}")
        for number in range(LARGE):
            members = [f"l{number}m{each}" for each in range(_LARGE_SIZE)]
            await self._converse("group of 12, through the queue", members, f"l{number}")

    async def _converse(self, kind: str, users: Sequence[str], group: str = "") -> None:
        members = []
        if group:
            info = {"target_id": group, "name": group, "type": 2, "owner": users[0]}
            body = {"group_info": info, "members": [{"member_id": user} for user in users]}
            answer = await self._topology.admin("/admin/group/create", {"operator": users[0], "group": body})
            if answer["code"]:
                raise RuntimeError(f"no group: {answer}")
        for place, user in enumerate(users):
            conversation = Conversation(1, group) if group else Conversation(0, users[1 - place])
            # Every fourth user has a second device.
            devices = [LocalDevice(self._topology, user)]
            if len(self._devices) % 4 == 0:
                devices.append(LocalDevice(self._topology, user, "pad", PAD))
            for device in devices:
                await device.log_in()
                await device.connect()
                await device.hello("hello")
            self._devices += devices
            members += [(device, conversation) for device in devices]
        log = members[0][1].key(users[0])
        self._acked[log] = []
        self._conversations[kind].append(Talked(kind, log, members))

    async def run(self, within_s: float) -> None:
        """Send everything, or as much as can be sent in that time."""
        self._topology.faults.chaos(_FAULTS, _ACTIONS)
        waiting = self._plan()
        began = time.monotonic()
        self._until = began + within_s
        busy: set[str] = set()
        reporter = asyncio.create_task(self._report(began))
        keeper = asyncio.create_task(self._keep_alive())
        await asyncio.gather(*(self._work(waiting, busy) for _ in range(_AT_WORK)))
        reporter.cancel()
        keeper.cancel()
        self._topology.faults.clear()

    def _plan(self) -> list[tuple[Talked, bool]]:
        """Who is written to, in which order; True: by two at once."""
        planned: list[tuple[Talked, bool]] = []
        left = self._sends
        kinds, shares = list(_SHARES), list(_SHARES.values())
        while left:
            [kind] = self._random.choices(kinds, shares)
            both = left > 1 and self._random.random() < _BOTH_SEND
            planned.append((self._random.choice(self._conversations[kind]), both))
            left -= 1 + both
        planned.reverse()
        return planned

    async def _work(self, waiting: list[tuple[Talked, bool]], busy: set[str]) -> None:
        while waiting and time.monotonic() < self._until:
            talked, both = waiting.pop()
            if talked.log in busy:
                waiting.insert(self._random.randrange(max(0, len(waiting) - 50), len(waiting) + 1), (talked, both))
                await asyncio.sleep(0)
                continue
            busy.add(talked.log)
            senders = self._random.sample(talked.members, 1 + both)
            await asyncio.gather(*(self._send(device, conversation, talked.log) for device, conversation in senders))
            busy.discard(talked.log)
            self._fill_gaps(talked)
            if self._random.random() < 1 / _COMES_BACK_EVERY:
                await self._come_back(self._random.choice(talked.members)[0])

    async def _send(self, device: LocalDevice, conversation: Conversation, log: str) -> None:
        self.done += 1
        cid = f"{device.device.client}-{self.done}"
        draft = device.device.compose(conversation, cid)
        for _ in range(_ATTEMPTS):
            code = await device.transmit(draft)
            if conversation not in device.device.outbox:
                break
            self.again += 1
            if code is None and device.line is None:
                await self._connect(device)
            else:
                await asyncio.sleep(0.05)
        else:
            raise RuntimeError(f"{cid} was never accepted")
        if (conversation, cid) not in device.device.acknowledged:
            raise RuntimeError(f"{cid} was refused with {code}")
        self._acked[log].append((device.device.acknowledged[conversation, cid][0], cid))

    def _fill_gaps(self, talked: Talked) -> None:
        """Devices that see a gap pull, beside everything else."""
        for device, conversation in talked.members:
            if conversation in device.gaps:
                device.gaps.discard(conversation)
                task = asyncio.create_task(device.pull(conversation))
                self._pulls.add(task)
                task.add_done_callback(self._pulls.discard)

    async def _come_back(self, device: LocalDevice) -> None:
        """A device loses its connection, perhaps without anybody noticing, and connects again."""
        if device.line and self._random.random() < 0.5 and device.line.connection in self._topology.gateway.sessions:
            self._topology.gateway.drop_silently(device.line.connection, self._random.randrange(3))
        await self._connect(device)

    async def _connect(self, device: LocalDevice) -> None:
        for _ in range(_ATTEMPTS):
            if await device.connect() and await device.hello("hello"):
                return
        raise RuntimeError(f"{device} cannot connect")

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_PINGS_EVERY_S)
            for device in self._devices:
                await device.hello("ping")

    async def _report(self, began: float) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            rate = self.done / (time.monotonic() - began)
            left = (self._sends - self.done) / rate / 60 if rate else 0
            print(f"{self.done:>9,} sent, {rate:,.0f}/s, {left:.0f} minutes left", flush=True)

    async def settle(self) -> None:
        """Everybody says his heartbeat until he has everything."""
        await self._topology.quiet()
        await self._topology.settle()
        if self._pulls:
            await asyncio.gather(*self._pulls)
        for device in self._devices:
            shown = _shown(device)
            for _ in range(_ATTEMPTS):
                if device.line is None:
                    await self._connect(device)
                if await device.hello("ping"):
                    break
            device.met["found by the last heartbeat"] += _shown(device) - shown
            device.met["pulled"] -= device.met["found by the last heartbeat"]

    def count(self) -> dict[str, Any]:
        """Compares every device with the logs.

        Raises:
            AssertionError: a promise was broken.
        """
        [messages] = [table.name for name, table in self._topology.template.tables.items() if "Messages" in name]
        logs: dict[str, dict[int, tuple[str, str]]] = {log: {} for log in self._acked}
        for item in self._topology.cloud.items(messages):
            if (log := item["c"]["S"]) in logs:
                logs[log][int(item["s"]["N"])] = (item["f"]["S"], item["d"]["S"])
        totals: Counter[str] = Counter()
        for talked in (each for kind in self._conversations.values() for each in kind):
            log, acked = logs[talked.log], self._acked[talked.log]
            assert sorted(log) == list(range(1, len(log) + 1)), f"{talked.log} has holes"
            notices = len(log) - len(acked)
            assert notices == (0 if talked.kind == "single chat" else 1), f"{talked.log} holds what nobody sent"
            assert all(log[seq][1] == cid for seq, cid in acked), f"{talked.log} is not as it was acknowledged"
            totals["stored"] += len(log)
            for device, conversation in talked.members:
                shown = device.device.talk(conversation).shown
                seen = [(message.sender, message.cid) for message in shown.values()]
                assert list(shown) == sorted(log), f"{device} shows {len(shown)} of {len(log)} in {talked.log}"
                assert seen == [log[seq] for seq in sorted(log)], f"{device} shows others in {talked.log}"
                own = sum(sender == device.user for sender, _ in seen)
                totals["to others"] += len(seen) - own
                totals["to own devices"] += own
        for device in self._devices:
            totals.update(device.met)
        return dict(totals)


def _shown(device: LocalDevice) -> int:
    return sum(len(talk.shown) for talk in device.device.talks.values())


def main(arguments: Sequence[str]) -> int:
    """Run, print, write ``.local/bench/volume.json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.volume", description=__doc__)
    parser.add_argument("--sends", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=120, help="count what was sent by then")
    chosen = parser.parse_args(arguments)
    deployed = read_assembly(synthesize(CACHE)[0])
    switches = {"im.inline_limit": _INLINE_LIMIT, "im.fanout_chunk": _CHUNK, "client.request_rate_limit": 1_000_000}
    with Topology(raised(deployed, **switches)) as topology:
        volume = Volume(topology, chosen.sends, chosen.seed)
        topology.run(volume.prepare())
        began = time.monotonic()
        topology.run(volume.run(chosen.minutes * 60))
        seconds = time.monotonic() - began
        topology.run(volume.settle())
        totals = volume.count()
        faults = Counter(fired.action for fired in topology.faults.fired)
    shown = totals["to others"] + totals["to own devices"]
    found = [
        Figure("messages sent", volume.done, "messages"),
        Figure("messages a second", volume.done / seconds, "messages/s"),
        Figure("sent again", volume.again, "requests"),
        Figure("AWS calls that failed", sum(faults.values()), "calls"),
        at_least("messages stored", totals["stored"] - SMALL - LARGE, "messages", volume.done),
        at_most("messages stored twice or unasked", totals["stored"] - SMALL - LARGE - volume.done, "messages", 0),
        Figure("shown on devices of others", totals["to others"], "deliveries"),
        Figure("shown on the sender's devices", totals["to own devices"], "deliveries"),
        *(Figure(f"of them {name}", totals.get(name, 0), "deliveries") for name in _WAYS),
        Figure("dropped as known", totals.get("dropped as known", 0), "frames"),
        at_most("lost, doubled or out of order", shown - sum(totals.get(name, 0) for name in _WAYS), "deliveries", 0),
    ]
    for figure in found:
        print(f"{figure.name:<36} {figure.value:>12,.0f} {figure.unit}")
    print(json.dumps(dict(faults)))
    print(f"Every device shows every message once, in order. Figures are in {write('volume', found)}.")
    return 0


_WAYS = ("pushed", "acknowledged", "pulled", "found by the last heartbeat")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
