"""The file and its tables, and how rows become the program's objects."""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from wildfire_client.contents import MediaContent, decode
from wildfire_client.model import Conversation, ConversationType, Message, MessageStatus, Recalled
from wildfire_client.payload import Payload

_LOGS = """
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
CREATE INDEX messages_counted ON messages (conversation, seq, mention) WHERE counted = 1;
CREATE TABLE outbox (message INTEGER PRIMARY KEY, upload INTEGER NOT NULL);
"""
_LISTS = """
CREATE TABLE places (
    name TEXT PRIMARY KEY,
    after INTEGER NOT NULL,
    after_id TEXT NOT NULL,
    version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE users (id TEXT PRIMARY KEY, data TEXT, checked INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE friends (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE requests (
    sender TEXT NOT NULL,
    receiver TEXT NOT NULL,
    time INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (sender, receiver)
) WITHOUT ROWID;
CREATE TABLE groups (id TEXT PRIMARY KEY, data TEXT, stale INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO groups SELECT DISTINCT target, NULL, 1 FROM conversations WHERE type = 1;
CREATE TABLE members (
    group_id TEXT NOT NULL,
    user TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (group_id, user)
) WITHOUT ROWID;
CREATE TABLE settings (
    scope INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE TABLE receipts (
    conversation TEXT NOT NULL,
    user TEXT NOT NULL,
    read INTEGER NOT NULL,
    time INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) WITHOUT ROWID;
ALTER TABLE messages ADD COLUMN reactions TEXT NOT NULL DEFAULT '[]';
ALTER TABLE conversations ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
"""
_CHANNELS = """
CREATE TABLE channels (id TEXT PRIMARY KEY, data TEXT, checked INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE subscriptions (id TEXT PRIMARY KEY, owned INTEGER NOT NULL, listened INTEGER NOT NULL) WITHOUT ROWID;
"""
_STEPS = (_LOGS, _LISTS, _CHANNELS)
"""What each version of the file added to the one before."""
_TABLES = (
    *("messages", "outbox", "ranges", "conversations"),
    *("places", "users", "friends", "requests", "groups", "members", "settings", "receipts"),
    *("channels", "subscriptions"),
)
AT_THE_END = 1e15
"""Position of a message that has not left yet."""
SELECT_MESSAGES = "SELECT m.*, c.type, c.target, c.line FROM messages m JOIN conversations c ON c.id = m.conversation"


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
        cleared: messages up to here were cleared away.
        removed: off the list while the head is not greater.
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
    removed: int

    @property
    def end(self) -> int:
        """The newest seq that is for me."""
        return self.head if self.last is None else min(self.head, self.last)


@dataclass(slots=True)
class Changes:
    """What a transaction changed: ids of conversations, and of own messages that the server turned out to have."""

    conversations: set[int] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)


class Database:
    """The open file: see the package's text.

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
                if version > len(_STEPS):
                    raise StoreError(f"{path} was written by a newer version of this client")
                for step in _STEPS[version:]:
                    for statement in step.split(";\n"):
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {len(_STEPS)}")
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
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("DELETE FROM meta WHERE key <> 'client_id'")
        self._me = ""

    def find(self, conversation: Conversation) -> Row | None:
        """The row of a conversation, or None when it is not known."""
        rows = self._rows(
            "WHERE type = ? AND target = ? AND line = ?", int(conversation.type), conversation.target, conversation.line
        )
        return rows[0] if rows else None

    def row(self, row_id: int) -> Row:
        """The row with this id."""
        return self._rows("WHERE id = ?", row_id)[0]

    def message(self, message_id: int) -> Message | None:
        """A message by its local id."""
        found = self._messages("WHERE m.id = ?", message_id)
        return found[0] if found else None

    def message_at(self, row_id: int, seq: int) -> Message | None:
        """A message by its place in the log."""
        found = self._messages("WHERE conversation = ? AND seq = ?", row_id, seq)
        return found[0] if found else None

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
        if conversation.type == ConversationType.GROUP:
            self._stale_group(conversation.target)
        return self.row(int(created or 0))

    def _start(self, row_id: int, start: int, *, delivered: int) -> None:
        self._db.execute(
            "UPDATE conversations SET low = ?, high = ?, head = max(head, ?), delivered = ? WHERE id = ?",
            (start + 1, start, start, delivered, row_id),
        )

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
                removed=item["removed"],
            )
            for item in found
        ]

    def _messages(self, condition: str, *values: Any) -> list[Message]:
        return [self._message(item) for item in self._db.execute(f"{SELECT_MESSAGES} {condition}", values)]

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
            reactions={str(each["emoji"]): tuple(each["users"]) for each in json.loads(item["reactions"])},
        )

    def _stale_group(self, group_id: str) -> None:
        self._db.execute("INSERT INTO groups VALUES (?, NULL, 1) ON CONFLICT (id) DO UPDATE SET stale = 1", (group_id,))

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


def dump(value: Mapping[str, Any] | Iterable[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
