"""Sending, reading and taking back messages.

What a send does, in order, and what a crash after each step leaves (docs/delivery.md has the whole argument):

1. One batch read of everything that the rules need. Nothing written.
2. The activity stamp, at most once a minute and conversation, on everything that a ``hello`` looks at. A stamp without
   a message makes a ``hello`` look once in vain.
3. The append: one conditional put. From here on the message exists, and every resend finds it.
4. The delivery. A resend does it again; devices know each seq that they have.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from im import keys
from im.delivery.model import Presence
from im.delivery.service import Delivery, FrameFor
from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember, check_may_speak, may_withdraw
from im.group.store import GroupStore, info_from_item, member_from_item
from im.message.log import CLIENT_WALK, Appended, Head, Log, Walk
from im.message.model import (
    HISTORY_LIMIT,
    MAX_SEQ,
    MAX_WALK,
    PULL_LIMIT,
    PULL_RANGES,
    ContentType,
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    Row,
    Sender,
    Sent,
    check_cid,
    check_client_line,
    check_client_type,
    check_conversation,
    check_id,
    check_payload,
    check_recipients,
    check_sender_status,
    conversation_of,
    event_payload,
    is_made_by_server,
    notice_payload,
    original_json,
    payload_from_json,
    payload_to_json,
    with_text,
)
from im.message.store import MessageStore, RowStore, Withdrawal
from im.moderation.service import Filter
from im.platform.clock import MINUTE_MS, Clock
from im.platform.dynamo import Item, Key
from im.platform.metrics import Count, ignore
from im.platform.parallel import run_all
from im.platform.uids import Uids
from im.settings import Switches
from im.wire import frames

_HISTORY_EXAMINED = 500
_PAGE_BYTES = 100_000
_FRESH_PRESENCE_MS = 20
_FRESH_MESSAGE_MS = 10_000
_REFUSED_WALK = 20
_REMEMBERED_HEADS = 4_096
_EVENT_WALK = Walk(slots=1_000_000, payload_bytes=10**9)
_SWALLOW = 1
_MASK = 2


class _Context(Struct, frozen=True):
    """What one batch read says of a send: all eventually consistent, all in one round trip."""

    read_at: int
    presences: Mapping[str, Presence]
    base: Message | None
    own_row: Row | None
    peer_row: Row | None
    blocked: bool
    info: GroupInfo | None
    member: GroupMember | None


class Page(Struct, frozen=True):
    """A part of a conversation, as one reader may see it.

    Attributes:
        messages: what he may see of it.
        through: everything visible up to this seq is in ``messages`` or was skipped on purpose.
        head: the last seq that he may see at present.
    """

    messages: tuple[Message, ...]
    through: int
    head: int


class Range(Struct, frozen=True):
    """A request for the messages of one conversation after a seq."""

    conversation: Conversation
    after: int
    limit: int


class MessageService:
    """The use cases of messages.

    Args:
        messages: the logs.
        rows: the users' conversation rows.
        groups: groups and members.
        delivery: brings frames to users.
        log: appends.
        uids: uids of messages that are never stored.
        words: the sensitive words.
        switches: the deployment's behaviour.
        clock: the time.
        count: takes metrics.
        new_cid: makes the message ids of API calls, which bring none.
    """

    def __init__(
        self,
        messages: MessageStore,
        rows: RowStore,
        groups: GroupStore,
        delivery: Delivery,
        log: Log,
        uids: Uids,
        words: Filter,
        switches: Switches,
        clock: Clock,
        *,
        count: Count = ignore,
        new_cid: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._messages = messages
        self._rows = rows
        self._groups = groups
        self._delivery = delivery
        self._log = log
        self._uids = uids
        self._words = words
        self._switches = switches
        self._clock = clock
        self._count = count
        self._new_cid = new_cid
        self._heads: dict[str, Head] = {}

    # --- sending

    def send(
        self,
        sender: Sender,
        conversation: Conversation,
        payload: Payload,
        *,
        to: Sequence[str] = (),
        cid: str | None = None,
        base: int | None = None,
    ) -> Sent:
        """Accept a message (client-semantics spec 3.5; server-api spec 2.2 for admin calls).

        Args:
            sender: who sends, on whose authority.
            conversation: from the sender's side.
            payload: the content.
            to: the only readers besides the sender, or empty.
            cid: the client's id of this message; API calls bring none.
            base: the last seq that the client knew when it first transmitted this cid; API calls bring none.

        Raises:
            ImError: a rule refuses it; nothing was written.
            BusyError: try again with the same cid and base.
        """
        check_id(sender.user, "sender")
        check_conversation(conversation)
        text = check_payload(payload, self._switches.max_message_bytes)
        readers = check_recipients(to)
        check_client_type(sender, payload.type, self._switches)
        message_id = check_cid(cid) if cid is not None else self._new_cid()
        log = conversation.key(sender.user)

        known = self._messages.newest(log) if base is None and not payload.transparent else None
        base_seq = (known.seq if known else 0) if base is None else base
        context = self._load(sender.user, conversation, log, 0 if known or payload.transparent else base_seq)
        draft = Message(log, 0, 0, message_id, sender.user, 0, text, to=readers)
        try:
            allowed = self._allowed(sender, conversation, payload, context)
        except ImError as refusal:
            earlier = None if refusal.retry else self._earlier(draft, base)
            if earlier is None:
                raise
            return earlier
        if allowed is None:
            return self._earlier(draft, base) or self._pretend()
        if allowed is not payload:
            draft = replace(draft, payload=payload_to_json(allowed))
        if payload.transparent:
            draft = replace(draft, uid=self._uids.next(), time=self._clock())
            self._deliver(draft, conversation, sender, context)
            return Sent(0, draft.uid, draft.time)
        head = Head(known.seq, known.uid) if known else self._base(log, base_seq, context)
        sent = self._publish(draft, conversation, sender, context, head, from_server=sender.client is None)
        return Sent(sent.seq, sent.uid, sent.time)

    def _allowed(
        self, sender: Sender, conversation: Conversation, payload: Payload, context: _Context
    ) -> Payload | None:
        """The content as it may be sent; None: swallow it.

        Raises:
            ImError: a rule refuses it.
        """
        if not self._admit(sender, conversation, payload, context):
            return None
        if sender.is_admin or not payload.searchableContent:
            return payload
        verdict = self._words.check(payload.searchableContent)
        if not verdict.matched:
            return payload
        if self._switches.sensitive_filter_type == 0:
            raise ImError(Code.SENSITIVE_MATCHED)
        if self._switches.sensitive_filter_type == _SWALLOW:
            return None
        return with_text(payload, verdict.masked) if self._switches.sensitive_filter_type == _MASK else payload

    def _earlier(self, draft: Message, base: int | None) -> Sent | None:
        """What an earlier attempt got, before the rule came that would refuse it now: a resend finds it (promise 5).

        A client may resend what it pleases, so this looks only so far behind its base. Calls of APIs, without a base, are
        never resends.
        """
        if base is None:
            return None
        for slot in self._messages.after(draft.log, base, _REFUSED_WALK, consistent=True):
            if (slot.sender, slot.cid) == (draft.sender, draft.cid):
                return Sent(slot.seq, slot.uid, slot.time)
        return None

    def _publish(
        self,
        draft: Message,
        conversation: Conversation,
        sender: Sender,
        context: _Context,
        base: Head,
        *,
        from_server: bool = False,
        walk: Walk = CLIENT_WALK,
        also_to: Sequence[str] = (),
    ) -> Message:
        self._stamp(conversation, sender.user, context)
        hint = self._heads.get(draft.log)
        appended = self._log.append(
            draft,
            base,
            behind=hint is not None and hint.seq > base.seq + 1,
            indexed=from_server,
            walk=walk,
        )
        self._remember(appended)
        self._deliver(appended.message, conversation, sender, context, also_to=also_to, repeated=not appended.fresh)
        return appended.message

    def _load(
        self, user: str, conversation: Conversation, log: str, base: int, *, consistent: bool = False
    ) -> _Context:
        """Everything that the rules of a send need, in one batch read.

        ``base`` 0 asks for no slot; ``consistent`` is for callers who have just written the group's info themselves.
        """
        hint = self._heads.get(log)
        base_key = self._messages.key(log, base) if base and (hint is None or hint.seq < base) else None
        own = peer = plain = info_key = member_key = None
        users = [user]
        if conversation.type == ConversationType.SINGLE:
            own = self._rows.key(user, conversation)
            peer = self._rows.key(conversation.target, conversation.seen_by(conversation.target, user))
            plain = self._rows.key(conversation.target, Conversation(0, user))
            users.append(conversation.target)
        else:
            info_key = self._groups.info_key(conversation.target, consistent=consistent)
            member_key = self._groups.member_key(conversation.target, user)
        wanted = [key for key in (base_key, own, peer, plain, info_key, member_key) if key is not None]
        presences, items = self._delivery.presence.load(users, wanted)

        def item(key: Key | None) -> Item | None:
            return items.get(key) if key else None

        found_base, found_own, found_peer = item(base_key), item(own), item(peer)
        found_plain, found_info, found_member = item(plain), item(info_key), item(member_key)
        return _Context(
            read_at=self._clock(),
            presences=presences,
            base=self._messages.decode(found_base) if found_base else None,
            own_row=self._rows.decode(found_own) if found_own else None,
            peer_row=self._rows.decode(found_peer) if found_peer else None,
            blocked=bool(found_plain and self._rows.decode(found_plain).blocked),
            info=info_from_item(found_info) if found_info else None,
            member=member_from_item(found_member) if found_member else None,
        )

    def _admit(self, sender: Sender, conversation: Conversation, payload: Payload, context: _Context) -> bool:
        """The rules of a send (client-semantics spec 3.5). False: swallow it and tell the sender that all is well."""
        if conversation.type == ConversationType.GROUP and context.info is None:
            raise ImError(Code.NOT_EXIST, "no such group")
        if sender.is_admin:
            return True
        check_client_line(conversation, context.info.lines if context.info else ())
        own = context.presences[sender.user]
        if sender.client is not None and own.device(sender.client) is None:
            own = self._delivery.presence.load_one(sender.user)
            if own.device(sender.client) is None:
                raise ImError(Code.KICKED_OFF)
        check_sender_status(own.status, payload.type, self._switches)
        if conversation.type == ConversationType.GROUP:
            exceptions = self._switches.group_mute_exception_types
            check_may_speak(context.info, context.member, payload.type, exceptions)
            return True
        if context.blocked and payload.type not in self._switches.blacklist_exception_types:
            if self._switches.blacklist_strategy == _SWALLOW:
                return False
            raise ImError(Code.IN_BLACK_LIST)
        if context.presences[conversation.target].status == 2:
            raise ImError(Code.USER_FORBIDDEN)
        return True

    def _pretend(self) -> Sent:
        return Sent(0, self._uids.next(), self._clock())

    def _base(self, log: str, seq: int, context: _Context) -> Head:
        """The client's base as a slot that is known to exist, so that no append can leave a hole."""
        hint = self._heads.get(log)
        if seq == 0:
            return Head()
        if hint and hint.seq >= seq:
            return hint if hint.seq == seq else Head(seq)
        found = context.base or self._messages.get(log, seq)
        if found is None:
            raise InvalidError(f"base {seq} does not exist in this conversation")
        return Head(seq, found.uid)

    def _remember(self, appended: Appended) -> None:
        message = appended.message
        known = self._heads.pop(message.log, Head())
        self._heads[message.log] = max(known, Head(message.seq, message.uid), key=lambda head: head.seq)
        if len(self._heads) > _REMEMBERED_HEADS:
            del self._heads[next(iter(self._heads))]

    def _stamp(self, conversation: Conversation, user: str, context: _Context) -> None:
        """Note the minute on everything that a ``hello`` of either side looks at, before the append.

        Each side's row is judged by itself: one being up to date says nothing about the other.
        """
        minute = self._clock() // MINUTE_MS
        if conversation.type == ConversationType.GROUP:
            info = context.info
            if info and (info.activity < minute or conversation.line not in info.lines):
                self._groups.stamp(conversation.target, minute, conversation.line)
            return
        sides = {
            user: (conversation, context.own_row),
            conversation.target: (conversation.seen_by(conversation.target, user), context.peer_row),
        }
        run_all(
            [
                partial(self._rows.stamp, side, named, minute)
                for side, (named, row) in sides.items()
                if row is None or row.activity < minute
            ]
        )

    # --- delivering

    def _deliver(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        context: _Context,
        *,
        also_to: Sequence[str] = (),
        repeated: bool = False,
    ) -> None:
        frame_for = _PushFrames(message)
        if conversation.type == ConversationType.GROUP:
            self._deliver_to_group(message, conversation, sender, context.info, frame_for, also_to, repeated=repeated)
            return
        audience = [user for user in context.presences if message.visible_to(user)]
        presences = {user: context.presences[user] for user in audience}
        # Presence was read before the append. A device whose hello came in between could miss the push, so whoever seemed
        # offline is looked up again, and all are when the append took long enough for a handshake and a hello.
        late = self._clock() - context.read_at > _FRESH_PRESENCE_MS
        doubtful = [user for user in audience if late or not any(device.online for device in presences[user].devices)]
        if doubtful:
            presences.update(self._delivery.presence.load(doubtful)[0])
        self._delivery.push_to(presences, frame_for, skip=sender.connection)

    def _deliver_to_group(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        info: GroupInfo | None,
        frame_for: FrameFor,
        also_to: Sequence[str],
        *,
        repeated: bool,
    ) -> None:
        """Deliver to the roster as it is *after* the append.

        Whoever removes a member changes the roster's version before the notice of removal is appended. A message that
        comes after that notice therefore finds the new version here, and the removed member is not served (promise 8).
        Who has come since the message was appended, for the first time or again, may not be meant by it.
        """
        if info is None:
            return
        group = conversation.target
        roster = self._groups.roster(group, info.roster_version)
        certain = {message.sender, *also_to}
        if not repeated and roster.version == info.roster_version:
            certain.update(roster.ids)
        if not self._delivery.is_inline(len(_audience(message, roster.ids, also_to))):
            now = self._groups.get_info(group, consistent=True)
            if now:
                audience = _audience(message, self._groups.roster(group, now.roster_version).ids, also_to)
                if message.seq and len(audience) > self._switches.sync_push_above:
                    frame_for = _SyncFrame(message)
                else:
                    audience = self._entitled(message, conversation, audience, certain)
                self._delivery.push(audience, frame_for, skip=sender.connection)
            return
        now, known = self._where(group, info, roster.ids)
        if now is None:
            return
        audience = _audience(message, self._groups.roster(group, now.roster_version).ids, also_to)
        audience = self._entitled(message, conversation, audience, certain)
        missing = [user for user in audience if user not in known]
        presences = {**known, **(self._delivery.presence.load(missing)[0] if missing else {})}
        reach = self._delivery.push_to({user: presences[user] for user in audience}, frame_for, skip=sender.connection)
        for user, connection in reach.gone:
            self._delivery.audiences.forget(group, user, connection)

    def _entitled(
        self, message: Message, conversation: Conversation, audience: list[str], certain: Collection[str]
    ) -> list[str]:
        """The audience without those whose rows begin behind the message.

        Args:
            message: one of the log, or one that is never stored and therefore meant for whoever is there.
            conversation: whose log it is.
            audience: members as they are now.
            certain: those who were members before the append.
        """
        doubtful = [user for user in audience if user not in certain] if message.seq else []
        if not doubtful:
            return audience
        of_group = replace(conversation, line=0)
        row_keys = {user: replace(self._rows.key(user, of_group), consistent=True) for user in doubtful}
        _, items = self._delivery.presence.load((), list(row_keys.values()))
        barred = {
            user
            for user, key in row_keys.items()
            if key not in items or self._rows.decode(items[key]).first(conversation.line) > message.seq
        }
        return [user for user in audience if user not in barred]

    def _where(
        self, group: str, info: GroupInfo, roster: Sequence[str]
    ) -> tuple[GroupInfo | None, Mapping[str, Presence]]:
        """The group's info as it is after the append, and where its members are (``im.delivery.audience``).

        What is remembered is used only if the info read now confirms its version; else presence is read again.
        """
        audiences, version = self._delivery.audiences, (info.roster_version, info.arrivals)
        known = audiences.find(group, version, self._clock())
        if known is not None:
            now = self._groups.get_info(group, consistent=True)
            if now is None or (now.roster_version, now.arrivals) == version:
                return now, known
            info, roster = now, self._groups.roster(group, now.roster_version).ids
            version = (now.roster_version, now.arrivals)
        read_at = self._clock()
        info_key = self._groups.info_key(group, consistent=True)
        presences, items = self._delivery.presence.load(roster, [info_key], consistent=True)
        if info_key not in items:
            return None, {}
        audiences.keep(group, version, presences, read_at)
        return info_from_item(items[info_key]), presences

    # --- notices of the server

    def post_notice(
        self,
        group: str,
        operator: str,
        content_type: int,
        data: Mapping[str, object],
        *,
        lines: Sequence[int] = (0,),
        custom: Payload | None = None,
        to: Sequence[str] = (),
        recipients_extra: Sequence[str] = (),
    ) -> dict[int, int]:
        """Append a group notice to the group's log and deliver it (client-semantics spec 4.4).

        Args:
            group: the group id.
            operator: who did what the notice tells.
            content_type: 104 to 125.
            data: the notice's JSON; members that are None are left out.
            lines: the conversation lines on which it appears.
            custom: a content that takes the place of the built-in one.
            to: the only readers, or empty.
            recipients_extra: users outside the roster who get it as well: those who were just removed.

        Returns:
            The notice's seq on each line.
        """
        payload = custom if custom and custom.type > 0 else notice_payload(content_type, dict(data))
        text = check_payload(payload, self._switches.max_message_bytes)
        sender = Sender(operator, origin=Origin.ADMIN)
        seqs: dict[int, int] = {}
        for line in lines or (0,):
            conversation = Conversation(ConversationType.GROUP, group, line)
            log = conversation.key(operator)
            draft = Message(log, 0, 0, self._new_cid(), operator, 0, text, to=tuple(to))
            known = self._messages.newest(log)
            head = Head(known.seq, known.uid) if known else Head()
            context = self._load(operator, conversation, log, 0, consistent=True)
            message = self._publish(
                draft, conversation, sender, context, head, from_server=True, also_to=recipients_extra
            )
            seqs[line] = message.seq
        return seqs

    # --- reading

    def pull(self, user: str, ranges: Sequence[Range]) -> list[Page]:
        """The messages of several conversations after given seqs, ascending, as many as one answer can hold.

        Raises:
            ImError: 9, the user was never in one of the groups.
        """
        if not 1 <= len(ranges) <= PULL_RANGES:
            raise InvalidError(f"ranges must have 1 to {PULL_RANGES} entries")
        began = self._clock()
        bounds = run_all([partial(self._bounds, user, wanted.conversation) for wanted in ranges])
        budget = _PAGE_BYTES
        pages = []
        for wanted, (first, last) in zip(ranges, bounds, strict=True):
            page, used = self._page(user, wanted, first, last, budget)
            budget -= used
            pages.append(page)
        return run_all(
            [
                partial(self._still_his, user, wanted.conversation, page, last, began)
                for wanted, page, (_, last) in zip(ranges, pages, bounds, strict=True)
            ]
        )

    def _still_his(self, user: str, conversation: Conversation, page: Page, last: int, began: int) -> Page:
        """The page without what came after a removal that took place between reading the bounds and the log.

        An append lands within its function's timeout after its message's time, so older pages need no second look.
        """
        if last < MAX_SEQ or conversation.type != ConversationType.GROUP:
            return page
        if not page.messages or max(message.time for message in page.messages) < began - _FRESH_MESSAGE_MS:
            return page
        _, last = self._bounds(user, conversation)
        kept = tuple(message for message in page.messages if message.seq <= last)
        return Page(kept, min(page.through, last), min(page.head, last))

    def _page(self, user: str, wanted: Range, first: int, last: int, budget: int) -> tuple[Page, int]:
        log = wanted.conversation.key(user)
        after = max(wanted.after, first - 1)
        limit = max(1, min(wanted.limit, PULL_LIMIT))
        kept: list[Message] = []
        through, used, examined, now = after, 0, 0, self._clock()
        complete = True
        for message in self._messages.after(log, after, limit, consistent=True):
            size = message.wire_bytes
            if message.seq > last:
                break
            if used + size > budget and (kept or budget < _PAGE_BYTES):
                complete = False
                break
            examined += 1
            through = message.seq
            if message.visible_to(user) and not message.expired(now):
                kept.append(message)
                used += size
        if complete and examined < limit:
            return Page(tuple(kept), through, through), used
        newest = self._messages.newest(log)
        return Page(tuple(kept), through, min(newest.seq if newest else through, last)), used

    def history(
        self, user: str, conversation: Conversation, before: int | None, limit: int, types: Sequence[int] = ()
    ) -> tuple[list[Message], int | None]:
        """Older messages, newest first, and the ``before`` of the next page, None at the end (client-semantics spec 3.7).

        A page may be short, even empty, while there is more: what the user may not see is skipped.
        """
        if not self._switches.remote_history:
            return [], None
        began = self._clock()
        first, last = self._bounds(user, conversation)
        start = min(MAX_SEQ if before is None else before, last + 1)
        found, rest = self._history(user, conversation, first, start, limit, types)
        page = self._still_his(user, conversation, Page(tuple(found), 0, 0), last, began)
        return list(page.messages), rest

    def _history(
        self, user: str, conversation: Conversation, first: int, start: int, limit: int, types: Sequence[int]
    ) -> tuple[list[Message], int | None]:
        limit = max(1, min(limit, HISTORY_LIMIT))
        wanted = set(types)
        kept: list[Message] = []
        seq, used, now = start, 0, self._clock()
        for message in self._messages.before(conversation.key(user), start, _HISTORY_EXAMINED):
            if message.seq < first:
                return kept, None
            size = message.wire_bytes
            if len(kept) == limit or used + size > _PAGE_BYTES:
                return kept, seq
            seq = message.seq
            if not message.visible_to(user) or message.expired(now):
                continue
            if wanted and payload_from_json(message.payload).type not in wanted:
                continue
            kept.append(message)
            used += size
        return kept, seq if start - seq >= _HISTORY_EXAMINED and seq > first else None

    def read(self, user: str, conversation: Conversation, seq: int, *, skip: str | None = None) -> int:
        """Raise the user's read cursor, never beyond the head, and tell his other devices. Returns where it stands."""
        _, last = self._bounds(user, conversation)
        newest = self._messages.newest(conversation.key(user))
        wanted = min(seq, newest.seq if newest else 0, last)
        if wanted <= 0:
            row = self._rows.get(user, conversation)
            return row.read if row else 0
        read = self._rows.advance_read(user, conversation, wanted)
        if read == wanted:
            body = {"conversation": frames.ConversationOut.of(conversation), "read": read}
            frame = frames.push("cursor", body)
            self._delivery.push([user], lambda _: frame, skip=skip)
        return read

    def _bounds(self, user: str, conversation: Conversation) -> tuple[int, int]:
        """The first and last seq of a conversation that a user may see.

        Raises:
            ImError: 9, he was never in the group.
        """
        check_conversation(conversation)
        if conversation.type == ConversationType.SINGLE:
            return 1, MAX_SEQ
        row = self._rows.get(user, replace(conversation, line=0))
        if row is None or row.firsts is None:
            raise ImError(Code.NOT_IN_GROUP)
        return row.first(conversation.line), row.last(conversation.line)

    # --- taking back

    def recall(self, sender: Sender, conversation: Conversation, seq: int) -> tuple[Sent, str]:
        """Take a message back (client-semantics spec 3.9). Returns the event, and the original's JSON for its author.

        Three writes, each idempotent: mark the message (it is hidden from now on, and the head of this moment is noted),
        append the event after that head, blank the content. A repeat after a crash carries on where it stopped.

        Raises:
            ImError: 253 no such message, 24 too late, 248 no right.
        """
        return self._recall(sender, self._find_for(sender, conversation, seq))

    def _recall(self, sender: Sender, message: Message) -> tuple[Sent, str]:
        if message.deleted or message.ref:
            raise ImError(Code.NOT_EXIST)
        if message.recall is None:
            self._check_withdrawal(sender, message, self._switches.recall_time_limit_s)
        original = "" if message.recall else original_json(message)
        base = self._newest_seq(message.log)
        mark = self._messages.mark_recalled(message.log, message.seq, sender.user, self._clock(), base)
        return self._withdraw(ContentType.RECALL, sender, mark, original), original

    def delete(self, sender: Sender, conversation: Conversation, seq: int, *, everybody: bool) -> Sent:
        """Delete a message: for everybody, with the rights of a recall but no time limit, or only from one's own view.

        Raises:
            ImError: 253 no such message, 248 no right.
        """
        message = self._find_for(sender, conversation, seq)
        if everybody:
            return self._delete_for_all(sender, message)
        newest = self._messages.newest(message.log) or message
        # Walking from the message itself makes a repeat find the first event. Behind a long log that would be dear, and
        # a second event that hides the same message harms nobody.
        base = Head(seq, message.uid) if newest.seq - seq < MAX_WALK else Head(newest.seq, newest.uid)
        draft = Message(
            log=message.log,
            seq=0,
            uid=0,
            cid=f"~hide:{sender.user}:{seq}",
            sender=sender.user,
            time=0,
            payload=payload_to_json(event_payload(ContentType.DELETE, sender.user, message)),
            to=(sender.user,),
            ref=seq,
        )
        context = self._load(sender.user, conversation, message.log, 0)
        event = self._publish(draft, conversation, sender, context, base)
        return Sent(event.seq, event.uid, event.time)

    def _delete_for_all(self, sender: Sender, message: Message) -> Sent:
        if message.ref:
            raise ImError(Code.NOT_EXIST)
        if not message.deleted:
            self._check_withdrawal(sender, message, None)
        base = self._newest_seq(message.log)
        mark = self._messages.mark_deleted(message.log, message.seq, self._clock(), base)
        return self._withdraw(ContentType.DELETE, sender, mark, "")

    def recall_by_uid(self, operator: str, uid: int, *, admin: bool) -> str:
        """``recall`` for callers that know a message by its uid only. Returns the original's JSON, "" when repeated."""
        message = self.get_by_uid(uid)
        origin = Origin.ADMIN if admin else Origin.ROBOT
        return self._recall(Sender(operator, origin=origin), message)[1]

    def delete_by_uid(self, operator: str, uid: int) -> None:
        """Delete for everybody, by an admin (server-api spec 2.2, delete)."""
        message = self.get_by_uid(uid)
        self._delete_for_all(Sender(operator, origin=Origin.ADMIN), message)

    def get_by_uid(self, uid: int) -> Message:
        """The message with a uid.

        Raises:
            ImError: 253.
        """
        message = self._messages.find(uid)
        if message is None:
            raise ImError(Code.NOT_EXIST)
        return message

    def _find_for(self, sender: Sender, conversation: Conversation, seq: int) -> Message:
        first, last = self._bounds(sender.user, conversation)
        message = self._messages.get(conversation.key(sender.user), seq) if first <= seq <= last else None
        if message is None or message.ref or not message.visible_to(sender.user):
            raise ImError(Code.NOT_EXIST)
        return message

    def _check_withdrawal(self, sender: Sender, message: Message, limit_s: int | None) -> None:
        """Whether the sender may take a message back; ``limit_s`` None means that his own has no time limit."""
        if sender.is_admin:
            return
        if message.recall is None and is_made_by_server(payload_from_json(message.payload).type):
            raise ImError(Code.NOT_RIGHT, "notices of the server stay")
        own = message.sender == sender.user
        if own and (limit_s is None or self._clock() - message.time <= limit_s * 1000):
            return
        conversation = conversation_of(message.log, sender.user)
        if conversation.type == ConversationType.GROUP:
            info = self._groups.get_info(conversation.target)
            operator = self._groups.get_member(conversation.target, sender.user)
            author = self._groups.get_member(conversation.target, message.sender)
            if may_withdraw(info, operator, author, own=own, switches=self._switches):
                return
        raise ImError(Code.RECALL_TIME_EXPIRED if own else Code.NOT_RIGHT)

    def _withdraw(self, kind: ContentType, sender: Sender, mark: Withdrawal, original: str) -> Sent:
        """Append and deliver the event of a marked message, then blank its content.

        The event is the author's, so that a repeat finds it whoever repeats, and so that the original's text in it stays
        his; its content names the operator.
        """
        message = mark.message
        operator = message.recall.by if kind is ContentType.RECALL and message.recall else sender.user
        draft = Message(
            log=message.log,
            seq=0,
            uid=0,
            cid=f"~{kind.name.lower()}:{message.seq}",
            sender=message.sender,
            time=0,
            payload=payload_to_json(event_payload(kind, operator, message, original)),
            to=message.to,
            ref=message.seq,
        )
        named = conversation_of(message.log, message.sender)
        author = replace(sender, user=message.sender)
        context = self._load(author.user, named, message.log, mark.base)
        base = self._base(message.log, mark.base, context)
        event = self._publish(draft, named, author, context, base, from_server=True, walk=_EVENT_WALK)
        self._messages.blank(message.log, message.seq, payload_to_json(event_payload(kind, operator, message)))
        return Sent(event.seq, event.uid, event.time)

    def _newest_seq(self, log: str) -> int:
        newest = self._messages.newest(log)
        return newest.seq if newest else 0


class _PushFrames:
    """The push frame of one message for each reader, encoded once per kind of reader."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._encoded: dict[tuple[bool, str], bytes] = {}

    def __call__(self, reader: str) -> bytes:
        message = self._message
        kind = (reader == message.sender, reader if keys.is_single(message.log) else "")
        if kind not in self._encoded:
            self._encoded[kind] = frames.push("message", frames.message_out(message, reader))
        return self._encoded[kind]


class _SyncFrame:
    """Tells the members of a very large group that there is something new; who looks at it pulls."""

    def __init__(self, message: Message) -> None:
        conversation = frames.ConversationOut.of(conversation_of(message.log, message.sender))
        self._frame = frames.push("sync", {"conversation": conversation, "head": message.seq})

    def __call__(self, reader: str) -> bytes:
        return self._frame


def _audience(message: Message, roster: Sequence[str], also_to: Sequence[str]) -> list[str]:
    """Who gets a group message: the roster and the author, or of them the listed readers."""
    everybody = dict.fromkeys([*roster, message.sender, *also_to])
    return [user for user in everybody if message.visible_to(user)]
