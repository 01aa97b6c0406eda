"""Sessions and the users' global status in the Directory table."""

from collections.abc import Iterator
from typing import Protocol

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from im import keys
from im.connect.model import Session
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors

_BLOCKED = "blocked"


class SessionItem(Model):
    """A user's login on one client."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    p = NumberAttribute()
    g = NumberAttribute()
    t = NumberAttribute()
    x = BooleanAttribute()


class OwnerItem(Model):
    """Which user a client id belongs to."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    u = UnicodeAttribute()


class TypeIndex(GlobalSecondaryIndex["StatusItem"]):
    """Lists items of one kind; sparse."""

    class Meta:
        index_name = "by_type"
        projection = KeysOnlyProjection()

    gt = UnicodeAttribute(hash_key=True)
    gs = UnicodeAttribute(range_key=True)


class StatusItem(Model):
    """A user's global status, while it is not normal."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    st = NumberAttribute()
    gt = UnicodeAttribute()
    gs = UnicodeAttribute()
    by_type = TypeIndex()


class SessionStore(Protocol):
    """The logins."""

    def get(self, user: str, client: str) -> Session | None:
        """One session, strongly consistent."""

    def of_user(self, user: str) -> list[Session]:
        """All sessions of a user, deleted ones included, strongly consistent."""

    def put(self, session: Session) -> None:
        """Create or replace a session."""

    def mark_deleted(self, user: str, client: str) -> bool:
        """End a session; False when there is none."""

    def claim(self, client: str, user: str) -> str | None:
        """Make a client id this user's; returns whose it was before, None if nobody else's."""

    def status(self, user: str) -> int:
        """A user's global status, strongly consistent: 0 normal, 1 muted, 2 forbidden."""

    def set_status(self, user: str, status: int) -> None:
        """Set a user's global status."""

    def blocked(self) -> list[tuple[str, int]]:
        """All users whose status is not normal, with it."""

    def gate(self, user: str, client: str) -> tuple[Session | None, int]:
        """Session and status in one strongly consistent read: all that a connection is judged by."""

    def forget(self, user: str) -> None:
        """Remove sessions and status of a user."""


class DynamoSessionStore:
    """``SessionStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._sessions = dynamo.bind(SessionItem, table)
        dynamo.bind(OwnerItem, table)
        self._statuses = dynamo.bind(StatusItem, table)

    def get(self, user: str, client: str) -> Session | None:
        return self.gate(user, client)[0]

    def gate(self, user: str, client: str) -> tuple[Session | None, int]:
        session_key = self._key(user, keys.session(client))
        status_key = self._key(user, keys.STATUS)
        found = self._dynamo.batch_get([session_key, status_key])
        session = _session(user, found[session_key]) if session_key in found else None
        return session, found.get(status_key, {}).get("st", 0)

    def of_user(self, user: str) -> list[Session]:
        condition = SessionItem.sk.startswith(keys.SESSION_PREFIX)
        items = self._dynamo.query(self._sessions, keys.user(user), condition, consistent=True)
        return [_session(user, item) for item in items]

    def put(self, session: Session) -> None:
        with translated_errors():
            SessionItem(
                keys.user(session.user),
                keys.session(session.client),
                p=session.platform,
                g=session.generation,
                t=session.created,
                x=session.deleted,
            ).save()

    def mark_deleted(self, user: str, client: str) -> bool:
        item = SessionItem(keys.user(user), keys.session(client))
        try:
            with translated_errors():
                item.update(actions=[SessionItem.x.set(True)], condition=SessionItem.g.exists())
        except ConditionFailed:
            return False
        return True

    def claim(self, client: str, user: str) -> str | None:
        with translated_errors():
            answer = self._dynamo.client.put_item(
                TableName=self._table,
                Item={"pk": {"S": keys.client(client)}, "sk": {"S": keys.OWNER}, "u": {"S": user}},
                ReturnValues="ALL_OLD",
                ReturnConsumedCapacity="TOTAL",
            )
        before: str | None = answer.get("Attributes", {}).get("u", {}).get("S")
        return before if before != user else None

    def status(self, user: str) -> int:
        key = self._key(user, keys.STATUS)
        status: int = self._dynamo.batch_get([key]).get(key, {}).get("st", 0)
        return status

    def set_status(self, user: str, status: int) -> None:
        item = StatusItem(keys.user(user), keys.STATUS, st=status, gt=_BLOCKED, gs=user)
        with translated_errors():
            if status:
                item.save()
            else:
                item.delete()

    def blocked(self) -> list[tuple[str, int]]:
        hits: Iterator[Item] = self._dynamo.query(self._statuses, _BLOCKED, index="by_type")
        wanted = [Key(self._table, (("pk", hit["pk"]), ("sk", hit["sk"])), consistent=True) for hit in hits]
        found = self._dynamo.batch_get(wanted)
        return sorted((item["gs"], item["st"]) for item in found.values())

    def forget(self, user: str) -> None:
        for session in self.of_user(user):
            with translated_errors():
                SessionItem(keys.user(user), keys.session(session.client)).delete()
        self.set_status(user, 0)

    def _key(self, user: str, sort_key: str) -> Key:
        return Key(self._table, (("pk", keys.user(user)), ("sk", sort_key)), consistent=True)


def _session(user: str, item: Item) -> Session:
    return Session(user, keys.id_of(item["sk"]), item["p"], item["g"], item["t"], item["x"])
