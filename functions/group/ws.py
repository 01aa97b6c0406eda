"""The ``group`` route: making groups, changing them, and what a client asks about them."""

from collections.abc import Sequence
from typing import Any

from im.group.model import GroupMember
from im.group.requests import MAX_REQUESTS
from im.message.model import Origin
from im.routing import Answer, Call, Router
from im.wire import group as wire
from im.wire.objects import GroupOut, MemberOut, page
from im.wiring.base import client_limiter
from im.wiring.group import group_reader, group_service

IDS_PER_PAGE = 1_000

router = Router("group", client_limiter)
_USER = Origin.USER


# --- questions


@router.op("info", wire.InfoBody)
def info(call: Call, body: wire.InfoBody) -> dict[str, Any]:
    """Infos that are newer than the client's; ``unknown`` do not exist, ``rest`` did not fit and must be asked again."""
    known = {each.groupId: each.updateDt for each in body.groups}
    found = group_reader().infos(known)
    newer = [found[group] for group, at in known.items() if group in found and found[group].update_dt > at]
    fitting = page(newer, GroupOut.of)
    return {
        "groups": fitting,
        "unknown": [group for group in known if group not in found],
        "rest": [each.id for each in newer[len(fitting) :]],
    }


@router.op("members", wire.MembersBody)
def members(call: Call, body: wire.MembersBody) -> dict[str, Any]:
    """Members and tombstones (type 4) that changed after a time, a page of them, and what to ask with next."""
    changes = group_reader().changes(call.user, body.groupId, body.after, body.afterId, _fitting)
    until = body.until if body.afterId else changes.settled
    more = changes.last != ""
    return {
        "members": page(changes.members, MemberOut.of),
        "after": body.after if more else until,
        "afterId": changes.last,
        "until": until if more else 0,
        "more": more,
    }


def _fitting(candidates: Sequence[GroupMember]) -> int:
    return len(page(candidates, MemberOut.of))


@router.op("member", wire.MemberBody)
def member(call: Call, body: wire.MemberBody) -> dict[str, Any]:
    """Some members or tombstones, as they are now; strangers are missing."""
    found = group_reader().look_up(call.user, body.groupId, body.users)
    fitting = page(found, MemberOut.of)
    return {"members": fitting, "rest": [each.id for each in found[len(fitting) :]]}


@router.op("mine", wire.MineBody)
def mine(call: Call, body: wire.MineBody) -> dict[str, Any]:
    """The ids of the groups that the caller is in, in order."""
    return _ids(group_reader().groups_of(call.user), body.after)


@router.op("common", wire.CommonBody)
def common(call: Call, body: wire.CommonBody) -> dict[str, Any]:
    """The ids of the groups that the caller and a user are both in, in order."""
    return _ids(group_reader().common_groups(call.user, body.userId), body.after)


def _ids(groups: Sequence[str], after: str) -> dict[str, Any]:
    ids = sorted(group for group in groups if group > after)
    return {"groupIds": ids[:IDS_PER_PAGE], "more": len(ids) > IDS_PER_PAGE}


# --- beginning and end


@router.op("create", wire.CreateBody)
def create(call: Call, body: wire.CreateBody) -> dict[str, Any]:
    """Make a group; who gives its id himself can repeat this, code 11 then says that it exists."""
    founders = [each.model() for each in body.members]
    made = group_service().create(
        call.user,
        body.group.model(),
        founders,
        extra=body.memberExtra,
        announcement=body.announcement,
        origin=_USER,
    )
    return {"groupId": made}


@router.op("dismiss", wire.DismissBody)
def dismiss(call: Call, body: wire.DismissBody) -> dict[str, Any]:
    """End a group."""
    group_service().dissolve(call.user, body.groupId, announcement=body.announcement, origin=_USER)
    return {}


# --- who is in


@router.op("join", wire.JoinBody)
def join(call: Call, body: wire.JoinBody) -> dict[str, Any]:
    """Join a group that lets anybody in."""
    own = GroupMember(call.user, alias=body.alias, extra=body.extra)
    group_service().add_members(call.user, body.groupId, [own], announcement=body.announcement, origin=_USER)
    return {}


@router.op("add", wire.AddBody)
def add(call: Call, body: wire.AddBody) -> dict[str, Any]:
    """Put users into a group."""
    group_service().add_members(
        call.user,
        body.groupId,
        [each.model() for each in body.members],
        extra=body.memberExtra,
        announcement=body.announcement,
        origin=_USER,
    )
    return {}


@router.op("kick", wire.KickBody)
def kick(call: Call, body: wire.KickBody) -> dict[str, Any]:
    """Put users out of a group; who is not in is ignored."""
    group_service().remove_members(call.user, body.groupId, body.users, announcement=body.announcement, origin=_USER)
    return {}


@router.op("quit", wire.QuitBody)
def leave(call: Call, body: wire.QuitBody) -> dict[str, Any]:
    """Leave a group; an owner is succeeded by a manager, or by who has been in longest."""
    group_service().quit(call.user, body.groupId, announcement=body.announcement, origin=_USER)
    return {}


@router.op("joinRequest", wire.JoinRequestBody)
def join_request(call: Call, body: wire.JoinRequestBody) -> dict[str, Any]:
    """Ask to be let in, or that others be."""
    group_service().ask(call.user, body.groupId, body.users, body.reason, body.extra, origin=_USER)
    return {}


@router.op("joinRequests", wire.JoinRequestsBody)
def join_requests(call: Call, body: wire.JoinRequestsBody) -> dict[str, Any]:
    """The requests of a group, for its owner and managers; for anybody else his own."""
    found = group_service().requests(call.user, body.groupId, body.after)
    fitting = page(found, lambda request: wire.JoinRequestOut.of(body.groupId, request))
    return {"requests": fitting, "more": len(fitting) < len(found) or len(found) == MAX_REQUESTS}


@router.op("joinAnswer", wire.JoinAnswerBody)
def join_answer(call: Call, body: wire.JoinAnswerBody) -> dict[str, Any]:
    """Let the user of a request in, or reject him."""
    group_service().answer(call.user, body.groupId, body.userId, accept=body.accept, reason=body.reason)
    return {}


# --- settings, entries and roles


@router.op("modify", wire.ModifyBody)
def modify(call: Call, body: wire.ModifyBody) -> dict[str, Any]:
    """Change one entry of a group's info."""
    group_service().modify(call.user, body.groupId, body.type, body.value, announcement=body.announcement, origin=_USER)
    return {}


@router.op("alias", wire.AliasBody)
def alias(call: Call, body: wire.AliasBody) -> dict[str, Any]:
    """Change one's own name in a group."""
    group_service().set_alias(call.user, body.groupId, "", body.alias, announcement=body.announcement, origin=_USER)
    return {}


@router.op("memberAlias", wire.MemberAliasBody)
def member_alias(call: Call, body: wire.MemberAliasBody) -> dict[str, Any]:
    """Change a member's name in a group."""
    group_service().set_alias(
        call.user, body.groupId, body.userId, body.alias, announcement=body.announcement, origin=_USER
    )
    return {}


@router.op("memberExtra", wire.MemberExtraBody)
def member_extra(call: Call, body: wire.MemberExtraBody) -> dict[str, Any]:
    """Change a member's extra, one's own without a user."""
    group_service().set_extra(
        call.user, body.groupId, body.userId, body.extra, announcement=body.announcement, origin=_USER
    )
    return {}


@router.op("transfer", wire.TransferBody)
def transfer(call: Call, body: wire.TransferBody) -> dict[str, Any]:
    """Give one's group to another member."""
    group_service().transfer(call.user, body.groupId, body.newOwner, announcement=body.announcement, origin=_USER)
    return {}


@router.op("managers", wire.RolesBody)
def managers(call: Call, body: wire.RolesBody) -> dict[str, Any]:
    """Make members managers, or ordinary members again."""
    group_service().set_managers(
        call.user, body.groupId, body.users, on=body.on, announcement=body.announcement, origin=_USER
    )
    return {}


@router.op("mute", wire.RolesBody)
def mute(call: Call, body: wire.RolesBody) -> dict[str, Any]:
    """Take members' right to speak, or give it back."""
    group_service().mute_members(
        call.user, body.groupId, body.users, on=body.on, announcement=body.announcement, origin=_USER
    )
    return {}


@router.op("allow", wire.RolesBody)
def allow(call: Call, body: wire.RolesBody) -> dict[str, Any]:
    """Let members speak though the group is muted, or no longer."""
    group_service().allow_members(
        call.user, body.groupId, body.users, on=body.on, announcement=body.announcement, origin=_USER
    )
    return {}


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
