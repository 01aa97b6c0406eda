"""What a robot is told of, and how that travels."""

from msgspec import Struct

from im.message.model import Message

CALL_SIGNAL = 403
"""Signalling of a call: the one transparent content that robots get (satellites spec 4.1)."""


class Note(Struct, frozen=True, omit_defaults=True, tag="robot"):
    """A message for one robot, in the queue.

    Attributes:
        robot: whom it is for.
        log, uid, sender, time, payload, to: of the message.
        client: the client id that it was sent from, empty through an API.
        platform: that client's.
    """

    robot: str
    log: str
    uid: int
    sender: str
    time: int
    payload: str
    to: tuple[str, ...] = ()
    client: str = ""
    platform: int = 0

    def message(self) -> Message:
        """The message, as far as it is known here."""
        return Message(self.log, 0, self.uid, "", self.sender, self.time, self.payload, self.to)
