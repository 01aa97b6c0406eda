"""DynamoDB for the stores: one shared client, pynamodb models bound to it, plain Python values, our errors.

pynamodb makes a botocore session and client for every model (50 to 90 ms each at start-up); here all models share one.
Failures become the two kinds that a caller can act on: ``ConditionFailed`` with the item that stood in the way, and
``BusyError`` for everything that may succeed later.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import botocore.client
import botocore.config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from im.errors import BusyError
from im.platform.parallel import run_all

Item = dict[str, Any]
"""One item as plain Python: str, int, bool, None, list and dict."""

_MAX_BATCH = 100
_MAX_BATCH_WRITE = 25
_WRITE_ATTEMPTS = 6
_RETRYABLE = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionConflictException",
        "LimitExceededException",
    }
)

M = TypeVar("M", bound=Model)


class ConditionFailed(Exception):
    """A conditional write was refused.

    Attributes:
        item: what stood at the key, when the write asked for it; else None.
    """

    def __init__(self, item: Item | None = None) -> None:
        super().__init__("condition failed")
        self.item = item


class ContendedError(BusyError):
    """A transaction met another write at one of its items; nothing of it was written."""


def make_client(session: Any, region: str, *, validate: bool = False) -> Any:
    """The process's DynamoDB client: short timeouts (a Lambda must answer), no parameter validation (measured 7 %).

    Args:
        session: the process's botocore session.
        region: the AWS region.
        validate: check every request against the service's model first, as the tests do: emulators forgive what AWS does not.
    """
    return session.create_client(
        "dynamodb",
        region_name=region,
        config=botocore.config.Config(
            parameter_validation=validate,
            connect_timeout=1,
            read_timeout=3,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def decode(value: Mapping[str, Any]) -> Any:
    """A DynamoDB attribute value as a plain Python value. Numbers are integers: we store no fractions."""
    [(kind, raw)] = value.items()
    match kind:
        case "S" | "BOOL":
            return raw
        case "N":
            return int(raw)
        case "L":
            return [decode(element) for element in raw]
        case "M":
            return {name: decode(element) for name, element in raw.items()}
        case "SS":
            return list(raw)
        case "NULL":
            return None
    raise TypeError(f"unexpected attribute type {kind}")


def encode(value: Any) -> dict[str, Any]:
    """A plain Python value as a DynamoDB attribute value."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [encode(element) for element in value]}
        case dict():
            return {"M": {name: encode(element) for name, element in value.items()}}
    raise TypeError(f"cannot store a {type(value).__name__}")


def decode_item(raw: Mapping[str, Any]) -> Item:
    """A raw DynamoDB item as plain Python."""
    return {name: decode(value) for name, value in raw.items()}


def encode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A plain item as DynamoDB wants it; attributes that are None are left out."""
    return {name: encode(value) for name, value in item.items() if value is not None}


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn pynamodb's and botocore's failures into ``ConditionFailed`` or ``BusyError``; programming errors pass."""
    try:
        yield
    except (PynamoDBException, ClientError, BotoCoreError) as error:
        raise _translate(error) from error


def _translate(error: Exception) -> Exception:
    cause = error
    if isinstance(error, TransactWriteError) and error.cause_response_code == "TransactionCanceledException":
        reasons = {reason.code for reason in error.cancellation_reasons if reason}
        if "ConditionalCheckFailed" in reasons:
            return ConditionFailed()
        return ContendedError() if "TransactionConflict" in reasons else BusyError("storage is busy")
    if isinstance(error, PynamoDBException):
        code = error.cause_response_code
        cause = error.cause or error
    elif isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code")
    else:
        return BusyError(f"storage did not answer: {type(error).__name__}")
    if code == "ConditionalCheckFailedException":
        chained = cause.__cause__ if cause.__cause__ is not None else cause
        response: Any = getattr(chained, "response", {})
        raw = response.get("Item") if isinstance(response, dict) else None
        return ConditionFailed(decode_item(raw) if raw else None)
    if code in _RETRYABLE or isinstance(cause, BotoCoreError):
        return BusyError("storage is busy")
    return error


class Key(Struct, frozen=True):
    """One item's address for ``Dynamo.batch_get``: the table, and its key attributes with their values."""

    table: str
    key: tuple[tuple[str, str | int], ...]
    consistent: bool = False


class Dynamo:
    """The shared client, and the calls that pynamodb's models do not offer.

    Args:
        client: a botocore DynamoDB client, see ``make_client``.
        pause: sleeps for the given seconds between retries of unprocessed keys.
    """

    def __init__(self, client: Any, pause: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self._pause = pause

    def bind(self, model: type[M], table: str) -> type[M]:
        """Point a model class at its table and at the shared client."""
        model.Meta.table_name = table
        model._connection = None
        model._get_connection().connection._client = self.client
        return model

    def query(
        self,
        model: type[Model],
        hash_key: str,
        range_condition: Condition | None = None,
        *,
        limit: int | None = None,
        forward: bool = True,
        consistent: bool = False,
        index: str | None = None,
        filter_condition: Condition | None = None,
        attributes: Sequence[str] | None = None,
    ) -> Iterator[Item]:
        """Items of one partition as plain dictionaries, page by page as they are consumed.

        ``limit`` bounds the number of items examined in total, None reads to the end of the partition.
        """
        left = limit
        start: Any = None
        while True:
            with translated_errors():
                page = model._get_connection().query(
                    hash_key,
                    range_key_condition=range_condition,
                    filter_condition=filter_condition,
                    consistent_read=consistent,
                    exclusive_start_key=start,
                    index_name=index,
                    limit=left,
                    scan_index_forward=forward,
                    attributes_to_get=attributes,
                )
            items = page["Items"]
            for raw in items:
                yield decode_item(raw)
            start = page.get("LastEvaluatedKey")
            if left is not None:
                left -= int(page.get("ScannedCount", len(items)))
            if not start or (left is not None and left <= 0):
                return

    def count(self, table: str, index: str, key_name: str, key: str) -> int:
        """How many items one partition of an index holds, without bringing them."""
        request: dict[str, Any] = {
            "TableName": table,
            "IndexName": index,
            "Select": "COUNT",
            "KeyConditionExpression": "#k = :k",
            "ExpressionAttributeNames": {"#k": key_name},
            "ExpressionAttributeValues": {":k": encode(key)},
            "ReturnConsumedCapacity": "TOTAL",
        }
        counted = 0
        while True:
            with translated_errors():
                page = self.client.query(**request)
            counted += int(page["Count"])
            if not page.get("LastEvaluatedKey"):
                return counted
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    @contextmanager
    def transaction(self, model: type[Model]) -> Iterator[TransactWrite]:
        """Collect writes of models, then do all of them or none; twice the write units, so never for a message.

        Raises:
            ConditionFailed: the condition of one of them did not hold.
            ContendedError: another write was at one of the items.
            BusyError: try again.
        """
        with translated_errors(), TransactWrite(connection=model._get_connection().connection) as writes:
            yield writes

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, Item]:
        """Read many items of any tables, 100 a request and the requests side by side; what does not exist is left out.

        Raises:
            BusyError: the service left keys unread after retries.
        """
        keys = list(dict.fromkeys(wanted))
        pages = [keys[offset : offset + _MAX_BATCH] for offset in range(0, len(keys), _MAX_BATCH)]
        found: dict[Key, Item] = {}
        for page in run_all([partial(self._batch_get_page, page) for page in pages]):
            found.update(page)
        return found

    def _batch_get_page(self, keys: Sequence[Key]) -> dict[Key, Item]:
        by_raw: dict[tuple[str, tuple[tuple[str, str | int], ...]], Key] = {(k.table, k.key): k for k in keys}
        request: dict[str, Any] = {}
        for key in keys:
            entry = request.setdefault(key.table, {"Keys": []})
            entry["Keys"].append({name: encode(value) for name, value in key.key})
            if key.consistent:
                entry["ConsistentRead"] = True
        names = {table: [name for name, _ in key.key] for (table, _), key in by_raw.items()}
        found: dict[Key, Item] = {}
        for attempt in range(4):
            with translated_errors():
                answer = self.client.batch_get_item(RequestItems=request, ReturnConsumedCapacity="TOTAL")
            for table, raws in answer.get("Responses", {}).items():
                for raw in raws:
                    item = decode_item(raw)
                    found[by_raw[(table, tuple((name, item[name]) for name in names[table]))]] = item
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                return found
            self._pause(random.uniform(0, 0.02 * 2**attempt))
        raise BusyError("storage is busy")

    def put_new(self, table: str, key_name: str, item: Item) -> Item | None:
        """Put an item where none is. Returns None when it was written, else the item that is there already.

        The occupant comes back with the refusal, without a second read; pynamodb's own put cannot ask for it.
        """
        try:
            with translated_errors():
                self.client.put_item(
                    TableName=table,
                    Item=encode_item(item),
                    ConditionExpression="attribute_not_exists(#k)",
                    ExpressionAttributeNames={"#k": key_name},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    ReturnConsumedCapacity="TOTAL",
                )
        except ConditionFailed as refusal:
            if refusal.item is None:
                raise BusyError("storage did not say what stands in the way") from refusal
            return refusal.item
        return None

    def batch_put(self, table: str, items: Iterable[Item]) -> None:
        """Put many items without conditions, at most 25 a request. No two of them may have the same key.

        Not atomic: when it fails, some items are written, and writing all of them again is the remedy.

        Raises:
            BusyError: the service left items unwritten after retries.
        """
        self._batch_write(table, [{"PutRequest": {"Item": encode_item(item)}} for item in items])

    def batch_delete(self, table: str, wanted: Iterable[Mapping[str, str | int]]) -> None:
        """Delete many items, given by their key attributes; an item that does not exist is fine.

        Raises:
            BusyError: the service left items undeleted after retries.
        """
        self._batch_write(table, [{"DeleteRequest": {"Key": encode_item(key)}} for key in wanted])

    def _batch_write(self, table: str, requests: Sequence[dict[str, Any]]) -> None:
        offsets = range(0, len(requests), _MAX_BATCH_WRITE)
        run_all([partial(self._write_page, table, requests[at : at + _MAX_BATCH_WRITE]) for at in offsets])

    def _write_page(self, table: str, requests: Sequence[dict[str, Any]]) -> None:
        left: Any = requests
        for attempt in range(_WRITE_ATTEMPTS):
            with translated_errors():
                answer = self.client.batch_write_item(RequestItems={table: left}, ReturnConsumedCapacity="TOTAL")
            left = answer.get("UnprocessedItems", {}).get(table)
            if not left:
                return
            self._pause(random.uniform(0, 0.05 * 2**attempt))
        raise BusyError("storage is busy")
