"""Friendships in DynamoDB.

Everything is in the Directory table, in the partition of the user whose it is: a row per other user (``f|OTHER``), the copies
of the requests that he got (``r|i|SENDER``) and made (``r|o|RECEIVER``), and up to when he has read them (``r|read``).

What belongs together is written in one transaction, together with the marks on the conversation rows that the send path reads
(``im.message.store``). So the two sides never disagree, and a message is judged by what the friend rows say.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from im import keys
from im.friend.model import Between, Friend, FriendRequest
from im.message.store import DynamoRowStore
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors


class FriendItem(Model):
    """What one user keeps of another."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    friend = BooleanAttribute(null=True)
    blacked = BooleanAttribute(null=True)
    alias = UnicodeAttribute(null=True)
    extra = UnicodeAttribute(null=True)
    update_dt = NumberAttribute()


class RequestItem(Model):
    """One side's copy of a friend request."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    reason = UnicodeAttribute(null=True)
    extra = UnicodeAttribute(null=True)
    status = NumberAttribute()
    sent = NumberAttribute()
    repeated = BooleanAttribute(null=True)
    update_dt = NumberAttribute()
    greet_after = NumberAttribute(null=True)


class RequestsReadItem(Model):
    """Up to when a user has read the requests that he got."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    read = NumberAttribute()


class FriendChange(Struct, frozen=True):
    """A friend row as it was read, and as it shall be."""

    old: Friend
    new: Friend

    @property
    def shows_in_chat(self) -> bool:
        """Whether the send path must learn of it."""
        return (self.old.is_friend, self.old.is_blacked) != (self.new.is_friend, self.new.is_blacked)


class RequestChange(Struct, frozen=True):
    """A request as it was read, None if there was none, and as it shall be."""

    old: FriendRequest | None
    new: FriendRequest


def friend_from_item(item: Item) -> Friend:
    """A friend row from its item."""
    return Friend(
        user=keys.id_of(item["pk"]),
        other=keys.id_of(item["sk"]),
        is_friend=item.get("friend", False),
        is_blacked=item.get("blacked", False),
        alias=item.get("alias", ""),
        extra=item.get("extra", ""),
        update_dt=item["update_dt"],
    )


def request_from_item(item: Item) -> FriendRequest:
    """A request from either copy."""
    owner = keys.id_of(item["pk"])
    received, other = keys.parse_friend_request(item["sk"])
    return FriendRequest(
        sender=other if received else owner,
        receiver=owner if received else other,
        reason=item.get("reason", ""),
        extra=item.get("extra", ""),
        status=item["status"],
        sent=item["sent"],
        repeated=item.get("repeated", False),
        update_dt=item["update_dt"],
        greet_after=item.get("greet_after"),
    )


def _friend_item(friend: Friend) -> FriendItem:
    return FriendItem(
        keys.user(friend.user),
        keys.friend(friend.other),
        friend=friend.is_friend or None,
        blacked=friend.is_blacked or None,
        alias=friend.alias or None,
        extra=friend.extra or None,
        update_dt=friend.update_dt,
    )


def _request_item(request: FriendRequest, *, received: bool) -> RequestItem:
    return RequestItem(
        keys.user(request.receiver if received else request.sender),
        keys.friend_request(request.sender, request.receiver, received=received),
        reason=request.reason or None,
        extra=request.extra or None,
        status=request.status,
        sent=request.sent,
        repeated=request.repeated or None,
        update_dt=request.update_dt,
        greet_after=request.greet_after if received else None,
    )


class FriendStore(Protocol):
    """Friend rows and requests."""

    def between(self, user: str, other: str) -> Between:
        """All that is stored between two users, strongly consistent."""

    def get(self, user: str, other: str) -> Friend:
        """What a user keeps of another, strongly consistent; version 0 if nothing."""

    def friends(self, user: str, after: int = 0, *, consistent: bool = True) -> list[Friend]:
        """A user's rows that changed after a time (ms), in no order."""

    def requests(self, user: str, after: int = 0) -> tuple[list[FriendRequest], int]:
        """The requests that a user got or made and that changed after a time (ms), in no order; and up to when he has read
        those that he got (ms). Strongly consistent."""

    def commit(self, friends: Sequence[FriendChange], requests: Sequence[RequestChange] = ()) -> bool:
        """Write rows, requests (both copies) and what follows from them for the chats: all of it or nothing.

        Returns False when something has changed since it was read.
        """

    def greeted(self, request: FriendRequest) -> None:
        """Note that the greetings of an accepted request are written."""

    def raise_read_until(self, user: str, until: int) -> int:
        """Raise up to when (ms) a user has read the requests that he got; returns where it stands, further on if it was."""

    def forget(self, user: str) -> None:
        """Remove everything in a user's own partition: rows, his copies of requests, what he has read."""


class DynamoFriendStore:
    """``FriendStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str, rows: DynamoRowStore) -> None:
        self._dynamo = dynamo
        self._table = table
        self._rows = rows
        self._friends = dynamo.bind(FriendItem, table)
        self._requests = dynamo.bind(RequestItem, table)
        dynamo.bind(RequestsReadItem, table)

    def between(self, user: str, other: str) -> Between:
        mine, theirs = self._friend_key(user, other), self._friend_key(other, user)
        outgoing, incoming = self._request_key(user, other), self._request_key(other, user)
        found = self._dynamo.batch_get((mine, theirs, outgoing, incoming))
        return Between(
            friend_from_item(found[mine]) if mine in found else Friend(user, other),
            friend_from_item(found[theirs]) if theirs in found else Friend(other, user),
            request_from_item(found[outgoing]) if outgoing in found else None,
            request_from_item(found[incoming]) if incoming in found else None,
        )

    def get(self, user: str, other: str) -> Friend:
        key = self._friend_key(user, other)
        item = self._dynamo.batch_get([key]).get(key)
        return friend_from_item(item) if item else Friend(user, other)

    def friends(self, user: str, after: int = 0, *, consistent: bool = True) -> list[Friend]:
        prefix, newer = FriendItem.sk.startswith(keys.FRIEND_PREFIX), FriendItem.update_dt > after
        return [friend_from_item(item) for item in self._changed(self._friends, user, prefix, newer, consistent)]

    def requests(self, user: str, after: int = 0) -> tuple[list[FriendRequest], int]:
        prefix = RequestItem.sk.startswith(keys.REQUEST_PREFIX)
        newer = (RequestItem.update_dt > after) | RequestsReadItem.read.exists()
        found = {item["sk"]: item for item in self._changed(self._requests, user, prefix, newer, True)}
        mark = found.pop(keys.REQUESTS_READ, None)
        return [request_from_item(item) for item in found.values()], mark["read"] if mark else 0

    def _changed(
        self, model: type[Model], user: str, prefix: Condition, newer: Condition, consistent: bool
    ) -> Iterable[Item]:
        return self._dynamo.query(model, keys.user(user), prefix, consistent=consistent, filter_condition=newer)

    def commit(self, friends: Sequence[FriendChange], requests: Sequence[RequestChange] = ()) -> bool:
        marks = [change.new for change in friends if change.shows_in_chat]
        try:
            if len(friends) == 1 and not requests and not marks:
                [change] = friends
                with translated_errors():
                    _friend_item(change.new).save(condition=_unchanged(FriendItem, change.old.update_dt))
                return True
            with self._dynamo.transaction(FriendItem) as writes:
                for change in friends:
                    writes.save(_friend_item(change.new), _unchanged(FriendItem, change.old.update_dt))
                for asked in requests:
                    before = asked.old.update_dt if asked.old else 0
                    writes.save(_request_item(asked.new, received=True), _unchanged(RequestItem, before))
                    writes.save(_request_item(asked.new, received=False))
                for row in marks:
                    item, actions = self._rows.relation(
                        row.user, row.other, blocked=row.is_blacked, befriended=row.is_friend
                    )
                    writes.update(item, actions=actions)
        except ConditionFailed:
            return False
        return True

    def greeted(self, request: FriendRequest) -> None:
        key = keys.friend_request(request.sender, request.receiver, received=True)
        try:
            with translated_errors():
                RequestItem(keys.user(request.receiver), key).update(
                    actions=[RequestItem.greet_after.remove()],
                    condition=RequestItem.update_dt == request.update_dt,
                )
        except ConditionFailed:
            return

    def raise_read_until(self, user: str, until: int) -> int:
        lower = RequestsReadItem.read.does_not_exist() | (RequestsReadItem.read < until)
        try:
            with translated_errors():
                RequestsReadItem(keys.user(user), keys.REQUESTS_READ).update(
                    actions=[RequestsReadItem.read.set(until)], condition=lower
                )
        except ConditionFailed:
            key = self._key(keys.user(user), keys.REQUESTS_READ)
            return int(self._dynamo.batch_get([key])[key]["read"])
        return until

    def forget(self, user: str) -> None:
        places = [keys.friend(row.other) for row in self.friends(user)]
        for request in self.requests(user)[0]:
            received = request.receiver == user
            places.append(keys.friend_request(request.sender, request.receiver, received=received))
        places.append(keys.REQUESTS_READ)
        self._dynamo.batch_delete(self._table, [{"pk": keys.user(user), "sk": place} for place in places])

    def _friend_key(self, user: str, other: str) -> Key:
        return self._key(keys.user(user), keys.friend(other))

    def _request_key(self, sender: str, receiver: str) -> Key:
        return self._key(keys.user(receiver), keys.friend_request(sender, receiver, received=True))

    def _key(self, partition: str, sort_key: str) -> Key:
        return Key(self._table, (("pk", partition), ("sk", sort_key)), True)


def _unchanged(model: type[Any], version: int) -> Condition:
    """The item is as it was read: of this version, or absent (0)."""
    condition: Condition = model.update_dt == version if version else model.pk.does_not_exist()
    return condition
