"""What an endpoint of the server API is, and the table that they enter themselves into (server-api spec, section 2).

The dispatcher serves from this table; whatever documents the API is generated from it.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from im.application.service import ApplicationService
from im.channel.desk import ChannelDesk
from im.channel.service import ChannelService
from im.chatroom.admin import ChatroomAdmin
from im.connect.online import OnlineUsers
from im.connect.service import ConnectService
from im.errors import Code
from im.friend.service import FriendService
from im.group.service import GroupService
from im.machine.service import MachineService
from im.message.media import Media
from im.message.multicast import Multicasts
from im.message.service import MessageService
from im.moderation.service import ModerationService
from im.profile.reader import ProfileReader
from im.profile.service import ProfileService
from im.setting.service import SettingService
from im.system.service import SystemService


class Services(Struct, frozen=True):
    """What the endpoints call."""

    users: ProfileService
    finder: ProfileReader
    machines: MachineService
    sessions: ConnectService
    online: OnlineUsers
    messages: MessageService
    multicasts: Multicasts
    media: Media
    groups: GroupService
    friends: FriendService
    channels: ChannelService
    desk: ChannelDesk
    rooms: ChatroomAdmin
    system: SystemService
    words: ModerationService
    settings: SettingService
    applications: ApplicationService


Run = Callable[..., Any]
"""Takes the services, in families whose callers have secrets of their own the caller, and the body."""


class Endpoint(Struct, frozen=True):
    """One path.

    Attributes:
        path: exact; all are POST.
        request: the schema of the body; None when there is none to read.
        result: the type of the ``result`` member; None when there is none.
        run: does it.
        codes: what it may answer besides success and what every path may answer.
    """

    path: str
    request: type[Any] | None
    result: Any
    run: Run
    codes: tuple[Code, ...] = ()

    @property
    def summary(self) -> str:
        """One sentence on what it does."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


ENDPOINTS: dict[str, Endpoint] = {}
"""By path, everything that this deployment does."""


def endpoint(
    path: str, request: type[Any] | None, result: Any = None, *, codes: tuple[Code, ...] = ()
) -> Callable[[Run], Run]:
    """Enter a function as what a path does; its first line of documentation is the endpoint's."""

    def register(run: Run) -> Run:
        ENDPOINTS[path] = Endpoint(path, request, result, run, codes)
        return run

    return register
