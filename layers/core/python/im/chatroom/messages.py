"""Messages in chatrooms: who may speak, where they are stored, who gets them.

A send costs what every send costs, one batch read and one put, and then one query of the seats. It is made after the append,
strongly consistently: whoever has taken a seat before it is served, and whoever takes it later reads the log after that and
finds the message there. No list of those inside is remembered: rooms churn too much for it, and next to the posts, which
cost 0.2 % of a cent per thousand sockets, the query (one read unit for forty seats) does not count. Seats name sockets, so
neither the sender nor the queue's worker asks where anybody is.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from im.chatroom.log import RoomLog
from im.chatroom.model import Room, Seat, Standing, Visitor, check_may_speak, has_expired
from im.chatroom.service import ChatroomService
from im.chatroom.store import ChatroomStore, room_from_item, seat_from_item, standing_from_item
from im.delivery.model import Presence, Target
from im.delivery.service import ANYBODY, Delivery
from im.errors import Code, ImError
from im.message.context import Context
from im.message.log import Log, Walk
from im.message.model import (
    Conversation,
    Message,
    Payload,
    Sender,
    Sent,
    check_client_line,
    check_sender_status,
    conversation_of,
    payload_to_json,
)
from im.message.outlets import Outlet, Outlets
from im.message.screening import Screening
from im.message.store import MessageStore
from im.platform.clock import Clock
from im.platform.uids import Uids
from im.settings import Switches
from im.wire import frames


class _View(Struct, frozen=True):
    """What one batch read says of a send."""

    presence: Presence
    room: Room | None
    seat: Seat | None
    standing: Standing
    slot: Message | None


class RoomMessages:
    """Sends messages of chatrooms, for the message service.

    Args:
        messages: the logs.
        rooms: rooms, seats, standings.
        door: knows who is inside.
        delivery: presence, and posts to sockets.
        log: appends to logs.
        room_log: knows where a room's log goes on.
        uids: uids of messages that are never stored.
        screening: what sensitive words and reviewers do to messages.
        switches: the deployment's behaviour.
        clock: the time.
        outlets: who is told of messages outside.
    """

    def __init__(
        self,
        messages: MessageStore,
        rooms: ChatroomStore,
        door: ChatroomService,
        delivery: Delivery,
        log: Log,
        room_log: RoomLog,
        uids: Uids,
        screening: Screening,
        switches: Switches,
        clock: Clock,
        *,
        outlets: Sequence[Outlet] = (),
    ) -> None:
        self._messages = messages
        self._rooms = rooms
        self._door = door
        self._delivery = delivery
        self._log = log
        self._room_log = room_log
        self._uids = uids
        self._screening = screening
        self._switches = switches
        self._clock = clock
        self._outlets = Outlets(outlets)
        self._retention_ms = switches.chatroom_retention_ms

    def send(self, sender: Sender, draft: Message, payload: Payload, base: int | None) -> Sent:
        """Accept a message for a room (client-semantics spec 3.5, 6).

        Args:
            sender: who sends, on whose authority.
            draft: the message without seq, uid and time.
            payload: its content.
            base: the last seq that the client knew; None through an API.

        Raises:
            ImError: 7 the session was ended, 20 not inside, 241 everybody is muted, 242 a sensitive word, 247 muted
                everywhere, 248 muted or banned here, 253 no such room (to an admin).
        """
        newest = self._messages.newest(draft.log) if base is None and not payload.transparent else None
        start = (newest.seq if newest else 0) if base is None else base
        view = self._view(sender, draft, 0 if newest or payload.transparent else start)
        if self._screening.needs_uid(payload, sender):
            draft = replace(draft, uid=self._uids.next(), time=self._clock())
        try:
            room, allowed = self._allowed(sender, draft, payload, view, base)
        except ImError as refusal:
            earlier = None if refusal.retry else self._earlier(draft, base)
            if earlier is None:
                raise
            return earlier
        if allowed is None:
            return self._earlier(draft, base) or Sent(0, self._uids.next(), self._clock())
        if allowed is not payload:
            draft = replace(draft, payload=payload_to_json(allowed))
        if payload.transparent:
            draft = replace(draft, uid=draft.uid or self._uids.next(), time=self._clock())
            self._deliver(draft, sender, view.presence)
            return Sent(0, draft.uid, draft.time)
        slot = newest or view.slot
        appended = self._room_log.append(draft, room, start, slot, indexed=sender.client is None)
        self._deliver(appended.message, sender, view.presence)
        return Sent(appended.message.seq, appended.message.uid, appended.message.time)

    def allowed(self, sender: Sender, message: Message, payload: Payload) -> Payload | None:
        """A content that is to be said without being sent, an edit for example, as it may be; None: swallow it.

        Raises:
            ImError: the refusals of ``send``.
        """
        return self._allowed(sender, message, payload, self._view(sender, message, 0), None)[1]

    def publish(
        self,
        draft: Message,
        sender: Sender,
        base: int,
        walk: Walk,
        *,
        subject: Message | None = None,
        about: Message | None = None,
    ) -> Message:
        """Append a message that no rule of sending concerns, a recall for example, and deliver it.

        ``subject`` is the message that an event is about, for its readers; ``about`` is the same for the outlets only.

        Raises:
            ImError: 253, no such room.
        """
        room = self._rooms.get(_room_of(draft))
        if room is None:
            raise ImError(Code.NOT_EXIST)
        slot = self._messages.get(draft.log, base)
        message = self._room_log.append(draft, room, base, slot, indexed=True, walk=walk).message
        self._deliver(replace(message, subject=subject), sender, Presence(sender.user), about)
        return message

    def check_reader(self, reader: Sender, conversation: Conversation) -> None:
        """Whether somebody may see what is said in a room; it counts as a sign of life.

        Raises:
            ImError: 20, he is not inside.
        """
        visitor = Visitor(reader.user, reader.client or "", reader.connection or "")
        self._door.admit_reader(visitor, conversation.target)

    def expired(self, message: Message) -> bool:
        """Whether a message has been kept for long enough, though storage may not have removed it yet."""
        return has_expired(message, self._retention_ms, self._clock())

    def _view(self, sender: Sender, draft: Message, base: int) -> _View:
        room = _room_of(draft)
        room_key = self._rooms.room_key(room)
        seat_key = self._rooms.seat_key(room, sender.user)
        standing_key = self._rooms.standing_key(room, sender.user)
        wanted = [room_key, seat_key, standing_key]
        slot_key = self._messages.key(draft.log, base) if base else None
        presences, items = self._delivery.presence.load([sender.user], [*wanted, *([slot_key] if slot_key else [])])
        return _View(
            presence=presences[sender.user],
            room=room_from_item(items[room_key]) if room_key in items else None,
            seat=seat_from_item(items[seat_key]) if seat_key in items else None,
            standing=standing_from_item(items[standing_key]) if standing_key in items else Standing(sender.user),
            slot=self._messages.decode(items[slot_key]) if slot_key in items else None,
        )

    def _allowed(
        self, sender: Sender, draft: Message, payload: Payload, view: _View, base: int | None
    ) -> tuple[Room, Payload | None]:
        """The room, and the content as it may be sent; None: swallow it.

        Raises:
            ImError: a rule refuses it.
        """
        room = view.room or self._rooms.get(_room_of(draft))
        if sender.is_admin:
            if room is None:
                raise ImError(Code.NOT_EXIST, "no such chatroom")
            return room, payload
        check_client_line(conversation_of(draft.log, sender.user))
        check_sender_status(self._presence(sender, view).status, payload.type, self._switches)
        visitor = Visitor(sender.user, sender.client or "", sender.connection or "")
        self._door.admit(visitor, _room_of(draft), view.seat)
        if room is None:
            raise ImError(Code.NOT_IN_CHATROOM)
        exceptions = self._switches.group_mute_exception_types
        check_may_speak(room, view.standing, payload.type, self._clock(), exceptions)
        named = conversation_of(draft.log, sender.user)
        return room, self._screening.screened(draft, payload, named, sender, base)

    def _presence(self, sender: Sender, view: _View) -> Presence:
        if sender.client is None or view.presence.device(sender.client):
            return view.presence
        own = self._delivery.presence.load_one(sender.user)
        if own.device(sender.client) is None:
            raise ImError(Code.KICKED_OFF)
        return own

    def _earlier(self, draft: Message, base: int | None) -> Sent | None:
        """What an earlier attempt got, before the rule came that would refuse it now (promise 5)."""
        found = self._log.find(draft, base) if base is not None else None
        return Sent(found.seq, found.uid, found.time) if found else None

    def _deliver(self, message: Message, sender: Sender, presence: Presence, about: Message | None = None) -> None:
        room = _room_of(message)
        named, context = conversation_of(message.log, message.sender), Context(self._clock(), {sender.user: presence})
        self._outlets.tell(replace(message, subject=about or message.subject), named, sender, context)
        targets = [
            Target(seat.user, seat.client, seat.connection)
            for seat in self._door.members(room)
            if seat.connection != sender.connection and message.visible_to(seat.user)
        ]
        frame = frames.push("message", frames.message_out(message, ANYBODY))
        reach = self._delivery.push_at(room, targets, frame)
        self._door.vacate(room, reach.gone)


def _room_of(message: Message) -> str:
    return conversation_of(message.log, "").target
