"""Friends, blacklists and aliases (server-api spec 2.4)."""

from im.errors import Code, InvalidError
from im.friend.model import RequestStatus
from im.server_api.registry import Services, endpoint
from im.wire.api import friends as wire

_HOSTED = (Code.NOT_IMPLEMENT,)
_FRIEND, _NOT_FRIEND = 0, 1
_UNBLOCK, _BLOCK = (0, 1), 2


@endpoint("/admin/friend/status", wire.SetFriend, codes=_HOSTED)
def set_friend(services: Services, body: wire.SetFriend) -> None:
    """Make two users friends, or end their friendship, without a request."""
    if body.status not in (_FRIEND, _NOT_FRIEND):
        raise InvalidError("status must be 0 or 1")
    services.friends.set_friends(body.userId, body.friendUid, friends=body.status == _FRIEND, extra=body.extra)


@endpoint("/admin/friend/list", wire.FriendOwner, wire.UserList, codes=_HOSTED)
def list_friends(services: Services, body: wire.FriendOwner) -> wire.UserList:
    """A user's friends, the one that changed last at the end."""
    return wire.UserList(services.friends.friends_of(body.userId))


@endpoint("/admin/friend/set_alias", wire.SetAlias, codes=_HOSTED)
def set_alias(services: Services, body: wire.SetAlias) -> None:
    """The name that one user gives another, who need not be a friend."""
    services.friends.set_alias(body.operator, body.targetId, alias=body.alias)


@endpoint("/admin/friend/get_alias", wire.AliasRef, wire.Alias, codes=_HOSTED)
def get_alias(services: Services, body: wire.AliasRef) -> wire.Alias:
    """The name that one user gives another."""
    row = services.friends.relation(body.operator, body.targetId)
    return wire.Alias(body.operator, body.targetId, row.alias)


@endpoint("/admin/friend/set_extra", wire.SetExtra, codes=_HOSTED)
def set_extra(services: Services, body: wire.SetExtra) -> None:
    """The application's own data about another user, in one user's row of him."""
    services.friends.set_alias(body.operator, body.targetId, extra=body.extra)


@endpoint(
    "/admin/friend/send_request",
    wire.SendRequest,
    codes=(
        Code.FRIEND_ALREADY_REQUEST,
        Code.FRIEND_REQUEST_BLOCKED,
        Code.ALREADY_FRIENDS,
        Code.IN_BLACK_LIST,
        Code.NOT_RIGHT,
        *_HOSTED,
    ),
)
def send_request(services: Services, body: wire.SendRequest) -> None:
    """Ask, as one user, another to be his friend; with ``force`` whatever blacklists and intervals say."""
    services.friends.request(body.userId, body.friendUid, body.reason, body.extra, force=body.force)


@endpoint(
    "/admin/friend/handle_send_request",
    wire.HandleRequest,
    codes=(Code.FRIEND_REQUEST_EXPIRED, Code.NOT_EXIST, *_HOSTED),
)
def handle_request(services: Services, body: wire.HandleRequest) -> None:
    """Answer, as the user who was asked: 1 accepts, 0 and 2 reject; with ``force`` also when it is too late."""
    if body.status not in (0, RequestStatus.ACCEPTED, RequestStatus.REJECTED):
        raise InvalidError("status must be 0, 1 or 2")
    accept = body.status == RequestStatus.ACCEPTED
    services.friends.answer(body.userId, body.friendUid, accept=accept, force=body.force)


@endpoint("/admin/blacklist/status", wire.SetBlacklist, codes=_HOSTED)
def set_blacklist(services: Services, body: wire.SetBlacklist) -> None:
    """Put somebody on a user's blacklist, or take him off."""
    if body.status not in (*_UNBLOCK, _BLOCK):
        raise InvalidError("status must be 0, 1 or 2")
    services.friends.set_blacked(body.userId, body.targetUid, body.status == _BLOCK)


@endpoint("/admin/blacklist/list", wire.FriendOwner, wire.UserList, codes=_HOSTED)
def list_blacklist(services: Services, body: wire.FriendOwner) -> wire.UserList:
    """Whom a user has blacklisted, friends or not."""
    return wire.UserList(services.friends.blacklist_of(body.userId))


@endpoint("/admin/relation/get", wire.RelationRef, wire.Relation, codes=_HOSTED)
def get_relation(services: Services, body: wire.RelationRef) -> wire.Relation:
    """What one user keeps of another: friend, blacklist, alias, extra."""
    return wire.Relation.of(services.friends.relation(body.first, body.second))
