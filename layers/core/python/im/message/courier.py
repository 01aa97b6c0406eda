"""Bringing an appended message to its readers: who they are by now, and what each of them gets."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from im import keys
from im.channel.model import Channel, State
from im.channel.store import ChannelStore
from im.delivery.model import Moment, Presence, Spread
from im.delivery.service import ANYBODY, Delivery, FrameFor
from im.delivery.store import SHARDS
from im.group.model import GroupInfo
from im.group.store import GroupStore, info_from_item
from im.message.context import Context
from im.message.model import Conversation, ConversationType, Message, Origin, Sender, conversation_of
from im.message.store import RowStore
from im.platform.clock import Clock
from im.push.alert import AlertFor, alert_of
from im.settings import Switches
from im.wire import frames

_FRESH_PRESENCE_MS = 20
_CLOCKS_DIFFER_MS = 10_000


class Courier:
    """Delivers messages.

    Args:
        rows: the users' conversation rows.
        groups: groups and members.
        channels: channels and their subscribers.
        delivery: brings frames to users.
        switches: the deployment's behaviour.
        clock: the time.
    """

    def __init__(
        self,
        rows: RowStore,
        groups: GroupStore,
        channels: ChannelStore,
        delivery: Delivery,
        switches: Switches,
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._groups = groups
        self._channels = channels
        self._delivery = delivery
        self._switches = switches
        self._clock = clock

    def deliver(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        context: Context,
        *,
        also_to: Sequence[str] = (),
        repeated: bool = False,
    ) -> None:
        """Post a message to everybody who may read it, and have devices without a socket notified.

        Args:
            message: as it was appended, or a transparent one.
            conversation: from its author's side.
            sender: whose connection gets no push.
            context: what was read before the append.
            also_to: readers outside the group's roster.
            repeated: whether it was appended by an earlier attempt.
        """
        frame_for = _PushFrames(message)
        alert_for = partial(alert_of, message, conversation, sender.client)
        if conversation.type == ConversationType.GROUP:
            self._deliver_to_group(
                message, conversation, sender, context.info, frame_for, alert_for, also_to, repeated=repeated
            )
            return
        users: Collection[str] = context.presences
        if conversation.type == ConversationType.CHANNEL:
            if not conversation.subscriber:
                self._deliver_to_listeners(message, conversation, sender, context.channel, frame_for, alert_for)
                return
            users = self.parties(conversation, context.channel, sender)
        self._deliver_to_few(message, users, sender, context, frame_for, alert_for)

    def _deliver_to_few(
        self,
        message: Message,
        users: Collection[str],
        sender: Sender,
        context: Context,
        frame_for: FrameFor,
        alert_for: AlertFor,
    ) -> None:
        audience = [user for user in users if message.visible_to(user)]
        presences = {user: context.presences.get(user, Presence(user)) for user in audience}
        # Presence was read before the append. A device whose hello came in between could miss the push, so whoever seemed
        # offline is looked up again, and all are when the append took long enough for a handshake and a hello.
        late = self._clock() - context.read_at > _FRESH_PRESENCE_MS
        doubtful = [user for user in audience if late or not any(device.online for device in presences[user].devices)]
        if doubtful:
            presences.update(self._delivery.presence.load(doubtful)[0])
        self._delivery.push_to(presences, frame_for, skip=sender.connection, alert_for=alert_for)

    def parties(self, conversation: Conversation, channel: Channel | None, sender: Sender) -> list[str]:
        """Who leads a channel's dialog: its user, and the owner unless a service hears and speaks in his place."""
        parties = [conversation.subscriber]
        if channel is None or _speaks_for_owner(sender, channel):
            return parties
        if sender.user == channel.owner or not channel.served or self._switches.channel_callback_and_inbox:
            parties.append(channel.owner)
        return parties

    def _deliver_to_listeners(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        channel: Channel | None,
        frame_for: FrameFor,
        alert_for: AlertFor,
    ) -> None:
        """Deliver what a channel says to all: its owner here, its subscribers through the queue.

        Workers list the subscribers after the append, strongly consistently, so whoever ended his subscription before the
        message was sent is not among them. The owner does not get what his service sends (client-semantics spec 3.3).
        Of readers who are not listed one by one, who is offline is not even read, unless the deployment notifies them.
        """
        if channel is None:
            return
        to_owner = not _speaks_for_owner(sender, channel)
        if message.to or message.sender != channel.owner:
            listed = message.to if channel.open_to_all else sorted(self._channels.among(channel.id, message.to))
            audience = dict.fromkeys([*listed, *([channel.owner] if to_owner else ())])
            self._delivery.push(list(audience), frame_for, skip=sender.connection, alert_for=alert_for)
            return
        frame = frame_for(ANYBODY)
        shards = range(SHARDS) if channel.has(State.GLOBAL) else (-1,)
        for shard in shards:
            told = alert_for if self._switches.notify_broadcasts else None
            self._delivery.spread(Spread(channel.id, shard=shard), frame, skip=sender.connection, alert_for=told)
        if to_owner:
            self._delivery.push([channel.owner], frame_for, skip=sender.connection, alert_for=alert_for)

    def _deliver_to_group(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        info: GroupInfo | None,
        frame_for: FrameFor,
        alert_for: AlertFor,
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
            self._deliver_through_queue(message, conversation, sender, frame_for, alert_for, also_to, certain)
            return
        now, known = self._where(group, info, roster.ids)
        if now is None:
            return
        audience = _audience(message, self._groups.roster(group, now.roster_version).ids, also_to)
        audience = self._entitled(message, conversation, audience, certain)
        if _tells_too_much(message, now):
            frame_for = _PushFrames(replace(message, subject=None))
        missing = [user for user in audience if user not in known]
        presences = {**known, **(self._delivery.presence.load(missing)[0] if missing else {})}
        reached = {user: presences[user] for user in audience}
        reach = self._delivery.push_to(reached, frame_for, skip=sender.connection, alert_for=alert_for)
        for user, connection in reach.gone:
            self._delivery.audiences.forget(group, user, connection)

    def _deliver_through_queue(
        self,
        message: Message,
        conversation: Conversation,
        sender: Sender,
        frame_for: FrameFor,
        alert_for: AlertFor,
        also_to: Sequence[str],
        certain: Collection[str],
    ) -> None:
        """Deliver a message whose audience is large."""
        group = conversation.target
        now = self._groups.get_info(group, consistent=True)
        if now is None:
            return
        moment = Moment(group, (now.roster_version, now.arrivals), self._clock())
        members = self._groups.roster(group, now.roster_version).ids
        audience = _audience(message, members, also_to)
        if _tells_too_much(message, now):
            frame_for = _PushFrames(replace(message, subject=None))
        if message.seq and len(audience) > self._switches.sync_push_above:
            frame_for = _SyncFrame(message)
        else:
            audience = self._entitled(message, conversation, audience, certain)
        counted = set(members)
        of_group = [user for user in audience if user in counted]
        self._delivery.push(of_group, frame_for, skip=sender.connection, moment=moment, alert_for=alert_for)
        # The arrivals of others (a sender of the server API, a removed member) are not counted by this group.
        others = [user for user in audience if user not in counted]
        self._delivery.push(others, frame_for, skip=sender.connection, alert_for=alert_for)

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


def _speaks_for_owner(sender: Sender, channel: Channel) -> bool:
    """Whether a service speaks in the owner's place, who gets no copy of what it says (client-semantics spec 3.3)."""
    return sender.origin is Origin.CHANNEL and channel.automatic != 0


def _audience(message: Message, roster: Sequence[str], also_to: Sequence[str]) -> list[str]:
    """Who gets a group message: the roster and the author, or of them the listed readers."""
    everybody = dict.fromkeys([*roster, message.sender, *also_to])
    return [user for user in everybody if message.visible_to(user)]


def _tells_too_much(message: Message, info: GroupInfo) -> bool:
    """Whether an edit's event holds a content that not every member may see: one from before a change of the roster.

    They get the event without it, and whoever has the message pulls the event, which is checked for each reader.
    """
    return message.subject is not None and message.subject.time <= info.member_update_dt + _CLOCKS_DIFFER_MS
