"""Serves the chunks of large deliveries, work on all subscribers of channels, and news of presence.

A chunk may come twice or late: devices know each seq that they have.
"""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from im.delivery.store import job_from_body
from im.errors import BusyError
from im.platform import telemetry
from im.platform.clock import now_ms
from im.wiring.channel import spreading
from im.wiring.chatroom import chatrooms
from im.wiring.delivery import delivery
from im.wiring.presence import presence_service

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
"""A batch in which nothing went well is no defect of this function: sockets were slow, and every record comes back."""


def serve(record: Any) -> None:
    """Post one chunk, find out whom a job is for, or tell news of somebody's presence.

    Raises:
        BusyError: some sockets did not take the frame, or the topic the alert; the queue brings the chunk again.
    """
    sent_at = int(record.attributes.sent_timestamp)
    job = job_from_body(record.body)
    if job.news:
        # A hint that is not worth a repeat: whoever wants to be sure asks.
        presence_service().tell(job.news)
        return
    if job.spread:
        spreading().work(job)
        return
    reach = delivery().work(job)
    if job.room:
        chatrooms().vacate(job.room, reach.gone)
    telemetry.count("DeliveryLag", now_ms() - sent_at)
    if reach.failed or reach.unpushed:
        raise BusyError(f"{len(reach.failed)} users were not reached; unpushed: {reach.unpushed}")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Serve a batch; only the records that failed come back."""
    try:
        return process_partial_response(event=event, record_handler=serve, processor=processor, context=context)
    finally:
        telemetry.flush()
