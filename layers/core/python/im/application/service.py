"""The use cases of auth codes: a client asks for one, a server learns whose it is."""

import secrets
from collections.abc import Callable, Iterable
from typing import Protocol

from im.application.model import CODE_LIFE_MS, Application, Kind, Permission, host_of
from im.application.store import PermissionStore
from im.channel.model import Channel
from im.errors import Code, ImError, InvalidError
from im.machine.model import Robot
from im.platform.clock import Clock


class Robots(Protocol):
    """What auth codes need of the robots."""

    def robot(self, robot_id: str) -> Robot | None:
        """A robot."""


class Channels(Protocol):
    """What auth codes need of the channels."""

    def get(self, channel_id: str) -> Channel | None:
        """A channel, destroyed ones included."""


def new_code() -> str:
    """A code that nobody can guess (192 bits)."""
    return secrets.token_urlsafe(24)


class ApplicationService:
    """Issues and redeems auth codes.

    Args:
        permissions: what stands behind the codes.
        robots, channels: the applications.
        hosts: hosts of the app server's pages, for which codes of its kind are issued.
        clock: the time.
        new_code: makes codes.
    """

    def __init__(
        self,
        permissions: PermissionStore,
        robots: Robots,
        channels: Channels,
        hosts: Iterable[str],
        clock: Clock,
        new_code: Callable[[], str] = new_code,
    ) -> None:
        self._permissions = permissions
        self._robots = robots
        self._channels = channels
        self._hosts = frozenset(host.strip().lower() for host in hosts if host.strip())
        self._clock = clock
        self._new_code = new_code

    def issue(self, user: str, application: Application, host: str) -> str:
        """A code by which an application may learn who the user is, for a minute (client-semantics spec 1, ATR).

        The page's host must be that of the application's callback. Codes for the app server are issued to its own hosts
        only; the original gives them to anybody.

        Raises:
            InvalidError: there is no such application, it has no callback or no secret, or the page is another's.
        """
        wanted = host.strip().lower()
        if not wanted or wanted not in self._hosts_of(application):
            raise InvalidError("no auth code for this application and host")
        code = self._new_code()
        self._permissions.put(code, Permission(user, application, self._clock() + CODE_LIFE_MS))
        return code

    def _hosts_of(self, application: Application) -> Iterable[str]:
        if application.kind == Kind.BACK_END:
            return self._hosts
        known: Robot | Channel | None = None
        if application.kind == Kind.ROBOT:
            known = self._robots.robot(application.id)
        elif application.kind == Kind.CHANNEL:
            channel = self._channels.get(application.id)
            known = None if channel is None or channel.deleted else channel
        if known is None or not known.secret or not known.callback:
            return ()
        return {host_of(known.callback)}

    def redeem(self, code: str, application: Application) -> str:
        """The id of the user behind a code; may be asked again while the code is good, since an answer can be lost.

        Raises:
            ImError: 70 (6 for the app server), the code is not good, or not any more, or another's.
        """
        permission = self._permissions.get(code)
        if permission is None or permission.application != application or self._clock() >= permission.until:
            back_end = application.kind == Kind.BACK_END
            raise ImError(Code.TOKEN_ERROR if back_end else Code.APPLICATION_TOKEN_ERROR)
        return permission.user
