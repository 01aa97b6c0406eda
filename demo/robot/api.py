"""Calls of the server API in a robot's name."""

import time
from collections.abc import Callable

from demo.calls import Caller, Json, Refused


class RobotApi(Caller):
    """The paths under ``/robot``.

    Args:
        url: the server API's address.
        robot: the robot's user id.
        secret: what it signs with.
        clock: the time, s.
    """

    def __init__(self, url: str, robot: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(url, "rid", robot, secret, clock)
        self.robot = robot

    def send(self, conversation: Json, payload: Json) -> Json:
        """Write into a conversation."""
        return self.call("/robot/message/send", {"conv": conversation, "payload": payload})

    def reply(self, message_uid: int, payload: Json, *, only_to_sender: bool = False) -> Json:
        """Answer a message where it was written."""
        body = {"messageUid": message_uid, "payload": payload, "only2Sender": only_to_sender}
        return self.call("/robot/message/reply", body)

    def user(self, user_id: str) -> Json:
        """A user's profile; of somebody who is not registered only the id."""
        try:
            return self.call("/robot/user_info", {"userId": user_id})
        except Refused:
            return {"userId": user_id, "displayName": user_id}
