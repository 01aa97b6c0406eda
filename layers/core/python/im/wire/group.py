"""What clients send and get on the ``group`` route, beside the objects that it shares with the server API."""

from typing import Annotated

from msgspec import Meta, Struct

from im.group.model import GroupInfo, GroupMember, JoinRequest
from im.group.steps import MAX_AT_ONCE, Announcement
from im.message.model import MAX_CLIENT_LINE, Payload
from im.wire import frames

# ruff: noqa: N815  the members' names are Wildfire's

MAX_GROUPS = 100
MAX_LOOKED_UP = 100

Id = Annotated[str, Meta(min_length=1, max_length=64)]
IdOrEmpty = Annotated[str, Meta(max_length=64)]
Users = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_AT_ONCE)]
Switch = Annotated[int, Meta(ge=0, le=127)]
Time = Annotated[int, Meta(ge=0)]


class NoticeBody(Payload, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A content that takes the place of a built-in notice."""


class KnownGroup(frames.Strict, frozen=True):
    """A group, and the ``updateDt`` that the client has of it; 0 if none."""

    groupId: Id
    updateDt: Time = 0


class InfoBody(frames.Strict, frozen=True):
    """Groups to look up."""

    groups: Annotated[tuple[KnownGroup, ...], Meta(min_length=1, max_length=MAX_GROUPS)]


class MembersBody(frames.Strict, frozen=True):
    """A group whose members changed: ``after``, ``afterId`` and ``until`` of the previous answer."""

    groupId: Id
    after: Time = 0
    afterId: IdOrEmpty = ""
    until: Time = 0


class MemberBody(frames.Strict, frozen=True):
    """Members to look up."""

    groupId: Id
    users: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_LOOKED_UP)]


class MineBody(frames.Strict, frozen=True):
    """The caller's groups after an id."""

    after: IdOrEmpty = ""


class CommonBody(frames.Strict, frozen=True):
    """The groups that the caller shares with a user, after an id."""

    userId: Id
    after: IdOrEmpty = ""


class Change(frames.Strict, frozen=True, kw_only=True):
    """What every write has in common: the lines on which it is told, and a content instead of the built-in notice."""

    lines: Annotated[tuple[Annotated[int, Meta(ge=0, le=MAX_CLIENT_LINE)], ...], Meta(max_length=16)] = ()
    notice: NoticeBody | None = None

    @property
    def announcement(self) -> Announcement:
        """How it is told."""
        return Announcement(tuple(dict.fromkeys(self.lines)) or (0,), self.notice)


class GroupChange(Change, frozen=True, kw_only=True):
    """A change of one group."""

    groupId: Id


class NewGroup(frames.Strict, frozen=True, kw_only=True):
    """A group as a client makes it; the caller is its owner."""

    target_id: IdOrEmpty = ""
    name: str = ""
    portrait: str = ""
    extra: str = ""
    type: Annotated[int, Meta(ge=0, le=127)] = 2
    mute: Switch = 0
    join_type: Switch = 0
    private_chat: Switch = 0
    searchable: Switch = 0
    history_message: Switch = 0

    def model(self) -> GroupInfo:
        """The same as the domain knows it."""
        return GroupInfo(
            id=self.target_id,
            name=self.name,
            portrait=self.portrait,
            extra=self.extra,
            type=self.type,
            mute=self.mute,
            join_type=self.join_type,
            private_chat=self.private_chat,
            searchable=self.searchable,
            history_message=self.history_message,
        )


class NewMember(frames.Strict, frozen=True):
    """A user to be put into a group."""

    member_id: Id
    alias: str = ""
    extra: str = ""

    def model(self) -> GroupMember:
        """The same as the domain knows it."""
        return GroupMember(self.member_id, alias=self.alias, extra=self.extra)


class CreateBody(Change, frozen=True, kw_only=True):
    """``group.create``."""

    group: NewGroup
    members: Annotated[tuple[NewMember, ...], Meta(min_length=0, max_length=2_000)] = ()
    memberExtra: str = ""


class AddBody(GroupChange, frozen=True, kw_only=True):
    """``group.add``."""

    members: Annotated[tuple[NewMember, ...], Meta(min_length=1, max_length=MAX_AT_ONCE)]
    memberExtra: str = ""


class JoinBody(GroupChange, frozen=True, kw_only=True):
    """``group.join``."""

    alias: str = ""
    extra: str = ""


class KickBody(GroupChange, frozen=True, kw_only=True):
    """``group.kick``."""

    users: Users


class QuitBody(GroupChange, frozen=True, kw_only=True):
    """``group.quit``."""


class DismissBody(GroupChange, frozen=True, kw_only=True):
    """``group.dismiss``."""


class ModifyBody(GroupChange, frozen=True, kw_only=True):
    """``group.modify``: Wildfire's number of the entry, and its value as text."""

    type: int
    value: str = ""


class AliasBody(GroupChange, frozen=True, kw_only=True):
    """``group.alias``."""

    alias: str = ""


class MemberAliasBody(GroupChange, frozen=True, kw_only=True):
    """``group.memberAlias``."""

    userId: Id
    alias: str = ""


class MemberExtraBody(GroupChange, frozen=True, kw_only=True):
    """``group.memberExtra``; without a user the caller's own."""

    userId: IdOrEmpty = ""
    extra: str = ""


class TransferBody(GroupChange, frozen=True, kw_only=True):
    """``group.transfer``."""

    newOwner: Id


class RolesBody(GroupChange, frozen=True, kw_only=True):
    """``group.managers``, ``mute`` and ``allow``."""

    users: Users
    on: bool


class JoinRequestBody(frames.Strict, frozen=True):
    """``group.joinRequest``; without users for the caller himself."""

    groupId: Id
    users: Annotated[tuple[Id, ...], Meta(max_length=MAX_AT_ONCE)] = ()
    reason: str = ""
    extra: str = ""


class JoinRequestsBody(frames.Strict, frozen=True):
    """``group.joinRequests``: those after a user id."""

    groupId: Id
    after: IdOrEmpty = ""


class JoinAnswerBody(frames.Strict, frozen=True):
    """``group.joinAnswer``."""

    groupId: Id
    userId: Id
    accept: bool
    reason: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class JoinRequestOut(Struct, frozen=True):
    """A request to be let in."""

    groupId: str
    memberId: str
    requestUserId: str
    acceptUserId: str
    reason: str
    extra: str
    status: int
    updateDt: int

    @classmethod
    def of(cls, group: str, request: JoinRequest) -> "JoinRequestOut":
        """The wire form of a request."""
        return cls(
            groupId=group,
            memberId=request.member,
            requestUserId=request.requester,
            acceptUserId=request.answered_by,
            reason=request.reason,
            extra=request.extra,
            status=request.status,
            updateDt=request.update_dt,
        )
