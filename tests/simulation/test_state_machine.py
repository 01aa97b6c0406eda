"""Anything in any order: devices, faults, a gateway that forgets, an administrator; the promises hold after every step.

Operations do not overlap here (``test_interleavings`` does that), but each may be cut at any of its store calls, served by
either of two environments with memories of their own, and its answer may get lost.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import im.connect.service
import im.group.founding
import im.group.membership
import im.group.reader
import im.group.service
import im.group.steps
import im.message.publish
import im.message.reading
from im.message.model import Conversation
from tests.simulation.calls import one_by_one
from tests.simulation.play import USERS, Play
from tests.simulation.stage import FATES

MODULES = (
    im.message.publish,
    im.message.reading,
    im.connect.service,
    im.group.steps,
    im.group.founding,
    im.group.membership,
    im.group.reader,
    im.group.service,
)

CONVERSATIONS = [Conversation(1, "team"), Conversation(1, "duo"), *(Conversation(0, user) for user in USERS)]
MOVABLE = {"team": ("cem", "dia"), "duo": ("bob", "cem")}

devices = st.integers(0, 4)
conversations = st.sampled_from(CONVERSATIONS)
environments = st.integers(0, 1)
places = st.integers(0, 30)
cuts = st.one_of(st.none(), st.tuples(st.integers(1, 12), st.sampled_from(FATES)))
"""At which store call of an operation something happens, and what; None: nothing."""


class Conversing(RuleBasedStateMachine):
    """Ann (with two devices), bob, cem and dia; ``team`` is served through the queue while all are in, ``duo`` never."""

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """Everybody is connected; two groups exist."""
        self.play = play = Play(seed, inline_limit=3, fanout_chunk=2)
        play.found("team", *USERS)
        play.found("duo", "ann", "bob")
        for user in USERS:
            play.device(user)
        play.device("ann", "pad")
        self.old: list[tuple[str, str, str]] = []
        self.unfinished: dict[tuple[str, str], Callable[..., None]] = {}
        play.stage.border.lag = Random(seed)

    def _do(self, number: int, cut: tuple[int, str] | None, operation: Callable[[], None]) -> bool:
        """Perform an operation, cut or not; whether it was cut."""
        calls = 0

        def fate(name: str) -> str | None:
            nonlocal calls
            calls += 1
            self.play.stage.world.now += 1
            return cut[1] if cut and calls == cut[0] else None

        self.play.stage.border.fate = fate
        self.play.cut(number, operation)
        self.play.stage.border.fate = lambda name: None
        return bool(cut and calls >= cut[0])

    # --- devices

    @rule(device=devices, conversation=conversations, number=environments, cut=cuts, lost=st.booleans())
    def send(
        self, device: int, conversation: Conversation, number: int, cut: tuple[int, str] | None, lost: bool
    ) -> None:
        """Send, or send again what is under way; the acknowledgement may get lost."""
        sender = self.play.devices[device]
        if conversation.target == sender.user or sender.connection is None:
            return
        self._do(number, cut, partial(self.play.send, sender, conversation, number, lost=lost))

    @rule(device=devices, conversation=conversations, times=st.integers(2, 4))
    def chat(self, device: int, conversation: Conversation, times: int) -> None:
        """Several messages, one after another, nothing in their way."""
        for number in range(times):
            self.send(device, conversation, number % 2, None, False)

    @rule(device=devices, place=places, keep=st.booleans(), number=environments, cut=cuts)
    def receive(self, device: int, place: int, keep: bool, number: int, cut: tuple[int, str] | None) -> None:
        """Any of the frames under way arrives, perhaps not for the last time."""
        take = partial(self.play.take_frame, self.play.devices[device], place, keep=keep, number=number)
        self._do(number, cut, take)

    @rule(device=devices, number=environments, cut=cuts, lost=st.booleans())
    def ping(self, device: int, number: int, cut: tuple[int, str] | None, lost: bool) -> None:
        """A heartbeat; its answer may get lost."""
        self._do(number, cut, partial(self.play.hello, self.play.devices[device], number, lost=lost))

    @rule(device=devices, silently=st.booleans())
    def disconnect(self, device: int, silently: bool) -> None:
        """A socket ends; the gateway may not notice, and its event may come late or never."""
        lost = self.play.devices[device]
        connection = self.play.drop(lost, silently=silently)
        if connection:
            self.old.append((lost.user, f"{lost.user}-{lost.client}", connection))

    @precondition(lambda self: self.old)
    @rule(place=places, number=environments, cut=cuts)
    def notice_disconnect(self, place: int, number: int, cut: tuple[int, str] | None) -> None:
        """The event of some ended socket comes at last."""
        user, client, connection = self.old.pop(place % len(self.old))
        self.play.stage.wire.silent.discard(connection)
        service = self.play.stage.environment(number).connect
        self._do(number, cut, partial(service.disconnected, user, client, connection))

    @rule(device=devices, number=environments, cut=cuts)
    def reconnect(self, device: int, number: int, cut: tuple[int, str] | None) -> None:
        """A new socket, whether or not there is an old one."""
        again = self.play.devices[device]
        if self._do(number, cut, partial(self.play.connect, again, number)):
            return
        self._do(number, None, partial(self.play.hello, again, number))

    @rule(device=devices, conversation=conversations, seq=places, number=environments, cut=cuts)
    def read(self, device: int, conversation: Conversation, seq: int, number: int, cut: tuple[int, str] | None) -> None:
        """Move a read cursor, anywhere."""
        self._do(number, cut, partial(self.play.read, self.play.devices[device], conversation, seq, number))

    @rule(
        device=devices,
        conversation=conversations,
        seq=places,
        kind=st.sampled_from(("recall", "delete", "hide")),
        number=environments,
        cut=cuts,
    )
    def withdraw(
        self,
        device: int,
        conversation: Conversation,
        seq: int,
        kind: str,
        number: int,
        cut: tuple[int, str] | None,
    ) -> None:
        """Take a message back, delete it for everybody or for oneself."""
        actor = self.play.devices[device]
        slots = self.play.stage.world.messages.logs[conversation.key(actor.user)]
        if conversation.target != actor.user and slots:
            seq = 1 + seq % len(slots)
            self._do(number, cut, partial(self.play.withdraw, actor, conversation, seq, kind, number))

    @rule(device=devices, conversation=conversations, seq=places, number=environments, cut=cuts)
    def edit(self, device: int, conversation: Conversation, seq: int, number: int, cut: tuple[int, str] | None) -> None:
        """Give a message another content."""
        actor = self.play.devices[device]
        slots = self.play.stage.world.messages.logs[conversation.key(actor.user)]
        if conversation.target != actor.user and slots:
            seq = 1 + seq % len(slots)
            self._do(number, cut, partial(self.play.edit, actor, conversation, seq, number))

    @rule(
        device=devices,
        conversation=conversations,
        seq=places,
        emoji=st.sampled_from(("+", "-")),
        on=st.booleans(),
        number=environments,
        cut=cuts,
    )
    def react(
        self,
        device: int,
        conversation: Conversation,
        seq: int,
        emoji: str,
        on: bool,
        number: int,
        cut: tuple[int, str] | None,
    ) -> None:
        """React to a message, or take that away."""
        actor = self.play.devices[device]
        slots = self.play.stage.world.messages.logs[conversation.key(actor.user)]
        if conversation.target != actor.user and slots:
            seq = 1 + seq % len(slots)
            self._do(number, cut, partial(self.play.react, actor, conversation, seq, emoji, on, number))

    @rule(user=st.sampled_from(USERS), other=st.sampled_from(USERS), blocked=st.booleans())
    def blacklist(self, user: str, other: str, blocked: bool) -> None:
        """A user blocks another one, or does not any more."""
        if user != other:
            self.play.stage.world.rows.relate(user, other, blocked=blocked, befriended=False)

    # --- the rest of the world

    @rule(group=st.sampled_from(("team", "duo")), which=st.integers(0, 1), number=environments, cut=cuts)
    def change_members(self, group: str, which: int, number: int, cut: tuple[int, str] | None) -> None:
        """Put somebody in or out. What was cut is said again before anything else is done to him."""
        user = MOVABLE[group][which]
        change = self.unfinished.pop((group, user), None)
        if change is None:
            change = self.play.remove if user in self.play.members[group] else self.play.add
        if self._do(number, cut, partial(change, group, user, number)):
            self.unfinished[group, user] = change

    @precondition(lambda self: self.play.stage.world.queue.jobs)
    @rule(place=places, keep=st.booleans(), number=environments, cut=cuts)
    def work(self, place: int, keep: bool, number: int, cut: tuple[int, str] | None) -> None:
        """A chunk of a large delivery is served, in any order, perhaps not for the last time."""
        self._do(number, cut, partial(self.play.work, place, number, keep=keep))

    @rule(milliseconds=st.sampled_from((50, 2_000, 31_000, 61_000, 240_000)))
    def wait(self, milliseconds: int) -> None:
        """Time passes."""
        self.play.stage.world.now += milliseconds

    # --- promises

    @invariant()
    def logs_are_lists(self) -> None:
        """What the plain lists say still stands in the logs, and nothing stands there twice."""
        self.play.check_logs()

    def teardown(self) -> None:
        """Everything settles; then everybody has everything."""
        if not hasattr(self, "unfinished"):
            return
        self.play.stage.border.fate = lambda name: None
        self.play.stage.border.lag = None
        for (group, user), change in self.unfinished.items():
            change(group, user)
        self.play.settle()
        self.play.check_all()


@pytest.fixture(autouse=True)
def calls_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product does on several threads happens in one row here."""
    for module in MODULES:
        monkeypatch.setattr(module, "run_all", one_by_one)


def _play(**profile: Any) -> None:
    run_state_machine_as_test(
        Conversing,
        settings=settings(
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            **profile,
        ),
    )


def test_whatever_happens_the_promises_hold() -> None:
    _play(max_examples=200, stateful_step_count=50, derandomize=True)


@pytest.mark.exhaustive
@pytest.mark.timeout(1_200)
def test_whatever_happens_for_minutes_the_promises_hold() -> None:
    _play(max_examples=1_000, stateful_step_count=100)
