"""What administrators do with chatrooms (server-api spec 2.6)."""

from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd, RoomEvent, VisitorEvent
from im.chatroom.model import Black, Room, Seat, Standing, check_room
from im.chatroom.service import ChatroomService
from im.chatroom.store import ChatroomStore, room_from_item
from im.errors import Code, ImError, InvalidError
from im.message.model import check_id
from im.platform.clock import Clock
from im.platform.ids import NewId
from im.settings import Switches

SEEDS = ("chatroom1", "chatroom2", "chatroom3")
"""The rooms that every deployment has from its first day, because the SDKs' programs rely on them (server-api spec 2.0)."""

_BLACK_EVENTS = {
    Black.CLEAR: VisitorEvent.UNMUTED,
    Black.MUTED: VisitorEvent.MUTED,
    Black.BANNED: VisitorEvent.KICKED,
}


class ChatroomAdmin:
    """Creates, ends and looks after rooms.

    Args:
        rooms: rooms, seats, standings.
        door: knows who is inside.
        switches: the deployment's behaviour.
        clock: the time.
        new_id: makes ids of rooms that come without one.
        back_end: the business, which is told of rooms and of who is put out or muted.
    """

    def __init__(
        self,
        rooms: ChatroomStore,
        door: ChatroomService,
        switches: Switches,
        clock: Clock,
        new_id: NewId,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._back_end = back_end
        self._rooms = rooms
        self._door = door
        self._switches = switches
        self._clock = clock
        self._new_id = new_id
        self._seeded = False

    def ensure_seeds(self) -> None:
        """Make the rooms of a fresh deployment, unless the switch forbids it. Every process looks once.

        The record of a room stays when it is ended, so a seed that somebody ended stays so.
        """
        if self._seeded or not self._switches.seed_demo_objects:
            return
        wanted = [self._rooms.room_key(seed, consistent=True) for seed in SEEDS]
        known = {room_from_item(item).id for item in self._rooms.read(wanted).values()}
        for seed in SEEDS:
            if seed not in known:
                self.create(Room(seed, title=seed))
        self._seeded = True

    def create(self, room: Room) -> str:
        """Make a room, or change one: what is empty stays as it was, the state is always replaced. Returns its id.

        One write, so there is nothing that a crash could cut. A room that was ended is open again, and its log goes on.

        Raises:
            InvalidError: an id, a text or the state that cannot be.
        """
        now = self._clock()
        room = check_room(replace(room, id=room.id or self._new_id()))
        self._rooms.put(replace(room, created=now, update_dt=now, floor=now, alive=now))
        self._back_end.room_changed(room.id, RoomEvent.CREATED)
        return room.id

    def end(self, room: str) -> None:
        """End a room: nobody is inside any more, its record stays. An unknown room is fine.

        The state goes first: from then on nobody is let in, and whoever was just coming in finds it when he looks again.
        Repeating the call clears the seats that a crash left.
        """
        if self._rooms.end(check_id(room, "chatroomId"), self._clock()):
            self._rooms.clear_all(room, [seat.user for seat in self._rooms.seats(room)])
            self._back_end.room_changed(room, RoomEvent.DESTROYED)

    def info(self, room: str) -> tuple[Room, int]:
        """A room, and how many are inside.

        Raises:
            ImError: 253.
        """
        return self._door.info(room)

    def members(self, room: str) -> list[str]:
        """Who is inside.

        Raises:
            ImError: 253, nobody.
        """
        inside = [seat.user for seat in self._door.members(room)]
        if not inside:
            raise ImError(Code.NOT_EXIST)
        return inside

    def room_of(self, user: str) -> Seat:
        """Where a user is inside, and on which client.

        Raises:
            ImError: 253, nowhere.
        """
        seat = self._door.room_of(user)
        if seat is None:
            raise ImError(Code.NOT_EXIST)
        return seat

    def set_black(self, room: str, user: str, status: int, until: int) -> None:
        """Clear (0), mute (1) or ban (2) a user in a room, for ever or until a time (ms). Who is banned is put out.

        The ban goes first: whoever was just coming in finds it when he looks again.

        Raises:
            InvalidError: another status, or a negative time.
            ImError: 253, no such room.
        """
        if status not in list(Black):
            raise InvalidError("status must be 0, 1 or 2")
        if until < 0:
            raise InvalidError("expiredTime must be 0 or more")
        self._existing(room)
        self._rooms.set_black(room, check_id(user, "userId"), status, until)
        if status == Black.BANNED:
            self._rooms.clear(room, user)
        self._back_end.visitors_changed("", room, [user], _BLACK_EVENTS[Black(status)])

    def blacks(self, room: str) -> list[Standing]:
        """Who is muted or banned in a room at present.

        Raises:
            ImError: 253, no such room.
        """
        self._existing(room)
        now = self._clock()
        return [standing for standing in self._rooms.standings(room) if standing.black_at(now)]

    def set_manager(self, room: str, user: str, manager: bool) -> None:
        """Make a user a manager of a room, or none; he need not be inside.

        Raises:
            ImError: 253, no such room.
        """
        self._existing(room)
        self._rooms.set_manager(room, check_id(user, "userId"), manager)

    def managers(self, room: str) -> list[str]:
        """The managers of a room.

        Raises:
            ImError: 253, no such room.
        """
        self._existing(room)
        return [standing.user for standing in self._rooms.standings(room) if standing.manager]

    def mute_all(self, room: str, muted: bool) -> None:
        """Let nobody but managers speak, or everybody again. An unknown room is fine, as in the reference server."""
        self._rooms.set_muted(check_id(room, "chatroomId"), muted, self._clock())

    def _existing(self, room: str) -> None:
        if self._rooms.get(check_id(room, "chatroomId")) is None:
            raise ImError(Code.NOT_EXIST)
