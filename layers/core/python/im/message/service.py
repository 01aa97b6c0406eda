"""The use cases of messages, which live in one module for each kind of them."""

from im.message.clearing import Clearing
from im.message.finding import Finding
from im.message.importing import Importing
from im.message.reacting import Reacting
from im.message.receipts import Receipts
from im.message.replying import Replying


class MessageService(Replying, Reacting, Clearing, Receipts, Finding, Importing):
    """Sending, reading, taking back and the rest; what it is built from is ``im.message.messaging.Messaging``'s."""
