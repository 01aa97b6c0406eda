"""Users and sessions (server-api spec 2.1)."""

from msgspec.structs import replace

from im.connect.online import NODE
from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import users as wire
from im.wire.objects import SessionOut, UserOut


@endpoint("/admin/user/create", wire.UserBody, wire.CreatedUser, codes=(Code.SERVER_ERROR,))
def create_user(services: Services, body: wire.UserBody) -> wire.CreatedUser:
    """Register a user, or overwrite him with exactly these values."""
    user = body.model()
    if body.displayName == "":
        user = replace(user, display_name=user.name)
    created = services.users.create(user)
    return wire.CreatedUser(created.id, created.name)


@endpoint("/admin/user/update", wire.UpdateUser, codes=(Code.NOT_EXIST,))
def update_user(services: Services, body: wire.UpdateUser) -> None:
    """Change the fields that the mask chooses, and tell the user's devices."""
    services.users.update(body.userInfo.model(), body.flag)


@endpoint("/admin/user/get_info", wire.UserQuery, UserOut, codes=(Code.NOT_EXIST,))
def get_user(services: Services, body: wire.UserQuery) -> UserOut:
    """One user by id, else by login name, else by mobile number."""
    user = services.users.find(user_id=body.userId, name=body.name, mobile=body.mobile, deleted=body.includeDeleted)
    return UserOut.of(user)


@endpoint("/admin/user/get_info_by_mobile", wire.MobileQuery, wire.Users, codes=(Code.NOT_EXIST,))
def get_users_by_mobile(services: Services, body: wire.MobileQuery) -> wire.Users:
    """All users with a mobile number."""
    return wire.Users.of(services.users.find_by_mobile(body.mobile, deleted=body.includeDeleted))


@endpoint("/admin/user/get_info_by_email", wire.EmailQuery, wire.Users, codes=(Code.NOT_EXIST,))
def get_users_by_email(services: Services, body: wire.EmailQuery) -> wire.Users:
    """All users with an e-mail address."""
    return wire.Users.of(services.users.find_by_email(body.email))


@endpoint("/admin/user/batch_get_infos", wire.UserList, wire.Users)
def get_users(services: Services, body: wire.UserList) -> wire.Users:
    """Several users by id; unknown ones are left out."""
    return wire.Users.of(services.users.batch(body.list))


@endpoint("/admin/user/all", wire.Page, wire.UserPage)
def list_users(services: Services, body: wire.Page) -> wire.UserPage:
    """Users in the order of their creation."""
    return wire.UserPage.of(services.users.page(body.offset, body.count))


@endpoint("/admin/user/search_user", wire.UserSearch, wire.FoundUsers)
def search_users(services: Services, body: wire.UserSearch) -> wire.FoundUsers:
    """Users by login name, number, id or a part of the display name, 20 a page."""
    found = services.finder.search_all(body.keyword, body.searchType, body.page, body.userType)
    return wire.FoundUsers([UserOut.of(user) for user in found.users], body.keyword)


@endpoint("/admin/user/destroy", wire.UserRef)
def destroy_user(services: Services, body: wire.UserRef) -> None:
    """Destroy a user: sessions, groups, profile, conversations."""
    services.users.destroy(body.userId)


@endpoint("/admin/user/get_token", wire.GetToken, wire.Token, codes=(Code.ROBOT_NO_TOKEN,))
def get_token(services: Services, body: wire.GetToken) -> wire.Token:
    """A token with which a client connects; the user need not be registered."""
    return wire.Token(body.userId, services.sessions.issue_token(body.userId, body.clientId, body.platform))


@endpoint("/admin/user/kickoff_client", wire.KickOff)
def kick_off(services: Services, body: wire.KickOff) -> None:
    """End one session of a user, or all."""
    services.sessions.kick(body.first, body.second or None)


@endpoint("/admin/user/onlinestatus", wire.UserRef, wire.Sessions)
def online_status(services: Services, body: wire.UserRef) -> wire.Sessions:
    """A user's sessions and whether each is connected."""
    return wire.Sessions([SessionOut.of(state) for state in services.sessions.sessions(body.userId)])


@endpoint("/admin/user/online_count", None, list[wire.OnlineUsers], codes=(Code.FUNCTION_DISABLED,))
def count_online(services: Services, _: None) -> list[wire.OnlineUsers]:
    """How many users have an open socket."""
    return [wire.OnlineUsers(NODE, services.online.count())]


@endpoint("/admin/user/online_list", wire.NodePage, wire.OnlinePage, codes=(Code.FUNCTION_DISABLED,))
def list_online(services: Services, body: wire.NodePage) -> wire.OnlinePage:
    """Devices with an open socket, by user; ``offset``, ``count`` and ``totalCount`` count users."""
    page = services.online.page(body.nodeId, body.offset, body.count)
    clients = [wire.OnlineClient(user, device.client, device.platform) for user, device in page.clients]
    return wire.OnlinePage(clients, clients, page.total, body.offset)


@endpoint("/admin/user/session_list", wire.UserRef, wire.UserSessions)
def list_sessions(services: Services, body: wire.UserRef) -> wire.UserSessions:
    """A user's sessions and where their notifications go."""
    sessions = [wire.UserSession.of(state) for state in services.sessions.sessions(body.userId)]
    return wire.UserSessions(sessions, sessions)


@endpoint("/admin/user/update_block_status", wire.SetBlockStatus)
def set_block_status(services: Services, body: wire.SetBlockStatus) -> None:
    """Let a user be normal (0), muted (1) or forbidden (2)."""
    services.sessions.set_block_status(body.userId, body.status)


@endpoint("/admin/user/check_block_status", wire.UserRef, wire.BlockStatus)
def get_block_status(services: Services, body: wire.UserRef) -> wire.BlockStatus:
    """A user's global status."""
    return wire.BlockStatus(services.sessions.block_status(body.userId))


@endpoint("/admin/user/get_blocked_list", None, wire.BlockedUsers)
def list_blocked(services: Services, _: None) -> wire.BlockedUsers:
    """All users who are muted or forbidden."""
    return wire.BlockedUsers([wire.BlockedUser(user, status) for user, status in services.sessions.blocked()])
