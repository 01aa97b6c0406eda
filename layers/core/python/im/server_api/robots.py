"""What robots do in their own name (server-api spec 2.9): messages, users, themselves. Each may do what a user may."""

from im.errors import Code
from im.message.model import Origin, Sender
from im.profile.model import MyInfo
from im.server_api.registry import Services, endpoint
from im.wire.api import files as files_wire
from im.wire.api import messages as messages_wire
from im.wire.api import robots as wire
from im.wire.api import users as users_wire
from im.wire.api.machines import RobotOut
from im.wire.objects import UserOut

_SIGNING = (Code.NOT_EXIST, Code.NOT_RIGHT)
"""What a robot that is unknown, or has no secret, is answered everywhere."""
_SENDING = (
    *_SIGNING,
    Code.USER_FORBIDDEN,
    Code.NOT_IN_GROUP,
    Code.NOT_IN_CHATROOM,
    Code.MESSAGE_TOO_LARGE,
    Code.GROUP_MUTED,
    Code.SENSITIVE_MATCHED,
    Code.IN_BLACK_LIST,
    Code.FORBIDDEN_SEND_MSG,
)
_RECALLED = "success"


@endpoint("/robot/message/send", wire.RobotSend, messages_wire.SentMessage, codes=_SENDING)
def send(services: Services, robot: str, body: wire.RobotSend) -> messages_wire.SentMessage:
    """Send a message; one with ``persistFlag`` 4 goes to who is online and is not stored."""
    sender = Sender(robot, origin=Origin.ROBOT)
    sent = services.messages.send(sender, body.conv.model(), body.payload, to=body.toUsers)
    return messages_wire.SentMessage(sent.uid, sent.time)


@endpoint(
    "/robot/message/reply",
    wire.RobotReply,
    messages_wire.SentMessage,
    codes=(*_SENDING, Code.INVALID_MESSAGE, Code.RECALL_TIME_EXPIRED, Code.NOT_IMPLEMENT),
)
def reply(services: Services, robot: str, body: wire.RobotReply) -> messages_wire.SentMessage:
    """Answer a message that was written to the robot, or mentions it in a group, within 15 minutes."""
    sent = services.messages.reply(robot, body.messageUid, body.payload, only_to_sender=body.only2Sender)
    return messages_wire.SentMessage(sent.uid, sent.time)


@endpoint("/robot/message/recall", wire.RobotRecall, str, codes=(*_SIGNING, Code.RECALL_TIME_EXPIRED))
def recall(services: Services, robot: str, body: wire.RobotRecall) -> str:
    """Take a message back, as far as a user in its place may."""
    services.messages.recall_by_uid(robot, body.messageUid, admin=False)
    return _RECALLED


@endpoint("/robot/message/update", wire.RobotUpdate, codes=_SENDING)
def update(services: Services, robot: str, body: wire.RobotUpdate) -> None:
    """Replace the content of a message of the robot's own; one with ``persistFlag`` 4 is only shown to who is online."""
    services.messages.update_by_uid(
        robot,
        body.messageUid,
        body.payload,
        admin=False,
        tell=body.distribute is None or bool(body.distribute),
        move_time=bool(body.updateTimestamp),
    )


# --- users


@endpoint("/robot/user_info", wire.RobotUserQuery, UserOut, codes=_SIGNING)
def get_user(services: Services, robot: str, body: wire.RobotUserQuery) -> UserOut:
    """One user by id, else by login name, else by mobile number."""
    user = services.users.find(user_id=body.userId, name=body.name, mobile=body.mobile)
    return UserOut.of(services.finder.shown(robot, user))


@endpoint("/robot/user/get_info_by_email", users_wire.EmailQuery, users_wire.Users, codes=_SIGNING)
def get_users_by_email(services: Services, robot: str, body: users_wire.EmailQuery) -> users_wire.Users:
    """All users with an e-mail address."""
    found = services.users.find_by_email(body.email)
    return users_wire.Users.of(services.finder.shown(robot, user) for user in found)


@endpoint("/robot/user/batch_get_infos", users_wire.UserList, users_wire.Users, codes=_SIGNING)
def get_users(services: Services, robot: str, body: users_wire.UserList) -> users_wire.Users:
    """Several users by id; unknown ones are left out."""
    found = services.users.batch(body.list)
    return users_wire.Users.of(services.finder.shown(robot, user) for user in found)


@endpoint("/robot/user/search", users_wire.UserSearch, users_wire.FoundUsers, codes=_SIGNING)
def search_users(services: Services, robot: str, body: users_wire.UserSearch) -> users_wire.FoundUsers:
    """Users whom an ordinary user would find, 20 a page."""
    found = services.finder.search(robot, body.keyword, body.searchType, body.page, body.userType)
    return users_wire.FoundUsers([UserOut.of(user) for user in found.users], body.keyword)


@endpoint("/robot/user/get_user_robots", users_wire.UserRef, wire.RobotsOfUser, codes=_SIGNING)
def list_robots_of_user(services: Services, robot: str, body: users_wire.UserRef) -> wire.RobotsOfUser:
    """The robots that belong to a user, without their secrets and callbacks."""
    ids = services.machines.robots_of(body.userId)
    return wire.RobotsOfUser.of(services.machines.robots_by_id(ids))


@endpoint("/robot/friend/list", None, wire.RobotFriends, codes=_SIGNING)
def list_friends(services: Services, robot: str, _: None) -> wire.RobotFriends:
    """The friends of the robot's owner."""
    own = services.machines.robot(robot)[1]
    friends = services.friends.friends_of(own.owner)
    return wire.RobotFriends(friends, friends)


# --- itself


@endpoint("/robot/profile", None, RobotOut, codes=_SIGNING)
def get_profile(services: Services, robot: str, _: None) -> RobotOut:
    """The robot itself, without its secret."""
    user, own = services.machines.robot(robot)
    return RobotOut.of(user, own, secret=False)


@endpoint("/robot/update_profile", wire.RobotProfileEntry, codes=_SIGNING)
def update_profile(services: Services, robot: str, body: wire.RobotProfileEntry) -> None:
    """Change one entry of the robot's profile; the mobile number and what does not exist are left alone."""
    if body.intValue in list(MyInfo) and body.intValue != MyInfo.MOBILE:
        services.finder.modify(robot, [(body.intValue, body.strValue)])


@endpoint("/robot/set_callback", wire.Callback, codes=_SIGNING)
def set_callback(services: Services, robot: str, body: wire.Callback) -> None:
    """Tell the robot of its messages at another address from now on."""
    services.machines.set_callback(robot, body.url)


@endpoint("/robot/get_callback", None, wire.CallbackOut, codes=_SIGNING)
def get_callback(services: Services, robot: str, _: None) -> wire.CallbackOut:
    """Where the robot is told of its messages."""
    return wire.CallbackOut(services.machines.robot(robot)[1].callback)


@endpoint("/robot/delete_callback", None, codes=_SIGNING)
def delete_callback(services: Services, robot: str, _: None) -> None:
    """Tell the robot of no more messages."""
    services.machines.set_callback(robot, "")


@endpoint("/robot/oss/get_upload_url", files_wire.UploadWish, files_wire.UploadUrl, codes=_SIGNING)
def get_upload_url(services: Services, robot: str, body: files_wire.UploadWish) -> files_wire.UploadUrl:
    """A URL to PUT one file to, good for 15 minutes, and the URL where it is found then."""
    return files_wire.UploadUrl.of(services.media.permit_put(body.mediaType, body.fileName, body.contentType))
