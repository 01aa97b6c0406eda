"""The part of the fake server that is not messages: profiles, friends, settings, groups' infos. One page each."""

import json
from typing import Any

Wire = dict[str, Any]


class FakeLists:
    """What each user keeps, with one running version."""

    def __init__(self) -> None:
        self.version = 1_000
        self.versions: dict[str, Wire] = {}
        self.settings: dict[tuple[str, int, str], Wire] = {}
        self.users: dict[str, Wire] = {}
        self.friends: dict[str, dict[str, Wire]] = {}
        self.requests: dict[tuple[str, str], Wire] = {}
        self.read: dict[str, int] = {}
        self.groups: dict[str, Wire] = {}
        self.members: dict[str, dict[str, Wire]] = {}
        self.receipts: dict[tuple[str, str], list[Wire]] = {}
        self.presence: dict[str, Wire] = {}
        self.channels: dict[str, Wire] = {}
        self.listeners: dict[str, set[str]] = {}

    def versions_of(self, user: str) -> Wire:
        return self.versions.setdefault(user, {"settings": 0, "friends": 0, "friendRequests": 0, "groups": 0})

    def tick(self, name: str, *users: str) -> int:
        self.version += 1
        for user in users:
            self.versions_of(user)[name] = self.version
        return self.version

    def set_user(self, user: str, display_name: str) -> None:
        self.version += 1
        self.users[user] = {"userId": user, "name": user, "displayName": display_name, "updateDt": self.version}

    def befriend(self, one: str, other: str, *, on: bool = True) -> None:
        version = self.tick("friends", one, other)
        for mine, theirs in ((one, other), (other, one)):
            row = {"userId": theirs, "isFriend": on, "isBlacked": False, "alias": "", "extra": "", "updateDt": version}
            self.friends.setdefault(mine, {})[theirs] = row

    def ask(self, asker: str, asked: str, reason: str) -> None:
        version = self.tick("friendRequests", asker, asked)
        row = {"from": asker, "to": asked, "reason": reason, "extra": "", "status": 0, "time": version}
        self.requests[asker, asked] = row | {"updateDt": version}

    def set_group(self, group: str, name: str, *members: str) -> None:
        version = self.tick("groups", *members)
        self.groups[group] = {"target_id": group, "name": name, "owner": members[0], "update_dt": version}
        rows = self.members.setdefault(group, {})
        for gone in rows.keys() - set(members):
            rows[gone] |= {"type": 4, "updateDt": version}
        for member in members:
            if member not in rows:
                rows[member] = {"member_id": member, "alias": "", "type": 0, "createDt": version, "updateDt": version}

    def set_channel(self, channel: str, name: str, owner: str, *listeners: str) -> None:
        self.version += 1
        self.channels[channel] = {"channelId": channel, "name": name, "owner": owner, "updateDt": self.version}
        self.listeners[channel] = set(listeners)

    def answer_channel(self, user: str, op: str, body: Wire) -> Wire | None:
        """The same for channels, whose operations have the names of others."""
        match op:
            case "info":
                known = {each["channelId"]: each["updateDt"] for each in body["channels"]}
                newer = [row for who, at in known.items() if (row := self.channels.get(who)) and row["updateDt"] > at]
                return {"channels": newer, "unknown": [], "rest": []}
            case "mine":
                mine = [
                    {"channelId": name, "owned": row["owner"] == user, "listened": user in self.listeners[name]}
                    for name, row in sorted(self.channels.items())
                    if name > body["after"] and user in {row["owner"], *self.listeners[name]}
                ]
                return {"channels": mine[:2], "more": len(mine) > 2}
            case "listen":
                (set.add if body["on"] else set.discard)(self.listeners[body["channelId"]], user)
                return {}
            case "create":
                self.set_channel(body["channelId"], body["name"], user)
                return {"channelId": body["channelId"], "secret": "s", "updateDt": self.version}
            case "modify":
                self.channels[body["channelId"]]["menus"] = json.loads(body["value"])
                self.version += 1
                self.channels[body["channelId"]]["updateDt"] = self.version
                return {}
        return None

    def answer(self, user: str, op: str, body: Wire) -> Wire | None:
        """The answer's body, or None for an operation that is none of these."""
        match op:
            case "setting":
                before = self.versions_of(user)["settings"]
                version = self.tick("settings", user)
                self.settings[user, body["scope"], body["key"]] = body | {"version": version}
                return {"previous": before, "version": version}
            case "settings":
                mine = [s for (who, _, _), s in self.settings.items() if who == user and s["version"] > body["after"]]
                return {"settings": mine, "version": self.versions_of(user)["settings"], "more": False}
            case "friends":
                found = [row for row in self.friends.get(user, {}).values() if row["updateDt"] > body["after"]]
                return {"friends": found, "after": self.version, "afterId": "", "more": False}
            case "friendRequests":
                found = [r for pair, r in self.requests.items() if user in pair and r["updateDt"] > body["after"]]
                read = self.read.get(user, 0)
                return {"requests": found, "read": read, "after": self.version, "afterId": "", "more": False}
            case "friendRequestsRead":
                self.read[user] = body["until"]
                self.tick("friendRequests", user)
                return {"read": body["until"]}
            case "users":
                known = {each["userId"]: each["updateDt"] for each in body["users"]}
                newer = [row for who, at in known.items() if (row := self.users.get(who)) and row["updateDt"] > at]
                return {"users": newer, "unknown": [who for who in known if who not in self.users], "rest": []}
            case "mine":
                ids = sorted(group for group, rows in self.members.items() if user in rows and rows[user]["type"] != 4)
                return {"groupIds": ids, "more": False}
            case "info":
                known = {each["groupId"]: each["updateDt"] for each in body["groups"]}
                newer = [row for who, at in known.items() if (row := self.groups.get(who)) and row["update_dt"] > at]
                return {"groups": newer, "unknown": [], "rest": []}
            case "members":
                rows = self.members[body["groupId"]].values()
                found = [row for row in rows if row["updateDt"] > body["after"]]
                return {"members": found, "after": self.version, "afterId": "", "until": 0, "more": False}
            case "receipts":
                rows = self.receipts.get((user, body["conversation"]["target"]), [])
                return {"receipts": [row for row in rows if row["time"] > body["after"]], "version": self.version}
            case "presence":
                return {"users": list(self.presence.values()), "more": False}
            case "watch":
                return {"users": [self.presence[who] for who in body["users"] if who in self.presence], "full": []}
        return None
