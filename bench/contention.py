"""Many senders in one conversation: conflicts, write units and latency, in virtual time.

Every send runs the real ``Log.append`` over the in-memory store, in a thread of its own; a scheduler lets one thread run at a
time and moves a virtual clock to the next thing that happens, so the same seed gives the same figures and nothing waits.
A call takes effect in the middle of the time that the latency model gives it. A sender's base is the last message that had
been delivered to him when he sent; the function environment that serves him knows what it appended itself before.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import quantiles

from bench.model import model
from im.errors import ImError
from im.message.log import Head, Log
from im.message.model import Message
from im.platform.uids import NODES, Uids
from tests.fakes.connect import MemoryEphemera
from tests.fakes.items import Items
from tests.fakes.message import MemoryMessageStore

_START_MS = 1_790_000_000_000
_LOG = "0:a:b:0"
_PAYLOAD = "x" * 900
_SENDS = 1_500
"""A simulation lasts so many messages."""
_ITEM_READ_UNITS = 0.25
"""A message of 1 KB is a quarter of 4 KB; the walk is consistent."""


class _Time:
    """Virtual time, and whose turn it is."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self._due: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()
        self._idle = threading.Event()

    def start(self, at_ms: float, work: Callable[[], None]) -> None:
        """Let a thread do some work from a time on."""
        turn = threading.Event()

        def run() -> None:
            turn.wait()
            try:
                work()
            finally:
                self._idle.set()

        heapq.heappush(self._due, (at_ms, next(self._numbers), turn))
        threading.Thread(target=run, daemon=True).start()

    def sleep(self, milliseconds: float) -> None:
        """Called by a working thread: others have their turn until so much time has passed."""
        turn = threading.Event()
        heapq.heappush(self._due, (self.now_ms + milliseconds, next(self._numbers), turn))
        self._idle.set()
        turn.wait()

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._due:
            self.now_ms, _, turn = heapq.heappop(self._due)
            self._idle.clear()
            turn.set()
            self._idle.wait()


@dataclass(slots=True)
class _Tally:
    puts: int = 0
    read_units: float = 0.0
    refused: int = 0
    conflicted: int = 0
    waits_ms: list[float] = field(default_factory=list)


class _SlowStore(MemoryMessageStore):
    """The log with the latency of DynamoDB, counted."""

    def __init__(self, time: _Time, random: Random, tally: _Tally) -> None:
        super().__init__(Items())
        self._time = time
        self._random = random
        self._tally = tally

    def _wait(self, operation: str) -> Callable[[], None]:
        whole = model().latency[f"dynamodb.{operation}"].draw(self._random)
        self._time.sleep(whole / 2)
        return lambda: self._time.sleep(whole / 2)

    def put(self, message: Message, *, indexed: bool) -> Message | None:
        back = self._wait("PutItem")
        self._tally.puts += 1
        occupant = super().put(message, indexed=indexed)
        back()
        return occupant

    def after(self, log: str, seq: int, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        back = self._wait("Query")
        slots = self.logs[log]
        # The log has no holes, so the walk needs no sorting.
        found = [slots[each] for each in range(seq + 1, min(seq + limit, len(slots)) + 1)]
        self._tally.read_units += max(1.0, len(found) * _ITEM_READ_UNITS)
        back()
        yield from found


@dataclass(frozen=True, slots=True)
class Contention:
    """What a rate of messages in one conversation makes.

    Attributes:
        rate: messages a second.
        conflicted: share of the messages that met another one in their slot.
        write_units: per stored message, without the uid index.
        read_units: per message, of walks.
        p50_ms, p99_ms: how long the append takes.
        refused: share that was told to try again.
    """

    rate: float
    conflicted: float
    write_units: float
    read_units: float
    p50_ms: float
    p99_ms: float
    refused: float


class _Environment:
    """One warm function environment: its log, and the head that its ``MessageService`` remembers."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.head = 0


class _Conversation:
    """The senders of one conversation and the environments that serve them."""

    def __init__(self, rate: float, seed: int, seconds: float) -> None:
        self.tally = _Tally()
        self.sent = 0
        self.time = _Time()
        self._rate = rate
        self._until_ms = seconds * 1000
        self._random = Random(seed)
        self._store = _SlowStore(self.time, self._random, self.tally)
        self._ephemera = MemoryEphemera()
        self._idle: list[_Environment] = []
        self._arrivals: list[tuple[float, int]] = []
        self._delivered = 0

    def arrive(self) -> None:
        """One sender comes, and the next one after him."""
        self.sent += 1
        draft = Message(_LOG, 0, 0, f"cid-{self.sent}", f"user-{self.sent}", 0, _PAYLOAD)
        next_ms = self.time.now_ms + self._random.expovariate(self._rate) * 1000
        if next_ms < self._until_ms:
            self.time.start(next_ms, self.arrive)
        base = self._known()
        self._pass("gateway.in")
        self._pass("dynamodb.BatchGetItem")
        environment = self._idle.pop() if self._idle else self._environment()
        began = self.time.now_ms
        try:
            appended = environment.log.append(draft, Head(base), behind=environment.head > base + 1)
        except ImError:
            self.tally.refused += 1
        else:
            seq = appended.message.seq
            environment.head = max(environment.head, seq)
            self.tally.waits_ms.append(self.time.now_ms - began)
            heapq.heappush(self._arrivals, (self.time.now_ms + self._draw("socket.post"), seq))
        finally:
            self._idle.append(environment)

    def _known(self) -> int:
        """The last message that has been delivered by now."""
        while self._arrivals and self._arrivals[0][0] <= self.time.now_ms:
            self._delivered = max(self._delivered, heapq.heappop(self._arrivals)[1])
        return self._delivered

    def _draw(self, call: str) -> float:
        return model().latency[call].draw(self._random)

    def _pass(self, call: str) -> None:
        self.time.sleep(self._draw(call))

    def _environment(self) -> _Environment:
        def now() -> int:
            return _START_MS + int(self.time.now_ms)

        def count(_name: str, _puts: float) -> None:
            self.tally.conflicted += 1

        uids = Uids(self._ephemera, now, lambda: self._random.randrange(NODES))
        return _Environment(Log(self._store, uids, index_uids=False, count=count))


def simulate(rate: float, seed: int = 1) -> Contention:
    """Senders that arrive at random, on average so many a second."""
    conversation = _Conversation(rate, seed, _SENDS / rate)
    conversation.time.start(0.0, conversation.arrive)
    conversation.time.run()
    tally, stored = conversation.tally, len(conversation.tally.waits_ms)
    cuts = quantiles(tally.waits_ms, n=100)
    return Contention(
        rate,
        tally.conflicted / conversation.sent,
        tally.puts / stored,
        tally.read_units / conversation.sent,
        cuts[49],
        cuts[98],
        tally.refused / conversation.sent,
    )


BATCH = 10
"""A batch of a FIFO queue holds at most so many."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What the same messages make when they are appended by one worker behind a FIFO queue.

    Attributes:
        rate: messages a second.
        batch: how many the worker gets at once, on average.
        p50_ms, p99_ms: from the function that would append to the message being durable.
        worker_ms: how long the worker takes per message.
    """

    rate: float
    batch: float
    p50_ms: float
    p99_ms: float
    worker_ms: float


def simulate_queue(rate: float, *, transactions: bool, seed: int = 1) -> Queued:
    """Messages that arrive at random, on average so many a second, and one batch of them at a time.

    The worker knows the head from its last batch, so it meets nobody. It appends one after another, because a batch that is
    cut must not leave a hole; or all of a batch in a transaction, which costs every write twice.
    """
    random, latency = Random(seed), model().latency

    def draw(call: str) -> float:
        return latency[call].draw(random)

    sent: list[float] = []
    now = 0.0
    for _ in range(_SENDS):
        now += random.expovariate(rate) * 1000
        sent.append(now)
    ready = sorted((at + draw("sqs.SendMessageBatch"), at) for at in sent)
    waits: list[float] = []
    free, batches, worked, taken = 0.0, 0, 0.0, 0
    while taken < len(ready):
        begin = max(free, ready[taken][0])
        batch = [at for visible, at in ready[taken : taken + BATCH] if visible <= begin]
        taken += len(batch)
        batches += 1
        start = done = begin + draw("sqs.handover")
        if transactions:
            done += draw("dynamodb.TransactWriteItems")
            waits += [done - at for at in batch]
        else:
            for at in batch:
                done += draw("dynamodb.PutItem")
                waits.append(done - at)
        worked += done - start
        free = done + draw("sqs.DeleteMessageBatch")
    cuts = quantiles(waits, n=100)
    return Queued(rate, len(ready) / batches, cuts[49], cuts[98], worked / len(ready))
