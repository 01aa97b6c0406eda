"""Judges a history: counts what was promised and what happened, by fault class, in the manner of Maelstrom's kafka workload.

It knows nothing of the implementation. What a device should see follows from the final logs, from who was a member when,
and from what anybody had observed at that moment; everything else is compared with that.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

from bench.chaos.history import (
    REPLAYED,
    Acked,
    Adding,
    Began,
    Delivered,
    Due,
    Entry,
    History,
    Pushed,
    Refused,
    Removing,
    Restarted,
    Sent,
)

_NEVER = 1 << 60


@dataclass(slots=True)
class Counts:
    """What was counted of one fault class. All of ``VIOLATIONS`` must be zero.

    Attributes:
        sent: messages that applications sent.
        acked: of them, those that were acknowledged with a seq.
        refused: of them, those that were refused for good (a removed member writes on, a base does not exist).
        expected: deliveries that had to happen.
        received: of them, those that happened.
        repeated: deliveries repeated after a kill, as far as the client's contract allows it.
        lost: acknowledged messages that are in no log, and expected deliveries that never happened.
        late: expected deliveries that happened after they were due.
        duplicated: messages stored twice, and deliveries made twice.
        reordered: deliveries after a later one, and acknowledgements of one sender that are not in his order.
        gaps: seqs without a message in a final log, and messages that a device's application was led past.
        changed: messages that were acknowledged or delivered with a seq that is not theirs at the end.
        seen_after_removal: frames and deliveries from a time when the user was no member.
        unsettled: messages of devices that were neither acknowledged nor refused by the end.
        refused_wrongly: messages of devices that were refused though the user was a member throughout.
    """

    sent: int = 0
    acked: int = 0
    refused: int = 0
    expected: int = 0
    received: int = 0
    repeated: int = 0
    lost: int = 0
    late: int = 0
    duplicated: int = 0
    reordered: int = 0
    gaps: int = 0
    changed: int = 0
    seen_after_removal: int = 0
    unsettled: int = 0
    refused_wrongly: int = 0

    @property
    def violations(self) -> int:
        """How many promises were broken."""
        return sum(getattr(self, name) for name in VIOLATIONS)

    def plus(self, other: "Counts") -> "Counts":
        """The sum of both."""
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))


VIOLATIONS = (
    "lost",
    "late",
    "duplicated",
    "reordered",
    "gaps",
    "changed",
    "seen_after_removal",
    "unsettled",
    "refused_wrongly",
)


@dataclass(slots=True)
class Report:
    """Counts by fault class, and the first violations in words."""

    classes: dict[str, Counts]
    examples: list[str] = field(default_factory=list)

    @property
    def total(self) -> Counts:
        """All classes together."""
        total = Counts()
        for counts in self.classes.values():
            total = total.plus(counts)
        return total


def check(history: History, examples: int = 20) -> Report:
    """Judge a history; the report names at most so many violations."""
    return _Check(history, examples).run()


@dataclass(frozen=True, slots=True)
class _Stay:
    """A time in a group, in seqs: a message is *promised* in one interval and *allowed* in the wider other."""

    promised: tuple[int, int]
    allowed: tuple[int, int]


class _Check:
    def __init__(self, history: History, examples: int) -> None:
        self._history = history
        self._examples = examples
        self._report = Report({})
        self._class_of_body: dict[str, str] = {}
        self._class_of_slot: dict[tuple[str, int], str] = {}
        self._first_fault = next((event.fault for event in history.events if isinstance(event, Began)), "")
        self._sender_of: dict[str, str] = {}
        self._sent_at: dict[str, int] = {}
        self._seen_at: dict[tuple[str, int], int] = {}
        self._removals: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._returns: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._entries = {log: {entry.seq: entry for entry in entries} for log, entries in history.logs.items()}
        self._stays: dict[tuple[str, str], list[_Stay]] = {}
        self._frames_of: dict[str, list[Pushed]] = defaultdict(list)
        self._life_of: dict[str, list[tuple[int, Delivered | Restarted]]] = defaultdict(list)
        self._dues: list[tuple[int, frozenset[str] | None]] = []

    def run(self) -> Report:
        self._observe()
        self._acknowledgements()
        self._logs()
        for device, user in self._history.devices.items():
            for log, members in self._history.members.items():
                if user in members:
                    self._stays[user, log] = list(self._membership(user, log))
            self._frames(device, user)
            for log, deliveries in self._deliveries(device).items():
                self._device(device, user, log, deliveries)
        return self._report

    def _count(self, fault: str, name: str, example: str = "", by: int = 1) -> None:
        counts = self._report.classes.setdefault(fault, Counts())
        setattr(counts, name, getattr(counts, name) + by)
        if example and len(self._report.examples) < self._examples:
            self._report.examples.append(f"[{fault}] {name}: {example}")

    def _fault(self, log: str, entry: Entry) -> str:
        """The class that a slot is counted for: that of its sending, for notices that of its first observation."""
        return self._class_of_body.get(entry.body) or self._class_of_slot.get((log, entry.seq), self._first_fault)

    # --- what was observed

    def _observe(self) -> None:
        """One pass for everything that depends on the order of the events."""
        fault = self._first_fault
        newest: dict[str, int] = defaultdict(int)
        for index, event in enumerate(self._history.events):
            if isinstance(event, Pushed):
                self._frames_of[event.device].append(event)
            elif isinstance(event, Delivered | Restarted):
                self._life_of[event.device].append((index, event))
            match event:
                case Began():
                    fault = event.fault
                    self._report.classes.setdefault(fault, Counts())
                case Sent():
                    self._class_of_body[event.body] = fault
                    self._sender_of[event.body] = event.device
                    self._sent_at[event.body] = index
                    self._count(fault, "sent")
                case Acked() | Delivered() | Pushed():
                    newest[event.log] = max(newest[event.log], event.seq)
                    self._class_of_slot.setdefault((event.log, event.seq), fault)
                    self._seen_at.setdefault((event.log, event.seq), index)
                case Due():
                    self._dues.append((index, event.logs))
                case Removing():
                    self._removals[event.user, event.log].append(newest[event.log])
                case Adding():
                    self._returns[event.user, event.log].append(newest[event.log])

    def _membership(self, user: str, log: str) -> Iterator[_Stay]:
        """When a user may read a log: from its notices, and from what was known when the server was asked to change it.

        What came between the removal's first step and its notice may have been kept from him, and what came between the
        addition's first step and its notice may have been shown to him: there both is right.
        """
        removals, returns = iter(self._removals[user, log]), iter(self._returns[user, log])
        promised = allowed = self._history.start.get(log, 0) + 1
        inside = True
        for seq, entry in sorted(self._entries.get(log, {}).items()):
            if inside and user in entry.left:
                known = next(removals, 0)
                yield _Stay((promised, min(known, seq - 1)), (allowed, seq))
                inside = False
            elif not inside and user in entry.left:
                # A removal that was cut short and repeated may be told twice, and each time to him as well.
                yield _Stay((seq, seq - 1), (seq, seq))
            elif not inside and user in entry.joined:
                allowed, promised = next(returns, seq - 1) + 1, seq
                inside = True
        if inside:
            yield _Stay((promised, _NEVER), (allowed, _NEVER))

    def _promised(self, user: str, log: str, seq: int) -> bool:
        return any(low <= seq <= high for low, high in (stay.promised for stay in self._stays.get((user, log), ())))

    def _allowed(self, user: str, log: str, seq: int) -> bool:
        if seq <= self._history.start.get(log, 0):
            return user in self._history.members.get(log, ())
        return any(low <= seq <= high for low, high in (stay.allowed for stay in self._stays.get((user, log), ())))

    # --- senders and logs

    def _acknowledgements(self) -> None:
        """Each message has one seq, which is the same in every acknowledgement; a sender's are in his order."""
        seqs: dict[str, int] = {}
        refused: set[str] = set()
        for event in self._history.events:
            if isinstance(event, Acked):
                fault = self._class_of_body.get(event.body, self._first_fault)
                if event.body not in seqs:
                    seqs[event.body] = event.seq
                    self._count(fault, "acked")
                elif seqs[event.body] != event.seq:
                    told = f"{event.body} was acknowledged as {seqs[event.body]} and as {event.seq}"
                    self._count(fault, "changed", told)
            elif isinstance(event, Refused) and event.body not in refused:
                refused.add(event.body)
                self._refused(event)
        newest: dict[tuple[str, str], int] = defaultdict(int)
        places = {body: (log, seq) for log, slots in self._entries.items() for seq, body in _bodies(slots)}
        for event in self._history.events:
            if not isinstance(event, Sent):
                continue
            fault = self._class_of_body[event.body]
            seq = seqs.get(event.body)
            if seq is None:
                if event.body not in refused and event.device in self._history.devices:
                    self._count(fault, "unsettled", f"{event.body} to {event.log}")
                continue
            if event.body not in places:
                self._count(fault, "lost", f"{event.body} was acknowledged as {seq} of {event.log} and is nowhere")
            if seq < newest[event.device, event.log]:
                self._count(fault, "reordered", f"{event.body} is at {seq}, behind what its sender sent later")
            newest[event.device, event.log] = max(newest[event.device, event.log], seq)
            stored = self._entries.get(event.log, {}).get(seq)
            if event.body in places and (stored is None or stored.body != event.body):
                self._count(fault, "changed", f"{event.body} was acknowledged as {seq}, is at {places[event.body]}")

    def _refused(self, event: Refused) -> None:
        fault = self._class_of_body.get(event.body, self._first_fault)
        self._count(fault, "refused")
        device = self._sender_of.get(event.body, "")
        user = self._history.devices.get(device)
        if user is not None and not self._removals.get((user, event.log)):
            self._count(fault, "refused_wrongly", f"{event.body} to {event.log}")

    def _logs(self) -> None:
        """A log has the seqs 1..n, and no message twice."""
        for log, slots in self._entries.items():
            previous, bodies = 0, set[str]()
            for seq, entry in sorted(slots.items()):
                fault = self._fault(log, entry)
                if seq != previous + 1:
                    self._count(fault, "gaps", f"{log} goes from {previous} to {seq}", seq - previous - 1)
                if entry.body and entry.body in bodies:
                    self._count(fault, "duplicated", f"{entry.body} is stored again at {seq} of {log}")
                previous = seq
                bodies.add(entry.body)

    # --- receivers

    def _deliveries(self, device: str) -> Mapping[str, list[tuple[int, Delivered | Restarted]]]:
        """A device's deliveries by log, with the kills in between; an empty list where there were none."""
        user = self._history.devices[device]
        found: dict[str, list[tuple[int, Delivered | Restarted]]] = {
            log: [] for log, members in self._history.members.items() if user in members
        }
        for index, event in self._life_of[device]:
            if isinstance(event, Delivered):
                found.setdefault(event.log, []).append((index, event))
                continue
            for deliveries in found.values():
                deliveries.append((index, event))
        return found

    def _frames(self, device: str, user: str) -> None:
        """No frame may reach a device from a time when its user was out, whether its application shows it or not.

        A message that its own author got in while he was being removed is excepted: the promise is about receiving.
        """
        for event in self._frames_of[device]:
            if self._allowed(user, event.log, event.seq):
                continue
            entry = self._entries.get(event.log, {}).get(event.seq)
            if entry is None or entry.sender != user:
                fault = self._fault(event.log, entry) if entry else self._first_fault
                self._count(fault, "seen_after_removal", f"a frame of {event.log} {event.seq} reached {device}")

    def _device(self, device: str, user: str, log: str, deliveries: list[tuple[int, Delivered | Restarted]]) -> None:
        """One device and one log: each message once, in order, nothing left out, nothing that is not for it."""
        slots = self._entries.get(log, {})
        expected = sorted(
            seq
            for seq, entry in slots.items()
            if self._sender_of.get(entry.body) != device and self._promised(user, log, seq)
        )
        first: dict[int, int] = {}
        order: list[int] = []
        replay: set[int] = set()
        last = 0
        for index, event in deliveries:
            if isinstance(event, Restarted):
                replay = set(order[-REPLAYED:])
                continue
            seq = event.seq
            entry = slots.get(seq)
            fault = self._fault(log, entry) if entry else self._class_of_slot.get((log, seq), self._first_fault)
            where = f"{log} {seq} on {device}"
            if entry is None or entry.body != event.body:
                self._count(fault, "changed", f"{where} was shown as {event.body!r}")
            if not self._allowed(user, log, seq):
                self._count(fault, "seen_after_removal", where)
            if seq in replay:
                replay.discard(seq)
                self._count(fault, "repeated")
                continue
            if seq in first:
                self._count(fault, "duplicated", where)
                continue
            replay.clear()
            if seq < last:
                self._count(fault, "reordered", f"{where} came after {last}")
            else:
                for passed in (other for other in expected if last < other < seq):
                    passed_fault = self._fault(log, slots[passed])
                    self._count(passed_fault, "gaps", f"{log} {passed} was passed over for {seq} on {device}")
            first[seq] = index
            order.append(seq)
            last = max(last, seq)
        for seq in expected:
            self._expectation(device, log, slots[seq], first.get(seq))

    def _expectation(self, device: str, log: str, entry: Entry, delivered: int | None) -> None:
        fault = self._fault(log, entry)
        self._count(fault, "expected")
        where = f"{log} {entry.seq} {entry.body!r} on {device}"
        if delivered is None:
            self._count(fault, "lost", where)
            return
        self._count(fault, "received")
        known = self._sent_at.get(entry.body, self._seen_at.get((log, entry.seq), delivered))
        if any(known < due < delivered and (logs is None or log in logs) for due, logs in self._dues):
            self._count(fault, "late", where)


def _bodies(slots: Mapping[int, Entry]) -> Iterator[tuple[int, str]]:
    return ((seq, entry.body) for seq, entry in slots.items() if entry.body)
