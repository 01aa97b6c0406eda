"""Notes down messages for robots (satellites spec 4.1).

A message concerns a robot when it is written to him, or to a group that he is in, he may read it, and somebody else wrote
it. Both are at hand in what every send reads: the flag on the other side's presence, and the list in the group's info.
"""

from collections.abc import Iterable
from typing import Protocol

from im.message.context import Context
from im.message.model import Conversation, ConversationType, Message, Sender, payload_from_json
from im.platform.ordered import Ordered
from im.robot.model import CALL_SIGNAL, Note


class Tasks(Protocol):
    """Takes tasks in order."""

    def put(self, tasks: Iterable[Ordered]) -> None:
        """Queue every task.

        Raises:
            BusyError: one of them was not taken; all may be queued again.
        """


class RobotOutlet:
    """Puts a task on the queue for each robot that a message concerns.

    Args:
        tasks: the queue.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """See ``Outlet``. Robots are not told of events: what a message has become is not what was said to them."""
        if message.ref:
            return
        robots = [
            robot
            for robot in _robots(conversation, context)
            if robot != message.sender and message.visible_to(robot) and _is_for_robots(message)
        ]
        if not robots:
            return
        author = context.presences.get(message.sender)
        device = author.device(sender.client) if author and sender.client else None
        self._tasks.put(
            Ordered(
                Note(
                    robot=robot,
                    log=message.log,
                    uid=message.uid,
                    sender=message.sender,
                    time=message.time,
                    payload=message.payload,
                    to=message.to,
                    client=sender.client or "",
                    platform=device.platform if device else 0,
                ),
                group=f"{robot}\n{message.log}",
                once=str(message.uid),
            )
            for robot in robots
        )


def _robots(conversation: Conversation, context: Context) -> Iterable[str]:
    if conversation.type == ConversationType.SINGLE:
        other = context.presences.get(conversation.target)
        return (conversation.target,) if other and other.robot else ()
    if conversation.in_group and context.info:
        return context.info.robots
    return ()


def _is_for_robots(message: Message) -> bool:
    return message.seq > 0 or payload_from_json(message.payload).type == CALL_SIGNAL
