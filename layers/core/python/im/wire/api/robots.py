"""What robots ask for in their own name (server-api spec 2.9).

Who sends, operates or owns is always the robot that has signed: such members are read, because SDKs send them, and ignored.
"""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from im.machine.model import MAX_CALLBACK, Robot
from im.message.model import Payload
from im.profile.model import User
from im.wire.api import groups
from im.wire.api.codec import also_named
from im.wire.api.fields import IdOrEmpty, Int, Uid
from im.wire.api.machines import RobotOut
from im.wire.api.messages import ConversationBody

# ruff: noqa: N815  the members' names are Wildfire's


class RobotSend(Struct, frozen=True):
    """``/robot/message/send``; an empty ``toUsers`` means everybody."""

    conv: ConversationBody
    payload: Payload
    toUsers: tuple[str, ...] = ()
    sender: str = ""


@also_named(locate="only2Sender")
class RobotReply(Struct, frozen=True):
    """``/robot/message/reply``; with ``only2Sender`` nobody but who asked reads the answer."""

    messageUid: Uid
    payload: Payload
    only2Sender: bool = False


class RobotRecall(Struct, frozen=True):
    """``/robot/message/recall``."""

    messageUid: Uid
    operator: str = ""
    isUserRecall: bool = False


class RobotUpdate(Struct, frozen=True):
    """``/robot/message/update``; ``distribute`` (1 where it is not given) tells devices that have the message."""

    messageUid: Uid
    payload: Payload
    distribute: Int | None = None
    updateTimestamp: Int = 0


class RobotUserQuery(Struct, frozen=True):
    """One user, by the first of these that is given."""

    userId: IdOrEmpty = ""
    name: IdOrEmpty = ""
    mobile: IdOrEmpty = ""


@also_named(first="intValue", second="strValue", type="intValue", value="strValue")
class RobotProfileEntry(Struct, frozen=True):
    """``/robot/update_profile``: which entry (as of ``MyInfo``), and its new value."""

    intValue: Int = 0
    strValue: str = ""


class Callback(Struct, frozen=True):
    """``/robot/set_callback``."""

    url: Annotated[str, Meta(min_length=1, max_length=MAX_CALLBACK)]


class RobotCreateGroup(groups.CreateGroup, frozen=True, kw_only=True):
    """``/robot/group/create``: the robot becomes owner and member."""

    operator: str = ""


class RobotDissolveGroup(groups.DissolveGroup, frozen=True, kw_only=True):
    """``/robot/group/del``."""

    operator: str = ""


class RobotTransfer(groups.Transfer, frozen=True, kw_only=True):
    """``/robot/group/transfer``."""

    operator: str = ""


class RobotModify(groups.Modify, frozen=True, kw_only=True):
    """``/robot/group/modify``."""

    operator: str = ""


class RobotAddMembers(groups.AddMembers, frozen=True, kw_only=True):
    """``/robot/group/member/add``."""

    operator: str = ""


class RobotRemoveMembers(groups.RemoveMembers, frozen=True, kw_only=True):
    """``/robot/group/member/del``."""

    operator: str = ""


class RobotQuit(groups.Quit, frozen=True, kw_only=True):
    """``/robot/group/member/quit``."""

    operator: str = ""


class RobotSetAlias(groups.SetAlias, frozen=True, kw_only=True):
    """``/robot/group/member/set_alias``."""

    operator: str = ""


class RobotSetExtra(groups.SetExtra, frozen=True, kw_only=True):
    """``/robot/group/member/set_extra``."""

    operator: str = ""


class RobotSetRole(groups.SetRole, frozen=True, kw_only=True):
    """``/robot/group/manager/set``, ``mute`` and ``allow``."""

    operator: str = ""


class CallbackOut(Struct, frozen=True):
    """Where a robot is told of its messages; empty: nowhere."""

    url: str


class RobotsOfUser(Struct, frozen=True):
    """The robots of a user: their ids, and what anybody may know of them."""

    ids: list[str] = field(name="list")
    robotInfoList: list[RobotOut]

    @classmethod
    def of(cls, robots: Sequence[tuple[User, Robot]]) -> "RobotsOfUser":
        """The wire form of robots."""
        shown = [RobotOut.of(user, Robot(robot.id, owner=robot.owner), secret=False) for user, robot in robots]
        return cls([user.id for user, _ in robots], shown)


class RobotFriends(Struct, frozen=True):
    """The friends of a robot's owner, under the names of both SDKs."""

    friends: list[str]
    ids: list[str] = field(name="list")
