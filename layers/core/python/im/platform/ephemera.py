"""The Ephemera table: node leases, rate buckets and used signatures. Everything here may vanish when its time is over."""

import uuid
from typing import Any

from im import keys
from im.platform.dynamo import ConditionFailed, Dynamo, translated_errors

_GRACE_S = 60


class Ephemera:
    """Small facts with an expiry.

    DynamoDB deletes expired items late, so every condition compares the expiry itself.
    """

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._client: Any = dynamo.client
        self._table = table

    def acquire(self, node: int, holder: str, now_ms: int, until_ms: int) -> bool:
        """Lease a uid node number (``NodeLeases``)."""
        return self._put_if(
            keys.node(node),
            {"h": {"S": holder}, "u": {"N": str(until_ms)}},
            until_ms,
            "attribute_not_exists(k) OR u < :now OR h = :h",
            {":now": {"N": str(now_ms)}, ":h": {"S": holder}},
        )

    def remember(self, family: str, sign: str, now_ms: int, until_ms: int) -> bool:
        """Remember a used signature; False when it was used before.

        The item names this very call, because the AWS client repeats a write whose answer was lost: such a repeat meets the
        item of its own first attempt, and that is not a second use.
        """
        call = uuid.uuid4().hex
        return self._put_if(
            keys.nonce(family, sign),
            {"h": {"S": call}, "u": {"N": str(until_ms)}},
            until_ms,
            "attribute_not_exists(k) OR u < :now OR h = :h",
            {":now": {"N": str(now_ms)}, ":h": {"S": call}},
        )

    def spend(self, scope: str, owner: str, amount: int, window: int, window_ms: int) -> int:
        """Add to a shared rate bucket and return its total in this window (``Buckets``)."""
        expires = (window + 1) * window_ms // 1000 + _GRACE_S
        with translated_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key={"k": {"S": keys.bucket(scope, owner, window)}},
                UpdateExpression="ADD n :a SET #t = :t",
                ExpressionAttributeNames={"#t": "ttl"},
                ExpressionAttributeValues={":a": {"N": str(amount)}, ":t": {"N": str(expires)}},
                ReturnValues="UPDATED_NEW",
                ReturnConsumedCapacity="TOTAL",
            )
        return int(answer["Attributes"]["n"]["N"])

    def _put_if(self, key: str, item: dict[str, Any], until_ms: int, condition: str, values: dict[str, Any]) -> bool:
        try:
            with translated_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item={"k": {"S": key}, "ttl": {"N": str(until_ms // 1000 + _GRACE_S)}, **item},
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnConsumedCapacity="TOTAL",
                )
        except ConditionFailed:
            return False
        return True
