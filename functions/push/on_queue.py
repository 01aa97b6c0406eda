"""Notifies devices of what the topic brings. A publication may come twice or late: each device is notified once."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from im.platform import telemetry
from im.push.notifier import publication_from_body
from im.wiring.push import push_service

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
"""What fails comes back from the queue, so a batch in which nothing went well is no defect of this function."""


def serve(record: Any) -> None:
    """Serve one publication."""
    push_service().work(publication_from_body(record.body))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Serve a batch; only the publications that failed come back."""
    try:
        return process_partial_response(event=event, record_handler=serve, processor=processor, context=context)
    finally:
        telemetry.flush()
