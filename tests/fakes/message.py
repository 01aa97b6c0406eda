"""In-memory logs and conversation rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from im.delivery.model import Versions
from im.message.model import Conversation, Edit, Message, Reactions, Recall, Row
from im.message.store import Withdrawal
from im.platform.dynamo import Item, Key
from tests.fakes.delivery import MemoryVersionStore
from tests.fakes.items import Items

ROW_TABLE = "rows"


class MemoryMessageStore:
    """``MessageStore`` in dictionaries."""

    def __init__(self, items: Items) -> None:
        self.logs: dict[str, dict[int, Message]] = defaultdict(dict)
        self._indexed: dict[int, tuple[str, int]] = {}
        self._bases: dict[tuple[str, int, str], int] = {}
        self.puts = 0
        items.serve("messages", lambda key: self._slot(key))

    def _slot(self, key: Key) -> Item | None:
        (_, log), (_, seq) = key.key
        message = self.logs[str(log)].get(int(seq))
        return {"message": message} if message else None

    def key(self, log: str, seq: int) -> Key:
        return Key("messages", (("c", log), ("s", seq)))

    def decode(self, item: Item) -> Message:
        message = item["message"]
        assert isinstance(message, Message)
        return message

    def put(self, message: Message, *, indexed: bool) -> Message | None:
        self.puts += 1
        occupant = self.logs[message.log].get(message.seq)
        if occupant is None:
            self.logs[message.log][message.seq] = message
            if indexed:
                self._indexed[message.uid] = (message.log, message.seq)
        return occupant

    def get(self, log: str, seq: int) -> Message | None:
        return self.logs[log].get(seq)

    def after(self, log: str, seq: int, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        slots = self.logs[log]
        yield from [slots[each] for each in sorted(slots) if each > seq][:limit]

    def get_many(self, log: str, seqs: Iterable[int]) -> dict[int, Message]:
        return {seq: self.logs[log][seq] for seq in seqs if seq in self.logs[log]}

    def before(self, log: str, seq: int | None, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        slots = self.logs[log]
        yield from [slots[each] for each in sorted(slots, reverse=True) if seq is None or each < seq][:limit]

    def newest(self, log: str) -> Message | None:
        slots = self.logs[log]
        return slots[max(slots)] if slots else None

    def find(self, uid: int) -> Message | None:
        place = self._indexed.get(uid)
        return self.logs[place[0]][place[1]] if place else None

    def mark_recalled(self, log: str, seq: int, by: str, at_ms: int, base: int) -> Withdrawal:
        message = self.logs[log][seq]
        fresh = message.recall is None
        if fresh:
            self.logs[log][seq] = replace(message, recall=Recall(by, at_ms))
        return Withdrawal(self.logs[log][seq], self._bases.setdefault((log, seq, "recall"), base), fresh)

    def mark_deleted(self, log: str, seq: int, at_ms: int, base: int) -> Withdrawal:
        message = self.logs[log][seq]
        self.logs[log][seq] = replace(message, deleted=True)
        return Withdrawal(self.logs[log][seq], self._bases.setdefault((log, seq, "delete"), base), not message.deleted)

    def blank(self, log: str, seq: int, payload: str) -> None:
        self.logs[log][seq] = replace(self.logs[log][seq], payload=payload, reactions={})

    def edit(self, old: Message, payload: str, edit: Edit, *, time: int | None = None) -> bool:
        now = self.logs[old.log].get(old.seq)
        if now is None or now.withdrawn or (now.edit and now.edit.time) != (old.edit and old.edit.time):
            return False
        moved = now.time if time is None else time
        self.logs[old.log][old.seq] = replace(now, payload=payload, edit=edit, time=moved)
        return True

    def react(self, old: Message, reactions: Reactions, reacted: int) -> bool:
        now = self.logs[old.log].get(old.seq)
        if now is None or now.withdrawn or (now.reactions, now.reacted) != (old.reactions, old.reacted):
            return False
        self.logs[old.log][old.seq] = replace(now, reactions=reactions, reacted=reacted)
        return True


class MemoryRowStore:
    """``RowStore`` in a dictionary."""

    def __init__(self, items: Items, versions: MemoryVersionStore | None = None) -> None:
        self._versions = versions or MemoryVersionStore()
        self.rows: dict[tuple[str, Conversation], Row] = {}
        self._changes: dict[tuple[str, str], int] = {}
        self._items = items
        items.serve(ROW_TABLE, self._row)

    def _row(self, key: Key) -> Item | None:
        (_, user), (_, kind), (_, target), (_, line) = key.key
        row = self.rows.get((str(user), Conversation(int(kind), str(target), int(line))))
        return {"row": row} if row else None

    def key(self, user: str, conversation: Conversation) -> Key:
        return Key(
            ROW_TABLE,
            (("user", user), ("type", conversation.type), ("target", conversation.target), ("line", conversation.line)),
        )

    def decode(self, item: Item) -> Row:
        row = item["row"]
        assert isinstance(row, Row)
        return row

    def of_user(self, user: str) -> list[Row]:
        return [row for (owner, _), row in self.rows.items() if owner == user]

    def with_versions(self, user: str) -> tuple[list[Row], Versions]:
        return self.of_user(user), self._versions.versions[user]

    def get(self, user: str, conversation: Conversation) -> Row | None:
        return self.rows.get((user, conversation))

    def stamp(self, user: str, conversation: Conversation, minute: int) -> None:
        row = self._open(user, conversation)
        self.rows[user, conversation] = replace(row, activity=max(row.activity, minute))

    def advance_read(self, user: str, conversation: Conversation, seq: int, at_ms: int = 0) -> int:
        row = self._open(user, conversation)
        if seq > row.read:
            self.rows[user, conversation] = replace(row, read=seq, read_at=at_ms)
        return max(row.read, seq)

    def clear(self, user: str, conversation: Conversation, seq: int) -> int:
        row = self._open(user, conversation)
        self.rows[user, conversation] = replace(row, cleared=max(row.cleared, seq))
        return max(row.cleared, seq)

    def remove(self, user: str, conversation: Conversation, seq: int) -> int:
        row = self._open(user, conversation)
        self.rows[user, conversation] = replace(row, removed=max(row.removed, seq))
        return max(row.removed, seq)

    def relate(self, user: str, other: str, *, blocked: bool, befriended: bool) -> None:
        conversation = Conversation(0, other)
        row = self._open(user, conversation)
        self.rows[user, conversation] = replace(row, blocked=blocked, befriended=befriended)

    def kept_of(self, user: str, others: Iterable[str]) -> dict[str, Row]:
        return {other: row for other in others if (row := self.rows.get((other, Conversation(0, user))))}

    def enter(self, user: str, group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        conversation = Conversation(1, group)
        row = self._open(user, conversation)
        if self._changes.get((user, group), -1) < change:
            self._changes[user, group] = change
            self.rows[user, conversation] = replace(row, activity=minute, firsts=dict(firsts), lasts=None)

    def enter_many(self, users: Iterable[str], group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        for user in users:
            self._changes[user, group] = change
            self.rows[user, Conversation(1, group)] = Row(Conversation(1, group), 0, minute, False, dict(firsts))

    def leave(
        self, user: str, group: str, lasts: Mapping[int, int], minute: int, change: int, *, begins: bool = False
    ) -> None:
        if self._changes.get((user, group), -1) > (change - 1 if begins else change):
            return
        self._changes[user, group] = change
        conversation = Conversation(1, group)
        row = self._open(user, conversation)
        bounds = {line: max(seq, (row.lasts or {}).get(line, 0)) for line, seq in lasts.items()}
        self.rows[user, conversation] = replace(row, activity=minute, lasts=bounds)

    def forget(self, user: str) -> None:
        self.rows = {place: row for place, row in self.rows.items() if place[0] != user}
        self._versions.versions.pop(user, None)

    def _open(self, user: str, conversation: Conversation) -> Row:
        return self.rows.get((user, conversation), Row(conversation))
