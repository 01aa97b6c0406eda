"""Connecting: tokens, the gate, presence of devices, kicking, and what a device has missed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd
from im.channel.model import Channel
from im.channel.store import ChannelStore
from im.connect.model import (
    KICKABLE,
    Changes,
    Claims,
    ConversationState,
    Session,
    SessionState,
    SyncToken,
    displaced,
    next_token_minute,
)
from im.connect.store import SessionStore
from im.delivery.audience import LIFE_MS
from im.delivery.model import FORBIDDEN, Device, Presence, Versions
from im.delivery.service import Delivery
from im.errors import Code, ImError, InvalidError
from im.group.store import GroupStore
from im.message.model import Conversation, ConversationType, Row, check_id
from im.message.store import MessageStore, RowStore
from im.platform.clock import MINUTE_MS, Clock
from im.platform.dynamo import ConditionFailed
from im.platform.parallel import run_all
from im.push.devices import digests
from im.push.store import TokenStore
from im.settings import Switches
from im.wire import frames

MAX_PAGE = 200
_PLATFORMS = range(18)


class TokenIssuer(Protocol):
    """Makes tokens."""

    def issue(self, claims: Claims) -> str:
        """A token for these claims."""


class News(Protocol):
    """Whoever wants to know of changes of presence."""

    def changed(self, before: Presence, after: Presence) -> None:
        """A user's presence has been changed."""


class Silence:
    """Tells nobody."""

    def changed(self, before: Presence, after: Presence) -> None:
        """Do nothing."""


class ConnectService:
    """The use cases of sessions.

    Args:
        sessions: the logins.
        rows: the users' conversation rows.
        messages: the logs, for their heads.
        groups: groups, for their activity.
        channels: channels, for theirs.
        delivery: presence, and frames to a user's devices.
        switches: the deployment's behaviour.
        clock: the time.
        issuer: makes tokens; None in functions that never do.
        is_robot: whether a user id is a robot's, which gets no token.
        news: is told of who comes and goes.
        global_channels: tells which channels go to everybody.
        back_end: so is the business.
        push_tokens: whose push tokens are; they go with their sessions.
    """

    def __init__(
        self,
        sessions: SessionStore,
        rows: RowStore,
        messages: MessageStore,
        groups: GroupStore,
        channels: ChannelStore,
        delivery: Delivery,
        switches: Switches,
        clock: Clock,
        *,
        issuer: TokenIssuer | None = None,
        is_robot: Callable[[str], bool] = lambda user: False,
        news: News | None = None,
        global_channels: Callable[[], Sequence[str]] = lambda: (),
        back_end: BackEnd = NOBODY,
        push_tokens: TokenStore | None = None,
    ) -> None:
        self._back_end = back_end
        self._news = news or Silence()
        self._push_tokens = push_tokens
        self._sessions = sessions
        self._issuer = issuer
        self._rows = rows
        self._messages = messages
        self._groups = groups
        self._channels = channels
        self._global_channels = global_channels
        self._delivery = delivery
        self._is_robot = is_robot
        self._switches = switches
        self._clock = clock

    # --- tokens and sessions

    def issue_token(self, user: str, client: str, platform: int) -> str:
        """A token for a user on a client; the user need not exist (server-api spec 2.1, get_token).

        Ends what the login displaces: another user's session on the same client id, and this user's sessions on devices of
        the same class, as the deployment's multi-endpoint switches say (client-semantics spec 1.2, 1.3).

        Raises:
            ImError: 27 for a robot.
        """
        check_id(user, "userId")
        check_id(client, "clientId")
        if platform not in _PLATFORMS:
            raise InvalidError("platform is not one of Wildfire's")
        if self._issuer is None:
            raise ImError(Code.NOT_IMPLEMENT)
        if self._is_robot(user):
            raise ImError(Code.ROBOT_NO_TOKEN)
        sessions = self._sessions.of_user(user)
        known = next((session for session in sessions if session.client == client), None)
        generation = 1 if known is None else known.generation + known.deleted
        created = self._clock() if known is None else known.created
        self._sessions.put(Session(user, client, platform, generation, created))
        before = self._sessions.claim(client, user)
        if before is not None:
            self.kick(before, client)
        switches = self._switches
        for session in displaced(
            sessions,
            client,
            platform,
            multi=switches.multi_endpoint,
            multi_pc=switches.multi_pc_endpoint,
            multi_pad=switches.multi_pad_endpoint,
        ):
            self.kick(user, session.client)
        return self._issuer.issue(Claims(user, client, platform, generation))

    def sessions(self, user: str) -> list[SessionState]:
        """The user's logins that are not ended, with their presence (server-api spec 2.1, onlinestatus)."""
        check_id(user, "userId")
        presence = self._delivery.presence.load_one(user)
        states = []
        for session in self._sessions.of_user(user):
            if session.deleted:
                continue
            device = presence.device(session.client)
            online = device is not None and device.online
            seen = session.created if device is None else device.since
            push = device.push if device else None
            states.append(SessionState(session, online, self._clock() if online else seen, push))
        return states

    def kick(self, user: str, client: str | None = None, reason: str = "kicked off") -> None:
        """End one login or all, tell the device, close its socket. Repeating it finishes what a crash left.

        A socket that cannot be closed now is left: it gets nothing more, may not send, and its next heartbeat is refused.

        The session goes first: from then on the token is void. The socket goes before its presence, which is how a repeat
        finds a socket that is still open.
        """
        check_id(user, "userId")
        clients = [client] if client is not None else [session.client for session in self._sessions.of_user(user)]
        for each in clients:
            self._sessions.mark_deleted(user, each)
            self._drop(user, each, reason)

    def _drop(self, user: str, client: str, reason: str) -> None:
        device = self._delivery.presence.load_one(user).device(client)
        if device is None:
            return
        if device.online:
            self._delivery.post(user, device, frames.push("kicked", {"reason": reason}))
            self._delivery.close(device.connection)
        self._remove(user, client)

    def _remove(self, user: str, client: str) -> None:
        before = self._delivery.presence.remove(user, client)
        device = before.device(client)
        if device and device.push and self._push_tokens:
            for name in digests(device.push):
                self._push_tokens.release(name, user, client)
        self._tell(before, before.without(client))

    def _disconnect(self, user: str, client: str, connection: str) -> None:
        now = self._clock()
        before = self._delivery.presence.disconnect(user, client, connection, now)
        if before is not None:
            self._tell(before, before.disconnected(client, now))

    def _tell(self, before: Presence, after: Presence) -> None:
        self._news.changed(before, after)
        self._back_end.changed(before, after)

    def kick_own(self, user: str, client: str) -> None:
        """A user ends his session on a PC, the web or a pad (client-semantics spec 2.2, KPCC).

        Raises:
            ImError: 248, the device is a phone.
        """
        check_id(client, "clientId")
        session = self._sessions.get(user, client)
        if session is None or session.deleted:
            return
        if session.platform not in KICKABLE:
            raise ImError(Code.NOT_RIGHT)
        self.kick(user, client)

    def logout(self, user: str, client: str, connection: str, *, keep_push: bool) -> None:
        """End the session that asks for it, or with ``keep_push`` only its presence, and close its socket."""
        if keep_push:
            self._disconnect(user, client, connection)
        else:
            self._sessions.mark_deleted(user, client)
            self._remove(user, client)
        self._delivery.close(connection)

    def set_block_status(self, user: str, status: int) -> None:
        """Set a user's global status: 0 normal, 1 muted, 2 forbidden, who is disconnected at once (client-semantics 5.3).

        Who is forbidden stays out: handshakes are refused by the status in the directory, and a socket that got past that
        before the status changed cannot register, because the status stands in the item that it registers in. One that
        could not be closed is refused at its next heartbeat.

        Raises:
            InvalidError: another status.
        """
        check_id(user, "userId")
        if status not in (0, 1, FORBIDDEN):
            raise InvalidError("status must be 0, 1 or 2")
        self._sessions.set_status(user, status)
        self._delivery.presence.set_status(user, status)
        if status == FORBIDDEN:
            for device in self._delivery.presence.load_one(user).devices:
                if device.online:
                    self._delivery.close(device.connection)
                    self._disconnect(user, device.client, device.connection)

    def block_status(self, user: str) -> int:
        """A user's global status."""
        return self._sessions.status(check_id(user, "userId"))

    def blocked(self) -> Sequence[tuple[str, int]]:
        """All users whose status is not normal."""
        return self._sessions.blocked()

    def forget_user(self, user: str) -> None:
        """End and remove everything of a destroyed user that this domain keeps (server-api spec 2.1, destroy)."""
        self.kick(user, reason="user destroyed")
        self._sessions.forget(user)
        self._delivery.presence.set_status(user, 0)
        self._rows.forget(user)

    # --- sockets

    def connected(self, user: str, client: str, platform: int, connection: str, at_ms: int) -> bool:
        """Register a new socket. An older one of the same client is closed without a word: the newest wins.

        Then every group of the user that was written to lately is told of the arrival (``im.delivery.audience``).

        Returns False when a younger socket of this client is registered already, or the user is forbidden; then this one
        must be refused.
        """
        device = Device(client, platform, connection, at_ms)
        try:
            before = self._delivery.presence.register(user, device)
        except ConditionFailed:
            return False
        old = before.device(client)
        if old is not None and old.online and old.connection != connection:
            self._delivery.close(old.connection)
        self._count_arrival(user)
        self._tell(before, before.put(device))
        return True

    def _count_arrival(self, user: str) -> None:
        rows = self._rows.of_user(user)
        groups = [
            row.conversation.target
            for row in rows
            if row.conversation.in_group and row.firsts is not None and row.lasts is None
        ]
        busy_since = (self._clock() - LIFE_MS) // MINUTE_MS - 1
        infos = self._groups.get_infos(groups, consistent=True)
        busy = [info.id for info in infos.values() if info.activity >= busy_since]
        run_all([partial(self._groups.count_arrival, group) for group in busy])

    def disconnected(self, user: str, client: str, connection: str) -> None:
        """A socket is gone, as far as the gateway noticed."""
        self._disconnect(user, client, connection)

    def renew(self, user: str, client: str, platform: int, connection: str, at_ms: int) -> None:
        """Make sure that the socket which just spoke is the registered one: connection ids are leases.

        Raises:
            ImError: 7, the session was ended; 245, the user is forbidden, and the socket is closed.
        """
        presence = self._delivery.presence.load_one(user)
        if presence.status == FORBIDDEN:
            self._delivery.close(connection)
            raise ImError(Code.USER_BLOCKED)
        device = presence.device(client)
        if device is None:
            raise ImError(Code.KICKED_OFF)
        if device.online and not presence.listed:
            self._delivery.presence.enlist(user, device)
        if device.connection != connection:
            self.connected(user, client, platform, connection, at_ms)

    # --- what a device has missed

    def hello(self, user: str, token: str | None, limit: int) -> Changes:
        """The conversations that changed since a sync token, all without one, newest activity first.

        The token covers what was stamped up to a while before this call, so a conversation that is being written to right
        now is named again next time; naming one twice is harmless, missing one is not.
        """
        began = self._clock()
        since = SyncToken.parse(token) if token else None
        start = since.minute if since and since.cursor else next_token_minute(began)
        rows, versions = self._rows.with_versions(user)
        entries = self._active(user, rows)
        if since and since.cursor is None:
            entries = [entry for entry in entries if entry[0] >= since.minute]
        if since and since.cursor:
            entries = [entry for entry in entries if entry[:2] < since.cursor]
        entries.sort(key=lambda entry: entry[:2], reverse=True)
        size = max(1, min(limit, MAX_PAGE))
        page, rest = entries[:size], entries[size:]
        states = run_all([partial(self._state, user, conversation, row) for _, _, conversation, row in page])
        after = SyncToken(start, page[-1][:2]) if rest else SyncToken(start)
        known = tuple(state for state in states if state.head or state.last is not None)
        return Changes(began, after.dump(), bool(rest), known, _with_membership(versions, rows, began))

    def _active(self, user: str, rows: Sequence[Row]) -> list[tuple[int, str, Conversation, Row]]:
        """Every conversation of a user with its activity minute and key."""
        cursors = {row.conversation: row for row in rows}
        groups = [row for row in rows if row.conversation.type == ConversationType.GROUP and row.firsts is not None]
        infos = self._groups.get_infos(row.conversation.target for row in groups if row.lasts is None)
        entries = [
            (row.activity, row.conversation.key(user), row.conversation, row)
            for row in rows
            if not row.conversation.has_members and row.activity
        ]
        listened, channels = self._listened(rows)
        for row in [*groups, *listened]:
            target = row.conversation.target
            info = infos.get(target) if row.conversation.in_group else channels.get(target)
            lines = row.lasts if row.lasts is not None else info.lines if info else (0,)
            activity = max(row.activity, info.activity if info else 0)
            for line in lines:
                conversation = replace(row.conversation, line=line)
                own = cursors.get(conversation, Row(conversation))
                merged = replace(own, firsts=row.firsts, lasts=row.lasts)
                entries.append((max(activity, own.activity), conversation.key(user), conversation, merged))
        return entries

    def _listened(self, rows: Sequence[Row]) -> tuple[list[Row], dict[str, Channel]]:
        """The rows of channels that a user listens to or did, those that go to everybody among them, and the channels."""
        known = {
            row.conversation.target: row
            for row in rows
            if row.conversation.type == ConversationType.CHANNEL
            and row.conversation.has_members
            and row.conversation.line == 0
        }
        shared = set(self._global_channels())
        wanted = shared.union(name for name, row in known.items() if row.firsts is not None and row.lasts is None)
        channels = self._channels.get_many(sorted(wanted)) if wanted else {}
        alive = {name: channel for name, channel in channels.items() if not channel.deleted}
        for name in shared.intersection(alive):
            row = known.get(name, Row(Conversation(ConversationType.CHANNEL, name)))
            known[name] = replace(row, firsts=row.firsts or {}, lasts=None)
        listened = [
            row for name, row in known.items() if row.firsts is not None and (name in alive or row.lasts is not None)
        ]
        return listened, alive

    def _state(self, user: str, conversation: Conversation, row: Row) -> ConversationState:
        head = last = row.last(conversation.line) if row.lasts is not None else None
        if head is None:
            newest = self._messages.newest(conversation.key(user))
            head = newest.seq if newest else 0
        first = max(row.first(conversation.line), row.cleared + 1)
        return ConversationState(
            conversation, head, row.read, first, last, row.cleared, row.removed, row.silent, row.top
        )


def _with_membership(versions: Versions, rows: Sequence[Row], now_ms: int) -> Versions:
    """The versions of the user's groups and channels, too."""
    groups = _membership_version(rows, ConversationType.GROUP, now_ms)
    return replace(versions, groups=groups, channels=_membership_version(rows, ConversationType.CHANNEL, now_ms))


def _membership_version(rows: Sequence[Row], kind: ConversationType, now_ms: int) -> int:
    """When the user last came into a group or channel, or out of one, ms: the end of that minute, or now while it lasts."""
    minutes = [row.activity for row in rows if row.conversation.type == kind and row.firsts is not None]
    return min(now_ms, (max(minutes) + 1) * MINUTE_MS - 1) if minutes else 0
