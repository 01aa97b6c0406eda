"""The message log and the users' conversation rows in DynamoDB.

A message is one item at (conversation, seq). Attribute names are single letters, because every byte over 1 KB costs another
write unit: c conversation, s seq, i uid (indexed) or n uid (not indexed), d cid, f sender, t time, p payload JSON, o the
listed readers, r the seq that an event refers to; on a message that was taken back rb by, rt time, re the event's base; dt
and de the same for a deletion for everybody, et and ee for the last edit; x the reactions, xs the last of their events;
e, of a message in a chatroom, when it expires.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct
from msgspec.structs import replace
from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from im import keys
from im.delivery.model import Versions
from im.delivery.store import versions_from_item
from im.message.events import reactions_to_json
from im.message.model import Conversation, Edit, Message, Reactions, Recall, Row
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors


class UidIndex(GlobalSecondaryIndex["MessageItem"]):
    """Finds a message by its uid; sparse, an item without ``i`` costs nothing here."""

    class Meta:
        index_name = "by_uid"
        projection = KeysOnlyProjection()

    i = NumberAttribute(hash_key=True)


class MessageItem(Model):
    """One slot of a log."""

    class Meta:
        table_name = ""

    c = UnicodeAttribute(hash_key=True)
    s = NumberAttribute(range_key=True)
    i = NumberAttribute(null=True)
    p = UnicodeAttribute()
    rb = UnicodeAttribute(null=True)
    rt = NumberAttribute(null=True)
    re = NumberAttribute(null=True)
    dt = NumberAttribute(null=True)
    de = NumberAttribute(null=True)
    et = NumberAttribute(null=True)
    ee = NumberAttribute(null=True)
    t = NumberAttribute(null=True)
    x = UnicodeAttribute(null=True)
    xs = NumberAttribute(null=True)
    by_uid: ClassVar[UidIndex] = UidIndex()


class RowItem(Model):
    """A user's row of one conversation."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    r = NumberAttribute(null=True)
    a = NumberAttribute(null=True)
    b = BooleanAttribute(null=True)
    h = BooleanAttribute(null=True)
    f = JSONAttribute(null=True)
    l = JSONAttribute(null=True)  # noqa: E741
    cl = NumberAttribute(null=True)
    rm = NumberAttribute(null=True)
    rt = NumberAttribute(null=True)
    q = BooleanAttribute(null=True)
    w = NumberAttribute(null=True)
    v = NumberAttribute(null=True)


class Withdrawal(Struct, frozen=True):
    """How far a message's withdrawal has got: the head when it was marked, from which its event is searched."""

    message: Message
    base: int
    fresh: bool


class MessageStore(Protocol):
    """The logs."""

    def put(self, message: Message, *, indexed: bool) -> Message | None:
        """Write a message into its slot; returns None, or the message that stands there already."""

    def get(self, log: str, seq: int) -> Message | None:
        """One slot, strongly consistent."""

    def after(self, log: str, seq: int, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        """Slots with a greater seq, ascending, at most ``limit``."""

    def before(self, log: str, seq: int | None, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        """Slots with a smaller seq (None: from the head), descending, at most ``limit``."""

    def get_many(self, log: str, seqs: Iterable[int]) -> dict[int, Message]:
        """Those of the slots that exist, strongly consistent."""

    def newest(self, log: str) -> Message | None:
        """The last slot, strongly consistent."""

    def find(self, uid: int) -> Message | None:
        """The indexed message with a uid."""

    def mark_recalled(self, log: str, seq: int, by: str, at_ms: int, base: int) -> Withdrawal:
        """Mark a message as recalled unless it is; the base of the first marking stays for ever."""

    def mark_deleted(self, log: str, seq: int, at_ms: int, base: int) -> Withdrawal:
        """Mark a message as deleted for everybody unless it is."""

    def blank(self, log: str, seq: int, payload: str) -> None:
        """Replace the content of a message that was taken back, and drop the reactions to it."""

    def edit(self, old: Message, payload: str, edit: Edit, *, time: int | None = None) -> bool:
        """Replace the content of a message, unless it was edited or taken back since ``old`` was read.

        ``time`` becomes its time as well. Returns whether it was replaced.
        """

    def react(self, old: Message, reactions: Reactions, reacted: int) -> bool:
        """Replace the reactions to a message, unless they have changed or it was taken back since ``old`` was read."""

    def key(self, log: str, seq: int) -> Key:
        """A slot's address, for reads that span domains."""

    def decode(self, item: Item) -> Message:
        """A message from its item."""


class DynamoMessageStore:
    """``MessageStore`` on the Messages table.

    Args:
        dynamo: DynamoDB.
        table: the table's name.
        room_retention_ms: how long messages in chatrooms are kept; all others are kept for ever.
    """

    def __init__(self, dynamo: Dynamo, table: str, room_retention_ms: int = 0) -> None:
        self._dynamo = dynamo
        self._table = table
        self._room_retention_ms = room_retention_ms
        self._model = dynamo.bind(MessageItem, table)

    def key(self, log: str, seq: int) -> Key:
        return Key(self._table, (("c", log), ("s", seq)))

    def decode(self, item: Item) -> Message:
        return Message(
            log=item["c"],
            seq=item["s"],
            uid=item.get("i") or item["n"],
            cid=item["d"],
            sender=item["f"],
            time=item["t"],
            payload=item["p"],
            to=tuple(item.get("o", ())),
            ref=item.get("r", 0),
            recall=Recall(item["rb"], item["rt"]) if "rb" in item else None,
            deleted="dt" in item,
            edit=Edit(item["et"], item["ee"]) if "et" in item else None,
            reactions=json.loads(item["x"]) if "x" in item else {},
            reacted=item.get("xs", 0),
        )

    def put(self, message: Message, *, indexed: bool) -> Message | None:
        item: Item = {
            "c": message.log,
            "s": message.seq,
            "i" if indexed else "n": message.uid,
            "d": message.cid,
            "f": message.sender,
            "t": message.time,
            "p": message.payload,
            "o": list(message.to) or None,
            "r": message.ref or None,
        }
        if keys.is_chatroom(message.log):
            item["e"] = (message.time + self._room_retention_ms) // 1000
        occupant = self._dynamo.put_new(self._table, "c", item)
        return self.decode(occupant) if occupant else None

    def get(self, log: str, seq: int) -> Message | None:
        found = self._dynamo.batch_get([replace(self.key(log, seq), consistent=True)])
        return next((self.decode(item) for item in found.values()), None)

    def after(self, log: str, seq: int, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        items = self._dynamo.query(self._model, log, MessageItem.s > seq, limit=limit, consistent=consistent)
        return map(self.decode, items)

    def before(self, log: str, seq: int | None, limit: int, *, consistent: bool = False) -> Iterator[Message]:
        condition = MessageItem.s < seq if seq is not None else None
        items = self._dynamo.query(self._model, log, condition, limit=limit, forward=False, consistent=consistent)
        return map(self.decode, items)

    def get_many(self, log: str, seqs: Iterable[int]) -> dict[int, Message]:
        found = self._dynamo.batch_get(replace(self.key(log, seq), consistent=True) for seq in seqs)
        return {item["s"]: self.decode(item) for item in found.values()}

    def newest(self, log: str) -> Message | None:
        items = self._dynamo.query(self._model, log, limit=1, forward=False, consistent=True)
        return next(map(self.decode, items), None)

    def find(self, uid: int) -> Message | None:
        hit = next(self._dynamo.query(self._model, str(uid), index="by_uid", limit=1), None)
        return self.get(hit["c"], hit["s"]) if hit else None

    def mark_recalled(self, log: str, seq: int, by: str, at_ms: int, base: int) -> Withdrawal:
        actions = [MessageItem.rb.set(by), MessageItem.rt.set(at_ms), MessageItem.re.set(base)]
        return self._mark(log, seq, actions, "rt", "re")

    def mark_deleted(self, log: str, seq: int, at_ms: int, base: int) -> Withdrawal:
        return self._mark(log, seq, [MessageItem.dt.set(at_ms), MessageItem.de.set(base)], "dt", "de")

    def _mark(self, log: str, seq: int, actions: Sequence[Action], mark: str, base: str) -> Withdrawal:
        missing = getattr(MessageItem, mark).does_not_exist()
        fresh = True
        try:
            with translated_errors():
                MessageItem(log, seq).update(actions=list(actions), condition=MessageItem.p.exists() & missing)
        except ConditionFailed:
            fresh = False
        item = self._dynamo.batch_get([replace(self.key(log, seq), consistent=True)])
        [found] = item.values()
        return Withdrawal(self.decode(found), found[base], fresh)

    def blank(self, log: str, seq: int, payload: str) -> None:
        actions: list[Action] = [MessageItem.p.set(payload), MessageItem.x.remove()]
        try:
            with translated_errors():
                MessageItem(log, seq).update(actions=actions, condition=MessageItem.p.exists())
        except ConditionFailed:  # a message of a chatroom may expire meanwhile
            return

    def edit(self, old: Message, payload: str, edit: Edit, *, time: int | None = None) -> bool:
        unedited = MessageItem.et == old.edit.time if old.edit else MessageItem.et.does_not_exist()
        actions = [MessageItem.p.set(payload), MessageItem.et.set(edit.time), MessageItem.ee.set(edit.base)]
        if time is not None:
            actions.append(MessageItem.t.set(time))
        return self._change(old, actions, unedited)

    def react(self, old: Message, reactions: Reactions, reacted: int) -> bool:
        known = MessageItem.x == reactions_to_json(old.reactions) if old.reactions else MessageItem.x.does_not_exist()
        last = MessageItem.xs == old.reacted if old.reacted else MessageItem.xs.does_not_exist()
        content = MessageItem.x.set(reactions_to_json(reactions)) if reactions else MessageItem.x.remove()
        return self._change(old, [content, MessageItem.xs.set(reacted)], known & last)

    def _change(self, old: Message, actions: Sequence[Action], unchanged: Condition) -> bool:
        stands = MessageItem.p.exists() & MessageItem.rt.does_not_exist() & MessageItem.dt.does_not_exist()
        try:
            with translated_errors():
                MessageItem(old.log, old.seq).update(actions=list(actions), condition=stands & unchanged)
        except ConditionFailed:
            return False
        return True


class RowStore(Protocol):
    """The users' conversation rows. A group's row is the one of line 0; it bounds what its user may see on every line."""

    def of_user(self, user: str) -> list[Row]:
        """All rows of a user."""

    def with_versions(self, user: str) -> tuple[list[Row], Versions]:
        """All rows of a user, and the versions that lie among them."""

    def get(self, user: str, conversation: Conversation) -> Row | None:
        """One row, strongly consistent."""

    def stamp(self, user: str, conversation: Conversation, minute: int) -> None:
        """Raise the row's activity minute, making the row if there is none; never lowers it."""

    def advance_read(self, user: str, conversation: Conversation, seq: int, at_ms: int = 0) -> int:
        """Raise the read cursor and note when; returns where it stands then, which is higher if another device was ahead."""

    def clear(self, user: str, conversation: Conversation, seq: int) -> int:
        """Raise the bound below which the user has cleared the conversation away; returns where it stands then."""

    def remove(self, user: str, conversation: Conversation, seq: int) -> int:
        """Raise the head at which the user took the conversation off his list; returns where it stands then."""

    def relate(self, user: str, other: str, *, blocked: bool, befriended: bool) -> None:
        """Note on the row of the single chat with ``other`` whether he is blacklisted, and a friend."""

    def kept_of(self, user: str, others: Iterable[str]) -> dict[str, Row]:
        """The others' rows of their single chats with the user, by whose they are; rows that do not exist are missing."""

    def enter(self, user: str, group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        """The user joins a group and may see each line from the given seq on.

        A row that is marked with this change, or a later one, stays as it is (``GroupMember.changes``).
        """

    def enter_many(self, users: Iterable[str], group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        """``enter`` for many users who have no row of the group."""

    def leave(
        self, user: str, group: str, lasts: Mapping[int, int], minute: int, change: int, *, begins: bool = False
    ) -> None:
        """The user is out of a group and may see each line up to the given seq; a bound only grows.

        A row that is marked with a later change stays as it is, and if the removal ``begins`` with this, so does one that
        is marked with the same: somebody else has begun it earlier.
        """

    def forget(self, user: str) -> None:
        """Remove all rows of a user, and his versions."""

    def key(self, user: str, conversation: Conversation) -> Key:
        """A row's address, for reads that span domains."""

    def decode(self, item: Item) -> Row:
        """A row from its item."""


class DynamoRowStore:
    """``RowStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._model = dynamo.bind(RowItem, table)

    def key(self, user: str, conversation: Conversation) -> Key:
        return Key(self._table, (("pk", keys.user(user)), ("sk", _sort_key(conversation))))

    def decode(self, item: Item) -> Row:
        firsts = json.loads(item["f"]) if "f" in item else None
        lasts = json.loads(item["l"]) if "l" in item else None
        return Row(
            conversation=Conversation(*keys.parse_conversation_row(item["sk"])),
            read=item.get("r", 0),
            activity=item.get("a", 0),
            blocked=item.get("b", False),
            firsts=None if firsts is None else {int(line): seq for line, seq in firsts.items()},
            lasts=None if lasts is None else {int(line): seq for line, seq in lasts.items()},
            cleared=item.get("cl", 0),
            removed=item.get("rm", 0),
            silent=item.get("q", False),
            top=item.get("w", 0),
            befriended=item.get("h", False),
            read_at=item.get("rt", 0),
        )

    def of_user(self, user: str) -> list[Row]:
        return self.with_versions(user)[0]

    def with_versions(self, user: str) -> tuple[list[Row], Versions]:
        rows, versions = [], Versions()
        for item in self._items(user):
            if item["sk"] == keys.VERSIONS:
                versions = versions_from_item(item)
            else:
                rows.append(self.decode(item))
        return rows, versions

    def _items(self, user: str) -> Iterator[Item]:
        return self._dynamo.query(self._model, keys.user(user), RowItem.sk.startswith(keys.CONVERSATION_PREFIX))

    def get(self, user: str, conversation: Conversation) -> Row | None:
        found = self._dynamo.batch_get([replace(self.key(user, conversation), consistent=True)])
        return next((self.decode(item) for item in found.values()), None)

    def stamp(self, user: str, conversation: Conversation, minute: int) -> None:
        self._raise(user, conversation, RowItem.a, minute)

    def advance_read(self, user: str, conversation: Conversation, seq: int, at_ms: int = 0) -> int:
        if self._raise(user, conversation, RowItem.r, seq, RowItem.rt.set(at_ms)):
            return seq
        row = self.get(user, conversation)
        return row.read if row else seq

    def clear(self, user: str, conversation: Conversation, seq: int) -> int:
        if self._raise(user, conversation, RowItem.cl, seq):
            return seq
        row = self.get(user, conversation)
        return row.cleared if row else seq

    def remove(self, user: str, conversation: Conversation, seq: int) -> int:
        if self._raise(user, conversation, RowItem.rm, seq):
            return seq
        row = self.get(user, conversation)
        return row.removed if row else seq

    def _raise(self, user: str, conversation: Conversation, attribute: Any, value: int, *also: Action) -> bool:
        condition = attribute.does_not_exist() | (attribute < value)
        try:
            with translated_errors():
                self._item(user, conversation).update(actions=[attribute.set(value), *also], condition=condition)
        except ConditionFailed:
            return False
        return True

    def relate(self, user: str, other: str, *, blocked: bool, befriended: bool) -> None:
        item, actions = self.relation(user, other, blocked=blocked, befriended=befriended)
        with translated_errors():
            item.update(actions=actions)

    def relation(self, user: str, other: str, *, blocked: bool, befriended: bool) -> tuple[RowItem, list[Action]]:
        """What ``relate`` writes, for those who write it together with what it follows from."""
        actions: list[Action] = [
            attribute.set(True) if value else attribute.remove()
            for attribute, value in ((RowItem.b, blocked), (RowItem.h, befriended))
        ]
        return self._item(user, Conversation(0, other)), actions

    def kept_of(self, user: str, others: Iterable[str]) -> dict[str, Row]:
        by_key = {self.key(other, Conversation(0, user)): other for other in others}
        return {by_key[key]: self.decode(item) for key, item in self._dynamo.batch_get(by_key).items()}

    def enter(self, user: str, group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        actions: list[Action] = [
            RowItem.f.set(_lines(firsts)),
            RowItem.a.set(minute),
            RowItem.v.set(change),
            RowItem.l.remove(),
        ]
        try:
            with translated_errors():
                item = self._item(user, Conversation(1, group))
                item.update(actions=actions, condition=RowItem.v.does_not_exist() | (RowItem.v < change))
        except ConditionFailed:
            return

    def enter_many(self, users: Iterable[str], group: str, firsts: Mapping[int, int], minute: int, change: int) -> None:
        sort_key = _sort_key(Conversation(1, group))
        text = json.dumps(_lines(firsts))
        self._dynamo.batch_put(
            self._table,
            ({"pk": keys.user(user), "sk": sort_key, "f": text, "a": minute, "v": change} for user in users),
        )

    def leave(
        self, user: str, group: str, lasts: Mapping[int, int], minute: int, change: int, *, begins: bool = False
    ) -> None:
        row = self.get(user, Conversation(1, group))
        bounds = dict(lasts)
        if row and row.lasts:
            bounds = {line: max(seq, row.lasts.get(line, 0)) for line, seq in lasts.items()}
        actions: list[Action] = [RowItem.l.set(_lines(bounds)), RowItem.a.set(minute), RowItem.v.set(change)]
        try:
            with translated_errors():
                item = self._item(user, Conversation(1, group))
                earlier = RowItem.v < change if begins else RowItem.v <= change
                item.update(actions=actions, condition=RowItem.v.does_not_exist() | earlier)
        except ConditionFailed:
            return

    def forget(self, user: str) -> None:
        self._dynamo.batch_delete(self._table, [{"pk": item["pk"], "sk": item["sk"]} for item in self._items(user)])

    def _item(self, user: str, conversation: Conversation) -> RowItem:
        return RowItem(keys.user(user), _sort_key(conversation))


def _sort_key(conversation: Conversation) -> str:
    return keys.conversation_row(conversation.type, conversation.target, conversation.line)


def _lines(bounds: Mapping[int, int]) -> dict[str, int]:
    return {str(line): seq for line, seq in bounds.items()}
