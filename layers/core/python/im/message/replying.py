"""Answers of robots to messages that they know by their uid only (server-api spec 2.9, message/reply)."""

from im.errors import Code, ImError
from im.message.editing import Editing
from im.message.model import (
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    Sender,
    Sent,
    conversation_of,
    payload_from_json,
)

_IN_TIME_MS = 15 * 60_000


class Replying(Editing):
    """The use case of answers."""

    def reply(self, robot: str, uid: int, payload: Payload, *, only_to_sender: bool = False) -> Sent:
        """Answer a message where it was written: one that was written to the robot, or that mentions it in a group.

        Args:
            robot: who answers; it need not know the conversation.
            uid: the message.
            payload: the answer.
            only_to_sender: nobody but the message's author is to read it.

        Raises:
            ImError: 253 no such message; 10 the robot is not meant; 254 it was written in neither a chat with the robot nor
                a group that it is in; 24 it is older than 15 minutes; the refusals of a send.
        """
        asked = self.get_by_uid(uid)
        if asked.ref or asked.withdrawn:
            raise ImError(Code.NOT_EXIST)
        conversation = self._where_to(robot, asked)
        if self._clock() - asked.time > _IN_TIME_MS:
            raise ImError(Code.RECALL_TIME_EXPIRED)
        to = (asked.sender,) if only_to_sender and asked.sender != robot else ()
        return self.send(Sender(robot, origin=Origin.ROBOT), conversation, payload, to=to)

    def _where_to(self, robot: str, asked: Message) -> Conversation:
        named = conversation_of(asked.log, asked.sender)
        to_robot = named.type == ConversationType.SINGLE and named.target == robot and asked.sender != robot
        if not to_robot and robot not in payload_from_json(asked.payload).mentionedTarget:
            raise ImError(Code.INVALID_MESSAGE)
        if to_robot:
            return named.seen_by(robot, asked.sender)
        member = self._groups.get_member(named.target, robot) if named.in_group else None
        if member is None or not member.present:
            raise ImError(Code.NOT_IMPLEMENT, "robots answer in their own chats and groups only")
        return named
