"""Who opened an application's page: the server's half of auth codes (server-api spec 2.1, 2.9, 2.10)."""

from im.application.model import Application, Kind
from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import applications as wire


def _user(services: Services, application: Application, code: str) -> wire.ApplicationUser:
    user = services.applications.redeem(code, application)
    return wire.ApplicationUser.of(user, services.users.lookup([user]).get(user))


@endpoint("/admin/user/app_get_user_info", wire.AuthCodeQuery, wire.ApplicationUser, codes=(Code.TOKEN_ERROR,))
def of_back_end(services: Services, body: wire.AuthCodeQuery) -> wire.ApplicationUser:
    """The user who opened a page of the app server, by the code that his client got for it within the last minute."""
    return _user(services, Application(Kind.BACK_END), body.authCode)


@endpoint(
    "/robot/application/get_user_info",
    wire.AuthCodeQuery,
    wire.ApplicationUser,
    codes=(Code.NOT_EXIST, Code.NOT_RIGHT, Code.APPLICATION_TOKEN_ERROR),
)
def of_robot(services: Services, robot: str, body: wire.AuthCodeQuery) -> wire.ApplicationUser:
    """The user who opened a page of the robot."""
    return _user(services, Application(Kind.ROBOT, robot), body.authCode)


@endpoint(
    "/channel/application/get_user_info",
    wire.AuthCodeQuery,
    wire.ApplicationUser,
    codes=(Code.CHANNEL_NO_EXIST, Code.CHANNEL_NO_SECRET, Code.APPLICATION_TOKEN_ERROR),
)
def of_channel(services: Services, channel: str, body: wire.AuthCodeQuery) -> wire.ApplicationUser:
    """The user who opened a page of the channel."""
    return _user(services, Application(Kind.CHANNEL, channel), body.authCode)
