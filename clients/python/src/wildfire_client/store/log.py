"""What the server tells of the logs, what is shown of them, and how far the application knows them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wildfire_client.contents import (
    Content,
    DeleteContent,
    EditContent,
    GroupNotice,
    ReactionContent,
    RecallContent,
    decode,
    effective_flag,
    joins,
    leaves,
)
from wildfire_client.model import Conversation, ConversationType, Message, MessageStatus
from wildfire_client.payload import Mention, Payload, PersistFlag
from wildfire_client.store.database import AT_THE_END, SELECT_MESSAGES, Changes, Database, Row, dump

_EFFECTIVE_HEAD = "CASE WHEN last IS NOT NULL AND last < head THEN last ELSE head END"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One seq of a log on its way to the application; `ref` is the seq of the message that an event is about."""

    seq: int
    message: Message
    ref: int | None
    local: bool
    deleted: bool


@dataclass(frozen=True, slots=True)
class LocalPage:
    """Messages that are held, ascending. `edge`: older ones have to be asked for, before this seq; None when not."""

    messages: list[Message]
    edge: int | None
    more: bool


class Logs(Database):
    """Messages of the logs, the ranges of them that are held, and the cursors."""

    @property
    def sync_token(self) -> str | None:
        """Where the next hello continues; None on a new device."""
        return self._get("sync")

    @property
    def snapshot_done(self) -> bool:
        """Whether the first hello of this device came to its end."""
        return self._get("snapshot") == "1"

    def forget_sync_token(self) -> None:
        """The server does not take the token; the next hello asks for everything."""
        with self._transaction():
            self._db.execute("DELETE FROM meta WHERE key = 'sync'")

    def record_hello(self, answer: Mapping[str, Any], window: int) -> Changes:
        """Note the heads of the conversations that changed, and the sync token, in one step.

        From here on a conversation whose `high` is behind is one that has to be pulled, so the token may move on.

        Args:
            answer: body of the answer to hello or ping.
            window: how many of the newest messages to fetch of a conversation that is new here.
        """
        changes = Changes()
        with self._transaction():
            done = self.snapshot_done
            for entry in answer.get("conversations") or ():
                changes.conversations.add(self._record_conversation(entry, window, known_device=done))
            if answer.get("sync") is not None:
                self._set("sync", str(answer["sync"]))
            if not answer.get("more"):
                self._set("snapshot", "1")
        return changes

    def _record_conversation(self, entry: Mapping[str, Any], window: int, *, known_device: bool) -> int:
        conversation = Conversation.from_wire(entry["conversation"])
        head, read = int(entry.get("head") or 0), int(entry.get("read") or 0)
        first, last = max(1, int(entry.get("first") or 1)), entry.get("last")
        row = self.find(conversation)
        if row is None:
            row = self._create(conversation)
            end = head if last is None else min(head, int(last))
            start = max(0, end - window)
            if known_device:
                start = min(start, read)
            start = min(max(start, first - 1), end)
            # What was there before this device was is history, not news.
            self._start(row.id, start, delivered=start if known_device else end)
        elif head >= row.head:
            rejoined = last is None and row.last is not None and head > row.last
            last = None if rejoined else row.last if last is None else int(last)
        else:
            # The answer is older than what is known already.
            last = row.last
        self._db.execute(
            "UPDATE conversations SET head = max(head, ?), first = ?, last = ?, read = max(read, ?),"
            " reported = max(reported, ?), top = ?, silent = ?, time = max(time, ?) WHERE id = ?",
            (
                head,
                first,
                last,
                read,
                read,
                int(entry.get("top", row.top)),
                int(entry.get("silent", row.silent)),
                int(entry.get("time") or 0),
                row.id,
            ),
        )
        self.bounded(row.id, int(entry.get("cleared") or 0), int(entry.get("removed") or 0))
        return row.id

    def bounded(self, row_id: int, cleared: int, removed: int) -> None:
        """The user has cleared a conversation up to a seq, or took it off the list while its head is not greater."""
        with self._transaction():
            self._db.execute(
                "UPDATE conversations SET cleared = max(cleared, ?1), read = max(read, ?1), removed = max(removed, ?2),"
                " hidden = CASE WHEN ?2 > removed AND head <= ?2 THEN 1 ELSE hidden END WHERE id = ?3",
                (cleared, removed, row_id),
            )

    def behind(self, limit: int) -> list[Row]:
        """Conversations with messages that are not held yet, newest activity first."""
        return self._rows(f"WHERE high < {_EFFECTIVE_HEAD} ORDER BY time DESC, id LIMIT ?", limit)

    def note_head(self, row_id: int, head: int) -> None:
        """A seq up to `head` is known to exist."""
        with self._transaction():
            self._db.execute("UPDATE conversations SET head = max(head, ?) WHERE id = ?", (head, row_id))

    def give_up(self, row_id: int) -> None:
        """The server says that there is nothing more for me beyond `high`."""
        with self._transaction():
            self._db.execute("UPDATE conversations SET head = high WHERE id = ?", (row_id,))

    def rejoined(self, row_id: int) -> None:
        """I belong to it again."""
        with self._transaction():
            self._db.execute("UPDATE conversations SET last = NULL WHERE id = ?", (row_id,))

    def skip_to(self, row: Row, start: int) -> tuple[int, int]:
        """Begin a new range after `start` and leave a hole behind; the hole, low..high."""
        with self._transaction():
            if row.high >= row.low:
                self._db.execute("INSERT OR REPLACE INTO ranges VALUES (?, ?, ?)", (row.id, row.low, row.high))
            self._start(row.id, start, delivered=row.delivered)
        return row.high + 1, start

    def forget_log(self, row_id: int, head: int, start: int, delivered: int) -> None:
        """Drop what is held of a log that the server no longer has, and begin again after `start`.

        Messages on their way keep their base when it still exists, and get a new one otherwise.
        """
        with self._transaction():
            self._db.execute("DELETE FROM ranges WHERE conversation = ?", (row_id,))
            self._db.execute("DELETE FROM messages WHERE conversation = ? AND seq IS NOT NULL", (row_id,))
            self._db.execute(
                "UPDATE messages SET base = NULL, position = ? WHERE conversation = ? AND base > ?",
                (AT_THE_END, row_id, head),
            )
            self._db.execute(
                "UPDATE conversations SET head = ?1, read = min(read, ?1), reported = min(reported, ?1),"
                " first = 1, last = NULL, cleared = 0 WHERE id = ?2",
                (head, row_id),
            )
            self._start(row_id, start, delivered=delivered)

    def begin(self, conversation: Conversation, start: int, delivered: int) -> Row:
        """A conversation that was not known: it is held from `start` on, and what it has up to `delivered` is no news."""
        with self._transaction():
            row = self._create(conversation)
            self._start(row.id, start, delivered=delivered)
        return self.row(row.id)

    def apply(self, row_id: int, after: int, through: int, messages: Sequence[Mapping[str, Any]]) -> Changes:
        """Take what the server tells about the seqs after+1..through.

        Messages beyond the notice that I am out are ignored.

        Args:
            messages: in wire form; seqs of the range that are missing here are hidden from me.
        """
        changes = Changes({row_id})
        with self._transaction():
            row = self.row(row_id)
            last = row.last
            for wire in sorted(messages, key=lambda message: int(message["seq"])):
                content = decode(Payload.from_wire(wire.get("content") or {}))
                seq = int(wire["seq"])
                if last is not None and seq > last:
                    if not joins(content, self._me):
                        continue
                    last = None
                if row.conversation.type == ConversationType.GROUP and leaves(content, self._me) and seq > row.high:
                    last = seq
                self._put(row, wire, content, changes)
            self._db.execute(
                "UPDATE conversations SET last = ?, head = max(head, ?) WHERE id = ?", (last, through, row_id)
            )
            self._cover(row_id, after + 1, through)
        return changes

    def apply_history(self, row_id: int, before: int, messages: Sequence[Mapping[str, Any]], *, more: bool) -> Changes:
        """Take an answer to a history request, which tells everything that I may see from its oldest message on."""
        changes = Changes({row_id})
        with self._transaction():
            row = self.row(row_id)
            for wire in messages:
                self._put(row, wire, decode(Payload.from_wire(wire.get("content") or {})), changes, history=True)
            oldest = min((int(message["seq"]) for message in messages), default=before) if more else 1
            self._cover(row_id, oldest, before - 1)
            if not more:
                lowest = min((int(message["seq"]) for message in messages), default=before)
                self._db.execute("UPDATE conversations SET first = max(first, ?) WHERE id = ?", (lowest, row_id))
        return changes

    def _put(
        self, row: Row, wire: Mapping[str, Any], content: Content, changes: Changes, *, history: bool = False
    ) -> None:
        seq, sender, cid = int(wire["seq"]), str(wire.get("from") or ""), str(wire.get("cid") or "")
        payload = Payload.from_wire(wire.get("content") or {})
        flag = effective_flag(payload)
        ref = wire.get("ref")
        gone = bool(wire.get("deleted")) or self._is_hidden(row.id, seq)
        shown = not gone and ref is None and flag in (PersistFlag.STORED, PersistFlag.COUNTED)
        recalled = wire.get("recalled") or {}
        values: dict[str, Any] = {
            "uid": str(wire.get("uid") or ""),
            "time": int(wire.get("time") or 0),
            "kind": payload.type,
            "payload": dump(payload.to_wire()),
            "addressees": dump(list(wire.get("to") or ())),
            "text": payload.searchable_content,
            "shown": int(shown),
            "deleted": int(gone),
            "counted": int(shown and flag == PersistFlag.COUNTED and sender != self._me),
            "mention": self._mention(payload),
            "recalled_by": recalled.get("by"),
            "recalled_at": recalled.get("time"),
            "edited": wire.get("edited"),
            "reactions": dump(list(wire.get("reactions") or ())),
        }
        known = self._db.execute(
            "SELECT id, deleted FROM messages WHERE conversation = ? AND seq = ?", (row.id, seq)
        ).fetchone()
        if known is not None:
            # What this device dropped from view stays dropped.
            self._update(known["id"], values | ({"shown": 0, "counted": 0, "deleted": 1} if known["deleted"] else {}))
        elif (echo := self._echo(row.id, cid)) is not None and sender == self._me:
            self._update(echo, values | {"seq": seq, "position": seq, "status": int(MessageStatus.SENT), "error": 0})
            # It stays in the outbox until it is answered: the repeat finishes what a crash has cut behind the append.
            changes.sent.append(echo)
        else:
            status = MessageStatus.SENT if sender == self._me else MessageStatus.RECEIVED
            self._insert(
                values
                | {
                    "conversation": row.id,
                    "seq": seq,
                    "position": seq,
                    "cid": cid,
                    "sender": sender,
                    "status": int(status),
                    "ref": ref,
                }
            )
        if shown:
            self._db.execute(
                "UPDATE conversations SET time = max(time, ?), hidden = CASE WHEN ? > high THEN 0 ELSE hidden END"
                " WHERE id = ?",
                (values["time"], seq, row.id),
            )
        if isinstance(content, GroupNotice) and row.conversation.type == ConversationType.GROUP and not history:
            self._stale_group(row.conversation.target)
        if ref is not None:
            self._apply_event(row.id, int(ref), content, wire, history=history)

    def _apply_event(self, row_id: int, ref: int, content: Content, wire: Mapping[str, Any], *, history: bool) -> None:
        sender = str(wire.get("from") or "")
        if isinstance(content, RecallContent):
            payload = Payload.from_wire(wire.get("content") or {})
            self._recall(row_id, ref, payload, content.operator or sender, int(wire.get("time") or 0))
        elif isinstance(content, DeleteContent):
            self._db.execute(
                "UPDATE messages SET deleted = 1, shown = 0, counted = 0 WHERE conversation = ? AND seq BETWEEN ? AND ?",
                (row_id, ref, content.through or ref),
            )
        elif history:
            # The messages of a history page are as they are now: their events tell nothing more.
            return
        elif isinstance(content, EditContent) and (edit := wire.get("edit")):
            self.edited(row_id, ref, Payload.from_wire(edit.get("content") or {}), int(edit.get("time") or 0))
        elif isinstance(content, ReactionContent):
            self.reacted(row_id, ref, content.emoji, sender, on=content.on)

    def edited(self, row_id: int, seq: int, payload: Payload, time: int) -> None:
        """A message has another content since a time, ms, unless a later one is known or it was taken back."""
        with self._transaction():
            self._db.execute(
                "UPDATE messages SET payload = ?, text = ?, mention = ?, edited = ? WHERE conversation = ? AND seq = ?"
                " AND recalled_by IS NULL AND coalesce(edited, 0) < ?",
                (dump(payload.to_wire()), payload.searchable_content, self._mention(payload), time, row_id, seq, time),
            )

    def reacted(self, row_id: int, seq: int, emoji: str, user: str, *, on: bool) -> None:
        """A user gave a reaction, or took it away."""
        with self._transaction():
            found = self._db.execute(
                "SELECT reactions FROM messages WHERE conversation = ? AND seq = ?", (row_id, seq)
            ).fetchone()
            if found is None:
                return
            users = {
                str(each["emoji"]): [u for u in each["users"] if (u, each["emoji"]) != (user, emoji)]
                for each in json.loads(found["reactions"])
            }
            if on:
                users.setdefault(emoji, []).append(user)
            reactions = [{"emoji": each, "users": who} for each, who in users.items() if who]
            self._db.execute(
                "UPDATE messages SET reactions = ? WHERE conversation = ? AND seq = ?", (dump(reactions), row_id, seq)
            )

    def _is_hidden(self, row_id: int, seq: int) -> bool:
        """Whether an event that is held deletes this message: one's own deletion does not change the message itself."""
        found = self._db.execute(
            "SELECT ref, payload FROM messages WHERE conversation = ?1 AND kind = ?2"
            " AND (ref = ?3 OR (ref < ?3 AND payload LIKE '%through%'))",
            (row_id, DeleteContent.TYPE, seq),
        )
        for item in found:
            content = decode(Payload.from_wire(json.loads(item["payload"])))
            if item["ref"] == seq or (isinstance(content, DeleteContent) and (content.through or 0) >= seq):
                return True
        return False

    def _recall(self, row_id: int, seq: int, payload: Payload, by: str, time: int) -> None:
        self._db.execute(
            "UPDATE messages SET kind = ?, payload = ?, text = '', counted = 0, mention = 0, recalled_by = ?, recalled_at = ?"
            " WHERE conversation = ? AND seq = ?",
            (payload.type, dump(payload.to_wire()), by, time, row_id, seq),
        )

    def _mention(self, payload: Payload) -> int:
        if payload.mentioned_type == Mention.ALL:
            return int(Mention.ALL)
        named = payload.mentioned_type == Mention.SOME and self._me in payload.mentioned_targets
        return int(Mention.SOME if named else Mention.NOBODY)

    def _echo(self, row_id: int, cid: str) -> int | None:
        found = self._db.execute(
            "SELECT id FROM messages WHERE conversation = ? AND cid = ? AND seq IS NULL", (row_id, cid)
        ).fetchone()
        return None if found is None else int(found["id"])

    def held_after(self, row_id: int, seq: int) -> int:
        """The last seq of the hole-free stretch that begins at seq + 1; `seq` itself when seq + 1 is not held."""
        found = self._db.execute(
            "SELECT high FROM (SELECT low, high FROM ranges WHERE conversation = ?1"
            " UNION ALL SELECT low, high FROM conversations WHERE id = ?1) WHERE low <= ?2 + 1 AND high > ?2",
            (row_id, seq),
        ).fetchone()
        return seq if found is None else int(found["high"])

    def page(self, row_id: int, before: int | None, limit: int) -> LocalPage:
        """Shown messages before a seq, newest first chosen, ascending in the result, without crossing a hole.

        Args:
            before: None starts at the end, with messages that are still on their way.
        """
        row = self.row(row_id)
        low: int | None = row.low
        if before is not None and before <= row.low:
            found = self._db.execute(
                "SELECT low FROM ranges WHERE conversation = ? AND low < ? AND high >= ?", (row_id, before, before - 1)
            ).fetchone()
            low = None if found is None else int(found["low"])
        edge = row.low if before is None else before
        messages: list[Message] = []
        if low is not None:
            messages = self._messages(
                "WHERE conversation = ? AND shown = 1 AND position > ? AND position < ?"
                " ORDER BY position DESC, m.id DESC LIMIT ?",
                row_id,
                max(low, row.cleared + 1) - 1,
                2 * AT_THE_END if before is None else before,
                limit,
            )[::-1]
            edge = low
        floor = max(row.first, row.cleared + 1)
        if len(messages) == limit:
            oldest = messages[0].seq
            return LocalPage(messages, None, more=oldest is None or oldest > floor)
        return LocalPage(messages, edge if edge > floor else None, more=edge > floor)

    def search(self, keyword: str, row_id: int | None, limit: int) -> list[Message]:
        """Messages whose text contains `keyword` (capital and small ASCII letters are the same), newest first."""
        pattern = "".join("\\" + char if char in "\\%_" else char for char in keyword)
        return self._messages(
            "WHERE shown = 1 AND m.text LIKE ? ESCAPE '\\' AND (? IS NULL OR conversation = ?)"
            " AND position > c.cleared ORDER BY m.time DESC, m.id DESC LIMIT ?",
            f"%{pattern}%",
            row_id,
            row_id,
            limit,
        )

    def recalled_here(self, row_id: int, seq: int, content: RecallContent, time: int) -> None:
        """Show an own recall without waiting for its event."""
        with self._transaction():
            self._recall(row_id, seq, content.encode(), content.operator, time)

    def delete(self, message_id: int) -> None:
        """Drop a message from view on this device; one that never went out is forgotten altogether."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM messages WHERE id = ?1 AND seq IS NULL"
                " AND (base IS NULL OR NOT EXISTS (SELECT 1 FROM outbox WHERE message = ?1))",
                (message_id,),
            )
            self._db.execute("UPDATE messages SET deleted = 1, shown = 0, counted = 0 WHERE id = ?", (message_id,))
            self._db.execute(
                "DELETE FROM outbox WHERE message = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE id = ?1)",
                (message_id,),
            )

    def undelivered(self, limit: int) -> tuple[Row, list[LogEntry], int] | None:
        """The next entries of one log that the application does not know, and the seq that they reach."""
        rows = self._rows("WHERE delivered < high ORDER BY time, id LIMIT 1")
        if not rows:
            return None
        row = rows[0]
        found = self._db.execute(
            f"{SELECT_MESSAGES} WHERE m.conversation = ? AND m.seq > ? AND m.seq <= ? ORDER BY m.seq LIMIT ?",
            (row.id, row.delivered, row.high, limit),
        ).fetchall()
        entries = [
            LogEntry(
                seq=int(item["seq"]),
                message=self._message(item),
                ref=item["ref"],
                local=bool(item["local"]),
                deleted=bool(item["deleted"]),
            )
            for item in found
        ]
        return row, entries, row.high if len(entries) < limit else entries[-1].seq

    def delivered(self, row_id: int, seq: int) -> None:
        """The application knows everything up to `seq`."""
        with self._transaction():
            self._db.execute("UPDATE conversations SET delivered = max(delivered, ?) WHERE id = ?", (seq, row_id))
