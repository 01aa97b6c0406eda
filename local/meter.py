"""Counts what AWS would bill, call by call.

moto reports constant capacity; here DynamoDB's units are computed from the sizes of the items that a call touched, with
the writes to global indexes, by the documented rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
(read-write-operations, CapacityUnitCalculations, GSI write costs). Lambda's duration is the one measured here, which says
nothing about AWS's.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from local.calls import Call, Caller
from local.template import Function, Index, Table

Item = dict[str, Any]

_READ_UNIT = 4096
_WRITE_UNIT = 1024
_SOCKET_UNIT = 32 * 1024
_QUEUE_UNIT = 64 * 1024
_NARROWING = ("FilterExpression", "ProjectionExpression", "Select")
"""What makes a query return less than it reads."""


@dataclass(frozen=True, slots=True)
class Price:
    """What ``per`` units cost."""

    usd: float
    per: float
    unit: str


@cache
def prices() -> Mapping[str, Price]:
    """The price file."""
    raw = json.loads((Path(__file__).parent / "prices.json").read_text())
    return {name: Price(**price) for name, price in raw["prices"].items()}


@dataclass(frozen=True, slots=True)
class Record:
    """One billed thing.

    Attributes:
        operation: ``PutItem``, ``post``, ``invoke``, ...
        resource: the table, queue, route, ... that it was done to.
        units: name in the price file -> number.
        function: the function that did it, or an empty text.
        invocation: the id of its invocation.
        helper: whether a thread that the handler started did it, perhaps in parallel with others.
        at: when, on ``time.monotonic``.
    """

    service: str
    operation: str
    resource: str
    units: Mapping[str, float]
    function: str = ""
    invocation: str | None = None
    helper: bool = False
    at: float = 0.0


@dataclass(slots=True)
class Measurement:
    """The records of a stretch of time."""

    records: list[Record] = field(default_factory=list)

    def units(self, name: str, *, function: str | None = None, resource: str | None = None) -> float:
        """How many units of a kind there were, such as ``dynamodb.write``, perhaps of one function or table only.

        Raises:
            KeyError: the price file does not have that unit.
        """
        prices()[name]
        return sum(
            record.units.get(name, 0.0)
            for record in self.records
            if function in (None, record.function) and resource in (None, record.resource)
        )

    def calls(self, *, function: str | None = None, service: str | None = None) -> list[Record]:
        """The AWS calls that functions made, in order of time."""
        return [
            record
            for record in self.records
            if record.function
            and record.operation != "invoke"
            and function in (None, record.function)
            and service in (None, record.service)
        ]

    @property
    def usd(self) -> float:
        """What all of it costs."""
        return sum(self.totals().values())

    @property
    def counted_usd(self) -> float:
        """The same without the time that functions took: what remains does not depend on how busy this machine is."""
        return sum(dollars for name, dollars in self.totals().items() if name != "lambda.gb_second")

    def totals(self) -> dict[str, float]:
        """Dollars by unit."""
        dollars: dict[str, float] = defaultdict(float)
        for record in self.records:
            for name, number in record.units.items():
                price = prices()[name]
                dollars[name] += number * price.usd / price.per
        return dict(dollars)

    def table(self, scale: int = 1) -> str:
        """A text table: each unit by who used it for what, with the cost of ``scale`` such stretches."""
        rows: dict[tuple[str, str], float] = defaultdict(float)
        for record in self.records:
            where = " ".join(part for part in (record.function, record.operation, record.resource) if part)
            for name, number in record.units.items():
                rows[name, where] += number
        lines = [f"{'unit':<18} {'used by':<58} {'number':>12} {'USD':>12}"]
        for (name, where), number in sorted(rows.items()):
            usd = number * prices()[name].usd / prices()[name].per * scale
            lines.append(f"{name:<18} {where:<58} {number * scale:>12,.6g} {usd:>12.6f}")
        lines.append(f"{'total':<18} {'':<58} {'':>12} {self.usd * scale:>12.6f}")
        return "\n".join(lines)


class Meter:
    """Collects records from the cloud, the gateway, the pumps and the function host. Safe from all threads.

    Args:
        tables: the tables by physical name.
        fifo_queues: names of the FIFO queues.
        peek: reads an item by its key, free of charge.
        twin: executes a query or scan with these parameters, free of charge, and returns DynamoDB's answer.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        fifo_queues: frozenset[str],
        peek: Callable[[str, Mapping[str, Any]], Item | None],
        twin: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        self._tables = tables
        self._fifo_queues = fifo_queues
        self._peek = peek
        self._twin = twin
        self._lock = threading.Lock()
        self._measurements: list[Measurement] = []

    @contextmanager
    def measure(self) -> Iterator[Measurement]:
        """Record what happens until the end of the block. Blocks may overlap; each sees everything."""
        measurement = Measurement()
        with self._lock:
            self._measurements.append(measurement)
        try:
            yield measurement
        finally:
            with self._lock:
                self._measurements.remove(measurement)

    def _record(
        self,
        service: str,
        operation: str,
        resource: str,
        units: Mapping[str, float],
        caller: Caller | None = None,
        *,
        helper: bool = False,
    ) -> None:
        record = Record(
            service,
            operation,
            resource,
            units,
            caller.function if caller else "",
            caller.invocation if caller else None,
            helper,
            time.monotonic(),
        )
        self._add(record)

    def _add(self, record: Record) -> None:
        with self._lock:
            for measurement in self._measurements:
                measurement.records.append(record)

    # The cloud's calls

    def before(self, call: Call) -> Any:
        """Note the items that a write is about to change. The runner's own calls, and calls while nobody measures, are
        not looked at."""
        if not self._measurements or call.caller is None:
            return None
        if call.service == "dynamodb":
            return [self._peek(write.table, write.key) for write in _writes(call)]
        return True

    def after(self, call: Call, noted: Any, status: int, body: bytes) -> None:
        """Record a call."""
        if noted is None:
            return
        units = self._units(call, noted, status, body)
        self._record(call.service, call.operation, call.resource, units, call.caller, helper=call.helper)

    def _units(self, call: Call, noted: Any, status: int, body: bytes) -> dict[str, float]:
        match call.service:
            case "dynamodb":
                refused = b"ConditionalCheckFailed" in body or b"TransactionCanceled" in body
                return self._dynamodb(call, noted, status, body) if status == 200 or refused else {}
            case "sqs":
                texts = [call.params.get("MessageBody", "")]
                texts += [entry["MessageBody"] for entry in call.params.get("Entries", []) if "MessageBody" in entry]
                return self._queue_units(call.resource, sum(len(text.encode()) for text in texts))
            case "sns":
                size = sum(len(str(value).encode()) for value in call.params.values())
                return {"sns.publish": _units_of(size, _QUEUE_UNIT)} if call.operation.startswith("Publish") else {}
            case "s3":
                reads = call.operation.startswith(("Get", "Head"))
                return {"s3.read" if reads else "s3.write": 1}
            case "secrets-manager":
                return {"secrets.request": 1}
        return {}

    def _queue_units(self, queue: str, size: int) -> dict[str, float]:
        kind = "sqs.fifo_request" if queue in self._fifo_queues else "sqs.request"
        return {kind: _units_of(size, _QUEUE_UNIT)}

    def _dynamodb(self, call: Call, noted: Sequence[Item | None], status: int, body: bytes) -> dict[str, float]:
        params = call.params
        match call.operation:
            case "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem":
                return {"dynamodb.write": self._written(call, noted, status)}
            case "TransactWriteItems":
                return {"dynamodb.write": 2 * self._written(call, noted, status)}
            case "GetItem":
                return {"dynamodb.read": self._got(params["TableName"], params["Key"], params)}
            case "BatchGetItem":
                requests = params["RequestItems"].items()
                units = sum(self._got(table, key, request) for table, request in requests for key in request["Keys"])
                return {"dynamodb.read": units}
            case "TransactGetItems":
                gets = [item["Get"] for item in params["TransactItems"]]
                strong = {"ConsistentRead": True}
                return {"dynamodb.read": 2 * sum(self._got(get["TableName"], get["Key"], strong) for get in gets)}
            case "Query" | "Scan":
                return {"dynamodb.read": self._examined(call, body)}
        return {}

    def _written(self, call: Call, noted: Sequence[Item | None], status: int) -> float:
        units = 0.0
        for write, before in zip(_writes(call), noted, strict=True):
            table = self._tables[write.table]
            # A refused write costs as much as one of the item that stood there.
            after = self._peek(write.table, write.key) if status == 200 else before
            units += max(_units_of(item_size(item), _WRITE_UNIT) for item in (before or {}, after or {}))
            if status == 200 and not write.check_only:
                units += sum(_index_writes(table, index, before, after) for index in table.indexes)
        return units

    def _got(self, table: str, key: Mapping[str, Any], request: Mapping[str, Any]) -> float:
        return _rate(request) * _units_of(item_size(self._peek(table, key) or {}), _READ_UNIT)

    def _examined(self, call: Call, body: bytes) -> float:
        """What a query or scan read: all that it looked at, before filters and projections, rounded up once a page."""
        params = call.params
        if any(name in params for name in _NARROWING):
            kept = {name: value for name, value in params.items() if name not in _NARROWING}
            answer = self._twin(call.operation, _without_unused(kept))
        else:
            answer = json.loads(body)
        size = sum(item_size(item) for item in answer["Items"])
        return _rate(params) * _units_of(size, _READ_UNIT)

    # Everything else

    def socket_in(self, route: str, size: int) -> None:
        """A message came in from a client."""
        self._record("socket", "in", route, {"socket.message": _units_of(size, _SOCKET_UNIT)})

    def socket_out(self, size: int, *, posted_by: Caller | None) -> None:
        """A message went out to a client."""
        units = {"socket.message": _units_of(size, _SOCKET_UNIT), "egress.byte": size}
        self._record("socket", "post" if posted_by else "answer", "", units, posted_by)

    def socket_closed(self, minutes: int) -> None:
        """A connection ended."""
        self._record("socket", "connected", "", {"socket.minute": minutes})

    def called(self, call: Call) -> None:
        """The connection management API was called, for something else than a post that succeeded: not billed."""
        self._record(call.service, call.operation, call.resource, {}, call.caller)

    def egress(self, source: str, size: int) -> None:
        """Bytes went out by HTTP."""
        self._record("egress", source, "", {"egress.byte": size})

    def bucket_request(self, operation: str) -> None:
        """An outside client used a bucket."""
        self._record("s3", operation, "", {"s3.read" if operation.startswith("Get") else "s3.write": 1})

    def queue_request(self, operation: str, queue: str, size: int) -> None:
        """An event source made a request."""
        self._record("sqs", operation, queue, self._queue_units(queue, size))

    def invoked(self, function: Function, invocation: str, seconds: float) -> None:
        """A function ran."""
        units = {"lambda.request": 1.0, "lambda.gb_second": seconds * function.memory_mb / 1024}
        self._add(Record("lambda", "invoke", "", units, function.id, invocation, False, time.monotonic()))


def _units_of(size: int, unit: int) -> int:
    """So many units does a size take; nothing takes one as well."""
    return max(1, -(-size // unit))


def _rate(request: Mapping[str, Any]) -> float:
    """Read units for each 4 KB."""
    return 1.0 if request.get("ConsistentRead") in (True, "true") else 0.5


def item_size(item: Mapping[str, Any]) -> int:
    """The size of an item in bytes, as DynamoDB counts it: names and values of its attributes."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, raw)] = value.items()
    match kind:
        case "S":
            return len(raw.encode())
        case "N":
            return _number_size(raw)
        case "B":
            return len(raw) * 3 // 4
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_size(element) for element in raw)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(element) for name, element in raw.items())
        case "SS":
            return sum(len(element.encode()) for element in raw)
        case "NS":
            return sum(_number_size(element) for element in raw)
        case "BS":
            return sum(len(element) * 3 // 4 for element in raw)
    raise ValueError(f"unknown attribute type {kind}")


def _number_size(text: str) -> int:
    """One byte for two significant digits, and one more; a sign takes a byte."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


@dataclass(frozen=True, slots=True)
class _Write:
    table: str
    key: Mapping[str, Any]
    check_only: bool = False


def _writes(call: Call) -> list[_Write]:
    """The items that a call writes, by tables and keys (with more attributes in the case of puts)."""
    params = call.params
    match call.operation:
        case "PutItem":
            return [_Write(params["TableName"], params["Item"])]
        case "UpdateItem" | "DeleteItem":
            return [_Write(params["TableName"], params["Key"])]
        case "BatchWriteItem":
            return [
                _Write(
                    table, request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
                )
                for table, requests in params["RequestItems"].items()
                for request in requests
            ]
        case "TransactWriteItems":
            return [
                _Write(action["TableName"], action.get("Item") or action["Key"], kind == "ConditionCheck")
                for item in params["TransactItems"]
                for kind, action in item.items()
            ]
    return []


def _index_writes(table: Table, index: Index, before: Item | None, after: Item | None) -> float:
    """Write units for keeping one global index: none, an entry written, or one deleted and another written."""
    old, new = _entry(table, index, before), _entry(table, index, after)
    if old == new:
        return 0
    sizes = [_units_of(item_size(entry), _WRITE_UNIT) for entry in (old, new) if entry is not None]
    if old is not None and new is not None and all(old[name] == new[name] for name in index.keys):
        return max(sizes)
    return sum(sizes)


def _entry(table: Table, index: Index, item: Item | None) -> Item | None:
    """An item as an index holds it; None when it lacks a key of the index."""
    if item is None or any(name not in item for name in index.keys):
        return None
    if index.projection == "ALL":
        return item
    kept = {*index.keys, *table.keys, *index.included}
    return {name: value for name, value in item.items() if name in kept}


def _without_unused(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without the placeholders that only a removed expression used; DynamoDB refuses unused ones."""
    text = str(params.get("KeyConditionExpression", ""))
    kept = dict(params)
    for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if name in kept:
            kept[name] = {key: value for key, value in kept[name].items() if key in text}
            if not kept[name]:
                del kept[name]
    return kept
