"""The use cases of messages, which live in one module for each kind of them."""

from im.message.sending import Sending
from im.message.withdrawal import Withdrawing


class MessageService(Sending, Withdrawing):
    """Sending, reading and taking back; what it is built from is ``im.message.publish.Publisher``'s."""
