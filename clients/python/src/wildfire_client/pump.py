"""Carries log entries from the store to the application, once each and in order.

The store is the queue: the pump reads a few entries behind the conversation's delivery cursor, hands them to the
listeners, waits until these have dealt with them, and moves the cursor. A slow listener therefore costs no memory, and
entries that come while nobody listens wait for the first listener.
"""

import asyncio
from itertools import takewhile

from wildfire_client.contents import DeleteContent, EditContent, ReactionContent, RecallContent
from wildfire_client.events import (
    EventHub,
    LogEvent,
    MessageDeleted,
    MessageEdited,
    MessageReacted,
    MessageRecalled,
    MessageReceived,
    Receipt,
)
from wildfire_client.store import LogEntry, Row, Store

BATCH = 10
"""Events that are handed out before the cursor moves: as many at most come again after a kill."""


class Pump:
    """See the module's text."""

    def __init__(self, store: Store, hub: EventHub) -> None:
        self._store = store
        self._hub = hub
        self._work = asyncio.Event()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._work.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._hub.wanted(LogEvent) and (batch := self._store.undelivered(BATCH)):
                if not await self._deliver(*batch):
                    break

    async def _deliver(self, row: Row, entries: list[LogEntry], through: int) -> bool:
        """Hand out one batch; whether listeners dealt with all of it."""
        handed: list[tuple[int, Receipt | None]] = []
        for entry in entries:
            event = self._event(row, entry)
            handed.append((entry.seq, None if event is None else self._hub.emit(event)))
        try:
            for _, receipt in handed:
                if receipt is not None and not await receipt.wait():
                    return False
            return True
        finally:
            dealt = list(takewhile(lambda item: item[1] is None or item[1].dealt, handed))
            reached = through if len(dealt) == len(handed) else dealt[-1][0] if dealt else row.delivered
            if reached > row.delivered:
                self._store.delivered(row.id, reached)

    def _event(self, row: Row, entry: LogEntry) -> LogEvent | None:
        message = entry.message
        if entry.ref is None:
            # What was sent from here was told by MessageStatusChanged.
            return None if entry.local or entry.deleted else MessageReceived(row.conversation, message)
        content = message.content
        if isinstance(content, RecallContent):
            by = content.operator or message.sender
            return MessageRecalled(row.conversation, entry.ref, by, self._store.message_at(row.id, entry.ref))
        if isinstance(content, DeleteContent):
            return MessageDeleted(row.conversation, entry.ref, content.operator or message.sender)
        about = self._store.message_at(row.id, entry.ref)
        if isinstance(content, EditContent):
            return MessageEdited(row.conversation, entry.ref, content.operator or message.sender, about)
        if isinstance(content, ReactionContent):
            return MessageReacted(row.conversation, entry.ref, message.sender, content.emoji, content.on, about)
        return None
