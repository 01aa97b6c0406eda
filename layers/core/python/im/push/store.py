"""Whose a push token is, and what has been pushed.

A token belongs to one session, the one that registered it last: an item under the token's digest names it, and a device's
address counts only while it does. So a phone that several accounts use shows the notifications of one of them, whatever
crash or race there was between the writes of a registration.

What has been pushed is remembered for a day: a message's notification is shown once on a device however often the queue
brings it, and one that was taken back is not shown late.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from im import keys
from im.message.model import ConversationType
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, decode_item, encode_item, translated_errors
from im.push.alert import Alert
from im.push.notice import Names
from im.setting.model import Scope

_CLAIM_LIFE_S = 86_400


class Owner(Struct, frozen=True):
    """The session that a token belongs to.

    Attributes:
        user, client: the session.
        endpoint: the ARN of the token's SNS platform endpoint, once there is one.
    """

    user: str
    client: str
    endpoint: str = ""


class TokenStore(Protocol):
    """Whose tokens are."""

    def claim(self, digest: str, user: str, client: str) -> Owner | None:
        """Make a token this session's, with no endpoint; returns whose it was, None if nobody's."""

    def owners(self, digests: Iterable[str]) -> dict[str, Owner]:
        """Whose tokens are, strongly consistent; those that nobody registered are missing."""

    def note_endpoint(self, digest: str, owner: Owner, endpoint: str) -> None:
        """Remember a token's endpoint, unless it is another session's by now."""

    def release(self, digest: str, user: str, client: str) -> None:
        """A token is this session's no more; one of another session stays."""


class DynamoTokenStore:
    """``TokenStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def claim(self, digest: str, user: str, client: str) -> Owner | None:
        with translated_errors():
            answer = self._dynamo.client.put_item(
                TableName=self._table,
                Item=encode_item({"pk": keys.push_token(digest), "sk": keys.OWNER, "u": user, "c": client}),
                ReturnValues="ALL_OLD",
                ReturnConsumedCapacity="TOTAL",
            )
        before = answer.get("Attributes")
        return _owner(decode_item(before)) if before else None

    def owners(self, digests: Iterable[str]) -> dict[str, Owner]:
        wanted = {
            digest: Key(self._table, (("pk", keys.push_token(digest)), ("sk", keys.OWNER)), consistent=True)
            for digest in digests
        }
        found = self._dynamo.batch_get(wanted.values())
        return {digest: _owner(found[key]) for digest, key in wanted.items() if key in found}

    def note_endpoint(self, digest: str, owner: Owner, endpoint: str) -> None:
        self._change(
            "update_item",
            digest,
            owner.user,
            owner.client,
            {":e": endpoint},
            UpdateExpression="SET e = :e",
        )

    def release(self, digest: str, user: str, client: str) -> None:
        self._change("delete_item", digest, user, client, {})

    def _change(self, operation: str, digest: str, user: str, client: str, values: Item, **how: Any) -> None:
        try:
            with translated_errors():
                getattr(self._dynamo.client, operation)(
                    TableName=self._table,
                    Key=encode_item({"pk": keys.push_token(digest), "sk": keys.OWNER}),
                    ConditionExpression="u = :u AND c = :c",
                    ExpressionAttributeValues=encode_item({":u": user, ":c": client, **values}),
                    ReturnConsumedCapacity="TOTAL",
                    **how,
                )
        except ConditionFailed:
            return


def _owner(item: Item) -> Owner:
    return Owner(item["u"], item["c"], item.get("e", ""))


class Directory(Protocol):
    """What receivers call those whom a notification names."""

    def names(self, alert: Alert, users: Sequence[str]) -> dict[str, Names]:
        """The names of author and conversation, for each of these receivers."""


class DynamoDirectory:
    """``Directory`` on the Directory table: everything in one read, eventually consistent.

    Args:
        dynamo: DynamoDB.
        table: the Directory table.
    """

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def names(self, alert: Alert, users: Sequence[str]) -> dict[str, Names]:
        in_group = alert.type == ConversationType.GROUP
        single = alert.type == ConversationType.SINGLE
        author = self._key(keys.user(alert.sender), keys.PROFILE)
        in_channel = alert.type == ConversationType.CHANNEL
        channel = keys.channel(keys.parse_dialog(alert.target)[0])
        whole = self._key(channel if in_channel else keys.group(alert.target), keys.INFO)
        member = self._key(keys.group(alert.target), keys.member(alert.sender))
        aliases = {user: self._key(keys.user(user), keys.friend(alert.sender)) for user in users}
        remarks = {
            user: self._key(keys.user(user), keys.setting(Scope.GROUP_REMARK, alert.target))
            for user in (users if in_group else ())
        }
        profiles = {user: self._key(keys.user(user), keys.PROFILE) for user in (users if single else ())}
        shared = [author, *([whole, member] if in_group else [whole] if in_channel else ())]
        found = self._dynamo.batch_get([*shared, *aliases.values(), *remarks.values(), *profiles.values()])

        def text(key: Key | None, name: str) -> str:
            value: str = found.get(key, {}).get(name, "") if key else ""
            return value

        nickname = text(member, "alias") if in_group else ""
        return {
            user: Names(
                sender=text(aliases[user], "alias") or nickname or text(author, "display_name"),
                sender_portrait=text(author, "portrait"),
                target=text(remarks.get(user), "v")
                or (text(profiles.get(user), "display_name") if single else text(whole, "name")),
                target_portrait=text(profiles.get(user) if single else whole, "portrait"),
            )
            for user in users
        }

    def _key(self, partition: str, sort_key: str) -> Key:
        return Key(self._table, (("pk", partition), ("sk", sort_key)))


class ClaimStore(Protocol):
    """What has been pushed to which device."""

    def claim(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        """Take on a notification; False when it was shown, is being shown by another attempt, or was withdrawn."""

    def release(self, user: str, client: str, about: str, by: str) -> None:
        """The notification could not be sent: what this attempt has claimed may be claimed again."""

    def withdraw(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        """Forbid a notification; True when it had been claimed, and no other attempt has withdrawn it."""

    def restore(self, user: str, client: str, about: str, by: str) -> None:
        """The withdrawal could not be sent: what this attempt has withdrawn may be withdrawn again."""

    def note_call(self, user: str, client: str, call: str, uid: int, now_ms: int) -> None:
        """Remember by which message a device was called."""

    def call_start(self, user: str, client: str, call: str) -> int:
        """The uid of the message that ``note_call`` was told of; 0 when the device was not called."""


class DynamoClaimStore:
    """``ClaimStore`` on the Ephemera table: an item per device and message, b who claimed it, w who withdrew it."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._client: Any = dynamo.client
        self._table = table

    def claim(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        try:
            self._put(
                {**_item(user, client, about, now_ms), "b": by},
                # The client tries again when an answer is lost: it may find what it has written itself.
                ConditionExpression="attribute_not_exists(k) OR (b = :by AND attribute_not_exists(w))",
                ExpressionAttributeValues=encode_item({":by": by}),
            )
        except ConditionFailed:
            return False
        return True

    def release(self, user: str, client: str, about: str, by: str) -> None:
        try:
            with translated_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=encode_item({"k": keys.pushed(user, client, about)}),
                    ConditionExpression="b = :by",
                    ExpressionAttributeValues=encode_item({":by": by}),
                    ReturnConsumedCapacity="TOTAL",
                )
        except ConditionFailed:
            return

    def withdraw(self, user: str, client: str, about: str, now_ms: int, by: str) -> bool:
        answer = self._update(
            _item(user, client, about, now_ms)["k"],
            "SET w = if_not_exists(w, :by), #t = if_not_exists(#t, :t)",
            {":by": by, ":t": _item(user, client, about, now_ms)["ttl"]},
            ExpressionAttributeNames={"#t": "ttl"},
            ReturnValues="ALL_NEW",
        )
        item = decode_item(answer["Attributes"])
        return "b" in item and item["w"] == by

    def restore(self, user: str, client: str, about: str, by: str) -> None:
        try:
            self._update(keys.pushed(user, client, about), "REMOVE w", {":by": by}, ConditionExpression="w = :by")
        except ConditionFailed:
            return

    def _update(self, key: str, expression: str, values: Item, **how: Any) -> Any:
        with translated_errors():
            return self._client.update_item(
                TableName=self._table,
                Key=encode_item({"k": key}),
                UpdateExpression=expression,
                ExpressionAttributeValues=encode_item(values),
                ReturnConsumedCapacity="TOTAL",
                **how,
            )

    def note_call(self, user: str, client: str, call: str, uid: int, now_ms: int) -> None:
        self._put({**_item(user, client, _call(call), now_ms), "i": uid})

    def call_start(self, user: str, client: str, call: str) -> int:
        with translated_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key=encode_item({"k": keys.pushed(user, client, _call(call))}),
                ConsistentRead=True,
                ReturnConsumedCapacity="TOTAL",
            )
        return int(answer["Item"]["i"]["N"]) if "Item" in answer else 0

    def _put(self, item: Item, **how: Any) -> Any:
        with translated_errors():
            return self._client.put_item(
                TableName=self._table, Item=encode_item(item), ReturnConsumedCapacity="TOTAL", **how
            )


def _call(call: str) -> str:
    return f"call {call}"


def _item(user: str, client: str, about: str, now_ms: int) -> Item:
    return {"k": keys.pushed(user, client, about), "ttl": now_ms // 1000 + _CLAIM_LIFE_S}
