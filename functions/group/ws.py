"""The ``group`` route: what a client asks about groups."""

from typing import Annotated, Any

from msgspec import Meta

from im.group.service import Place
from im.routing import Answer, Call, Router
from im.wire import frames
from im.wire.objects import GroupOut, MemberOut, page
from im.wiring.base import client_limiter
from im.wiring.group import group_reader

MAX_GROUPS = 100
IDS_PER_PAGE = 1_000

router = Router("group", client_limiter)


class KnownGroup(frames.Strict, frozen=True):
    """A group, and the ``updateDt`` that the client has of it; 0 if none."""

    groupId: Annotated[str, Meta(min_length=1, max_length=64)]  # noqa: N815
    updateDt: Annotated[int, Meta(ge=0)] = 0  # noqa: N815


class InfoBody(frames.Strict, frozen=True):
    """Groups to look up."""

    groups: Annotated[tuple[KnownGroup, ...], Meta(min_length=1, max_length=MAX_GROUPS)]


class MembersBody(frames.Strict, frozen=True):
    """A group whose members changed after a place: ``after`` and ``afterId`` of the previous answer."""

    groupId: Annotated[str, Meta(min_length=1, max_length=64)]  # noqa: N815
    after: Annotated[int, Meta(ge=0)] = 0
    afterId: str = ""  # noqa: N815


class MineBody(frames.Strict, frozen=True):
    """The caller's groups after an id."""

    after: str = ""


@router.op("info", InfoBody)
def info(call: Call, body: InfoBody) -> dict[str, Any]:
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


@router.op("members", MembersBody)
def members(call: Call, body: MembersBody) -> dict[str, Any]:
    """Members and tombstones (type 4) that changed after a place, and the place after them."""
    reader = group_reader()
    changed = reader.changes(call.user, body.groupId, Place(body.after, body.afterId))
    fitting = page(changed, MemberOut.of)
    place = Place(body.after, body.afterId)
    if fitting:
        last = changed[len(fitting) - 1]
        place = Place(last.update_dt, last.id)
    more = len(fitting) < len(changed)
    if not more:
        place = min(place, reader.settled())
    return {"members": fitting, "after": place.time, "afterId": place.user, "more": more}


@router.op("mine", MineBody)
def mine(call: Call, body: MineBody) -> dict[str, Any]:
    """The ids of the groups that the caller is in, in order."""
    ids = sorted(group for group in group_reader().groups_of(call.user) if group > body.after)
    return {"groupIds": ids[:IDS_PER_PAGE], "more": len(ids) > IDS_PER_PAGE}


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
