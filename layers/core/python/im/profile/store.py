"""Users in DynamoDB.

Kinds of items in the Directory table, always written together in one transaction: the profile; the owner of the login
name, which keeps names unique and finds by name; entries under the mobile number and the e-mail address, which find by
those; and an entry under each ending of the display name, which finds by any part of it (``im.profile.search``). So no
search sees half of a change, and none leads to a user who is not called so. Profiles also carry the ``by_type`` index's
keys until they are destroyed, so that all users can be listed by creation time.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from im import keys
from im.platform.dynamo import ConditionFailed, Dynamo, Item, Key, translated_errors
from im.profile.model import User
from im.profile.search import endings

SHARED = 100
"""How many users with one mobile number or e-mail address are found."""


class TypeIndex(GlobalSecondaryIndex["UserItem"]):
    """Lists items of one kind; sparse."""

    class Meta:
        index_name = "by_type"
        projection = KeysOnlyProjection()

    gt = UnicodeAttribute(hash_key=True)
    gs = UnicodeAttribute(range_key=True)


class UserItem(Model):
    """A profile."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    gt = UnicodeAttribute(null=True)
    gs = UnicodeAttribute(null=True)
    name = UnicodeAttribute()
    display_name = UnicodeAttribute()
    portrait = UnicodeAttribute()
    gender = NumberAttribute()
    mobile = UnicodeAttribute()
    email = UnicodeAttribute()
    address = UnicodeAttribute()
    company = UnicodeAttribute()
    social = UnicodeAttribute()
    extra = UnicodeAttribute()
    type = NumberAttribute()
    deleted = BooleanAttribute()
    created = NumberAttribute()
    update_dt = NumberAttribute()
    by_type = TypeIndex()


class FinderItem(Model):
    """Leads from a login name, a mobile number or an e-mail address to a user."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    user = UnicodeAttribute()


class EndingItem(Model):
    """Leads from an ending of a display name to a user; its key says it all."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class SeedItem(Model):
    """Says that the objects of a fresh deployment have been made."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


def user_from_item(item: Item) -> User:
    """A profile from its item."""
    return User(
        id=keys.id_of(item["pk"]),
        name=item["name"],
        display_name=item["display_name"],
        portrait=item["portrait"],
        gender=item["gender"],
        mobile=item["mobile"],
        email=item["email"],
        address=item["address"],
        company=item["company"],
        social=item["social"],
        extra=item["extra"],
        type=item["type"],
        deleted=item["deleted"],
        created=item["created"],
        update_dt=item["update_dt"],
    )


def _attributes(user: User) -> dict[str, Any]:
    return {
        "gt": None if user.deleted else keys.USERS,
        "gs": None if user.deleted else keys.by_creation(user.created, user.id),
        "name": user.name,
        "display_name": user.display_name,
        "portrait": user.portrait,
        "gender": user.gender,
        "mobile": user.mobile,
        "email": user.email,
        "address": user.address,
        "company": user.company,
        "social": user.social,
        "extra": user.extra,
        "type": user.type,
        "deleted": user.deleted,
        "created": user.created,
        "update_dt": user.update_dt,
    }


class UserStore(Protocol):
    """Registered users."""

    def user_key(self, user_id: str, *, consistent: bool = False) -> Key:
        """The address of a profile, for reads that span domains."""

    def get(self, user_id: str, *, consistent: bool = False) -> User | None:
        """A user, also one who was destroyed."""

    def get_many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """Many users by id, strongly consistent; unknown ones are missing."""

    def id_of_name(self, name: str) -> str | None:
        """The id of the user with a login name."""

    def ids_of_mobile(self, mobile: str, limit: int = SHARED) -> list[str]:
        """The ids of the users with a mobile number; it need not be anybody's alone."""

    def ids_of_email(self, email: str) -> list[str]:
        """The ids of the users with an e-mail address; it need not be anybody's alone."""

    def ids_of_display_name(self, part: str, limit: int) -> list[str]:
        """The ids of users in whose folded display name a text occurs, as far as that many entries of the index lead.

        Each is named once; those whose name ends with the text come first.
        """

    def list_ids(self, offset: int, count: int) -> list[str]:
        """Ids of users in the order of their creation, without those who were destroyed."""

    def list_after(self, place: str, count: int) -> list[tuple[str, str]]:
        """(place, user id) of registered users behind a place in the order of their creation; ``place`` may be empty."""

    def count_listed(self) -> int:
        """How many users are registered; reads the whole index."""

    def put(self, new: User, old: User | None) -> bool:
        """Replace ``old``, as it was read, with ``new``; with its name and number, all or nothing.

        Returns False when the user has changed since, or when the name belongs to somebody else.
        """

    def seeded(self) -> bool:
        """Whether the users of a fresh deployment have been made."""

    def mark_seeded(self) -> None:
        """Note that they have."""


class DynamoUserStore:
    """``UserStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._users = dynamo.bind(UserItem, table)
        dynamo.bind(SeedItem, table)
        self._finders = dynamo.bind(FinderItem, table)
        self._endings = dynamo.bind(EndingItem, table)

    def user_key(self, user_id: str, *, consistent: bool = False) -> Key:
        return self._key(keys.user(user_id), keys.PROFILE, consistent=consistent)

    def get(self, user_id: str, *, consistent: bool = False) -> User | None:
        item = self._get(self.user_key(user_id, consistent=consistent))
        return user_from_item(item) if item else None

    def get_many(self, user_ids: Iterable[str]) -> dict[str, User]:
        found = self._dynamo.batch_get(self.user_key(user_id, consistent=True) for user_id in user_ids)
        users = map(user_from_item, found.values())
        return {user.id: user for user in users}

    def id_of_name(self, name: str) -> str | None:
        item = self._get(self._key(keys.user_name(name), keys.OWNER, consistent=True))
        return item["user"] if item else None

    def ids_of_mobile(self, mobile: str, limit: int = SHARED) -> list[str]:
        items = self._dynamo.query(self._finders, keys.mobile(mobile), limit=limit, consistent=True)
        return [item["user"] for item in items]

    def ids_of_email(self, email: str) -> list[str]:
        items = self._dynamo.query(self._finders, keys.email(email), limit=SHARED, consistent=True)
        return [item["user"] for item in items]

    def ids_of_display_name(self, part: str, limit: int) -> list[str]:
        beginning = EndingItem.sk.startswith(keys.display_name_part(part))
        items = self._dynamo.query(self._endings, keys.display_names(part[0]), beginning, limit=limit)
        return list(dict.fromkeys(keys.found_user(item["sk"]) for item in items))

    def list_ids(self, offset: int, count: int) -> list[str]:
        hits = self._dynamo.query(self._users, keys.USERS, index="by_type", limit=offset + count)
        return [keys.id_of(hit["pk"]) for hit in hits][offset:]

    def list_after(self, place: str, count: int) -> list[tuple[str, str]]:
        behind = TypeIndex.gs > place if place else None
        hits = self._dynamo.query(self._users, keys.USERS, behind, index="by_type", limit=count)
        return [(hit["gs"], keys.id_of(hit["pk"])) for hit in hits]

    def count_listed(self) -> int:
        return self._dynamo.count(self._table, "by_type", "gt", keys.USERS)

    def put(self, new: User, old: User | None) -> bool:
        profile = UserItem(keys.user(new.id), keys.PROFILE, **_attributes(new))
        unchanged = UserItem.pk.does_not_exist()
        if old is not None:
            unchanged = (UserItem.update_dt == old.update_dt) & (UserItem.name == old.name)
        old_name = old.name if old and not old.deleted else ""
        new_name = new.name if not new.deleted else ""
        try:
            with self._dynamo.transaction(UserItem) as writes:
                writes.save(profile, unchanged)
                if new_name:
                    free = FinderItem.pk.does_not_exist() | (FinderItem.user == new.id)
                    writes.save(FinderItem(keys.user_name(new_name), keys.OWNER, user=new.id), free)
                if old_name and old_name != new_name:
                    writes.delete(FinderItem(keys.user_name(old_name), keys.OWNER))
                for find, now, before in (
                    (keys.mobile, new.mobile, old.mobile if old else ""),
                    (keys.email, new.email, old.email if old else ""),
                ):
                    if now:
                        writes.save(FinderItem(find(now), new.id, user=new.id))
                    if before and before != now:
                        writes.delete(FinderItem(find(before), new.id))
                endings_now, endings_before = endings(new), endings(old) if old else frozenset()
                for ending in endings_now - endings_before:
                    writes.save(EndingItem(keys.display_names(ending[0]), keys.display_name(ending, new.id)))
                for ending in endings_before - endings_now:
                    writes.delete(EndingItem(keys.display_names(ending[0]), keys.display_name(ending, new.id)))
        except ConditionFailed:
            return False
        return True

    def seeded(self) -> bool:
        return self._get(self._key(keys.SEEDS, keys.USERS)) is not None

    def mark_seeded(self) -> None:
        with translated_errors():
            SeedItem(keys.SEEDS, keys.USERS).save()

    def _get(self, key: Key) -> Item | None:
        return self._dynamo.batch_get([key]).get(key)

    def _key(self, partition: str, sort_key: str, *, consistent: bool = False) -> Key:
        return Key(self._table, (("pk", partition), ("sk", sort_key)), consistent)
