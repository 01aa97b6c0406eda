"""Runs several operations so that exactly one moves at a time, and a seed decides who moves next at every store call."""

import threading
from collections.abc import Callable, Sequence
from random import Random

_STUCK_S = 30.0


class Killed(BaseException):
    """The function died here. Not an ``Exception``, so that nothing of the product can catch it."""


class Turns:
    """A turnstile: whoever reaches a store call may have to let another one go first.

    Args:
        random: decides. Once per run it draws how readily the turn changes, so that some runs interleave every call and
            others let one operation stand still while the others come to their ends.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._readiness = random.choice((0.08, 0.4, 0.9))
        self._asleep: list[threading.Lock] = []
        self._mine = threading.local()
        self._ended = threading.Lock()
        self._failures: list[BaseException] = []

    def run(self, operations: Sequence[Callable[[], None]]) -> None:
        """Bring all to their ends, one moving at a time. The first failure is raised; being killed is none."""
        self._ended.acquire()
        threads = []
        for operation in operations:
            turn = threading.Lock()
            turn.acquire()
            self._asleep.append(turn)
            threads.append(threading.Thread(target=self._perform, args=(operation, turn), daemon=True))
        for thread in threads:
            thread.start()
        self._wake_one()
        if not self._ended.acquire(timeout=_STUCK_S):
            raise TimeoutError("an operation does not come to its end")
        self._ended.release()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def pause(self) -> None:
        """Called by an operation before it touches anything that it shares with the others."""
        turn: threading.Lock | None = getattr(self._mine, "turn", None)
        if turn is None or not self._asleep or self._random.random() > self._readiness:
            return
        other = self._asleep.pop(self._random.randrange(len(self._asleep)))
        self._asleep.append(turn)
        other.release()
        turn.acquire()

    def _perform(self, operation: Callable[[], None], turn: threading.Lock) -> None:
        self._mine.turn = turn
        turn.acquire()
        try:
            operation()
        except Killed:
            pass
        except BaseException as error:
            self._failures.append(error)
        self._wake_one()

    def _wake_one(self) -> None:
        if self._asleep:
            self._asleep.pop(self._random.randrange(len(self._asleep))).release()
        else:
            self._ended.release()
