"""The conversation list: unread counts, read cursors, drafts, pins."""

from collections.abc import Sequence

from wildfire_client.model import Conversation, ConversationInfo, Unread
from wildfire_client.payload import Mention
from wildfire_client.store.database import Database, Row


class Conversations(Database):
    """Rows of the list and what belongs to them."""

    def conversations(self, types: Sequence[int], lines: Sequence[int] | None) -> list[ConversationInfo]:
        """The conversation list: pinned ones first, then by time, newest first."""
        rows = self._rows("WHERE hidden = 0 ORDER BY top DESC, time DESC, id")
        return [
            self.info(row.id)
            for row in rows
            if row.conversation.type in types and (lines is None or row.conversation.line in lines)
        ]

    def info(self, row_id: int) -> ConversationInfo:
        """One row of the conversation list."""
        row = self.row(row_id)
        last = self._messages(
            "WHERE conversation = ? AND shown = 1 AND position > ? ORDER BY position DESC, m.id DESC LIMIT 1",
            row.id,
            row.cleared,
        )
        return ConversationInfo(
            conversation=row.conversation,
            last=last[0] if last else None,
            time=row.time,
            unread=self.unread(row),
            read=row.read,
            draft=row.draft,
            top=row.top,
            silent=row.silent,
            left=row.last is not None,
        )

    def unread(self, row: Row) -> Unread:
        """Count what was not read; messages that are not held yet count as plain ones (client-sdk spec 2.4)."""
        floor = max(row.read, row.cleared)
        counts = dict(
            self._db.execute(
                "SELECT mention, count(*) FROM messages WHERE conversation = ? AND seq > ? AND seq BETWEEN ? AND ?"
                " AND counted = 1 GROUP BY mention",
                (row.id, floor, row.low, row.high),
            ).fetchall()
        )
        not_held = max(0, row.low - 1 - max(floor, row.first - 1)) + max(0, row.end - max(row.high, floor))
        return Unread(
            plain=counts.get(int(Mention.NOBODY), 0) + not_held,
            mention=counts.get(int(Mention.SOME), 0),
            mention_all=counts.get(int(Mention.ALL), 0),
        )

    def mark_read(self, row_id: int, seq: int | None) -> bool:
        """Move the read cursor to `seq`, or to the newest message held; whether it moved. It never moves back."""
        row = self.row(row_id)
        wanted = row.high if seq is None else min(seq, row.end)
        if wanted <= row.read:
            return False
        with self._transaction():
            self._db.execute("UPDATE conversations SET read = ? WHERE id = ?", (wanted, row_id))
        return True

    def read_elsewhere(self, row_id: int, seq: int) -> None:
        """The server knows of this read cursor."""
        with self._transaction():
            self._db.execute(
                "UPDATE conversations SET read = max(read, ?1), reported = max(reported, ?1) WHERE id = ?2",
                (seq, row_id),
            )

    def unreported_reads(self) -> list[Row]:
        """Conversations whose read cursor the server does not know yet."""
        return self._rows("WHERE read > reported")

    def set_draft(self, conversation: Conversation, draft: str) -> int:
        """Keep a draft; the conversation's id."""
        return self._configure(conversation, draft=draft)

    def set_top(self, conversation: Conversation, weight: int) -> int:
        """Pin with a weight; 0 unpins."""
        return self._configure(conversation, top=weight)

    def set_silent(self, conversation: Conversation, silent: bool) -> int:
        """Mute or not."""
        return self._configure(conversation, silent=int(silent))

    def _configure(self, conversation: Conversation, **values: str | int) -> int:
        with self._transaction():
            row = self.find(conversation) or self._create(conversation)
            for column, value in values.items():
                self._db.execute(
                    f"UPDATE conversations SET {column} = ?, hidden = 0 WHERE id = ?",
                    (value, row.id),
                )
        return row.id
