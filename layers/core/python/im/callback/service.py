"""Tells the business back end: which event goes to which address, in which form, in what order (server-api spec 5).

Nothing here talks to the back end. Where no address is configured for an event, nothing happens at all; where one is, a
task is put on a queue, so a slow or dead back end slows nobody. Callbacks about one conversation, user, group or room keep
their order at one destination.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, Struct

from im.callback.back_end import ChannelEvent, GroupEvent, MemberEvent, RelationEvent, RoomEvent, VisitorEvent
from im.callback.model import Event, Task, holds, numbers, order_of, url_of
from im.callback.store import CallbackQueue
from im.delivery.model import Device, Presence
from im.group.model import GroupInfo
from im.message.context import Context
from im.message.model import (
    RESERVED_CID_PREFIX,
    ContentType,
    Conversation,
    Message,
    Sender,
    is_made_by_server,
    payload_from_json,
)
from im.platform.clock import Clock
from im.profile.model import User
from im.settings import Switches
from im.wire.callbacks import (
    ChannelBody,
    GroupBody,
    MemberBody,
    OnlineBody,
    ReadBody,
    RecallBody,
    RelationBody,
    RoomBody,
    VisitorBody,
)
from im.wire.objects import GroupOut, SessionOut, UserOut
from im.wire.outgoing import ClientOut, ConversationOut, OutputMessage, encode

_CAME, _WENT, _LOGGED_OUT = 0, 1, -1


class Callbacks:
    """``BackEnd`` and ``Outlet`` over a queue.

    Args:
        queue: takes the callbacks.
        switches: the addresses and filters.
        clock: the time.
        new_id: names a callback that no message's uid names.
    """

    def __init__(self, queue: CallbackQueue, switches: Switches, clock: Clock, new_id: Callable[[], str]) -> None:
        self._queue = queue
        self._switches = switches
        self._clock = clock
        self._new_id = new_id
        self._types = numbers(switches.forward_types)
        self._exclude = numbers(switches.forward_exclude_types)

    # --- messages

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """See ``Outlet``. Notices and greetings that the server itself writes are not forwarded, nor messages to many.

        The ids of these callbacks follow from the message's uid: the queue drops what a resend tells once more within five
        minutes, and the receiver knows the rest by its id.
        """
        if message.ref:
            self._tell_of_recall(message, conversation, sender)
            return
        payload = payload_from_json(message.payload)
        if message.cid.startswith(RESERVED_CID_PREFIX) or (sender.is_admin and is_made_by_server(payload.type)):
            return
        if sender.is_admin and self._switches.no_forward_admin_message:
            return
        wanted = []
        if not holds(self._exclude, payload.type) and (not self._types or holds(self._types, payload.type)):
            wanted.append(Event.FORWARD)
        if payload.mentionedType:
            wanted.append(Event.MENTION)
        self._forward(wanted, message, conversation, self._client(sender, context))

    def _client(self, sender: Sender, context: Context) -> ClientOut | None:
        presence = context.presences.get(sender.user)
        device = presence.device(sender.client) if presence and sender.client else None
        if device is None or not self._switches.forward_with_client_info:
            return None
        return ClientOut(device.platform, device.client)

    def sensitive(self, message: Message, conversation: Conversation) -> None:
        """See ``BackEnd``."""
        self._forward([Event.SENSITIVE], message, conversation, None)

    def _forward(
        self, events: Sequence[Event], message: Message, conversation: Conversation, client: ClientOut | None
    ) -> None:
        going = [event for event in events if url_of(event, self._switches)]
        if not going:
            return
        body = OutputMessage.of(message, conversation, client)
        self._queue.put([self._task(event, message.log, body, message.uid) for event in going])

    def _tell_of_recall(self, event: Message, conversation: Conversation, sender: Sender) -> None:
        content = payload_from_json(event.payload)
        if content.type != ContentType.RECALL or event.subject is None or not url_of(Event.RECALL, self._switches):
            return
        original = OutputMessage.of(event.subject, conversation)
        body = RecallBody(original, content.content, event.time, sender.is_admin)
        self._queue.put([self._task(Event.RECALL, event.log, body, event.uid)])

    def has_read(self, user: str, conversation: Conversation, time: int) -> None:
        """See ``BackEnd``."""
        named = ConversationOut(conversation.type, conversation.target, conversation.line)
        self._put(Event.READ, user, lambda: ReadBody(user, named, time))

    # --- users

    def changed(self, before: Presence, after: Presence) -> None:
        """See ``BackEnd``. A socket that takes the place of another one on the same device is no news."""
        if not url_of(Event.ONLINE, self._switches):
            return
        now = self._clock()
        sessions = [_session(after.user, device, now) for device in after.devices]
        for device, status in _moves(before, after):
            body = OnlineBody(
                userId=after.user,
                clientId=device.client,
                platform=device.platform,
                status=status,
                timestamp=now,
                customState=after.state,
                customText=after.text,
                sessions=sessions,
            )
            self._queue.put([self._task(Event.ONLINE, after.user, body)])

    def user_changed(self, user: User) -> None:
        """See ``BackEnd``."""
        self._put(Event.USER, user.id, lambda: UserOut.of(user))

    def relation_changed(self, user: str, other: str, event: RelationEvent, value: str) -> None:
        """See ``BackEnd``."""
        self._put(Event.RELATION, user, lambda: RelationBody(user, other, event, value))

    # --- groups, channels, chatrooms

    def group_changed(self, operator: str, info: GroupInfo, event: GroupEvent) -> None:
        """See ``BackEnd``."""
        self._put(Event.GROUP, info.id, lambda: GroupBody(operator, info.id, event, GroupOut.of(info)))

    def members_changed(
        self, operator: str, group: str, members: Sequence[str], event: MemberEvent, value: str | None = None
    ) -> None:
        """See ``BackEnd``."""
        told = UNSET if value is None else value
        self._put(Event.MEMBER, group, lambda: MemberBody(operator, group, tuple(members), event, told))

    def channel_changed(self, operator: str, channel: str, event: ChannelEvent) -> None:
        """See ``BackEnd``."""
        self._put(Event.CHANNEL, channel, lambda: ChannelBody(operator, channel, event))

    def room_changed(self, room: str, event: RoomEvent) -> None:
        """See ``BackEnd``."""
        self._put(Event.ROOM, room, lambda: RoomBody(room, event))

    def visitors_changed(self, operator: str, room: str, users: Sequence[str], event: VisitorEvent) -> None:
        """See ``BackEnd``."""
        self._put(Event.VISITOR, room, lambda: VisitorBody(operator, room, tuple(users), event))

    def _put(self, event: Event, subject: str, body: Callable[[], Struct]) -> None:
        if url_of(event, self._switches):
            self._queue.put([self._task(event, subject, body())])

    def _task(self, event: Event, subject: str, body: Struct, uid: int = 0) -> Task:
        named = f"{event.name.lower()}-{uid or self._new_id()}"
        return Task(event, named, order_of(url_of(event, self._switches), subject), msgspec.Raw(encode(body)))


def _moves(before: Presence, after: Presence) -> list[tuple[Device, int]]:
    """The devices that came, went or logged out."""
    moves = []
    for device in after.devices:
        known = before.device(device.client)
        was_online = known is not None and known.online
        if device.online != was_online:
            moves.append((device, _CAME if device.online else _WENT))
    return moves + [(device, _LOGGED_OUT) for device in before.devices if after.device(device.client) is None]


def _session(user: str, device: Device, now: int) -> SessionOut:
    seen = now if device.online else device.since
    return SessionOut(device.client, user, device.platform, int(not device.online), seen)
