"""The use cases of channels: making and changing them, subscribing, finding (client-semantics spec 2.5 and 7.2).

Every change is one transaction, so a crash leaves all of it or nothing; what follows (telling devices and services) is told
again when the caller repeats. Destroying marks the channel first: from then on it neither speaks nor lists; its subscribers
are taken out from a queue, page by page, and a repeat queues that again.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from im import keys
from im.callback.back_end import NOBODY, BackEnd, ChannelEvent
from im.channel.model import (
    MAX_BATCH,
    MAX_CHANNELS,
    MAX_LISTED,
    MAX_SEARCH_PAGE,
    SCANNED,
    SEARCH_PAGE,
    Channel,
    Field,
    State,
    changed,
    check_channel,
    check_channel_id,
    endings,
    folded,
)
from im.channel.store import ChannelStore, Seat, Subscriber
from im.delivery.model import Spread
from im.errors import BusyError, Code, ImError, InvalidError
from im.message.model import Conversation, ConversationType, Message, Origin, Row, check_id
from im.platform.clock import MINUTE_MS, Clock
from im.platform.dynamo import ContendedError
from im.platform.ids import NewId
from im.platform.parallel import run_all

_ATTEMPTS = 6
_PAGE = 1_000
_CLEARED = 200
"""Subscribers of a destroyed channel whom one job takes out."""


class Rows(Protocol):
    """What channels need of the users' conversation rows."""

    def of_user(self, user: str) -> list[Row]:
        """All rows of a user."""


class Logs(Protocol):
    """What channels need of the message logs."""

    def newest(self, log: str) -> Message | None:
        """The last message of a log, strongly consistent."""


class Service(Protocol):
    """The services of channels, as far as they are told of subscribers."""

    def subscribed(self, channel: Channel, user: str, on: bool) -> None:
        """A user subscribed, or does no more."""


class NoService:
    """Is told of nothing."""

    def subscribed(self, channel: Channel, user: str, on: bool) -> None:
        """Do nothing."""


Tell = Callable[[list[str], str], None]
"""Pushes to users that something about the channel of this id concerns them."""


class Listed(Struct, frozen=True):
    """A channel in a user's list: whether he owns it, and whether he subscribes."""

    channel: str
    owned: bool
    listened: bool


class ChannelService:
    """Channels.

    Args:
        store: channels and subscribers.
        rows: the users' conversation rows.
        logs: the message logs.
        spread: queues work on all subscribers of a channel.
        clock: the time.
        new_id: makes ids and secrets.
        tell: tells users that there is something to ask for about a channel.
        service: the channels' services.
        back_end: the business back end.
    """

    def __init__(
        self,
        store: ChannelStore,
        rows: Rows,
        logs: Logs,
        spread: Callable[[Spread], None],
        clock: Clock,
        new_id: NewId,
        tell: Tell = lambda users, channel: None,
        service: Service | None = None,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._store = store
        self._rows = rows
        self._logs = logs
        self._spread = spread
        self._clock = clock
        self._new_id = new_id
        self._tell = tell
        self._service = service or NoService()
        self._back_end = back_end

    # --- making and changing

    def create(self, operator: str, wanted: Channel, origin: Origin) -> Channel:
        """Make a channel; an admin's call also replaces one, alive or destroyed (server-api spec 2.5, create).

        What comes without an id or a secret gets one. A user owns what he makes, and it has no special powers. A channel
        that he has made under this id already is his answer, so that he may repeat the call.

        Raises:
            InvalidError: a member is out of its limits, or the user has too many channels.
            ImError: 248, the id is taken.
        """
        made = replace(wanted, id=wanted.id or self._new_id(), secret=wanted.secret or self._new_id())
        if origin is not Origin.ADMIN:
            made = replace(made, owner=operator, state=0)
            self._check_room(operator)
        check_channel(made)
        for _ in range(_ATTEMPTS):
            old = self._store.get(made.id)
            if old is not None and origin is not Origin.ADMIN:
                if old.owner != operator or old.deleted:
                    raise ImError(Code.NOT_RIGHT, "this id is taken")
                self._tell_of(old, ChannelEvent.CREATED, operator)
                return old
            now = self._now(old)
            new = replace(
                made, created=old.created if old else now, update_dt=now, activity=now // MINUTE_MS, lines=(0,)
            )
            if self._put(new, old):
                self._tell_of(new, ChannelEvent.CREATED, operator, old.owner if old else new.owner)
                return new
        raise BusyError("this channel is being changed")

    def modify(self, operator: str, channel: str, field: int, value: str, origin: Origin) -> None:
        """Give one field of a channel another value; a field that does not exist changes nothing (CHMI).

        Raises:
            ImError: 253 no such channel, 248 it is somebody else's.
            InvalidError: the value is not acceptable.
        """

        def change(old: Channel) -> Channel | None:
            if field == Field.SECRET and not value:
                return changed(old, field, self._new_id())
            return changed(old, field, value)

        self._change(operator, channel, origin, change, ChannelEvent.UPDATED)

    def transfer(self, operator: str, channel: str, owner: str) -> None:
        """Give a channel to another user, who need not be registered (CHT).

        The dialogs that have been led stay where they are; the new owner may read them by name. Who repeats this is no
        owner any more: if the channel is where he wants it, and he has had to do with it, it is told again.

        Raises:
            ImError: 253 no such channel, 248 it is somebody else's.
        """
        check_id(owner, "newOwner")

        def change(old: Channel) -> Channel | None:
            return replace(old, owner=owner) if old.owner != owner else None

        def is_done(old: Channel) -> bool:
            if old.deleted or old.owner != owner or owner == operator:
                return False
            return any(row.conversation.target == channel for row in self._rows.of_user(operator))

        self._change(operator, channel, Origin.USER, change, ChannelEvent.TRANSFERRED, is_done)

    def destroy(self, operator: str, channel: str, origin: Origin) -> None:
        """End a channel for ever, or until an admin makes it anew; its record stays (CHD). Doing it again is success, and
        is told again: the first time may have been cut.

        Raises:
            ImError: 253 no such channel, 248 it is somebody else's.
        """

        def change(old: Channel) -> Channel | None:
            return replace(old, state=old.state | State.DELETED)

        def is_done(old: Channel) -> bool:
            return old.deleted and (origin is Origin.ADMIN or old.owner == operator)

        ended = self._change(operator, channel, origin, change, ChannelEvent.DESTROYED, is_done)
        self._spread(Spread(channel, ended=ended.update_dt))

    def _change(
        self,
        operator: str,
        channel: str,
        origin: Origin,
        change: Callable[[Channel], Channel | None],
        event: ChannelEvent,
        is_done: Callable[[Channel], bool] = lambda channel: False,
    ) -> Channel:
        for _ in range(_ATTEMPTS):
            old = self.get(channel)
            if is_done(old):
                self._tell_of(old, event, operator, old.owner if origin is Origin.ADMIN else operator)
                return old
            _check_alive(old)
            if origin is Origin.USER and old.owner != operator:
                raise ImError(Code.NOT_RIGHT)
            wanted = change(old)
            if wanted is None:
                return old
            new = replace(wanted, update_dt=self._now(old))
            if self._put(new, old):
                self._tell_of(new, event, operator, old.owner)
                return new
        raise BusyError("this channel is being changed")

    def _put(self, new: Channel, old: Channel | None) -> bool:
        try:
            return self._store.put(new, old, self._seats(new, old))
        except ContendedError:
            return False

    def _seats(self, new: Channel, old: Channel | None) -> list[Seat]:
        """Whose rows change along: an owner reads his channel whether he subscribes to it or not."""
        before = old.owner if old and not old.deleted else ""
        after = new.owner if not new.deleted else ""
        if before == after:
            return []
        subscribed = self._store.among(new.id, {before, after} - {""})
        heads = self._heads(old or new)
        seats = []
        if after and after not in subscribed:
            seats.append(Seat(after, firsts={line: seq + 1 for line, seq in heads.items()}))
        if before and before not in subscribed:
            seats.append(Seat(before, lasts=heads))
        return seats

    def _tell_of(self, new: Channel, event: ChannelEvent, operator: str, *others: str) -> None:
        """Tell the owner, the others and the business."""
        self._tell(sorted({new.owner, *others}), new.id)
        self._back_end.channel_changed(operator, new.id, event)

    def _now(self, old: Channel | None) -> int:
        return max(self._clock(), old.update_dt + 1 if old else 0)

    def _heads(self, channel: Channel) -> dict[int, int]:
        newest = {
            line: self._logs.newest(keys.target_conversation(ConversationType.CHANNEL, channel.id, line))
            for line in channel.lines
        }
        return {line: message.seq if message else 0 for line, message in newest.items()}

    # --- subscribing

    def listen(self, user: str, channel: str, *, on: bool) -> None:
        """Subscribe to a channel, or end it (CHL).

        Raises:
            ImError: 253, there is no such channel, or only services let users in and out.
            InvalidError: the user has too many channels.
        """
        known = self._existing(channel)
        if known.has(State.PRIVATE):
            raise ImError(Code.NOT_EXIST)
        if on:
            self._check_room(user)
        self._subscribe_all(known, [user], on=on)

    def subscribe(self, channel: str, users: Sequence[str], *, on: bool) -> None:
        """Let users in or out, whatever the channel's state (server-api spec 2.5); they need not be registered.

        Raises:
            ImError: 253, there is no such channel.
            InvalidError: too many users.
        """
        if not 1 <= len(users) <= MAX_BATCH:
            raise InvalidError(f"1 to {MAX_BATCH} users may be named")
        wanted = list(dict.fromkeys(check_id(user, "userId") for user in users))
        self._subscribe_all(self._existing(channel), wanted, on=on)

    def _subscribe_all(self, channel: Channel, users: list[str], *, on: bool) -> None:
        """Who subscribes reads from the next message on; who ends it, up to the last one."""
        heads = self._heads(channel)
        run_all([partial(self._subscribe, channel, user, heads, on) for user in users])
        self._tell(users, channel.id)
        for user in users:
            self._service.subscribed(channel, user, on)

    def _subscribe(self, channel: Channel, user: str, heads: dict[int, int], on: bool) -> None:
        now = self._clock()
        firsts = {line: seq + 1 for line, seq in heads.items()}
        is_owner = user == channel.owner
        for _ in range(_ATTEMPTS):
            try:
                if on:
                    new = Subscriber(user, now)
                    self._store.subscribe(channel.id, new, None if is_owner else firsts, now // MINUTE_MS)
                else:
                    self._store.unsubscribe(channel.id, user, None if is_owner else heads, now // MINUTE_MS)
            except ContendedError:
                continue
            return
        raise BusyError("this subscription is being changed")

    def clear(self, spread: Spread) -> Spread | None:
        """Take some subscribers of a destroyed channel out; returns the work that is left.

        Who has subscribed to a channel that was made anew under the same id meanwhile stays.
        """
        known = self._store.get(spread.channel)
        if known is None:
            return None
        subscribers = self._store.page(spread.channel, spread.after, _CLEARED)
        gone = [each.user for each in subscribers if each.since <= spread.ended]
        if gone:
            heads = self._heads(known)
            run_all([partial(self._subscribe, known, user, heads, False) for user in gone])
            self._tell(gone, known.id)
        return replace(spread, after=subscribers[-1].user) if len(subscribers) == _CLEARED else None

    def forget(self, user: str) -> None:
        """End all subscriptions of a destroyed user."""
        channels = [row.conversation.target for row in self._own_rows(user)]
        for channel in self._store.get_many(channels).values():
            self._subscribe_all(channel, [user], on=False)

    def _check_room(self, user: str) -> None:
        if len(self._own_rows(user)) >= MAX_CHANNELS:
            raise InvalidError(f"a user may have {MAX_CHANNELS} channels")

    def _own_rows(self, user: str) -> list[Row]:
        return [row for row in self._rows.of_user(user) if is_open(row)]

    # --- asking

    def _existing(self, channel: str) -> Channel:
        known = self.get(channel)
        _check_alive(known)
        return known

    def get(self, channel: str) -> Channel:
        """A channel, also one that was destroyed.

        Raises:
            ImError: 253.
        """
        known = self._store.get(check_channel_id(channel))
        if known is None:
            raise ImError(Code.NOT_EXIST, "no such channel")
        return known

    def infos(self, reader: str, channels: Sequence[str]) -> dict[str, Channel]:
        """Channels by id, as a user may see them: the callback and the secret are for the owner (CHP)."""
        found = self._store.get_many(channels, consistent=True)
        return {name: as_seen(channel, reader) for name, channel in found.items()}

    def mine(self, user: str) -> list[Listed]:
        """The channels that a user owns or subscribes to, in the order of their ids."""
        rows = self._own_rows(user)
        ids = sorted(row.conversation.target for row in rows)
        listened = self._store.listened(user, ids)
        owners = {name: channel.owner for name, channel in self._store.get_many(ids).items() if not channel.deleted}
        listed = [Listed(name, owners[name] == user, name in listened) for name in ids if name in owners]
        return [each for each in listed if each.owned or each.listened]

    def search(self, keyword: str, page: int) -> list[Channel]:
        """Public channels in whose name a text occurs, whatever the case of its letters (CHS)."""
        sought = folded(keyword)
        if not 1 <= len(sought) <= 64 or not 0 <= page <= MAX_SEARCH_PAGE:
            raise InvalidError(f"keyword must have 1 to 64 characters, page 0 to {MAX_SEARCH_PAGE}")
        ids = self._store.find(sought, SCANNED)
        shown = ids[page * SEARCH_PAGE : (page + 1) * SEARCH_PAGE]
        found = self._store.get_many(shown)
        return [as_seen(found[name], "") for name in shown if name in found and endings(found[name])]

    def page(self, offset: int, count: int) -> tuple[list[Channel], int]:
        """Channels in the order of their creation, and how many there are (server-api spec 2.5, list)."""
        ids = self._store.list_ids(offset, count)
        found = self._store.get_many(ids)
        return [found[name] for name in ids if name in found], self._store.count_listed()

    def page_of_subscribers(self, channel: str, offset: int, count: int) -> tuple[list[str], int]:
        """Some of those who subscribe, in the order of their ids, and how many do (server-api spec 2.5).

        Raises:
            ImError: 35, as ``subscribers``.
        """
        everybody = self.subscribers(channel)
        return everybody[offset : offset + count], len(everybody)

    def subscribers(self, channel: str) -> list[str]:
        """Who subscribes, in the order of their ids.

        Raises:
            ImError: 35, they are more than an answer can hold.
        """
        found: list[str] = []
        while len(page := self._store.page(channel, found[-1] if found else "", _PAGE)) == _PAGE:
            found += [each.user for each in page]
            if len(found) > MAX_LISTED:
                raise ImError(Code.MESSAGE_TOO_LARGE, f"this channel has more than {MAX_LISTED} subscribers")
        return [*found, *(each.user for each in page)]

    def is_subscriber(self, channel: str, user: str) -> bool:
        """Whether a user subscribes to a channel, or owns it; False for anything unknown (server-api spec 2.5)."""
        known = self._store.get(channel)
        if known is None or known.deleted:
            return False
        return user == known.owner or bool(self._store.among(channel, [user]))


def is_open(row: Row) -> bool:
    """Whether a row is of a channel that its user owns or subscribes to."""
    named: Conversation = row.conversation
    is_channel = named.type == ConversationType.CHANNEL and named.has_members
    return is_channel and row.firsts is not None and row.lasts is None


def as_seen(channel: Channel, reader: str) -> Channel:
    """A channel without what is only for its owner."""
    return channel if reader == channel.owner else replace(channel, secret="", callback="")


def _check_alive(channel: Channel) -> None:
    if channel.deleted:
        raise ImError(Code.NOT_EXIST, "no such channel")
