"""What the changes of groups have in common.

Every change is a chain of writes that a crash may cut anywhere, so each step can be repeated and the order decides what a
half-done change looks like. The methods say how it goes for them; four facts carry all of them. A group exists when its
info does. Who is served is the roster, and its version on the info only grows. What a user may read is bounded by his own
conversation row, which is opened before he becomes a member and closed before he is told that he is none. And of what
happens to one member at the same time the later wins everywhere, by the count of changes that his item and row carry.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from im import keys
from im.callback.back_end import NOBODY, BackEnd
from im.errors import BusyError, Code, ImError, InvalidError
from im.group.model import (
    FORBIDDING_BITS,
    GroupInfo,
    GroupMember,
    MemberType,
    Notice,
    Operation,
    check_right,
)
from im.group.reader import GroupReader, Rows
from im.group.roster import Roster
from im.group.store import GroupStore
from im.message.model import (
    ContentType,
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    check_client_line,
    check_id,
    check_payload,
)
from im.platform.clock import MINUTE_MS, Clock
from im.platform.ids import NewId
from im.platform.parallel import run_all
from im.profile.model import UserType
from im.profile.types import TypesOf
from im.settings import Switches

MAX_AT_ONCE = 500
"""Members that a user may add, remove or change with one request."""
MAX_AT_ONCE_BY_ADMIN = 3_000
MAX_NOTICE_BYTES = 12_000
"""So much JSON fits into a notice: it is stored in base64, beside the rest of a message."""
_ROSTER_ATTEMPTS = 8


class Logs(Protocol):
    """What groups need of the message logs."""

    def newest(self, log: str) -> Message | None:
        """The last message of a log, strongly consistent."""

    def before(self, log: str, seq: int | None, limit: int) -> Iterator[Message]:
        """Messages with a smaller seq (None: from the head), descending, at most ``limit``."""


class Notices(Protocol):
    """What groups need of the message service."""

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
        """Append a notice and deliver it; returns its seq by line."""


Tell = Callable[[list[str], str], None]
"""Pushes to users that something about the group of this id concerns them."""


Left = Callable[[Sequence[str], str], None]
"""Clears what users had set for the group of this id, which they are out of; it can be repeated."""


class Announcement(Struct, frozen=True):
    """How an operation is told to the group.

    Attributes:
        lines: the conversation lines on which the notice appears.
        custom: a content that takes the place of the built-in one, if its type is not 0.
    """

    lines: tuple[int, ...] = (0,)
    custom: Payload | None = None


BUILT_IN = Announcement()


class GroupSteps(GroupReader):
    """The steps that changes of groups are made of.

    Args:
        store: groups and members.
        rows: the users' conversation rows.
        logs: the message logs.
        notices: posts notices.
        switches: the deployment's behaviour.
        clock: the time.
        new_id: makes ids of groups that come without one.
        user_types: tells users' types.
        tell: tells users that there is something to ask for about a group.
        left: clears what users who leave had set for a group.
        back_end: the business, which is told of groups and members.
    """

    def __init__(
        self,
        store: GroupStore,
        rows: Rows,
        logs: Logs,
        notices: Notices,
        switches: Switches,
        clock: Clock,
        new_id: NewId,
        user_types: TypesOf,
        tell: Tell = lambda users, group: None,
        left: Left = lambda users, group: None,
        back_end: BackEnd = NOBODY,
    ) -> None:
        super().__init__(store, rows, clock)
        self._back_end = back_end
        self._logs = logs
        self._notices = notices
        self._switches = switches
        self._new_id = new_id
        self._user_types = user_types
        self._tell = tell
        self._left = left

    # --- may he

    def _authorise(self, operator: str, info: GroupInfo, operation: Operation, origin: Origin) -> GroupMember | None:
        """Check the operator's right by his item as it is now, which is returned; an admin needs neither."""
        if origin is Origin.ADMIN:
            return None
        member = self._store.get_member(info.id, operator, consistent=True)
        check_right(operation, info, member, origin)
        return member

    def _check_enabled(self, bit: int, origin: Origin) -> None:
        """Refuse what the deployment takes from its users (``group.forbidden_client_operation``)."""
        if origin is Origin.USER and self._switches.forbidden_group_operations & bit:
            raise ImError(Code.NOT_RIGHT, "this deployment does not let users do that")

    def _check_request(
        self,
        operator: str,
        announcement: Announcement,
        origin: Origin,
        operation: Operation | None = None,
        lines: Sequence[int] = (0,),
    ) -> None:
        """Refuse a notice that could not be posted before anything is done that it would tell of."""
        check_id(operator, "operator")
        custom = announcement.custom
        if custom is not None and custom.type > 0:
            allowed = {
                Origin.USER: self._switches.client_custom_notification,
                Origin.ROBOT: self._switches.robot_custom_notification,
            }
            if not allowed.get(origin, True):
                raise ImError(Code.NOT_RIGHT, "this deployment lets only its own notices through")
            if custom.type in (ContentType.RECALL, ContentType.DELETE):
                raise InvalidError("a notice cannot take messages back")
            check_payload(custom, self._switches.max_message_bytes)
        if origin is not Origin.ADMIN:
            for line in announcement.lines:
                check_client_line(Conversation(ConversationType.GROUP, operator, line), lines)
        if operation is not None:
            self._check_enabled(FORBIDDING_BITS.get(operation, 0), origin)

    # --- who is in

    def _settle(
        self, group: str, old: Roster, come: Collection[str], gone: Collection[str], *, moved: bool
    ) -> GroupInfo:
        """Bring the roster in line with the members whose items were just written, and point the info at it.

        ``old`` was read before the items were written: where it is still there, nobody else has settled anything since.
        Where it is not, somebody else may have changed the same members, so what they are now is read again. Whoever
        writes an item last settles last, or repeats. For the others to notice, a caller who has ``moved`` somebody in or
        out replaces the roster even if it says so already.

        Raises:
            ImError: 253, the group has gone meanwhile.
            BusyError: others are always first.
        """
        concerned = sorted({*come, *gone})
        for _ in range(_ROSTER_ATTEMPTS):
            new = old
            if gone and not set(gone).isdisjoint(old.ids):
                new = new.with_removed(gone)
            if moved or not set(come).issubset(old.ids):
                new = new.with_added(come, self._robots_of(come))
            if new is old or self._store.put_roster(group, new, old):
                if new is old:
                    self._store.update_info(group, {}, self._clock(), members=True)
                info = self._store.publish(group, new, self._clock())
                if info is None:
                    raise ImError(Code.NOT_EXIST, "no such group")
                return info
            old = self._store.latest_roster(group)
            known = self._store.get_members(group, concerned)
            come = [user for user in concerned if user in known and known[user].present]
            gone = [user for user in concerned if user not in come]
        raise BusyError("too many changes of this group at once")

    def _robots_of(self, users: Collection[str]) -> list[str]:
        return [user for user, kind in self._user_types(users).items() if kind == UserType.ROBOT] if users else []

    def _heads(self, info: GroupInfo) -> dict[int, int]:
        newest = {
            line: self._logs.newest(keys.target_conversation(ConversationType.GROUP, info.id, line))
            for line in info.lines
        }
        return {line: message.seq if message else 0 for line, message in newest.items()}

    def _close_rows(
        self, group: str, changes: Mapping[str, int], lasts: Mapping[int, int], *, begins: bool = False
    ) -> None:
        """Close rows of users, each by the change that takes him out."""
        minute = self._clock() // MINUTE_MS
        run_all(
            [
                partial(self._rows.leave, user, group, lasts, minute, change, begins=begins)
                for user, change in sorted(changes.items())
            ]
        )

    def _is_open(self, user: str, group: str) -> bool:
        row = self._rows.get(user, Conversation(ConversationType.GROUP, group))
        return row is not None and row.lasts is None and row.firsts is not None

    # --- telling

    def _announce(
        self,
        group: str,
        operator: str,
        content_type: Notice,
        data: Mapping[str, object],
        announcement: Announcement,
        also_to: Sequence[str] = (),
        to: Sequence[str] = (),
    ) -> dict[int, int]:
        """Post a notice, in parts where it names more members than one can hold; returns the last one's seqs."""
        seqs: dict[int, int] = {}
        custom = announcement.custom if announcement.custom and announcement.custom.type > 0 else None
        for part in [data] if custom else _parts(data):
            seqs = self._notices.post_notice(
                group,
                operator,
                content_type,
                part,
                lines=announcement.lines or (0,),
                custom=custom,
                to=to,
                recipients_extra=also_to,
            )
        return seqs

    def _leaders(self, info: GroupInfo) -> list[str]:
        """The owner and the managers."""
        members = self._store.list_members(info.id, consistent=True)
        return [
            member.id
            for member in members
            if member.present and (member.id == info.owner or member.type == MemberType.MANAGER)
        ]


def check_number(users: Sequence[object], origin: Origin, name: str = "members") -> None:
    """Refuse more users than one call can change in its time.

    Raises:
        InvalidError: they are too many.
    """
    limit = MAX_AT_ONCE_BY_ADMIN if origin is Origin.ADMIN else MAX_AT_ONCE
    if len(users) > limit:
        raise InvalidError(f"{name} may list {limit} users")


def _parts(data: Mapping[str, object]) -> Iterable[Mapping[str, object]]:
    """Notices that each fit: a long list of members is split, a long text is left out (devices ask for the info)."""
    if _size(data) <= MAX_NOTICE_BYTES:
        return [data]
    users = data.get("ms")
    if not isinstance(users, Sequence):
        return [{name: value for name, value in data.items() if name != "n"}]
    parts: list[list[str]] = [[]]
    used = 0
    for user in users:
        size = _size(user) + 1
        if used + size > MAX_NOTICE_BYTES and parts[-1]:
            parts.append([])
            used = 0
        parts[-1].append(user)
        used += size
    return [{**data, "ms": part} for part in parts]


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
