"""The use cases of friends, friend requests and blacklists (client-semantics spec, section 6; server-api spec 2.4).

What belongs together is committed at once: both rows of a friendship, both copies of a request, the marks on the conversation
rows by which a message is judged. What follows a commit, the greetings and the news for the devices, can be cut off by a
crash. All of it can be repeated: whoever repeats a call that was cut off finds it committed and does what follows once more.
Greetings find themselves in the chat's log, and news that is known already costs a refused write.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd, RelationEvent
from im.delivery.model import Change, News
from im.errors import BusyError, Code, ImError, InvalidError, not_hosted
from im.friend.model import (
    REPEAT_MS,
    Between,
    Friend,
    FriendRequest,
    GreetingType,
    RequestStatus,
    befriended,
    check_may_request,
    check_pair,
    check_texts,
    is_expired,
)
from im.friend.store import FriendChange, FriendStore, RequestChange
from im.message.model import (
    RESERVED_CID_PREFIX,
    ContentType,
    Conversation,
    ConversationType,
    Payload,
    PersistFlag,
    check_id,
)
from im.place import Place, changed
from im.platform.clock import Clock
from im.platform.parallel import run_all
from im.profile.types import TypesOf
from im.push.alert import Alert, friend_request_alert
from im.settings import Switches

_SCOPE = "friendRequest"
_ATTEMPTS = 6
_ROBOT = 1


class Changes(Protocol):
    """What friends need of the news for devices."""

    def tell_all(self, news: Sequence[News], alert: Alert | None = None) -> None:
        """Lists of users have changed: their devices learn of it now, or with their next hello; others are notified."""


class Chats(Protocol):
    """What friends need of the message service."""

    def head(self, user: str, conversation: Conversation) -> int:
        """The last seq of a conversation, 0 if it is empty."""

    def append_once(
        self, author: str, conversation: Conversation, contents: Sequence[tuple[str, Payload]], *, after: int
    ) -> None:
        """Append and deliver messages of the server's own, by their ids, unless they stand behind a seq already."""


class Settings(Protocol):
    """What friends need of users' settings."""

    def accepts_friends(self, user: str) -> bool:
        """Whether everybody who asks may be the user's friend at once."""


class Limiter(Protocol):
    """What friends need of a rate limit."""

    def take(self, scope: str, owner: str) -> None:
        """Count one; raises ``ImError`` 250 when it is one too many."""


def place_of_friend(friend: Friend) -> Place:
    """Where a row stands in its user's list of changes."""
    return Place(friend.update_dt, friend.other)


def place_of_request(request: FriendRequest) -> Place:
    """Where a request stands in a list of changes: one's own and the one from the same user have different ids."""
    return Place(request.update_dt, f"{request.sender}>{request.receiver}")


class FriendService:
    """Makes and ends friendships.

    Args:
        store: rows and requests.
        chats: where greetings are written.
        changes: the news for devices.
        limiter: counts a user's requests of a day.
        user_types: who is a robot.
        settings: who wants to be asked.
        switches: the deployment's behaviour.
        clock: the time.
        back_end: the business, which is told of relations; like the devices, also by who repeats a call.
    """

    def __init__(
        self,
        store: FriendStore,
        chats: Chats,
        changes: Changes,
        limiter: Limiter,
        user_types: TypesOf,
        settings: Settings,
        switches: Switches,
        clock: Clock,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._back_end = back_end
        self._store = store
        self._chats = chats
        self._changes = changes
        self._limiter = limiter
        self._user_types = user_types
        self._settings = settings
        self._switches = switches
        self._clock = clock

    # --- reading

    def friends_since(self, user: str, after: Place) -> list[Friend]:
        """A user's rows that changed after a place, in the order of their changes.

        Among them are people who are friends no more, and such who never were but are blacklisted or have an alias: a
        device must learn of all of them.
        """
        self._check_hosted()
        return changed(self._store.friends(user, after.time - 1), after, place_of_friend)

    def requests_since(self, user: str, after: Place) -> tuple[list[FriendRequest], int]:
        """Requests that a user got or made and that changed after a place; and up to when he has read those he got, ms."""
        self._check_hosted()
        requests, read = self._store.requests(user, after.time - 1)
        return changed(requests, after, place_of_request), read

    def friends_of(self, user: str) -> list[str]:
        """The ids of a user's friends, the one whose row changed last at the end (server-api spec 2.4, friend/list)."""
        return [row.other for row in self._rows_of(user) if row.is_friend]

    def blacklist_of(self, user: str) -> list[str]:
        """The ids of those whom a user has blacklisted, friends or not."""
        return [row.other for row in self._rows_of(user) if row.is_blacked]

    def relation(self, user: str, other: str) -> Friend:
        """What a user keeps of another; an empty row when that is nothing (server-api spec 2.4, relation/get)."""
        self._check_hosted()
        check_id(user, "userId")
        check_id(other, "targetId")
        return self._store.get(user, other)

    def _rows_of(self, user: str) -> list[Friend]:
        self._check_hosted()
        return changed(self._store.friends(check_id(user, "userId")), Place(), place_of_friend)

    # --- requests

    def request(self, user: str, other: str, reason: str = "", extra: str = "", *, force: bool = False) -> None:
        """Ask somebody to be one's friend; a robot, or who wants it so, accepts at once (client-semantics spec 6.1, 5.5).

        Whether the other exists is not checked. Two users may ask each other at the same time: both requests stand, and
        accepting one accepts both.

        Args:
            user: who asks.
            other: whom.
            reason: what he says, told to the other.
            extra: the application's own.
            force: an administrator asks in his name: only the last of the refusals below but the rate counts.

        Raises:
            InvalidError: an id or text that cannot be.
            ImError: 248 switched off; 18 rejected lately; 16 still waiting for an answer; 246 blacklisted by the other;
                23 they are friends; 250 too many requests today.
        """
        self._check_hosted()
        check_pair(user, other)
        check_texts(reason=reason, extra=extra)
        if self._switches.disable_friend_request and not force:
            raise ImError(Code.NOT_RIGHT, "friend requests are switched off")
        accepts = any(run_all([partial(self._accepts_as_robot, other), partial(self._settings.accepts_friends, other)]))
        written: FriendRequest | None = None
        for _ in range(_ATTEMPTS):
            between = self._store.between(user, other)
            if between.outgoing and between.outgoing.greet_after is not None:
                # It has been accepted, and what follows was cut off, perhaps in this very call's first attempt.
                self._follow_acceptance(between.outgoing, between)
                if accepts:
                    return
            if written is None or between.outgoing != written:
                again = self._check_request(between, accepts=accepts, force=force)
                if written is None and not force:
                    self._limiter.take(_SCOPE, user)
                written = self._new_request(between, reason, extra, repeated=again)
                if not self._store.commit((), [RequestChange(between.outgoing, written)]):
                    continue
            self._changes.tell_all(_news_of_request(written), None if accepts else _alert_of(written))
            if accepts:
                self.answer(other, user, accept=True)
            return
        raise BusyError("too many changes between these users at once")

    def _accepts_as_robot(self, user: str) -> bool:
        return self._switches.robot_auto_accept and self._user_types([user]).get(user) == _ROBOT

    def _check_request(self, between: Between, *, accepts: bool, force: bool) -> bool:
        """The rules of a request; True: it counts as the early repetition of the one before."""
        earlier, now = between.outgoing, self._clock()
        again = False
        if not force and not accepts:
            try:
                again = check_may_request(earlier, self._switches, now)
            except ImError:
                if earlier and earlier.is_pending and now - earlier.sent < REPEAT_MS:
                    # Who asks again so soon may not have had an answer: the news of his request may be lost.
                    self._changes.tell_all(_news_of_request(earlier), _alert_of(earlier))
                raise
        if between.mine.is_friend:
            raise ImError(Code.ALREADY_FRIENDS)
        if between.theirs.is_blacked and not force:
            raise ImError(Code.IN_BLACK_LIST)
        return again

    def _new_request(self, between: Between, reason: str, extra: str, *, repeated: bool) -> FriendRequest:
        mine, now = between.mine, self._clock()
        version = max(now, between.outgoing.update_dt + 1 if between.outgoing else 0)
        return FriendRequest(mine.user, mine.other, reason, extra, sent=now, repeated=repeated, update_dt=version)

    def answer(self, user: str, other: str, *, accept: bool, force: bool = False) -> None:
        """Accept or reject the request that another has made (client-semantics spec 6.2).

        Accepting makes both rows and notes, with them, behind which message of their chat the greetings belong. The
        greetings carry ids that follow from the request, so each is found by whoever tries to write it again: however
        often this is repeated or cut off, and however many devices accept at once, each stands there once.

        A request that was rejected may still be accepted while it has not expired. One that was accepted stays so:
        answering it again finishes what was cut off, and does not bring a friendship back that has been ended since.

        Args:
            user: who was asked.
            other: who has asked.
            accept: accept it, or reject it.
            force: an administrator answers in his name, also when it is too late.

        Raises:
            ImError: 253 there is no such request, or its friendship has ended; 19 it has expired.
        """
        self._check_hosted()
        check_pair(user, other)
        for _ in range(_ATTEMPTS):
            between = self._store.between(user, other)
            request = between.incoming
            if request is None or request.status == RequestStatus.WITHDRAWN:
                raise ImError(Code.NOT_EXIST, "no such request")
            if request.status == RequestStatus.ACCEPTED:
                if not between.are_friends and request.greet_after is None:
                    raise ImError(Code.NOT_EXIST, "this request has been used")
                self._follow_acceptance(request, between)
                return
            if not between.are_friends and not force and is_expired(request, self._switches, self._clock()):
                raise ImError(Code.FRIEND_REQUEST_EXPIRED)
            if accept:
                then = self._accept(between, request)
                if then and then.incoming:
                    self._follow_acceptance(then.incoming, then)
                    return
            else:
                rejected = self._reject(request)
                if rejected:
                    self._changes.tell_all(_news_of_request(rejected))
                    return
        raise BusyError("too many changes between these users at once")

    def _reject(self, request: FriendRequest) -> FriendRequest | None:
        if request.status == RequestStatus.REJECTED:
            return request
        version = max(self._clock(), request.update_dt + 1)
        rejected = replace(request, status=RequestStatus.REJECTED, update_dt=version)
        return rejected if self._store.commit((), [RequestChange(request, rejected)]) else None

    def _accept(self, between: Between, request: FriendRequest) -> Between | None:
        """Commit an acceptance; returns what is there then, or None when something has changed meanwhile."""
        opposite = between.outgoing if between.outgoing and between.outgoing.is_pending else None
        versions = [between.mine.update_dt, between.theirs.update_dt, request.update_dt]
        versions += [opposite.update_dt] if opposite else []
        version = max(self._clock(), max(versions) + 1)
        head = None if between.are_friends else self._chats.head(request.sender, _chat(request))
        accepted = replace(request, status=RequestStatus.ACCEPTED, update_dt=version, greet_after=head)
        requests = [RequestChange(request, accepted)]
        if opposite:
            too = replace(opposite, status=RequestStatus.ACCEPTED, update_dt=version)
            requests.append(RequestChange(opposite, too))
        friends: list[FriendChange] = []
        if not between.are_friends:
            rows = befriended(between, request.extra, version)
            friends = [FriendChange(old, new) for old, new in zip((between.mine, between.theirs), rows, strict=True)]
        if not self._store.commit(friends, requests):
            return None
        mine, theirs = (change.new for change in friends) if friends else (between.mine, between.theirs)
        return replace(between, mine=mine, theirs=theirs, incoming=accepted)

    def _follow_acceptance(self, request: FriendRequest, between: Between) -> None:
        """Everything after the commit of an acceptance; only once it is all done is the request's mark removed."""
        if request.greet_after is not None:
            self._chats.append_once(request.sender, _chat(request), _greetings(request), after=request.greet_after)
        self._changes.tell_all([*_news_of_friends(between), *_news_of_request(request)])
        self._tell_friendship(between)
        if request.greet_after is not None:
            self._store.greeted(request)

    def mark_read(self, user: str, until: int) -> int:
        """A user has read the requests that were sent to him up to a time (ms); it never goes back. Returns where it is."""
        self._check_hosted()
        now = self._clock()
        until = min(until, now)
        stands = self._store.raise_read_until(user, until)
        if stands == until:
            self._changes.tell_all([News(user, Change.FRIEND_REQUESTS, now)])
        return stands

    # --- friends

    def set_friends(self, user: str, other: str, friends: bool, extra: str | None = None) -> None:
        """Make two users friends, or no friends, without a request (server-api spec 2.4, friend/status).

        Aliases and blacklists stay as they are. The extra goes to the user's own row, and to the other's if that is new.

        Raises:
            InvalidError: an id or text that cannot be.
        """
        self._check_hosted()
        check_pair(user, other)
        check_texts(extra=extra or "")

        def change(between: Between) -> list[FriendChange]:
            mine, theirs = between.mine, between.theirs
            if not friends and extra is None:
                return _parted(between)
            own = mine.extra if extra is None else extra
            others = extra if extra is not None and not theirs.update_dt else theirs.extra
            return [
                FriendChange(mine, replace(mine, is_friend=friends, extra=own)),
                FriendChange(theirs, replace(theirs, is_friend=friends, extra=others)),
            ]

        after = self._change(user, other, change)
        self._changes.tell_all(_news_of_friends(after))
        self._tell_friendship(after)
        if extra is not None:
            self._back_end.relation_changed(user, other, RelationEvent.EXTRA, after.mine.extra)

    def unfriend(self, user: str, other: str) -> None:
        """End a friendship, on both sides at once; no friends is fine too (client-semantics spec 6.3)."""
        self.set_friends(user, other, friends=False)

    def set_alias(self, user: str, other: str, *, alias: str | None = None, extra: str | None = None) -> None:
        """Write down a name and remarks for somebody, friend or not (client-semantics spec 2.3, FALS).

        Raises:
            InvalidError: an id or text that cannot be, or nothing to write.
        """
        if alias is None and extra is None:
            raise InvalidError("alias or extra is required")
        check_texts(alias=alias or "", extra=extra or "")

        def change(row: Friend) -> Friend:
            return replace(
                row, alias=row.alias if alias is None else alias, extra=row.extra if extra is None else extra
            )

        row = self._change_own(user, other, change)
        if alias is not None:
            self._back_end.relation_changed(user, other, RelationEvent.ALIAS, row.alias)
        if extra is not None:
            self._back_end.relation_changed(user, other, RelationEvent.EXTRA, row.extra)

    def set_blacked(self, user: str, other: str, blacked: bool) -> None:
        """Put somebody on one's blacklist, or take him off; he is not told (client-semantics spec 6.3)."""
        row = self._change_own(user, other, lambda row: replace(row, is_blacked=blacked))
        self._back_end.relation_changed(user, other, RelationEvent.BLACKLIST, str(int(row.is_blacked)))

    def forget(self, user: str) -> None:
        """Remove everything of a destroyed user: he is nobody's friend any more, and waits for nobody.

        What others wrote down of him stays theirs. His own rows go last, because they say whose friend he was; so a repeat
        finds what an attempt before has left.
        """
        if not self._switches.host_friends:
            return
        check_id(user, "userId")
        rows = self._store.friends(user)
        parted = run_all([partial(self._change, user, row.other, _parted) for row in rows])
        requests, _ = self._store.requests(user)
        withdrawn = run_all([partial(self._withdraw, request) for request in requests])
        news = [each for between in parted for each in _news_of_friends(between)]
        self._changes.tell_all([*news, *(each for gone in withdrawn for each in _news_of_request(gone))])
        for between in parted:
            self._tell_friendship(between)
        self._store.forget(user)

    def _withdraw(self, request: FriendRequest) -> FriendRequest:
        if not request.is_pending:
            return request
        version = max(self._clock(), request.update_dt + 1)
        gone = replace(request, status=RequestStatus.WITHDRAWN, update_dt=version)
        return gone if self._store.commit((), [RequestChange(request, gone)]) else request

    # --- shared steps

    def _check_hosted(self) -> None:
        if not self._switches.host_friends:
            raise not_hosted("friendships")

    def _tell_friendship(self, between: Between) -> None:
        """Both users' relations, as they are now, if there are any."""
        for row in (between.mine, between.theirs):
            if row.update_dt:
                friends = str(int(row.is_friend))
                self._back_end.relation_changed(row.user, row.other, RelationEvent.FRIENDSHIP, friends)

    def _change_own(self, user: str, other: str, change: Callable[[Friend], Friend]) -> Friend:
        self._check_hosted()
        check_pair(user, other)
        after = self._change(user, other, lambda between: [FriendChange(between.mine, change(between.mine))])
        self._changes.tell_all([News(user, Change.FRIENDS, after.mine.update_dt)])
        return after.mine

    def _change(self, user: str, other: str, change: Callable[[Between], Sequence[FriendChange]]) -> Between:
        """Commit changes of the rows between two users; returns what is there then. What changes nothing is not written."""
        for _ in range(_ATTEMPTS):
            between = self._store.between(user, other)
            wanted = [each for each in change(between) if each.new != each.old]
            if not wanted:
                return between
            version = max(self._clock(), between.mine.update_dt + 1, between.theirs.update_dt + 1)
            changes = [FriendChange(each.old, replace(each.new, update_dt=version)) for each in wanted]
            if self._store.commit(changes):
                new = {each.new.user: each.new for each in changes}
                mine, theirs = new.get(user, between.mine), new.get(other, between.theirs)
                return replace(between, mine=mine, theirs=theirs)
        raise BusyError("too many changes between these users at once")


def _parted(between: Between) -> list[FriendChange]:
    """What ends a friendship: nothing, if there is none."""
    rows = (between.mine, between.theirs)
    return [FriendChange(row, replace(row, is_friend=False)) for row in rows if row.is_friend]


def _news_of_friends(between: Between) -> list[News]:
    """Both sides' devices learn of their rows, if there are any."""
    return [News(row.user, Change.FRIENDS, row.update_dt) for row in (between.mine, between.theirs) if row.update_dt]


def _alert_of(request: FriendRequest) -> Alert:
    return friend_request_alert(request.sender, request.receiver, request.reason, request.sent)


def _news_of_request(request: FriendRequest) -> list[News]:
    """Both sides' devices learn of a request."""
    return [News(user, Change.FRIEND_REQUESTS, request.update_dt) for user in (request.receiver, request.sender)]


def _chat(request: FriendRequest) -> Conversation:
    """The single chat of a request's two users, from its sender's side."""
    return Conversation(ConversationType.SINGLE, request.receiver)


def _greetings(request: FriendRequest) -> list[tuple[str, Payload]]:
    """What an accepted request leaves in the chat, as its sender's messages (client-semantics spec 6.2, 5), with ids."""
    contents = {
        "reason": Payload(type=ContentType.TEXT, searchableContent=request.reason, persistFlag=PersistFlag.COUNT),
        "greeting": Payload(type=GreetingType.GREETING, persistFlag=PersistFlag.PERSIST),
        "added": Payload(type=GreetingType.ADDED, persistFlag=PersistFlag.PERSIST),
    }
    if not request.reason:
        del contents["reason"]
    return [(f"{RESERVED_CID_PREFIX}friend:{name}:{request.update_dt}", content) for name, content in contents.items()]
