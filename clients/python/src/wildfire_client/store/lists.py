"""Users, friends, requests, groups, members, channels, settings: what the server told, and how far each list is known.

What came is kept in wire form: a newer client finds members that this one does not know.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wildfire_client.model import Conversation, ConversationType
from wildfire_client.objects import (
    Channel,
    Friend,
    FriendRequest,
    Group,
    GroupMember,
    MemberType,
    Receipt,
    Setting,
    User,
)
from wildfire_client.store.database import Database, dump


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list is known: where the next request continues, and the version that it was asked for."""

    after: int = 0
    after_id: str = ""
    version: int = 0


class Lists(Database):
    """Everything that is synced by a version."""

    def place(self, name: str) -> Place:
        """How far a list is known."""
        found = self._db.execute("SELECT after, after_id, version FROM places WHERE name = ?", (name,)).fetchone()
        return Place() if found is None else Place(*found)

    def _put_place(self, name: str, place: Place) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)", (name, place.after, place.after_id, place.version)
        )

    def reached(self, name: str, version: int) -> None:
        """A list is known up to this version."""
        with self._transaction():
            place = self.place(name)
            self._put_place(name, Place(place.after, place.after_id, max(place.version, version)))

    def start_over(self, name: str) -> None:
        """The server has not got as far as it had: a list is asked for from its beginning."""
        tables = {"settings": ("settings",), "friends": ("friends",), "friendRequests": ("requests",)}
        with self._transaction():
            for table in tables.get(name, ()):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("DELETE FROM places WHERE name = ?", (name,))
            if name == "friendRequests":
                self._set("requests_read", "0")

    # --- users

    def user(self, user_id: str) -> User | None:
        """A profile, if it is known."""
        found = self._db.execute("SELECT data FROM users WHERE id = ?", (user_id,)).fetchone()
        return None if found is None or found["data"] is None else User.from_wire(json.loads(found["data"]))

    def user_checks(self, user_ids: Iterable[str]) -> dict[str, int]:
        """When the server was last asked for each of these, ms; those who never were are missing."""
        return self._checks("users", user_ids)

    def _checks(self, table: str, ids: Iterable[str]) -> dict[str, int]:
        checks: dict[str, int] = {}
        for each in ids:
            found = self._db.execute(f"SELECT checked FROM {table} WHERE id = ?", (each,)).fetchone()
            if found is not None:
                checks[each] = found["checked"]
        return checks

    def put_users(self, asked: Iterable[str], users: Iterable[Mapping[str, Any]], now: int) -> list[str]:
        """Take an answer about users; who is new or changed."""
        return self._put_checked("users", asked, {str(wire["userId"]): wire for wire in users}, now)

    def _put_checked(
        self, table: str, asked: Iterable[str], found: Mapping[str, Mapping[str, Any]], now: int
    ) -> list[str]:
        with self._transaction():
            self._db.executemany(
                f"INSERT INTO {table} VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET data = ?2, checked = ?3",
                [(each, dump(wire), now) for each, wire in found.items()],
            )
            self._db.executemany(
                f"INSERT INTO {table} VALUES (?1, NULL, ?2) ON CONFLICT (id) DO UPDATE SET checked = ?2",
                [(each, now) for each in asked],
            )
        return list(found)

    # --- friends and requests

    def friend(self, user_id: str) -> Friend | None:
        """What I keep of a user."""
        found = self._db.execute("SELECT data FROM friends WHERE id = ?", (user_id,)).fetchone()
        return None if found is None else Friend.from_wire(json.loads(found["data"]))

    def friends(self) -> list[Friend]:
        """Everybody of whom I keep something, by id."""
        found = self._db.execute("SELECT data FROM friends ORDER BY id")
        return [Friend.from_wire(json.loads(item["data"])) for item in found]

    def put_friends(self, friends: Sequence[Mapping[str, Any]], after: int, after_id: str) -> None:
        """Take a page of changes."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO friends VALUES (?, ?)", [(str(wire["userId"]), dump(wire)) for wire in friends]
            )
            self._put_place("friends", Place(after, after_id, self.place("friends").version))

    def requests(self) -> list[FriendRequest]:
        """All requests, the youngest first."""
        found = self._db.execute("SELECT data FROM requests ORDER BY time DESC")
        return [FriendRequest.from_wire(json.loads(item["data"])) for item in found]

    def put_requests(self, requests: Sequence[Mapping[str, Any]], read: int, after: int, after_id: str) -> None:
        """Take a page of changes, and up to when I have read."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)",
                [(str(w["from"]), str(w["to"]), int(w.get("time") or 0), dump(w)) for w in requests],
            )
            self._put_place("friendRequests", Place(after, after_id, self.place("friendRequests").version))
            self._set("requests_read", str(max(read, self.requests_read)))

    @property
    def requests_read(self) -> int:
        """Requests up to this time are read."""
        return int(self._get("requests_read") or 0)

    # --- groups

    def group(self, group_id: str) -> Group | None:
        """A group, if it is known."""
        found = self._db.execute("SELECT data FROM groups WHERE id = ?", (group_id,)).fetchone()
        return None if found is None or found["data"] is None else Group.from_wire(json.loads(found["data"]))

    def my_groups(self) -> list[Group]:
        """The groups that I am in and know, by id: those whose conversation I have not left."""
        found = self._db.execute(
            "SELECT data FROM groups WHERE data IS NOT NULL AND id IN"
            " (SELECT target FROM conversations WHERE type = ? AND last IS NULL) ORDER BY id",
            (int(ConversationType.GROUP),),
        )
        return [Group.from_wire(json.loads(item["data"])) for item in found]

    def stale_group(self, group_id: str) -> None:
        """What is known of a group is out of date."""
        with self._transaction():
            self._stale_group(group_id)

    def stale_groups(self, limit: int) -> list[str]:
        """Groups that should be asked for."""
        found = self._db.execute("SELECT id FROM groups WHERE stale = 1 ORDER BY id LIMIT ?", (limit,))
        return [item["id"] for item in found]

    def put_groups(self, asked: Iterable[str], groups: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take an answer about groups; which are new or changed."""
        changed = []
        with self._transaction():
            self._db.executemany("UPDATE groups SET stale = 0 WHERE id = ?", [(group_id,) for group_id in asked])
            for wire in groups:
                self._db.execute(
                    "INSERT INTO groups VALUES (?1, ?2, 0) ON CONFLICT (id) DO UPDATE SET data = ?2, stale = 0",
                    (str(wire["target_id"]), dump(wire)),
                )
                changed.append(str(wire["target_id"]))
        return changed

    def members(self, group_id: str) -> list[GroupMember]:
        """Who is in a group, as far as it was asked for: the owner, then in the order of joining."""
        found = self._db.execute("SELECT data FROM members WHERE group_id = ?", (group_id,))
        members = [GroupMember.from_wire(json.loads(item["data"])) for item in found]
        present = [member for member in members if member.type != MemberType.REMOVED]
        return sorted(present, key=lambda each: (each.type != MemberType.OWNER, each.created, each.user_id))

    def member(self, group_id: str, user_id: str) -> GroupMember | None:
        """One member, also one who left."""
        found = self._db.execute(
            "SELECT data FROM members WHERE group_id = ? AND user = ?", (group_id, user_id)
        ).fetchone()
        return None if found is None else GroupMember.from_wire(json.loads(found["data"]))

    def put_members(self, group_id: str, members: Sequence[Mapping[str, Any]], place: Place) -> None:
        """Take a page of changes."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?)",
                [(group_id, str(wire["member_id"]), dump(wire)) for wire in members],
            )
            self._put_place(f"members {group_id}", place)

    # --- channels

    def channel(self, channel_id: str) -> Channel | None:
        """A channel, if it is known."""
        found = self._db.execute("SELECT data FROM channels WHERE id = ?", (channel_id,)).fetchone()
        return None if found is None or found["data"] is None else Channel.from_wire(json.loads(found["data"]))

    def channel_checks(self, channel_ids: Iterable[str]) -> dict[str, int]:
        """When the server was last asked for each of these, ms; those that never were are missing."""
        return self._checks("channels", channel_ids)

    def put_channels(self, asked: Iterable[str], channels: Iterable[Mapping[str, Any]], now: int) -> list[str]:
        """Take an answer about channels; which are new or changed."""
        return self._put_checked("channels", asked, {str(wire["channelId"]): wire for wire in channels}, now)

    def subscriptions(self) -> dict[str, tuple[bool, bool]]:
        """My channels by id: whether I own each, and whether I subscribe to it."""
        found = self._db.execute("SELECT id, owned, listened FROM subscriptions ORDER BY id")
        return {item["id"]: (bool(item["owned"]), bool(item["listened"])) for item in found}

    def put_subscriptions(self, mine: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take the whole list of my channels; those that are not what they were."""
        before = self.subscriptions()
        with self._transaction():
            self._db.execute("DELETE FROM subscriptions")
            self._db.executemany(
                "INSERT INTO subscriptions VALUES (?, ?, ?)",
                [(str(each["channelId"]), bool(each["owned"]), bool(each["listened"])) for each in mine],
            )
            self._put_place("channels", Place(1))
        after = self.subscriptions()
        return sorted(each for each in before.keys() | after.keys() if before.get(each) != after.get(each))

    # --- receipts

    def receipts(self, conversation: Conversation) -> list[Receipt]:
        """How far the others have got in a conversation, by user id."""
        found = self._db.execute(
            "SELECT user, read, time, delivered FROM receipts WHERE conversation = ? ORDER BY user",
            (conversation.setting_key,),
        )
        return [Receipt(*item) for item in found]

    def put_receipts(self, conversation: Conversation, receipts: Iterable[Receipt], version: int | None) -> bool:
        """Take receipts, which only grow, and the version up to which all are known; whether any of them is new."""
        before = self.receipts(conversation)
        with self._transaction():
            self._db.executemany(
                "INSERT INTO receipts VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (conversation, user) DO UPDATE SET"
                " time = CASE WHEN ?3 > read THEN ?4 ELSE max(time, ?4) END, read = max(read, ?3),"
                " delivered = max(delivered, ?5)",
                [(conversation.setting_key, r.user_id, r.read, r.time, r.delivered) for r in receipts],
            )
            if version is not None:
                self._put_place(f"receipts {conversation.setting_key}", Place(version))
        return self.receipts(conversation) != before

    # --- settings

    def setting(self, scope: int, key: str) -> str:
        """The value of a setting; empty when there is none."""
        found = self._db.execute("SELECT value FROM settings WHERE scope = ? AND key = ?", (scope, key)).fetchone()
        return "" if found is None else str(found["value"])

    def settings(self, scope: int) -> dict[str, str]:
        """All settings of a scope that are not empty, by key."""
        found = self._db.execute(
            "SELECT key, value FROM settings WHERE scope = ? AND value <> '' ORDER BY key", (scope,)
        )
        return {item["key"]: item["value"] for item in found}

    def put_settings(self, settings: Iterable[Setting], after: int | None) -> list[Setting]:
        """Take settings, and the version up to which all are known; those that were not known before."""
        changed = []
        with self._transaction():
            for setting in settings:
                if self.setting(setting.scope, setting.key) != setting.value:
                    changed.append(setting)
                self._db.execute(
                    "INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?)",
                    (setting.scope, setting.key, setting.value, setting.version),
                )
            if after is not None:
                self._put_place("settings", Place(after, "", max(after, self.place("settings").version)))
        return changed
