"""Groups (server-api spec 2.3)."""

from im.errors import Code
from im.group.steps import Announcement
from im.server_api.registry import Services, endpoint
from im.wire.api import groups as wire
from im.wire.objects import GroupOut, MemberOut


def announcement_of(body: wire.GroupRequest) -> Announcement:
    """How a change is to be told."""
    return Announcement(tuple(dict.fromkeys(body.to_lines)) or (0,), body.notify_message)


@endpoint(
    "/admin/group/create", wire.CreateGroup, wire.CreatedGroup, codes=(Code.INVALID_DATA, Code.GROUP_ALREADY_EXIST)
)
def create_group(services: Services, body: wire.CreateGroup) -> wire.CreatedGroup:
    """Make a group."""
    group = services.groups.create(
        body.operator,
        body.group.group_info.model(),
        [member.model() for member in body.group.members],
        extra=body.member_extra,
        announcement=announcement_of(body),
    )
    return wire.CreatedGroup(group, group)


@endpoint("/admin/group/del", wire.DissolveGroup, codes=(Code.NOT_EXIST,))
def dissolve_group(services: Services, body: wire.DissolveGroup) -> None:
    """End a group."""
    services.groups.dissolve(body.operator, body.group_id, announcement=announcement_of(body))


@endpoint("/admin/group/get_info", wire.GroupRef, GroupOut, codes=(Code.NOT_EXIST,))
def get_group(services: Services, body: wire.GroupRef) -> GroupOut:
    """A group's info."""
    return GroupOut.of(services.groups.info(body.groupId))


@endpoint("/admin/group/member/list", wire.GroupRef, wire.Members, codes=(Code.NOT_EXIST, Code.MESSAGE_TOO_LARGE))
def list_members(services: Services, body: wire.GroupRef) -> wire.Members:
    """Who is in a group."""
    return wire.Members([MemberOut.of(member) for member in services.groups.members(body.groupId)])


@endpoint("/admin/group/member/add", wire.AddMembers, codes=(Code.NOT_EXIST, Code.GROUP_EXCEED_MAX_MEMBER_COUNT))
def add_members(services: Services, body: wire.AddMembers) -> None:
    """Put users into a group, or rewrite their member data."""
    services.groups.add_members(
        body.operator,
        body.group_id,
        [member.model() for member in body.members],
        extra=body.member_extra,
        announcement=announcement_of(body),
    )


@endpoint("/admin/group/member/del", wire.RemoveMembers, codes=(Code.NOT_EXIST,))
def remove_members(services: Services, body: wire.RemoveMembers) -> None:
    """Put users out of a group."""
    services.groups.remove_members(body.operator, body.group_id, body.members, announcement=announcement_of(body))


@endpoint("/admin/group/batch_infos", wire.GroupRefs, wire.GroupInfos)
def get_groups(services: Services, body: wire.GroupRefs) -> wire.GroupInfos:
    """The infos of many groups; unknown ids are left out."""
    found = services.groups.infos(body.groupIds)
    return wire.GroupInfos([GroupOut.of(found[group]) for group in dict.fromkeys(body.groupIds) if group in found])


@endpoint("/admin/group/member/get", wire.GroupMemberRef, MemberOut, codes=(Code.NOT_EXIST,))
def get_member(services: Services, body: wire.GroupMemberRef) -> MemberOut:
    """One member of a group."""
    return MemberOut.of(services.groups.member(body.groupId, body.memberId))


@endpoint("/admin/group/member/quit", wire.Quit, codes=(Code.NOT_EXIST,))
def quit_group(services: Services, body: wire.Quit) -> None:
    """Let the operator leave a group; one who is not in it is ignored."""
    services.groups.quit(body.operator, body.group_id, announcement=announcement_of(body))


@endpoint("/admin/group/transfer", wire.Transfer, codes=(Code.NOT_EXIST,))
def transfer_group(services: Services, body: wire.Transfer) -> None:
    """Give a group another owner, who need not be a member."""
    services.groups.transfer(body.operator, body.group_id, body.new_owner, announcement=announcement_of(body))


@endpoint("/admin/group/modify", wire.Modify, codes=(Code.NOT_EXIST, Code.INVALID_DATA))
def modify_group(services: Services, body: wire.Modify) -> None:
    """Change one entry of a group's info, given by its number 0 to 10."""
    services.groups.modify(body.operator, body.group_id, body.type, body.value, announcement=announcement_of(body))


@endpoint("/admin/group/member/set_alias", wire.SetAlias, codes=(Code.NOT_EXIST, Code.NOT_IN_GROUP))
def set_alias(services: Services, body: wire.SetAlias) -> None:
    """Name a member in a group."""
    services.groups.set_alias(
        body.operator, body.group_id, body.memberId, body.alias, announcement=announcement_of(body)
    )


@endpoint("/admin/group/member/set_extra", wire.SetExtra, codes=(Code.NOT_EXIST, Code.NOT_IN_GROUP))
def set_extra(services: Services, body: wire.SetExtra) -> None:
    """Set the extra of a member in a group."""
    services.groups.set_extra(
        body.operator, body.group_id, body.memberId, body.extra, announcement=announcement_of(body)
    )


@endpoint("/admin/group/manager/set", wire.SetRole, codes=(Code.NOT_EXIST, Code.NOT_RIGHT))
def set_managers(services: Services, body: wire.SetRole) -> None:
    """Make members managers, or ordinary members again."""
    services.groups.set_managers(
        body.operator, body.group_id, body.members, on=body.is_manager, announcement=announcement_of(body)
    )


@endpoint("/admin/group/manager/mute", wire.SetRole, codes=(Code.NOT_EXIST, Code.NOT_RIGHT))
def mute_members(services: Services, body: wire.SetRole) -> None:
    """Take members' right to speak, or give it back."""
    services.groups.mute_members(
        body.operator, body.group_id, body.members, on=body.is_manager, announcement=announcement_of(body)
    )


@endpoint("/admin/group/manager/allow", wire.SetRole, codes=(Code.NOT_EXIST, Code.NOT_RIGHT))
def allow_members(services: Services, body: wire.SetRole) -> None:
    """Let members speak though the group is muted, or no longer."""
    services.groups.allow_members(
        body.operator, body.group_id, body.members, on=body.is_manager, announcement=announcement_of(body)
    )


@endpoint("/admin/group/join_request/add", wire.AddJoinRequest, codes=(Code.NOT_EXIST,))
def add_join_request(services: Services, body: wire.AddJoinRequest) -> None:
    """Ask in the operator's name that users be let into a group."""
    services.groups.ask(body.operator, body.group_id, body.userIds, body.reason, body.extra)


@endpoint("/admin/group/of_user", wire.OfUser, wire.GroupIds)
def groups_of_user(services: Services, body: wire.OfUser) -> wire.GroupIds:
    """The groups that a user is in."""
    return wire.GroupIds(services.groups.groups_of(body.userId))


@endpoint("/admin/group/of_user_by_type", wire.OfUserByType, wire.GroupIds)
def groups_of_user_by_type(services: Services, body: wire.OfUserByType) -> wire.GroupIds:
    """The groups in which a user is a member of one of these types."""
    return wire.GroupIds(services.groups.groups_by_type(body.userId, body.groupMemberTypes))


@endpoint("/admin/group/common_group", wire.TwoUsers, wire.GroupIds)
def common_groups(services: Services, body: wire.TwoUsers) -> wire.GroupIds:
    """The groups that two users share."""
    return wire.GroupIds(services.groups.common_groups(body.first, body.second))
