"""The way of every message into its log and to its readers.

What a send does, in order, and what a crash after each step leaves (docs/delivery.md has the whole argument):

1. One batch read of everything that the rules need. Nothing written.
2. The activity stamp, at most once a minute and conversation, on everything that a ``hello`` looks at. A stamp without
   a message makes a ``hello`` look once in vain.
3. The append: one conditional put. From here on the message exists, and every resend finds it.
4. The outlets and the delivery. A resend does both again; devices know each seq that they have.
"""

import uuid
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from im.channel.store import ChannelStore, channel_from_item
from im.delivery.service import Delivery
from im.errors import InvalidError
from im.group.store import GroupStore, info_from_item, member_from_item
from im.message.context import Context
from im.message.courier import Courier
from im.message.log import CLIENT_WALK, Appended, Head, Log, Walk
from im.message.model import Conversation, ConversationType, Message, Sender
from im.message.outlets import Outlet, Outlets
from im.message.store import MessageStore, RowStore
from im.platform.clock import MINUTE_MS, Clock
from im.platform.dynamo import Item, Key
from im.platform.parallel import run_all
from im.settings import Switches

_REMEMBERED_HEADS = 4_096
_REMEMBERED_OWNERS = 1_024


class Publisher:
    """What every use case that writes into a log does: read, stamp, append, deliver.

    Args:
        messages: the logs.
        rows: the users' conversation rows.
        groups: groups and members.
        delivery: brings frames to users.
        log: appends.
        switches: the deployment's behaviour.
        clock: the time.
        channels: channels and their subscribers.
        outlets: who is told of messages outside.
        new_cid: makes the message ids of API calls, which bring none.
    """

    def __init__(
        self,
        messages: MessageStore,
        rows: RowStore,
        groups: GroupStore,
        delivery: Delivery,
        log: Log,
        switches: Switches,
        clock: Clock,
        *,
        channels: ChannelStore,
        outlets: Sequence[Outlet] = (),
        new_cid: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._messages = messages
        self._rows = rows
        self._groups = groups
        self._delivery = delivery
        self._log = log
        self._switches = switches
        self._clock = clock
        self._channels = channels
        self._outlets = Outlets(outlets)
        self._new_cid = new_cid
        self._courier = Courier(rows, groups, channels, delivery, switches, clock)
        self._heads: dict[str, Head] = {}
        self._owners: dict[str, str] = {}

    def _publish(
        self,
        draft: Message,
        conversation: Conversation,
        sender: Sender,
        context: Context,
        base: Head,
        *,
        from_server: bool = False,
        walk: Walk = CLIENT_WALK,
        also_to: Sequence[str] = (),
        subject: Message | None = None,
        about: Message | None = None,
    ) -> Message:
        """Append a message and bring it to all who are to have it.

        ``subject`` is what an event is about, for its readers; ``about`` is the same for the outlets only.
        """
        self._stamp(conversation, sender, context)
        hint = self._heads.get(draft.log)
        appended = self._log.append(
            draft,
            base,
            behind=hint is not None and hint.seq > base.seq + 1,
            indexed=from_server,
            walk=walk,
        )
        self._remember(appended)
        message = replace(appended.message, subject=subject) if subject else appended.message
        self._outlets.tell(replace(message, subject=about or subject), conversation, sender, context)
        self._courier.deliver(message, conversation, sender, context, also_to=also_to, repeated=not appended.fresh)
        return appended.message

    def _load(self, user: str, conversation: Conversation, log: str, base: int, *, consistent: bool = False) -> Context:
        """Everything that the rules of a send need, in one batch read.

        ``base`` 0 asks for no slot; ``consistent`` is for callers who have just written the group's info themselves.
        """
        hint = self._heads.get(log)
        base_key = self._messages.key(log, base) if base and (hint is None or hint.seq < base) else None
        own = peer = plain = info_key = member_key = channel_key = subscriber_key = None
        users = [user]
        if conversation.type == ConversationType.CHANNEL:
            channel, other = conversation.channel, conversation.subscriber
            channel_key = self._channels.info_key(channel)
            subscriber_key = self._channels.subscriber_key(channel, other or user)
            if other:
                own = self._rows.key(user, conversation)
                other = self._owners.get(channel, "") if other == user else other
            if other and other != user:
                peer = self._rows.key(other, conversation)
                users.append(other)
        elif conversation.type == ConversationType.SINGLE:
            own = self._rows.key(user, conversation)
            peer = self._rows.key(conversation.target, conversation.seen_by(conversation.target, user))
            plain = self._rows.key(conversation.target, Conversation(0, user))
            users.append(conversation.target)
        elif conversation.type == ConversationType.GROUP:
            info_key = self._groups.info_key(conversation.target, consistent=consistent)
            member_key = self._groups.member_key(conversation.target, user)
        named = (base_key, own, peer, plain, info_key, member_key, channel_key, subscriber_key)
        presences, items = self._delivery.presence.load(users, [key for key in named if key is not None])

        def item(key: Key | None) -> Item | None:
            return items.get(key) if key else None

        found_base, found_own, found_peer = item(base_key), item(own), item(peer)
        found_plain, found_info, found_member = item(plain), item(info_key), item(member_key)
        found_channel = item(channel_key)
        known = channel_from_item(found_channel) if found_channel else None
        if known and conversation.subscriber == user and users[-1] != known.owner:
            # This environment did not know who owns the channel, or not any more: his row was not read.
            found_peer = None
            self._remember_owner(known.id, known.owner)
        return Context(
            read_at=self._clock(),
            presences=presences,
            base=self._messages.decode(found_base) if found_base else None,
            own_row=self._rows.decode(found_own) if found_own else None,
            peer_row=self._rows.decode(found_peer) if found_peer else None,
            standing=self._rows.decode(found_plain) if found_plain else None,
            info=info_from_item(found_info) if found_info else None,
            member=member_from_item(found_member) if found_member else None,
            channel=known,
            listens=item(subscriber_key) is not None,
        )

    def _remember_owner(self, channel: str, owner: str) -> None:
        self._owners[channel] = owner
        if len(self._owners) > _REMEMBERED_OWNERS:
            del self._owners[next(iter(self._owners))]

    def _base(self, log: str, seq: int, context: Context) -> Head:
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

    def _stamp(self, conversation: Conversation, sender: Sender, context: Context) -> None:
        """Note the minute on everything that a ``hello`` of either side looks at, before the append.

        Each side's row is judged by itself: one being up to date says nothing about the other.
        """
        minute, user = self._clock() // MINUTE_MS, sender.user
        channel = context.channel
        if conversation.type == ConversationType.CHANNEL and not conversation.subscriber:
            if channel and (channel.activity < minute or conversation.line not in channel.lines):
                self._channels.stamp(channel.id, minute, conversation.line)
            return
        if conversation.type == ConversationType.GROUP:
            info = context.info
            if info and (info.activity < minute or conversation.line not in info.lines):
                self._groups.stamp(conversation.target, minute, conversation.line)
            return
        if conversation.type == ConversationType.CHANNEL:
            sides = {
                side: (conversation, context.own_row if side == user else context.peer_row)
                for side in self._courier.parties(conversation, channel, sender)
            }
        else:
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

    def _newest_seq(self, log: str) -> int:
        newest = self._messages.newest(log)
        return newest.seq if newest else 0
