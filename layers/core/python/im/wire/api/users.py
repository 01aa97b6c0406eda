"""Users and sessions (server-api spec 2.1)."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from im.connect.model import SessionState
from im.delivery.model import PushAddress
from im.profile.model import MAX_EXTRA, MAX_PORTRAIT, MAX_TEXT, User
from im.wire.api.codec import also_alone, also_named
from im.wire.api.fields import Id, IdOrEmpty, Int, Mask
from im.wire.objects import SessionOut, UserOut

# ruff: noqa: N815  the members' names are Wildfire's


Short = Annotated[str, Meta(max_length=MAX_TEXT)]
Portrait = Annotated[str, Meta(max_length=MAX_PORTRAIT)]
Extra = Annotated[str, Meta(max_length=MAX_EXTRA)]


class UserBody(Struct, frozen=True):
    """A user as it is submitted; ``displayName`` distinguishes empty (take the name) from absent."""

    userId: IdOrEmpty = ""
    name: Short = ""
    displayName: Short | None = None
    portrait: Portrait = ""
    gender: Int = 0
    mobile: Short = ""
    email: Short = ""
    address: Short = ""
    company: Short = ""
    social: Short = ""
    extra: Extra = ""
    type: Int = 0

    def model(self) -> User:
        """The same as the domain knows it."""
        return User(
            id=self.userId,
            name=self.name,
            display_name=self.displayName or "",
            portrait=self.portrait,
            gender=self.gender,
            mobile=self.mobile,
            email=self.email,
            address=self.address,
            company=self.company,
            social=self.social,
            extra=self.extra,
            type=self.type,
        )


class UpdateUser(Struct, frozen=True):
    """``/admin/user/update``."""

    flag: Mask
    userInfo: UserBody


class UserQuery(Struct, frozen=True):
    """One user, by the first of these that is given."""

    userId: IdOrEmpty = ""
    name: IdOrEmpty = ""
    mobile: IdOrEmpty = ""
    includeDeleted: bool = False


class MobileQuery(Struct, frozen=True):
    """``/admin/user/get_info_by_mobile``; the SDK sends a whole ``UserQuery``."""

    mobile: Id
    includeDeleted: bool = False


@also_alone("email")
class EmailQuery(Struct, frozen=True):
    """``/admin/user/get_info_by_email``: a bare text, or an object."""

    email: Id


class UserList(Struct, frozen=True):
    """Several user ids."""

    list: tuple[Id, ...]


class Page(Struct, frozen=True):
    """A part of a list."""

    count: Int
    offset: Int = 0


class UserSearch(Struct, frozen=True):
    """``/admin/user/search_user``: see ``im.profile.search`` for both types."""

    keyword: str
    searchType: Int = 0
    userType: Int = 0
    page: Int = 0


class NodePage(Struct, frozen=True):
    """``/admin/user/online_list``."""

    nodeId: Int
    count: Int = 0
    offset: Int = 0


class AuthCode(Struct, frozen=True):
    """A code that a user gave an application."""

    authCode: Id


class UserRef(Struct, frozen=True):
    """A user id."""

    userId: Id


class GetToken(Struct, frozen=True):
    """``/admin/user/get_token``."""

    userId: Id
    clientId: Id
    platform: Int = 0


class KickOff(Struct, frozen=True):
    """``/admin/user/kickoff_client``: a user id, and one of his client ids or none for all."""

    first: Id
    second: IdOrEmpty = ""


@also_named(block="status")
class SetBlockStatus(Struct, frozen=True):
    """``/admin/user/update_block_status``."""

    userId: Id
    status: Int = 0


class CreatedUser(Struct, frozen=True):
    """Who was registered."""

    userId: str
    name: str


class Token(Struct, frozen=True):
    """A token for the client library."""

    userId: str
    token: str


class BlockStatus(Struct, frozen=True):
    """A user's global status."""

    status: Int


class BlockedUser(Struct, frozen=True):
    """A user whose global status is not normal."""

    userId: str
    status: Int


class BlockedUsers(Struct, frozen=True):
    """All of them."""

    statusList: list[BlockedUser]


class Sessions(Struct, frozen=True):
    """A user's logins."""

    sessions: list[SessionOut]


class Users(Struct, frozen=True):
    """Users, under the names of both SDKs."""

    userInfos: list[UserOut]
    userInfoList: list[UserOut]

    @classmethod
    def of(cls, users: Iterable[User]) -> "Users":
        """The wire form of users."""
        found = [UserOut.of(user) for user in users]
        return cls(found, found)


class UserPage(Struct, frozen=True):
    """A part of all users, under the names of both SDKs."""

    userInfoList: list[UserOut]
    userList: list[UserOut]

    @classmethod
    def of(cls, users: Iterable[User]) -> "UserPage":
        """The wire form of users."""
        found = [UserOut.of(user) for user in users]
        return cls(found, found)


class FoundUsers(Struct, frozen=True):
    """Who was found by a keyword."""

    userInfos: list[UserOut]
    keyword: str


class OnlineUsers(Struct, frozen=True):
    """How many users have an open socket at a node; there is one node."""

    node: Int
    count: Int


class OnlineClient(Struct, frozen=True):
    """A device with an open socket."""

    userId: str
    clientId: str
    platform: Int


class OnlinePage(Struct, frozen=True):
    """A part of those who are online, under the names of both SDKs; ``totalCount`` and ``offset`` count users."""

    userClients: list[OnlineClient]
    users: list[OnlineClient]
    totalCount: Int
    offset: Int


class UserSession(Struct, frozen=True):
    """A login and where its notifications go."""

    userId: str
    clientId: str
    platform: Int
    pushType: Int
    deviceToken: str
    deviceVoipToken: str
    isOnline: bool

    @classmethod
    def of(cls, state: SessionState) -> "UserSession":
        """The wire form of a session, with its tokens as its device uploaded them."""
        session, push = state.session, state.push or PushAddress()
        return cls(session.user, session.client, session.platform, push.type, push.token, push.voip, state.online)


class UserSessions(Struct, frozen=True):
    """A user's logins, under the names of both SDKs."""

    userSessions: list[UserSession]
    sessions: list[UserSession]


class AppUser(Struct, frozen=True):
    """What an application learns of a user who lets it."""

    userId: str
    displayName: str
    portraitUrl: str
