"""AWS in process: moto's backends behind one call border.

Every botocore client of the process sends its requests through ``_border``. While a ``Cloud`` is started, it answers
them from moto's backends under one re-entrant lock (moto has none, and loses conditional writes to races), after the
faults had their say, and lets the meter see what each call did. Calls to the connection management API go through to the
gateway.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import botocore.endpoint
import botocore.session
import moto.core.responses
import moto.dynamodb.models
import moto.s3.models
import moto.secretsmanager.models
import moto.sns.models
import moto.sqs.models
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import MockRawResponse
from moto.core.common_models import BaseModel
from moto.core.models import botocore_stubber
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import method_names_from_class
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table as MotoTable
from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS
from moto.sqs.models import Queue as MotoQueue

from local.calls import Call, Killed, decode_params
from local.events import QueueMessage
from local.isolation import Owner, owner
from local.template import ACCOUNT, REGION, Index, Queue, Table, Template

Reply = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body of an answer."""

Item = dict[str, Any]
"""An item in DynamoDB's JSON: attribute -> {type: value}."""


class Witness(Protocol):
    """Sees every call from inside the lock; the meter is one."""

    def before(self, call: Call) -> Any:
        """The call is about to happen. What this returns is given to ``after``."""

    def after(self, call: Call, noted: Any, status: int, body: bytes) -> None:
        """The call has happened."""


class Interference(Protocol):
    """May change the fate of a call; the faults are one."""

    def before(self, call: Call) -> Reply | None:
        """Before the call takes effect. Returns an answer instead of the call, or raises what the caller shall see."""

    def after(self, call: Call) -> Reply | None:
        """After it took effect. Returns an answer instead of the true one, or raises what the caller shall see."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a bucket; ``headers`` are its content type and metadata, names in lower case."""

    key: str
    content: bytes
    headers: Mapping[str, str]


_BACKOFF_S = 0.005
_active: "Cloud | None" = None


def _border(event_name: str, request: AWSPreparedRequest, **_more: Any) -> AWSResponse | None:
    """The ``before-send`` hook of every client that was made since this module was imported."""
    cloud = _active
    caller = owner()
    if caller is not None and not caller.alive:
        raise Killed
    if cloud is None:
        stubbed: AWSResponse | None = botocore_stubber(event_name, request=request)
        return stubbed
    _, service, operation = event_name.split(".")
    if service == "apigatewaymanagementapi":
        return None
    return cloud.send(service, operation, request, caller)


# In the place of moto's own hook: botocore calls all hooks, and two of them would execute every request twice.
BUILTIN_HANDLERS[BUILTIN_HANDLERS.index(("before-send", botocore_stubber))] = ("before-send", _border)


@cache
def _client(service: str) -> Any:
    session: Session = botocore.session.get_session()
    session.set_credentials("LOCAL", "local")
    return session.create_client(service, region_name=REGION)


class Cloud:
    """The backends of one run. One cloud at a time is started in a process.

    Args:
        now_ms: the time that queues go by.
        witness: the meter.
        interference: the faults.
        on_message: called with a queue's name, in any thread, when a message may have arrived there.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        witness: Witness,
        interference: Interference,
        on_message: Callable[[str], None],
    ) -> None:
        self.lock = threading.RLock()
        self._now_ms = now_ms
        self._queues_ahead_ms = 0.0
        self._witness = witness
        self._interference = interference
        self._on_message = on_message
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Take over all clients of the process, with empty backends.

        Raises:
            RuntimeError: another cloud is started.
        """
        global _active
        if _active is not None:
            raise RuntimeError("another topology is running in this process; stop it first")
        _active = self
        BackendDict.reset()
        # Nothing recovers here while a client waits between two tries.
        self._replace(
            botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, _BACKOFF_S)))
        )
        self._replace(moto.sqs.models, "unix_time_millis", self._queue_time_ms)
        self._replace(moto.sqs.models, "unix_time", lambda: self._queue_time_ms() / 1000)
        self._replace(MotoTable, "query", _query_of_one_partition(MotoTable.query))
        self._replace(moto.core.responses, "method_names_from_class", cache(method_names_from_class))
        structure = BaseJSONSerializer._serialize_type_structure
        self._replace(BaseJSONSerializer, "_serialize_type_structure", _plain_attribute_values(structure))
        self._replace(MotoQueue, "add_message", _deduplicated(MotoQueue.add_message))
        self._replace(BaseModel, "__new__", _untracked)

    def stop(self) -> None:
        """Let go of the clients, and drop all data. One that could not start leaves alone the one that is started."""
        global _active
        if _active is not self:
            return
        while self._undo:
            self._undo.pop()()
        with self.lock:
            BackendDict.reset()
        _active = None

    def _replace(self, place: Any, name: str, value: Any) -> None:
        original = getattr(place, name)
        self._undo.append(lambda: setattr(place, name, original))
        setattr(place, name, value)

    def client(self, service: str) -> Any:
        """The runner's own client of a service."""
        return _client(service)

    def send(self, service: str, operation: str, request: AWSPreparedRequest, caller: Owner | None) -> AWSResponse:
        """Answer a client's request; ``caller`` is None outside of functions.

        Raises:
            Killed: the calling function is dead, or dies of this call.
            botocore.exceptions.HTTPClientError: a fault made the call time out.
        """
        params = decode_params(service, request.method, request.url, request.body)
        helper = caller is not None and caller.thread is not threading.current_thread()
        call = Call(service, operation, params, caller, helper)
        reply = self._interference.before(call)
        if reply is None:
            with self.lock:
                if caller is not None and not caller.alive:
                    raise Killed
                noted = self._witness.before(call)
                reply = self._execute(service, request)
                self._witness.after(call, noted, reply[0], reply[2])
            self._wake(call)
            reply = self._interference.after(call) or reply
        status, headers, body = reply
        return AWSResponse(request.url, status, headers, MockRawResponse(body))

    def _execute(self, service: str, request: AWSPreparedRequest) -> Reply:
        if service == "s3":
            request.url = _s3_url(request.url)
        answer = botocore_stubber.process_request(request)
        if answer is None:
            raise RuntimeError(f"the local cloud does not know {service} at {request.url}")
        status, headers, body = answer
        return status, headers, body.encode() if isinstance(body, str) else body

    def _wake(self, call: Call) -> None:
        if call.service == "sqs" and call.operation.startswith("SendMessage"):
            self._on_message(call.resource)
        elif call.service == "sns" and call.operation.startswith("Publish"):
            for queue in list(moto.sqs.models.sqs_backends[ACCOUNT][REGION].queues):
                self._on_message(queue)

    # Provisioning

    def provision(self, template: Template, secrets: Mapping[str, Sequence[str]]) -> None:
        """Create everything that the template has; ``secrets`` are their values, oldest first, by logical id."""
        for table in template.tables.values():
            self._create_table(table)
        for queue in sorted(template.queues.values(), key=lambda queue: queue.dead_letter_arn is not None):
            self._create_queue(queue)
        for topic in template.topics.values():
            attributes = {"FifoTopic": "true"} if topic.fifo else {}
            self.client("sns").create_topic(Name=topic.name, Attributes=attributes)
        for subscription in template.subscriptions:
            chosen = {
                "RawMessageDelivery": str(subscription.raw).lower(),
                "FilterPolicy": subscription.filter_policy,
                "FilterPolicyScope": subscription.filter_scope,
            }
            self.client("sns").subscribe(
                TopicArn=subscription.topic_arn,
                Protocol="sqs",
                Endpoint=subscription.queue_arn,
                Attributes={name: value for name, value in chosen.items() if value is not None},
            )
        for bucket in template.buckets.values():
            self.client("s3").create_bucket(Bucket=bucket.name)
        for secret in template.secrets.values():
            first, *later = secrets[secret.id]
            self.client("secretsmanager").create_secret(Name=secret.name, SecretString=first)
            for value in later:
                self.set_secret(secret.name, value)

    def _create_table(self, table: Table) -> None:
        optional: dict[str, Any] = {}
        if table.indexes:
            optional["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index.name,
                    "KeySchema": _key_schema(index.keys),
                    "Projection": _projection(index),
                }
                for index in table.indexes
            ]
        if table.stream_view:
            optional["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream_view}
        client = self.client("dynamodb")
        client.create_table(
            TableName=table.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in table.types.items()],
            KeySchema=_key_schema(table.keys),
            **optional,
        )
        if table.ttl_attribute:
            specification = {"Enabled": True, "AttributeName": table.ttl_attribute}
            client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=specification)

    def _create_queue(self, queue: Queue) -> None:
        attributes = {
            "DelaySeconds": str(queue.delay_s),
            "MessageRetentionPeriod": str(queue.retention_s),
            "VisibilityTimeout": str(queue.visibility_s),
        }
        if queue.fifo:
            attributes["FifoQueue"] = "true"
            attributes["ContentBasedDeduplication"] = str(queue.content_deduplication).lower()
        if queue.dead_letter_arn:
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": queue.dead_letter_arn, "maxReceiveCount": queue.max_receives}
            )
        self.client("sqs").create_queue(QueueName=queue.name, Attributes=attributes)

    # Tables

    def item(self, table: str, key: Mapping[str, Any]) -> Item | None:
        """An item by its key, or None, for the runner. Other attributes in ``key`` are not looked at."""
        with self.lock:
            backend = _moto_table(table)
            wanted = [DynamoType(key[name]) for name in backend.table_key_attrs]
            found = backend.get_item(wanted[0], wanted[1] if len(wanted) > 1 else None)
            return found.to_json()["Attributes"] if found else None

    def items(self, table: str) -> Iterator[Item]:
        """All items of a table, for the runner."""
        with self.lock:
            found = [item.to_json()["Attributes"] for item in _moto_table(table).all_items()]
        yield from found

    def put_items(self, table: str, items: Sequence[Item]) -> None:
        """Put items as they are, for the runner."""
        with self.lock:
            backend = _moto_table(table)
            for item in items:
                backend.put_item(item)

    def dynamodb(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Execute an operation for the runner, whoever's thread this is: no fault strikes it, and it costs nothing.

        Raises:
            RuntimeError: DynamoDB refuses it.
        """
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        url = f"https://dynamodb.{REGION}.amazonaws.com/"
        request = AWSPreparedRequest("POST", url, headers, json.dumps(params).encode(), False)
        with self.lock:
            status, _, body = self._execute("dynamodb", request)
        if status != 200:
            raise RuntimeError(f"{operation}: {body!r}")
        answer: Mapping[str, Any] = json.loads(body)
        return answer

    # Secrets and objects

    def secret_versions(self, name: str) -> dict[str, str]:
        """The values of a secret by their stages, such as AWSCURRENT."""
        with self.lock:
            versions = moto.secretsmanager.models.secretsmanager_backends[ACCOUNT][REGION].secrets[name].versions
            return {stage: v["secret_string"] for v in versions.values() for stage in v["version_stages"]}

    def set_secret(self, name: str, value: str) -> None:
        """Rotate a secret: the value becomes the current one, and the current one the previous one."""
        self.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)

    def objects(self, bucket: str) -> list[StoredObject]:
        """All objects of a bucket, for the runner."""
        with self.lock:
            return [_stored(name, key) for name, key in _moto_bucket(bucket).keys.items()]

    def object(self, bucket: str, key: str) -> StoredObject | None:
        """One object of a bucket, or None, for the runner."""
        with self.lock:
            found = _moto_bucket(bucket).keys.get(key)
            return _stored(key, found) if found is not None else None

    def put_object(self, bucket: str, item: StoredObject) -> None:
        """Store an object, for the runner."""
        with self.lock:
            backend = moto.s3.models.s3_backends[ACCOUNT]["aws"]
            backend.put_object(bucket, item.key, item.content).set_metadata(dict(item.headers))

    # Queues

    def _queue_time_ms(self) -> float:
        return self._now_ms() + self._queues_ahead_ms

    def receive(self, queue: str, count: int, visibility_s: int) -> list[QueueMessage]:
        """Receive messages as an event source mapping does; those received too often go to the dead-letter queue."""
        with self.lock:
            backend = moto.sqs.models.sqs_backends[ACCOUNT][REGION]
            # moto lets go of a group's messages that became visible together one by one, so that the last comes first.
            waiting = backend.queues[queue]
            waiting._pending_messages = {each for each in waiting._pending_messages if not each.visible}
            found = backend.receive_message(queue, count, 0, visibility_s, ["All"])
            return [_received(message) for message in found]

    def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete received messages."""
        with self.lock:
            for receipt in receipts:
                moto.sqs.models.sqs_backends[ACCOUNT][REGION].delete_message(queue, receipt)

    def redrive(self, dead: Queue, queue: Queue) -> None:
        """Move what is in a dead-letter queue back, as ``StartMessageMoveTask`` does: moto does not know it."""
        with self.lock:
            for message in _moto_queue(dead.name):
                fifo: dict[str, Any] = {}
                if queue.fifo:
                    # Whoever redrives comes after the five minutes in which a repetition would be dropped.
                    fifo = {"MessageGroupId": message.group_id, "MessageDeduplicationId": message.id}
                backend = moto.sqs.models.sqs_backends[ACCOUNT][REGION]
                backend.queues[dead.name]._messages.remove(message)
                self.client("sqs").send_message(QueueUrl=queue.url, MessageBody=message.body, **fifo)

    def bodies(self, queue: str) -> list[str]:
        """The bodies of all messages in a queue, received or not, oldest first."""
        with self.lock:
            return [message.body for message in _moto_queue(queue)]

    def due_in_ms(self, queue: str) -> float | None:
        """How long until a message of the queue can be received: 0 for now, None when it is empty."""
        with self.lock:
            now = self._queue_time_ms()
            messages = _moto_queue(queue)
            # Messages of a FIFO group wait for the one of them that is being handled.
            groups: dict[str, float] = {}
            for message in messages:
                if message.group_id is not None and message.visible_at > now:
                    groups[message.group_id] = max(message.visible_at, groups.get(message.group_id, 0.0))
            dues = [max(m.visible_at, m.delayed_until, groups.get(m.group_id, 0.0)) for m in messages]
        return max(0.0, min(dues) - now) if dues else None

    def put_queues_forward(self, milliseconds: float) -> None:
        """Let time pass for all queues, and for nothing else."""
        self._queues_ahead_ms += milliseconds


def _moto_queue(name: str) -> list[Any]:
    return list(moto.sqs.models.sqs_backends[ACCOUNT][REGION].queues[name]._messages)


def _moto_bucket(name: str) -> Any:
    return moto.s3.models.s3_backends[ACCOUNT]["aws"].buckets[name]


def _stored(name: str, key: Any) -> StoredObject:
    headers = {header: value for header, value in key.metadata.items() if is_kept_header(header)}
    return StoredObject(name, key.value, headers)


def is_kept_header(name: str) -> bool:
    """Whether S3 keeps a header (in lower case) of an upload and sends it with the object."""
    return name in ("cache-control", "content-disposition", "content-type") or name.startswith("x-amz-meta-")


def _moto_table(name: str) -> MotoTable:
    return moto.dynamodb.models.dynamodb_backends[ACCOUNT][REGION].get_table(name)


def _key_schema(keys: Sequence[str]) -> list[dict[str, str]]:
    return [{"AttributeName": n, "KeyType": k} for n, k in zip(keys, ("HASH", "RANGE"), strict=False)]


def _projection(index: Index) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.included:
        projection["NonKeyAttributes"] = list(index.included)
    return projection


def _received(message: Any) -> QueueMessage:
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    for name, value in (
        ("SequenceNumber", message.sequence_number),
        ("MessageGroupId", message.group_id),
        ("MessageDeduplicationId", message.deduplication_id),
    ):
        if value is not None:
            attributes[name] = value
    message_attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.message_attributes.items()
    }
    return QueueMessage(
        message.id, message.receipt_handle, message.body, message.body_md5, attributes, message_attributes
    )


def _s3_url(url: str) -> str:
    """A bucket's address on the loopback port as the address that moto knows; others are left alone."""
    parts = urlsplit(url)
    if parts.hostname and parts.hostname.endswith("amazonaws.com"):
        return url
    return urlunsplit(("https", f"s3.{REGION}.amazonaws.com", parts.path, parts.query, ""))


def _query_of_one_partition(query: Callable[..., Any]) -> Callable[..., Any]:
    """moto sorts the whole table for each query; this lets it see the items of one partition only."""

    def fast(
        self: MotoTable,
        hash_key: DynamoType | None,
        comparison: str | None,
        values: list[DynamoType],
        limit: int,
        start: dict[str, Any],
        forward: bool,
        projection: list[list[str]] | None,
        index_name: str | None = None,
        *rest: Any,
        **others: Any,
    ) -> Any:
        if index_name or hash_key is None or not self.range_key_attr:
            return query(
                self, hash_key, comparison, values, limit, start, forward, projection, index_name, *rest, **others
            )
        items = list(self.items[hash_key].values()) if hash_key in self.items else []
        self.all_items = lambda: items  # type: ignore[method-assign]
        try:
            return query(
                self, hash_key, comparison, values, limit, start, forward, projection, index_name, *rest, **others
            )
        finally:
            del self.all_items

    return fast


def _plain_attribute_values(serialize: Callable[..., None]) -> Callable[..., None]:
    """moto looks up every member of DynamoDB's values under several names; they already are what is to be sent."""

    def fast(self: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and not _has_bytes(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    return fast


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(element, dict | list | bytes) and _has_bytes(element) for element in value.values())
    if isinstance(value, list):
        return any(_has_bytes(element) for element in value)
    return isinstance(value, bytes)


def _untracked(cls: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    """moto keeps every object that it ever made, for its dashboard: each item, and a copy of the table per transaction."""
    return object.__new__(cls)


def _deduplicated(add_message: Callable[..., None]) -> Callable[..., None]:
    """moto drops a repeated message of a FIFO queue only while the first one is there; AWS does it for five minutes."""
    seen: dict[tuple[str, str], float] = {}

    def add(self: MotoQueue, message: Any) -> None:
        if self.fifo_queue and message.deduplication_id:
            key = (self.queue_arn, message.deduplication_id)
            first = seen.get(key)
            if first is not None and message.sent_timestamp - first < DEDUPLICATION_TIME_IN_SECONDS * 1000:
                return
            seen[key] = message.sent_timestamp
        add_message(self, message)

    return add
