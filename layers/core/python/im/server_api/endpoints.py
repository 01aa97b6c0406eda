"""The endpoints of the server API as data: path, request schema, what it does, result schema (server-api spec, section 2).

The dispatcher serves from this table; whatever documents the API is generated from it.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from im.connect.service import ConnectService
from im.errors import Code, ImError
from im.group.service import Announcement, GroupService
from im.message.model import Origin, Sender
from im.message.service import MessageService
from im.moderation.service import ModerationService
from im.profile.service import ProfileService
from im.wire import server_api as wire
from im.wire.objects import GroupOut, MemberOut, UserOut

DELETING_OPERATOR = "admin"
"""Who is said to have deleted a message when the caller does not say: the SDKs cannot."""


class Services(Struct, frozen=True):
    """What the endpoints call."""

    users: ProfileService
    sessions: ConnectService
    messages: MessageService
    groups: GroupService
    words: ModerationService


Run = Callable[[Services, Any], Any]


class Endpoint(Struct, frozen=True):
    """One path.

    Attributes:
        path: exact; all are POST.
        request: the schema of the body; None when there is none to read.
        result: the type of the ``result`` member; None when there is none.
        run: does it.
    """

    path: str
    request: type[Any] | None
    result: Any
    run: Run

    @property
    def summary(self) -> str:
        """One sentence on what it does."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


ENDPOINTS: dict[str, Endpoint] = {}
"""By path, everything that this deployment does."""


def _endpoint(path: str, request: type[Any] | None, result: Any = None) -> Callable[[Run], Run]:
    def register(run: Run) -> Run:
        ENDPOINTS[path] = Endpoint(path, request, result, run)
        return run

    return register


# --- users


@_endpoint("/admin/user/create", wire.UserBody, wire.CreatedUser)
def create_user(services: Services, body: wire.UserBody) -> wire.CreatedUser:
    """Register a user, or overwrite him with exactly these values."""
    user = body.model()
    if body.displayName == "":
        user = replace(user, display_name=user.name)
    created = services.users.create(user)
    return wire.CreatedUser(created.id, created.name)


@_endpoint("/admin/user/update", wire.UpdateUser)
def update_user(services: Services, body: wire.UpdateUser) -> None:
    """Change the fields that the mask chooses, and tell the user's devices."""
    services.users.update(body.userInfo.model(), body.flag)


@_endpoint("/admin/user/get_info", wire.UserQuery, UserOut)
def get_user(services: Services, body: wire.UserQuery) -> UserOut:
    """One user by id, else by login name, else by mobile number."""
    user = services.users.find(user_id=body.userId, name=body.name, mobile=body.mobile, deleted=body.includeDeleted)
    return UserOut.of(user)


@_endpoint("/admin/user/destroy", wire.UserRef)
def destroy_user(services: Services, body: wire.UserRef) -> None:
    """Destroy a user: sessions, groups, profile, conversations."""
    services.users.destroy(body.userId)


@_endpoint("/admin/user/get_token", wire.GetToken, wire.Token)
def get_token(services: Services, body: wire.GetToken) -> wire.Token:
    """A token with which a client connects; the user need not be registered."""
    return wire.Token(body.userId, services.sessions.issue_token(body.userId, body.clientId, body.platform))


@_endpoint("/admin/user/kickoff_client", wire.KickOff)
def kick_off(services: Services, body: wire.KickOff) -> None:
    """End one session of a user, or all."""
    services.sessions.kick(body.first, body.second or None)


@_endpoint("/admin/user/onlinestatus", wire.UserRef, wire.Sessions)
def online_status(services: Services, body: wire.UserRef) -> wire.Sessions:
    """A user's sessions and whether each is connected."""
    return wire.Sessions([wire.SessionOut.of(state) for state in services.sessions.sessions(body.userId)])


@_endpoint("/admin/user/update_block_status", wire.SetBlockStatus)
def set_block_status(services: Services, body: wire.SetBlockStatus) -> None:
    """Let a user be normal (0), muted (1) or forbidden (2)."""
    services.sessions.set_block_status(body.userId, body.status)


@_endpoint("/admin/user/check_block_status", wire.UserRef, wire.BlockStatus)
def get_block_status(services: Services, body: wire.UserRef) -> wire.BlockStatus:
    """A user's global status."""
    return wire.BlockStatus(services.sessions.block_status(body.userId))


@_endpoint("/admin/user/get_blocked_list", None, wire.BlockedUsers)
def list_blocked(services: Services, _: None) -> wire.BlockedUsers:
    """All users who are muted or forbidden."""
    return wire.BlockedUsers([wire.BlockedUser(user, status) for user, status in services.sessions.blocked()])


# --- messages


@_endpoint("/admin/message/send", wire.SendMessage, wire.SentMessage)
def send_message(services: Services, body: wire.SendMessage) -> wire.SentMessage:
    """Send as any user; with ``isUserMessage`` under the rules of ordinary users."""
    origin = Origin.USER if body.isUserMessage else Origin.ADMIN
    sender = Sender(body.sender, origin=origin)
    sent = services.messages.send(sender, body.conv.model(), body.payload, to=body.toUsers)
    return wire.SentMessage(sent.uid, sent.time)


@_endpoint("/admin/message/recall", wire.RecallMessage, str)
def recall_message(services: Services, body: wire.RecallMessage) -> str:
    """Take a message back; the result is the original as JSON text, empty when it was taken back before."""
    return services.messages.recall_by_uid(body.operator, body.messageUid, admin=not body.isUserRecall)


@_endpoint("/admin/message/delete", wire.DeleteMessage)
def delete_message(services: Services, body: wire.DeleteMessage) -> None:
    """Delete a message for everybody."""
    services.messages.delete_by_uid(body.operator or DELETING_OPERATOR, body.messageUid)


@_endpoint("/admin/message/get_one", wire.MessageRef, wire.MessageOut)
def get_message(services: Services, body: wire.MessageRef) -> wire.MessageOut:
    """One message; one that was taken back in that form."""
    message = services.messages.get_by_uid(body.messageUid)
    if message.deleted:
        raise ImError(Code.NOT_EXIST)
    return wire.MessageOut.of(message)


# --- groups


def _announcement(body: wire.GroupRequest) -> Announcement:
    return Announcement(tuple(dict.fromkeys(body.to_lines)) or (0,), body.notify_message)


@_endpoint("/admin/group/create", wire.CreateGroup, wire.CreatedGroup)
def create_group(services: Services, body: wire.CreateGroup) -> wire.CreatedGroup:
    """Make a group."""
    group = services.groups.create(
        body.operator,
        body.group.group_info.model(),
        [member.model() for member in body.group.members],
        extra=body.member_extra,
        announcement=_announcement(body),
    )
    return wire.CreatedGroup(group, group)


@_endpoint("/admin/group/del", wire.DissolveGroup)
def dissolve_group(services: Services, body: wire.DissolveGroup) -> None:
    """End a group."""
    services.groups.dissolve(body.operator, body.group_id, announcement=_announcement(body))


@_endpoint("/admin/group/get_info", wire.GroupRef, GroupOut)
def get_group(services: Services, body: wire.GroupRef) -> GroupOut:
    """A group's info."""
    return GroupOut.of(services.groups.info(body.groupId))


@_endpoint("/admin/group/member/list", wire.GroupRef, wire.Members)
def list_members(services: Services, body: wire.GroupRef) -> wire.Members:
    """Who is in a group."""
    return wire.Members([MemberOut.of(member) for member in services.groups.members(body.groupId)])


@_endpoint("/admin/group/member/add", wire.AddMembers)
def add_members(services: Services, body: wire.AddMembers) -> None:
    """Put users into a group, or rewrite their member data."""
    services.groups.add_members(
        body.operator,
        body.group_id,
        [member.model() for member in body.members],
        extra=body.member_extra,
        announcement=_announcement(body),
    )


@_endpoint("/admin/group/member/del", wire.RemoveMembers)
def remove_members(services: Services, body: wire.RemoveMembers) -> None:
    """Put users out of a group."""
    services.groups.remove_members(body.operator, body.group_id, body.members, announcement=_announcement(body))


# --- sensitive words


@_endpoint("/admin/sensitive/add", wire.Words)
def add_words(services: Services, body: wire.Words) -> None:
    """Add sensitive words, in lower case."""
    services.words.add(body.words)


@_endpoint("/admin/sensitive/del", wire.Words)
def remove_words(services: Services, body: wire.Words) -> None:
    """Remove sensitive words, given exactly."""
    services.words.remove(body.words)


@_endpoint("/admin/sensitive/query", None, wire.WordList)
def list_words(services: Services, _: None) -> wire.WordList:
    """All sensitive words."""
    return wire.WordList(services.words.words())


HEALTH = "/admin/health"
VERSION = "/api/version"

_LATER = {
    "/admin": {
        "user": "get_info_by_mobile get_info_by_email batch_get_infos all search_user get_robot_info get_all_robots"
        " get_user_robots online_count online_list session_list app_get_user_info put_setting get_setting",
        "robot": "create",
        "device": "create get user_devices",
        "message": "publish broadcast multicast recall_broadcast recall_multicast delete_broadcast delete_multicast update"
        " clear_by_user conv_read delivery import",
        "conversation": "delete",
        "group": "batch_infos transfer modify member/get member/quit member/set_alias member/set_extra manager/set"
        " manager/mute manager/allow join_request/add of_user of_user_by_type common_group",
        "mesh": "group_sync",
        "friend": "status list set_alias get_alias set_extra send_request handle_send_request get_requests",
        "blacklist": "status list",
        "relation": "get",
        "channel": "create destroy get list subscribe batch_subscribe is_subscribed list_subscriber",
        "chatroom": "create del info members user_chatroom set_black_status get_black_status set_manager get_manager_list"
        " mute_all",
        "system": "get_setting put_setting",
        "file": "conversation_files user_files message_file",
        "oss": "get_upload_url",
        "conference": "list exist list_participant create destroy recording rtp_forward stop_rtp_forward"
        " list_rtp_forward user_request user_event",
        "moments": "feed/post",
        "domain": "create get destroy list ping",
        "": "customer",
    },
    "/robot": {
        "message": "send reply recall update",
        "user": "get_info_by_email batch_get_infos search get_user_robots",
        "friend": "list",
        "application": "get_user_info",
        "oss": "get_upload_url",
        "group": "create del transfer get_info modify member/list member/get member/add member/del member/quit"
        " member/set_alias member/set_extra manager/set manager/mute manager/allow",
        "conference": "request",
        "moments": "feed/post feed/update feed/pull feed/pull_one feed/recall comment/post comment/pull comment/recall"
        " profiles/pull profiles/value/push profiles/list/push",
        "": "user_info profile update_profile set_callback get_callback delete_callback",
    },
    "/channel": {
        "message": "send recall republish",
        "application": "get_user_info",
        "": "user_info get_profile update_profile subscribe subscriber_list is_subscriber",
    },
}

NOT_IMPLEMENTED = frozenset(
    "/".join(filter(None, (family, section, name)))
    for family, sections in _LATER.items()
    for section, names in sections.items()
    for name in names.split()
)
"""Wildfire's paths that are known and not built: they answer 254 (server-api spec 2.8)."""
