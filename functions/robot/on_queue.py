"""Calls back programs that take part in chats, in order. A call may come twice: ``webhook-id`` tells."""

from typing import Any

import msgspec

from im.channel.callbacks import ChannelNote, SubscriptionNote
from im.platform import telemetry
from im.platform.ordered import work_in_order
from im.robot.model import Note
from im.wiring.channel_calls import channel_calls
from im.wiring.outlets import robot_queue
from im.wiring.robot import robot_calls

_decode = msgspec.json.Decoder(Note | ChannelNote | SubscriptionNote).decode


def serve(body: str) -> None:
    """Do one task."""
    note = _decode(body)
    if isinstance(note, Note):
        robot_calls().call(note)
    else:
        channel_calls().call(note)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Serve a batch; only the tasks that failed come back, and those behind them in their group."""
    try:
        return work_in_order(event, serve, robot_queue())
    finally:
        telemetry.flush()
