"""Who is inside a chatroom: joining, leaving, being counted (client-semantics spec 2.5, 7.1).

The seat says who is inside, and nothing else does; the place only leads to the one seat that a user may have, so that he can
be taken out of it when he goes elsewhere. What happens when somebody joins, and what a crash after each step leaves:

1. One batch read of his place, the room, his standing and his seat there. Nothing written.
2. The seat that he has elsewhere is cleared. He is out of that room and not in this one yet.
3. His place is set, on the condition that it is what was read. He is in no room.
4. He is seated, on the condition that no other of his devices was meanwhile. He is inside.
5. Place, room and standing are read once more: another device may have gone elsewhere, the room may have ended, or he may
   have been banned, each just before it could see his seat. Then the seat is cleared again.

A repeat finds what is done and does the rest. A seat that nobody clears (a device that vanished) is not counted once its
owner was idle for too long, and storage forgets it.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd, RoomEvent, VisitorEvent
from im.chatroom.model import (
    MAX_RECENT,
    Black,
    Place,
    Room,
    Seat,
    Standing,
    Visitor,
    has_expired,
)
from im.chatroom.store import (
    ChatroomStore,
    place_from_item,
    room_from_item,
    seat_from_item,
    standing_from_item,
)
from im.delivery.model import Presence
from im.delivery.store import PresenceStore
from im.errors import BusyError, Code, ImError
from im.message.model import Conversation, ConversationType, Message, check_id
from im.message.store import MessageStore
from im.platform.clock import Clock
from im.settings import Switches

_ATTEMPTS = 5
_PAGE_BYTES = 100_000


class Joined(Struct, frozen=True):
    """What somebody who joins is told.

    Attributes:
        room: the room.
        head: the seq that the next message comes after.
        messages: the newest ones, ascending.
    """

    room: Room
    head: int
    messages: tuple[Message, ...]


class _View(Struct, frozen=True):
    presence: Presence
    room: Room | None
    standing: Standing
    seat: Seat | None
    place: Place | None


class ChatroomService:
    """The use cases of those who visit rooms.

    Args:
        rooms: rooms, seats, standings, places.
        messages: the logs.
        presence: users' devices.
        switches: the deployment's behaviour.
        clock: the time.
        back_end: the business, which is told of who comes and leaves. Who falls asleep or loses his socket does not leave.
    """

    def __init__(
        self,
        rooms: ChatroomStore,
        messages: MessageStore,
        presence: PresenceStore,
        switches: Switches,
        clock: Clock,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._back_end = back_end
        self._rooms = rooms
        self._messages = messages
        self._presence = presence
        self._switches = switches
        self._clock = clock
        self._idle_ms = switches.chatroom_idle_ms
        self._retention_ms = switches.chatroom_retention_ms

    # --- coming and going

    def join(self, visitor: Visitor, room: str, recent: int | None = None) -> Joined:
        """Go into a room, leaving the one that one was in; being inside already is a sign of life.

        Args:
            visitor: who comes.
            room: the room id; a room that does not exist, or has ended, is made if the deployment allows it.
            recent: how many of the newest messages to return; None for the deployment's number.

        Raises:
            ImError: 7 his session was ended, 225 another device of his is inside of a room, 248 he is banned, 253 no such
                room.
        """
        check_id(room, "chatroomId")
        entered = self._enter(visitor, room, back_only=False)
        count = self._switches.chatroom_recent if recent is None else recent
        return self._joined(visitor.user, entered, max(0, min(count, MAX_RECENT)))

    def quit(self, user: str, client: str, room: str) -> None:
        """Leave a room, if it is this client that is inside. The seat goes first: without it the place means nothing."""
        check_id(room, "chatroomId")
        was_in = self._rooms.clear(room, user, client=client)
        self._rooms.forget(user, room, client)
        if was_in:
            self._back_end.visitors_changed(user, room, [user], VisitorEvent.LEFT)

    def admit(self, visitor: Visitor, room: str, seat: Seat | None) -> None:
        """Whether a device is inside, as a condition for what it wants to do there; it counts as a sign of life.

        Who was inside and is not any more, because he was idle or his socket was lost, is let in again if the deployment
        says so. Who went to another room, or whose other device took over, is not.

        Args:
            visitor: who asks; without a client (through an API) any seat of the user will do.
            room: the room id.
            seat: what was found there of the user.

        Raises:
            ImError: 20 he is not inside; 248 he is banned.
        """
        now = self._clock()
        if seat is not None and seat.taken_at(now, self._idle_ms):
            if not visitor.client:
                return
            if seat.client == visitor.client and self._keep(seat, visitor, now):
                return
        if not visitor.client or not self._switches.chatroom_rejoin:
            raise ImError(Code.NOT_IN_CHATROOM)
        self._enter(visitor, room, back_only=True)

    def admit_reader(self, visitor: Visitor, room: str) -> None:
        """``admit`` for who has not been looked up yet."""
        key = self._rooms.seat_key(room, visitor.user, consistent=True)
        item = self._rooms.read([key]).get(key)
        self.admit(visitor, room, seat_from_item(item) if item else None)

    def vacate(self, room: str, gone: Iterable[tuple[str, str]]) -> None:
        """Clear the seats whose sockets turned out to be gone, given as (user, connection id)."""
        for user, connection in gone:
            self._rooms.clear(room, user, connection=connection)

    # --- looking

    def info(self, room: str) -> tuple[Room, int]:
        """A room, and how many are inside; anybody may ask.

        Raises:
            ImError: 253.
        """
        found = self._rooms.get(check_id(room, "chatroomId"))
        if found is None:
            raise ImError(Code.NOT_EXIST)
        return found, len(self.members(room))

    def members(self, room: str) -> list[Seat]:
        """Who is inside, in no particular order."""
        now = self._clock()
        seats = self._rooms.seats(check_id(room, "chatroomId"))
        return [seat for seat in seats if seat.taken_at(now, self._idle_ms)]

    def room_of(self, user: str) -> Seat | None:
        """The seat that a user has, in whatever room."""
        place = self._rooms.place(check_id(user, "userId"))
        if place is None:
            return None
        key = self._rooms.seat_key(place.room, user, consistent=True)
        item = self._rooms.read([key]).get(key)
        seat = seat_from_item(item) if item else None
        return seat if seat and seat.taken_at(self._clock(), self._idle_ms) else None

    # --- steps

    def _enter(self, visitor: Visitor, room: str, *, back_only: bool) -> Room:
        for _ in range(_ATTEMPTS):
            view = self._view(visitor, room)
            visitor = self._introduced(visitor, view.presence)
            open_room = self._opened(room, view.room, back_only=back_only)
            self._check_standing(view.standing)
            now, seat, place = self._clock(), view.seat, view.place
            at_home = place is not None and (place.room, place.client) == (room, visitor.client)
            if back_only and place is not None and not at_home:
                raise ImError(Code.NOT_IN_CHATROOM)
            mine = seat if at_home and seat and seat.client == visitor.client else None
            if mine and mine.taken_at(now, self._idle_ms) and self._keep(mine, visitor, now):
                return open_room
            self._leave(visitor, room, seat, place)
            if not self._rooms.go(Place(visitor.user, room, visitor.client, now), place):
                continue
            taken = Seat(room, visitor.user, visitor.client, visitor.platform, visitor.connection, now)
            if self._rooms.sit(taken, seat, taken.expires_s(self._idle_ms)) and self._stays(visitor, room):
                self._back_end.visitors_changed(visitor.user, room, [visitor.user], VisitorEvent.JOINED)
                return open_room
        raise BusyError("several devices of this user are joining rooms")

    def _view(self, visitor: Visitor, room: str) -> _View:
        user = visitor.user
        place_key = self._rooms.place_key(user)
        room_key = self._rooms.room_key(room, consistent=True)
        standing_key = self._rooms.standing_key(room, user, consistent=True)
        seat_key = self._rooms.seat_key(room, user, consistent=True)
        presences, items = self._presence.load([user], [place_key, room_key, standing_key, seat_key])
        return _View(
            presence=presences[user],
            room=room_from_item(items[room_key]) if room_key in items else None,
            standing=standing_from_item(items[standing_key]) if standing_key in items else Standing(user),
            seat=seat_from_item(items[seat_key]) if seat_key in items else None,
            place=place_from_item(items[place_key]) if place_key in items else None,
        )

    def _introduced(self, visitor: Visitor, presence: Presence) -> Visitor:
        """The visitor with what presence knows of his device.

        Raises:
            ImError: 7, his session was ended.
        """
        device = presence.device(visitor.client) or self._presence.load_one(visitor.user).device(visitor.client)
        if device is None:
            raise ImError(Code.KICKED_OFF)
        return replace(visitor, platform=device.platform)

    def _opened(self, room: str, found: Room | None, *, back_only: bool) -> Room:
        if found is not None and not found.ended:
            return found
        if back_only:
            raise ImError(Code.NOT_IN_CHATROOM)
        if not self._switches.chatroom_create:
            raise ImError(Code.NOT_EXIST)
        now = self._clock()
        title = found.title if found else room
        self._rooms.put(Room(room, title=title, created=now, update_dt=now, floor=now, alive=now))
        self._back_end.room_changed(room, RoomEvent.CREATED)
        return self._rooms.get(room) or Room(room)

    def _check_standing(self, standing: Standing) -> None:
        if standing.black_at(self._clock()) == Black.BANNED:
            raise ImError(Code.NOT_RIGHT)

    def _keep(self, seat: Seat, visitor: Visitor, now: int) -> bool:
        """Renew a seat that is the visitor's, when that is worth a write; False when it is not there any more."""
        if seat.connection == visitor.connection and not seat.is_stale(now, self._idle_ms):
            return True
        kept = replace(seat, connection=visitor.connection, active=now)
        return self._rooms.touch(kept, kept.expires_s(self._idle_ms))

    def _leave(self, visitor: Visitor, room: str, seat: Seat | None, place: Place | None) -> None:
        """Take the user out of where he is, if that may be.

        Raises:
            ImError: 225, another device of his is inside, and may not be put out.
        """
        elsewhere = place is not None and place.room != room
        if not self._switches.chatroom_kickoff_other:
            occupied = self.room_of(visitor.user) if elsewhere else seat
            if occupied and occupied.client != visitor.client and occupied.taken_at(self._clock(), self._idle_ms):
                raise ImError(Code.OTHER_CLIENT_IN_CHATROOM)
        if elsewhere and place is not None and self._rooms.clear(place.room, visitor.user):
            self._back_end.visitors_changed(visitor.user, place.room, [visitor.user], VisitorEvent.LEFT)

    def _stays(self, visitor: Visitor, room: str) -> bool:
        """Whether nothing came in between. False: begin anew, which says why if it is for good."""
        user = visitor.user
        place_key = self._rooms.place_key(user)
        room_key = self._rooms.room_key(room, consistent=True)
        standing_key = self._rooms.standing_key(room, user, consistent=True)
        items = self._rooms.read([place_key, room_key, standing_key])
        place = place_from_item(items[place_key]) if place_key in items else None
        if place is None or (place.room, place.client) != (room, visitor.client):
            self._rooms.clear(room, user, client=visitor.client)
            raise ImError(Code.OTHER_CLIENT_IN_CHATROOM)
        ended = room_key not in items or room_from_item(items[room_key]).ended
        standing = standing_from_item(items[standing_key]) if standing_key in items else Standing(user)
        if ended or standing.black_at(self._clock()) == Black.BANNED:
            self._rooms.clear(room, user, client=visitor.client)
            return False
        return True

    def _joined(self, user: str, room: Room, recent: int) -> Joined:
        log = Conversation(ConversationType.CHATROOM, room.id).key("")
        kept: list[Message] = []
        head, used, now = room.floor, 0, self._clock()
        for message in self._messages.before(log, None, max(1, recent), consistent=True):
            head = max(head, message.seq)
            used += message.wire_bytes
            if not recent or used > _PAGE_BYTES or has_expired(message, self._retention_ms, now):
                break
            if message.visible_to(user) and not message.expired(now):
                kept.append(message)
        return Joined(room, head, tuple(reversed(kept)))
