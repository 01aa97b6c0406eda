"""Users and sessions (server-api spec 2.1)."""

from msgspec import Struct

from im.connect.model import SessionState
from im.profile.model import User
from im.wire.api.codec import also_named
from im.wire.api.fields import Id, IdOrEmpty, Int, Mask

# ruff: noqa: N815  the members' names are Wildfire's


class UserBody(Struct, frozen=True):
    """A user as it is submitted; ``displayName`` distinguishes empty (take the name) from absent."""

    userId: IdOrEmpty = ""
    name: str = ""
    displayName: str | None = None
    portrait: str = ""
    gender: Int = 0
    mobile: str = ""
    email: str = ""
    address: str = ""
    company: str = ""
    social: str = ""
    extra: str = ""
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


class SessionOut(Struct, frozen=True):
    """A login; ``status`` 0 connected, 1 not; ``lastSeen`` in ms."""

    clientId: str
    userId: str
    platform: Int
    status: Int
    lastSeen: int
    packageName: str = ""

    @classmethod
    def of(cls, state: SessionState) -> "SessionOut":
        """The wire form of a session."""
        session = state.session
        return cls(session.client, session.user, session.platform, int(not state.online), state.last_seen)


class Sessions(Struct, frozen=True):
    """A user's logins."""

    sessions: list[SessionOut]
