"""What functions remember of their groups' members must not cost anybody a push: no heartbeat comes to help here."""

from functools import partial
from random import Random

import pytest

import im.connect.service
import im.group.service
import im.message.publish
import im.message.reading
from im.message.model import Conversation
from tests.simulation.calls import one_by_one
from tests.simulation.play import USERS, Play
from tests.simulation.turns import Turns

TEAM = Conversation(1, "team")
SEEDS = 400
SLOW_SEEDS = 5_000


@pytest.fixture(autouse=True)
def calls_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product does on several threads happens in one row here: the turnstile decides what comes between."""
    for module in (im.message.publish, im.message.reading, im.connect.service, im.group.service):
        monkeypatch.setattr(module, "run_all", one_by_one)


def _comings_and_goings(seed: int, inline_limit: int) -> Play:
    """Messages to a group whose members connect anew meanwhile, sent and served by environments that remember it well."""
    play = Play(seed, inline_limit=inline_limit, fanout_chunk=2)
    play.found("team", *USERS)
    ann, bob, cem, _ = [play.device(user) for user in USERS]
    for number in range(8):
        play.send(ann, TEAM, number % 2)
        while play.stage.world.queue.jobs:
            play.work(0, number % 2)

    def come_back(device: object, number: int) -> None:
        play.drop(device, silently=False)  # type: ignore[arg-type]
        play.connect(device, number)  # type: ignore[arg-type]
        play.hello(device, number)  # type: ignore[arg-type]

    def speak(number: int) -> None:
        for _ in range(1 + seed % 2):
            play.send(ann, TEAM, number)

    def rejoin() -> None:
        play.remove("team", "dia", 3)
        play.add("team", "dia", 3)

    def work(number: int) -> None:
        for _ in range(6):
            play.work(0, number)

    turns = Turns(Random(seed))

    def fate(name: str) -> str | None:
        turns.pause()
        return None

    play.stage.border.fate = fate
    turns.run(
        [
            partial(speak, 0),
            partial(come_back, bob, 2),
            partial(come_back, cem, 3),
            partial(work, 0),
            partial(work, 1),
            *([rejoin] if seed % 3 == 0 else []),
        ]
    )
    play.stage.border.fate = lambda name: None
    return play


def _check(seeds: range, inline_limit: int) -> None:
    for seed in seeds:
        play = _comings_and_goings(seed, inline_limit)
        while play.stage.world.queue.jobs:
            play.work(0, 1)
        for device in play.devices:
            while play.stage.wire.frames[device.connection or ""]:
                play.take_frame(device, 0)
        head = len(play.stage.world.messages.logs[TEAM.key("")])
        for device in play.devices[:3]:
            assert device.talk(TEAM).through == head, f"seed {seed}: {device}"


by_queue_and_inline = pytest.mark.parametrize("inline_limit", [3, 10], ids=["through the queue", "by the sender"])


@by_queue_and_inline
def test_a_device_that_connects_is_pushed_to_or_its_hello_finds_the_message(inline_limit: int) -> None:
    _check(range(SEEDS), inline_limit)


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@by_queue_and_inline
def test_a_device_that_connects_is_served_in_very_many_orders_of_calls(inline_limit: int) -> None:
    _check(range(SEEDS, SLOW_SEEDS), inline_limit)
