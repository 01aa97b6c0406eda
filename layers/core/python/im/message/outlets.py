"""Where messages leave the system: robots, channels' services, the business back end.

An outlet is told of every message after it was appended and before sockets get it, and again on each resend: a crash in
between is healed like a crash before the delivery. It decides without a call to AWS, by what the send has read anyway,
whether the message concerns it, and if so puts one task on a queue of its own. Somebody else talks to the network.
"""

from collections.abc import Sequence
from typing import Protocol

from im.message.context import Context
from im.message.model import Conversation, Message, Sender


class Outlet(Protocol):
    """Somebody outside who is told of messages."""

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """Take note of a message; being told again must be harmless.

        Args:
            message: as it was appended, a transparent one (seq 0), or an event (``ref``), whose ``subject`` is the message
                it is about: as it was before a recall or deletion, as it is after an edit. Repeats of a recall that was
                cut short may find it blank.
            conversation: from its author's side.
            sender: who sent it, or did what the event tells of, on whose authority. The author of an event is the author
                of its message; its content names the operator.
            context: what was read before the append. Of a chatroom there is only the sender's presence.

        Raises:
            BusyError: the queue did not take it; the sender repeats his message.
        """


class Outlets:
    """All outlets of a deployment."""

    def __init__(self, outlets: Sequence[Outlet] = ()) -> None:
        self._outlets = tuple(outlets)

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """Tell each of them; see ``Outlet``."""
        for outlet in self._outlets:
            outlet.tell(message, conversation, sender, context)
