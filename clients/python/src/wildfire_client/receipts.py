"""How far the others have read."""

from collections.abc import Awaitable, Callable
from typing import Any

from wildfire_client.events import Event, ReceiptsChanged
from wildfire_client.model import Conversation
from wildfire_client.objects import Receipt
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Receipts:
    """Read cursors of the others, where the deployment has receipts. Pushes keep a part of them fresh; `fetch` all."""

    def __init__(self, store: Store, call: Call, emit: Callable[[Event], object]) -> None:
        self._store = store
        self._call = call
        self._emit = emit

    def get(self, conversation: Conversation) -> list[Receipt]:
        """What is known here, by user id."""
        return self._store.receipts(conversation)

    def readers(self, conversation: Conversation, seq: int) -> list[str]:
        """Ids of those who are known to have read a message."""
        return [receipt.user_id for receipt in self.get(conversation) if receipt.read >= seq]

    async def fetch(self, conversation: Conversation) -> list[Receipt]:
        """Ask who has read on since the last time; everybody's receipts.

        Raises:
            ChatError: FUNCTION_DISABLED, there are no receipts here; or no link.
        """
        after = self._store.place(f"receipts {conversation.setting_key}").after
        answer = await self._call("message", "receipts", {"conversation": conversation.to_wire(), "after": after})
        self._take(conversation, [Receipt.from_wire(wire) for wire in answer["receipts"]], int(answer["version"]))
        return self.get(conversation)

    def take(self, body: dict[str, Any]) -> None:
        """A push tells of one reader."""
        self._take(Conversation.from_wire(body["conversation"]), [Receipt.from_wire(body)], None)

    def _take(self, conversation: Conversation, receipts: list[Receipt], version: int | None) -> None:
        if self._store.put_receipts(conversation, receipts, version):
            self._emit(ReceiptsChanged(conversation))
