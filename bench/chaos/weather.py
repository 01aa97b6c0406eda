"""The classes of faults. Each is at work for some windows of the run, alone, so that each answers for itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from bench.chaos.people import Device
from local.faults import Action, Faults

ACT_EVERY_S = 0.2
"""How often something happens to one of the devices."""

_FANOUT = "Fanout"


class Scene(Protocol):
    """What can be done to devices; the run is one."""

    @property
    def random(self) -> Random:
        """The run's source of chance."""

    @property
    def phones(self) -> list[Device]:
        """The first device of each user: the second ones stay, so that harm done to the wrong one shows."""

    @property
    def paired(self) -> list[Device]:
        """Those of them whose user has a second device."""

    async def drop(self, device: Device) -> None:
        """Its network goes, and nobody notices."""

    async def reconnect(self, device: Device, *, away_s: float = 0) -> None:
        """The gateway closes its socket; it may only come back after a while."""

    async def crash(self, device: Device) -> None:
        """Its process dies, and is started again after a moment."""


@dataclass(frozen=True, slots=True)
class Weather:
    """One class of faults.

    Attributes:
        name: for the report.
        begin: sets up the faults that strike by themselves; they are cleared at the end of the window.
        act: happens every ``ACT_EVERY_S`` seconds.
        shuffled: whether frames of one socket that arrive together are handled in another order.
    """

    name: str
    begin: Callable[[Faults], None] | None = None
    act: Callable[[Scene], Awaitable[None]] | None = None
    shuffled: bool = False


def _calls(probability: float, *actions: Action) -> Callable[[Faults], None]:
    return lambda faults: faults.chaos(probability, actions)


def _queue(faults: Faults) -> None:
    faults.duplicate(_FANOUT, 0.7)
    faults.reorder(_FANOUT, 0.7)


def _everything(faults: Faults) -> None:
    faults.chaos(0.02, ("kill_before", "kill_after", "throttle", "fail_before", "fail_after", "timeout_after"))
    _queue(faults)
    faults.lose_disconnects(0.5)


async def _drop(scene: Scene) -> None:
    await scene.drop(scene.random.choice(scene.random.choice((scene.phones, scene.paired or scene.phones))))


async def _reconnect(scene: Scene) -> None:
    await scene.reconnect(scene.random.choice(scene.phones))


async def _vanish(scene: Scene) -> None:
    await scene.reconnect(scene.random.choice(scene.phones), away_s=scene.random.uniform(0.2, 1))


async def _crash(scene: Scene) -> None:
    await scene.crash(scene.random.choice(scene.phones))


async def _anything(scene: Scene) -> None:
    await scene.random.choice((_drop, _reconnect, _vanish, _crash))(scene)


WEATHERS = {
    weather.name: weather
    for weather in (
        Weather("none"),
        Weather("killed functions", _calls(0.04, "kill_before", "kill_after")),
        Weather("throttles", _calls(0.08, "throttle")),
        Weather("failures, also after commit", _calls(0.05, "fail_before", "fail_after")),
        Weather("timeouts, also after commit", _calls(0.05, "timeout_before", "timeout_after")),
        Weather("silently dropped sockets", act=_drop),
        Weather("lost $disconnect", lambda faults: faults.lose_disconnects(), _vanish),
        Weather("duplicated, reordered queue", _queue),
        Weather("reordered frames", shuffled=True),
        Weather("killed clients", act=_crash),
        Weather("forced reconnects", act=_reconnect),
        Weather("everything at once", _everything, _anything, shuffled=True),
    )
}
