"""Serves the tasks of messages to many. A task may come twice or late: it finds what is done."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from im.message.multicast import task_from_body
from im.platform import telemetry
from im.wiring.broadcast import multicasts

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
"""What fails comes back from the queue, so a batch in which nothing went well is no defect of this function."""


def serve(record: Any) -> None:
    """Do one task."""
    multicasts().work(task_from_body(record.body))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Serve a batch; only the tasks that failed come back."""
    try:
        return process_partial_response(event=event, record_handler=serve, processor=processor, context=context)
    finally:
        telemetry.flush()
