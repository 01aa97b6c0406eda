"""Groups (server-api spec 2.3)."""

from im.errors import Code
from im.group.service import Announcement
from im.server_api.registry import Services, endpoint
from im.wire.api import groups as wire
from im.wire.objects import GroupOut, MemberOut


def _announcement(body: wire.GroupRequest) -> Announcement:
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
        announcement=_announcement(body),
    )
    return wire.CreatedGroup(group, group)


@endpoint("/admin/group/del", wire.DissolveGroup, codes=(Code.NOT_EXIST,))
def dissolve_group(services: Services, body: wire.DissolveGroup) -> None:
    """End a group."""
    services.groups.dissolve(body.operator, body.group_id, announcement=_announcement(body))


@endpoint("/admin/group/get_info", wire.GroupRef, GroupOut, codes=(Code.NOT_EXIST,))
def get_group(services: Services, body: wire.GroupRef) -> GroupOut:
    """A group's info."""
    return GroupOut.of(services.groups.info(body.groupId))


@endpoint("/admin/group/member/list", wire.GroupRef, wire.Members, codes=(Code.NOT_EXIST,))
def list_members(services: Services, body: wire.GroupRef) -> wire.Members:
    """Who is in a group."""
    return wire.Members([MemberOut.of(member) for member in services.groups.members(body.groupId)])


@endpoint("/admin/group/member/add", wire.AddMembers, codes=(Code.NOT_EXIST,))
def add_members(services: Services, body: wire.AddMembers) -> None:
    """Put users into a group, or rewrite their member data."""
    services.groups.add_members(
        body.operator,
        body.group_id,
        [member.model() for member in body.members],
        extra=body.member_extra,
        announcement=_announcement(body),
    )


@endpoint("/admin/group/member/del", wire.RemoveMembers, codes=(Code.NOT_EXIST,))
def remove_members(services: Services, body: wire.RemoveMembers) -> None:
    """Put users out of a group."""
    services.groups.remove_members(body.operator, body.group_id, body.members, announcement=_announcement(body))
