"""Who is online, for the server API (server-api spec 2.1, online_count and online_list).

Answered from the index that presence keeps of users with an open socket, never by reading through all users. There is one
node, number 1. A user with two devices counts once. Sockets whose end the gateway did not report are counted until a post
to them fails or their user comes back; the list leaves them out once they are older than any socket can be.
"""

from msgspec import Struct

from im.delivery.model import Device
from im.delivery.store import PresenceStore
from im.errors import Code, ImError, InvalidError
from im.platform.clock import MINUTE_MS, Clock
from im.settings import Switches

NODE = 1
MAX_PAGE = 1_000
_LIFETIME_MS = 130 * MINUTE_MS
"""Longer than the two hours after which the gateway closes any socket."""


class OnlinePage(Struct, frozen=True):
    """Some of those who are online.

    Attributes:
        clients: their devices with open sockets, as (user, device).
        total: how many users are online.
    """

    clients: tuple[tuple[str, Device], ...]
    total: int


class OnlineUsers:
    """Counts and lists users with an open socket.

    Args:
        presence: where users are.
        switches: the deployment's behaviour.
        clock: the time.
    """

    def __init__(self, presence: PresenceStore, switches: Switches, clock: Clock) -> None:
        self._presence = presence
        self._switches = switches
        self._clock = clock

    def count(self) -> int:
        """How many users are online.

        Raises:
            ImError: 220, the deployment keeps no index.
        """
        return sum(self._counts())

    def page(self, node: int, offset: int, count: int) -> OnlinePage:
        """Devices of the users from ``offset`` on, ``count`` users at most, in a stable order.

        Raises:
            InvalidError: another node than 1, or a part that no list has.
            ImError: 220, the deployment keeps no index.
        """
        if node != NODE:
            raise InvalidError("nodeId must be 1")
        if offset < 0 or not 0 <= count <= MAX_PAGE:
            raise InvalidError(f"offset must be 0 or more, count 0 to {MAX_PAGE}")
        counts = self._counts()
        users: list[str] = []
        begin = 0
        for shard, size in enumerate(counts):
            skipped = max(0, offset - begin)
            if skipped < size and len(users) < count:
                users += self._presence.online_users(shard, skipped, count - len(users))
            begin += size
        presences, _ = self._presence.load(users)
        born = self._clock() - _LIFETIME_MS
        clients = [
            (user, device)
            for user in users
            for device in presences[user].devices
            if device.online and device.since >= born
        ]
        return OnlinePage(tuple(clients), sum(counts))

    def _counts(self) -> list[int]:
        if not self._switches.online_index:
            raise ImError(Code.FUNCTION_DISABLED, "im.online_index is off")
        return self._presence.online_counts()
