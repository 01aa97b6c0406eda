"""Leaves destinations alone that fail, in all environments at once, and costs nothing while they answer.

Each environment remembers only destinations whose failure it has seen. The first failure makes it look at what others
know, and write what it knows now: a healthy destination costs no call, a failing one a write per failure until it is left
alone. When its rest is over, whoever first claims the trial makes one attempt; a success is written for all by removing
what was known, and an environment learns of it, at the latest, when it wants to make a trial of its own.
"""

from im.callback.model import Circuit, after_failure
from im.callback.store import CircuitStore
from im.platform.clock import Clock

TRIAL_MS = 15_000
"""How long a trial may take before another environment makes one: longer than an attempt does."""
_ATTEMPTS = 3


class Breaker:
    """Decides whether an attempt is worth making.

    Args:
        store: what all environments know.
        clock: the time.
    """

    def __init__(self, store: CircuitStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Circuit] = {}
        self._trials: set[str] = set()

    def rest_ms(self, destination: str) -> int:
        """How long a destination must be left alone; 0: try it, and say how it went."""
        circuit, now = self._known.get(destination), self._clock()
        for _ in range(_ATTEMPTS):
            if circuit is None or circuit.until == 0:
                return 0
            if now < circuit.until:
                return circuit.until - now
            trial = Circuit(circuit.failures, now + TRIAL_MS, circuit.rest)
            if self._store.replace(destination, circuit, trial, now):
                self._known[destination] = trial
                self._trials.add(destination)
                return 0
            circuit = self._learn(destination)
        return TRIAL_MS

    def succeeded(self, destination: str) -> None:
        """It has answered."""
        self._trials.discard(destination)
        if self._known.pop(destination, None) is not None:
            self._store.forget(destination)

    def failed(self, destination: str) -> None:
        """It has not, or not well."""
        on_trial = destination in self._trials
        self._trials.discard(destination)
        known = self._known.get(destination) or self._learn(destination)
        for _ in range(_ATTEMPTS):
            now, so_far = self._clock(), known or Circuit()
            if on_trial:
                so_far = Circuit(so_far.failures, 0, so_far.rest)
            circuit = after_failure(so_far, now)
            if self._store.replace(destination, known, circuit, now):
                self._known[destination] = circuit
                return
            on_trial = False
            known = self._learn(destination)

    def _learn(self, destination: str) -> Circuit | None:
        circuit = self._store.get(destination)
        if circuit is None:
            self._known.pop(destination, None)
        else:
            self._known[destination] = circuit
        return circuit
