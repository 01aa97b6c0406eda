"""Who is online."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from wildfire_client.errors import ChatError
from wildfire_client.events import Event, PresenceChanged
from wildfire_client.objects import Presence

logger = logging.getLogger(__name__)

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Presences:
    """Friends are followed by themselves, others while they are watched. Kept in memory: it is worth nothing tomorrow."""

    def __init__(self, call: Call, emit: Callable[[Event], object]) -> None:
        self._call = call
        self._emit = emit
        self._known: dict[str, Presence] = {}

    def get(self, user_id: str) -> Presence | None:
        """What was last seen of a user; None if nothing is known."""
        return self._known.get(user_id)

    async def watch(self, user_ids: Iterable[str], seconds: int = 600) -> list[Presence]:
        """Follow users for a while; what is seen of them now. 0 seconds ends it.

        Raises:
            ChatError: FUNCTION_DISABLED, the deployment has no presence; or no link.
        """
        answer = await self._call("profile", "watch", {"users": list(user_ids), "seconds": seconds})
        return self._take(answer["users"])

    async def set_state(self, state: int, text: str = "") -> None:
        """Say something of oneself: 0 nothing, 1 busy, 2 away, 3 away and idle, 4 invisible, or the application's own.

        Raises:
            ChatError: refused, or no link.
        """
        await self._call("profile", "state", {"state": state, "text": text})

    async def fetch(self) -> None:
        """Ask for all friends: what changed while there was no link was not pushed."""
        more, after = True, ""
        while more:
            try:
                answer = await self._call("profile", "presence", {"after": after})
            except ChatError as error:
                logger.info("presence of friends: %s", error)
                return
            page = self._take(answer["users"])
            more = bool(answer.get("more")) and bool(page)
            after = page[-1].user_id if page else after

    def take(self, body: dict[str, Any]) -> None:
        """A push tells of changes."""
        self._take(body["users"])

    def _take(self, wires: Sequence[dict[str, Any]]) -> list[Presence]:
        found = [Presence.from_wire(wire) for wire in wires]
        changed = [presence for presence in found if self._known.get(presence.user_id) != presence]
        self._known.update({presence.user_id: presence for presence in found})
        if changed:
            self._emit(PresenceChanged(tuple(changed)))
        return found
