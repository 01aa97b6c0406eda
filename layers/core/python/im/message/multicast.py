"""Multicasts and broadcasts: one message of a sender to thousands of users, each in his own chat with the sender.

The message is stored once as the *master*, in a log that no user can name: the sender's chat with nobody. That append is the
moment from which it is promised. The rest is done from a queue, in tasks that may come twice, late, or after a crash:
a task of some receivers appends a *copy* to the log of each, a task of everybody makes tasks of the next page of users.

A receiver gets it exactly once because a copy is found again: its id is made of the master's uid, and its own uid is greater
than that, so it lies behind every slot whose uid is not. Each attempt looks through what lies there before it appends,
and the append looks at every slot that it passes. A master that was taken back is not copied; a copy that was appended while
it was being taken back is withdrawn by whoever appended it, who looks at the master again afterwards.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from im import keys
from im.delivery.model import chunks
from im.delivery.service import Delivery
from im.errors import BusyError, Code, ImError, InvalidError
from im.message.events import event_payload
from im.message.log import Appended, Head, Log, Walk
from im.message.model import (
    ContentType,
    Conversation,
    ConversationType,
    Message,
    Payload,
    Sent,
    check_id,
    check_payload,
    conversation_of,
    payload_to_json,
)
from im.message.store import MessageStore, RowStore
from im.platform.clock import MINUTE_MS, Clock
from im.platform.ids import short_id
from im.platform.parallel import run_all
from im.push.alert import Alert, alert_of
from im.settings import Switches
from im.wire import frames

MAX_TARGETS = 10_000
"""Receivers of a multicast; their tasks are put on the queue before the call is answered."""
PAGE = 1_000
"""Users that one task of a broadcast lists."""
_NOBODY = ""
"""No user has this id: the other side of a log that only holds masters."""
_WALK = Walk(slots=1_000_000, payload_bytes=10**9)


class Task(Struct, frozen=True, omit_defaults=True):
    """A piece of work, as it travels through the queue.

    Attributes:
        log, seq: the master.
        kind: 0 to copy it, or the content type by which it was taken back: 80, 81.
        operator: who took it back.
        users: the receivers; empty: everybody, a page at a time.
        after: the place in the list of users behind which the page begins.
    """

    log: str
    seq: int
    kind: int = 0
    operator: str = ""
    users: tuple[str, ...] = ()
    after: str = ""


_decode_task = msgspec.json.Decoder(Task).decode


def task_from_body(body: str) -> Task:
    """The task in a queue message's body."""
    return _decode_task(body)


class TaskQueue(Protocol):
    """Takes tasks."""

    def put(self, jobs: Iterable[Task]) -> None:
        """Queue every task.

        Raises:
            BusyError: one of them was not taken; all may be queued again.
        """


class Everybody(Protocol):
    """All users whom a broadcast goes to: those in the user table, but for robots and devices (client-semantics 3.12)."""

    def page(self, after: str, limit: int) -> tuple[list[str], str]:
        """Users behind a place in the order of their registration, and the place behind them, empty at the end."""

    def count(self) -> int:
        """How many there are; robots are counted where there are many users."""


class Multicasts:
    """The use cases of messages to many.

    Args:
        messages: the logs.
        rows: the users' conversation rows.
        log: appends.
        delivery: brings frames to users.
        everybody: all users.
        tasks: the queue.
        switches: the deployment's behaviour.
        clock: the time.
    """

    def __init__(
        self,
        messages: MessageStore,
        rows: RowStore,
        log: Log,
        delivery: Delivery,
        everybody: Everybody,
        tasks: TaskQueue,
        switches: Switches,
        clock: Clock,
    ) -> None:
        self._messages = messages
        self._rows = rows
        self._log = log
        self._delivery = delivery
        self._everybody = everybody
        self._tasks = tasks
        self._switches = switches
        self._clock = clock

    # --- what the server API asks for

    def multicast(self, sender: str, targets: Sequence[str], line: int, payload: Payload) -> Sent:
        """Send to a list of users; the sender himself gets nothing (server-api spec 2.2, multicast).

        Raises:
            InvalidError: nobody is listed, or too many are, or a value is not acceptable.
        """
        receivers = self._receivers(sender, targets)
        master = self._store(sender, line, payload)
        self._queue(Task(master.log, master.seq), receivers)
        return Sent(master.seq, master.uid, master.time)

    def broadcast(self, sender: str, line: int, payload: Payload) -> tuple[Sent, int]:
        """Send to everybody. Returns what was sent, and to how many (server-api spec 2.2, broadcast)."""
        count = self._everybody.count()
        master = self._store(sender, line, payload)
        self._tasks.put([Task(master.log, master.seq)])
        return Sent(master.seq, master.uid, master.time), count

    def withdraw(self, kind: ContentType, operator: str, uid: int, receivers: Sequence[str] | None) -> None:
        """Recall (80) or delete (81) a multicast at these receivers, or a broadcast at everybody (None).

        Repeating it repeats the tasks, which find what is done.

        Raises:
            ImError: 253, no multicast has this uid.
        """
        check_id(operator, "operator")
        master = self._messages.find(uid)
        if master is None or not _is_master(master):
            raise ImError(Code.NOT_EXIST)
        users = None if receivers is None else self._receivers(master.sender, receivers)
        self._mark(kind, operator, master, master.seq)
        self._messages.blank(master.log, master.seq, payload_to_json(event_payload(kind, operator, master)))
        task = Task(master.log, master.seq, int(kind), operator)
        self._tasks.put([task]) if users is None else self._queue(task, users)

    def _receivers(self, sender: str, targets: Sequence[str]) -> list[str]:
        if not 1 <= len(targets) <= MAX_TARGETS:
            raise InvalidError(f"1 to {MAX_TARGETS} users may be named")
        return [user for user in dict.fromkeys(check_id(user, "targets") for user in targets) if user != sender]

    def _store(self, sender: str, line: int, payload: Payload) -> Message:
        check_id(sender, "sender")
        text = check_payload(payload, self._switches.max_message_bytes)
        if payload.transparent:
            raise InvalidError("payload.persistFlag must not be 4: what goes to many is stored")
        log = keys.single_conversation(sender, _NOBODY, line)
        newest = self._messages.newest(log)
        head = Head(newest.seq, newest.uid) if newest else Head()
        draft = Message(log, 0, 0, short_id(), sender, 0, text)
        return self._log.append(draft, head, indexed=True).message

    def _queue(self, task: Task, users: Sequence[str]) -> None:
        self._tasks.put([replace(task, users=part) for part in chunks(users, self._switches.fanout_chunk)])

    # --- what the queue brings

    def work(self, task: Task) -> None:
        """Do one task; doing it again changes nothing.

        Raises:
            BusyError: storage or queue are busy; the queue brings the task again.
        """
        master = self._messages.get(task.log, task.seq)
        if master is None or (master.withdrawn and not task.kind):
            return
        if not task.users:
            users, rest = self._everybody.page(task.after, PAGE)
            self._queue(task, [user for user in users if user != master.sender])
            if rest:
                self._tasks.put([replace(task, after=rest)])
        elif task.kind:
            self._withdraw_copies(ContentType(task.kind), task.operator, master, task.users)
        else:
            self._deliver(master, self._copy_all(master, task.users))
            now = self._messages.get(task.log, task.seq)
            if now is not None and now.withdrawn:
                kind = ContentType.DELETE if now.deleted else ContentType.RECALL
                self._withdraw_copies(kind, now.recall.by if now.recall else master.sender, now, task.users)

    def _copy_all(self, master: Message, users: Sequence[str]) -> dict[str, Message]:
        self._stamp(master, users)
        copies = run_all([partial(self._copy, master, user) for user in users])
        return dict(zip(users, copies, strict=True))

    def _copy(self, master: Message, user: str) -> Message:
        log = _log_of(master, user)
        newest = self._messages.newest(log)
        found = self._find_copy(log, master, newest)
        if found is not None:
            return found
        draft = Message(log, 0, 0, _copy_id(master), master.sender, 0, master.payload)
        head = Head(newest.seq, newest.uid) if newest else Head()
        return self._append(draft, head, above=master.uid).message

    def _find_copy(self, log: str, master: Message, newest: Message | None) -> Message | None:
        """The copy in a receiver's log: it stands behind the last slot whose uid is not greater than the master's."""
        if newest is None or newest.uid <= master.uid:
            return None
        step, older, younger = 1, 0, newest.seq
        while (seq := newest.seq - step) > 0:
            if self._uid(log, seq) <= master.uid:
                older = seq
                break
            younger, step = seq, step * 2
        while younger - older > 1:
            middle = (older + younger) // 2
            if self._uid(log, middle) <= master.uid:
                older = middle
            else:
                younger = middle
        draft = Message(log, 0, 0, _copy_id(master), master.sender, 0, "")
        behind = self._messages.after(log, older, newest.seq - older, consistent=True)
        return next((slot for slot in behind if slot.same_as(draft)), None)

    def _uid(self, log: str, seq: int) -> int:
        slot = self._messages.get(log, seq)
        return slot.uid if slot else 0

    def _withdraw_copies(self, kind: ContentType, operator: str, master: Message, users: Sequence[str]) -> None:
        self._stamp(master, users)
        events = run_all([partial(self._withdraw_copy, kind, operator, master, user) for user in users])
        told = {user: event for user, event in zip(users, events, strict=True) if event}
        self._deliver(master, told)

    def _withdraw_copy(self, kind: ContentType, operator: str, master: Message, user: str) -> Message | None:
        """Mark, tell, blank, as for any message that is taken back; None when this user has no copy."""
        log = _log_of(master, user)
        newest = self._messages.newest(log)
        copy = self._find_copy(log, master, newest)
        if copy is None or newest is None:
            return None
        base = self._mark(kind, operator, copy, newest.seq)
        payload = payload_to_json(event_payload(kind, operator, copy))
        draft = Message(log, 0, 0, f"~{kind.name.lower()}:{copy.seq}", copy.sender, 0, payload, ref=copy.seq)
        event = self._append(draft, Head(base, self._uid(log, base))).message
        self._messages.blank(log, copy.seq, payload)
        return event

    def _mark(self, kind: ContentType, operator: str, message: Message, head: int) -> int:
        now = self._clock()
        if kind is ContentType.RECALL:
            return self._messages.mark_recalled(message.log, message.seq, operator, now, head).base
        return self._messages.mark_deleted(message.log, message.seq, now, head).base

    def _append(self, draft: Message, head: Head, *, above: int = 0) -> Appended:
        return self._log.append(draft, head, walk=_WALK, above=above)

    def _stamp(self, master: Message, users: Sequence[str]) -> None:
        """Note the minute on the receivers' rows, and only there: the sender's list is not to hold them all."""
        minute = self._clock() // MINUTE_MS
        conversation = _seen_by_receiver(master)
        row_keys = {user: self._rows.key(user, conversation) for user in users}
        _, items = self._delivery.presence.load((), list(row_keys.values()))
        known = {user: self._rows.decode(items[key]).activity for user, key in row_keys.items() if key in items}
        late = [user for user in users if known.get(user, 0) < minute]
        run_all([partial(self._rows.stamp, user, conversation, minute) for user in late])

    def _deliver(self, master: Message, messages: dict[str, Message]) -> None:
        """Push to the receivers, not to the sender. Their presence is read after the append, so nobody is missed."""
        if messages:
            presences, _ = self._delivery.presence.load(messages)
            reach = self._delivery.push_to(
                presences,
                lambda user: frames.push("message", frames.message_out(messages[user], user)),
                alert_for=partial(_alert_of, master, next(iter(messages.values()))),
            )
            if reach.unpushed:
                raise BusyError("some receivers were not notified")


def _alert_of(master: Message, copy: Message) -> Alert | None:
    """One notification for all receivers, who know the message by the master's uid."""
    conversation = Conversation(ConversationType.SINGLE, "", _line_of(master))
    alert = alert_of(replace(copy, uid=master.uid, seq=0), conversation, None)
    return replace(alert, subject=master.uid) if alert and alert.subject else alert


def _is_master(message: Message) -> bool:
    return keys.is_single(message.log) and not conversation_of(message.log, message.sender).target


def _line_of(master: Message) -> int:
    return conversation_of(master.log, master.sender).line


def _log_of(master: Message, user: str) -> str:
    return keys.single_conversation(master.sender, user, _line_of(master))


def _seen_by_receiver(master: Message) -> Conversation:
    return Conversation(ConversationType.SINGLE, master.sender, _line_of(master))


def _copy_id(master: Message) -> str:
    return f"~multicast:{master.uid}"
