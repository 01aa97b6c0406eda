"""The channels that go to everybody, remembered: they are few, change hardly ever, and each ``hello`` asks for them."""

from collections.abc import Callable, Sequence

from im.platform.clock import Clock

LIFE_MS = 60_000
"""How long the list is used: a channel that is made to go to everybody shows up everywhere after this time."""


class GlobalChannels:
    """Remembers the ids of the channels that go to everybody.

    Args:
        read: reads them.
        clock: the time.
    """

    def __init__(self, read: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._ids: Sequence[str] = ()
        self._until = 0

    def __call__(self) -> Sequence[str]:
        """Their ids, as they were a minute ago at most."""
        now = self._clock()
        if now >= self._until:
            self._ids, self._until = self._read(), now + LIFE_MS
        return self._ids
