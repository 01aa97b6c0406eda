"""What robots do in groups, by the rights of ordinary members (server-api spec 2.9, 2.12)."""

from im.errors import Code
from im.message.model import Origin
from im.server_api.groups import announcement_of
from im.server_api.registry import Services, endpoint
from im.wire.api import groups as groups_wire
from im.wire.api import robots as wire
from im.wire.objects import GroupOut, MemberOut

_READING = (Code.NOT_EXIST, Code.NOT_RIGHT)
_CHANGING = (*_READING, Code.NOT_IN_GROUP)


@endpoint(
    "/robot/group/create",
    wire.RobotCreateGroup,
    groups_wire.CreatedGroup,
    codes=(*_READING, Code.INVALID_DATA, Code.GROUP_ALREADY_EXIST, Code.GROUP_EXCEED_MAX_MEMBER_COUNT),
)
def create_group(services: Services, robot: str, body: wire.RobotCreateGroup) -> groups_wire.CreatedGroup:
    """Make a group, whose owner the robot is."""
    group = services.groups.create(
        robot,
        body.group.group_info.model(),
        [member.model() for member in body.group.members],
        extra=body.member_extra,
        announcement=announcement_of(body),
        origin=Origin.ROBOT,
    )
    return groups_wire.CreatedGroup(group, group)


@endpoint("/robot/group/del", wire.RobotDissolveGroup, codes=_CHANGING)
def dissolve_group(services: Services, robot: str, body: wire.RobotDissolveGroup) -> None:
    """End a group."""
    services.groups.dissolve(robot, body.group_id, announcement=announcement_of(body), origin=Origin.ROBOT)


@endpoint("/robot/group/get_info", groups_wire.GroupRef, GroupOut, codes=_READING)
def get_group(services: Services, robot: str, body: groups_wire.GroupRef) -> GroupOut:
    """A group's info."""
    return GroupOut.of(services.groups.info(body.groupId))


@endpoint("/robot/group/transfer", wire.RobotTransfer, codes=_CHANGING)
def transfer_group(services: Services, robot: str, body: wire.RobotTransfer) -> None:
    """Give a group another owner."""
    services.groups.transfer(
        robot, body.group_id, body.new_owner, announcement=announcement_of(body), origin=Origin.ROBOT
    )


@endpoint("/robot/group/modify", wire.RobotModify, codes=(*_CHANGING, Code.INVALID_DATA))
def modify_group(services: Services, robot: str, body: wire.RobotModify) -> None:
    """Change one entry of a group's info, given by its number 0 to 10."""
    services.groups.modify(
        robot, body.group_id, body.type, body.value, announcement=announcement_of(body), origin=Origin.ROBOT
    )


@endpoint(
    "/robot/group/member/list", groups_wire.GroupRef, groups_wire.Members, codes=(*_READING, Code.MESSAGE_TOO_LARGE)
)
def list_members(services: Services, robot: str, body: groups_wire.GroupRef) -> groups_wire.Members:
    """Who is in a group; nobody, to a robot that is not."""
    members = services.groups.members(body.groupId)
    inside = any(member.id == robot for member in members)
    return groups_wire.Members([MemberOut.of(member) for member in members if inside])


@endpoint("/robot/group/member/get", groups_wire.GroupMemberRef, MemberOut, codes=_CHANGING)
def get_member(services: Services, robot: str, body: groups_wire.GroupMemberRef) -> MemberOut:
    """One member of a group that the robot is in."""
    services.groups.look_up(robot, body.groupId, [robot])
    return MemberOut.of(services.groups.member(body.groupId, body.memberId))


@endpoint(
    "/robot/group/member/add",
    wire.RobotAddMembers,
    codes=(*_CHANGING, Code.ALREADY_IN_GROUP, Code.GROUP_EXCEED_MAX_MEMBER_COUNT),
)
def add_members(services: Services, robot: str, body: wire.RobotAddMembers) -> None:
    """Put users into a group."""
    services.groups.add_members(
        robot,
        body.group_id,
        [member.model() for member in body.members],
        extra=body.member_extra,
        announcement=announcement_of(body),
        origin=Origin.ROBOT,
    )


@endpoint("/robot/group/member/del", wire.RobotRemoveMembers, codes=_CHANGING)
def remove_members(services: Services, robot: str, body: wire.RobotRemoveMembers) -> None:
    """Put users out of a group."""
    services.groups.remove_members(
        robot, body.group_id, body.members, announcement=announcement_of(body), origin=Origin.ROBOT
    )


@endpoint("/robot/group/member/quit", wire.RobotQuit, codes=_CHANGING)
def quit_group(services: Services, robot: str, body: wire.RobotQuit) -> None:
    """Leave a group."""
    services.groups.quit(robot, body.group_id, announcement=announcement_of(body), origin=Origin.ROBOT)


@endpoint("/robot/group/member/set_alias", wire.RobotSetAlias, codes=_CHANGING)
def set_alias(services: Services, robot: str, body: wire.RobotSetAlias) -> None:
    """Name a member in a group."""
    services.groups.set_alias(
        robot, body.group_id, body.memberId, body.alias, announcement=announcement_of(body), origin=Origin.ROBOT
    )


@endpoint("/robot/group/member/set_extra", wire.RobotSetExtra, codes=_CHANGING)
def set_extra(services: Services, robot: str, body: wire.RobotSetExtra) -> None:
    """Set the extra of a member in a group."""
    services.groups.set_extra(
        robot, body.group_id, body.memberId, body.extra, announcement=announcement_of(body), origin=Origin.ROBOT
    )


@endpoint("/robot/group/manager/set", wire.RobotSetRole, codes=_CHANGING)
def set_managers(services: Services, robot: str, body: wire.RobotSetRole) -> None:
    """Make members managers, or ordinary members again."""
    services.groups.set_managers(
        robot,
        body.group_id,
        body.members,
        on=body.is_manager,
        announcement=announcement_of(body),
        origin=Origin.ROBOT,
    )


@endpoint("/robot/group/manager/mute", wire.RobotSetRole, codes=_CHANGING)
def mute_members(services: Services, robot: str, body: wire.RobotSetRole) -> None:
    """Take members' right to speak, or give it back."""
    services.groups.mute_members(
        robot,
        body.group_id,
        body.members,
        on=body.is_manager,
        announcement=announcement_of(body),
        origin=Origin.ROBOT,
    )


@endpoint("/robot/group/manager/allow", wire.RobotSetRole, codes=_CHANGING)
def allow_members(services: Services, robot: str, body: wire.RobotSetRole) -> None:
    """Let members speak though the group is muted, or no longer."""
    services.groups.allow_members(
        robot,
        body.group_id,
        body.members,
        on=body.is_manager,
        announcement=announcement_of(body),
        origin=Origin.ROBOT,
    )
