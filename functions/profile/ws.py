"""The ``profile`` route: what a client asks about users, and the user's own settings."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from im.application.model import Application, Kind
from im.friend import model as friend_model
from im.friend.service import place_of_friend, place_of_request
from im.place import Place, end_of
from im.platform import clock
from im.presence.model import MAX_TEXT, MAX_WATCH_S, MAX_WATCHED
from im.profile.model import MAX_EXTRA
from im.profile.search import MAX_KEYWORD, MAX_PAGE
from im.routing import Answer, Call, Router
from im.setting.model import MAX_KEY, MAX_SCOPE, MAX_VALUE, Setting
from im.setting.service import Put
from im.wire import frames
from im.wire.objects import FriendOut, FriendRequestOut, UserOut, page
from im.wire.presence import SightOut
from im.wiring.application import application_service
from im.wiring.base import client_limiter
from im.wiring.friend import friend_service
from im.wiring.presence import presence_service
from im.wiring.profile import profile_reader
from im.wiring.setting import setting_service

MAX_USERS = 100
MAX_ENTRIES = 9
FRIENDS_PER_PAGE = 300

UserId = Annotated[str, Meta(min_length=1, max_length=64)]

router = Router("profile", client_limiter)


class KnownUser(frames.Strict, frozen=True):
    """A user, and the ``updateDt`` that the client has of him; 0 if none."""

    userId: Annotated[str, Meta(min_length=1, max_length=64)]  # noqa: N815
    updateDt: Annotated[int, Meta(ge=0)] = 0  # noqa: N815


class UsersBody(frames.Strict, frozen=True):
    """Users to look up."""

    users: Annotated[tuple[KnownUser, ...], Meta(min_length=1, max_length=MAX_USERS)]


class Entry(frames.Strict, frozen=True):
    """One property of one's own profile and its new value."""

    type: Annotated[int, Meta(ge=0, le=8)]
    value: Annotated[str, Meta(max_length=MAX_EXTRA)]


class ModifyBody(frames.Strict, frozen=True):
    """Changes of one's own profile."""

    entries: Annotated[tuple[Entry, ...], Meta(min_length=1, max_length=MAX_ENTRIES)]


class SearchBody(frames.Strict, frozen=True):
    """Whom to look for."""

    keyword: Annotated[str, Meta(min_length=1, max_length=MAX_KEYWORD)]
    type: int = 0
    page: Annotated[int, Meta(ge=0, le=MAX_PAGE)] = 0


class AuthCodeBody(frames.Strict, frozen=True):
    """An application, and the host of its page that the user looks at."""

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    type: Annotated[int, Meta(ge=0, le=2)] = 0
    applicationId: Annotated[str, Meta(max_length=64)] = ""  # noqa: N815


class SettingsBody(frames.Strict, frozen=True):
    """The version up to which the client has the settings; 0 if it has none."""

    after: Annotated[int, Meta(ge=0)] = 0


class SettingBody(frames.Strict, frozen=True):
    """A setting; an empty value clears it."""

    scope: Annotated[int, Meta(ge=0, le=MAX_SCOPE)]
    key: Annotated[str, Meta(max_length=MAX_KEY)] = ""
    value: Annotated[str, Meta(max_length=MAX_VALUE)] = ""


class SettingOut(Struct, frozen=True):
    """A setting."""

    scope: int
    key: str
    value: str
    version: int

    @classmethod
    def of(cls, setting: Setting) -> "SettingOut":
        """The wire form of a setting."""
        return cls(setting.scope, setting.key, setting.value, setting.version)


class WatchBody(frames.Strict, frozen=True):
    """Whom to watch, and for how long; 0 ends it."""

    users: Annotated[tuple[frames.Id, ...], Meta(min_length=1, max_length=MAX_WATCHED)]
    seconds: Annotated[int, Meta(ge=0, le=MAX_WATCH_S)]


class PresenceBody(frames.Strict, frozen=True):
    """One's friends after an id."""

    after: str = ""


class StateBody(frames.Strict, frozen=True):
    """What one says of oneself."""

    state: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""


@router.op("users", UsersBody)
def users(call: Call, body: UsersBody) -> dict[str, Any]:
    """Profiles that are newer than the client's; ``unknown`` are not registered, ``rest`` must be asked again."""
    known = {each.userId: each.updateDt for each in body.users}
    found = profile_reader().profiles(call.user, known)
    newer = [found[user] for user, at in known.items() if user in found and found[user].update_dt > at]
    fitting = page(newer, UserOut.of)
    return {
        "users": fitting,
        "unknown": [user for user in known if user not in found],
        "rest": [each.id for each in newer[len(fitting) :]],
    }


@router.op("modify", ModifyBody)
def modify(call: Call, body: ModifyBody) -> dict[str, Any]:
    """Change one's own profile."""
    changed = profile_reader().modify(call.user, [(entry.type, entry.value) for entry in body.entries])
    return {"updateDt": changed.update_dt}


@router.op("search", SearchBody)
def search(call: Call, body: SearchBody) -> dict[str, Any]:
    """Users by login name, number, id or a part of the display name."""
    found = profile_reader().search(call.user, body.keyword, body.type, body.page)
    fitting = page(found.users, UserOut.of)
    return {"users": fitting, "rest": [user.id for user in found.users[len(fitting) :]], "more": found.more}


@router.op("watch", WatchBody)
def watch(call: Call, body: WatchBody) -> dict[str, Any]:
    """Be told of changes of some users' presence for a while, and see it now."""
    seen, full = presence_service().watch(call.user, body.users, body.seconds)
    return {"users": [SightOut.of(each) for each in seen], "full": full}


@router.op("presence", PresenceBody)
def presence(call: Call, body: PresenceBody) -> dict[str, Any]:
    """The presence of one's friends."""
    seen, more = presence_service().friends(call.user, body.after, FRIENDS_PER_PAGE)
    return {"users": [SightOut.of(each) for each in seen], "more": more}


@router.op("state", StateBody)
def state(call: Call, body: StateBody) -> dict[str, Any]:
    """Say something of oneself: busy, away, invisible."""
    presence_service().set_state(call.user, body.state, body.text)
    return {}


@router.op("settings", SettingsBody)
def settings(call: Call, body: SettingsBody) -> dict[str, Any]:
    """Settings that are newer than a version, as many as one answer holds."""
    newer, version = setting_service().since(call.user, body.after)
    fitting = page(newer, SettingOut.of)
    more = len(fitting) < len(newer)
    return {"settings": fitting, "version": newer[len(fitting) - 1].version if more else version, "more": more}


@router.op("setting", SettingBody)
def setting(call: Call, body: SettingBody) -> Put:
    """Put one setting."""
    return setting_service().put(call.user, [Setting(body.scope, body.key, body.value)], client=call.client)


class AfterBody(frames.Strict, frozen=True):
    """What changed after a place: ``after`` and ``afterId`` of the previous answer."""

    after: Annotated[int, Meta(ge=0)] = 0
    afterId: str = ""  # noqa: N815


class OtherBody(frames.Strict, frozen=True):
    """Another user."""

    userId: UserId  # noqa: N815


class RequestBody(frames.Strict, frozen=True):
    """A friend request."""

    userId: UserId  # noqa: N815
    reason: Annotated[str, Meta(max_length=friend_model.MAX_REASON)] = ""
    extra: Annotated[str, Meta(max_length=friend_model.MAX_EXTRA)] = ""


class AnswerBody(frames.Strict, frozen=True):
    """The answer to a friend request: 1 accepts it, 2 rejects it."""

    userId: UserId  # noqa: N815
    status: Annotated[int, Meta(ge=1, le=2)]


class ReadBody(frames.Strict, frozen=True):
    """Up to when one has read the requests that one got, ms."""

    until: Annotated[int, Meta(ge=0)]


class AliasBody(frames.Strict, frozen=True):
    """What one writes down about another user; null leaves it as it is."""

    userId: UserId  # noqa: N815
    alias: Annotated[str, Meta(max_length=friend_model.MAX_ALIAS)] | None = None
    extra: Annotated[str, Meta(max_length=friend_model.MAX_EXTRA)] | None = None


class BlacklistBody(frames.Strict, frozen=True):
    """Put another user on one's blacklist, or take him off."""

    userId: UserId  # noqa: N815
    on: bool


@router.op("friends", AfterBody)
def friends(call: Call, body: AfterBody) -> dict[str, Any]:
    """Rows that changed after a place, those of friends no more among them, and the place after them."""
    after = Place(body.after, body.afterId)
    changed = friend_service().friends_since(call.user, after)
    fitting = page(changed, FriendOut.of)
    more = len(fitting) < len(changed)
    place = end_of(changed[: len(fitting)], after, place_of_friend, more=more, now_ms=clock.now_ms())
    return {"friends": fitting, "after": place.time, "afterId": place.id, "more": more}


@router.op("friendRequests", AfterBody)
def friend_requests(call: Call, body: AfterBody) -> dict[str, Any]:
    """Requests that one got or made and that changed after a place, and up to when one has read those that one got."""
    after = Place(body.after, body.afterId)
    changed, read = friend_service().requests_since(call.user, after)
    fitting = page(changed, FriendRequestOut.of)
    more = len(fitting) < len(changed)
    place = end_of(changed[: len(fitting)], after, place_of_request, more=more, now_ms=clock.now_ms())
    return {"requests": fitting, "read": read, "after": place.time, "afterId": place.id, "more": more}


@router.op("friendRequest", RequestBody)
def friend_request(call: Call, body: RequestBody) -> dict[str, Any]:
    """Ask somebody to be one's friend."""
    friend_service().request(call.user, body.userId, body.reason, body.extra)
    return {}


@router.op("friendAnswer", AnswerBody)
def friend_answer(call: Call, body: AnswerBody) -> dict[str, Any]:
    """Accept or reject what somebody has asked."""
    friend_service().answer(call.user, body.userId, accept=body.status == friend_model.RequestStatus.ACCEPTED)
    return {}


@router.op("friendRequestsRead", ReadBody)
def friend_requests_read(call: Call, body: ReadBody) -> dict[str, Any]:
    """Note up to when one has read the requests that one got; answers where that stands."""
    return {"read": friend_service().mark_read(call.user, body.until)}


@router.op("friendDelete", OtherBody)
def friend_delete(call: Call, body: OtherBody) -> dict[str, Any]:
    """End a friendship, on both sides."""
    friend_service().unfriend(call.user, body.userId)
    return {}


@router.op("friendAlias", AliasBody)
def friend_alias(call: Call, body: AliasBody) -> dict[str, Any]:
    """Write down a name and remarks for somebody."""
    friend_service().set_alias(call.user, body.userId, alias=body.alias, extra=body.extra)
    return {}


@router.op("blacklist", BlacklistBody)
def blacklist(call: Call, body: BlacklistBody) -> dict[str, Any]:
    """Put somebody on one's blacklist, or take him off."""
    friend_service().set_blacked(call.user, body.userId, body.on)
    return {}


@router.op("authCode", AuthCodeBody)
def auth_code(call: Call, body: AuthCodeBody) -> dict[str, Any]:
    """Let an application learn, within a minute, who looks at its page."""
    application = Application(body.type, body.applicationId if body.type != Kind.BACK_END else "")
    return {"authCode": application_service().issue(call.user, application, body.host)}


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
