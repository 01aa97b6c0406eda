"""Anything in any order on the local topology: real handlers and stores, functions that die at any AWS call.

A smaller sister of ``test_state_machine``. What that one leaves out is at work here: frames and events as API Gateway makes
them, DynamoDB's expressions and batches, the poster, the queue with its retries, environments that are replaced.
"""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bench.chaos.mutations import MUTATIONS, broken_build
from im.message.model import Conversation
from local.faults import Action
from local.topology import Options, Topology
from tests.e2e.context import with_switches
from tests.simulation.device import Draft
from tests.simulation.local_device import PAD, PHONE, LocalDevice, wire

pytestmark = pytest.mark.xdist_group("topology")

ACTIONS: tuple[Action, ...] = (
    "kill_before",
    "kill_after",
    "throttle",
    "fail_before",
    "fail_after",
    "timeout_before",
    "timeout_after",
)
USERS = ("ann", "bob", "cem", "dia")
MOVABLE = {"team": "cem", "duo": "bob"}
_ATTEMPTS = 12
_examples = itertools.count()
CONTEXT = with_switches(inline_limit=3, fanout_chunk=2, seed_demo_objects=False)

devices = st.integers(0, 4)
conversations = st.sampled_from(("team", "duo", *USERS))
places = st.integers(0, 30)
cuts = st.one_of(st.none(), st.tuples(st.integers(1, 8), st.sampled_from(ACTIONS)))
"""Which AWS call of a function something happens to, and what; None: nothing."""
Cut = tuple[int, Action] | None


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


class Living(RuleBasedStateMachine):
    """Ann (with two devices), bob, cem and dia; ``team`` is served through the queue while all are in, ``duo`` never."""

    topology: Topology

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_examples)
        self.devices: list[LocalDevice] = []
        self.sent: dict[tuple[str, str], str] = {}
        self.joined: dict[tuple[str, str], int] = {}
        self.left: dict[tuple[str, str], int] = {}
        self.withdrawn: set[tuple[str, int]] = set()
        self.edited: dict[tuple[str, int], str] = {}
        self.read: dict[tuple[str, Conversation], int] = defaultdict(int)

    # --- the stage

    def name(self, short: str) -> str:
        """A user or group of this example."""
        return f"{short}.{self.number}"

    def conversation(self, short: str) -> Conversation:
        """A group, or the single chat with a user."""
        return Conversation(0 if short in USERS else 1, self.name(short))

    @initialize()
    def begin(self) -> None:
        """Everybody is connected; two groups exist."""
        self.topology.faults.duplicate("Fanout", 0.3)
        self.topology.faults.reorder("Fanout", 0.5)
        self._run(self._begin())

    async def _begin(self) -> None:
        for group, members in (("team", USERS), ("duo", USERS[:2])):
            info = {"target_id": self.name(group), "name": group, "type": 2, "owner": self.name("ann")}
            named = [{"member_id": self.name(member)} for member in members]
            body = {"operator": self.name("ann"), "group": {"group_info": info, "members": named}}
            assert (await self.topology.admin("/admin/group/create", body))["code"] == 0
            self.joined.update({(group, member): 1 for member in members})
        for user, client, platform in (*((user, "phone", PHONE) for user in USERS), ("ann", "pad", PAD)):
            device = LocalDevice(self.topology, self.name(user), client, platform, hold=True)
            await device.log_in()
            self.devices.append(device)
            assert await device.connect()
            assert await device.hello("hello")

    def _run(self, work: Awaitable[Any]) -> Any:
        async def and_settle() -> Any:
            result = await work
            await self.topology.settle()
            return result

        return self.topology.run(and_settle())

    def _cut(self, function: str, cut: Cut, work: Awaitable[Any]) -> Any:
        """Do something while a function fails at a call."""
        if cut:
            self.topology.faults.on(function=function, nth=cut[0], action=cut[1])
        try:
            return self._run(work)
        finally:
            self._calm()

    def _calm(self) -> None:
        self.topology.faults.clear()
        self.topology.faults.duplicate("Fanout", 0.3)
        self.topology.faults.reorder("Fanout", 0.5)

    def log(self, conversation: Conversation, user: str) -> list[dict[str, Any]]:
        """A log as it is stored: sender, cid, uid, payload, listed readers and the slot that an event refers to."""
        [messages] = [table.name for table in self.topology.template.tables.values() if "Messages" in table.name]
        key = {":c": {"S": conversation.key(user)}}
        params = {
            "TableName": messages,
            "KeyConditionExpression": "c = :c",
            "ExpressionAttributeValues": key,
            "ConsistentRead": True,
        }
        items = self.topology.cloud.dynamodb("Query", params)["Items"]
        slots = [{name: next(iter(value.values())) for name, value in item.items()} for item in items]
        assert [int(slot["s"]) for slot in slots] == list(range(1, len(slots) + 1)), "the log has holes"
        return slots

    # --- devices

    @rule(device=devices, chat=conversations, cut=cuts, lost=st.booleans())
    def send(self, device: int, chat: str, cut: Cut, lost: bool) -> None:
        """Send, or send again what is under way; the acknowledgement may get lost."""
        sender, conversation = self.devices[device], self.conversation(chat)
        if conversation.target != sender.user and sender.line:
            self._cut("MessageWs", cut, self._send(sender, conversation, lost=lost))

    async def _send(self, sender: LocalDevice, conversation: Conversation, *, lost: bool = False) -> None:
        draft = sender.device.outbox.get(conversation)
        if draft is None:
            draft = sender.device.compose(conversation, f"{sender}-{len(self.sent)}")
            self.sent[conversation.key(sender.user), draft.cid] = sender.user
        code = await sender.transmit(draft, lost=lost)
        assert code in (None, 0, 9, 221, 238), f"{draft} was answered {code}"

    @rule(chat=st.sampled_from(("team", "duo")), cut=cuts)
    def all_send(self, chat: str, cut: Cut) -> None:
        """All who are there write to a group at once."""

        async def at_once() -> None:
            there = [device for device in self.devices if device.line]
            await asyncio.gather(*(self._send(device, self.conversation(chat)) for device in there))

        self._cut("MessageWs", cut, at_once())

    @rule(device=devices, chat=conversations, beyond=st.integers(1, 3))
    def send_after_nothing(self, device: int, chat: str, beyond: int) -> None:
        """A broken client sends with a base that does not exist; it is refused."""
        sender, conversation = self.devices[device], self.conversation(chat)
        if conversation.target != sender.user and sender.line:
            base = len(self.log(conversation, sender.user)) + beyond
            code = self._run(sender.transmit(Draft(conversation, "after nothing", base)))
            assert code in (9, 251), f"a base that does not exist was answered {code}"

    @rule(device=devices, place=places, keep=st.booleans())
    def receive(self, device: int, place: int, keep: bool) -> None:
        """Any of the frames under way arrives, perhaps not for the last time."""
        self._run(self.devices[device].take(place, keep=keep))

    @rule(device=devices, cut=cuts, lost=st.booleans())
    def ping(self, device: int, cut: Cut, lost: bool) -> None:
        """A heartbeat; its answer may get lost."""
        self._cut("ConnectWs", cut, self.devices[device].hello(lost=lost))

    @rule(device=devices, silently=st.booleans(), noticed=st.booleans(), posts=st.integers(0, 2))
    def disconnect(self, device: int, silently: bool, noticed: bool, posts: int) -> None:
        """A connection ends; the gateway may not notice for some posts, and its event may get lost."""
        line = self.devices[device].line
        if line is None:
            return
        if silently and line.connection in self.topology.gateway.sessions:
            self.topology.drop_silently(line.connection, posts)
        else:
            if not noticed:
                self.topology.faults.lose_disconnects()
            self.topology.run(_call(line.close))
        self._run(self.topology.quiet())
        self._calm()

    @rule(device=devices, cut=cuts)
    def reconnect(self, device: int, cut: Cut) -> None:
        """A new connection, whether or not there is an old one."""
        again = self.devices[device]
        if self._cut("ConnectWs", cut, again.connect()):
            self._run(again.hello("hello"))

    @rule(device=devices, chat=conversations, seq=places, cut=cuts)
    def move_cursor(self, device: int, chat: str, seq: int, cut: Cut) -> None:
        """Move a read cursor, anywhere."""
        reader, conversation = self.devices[device], self.conversation(chat)
        if conversation.target == reader.user:
            return
        body = {"conversation": wire(conversation), "seq": seq}
        answer = self._cut("MessageWs", cut, reader.ask("message", "read", body))
        if answer and answer["code"] == 0:
            key = (reader.user, conversation)
            assert answer["body"]["read"] >= self.read[key], "a cursor went back"
            self.read[key] = answer["body"]["read"]

    @rule(device=devices, chat=conversations, seq=places, kind=st.sampled_from(("recall", "delete", "edit")), cut=cuts)
    def change(self, device: int, chat: str, seq: int, kind: str, cut: Cut) -> None:
        """Take a message back or replace it, again and again until it is answered."""
        actor, conversation = self.devices[device], self.conversation(chat)
        if conversation.target == actor.user or not actor.line:
            return
        log = self.log(conversation, actor.user)
        if not log:
            return
        seq = 1 + seq % len(log)
        place = (conversation.key(actor.user), seq)
        body: dict[str, Any] = {"conversation": wire(conversation), "seq": seq}
        text = f"edit {len(self.edited)} of {place}"
        if kind == "delete":
            body["all"] = True
        if kind == "edit":
            body["content"] = {"type": 1, "searchableContent": text, "persistFlag": 3}

        async def insist() -> dict[str, Any] | None:
            for _ in range(_ATTEMPTS):
                answer = await actor.ask("message", kind, body)
                if answer and not answer.get("retry"):
                    return answer
                if not actor.line:
                    return None
            raise AssertionError(f"{kind} was never answered")

        answer = self._cut("MessageWs", cut, insist())
        if answer and answer["code"] == 0:
            if kind == "edit":
                self.edited[place] = text
            else:
                self.withdrawn.add(place)

    # --- the rest of the world

    @rule(group=st.sampled_from(("team", "duo")), cut=cuts)
    def change_members(self, group: str, cut: Cut) -> None:
        """Put somebody in or out; the administrator repeats what failed."""
        user = MOVABLE[group]
        into = (group, user) not in self.joined
        conversation = self.conversation(group)
        body: dict[str, Any] = {"operator": self.name("ann"), "group_id": self.name(group)}
        body["members"] = [{"member_id": self.name(user)}] if into else [self.name(user)]

        async def insist() -> None:
            for _ in range(_ATTEMPTS):
                try:
                    answer = await self.topology.admin(f"/admin/group/member/{'add' if into else 'del'}", body)
                except ValueError:
                    continue
                if answer.get("code") == 0:
                    return
            raise AssertionError("the administrator was never answered")

        self._cut("ServerApi", cut, insist())
        end = len(self.log(conversation, ""))
        if into:
            self.joined[group, user] = end
            self.left.pop((group, user), None)
        else:
            del self.joined[group, user]
            self.left[group, user] = end

    @rule(seconds=st.sampled_from((0.05, 2.0, 31.0, 61.0)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.topology.clock.advance(seconds=seconds)
        self._run(self.topology.quiet())

    # --- promises

    def teardown(self) -> None:
        """Everything settles; then everybody has everything, once and in order."""
        if len(self.devices) < len(USERS) + 1:
            return
        self.topology.faults.clear()
        self.topology.clock.advance(seconds=31)
        for device in self.devices:
            if device.line is None or device.line.connection not in self.topology.gateway.sessions:
                assert self._run(device.connect())
            for conversation in list(device.device.outbox):
                self._run(self._send(device, conversation))
            assert not device.device.outbox, f"{device} still waits"
        for device in self.devices:
            assert self._run(device.hello("hello"))
            self._check(device)
            self._run(_call(device.disconnect))

    def _check(self, device: LocalDevice) -> None:
        short = device.user.partition(".")[0]
        for target in ("team", "duo", *USERS):
            conversation = self.conversation(target)
            if target == short:
                continue
            log = self.log(conversation, device.user)
            self._check_log(conversation.key(device.user), log)
            talk = device.device.talk(conversation)
            for (where, cid), (seq, uid) in device.device.acknowledged.items():
                if where == conversation:
                    slot = log[seq - 1]
                    uids = (int(slot.get("i", slot.get("n", 0))), slot["d"], slot["f"])
                    assert uids == (uid, cid, device.user), f"{cid} was acknowledged as {seq}"
            for seq, message in talk.shown.items():
                assert (log[seq - 1]["f"], log[seq - 1]["d"]) == (message.sender, message.cid)
            start = 1
            if conversation.type == 1:
                if (target, short) not in self.joined:
                    end = self.left.get((target, short), 0)
                    assert max(talk.shown, default=0) <= end, f"{device} was shown what came after {end}"
                    continue
                start = self.joined[target, short]
            visible = [int(slot["s"]) for slot in log if int(slot["s"]) >= start and _for(slot, device.user)]
            assert [seq for seq in talk.shown if seq >= start] == visible, f"{device} misses messages of {target}"

    def _check_log(self, key: str, log: list[dict[str, Any]]) -> None:
        names = [(slot["f"], slot["d"]) for slot in log]
        assert len(set(names)) == len(names), f"{key} holds a message twice"
        uids = [int(slot.get("i", slot.get("n", 0))) for slot in log]
        assert uids == sorted(set(uids)), f"{key} has uids out of order"
        for slot in log:
            place = (key, int(slot["s"]))
            if place in self.withdrawn:
                assert f"text of {slot['d']}" not in slot["p"], "taken back, and stored"
                assert "edit " not in slot["p"], "taken back, and stored"
            elif place in self.edited:
                assert json.loads(slot["p"])["searchableContent"].startswith("edit "), "edited, and not changed"


def _for(slot: dict[str, Any], user: str) -> bool:
    readers = [reader["S"] for reader in slot.get("o", [])]
    return not readers or user in (slot["f"], *readers)


async def _call(work: Callable[[], None]) -> None:
    work()


def _play(topology: Topology, **profile: Any) -> None:
    Living.topology = topology
    run_state_machine_as_test(
        Living,
        settings=settings(
            deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True, **profile
        ),
    )


def test_whatever_happens_on_the_topology_the_promises_hold(topology: Topology) -> None:
    _play(topology, max_examples=4, stateful_step_count=20, derandomize=True)


@pytest.mark.exhaustive
@pytest.mark.timeout(3_600)
def test_whatever_happens_on_the_topology_for_long_the_promises_hold(topology: Topology) -> None:
    _play(topology, max_examples=150, stateful_step_count=60)


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["dedupe off", "no base check"])
def test_a_broken_build_is_found_out(name: str, tmp_path: Path) -> None:
    with (
        broken_build(MUTATIONS[name], tmp_path) as roots,
        Topology.from_cdk(Options(roots=roots), context=CONTEXT) as topology,
        pytest.raises(AssertionError),
    ):
        _play(topology, max_examples=40, stateful_step_count=40, derandomize=True, phases=[Phase.generate])
