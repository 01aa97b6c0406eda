"""The outbox: messages on their way."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from wildfire_client.contents import Content, MediaContent, effective_flag
from wildfire_client.model import Conversation, Message, MessageStatus
from wildfire_client.payload import PersistFlag
from wildfire_client.store.database import AT_THE_END, Database, dump


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. `base` is None until the first transmission."""

    id: int
    row_id: int
    conversation: Conversation
    cid: str
    base: int | None
    payload: dict[str, Any]
    to: list[str]
    file: str


class OutgoingQueue(Database):
    """Messages that the server does not have yet, and what became of them."""

    def enqueue(self, conversation: Conversation, content: Content, to: Sequence[str], time: int) -> Message:
        """Keep a message that is to be sent; it has its `cid` from now on."""
        payload = content.encode()
        file = content.local_path if isinstance(content, MediaContent) and not content.url else ""
        with self._transaction():
            row = self.find(conversation) or self._create(conversation)
            message_id = self._insert(
                {
                    "conversation": row.id,
                    "cid": str(uuid.uuid4()),
                    "sender": self._me,
                    "time": time,
                    "position": AT_THE_END,
                    "status": int(MessageStatus.SENDING),
                    "kind": payload.type,
                    "payload": dump(payload.to_wire()),
                    "addressees": dump(list(to)),
                    "text": payload.searchable_content,
                    "file": file,
                    "shown": int(effective_flag(payload) in (PersistFlag.STORED, PersistFlag.COUNTED)),
                    "counted": 0,
                    "local": 1,
                }
            )
            self._db.execute("INSERT INTO outbox VALUES (?, ?)", (message_id, int(bool(file))))
            self._db.execute("UPDATE conversations SET time = max(time, ?), hidden = 0 WHERE id = ?", (time, row.id))
        message = self.message(message_id)
        if message is None:
            raise AssertionError("an inserted message is there")
        return message

    def outbox_rows(self) -> list[int]:
        """Ids of the conversations with messages that are ready to be sent."""
        return [
            int(item["conversation"])
            for item in self._db.execute(
                "SELECT DISTINCT conversation FROM outbox JOIN messages m ON m.id = message WHERE upload = 0"
            )
        ]

    def next_outgoing(self, row_id: int) -> Outgoing | None:
        """The message of a conversation that goes next: first what was transmitted before, then in the order of writing."""
        found = self._outgoing(
            "WHERE m.conversation = ? AND upload = 0 ORDER BY m.base IS NULL, message LIMIT 1", row_id
        )
        return found[0] if found else None

    def uploads(self) -> list[Outgoing]:
        """Messages whose file is not uploaded yet."""
        return self._outgoing("WHERE upload = 1 ORDER BY message")

    def fix_base(self, message_id: int) -> int:
        """The base of a message: what it was given before, else the newest seq held now, for ever."""
        found = self._db.execute(
            "SELECT base, high FROM messages m JOIN conversations c ON c.id = m.conversation WHERE m.id = ?",
            (message_id,),
        ).fetchone()
        if found["base"] is None:
            self.move_base(message_id, found["high"])
            return int(found["high"])
        return int(found["base"])

    def move_base(self, message_id: int, base: int) -> None:
        """Give a message a new base: only after proof that no seq up to `base` carries its cid."""
        with self._transaction():
            self._update(message_id, {"base": base, "position": base + 0.5})

    def has_seq(self, message_id: int) -> bool:
        """Whether a message was seen in the log."""
        found = self._db.execute("SELECT seq FROM messages WHERE id = ?", (message_id,)).fetchone()
        return found is not None and found["seq"] is not None

    def is_waiting(self, message_id: int) -> bool:
        """Whether a message is still in the outbox."""
        return self._db.execute("SELECT 1 FROM outbox WHERE message = ?", (message_id,)).fetchone() is not None

    def uploaded(self, message_id: int, url: str) -> None:
        """The file is at `url`; the message may go."""
        with self._transaction():
            message = self.message(message_id)
            if message is None or not isinstance(message.content, MediaContent):
                return
            payload = replace(message.content, url=url).encode()
            self._update(message_id, {"payload": dump(payload.to_wire())})
            self._db.execute("UPDATE outbox SET upload = 0 WHERE message = ?", (message_id,))

    def acknowledged(self, message_id: int, seq: int, uid: str, time: int) -> int | None:
        """The server has a message at `seq`; its conversation's id, or None when that was known already.

        A server that swallows a message (a blacklist, a forbidden word) acknowledges it without a seq: 0.
        """
        with self._transaction():
            known = self._db.execute("SELECT conversation, seq FROM messages WHERE id = ?", (message_id,)).fetchone()
            self._db.execute("DELETE FROM outbox WHERE message = ?", (message_id,))
            if known is None or known["seq"] is not None:
                return None
            row = self.row(known["conversation"])
            sent = {"uid": uid, "time": time, "status": int(MessageStatus.SENT), "error": 0}
            if seq:
                # A copy without a cid may have come first; this one is the application's.
                self._db.execute("DELETE FROM messages WHERE conversation = ? AND seq = ?", (row.id, seq))
                sent |= {"seq": seq, "position": seq}
            self._update(message_id, sent)
            self._db.execute(
                "UPDATE conversations SET head = max(head, ?), time = max(time, ?) WHERE id = ?", (seq, time, row.id)
            )
            if seq == row.high + 1:
                self._cover(row.id, seq, seq)
        return row.id

    def refused(self, message_id: int, code: int) -> None:
        """A message failed for good; but not one that is in the log: that was only repeated."""
        with self._transaction():
            if not self.has_seq(message_id):
                self._update(message_id, {"status": int(MessageStatus.FAILED), "error": code})
            self._db.execute("DELETE FROM outbox WHERE message = ?", (message_id,))

    def requeue(self, message_id: int) -> bool:
        """Send a failed message again, with the cid and base that it has; whether there was one."""
        with self._transaction():
            found = self._db.execute(
                "SELECT file, payload FROM messages WHERE id = ? AND status = ? AND seq IS NULL",
                (message_id, int(MessageStatus.FAILED)),
            ).fetchone()
            if found is None:
                return False
            upload = bool(found["file"]) and not json.loads(found["payload"]).get("remoteMediaUrl")
            self._update(message_id, {"status": int(MessageStatus.SENDING), "error": 0})
            self._db.execute("INSERT INTO outbox VALUES (?, ?)", (message_id, int(upload)))
        return True

    def withdraw(self, message_id: int) -> bool:
        """Forget a message that was never transmitted; whether it was such a one."""
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM messages WHERE id = ? AND base IS NULL AND seq IS NULL", (message_id,)
            ).rowcount
            if gone:
                self._db.execute("DELETE FROM outbox WHERE message = ?", (message_id,))
        return bool(gone)

    def _outgoing(self, condition: str, *values: Any) -> list[Outgoing]:
        found = self._db.execute(
            "SELECT m.id, m.conversation, m.cid, m.base, m.payload, m.addressees, m.file, c.type, c.target, c.line"
            f" FROM outbox JOIN messages m ON m.id = message JOIN conversations c ON c.id = m.conversation {condition}",
            values,
        )
        return [
            Outgoing(
                id=item["id"],
                row_id=item["conversation"],
                conversation=Conversation(item["type"], item["target"], item["line"]),
                cid=item["cid"],
                base=item["base"],
                payload=json.loads(item["payload"]),
                to=json.loads(item["addressees"]),
                file=item["file"],
            )
            for item in found
        ]
