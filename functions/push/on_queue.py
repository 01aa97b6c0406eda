"""Notifies devices of what the topic brings. A publication may come twice or late: each device is notified once."""

from typing import Any

from im.platform import telemetry
from im.platform.ordered import work_in_order
from im.push.notifier import publication_from_body
from im.wiring.push import push_queue, push_service


def serve(body: str) -> None:
    """Serve one publication."""
    push_service().work(publication_from_body(body))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Serve a batch; only the publications that failed come back."""
    try:
        return work_in_order(event, serve, push_queue())
    finally:
        telemetry.flush()
