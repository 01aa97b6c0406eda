"""The client's memory: one SQLite file with conversations, messages, the outbox and the cursors.

Every public method that changes something is one transaction, and a transaction is on the disk before the method returns
(write-ahead log, full synchronisation): what the client tells the server or the application it also remembers after a
kill or a power cut. The statements take a millisecond or a few, the wait for the disk included, and run on the event
loop, so the rest of the client never sees a half-done change.

**Ranges.** In each conversation the store knows which seqs it holds without a hole: the newest range is low..high in the
conversation's row (empty when low = high + 1), older ones are in `ranges`. "Held" means that the server has told everything
that this reader may see there, so a seq without a row inside a range is one that is hidden from him. Nothing is shown and
no cursor moves across a hole.

**Positions** order what is shown. A message of the log stands at its seq. One that has no seq stands behind the base that
it was sent with, so that a refused message stays where it was written; one that has not left yet stands at the end.
"""

from wildfire_client.store.conversations import Conversations
from wildfire_client.store.database import Changes, Row, StoreError
from wildfire_client.store.lists import Lists, Place
from wildfire_client.store.log import LocalPage, LogEntry, Logs
from wildfire_client.store.outgoing import Outgoing, OutgoingQueue

__all__ = ["Changes", "LocalPage", "LogEntry", "Outgoing", "Place", "Row", "Store", "StoreError"]


class Store(Conversations, Logs, Lists, OutgoingQueue):
    """All of it. See the package's text; each base has one part of the methods."""
