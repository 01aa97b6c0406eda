"""The client's memory: one SQLite file with conversations, messages, the outbox and the cursors.

Every public method that changes something is one transaction, and a transaction is on the disk before the method returns
(write-ahead log, full synchronisation): what the client tells the server or the application it also remembers after a
kill or a power cut. The statements take well under a millisecond and run on the event loop, so the rest of the client
never sees a half-done change.

**Ranges.** In each conversation the store knows which seqs it holds without a hole: the newest range is low..high in the
conversation's row (empty when low = high + 1), older ones are in `ranges`. "Held" means that the server has told everything
that this reader may see there, so a seq without a row inside a range is one that is hidden from him. Nothing is shown and
no cursor moves across a hole.

**Positions** order what is shown. A message of the log stands at its seq. One that has no seq stands behind the base that
it was sent with, so that a refused message stays where it was written; one that has not left yet stands at the end.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from wildfire_client.contents import (
    Content,
    DeleteContent,
    MediaContent,
    RecallContent,
    decode,
    effective_flag,
    joins,
    leaves,
)
from wildfire_client.model import Conversation, ConversationInfo, Message, MessageStatus, Recalled, Unread
from wildfire_client.payload import Mention, Payload, PersistFlag

_VERSION = 1
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    target TEXT NOT NULL,
    line INTEGER NOT NULL,
    head INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL DEFAULT 1,
    last INTEGER,
    low INTEGER NOT NULL DEFAULT 1,
    high INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0,
    reported INTEGER NOT NULL DEFAULT 0,
    cleared INTEGER NOT NULL DEFAULT 0,
    top INTEGER NOT NULL DEFAULT 0,
    silent INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT '',
    hidden INTEGER NOT NULL DEFAULT 0,
    time INTEGER NOT NULL DEFAULT 0,
    UNIQUE (type, target, line)
);
CREATE TABLE ranges (
    conversation INTEGER NOT NULL,
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (conversation, low)
) WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL,
    seq INTEGER,
    position REAL NOT NULL,
    uid TEXT NOT NULL DEFAULT '',
    cid TEXT NOT NULL,
    base INTEGER,
    sender TEXT NOT NULL,
    time INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error INTEGER NOT NULL DEFAULT 0,
    kind INTEGER NOT NULL,
    payload TEXT NOT NULL,
    addressees TEXT NOT NULL DEFAULT '[]',
    text TEXT NOT NULL,
    file TEXT NOT NULL DEFAULT '',
    shown INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    mention INTEGER NOT NULL DEFAULT 0,
    ref INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0,
    recalled_by TEXT,
    recalled_at INTEGER,
    edited INTEGER,
    local INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation, seq) WHERE seq IS NOT NULL;
CREATE INDEX messages_without_seq ON messages (conversation, cid) WHERE seq IS NULL;
CREATE INDEX messages_shown ON messages (conversation, position) WHERE shown = 1;
CREATE INDEX messages_by_ref ON messages (conversation, ref) WHERE ref IS NOT NULL;
CREATE INDEX messages_counted ON messages (conversation, seq) WHERE counted = 1;
CREATE TABLE outbox (message INTEGER PRIMARY KEY, upload INTEGER NOT NULL);
"""
_AT_THE_END = 1e15
_EFFECTIVE_HEAD = "CASE WHEN last IS NOT NULL AND last < head THEN last ELSE head END"


class StoreError(Exception):
    """The store cannot be used: another process has it, it belongs to another user, or it is from a newer version."""


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation as the store knows it.

    Attributes:
        head: the newest seq that is known to exist.
        first: the oldest seq that I may see.
        last: the seq of the notice that I am out; nothing after it is for me. None while I belong to it.
        low, high: the newest range that is held without a hole.
        delivered: the application knows everything up to here.
        read, reported: my read cursor, and how much of it the server has confirmed.
        cleared: messages up to here were cleared away on this device.
    """

    id: int
    conversation: Conversation
    head: int
    first: int
    last: int | None
    low: int
    high: int
    delivered: int
    read: int
    reported: int
    cleared: int
    top: int
    silent: bool
    draft: str
    hidden: bool
    time: int

    @property
    def end(self) -> int:
        """The newest seq that is for me."""
        return self.head if self.last is None else min(self.head, self.last)


@dataclass(slots=True)
class Changes:
    """What a transaction changed: ids of conversations, and of own messages that the server turned out to have."""

    conversations: set[int] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)


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


class Store:
    """See the module's text.

    Args:
        path: the file, or ":memory:".

    Raises:
        StoreError: another process has the file, or a newer version wrote it.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        self._db.row_factory = sqlite3.Row
        self._depth = 0
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version > _VERSION:
                    raise StoreError(f"{path} was written by a newer version of this client")
                if version == 0:
                    for statement in _SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise StoreError(f"{path} is in use by another process") from None
            raise
        except StoreError:
            self._db.close()
            raise
        self._me = self._get("user") or ""

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    # --- identity

    @property
    def user_id(self) -> str:
        """Whose store it is; empty before the first `claim`."""
        return self._me

    def claim(self, user_id: str) -> None:
        """Make it this user's store.

        Raises:
            StoreError: it is somebody else's.
        """
        if self._me and self._me != user_id:
            raise StoreError(f"this store belongs to {self._me}; give {user_id} one of his own")
        self._set("user", user_id)
        self._me = user_id

    def client_id(self, wanted: str | None) -> str:
        """The id of this device: the one wanted, else the one used before, else a new one."""
        client_id = wanted or self._get("client_id") or uuid.uuid4().hex
        self._set("client_id", client_id)
        return client_id

    def erase(self) -> None:
        """Forget everything but the device's id."""
        with self._transaction():
            for table in ("messages", "outbox", "ranges", "conversations"):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("DELETE FROM meta WHERE key <> 'client_id'")
        self._me = ""

    # --- synchronisation

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
        return row.id

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
                (_AT_THE_END, row_id, head),
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
                if row.conversation.type == 1 and leaves(content, self._me) and seq > row.high:
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
                self._put(row, wire, decode(Payload.from_wire(wire.get("content") or {})), changes)
            oldest = min((int(message["seq"]) for message in messages), default=before) if more else 1
            self._cover(row_id, oldest, before - 1)
            if not more:
                lowest = min((int(message["seq"]) for message in messages), default=before)
                self._db.execute("UPDATE conversations SET first = max(first, ?) WHERE id = ?", (lowest, row_id))
        return changes

    def _put(self, row: Row, wire: Mapping[str, Any], content: Content, changes: Changes) -> None:
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
            "payload": _dump(payload.to_wire()),
            "addressees": _dump(list(wire.get("to") or ())),
            "text": payload.searchable_content,
            "shown": int(shown),
            "deleted": int(gone),
            "counted": int(shown and flag == PersistFlag.COUNTED and sender != self._me),
            "mention": self._mention(payload),
            "recalled_by": recalled.get("by"),
            "recalled_at": recalled.get("time"),
            "edited": wire.get("edited"),
        }
        known = self._db.execute(
            "SELECT id, deleted FROM messages WHERE conversation = ? AND seq = ?", (row.id, seq)
        ).fetchone()
        if known is not None:
            # What this device dropped from view stays dropped.
            self._update(known["id"], values | ({"shown": 0, "counted": 0, "deleted": 1} if known["deleted"] else {}))
        elif (echo := self._echo(row.id, cid)) is not None and sender == self._me:
            self._update(echo, values | {"seq": seq, "position": seq, "status": int(MessageStatus.SENT), "error": 0})
            self._db.execute("DELETE FROM outbox WHERE message = ?", (echo,))
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
        if ref is not None:
            self._apply_event(row.id, int(ref), content, payload, sender, values["time"])

    def _apply_event(self, row_id: int, ref: int, content: Content, payload: Payload, sender: str, time: int) -> None:
        if payload.type == RecallContent.TYPE:
            by = content.operator if isinstance(content, RecallContent) and content.operator else sender
            self._recall(row_id, ref, payload, by, time)
        elif payload.type == DeleteContent.TYPE:
            self._db.execute(
                "UPDATE messages SET deleted = 1, shown = 0, counted = 0 WHERE conversation = ? AND seq = ?",
                (row_id, ref),
            )

    def _is_hidden(self, row_id: int, seq: int) -> bool:
        """Whether an event that is held deletes this message: one's own deletion does not change the message itself."""
        found = self._db.execute(
            "SELECT 1 FROM messages WHERE conversation = ? AND ref = ? AND kind = ?", (row_id, seq, DeleteContent.TYPE)
        )
        return found.fetchone() is not None

    def _recall(self, row_id: int, seq: int, payload: Payload, by: str, time: int) -> None:
        self._db.execute(
            "UPDATE messages SET kind = ?, payload = ?, text = '', counted = 0, mention = 0, recalled_by = ?, recalled_at = ?"
            " WHERE conversation = ? AND seq = ?",
            (payload.type, _dump(payload.to_wire()), by, time, row_id, seq),
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

    def _cover(self, row_id: int, low: int, high: int) -> None:
        """Note that low..high is held, and join it with the ranges that it touches."""
        if high < low:
            return
        row = self.row(row_id)
        ranges = [(row.low, row.high)] + [
            (older["low"], older["high"])
            for older in self._db.execute("SELECT low, high FROM ranges WHERE conversation = ?", (row_id,))
        ]
        apart = []
        for other_low, other_high in ranges:
            if other_low <= high + 1 and other_high >= low - 1:
                low, high = min(low, other_low), max(high, other_high)
            else:
                apart.append((other_low, other_high))
        *older_ranges, (top_low, top_high) = sorted([*apart, (low, high)], key=lambda item: item[1])
        self._db.execute("DELETE FROM ranges WHERE conversation = ?", (row_id,))
        self._db.executemany("INSERT INTO ranges VALUES (?, ?, ?)", [(row_id, a, b) for a, b in older_ranges if b >= a])
        self._db.execute(
            "UPDATE conversations SET low = ?, high = ?, head = max(head, ?) WHERE id = ?",
            (top_low, top_high, top_high, row_id),
        )

    def held_after(self, row_id: int, seq: int) -> int:
        """The last seq of the hole-free stretch that begins at seq + 1; `seq` itself when seq + 1 is not held."""
        found = self._db.execute(
            "SELECT high FROM (SELECT low, high FROM ranges WHERE conversation = ?1"
            " UNION ALL SELECT low, high FROM conversations WHERE id = ?1) WHERE low <= ?2 + 1 AND high > ?2",
            (row_id, seq),
        ).fetchone()
        return seq if found is None else int(found["high"])

    # --- conversations

    def find(self, conversation: Conversation) -> Row | None:
        """The row of a conversation, or None when it is not known."""
        rows = self._rows(
            "WHERE type = ? AND target = ? AND line = ?", int(conversation.type), conversation.target, conversation.line
        )
        return rows[0] if rows else None

    def row(self, row_id: int) -> Row:
        """The row with this id."""
        return self._rows("WHERE id = ?", row_id)[0]

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

    def hide(self, row_id: int, *, clear: bool) -> None:
        """Take a conversation off the list until its next message; `clear` also drops what is shown of it."""
        with self._transaction():
            self._db.execute("UPDATE conversations SET hidden = 1 WHERE id = ?", (row_id,))
            if clear:
                self._db.execute(
                    "UPDATE conversations SET cleared = high, read = max(read, high) WHERE id = ?", (row_id,)
                )

    # --- messages

    def message(self, message_id: int) -> Message | None:
        """A message by its local id."""
        found = self._messages("WHERE m.id = ?", message_id)
        return found[0] if found else None

    def message_at(self, row_id: int, seq: int) -> Message | None:
        """A message by its place in the log."""
        found = self._messages("WHERE conversation = ? AND seq = ?", row_id, seq)
        return found[0] if found else None

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
                2 * _AT_THE_END if before is None else before,
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

    # --- delivery to the application

    def undelivered(self, limit: int) -> tuple[Row, list[LogEntry], int] | None:
        """The next entries of one log that the application does not know, and the seq that they reach."""
        rows = self._rows("WHERE delivered < high ORDER BY time, id LIMIT 1")
        if not rows:
            return None
        row = rows[0]
        found = self._db.execute(
            f"{_SELECT_MESSAGES} WHERE m.conversation = ? AND m.seq > ? AND m.seq <= ? ORDER BY m.seq LIMIT ?",
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

    # --- outbox

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
                    "position": _AT_THE_END,
                    "status": int(MessageStatus.SENDING),
                    "kind": payload.type,
                    "payload": _dump(payload.to_wire()),
                    "addressees": _dump(list(to)),
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
            self._update(message_id, {"payload": _dump(payload.to_wire())})
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
        """A message failed for good."""
        with self._transaction():
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

    # --- inside

    def _get(self, key: str) -> str | None:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found["value"])

    def _set(self, key: str, value: str) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _create(self, conversation: Conversation) -> Row:
        created = self._db.execute(
            "INSERT INTO conversations (type, target, line) VALUES (?, ?, ?)",
            (int(conversation.type), conversation.target, conversation.line),
        ).lastrowid
        return self.row(int(created or 0))

    def _start(self, row_id: int, start: int, *, delivered: int) -> None:
        self._db.execute(
            "UPDATE conversations SET low = ?, high = ?, head = max(head, ?), delivered = ? WHERE id = ?",
            (start + 1, start, start, delivered, row_id),
        )

    def _rows(self, condition: str, *values: Any) -> list[Row]:
        found = self._db.execute(f"SELECT * FROM conversations {condition}", values)
        return [
            Row(
                id=item["id"],
                conversation=Conversation(item["type"], item["target"], item["line"]),
                head=item["head"],
                first=item["first"],
                last=item["last"],
                low=item["low"],
                high=item["high"],
                delivered=item["delivered"],
                read=item["read"],
                reported=item["reported"],
                cleared=item["cleared"],
                top=item["top"],
                silent=bool(item["silent"]),
                draft=item["draft"],
                hidden=bool(item["hidden"]),
                time=item["time"],
            )
            for item in found
        ]

    def _messages(self, condition: str, *values: Any) -> list[Message]:
        return [self._message(item) for item in self._db.execute(f"{_SELECT_MESSAGES} {condition}", values)]

    def _message(self, item: sqlite3.Row) -> Message:
        content = decode(Payload.from_wire(json.loads(item["payload"])))
        if item["file"] and isinstance(content, MediaContent):
            content = replace(content, local_path=item["file"])
        return Message(
            id=item["id"],
            conversation=Conversation(item["type"], item["target"], item["line"]),
            sender=item["sender"],
            content=content,
            time=item["time"],
            status=MessageStatus(item["status"]),
            mine=item["sender"] == self._me,
            cid=item["cid"],
            seq=item["seq"],
            uid=item["uid"],
            to=tuple(json.loads(item["addressees"])),
            error=item["error"],
            recalled=Recalled(item["recalled_by"], item["recalled_at"] or 0) if item["recalled_by"] else None,
            edited=item["edited"],
        )

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

    def _insert(self, values: Mapping[str, Any]) -> int:
        columns, places = ", ".join(values), ", ".join("?" * len(values))
        inserted = self._db.execute(
            f"INSERT INTO messages ({columns}) VALUES ({places})",
            tuple(values.values()),
        ).lastrowid
        return int(inserted or 0)

    def _update(self, message_id: int, values: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{column} = ?" for column in values)
        self._db.execute(
            f"UPDATE messages SET {assignments} WHERE id = ?",
            (*values.values(), message_id),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth -= 1


_SELECT_MESSAGES = "SELECT m.*, c.type, c.target, c.line FROM messages m JOIN conversations c ON c.id = m.conversation"


def _dump(value: Mapping[str, Any] | Iterable[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
