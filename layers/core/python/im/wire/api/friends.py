"""Bodies of friends, blacklists and aliases (server-api spec 2.4)."""

from msgspec import UNSET, Struct, UnsetType

from im.friend.model import Friend
from im.wire.api.fields import Id, Int

# ruff: noqa: N815  the members' names are Wildfire's


class SetFriend(Struct, frozen=True):
    """``/admin/friend/status``; 0 makes friends, 1 ends a friendship."""

    userId: Id
    friendUid: Id
    status: Int
    extra: str | None = None


class SetBlacklist(Struct, frozen=True):
    """``/admin/blacklist/status``; 2 blocks, 1 and 0 unblock."""

    userId: Id
    targetUid: Id
    status: Int


class FriendOwner(Struct, frozen=True):
    """Whose list."""

    userId: Id


class AliasRef(Struct, frozen=True):
    """Whose name for whom."""

    operator: Id
    targetId: Id


class SetAlias(Struct, frozen=True):
    """``/admin/friend/set_alias``; absent clears."""

    operator: Id
    targetId: Id
    alias: str = ""


class SetExtra(Struct, frozen=True):
    """``/admin/friend/set_extra``; absent clears."""

    operator: Id
    targetId: Id
    extra: str = ""


class SendRequest(Struct, frozen=True):
    """``/admin/friend/send_request``."""

    userId: Id
    friendUid: Id
    reason: str = ""
    extra: str = ""
    force: bool = False


class HandleRequest(Struct, frozen=True):
    """``/admin/friend/handle_send_request``: ``userId`` answers what ``friendUid`` has asked."""

    userId: Id
    friendUid: Id
    status: Int
    force: bool = False


class RelationRef(Struct, frozen=True):
    """Two users."""

    first: Id
    second: Id


class UserList(Struct, frozen=True):
    """User ids."""

    list: list[str]


class Alias(Struct, frozen=True):
    """A name that one user gives another; empty when he gives him none."""

    operator: str
    targetId: str
    alias: str


class Relation(Struct, frozen=True):
    """What one user keeps of another; ``status`` says the same as ``isFriend`` and is 0 for a friend."""

    userId: str
    targetId: str
    isFriend: bool
    isBlacked: bool
    status: Int
    alias: str | UnsetType = UNSET
    extra: str | UnsetType = UNSET

    @classmethod
    def of(cls, friend: Friend) -> "Relation":
        """The wire form of a row."""
        return cls(
            userId=friend.user,
            targetId=friend.other,
            isFriend=friend.is_friend,
            isBlacked=friend.is_blacked,
            status=int(not friend.is_friend),
            alias=friend.alias or UNSET,
            extra=friend.extra or UNSET,
        )
