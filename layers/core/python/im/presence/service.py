"""Watching presence: friends always, others for a while (client-semantics spec, appendix C.3).

A change of presence writes its own item and nothing else. When it changes what others see, news of it are queued, and
somewhat later a worker looks who is to be told, and how the presence looks by then; if it looks different, other news are on
their way, and these are dropped. So a device that reconnects at once is told to nobody, and of several changes in a
moment the last one is. All of it are hints: whoever wants to be sure asks.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from im.delivery.model import Glimpse, Presence, Reach
from im.delivery.service import Delivery
from im.errors import Code, ImError, InvalidError
from im.friend.model import Friend
from im.message.model import check_id
from im.platform.clock import Clock
from im.platform.parallel import run_all
from im.presence.model import MAX_TEXT, MAX_TOLD, MAX_WATCH_S, MAX_WATCHED, Sight, sight
from im.presence.store import WatchStore
from im.settings import Switches
from im.wire import frames
from im.wire.presence import SightOut

OFF, WATCHERS, FRIENDS = "off", "watchers", "friends"
"""Values of ``im.presence``: nobody is told, only those who watch, and friends as well."""


class Friends(Protocol):
    """What presence needs of friendships."""

    def friends(self, user: str, *, consistent: bool) -> Iterable[Friend]:
        """What a user keeps of others."""


class PresenceService:
    """Shows users to one another, and tells of changes.

    Args:
        watches: who watches whom.
        delivery: presence, and frames to devices.
        friends: who is whose friend; None where friendships are not hosted.
        switches: the deployment's behaviour.
        clock: the time.
    """

    def __init__(
        self, watches: WatchStore, delivery: Delivery, friends: Friends | None, switches: Switches, clock: Clock
    ) -> None:
        self._watches = watches
        self._delivery = delivery
        self._friends = friends if switches.presence == FRIENDS else None
        self._on = switches.presence != OFF
        self._clock = clock

    def watch(self, watcher: str, users: Sequence[str], seconds: int) -> tuple[list[Sight], list[str]]:
        """Be told of changes of some users' presence for a while, and see it now.

        The watches are written first: whatever changes after the presence was read is told. Repeating it begins the time
        anew; 0 seconds end it.

        Returns what one sees, and the ids of users who have too many watchers to tell one more.

        Raises:
            InvalidError: too many users, none, or too long a time.
            ImError: 220, the deployment tells nobody.
        """
        self._need()
        wanted = [user for user in dict.fromkeys(users) if user != watcher]
        if not 1 <= len(users) <= MAX_WATCHED:
            raise InvalidError(f"users must name 1 to {MAX_WATCHED}")
        if not 0 <= seconds <= MAX_WATCH_S:
            raise InvalidError(f"seconds must be 0 to {MAX_WATCH_S}")
        for user in wanted:
            check_id(user, "users")
        if seconds == 0:
            run_all([partial(self._watches.unwatch, user, watcher) for user in wanted])
            return [], []
        now = self._clock()
        until = now + seconds * 1000
        taken = run_all([partial(self._watches.watch, user, watcher, until, now) for user in wanted])
        full = [user for user, fits in zip(wanted, taken, strict=True) if not fits]
        return self._sights(wanted), full

    def friends(self, user: str, after: str, limit: int) -> tuple[list[Sight], bool]:
        """What a user sees of his friends whose ids come after an id, and whether there are more.

        Raises:
            ImError: 220, the deployment tells nobody.
        """
        self._need()
        ids = sorted(friend for friend in self._friends_of(user) if friend > after)
        return self._sights(ids[:limit]), len(ids) > limit

    def set_state(self, user: str, state: int, text: str) -> None:
        """Set what a user says of himself: one write, and news.

        Raises:
            InvalidError: the state is negative or the text too long.
            ImError: 220, the deployment tells nobody.
        """
        self._need()
        if not 0 <= state < 2**31 or len(text) > MAX_TEXT:
            raise InvalidError(f"state must be 0 or more, text at most {MAX_TEXT} characters")
        before = self._delivery.presence.set_state(user, state, text)
        self.changed(before, before.saying(state, text))

    def say(self, user: str, value: str) -> None:
        """``set_state`` as setting 23 has it, ``2-at lunch``; what is no number is text alone. Does nothing where presence is
        off.
        """
        if not self._on:
            return
        number, _, text = value.partition("-")
        known = re.fullmatch("[0-9]{1,9}", number) is not None
        self.set_state(user, int(number) if known else 0, (text if known else value)[:MAX_TEXT])

    def changed(self, before: Presence, after: Presence) -> None:
        """Queue news of a change, if others see it and there are any."""
        if self._on and before.look() != after.look() and self._audience(after.user):
            self._delivery.announce(before, after)

    def tell(self, news: Glimpse) -> Reach:
        """Tell friends and watchers how a user's presence looks, unless it looks different by now."""
        presence = self._delivery.presence.load_one(news.user)
        if not self._on or presence.look() != news.look:
            return Reach()
        frame = frames.push("presence", {"users": [SightOut.of(sight(presence, self._clock()))]})
        return self._delivery.push(self._audience(news.user), lambda _: frame)

    def _audience(self, user: str) -> list[str]:
        finds: list[Callable[[], Sequence[str]]] = [
            partial(self._friends_of, user),
            partial(self._watches.watchers, user, self._clock()),
        ]
        friends, watchers = run_all(finds)
        return [each for each in dict.fromkeys([*watchers, *friends]) if each != user][:MAX_TOLD]

    def _friends_of(self, user: str) -> Sequence[str]:
        """Those who see a user, and whom he sees: friends, but for those whom he does not want to hear from."""
        rows = self._friends.friends(user, consistent=False) if self._friends else ()
        return [row.other for row in rows if row.is_friend and not row.is_blacked]

    def _sights(self, users: Sequence[str]) -> list[Sight]:
        presences, _ = self._delivery.presence.load(users, consistent=True)
        now = self._clock()
        return [sight(presences[user], now) for user in users]

    def _need(self) -> None:
        if not self._on:
            raise ImError(Code.FUNCTION_DISABLED, "im.presence is off")
