"""Delivers callbacks to the business back end. One may be delivered twice, with the same id."""

from typing import Any

from im.callback.worker import Received
from im.platform import telemetry
from im.wiring.callback_worker import callback_worker


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch; only what must come again comes back."""
    try:
        failed = callback_worker().serve([_received(record) for record in event["Records"]])
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
    finally:
        telemetry.flush()


def _received(record: dict[str, Any]) -> Received:
    attributes = record["attributes"]
    return Received(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        attempts=int(attributes["ApproximateReceiveCount"]),
        sent_at=int(attributes["SentTimestamp"]),
    )
