"""Groups (server-api spec 2.3)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.group.model import GroupInfo, GroupMember
from im.message.model import Payload
from im.wire.api.codec import also_alone, also_named
from im.wire.api.fields import Id, Int, Line
from im.wire.objects import GroupOut, MemberOut

# ruff: noqa: N815  the members' names are Wildfire's

MAX_BATCH = 1_000
"""Groups that one answer of ``batch_infos`` can hold for certain."""


class GroupRequest(Struct, frozen=True, kw_only=True):
    """What every write of a group has in common; an empty ``to_lines`` means line 0."""

    operator: Id
    to_lines: Annotated[tuple[Line, ...], Meta(max_length=16)] = ()
    notify_message: Payload | None = None


class GroupBody(Struct, frozen=True):
    """A group as it is submitted."""

    target_id: str = ""
    name: str = ""
    portrait: str = ""
    owner: str = ""
    extra: str = ""
    type: Int = 0
    mute: Int = 0
    join_type: Int = 0
    private_chat: Int = 0
    searchable: Int = 0
    history_message: Int = 0
    max_member_count: Int = 0
    super_group: bool = False

    def model(self) -> GroupInfo:
        """The same as the domain knows it; small numbers count only from 1 to 127 (server-api spec 2.3)."""
        return GroupInfo(
            id=self.target_id,
            name=self.name,
            portrait=self.portrait,
            owner=self.owner,
            type=self.type,
            extra=self.extra,
            mute=_small(self.mute),
            join_type=_small(self.join_type),
            private_chat=_small(self.private_chat),
            searchable=_small(self.searchable),
            history_message=_small(self.history_message),
            max_member_count=max(0, self.max_member_count),
            super_group=self.super_group,
        )


class MemberBody(Struct, frozen=True):
    """A member as he is submitted."""

    member_id: Id
    alias: str = ""
    type: Int = 0
    extra: str = ""

    def model(self) -> GroupMember:
        """The same as the domain knows it."""
        return GroupMember(self.member_id, alias=self.alias, type=self.type, extra=self.extra)


class GroupWithMembers(Struct, frozen=True):
    """A group and its first members."""

    group_info: GroupBody
    members: tuple[MemberBody, ...] = ()


@also_named(memberExtra="member_extra")
class CreateGroup(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/create``."""

    group: GroupWithMembers
    member_extra: str = ""


class DissolveGroup(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/del``."""

    group_id: Id


@also_named(memberExtra="member_extra")
class AddMembers(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/add``."""

    group_id: Id
    members: tuple[MemberBody, ...] = ()
    member_extra: str = ""


class RemoveMembers(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/del``."""

    group_id: Id
    members: tuple[Id, ...]


class Quit(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/quit``; the operator is who leaves."""

    group_id: Id


class Transfer(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/transfer``."""

    group_id: Id
    new_owner: Id


class Modify(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/modify``; SDKs that cannot send an empty value leave it out."""

    group_id: Id
    type: Int
    value: str = ""


class SetAlias(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/set_alias``."""

    group_id: Id
    memberId: Id
    alias: str = ""


class SetExtra(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/member/set_extra``."""

    group_id: Id
    memberId: Id
    extra: str = ""


@also_named(is_mute="is_manager", is_allow="is_manager")
class SetRole(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/manager/set``, ``mute`` and ``allow``: whether the members get the role or lose it."""

    group_id: Id
    members: tuple[Id, ...]
    is_manager: bool


class AddJoinRequest(GroupRequest, frozen=True, kw_only=True):
    """``/admin/group/join_request/add``."""

    group_id: Id
    userIds: tuple[Id, ...] = ()
    reason: str = ""
    extra: str = ""


class GroupMemberRef(Struct, frozen=True):
    """A member of a group."""

    groupId: Id
    memberId: Id


@also_alone("groupIds")
class GroupRefs(Struct, frozen=True):
    """``/admin/group/batch_infos``: an array, or an object that holds it."""

    groupIds: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_BATCH)]


class OfUser(Struct, frozen=True):
    """``/admin/group/of_user``."""

    userId: Id


@also_named(user="userId", types="groupMemberTypes", groupMemberType="groupMemberTypes")
class OfUserByType(Struct, frozen=True):
    """``/admin/group/of_user_by_type``; no types: any."""

    userId: Id
    groupMemberTypes: tuple[Int, ...] = ()


class TwoUsers(Struct, frozen=True):
    """``/admin/group/common_group``."""

    first: Id
    second: Id


class GroupRef(Struct, frozen=True):
    """A group id."""

    groupId: Id


class CreatedGroup(Struct, frozen=True):
    """A new group's id, in both spellings."""

    group_id: str
    groupId: str


class GroupInfos(Struct, frozen=True):
    """Groups."""

    groupInfoList: list[GroupOut]


class GroupIds(Struct, frozen=True):
    """Group ids."""

    groupIds: list[str]


class Members(Struct, frozen=True):
    """A group's members."""

    members: list[MemberOut]


def _small(number: int) -> int:
    return number if 0 < number < 128 else 0
