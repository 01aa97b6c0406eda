"""What an application does with groups."""

from collections.abc import Awaitable, Callable, Iterable
from enum import IntEnum
from typing import Any

from wildfire_client.lists import Lists
from wildfire_client.objects import Group, GroupMember, GroupType, JoinRequest
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Entry(IntEnum):
    """What `Groups.modify` can change of a group. Switches are "0" and "1"."""

    NAME = 0
    PORTRAIT = 1
    EXTRA = 2
    MUTE = 3
    JOIN_TYPE = 4
    PRIVATE_CHAT = 5
    SEARCHABLE = 6
    HISTORY_MESSAGE = 7
    MAX_MEMBER_COUNT = 8
    SUPER_GROUP = 9


class Groups:
    """Groups and their members. Getters answer from the store; `GroupsChanged` and `GroupMembersChanged` tell of changes.

    The store follows the notices in a group's log, so what a getter says is what the group's messages have told.
    Every method that changes something raises ChatError when the server refuses it or there is no link.
    """

    def __init__(self, store: Store, call: Call, lists: Lists) -> None:
        self._store = store
        self._call = call
        self._lists = lists

    # --- what is known

    def mine(self) -> list[Group]:
        """The groups that I am in, by id."""
        return self._store.my_groups()

    def get(self, group_id: str) -> Group | None:
        """A group as far as it is known; the server is asked when it is not."""
        group = self._store.group(group_id)
        if group is None:
            self._store.stale_group(group_id)
            self._lists.wake()
        return group

    async def fetch(self, group_id: str) -> Group | None:
        """A group as it is now; None when there is none.

        Raises:
            ChatError: refused, or no link.
        """
        await self._lists.fetch_groups([group_id])
        return self._store.group(group_id)

    async def members(self, group_id: str) -> list[GroupMember]:
        """Who is in a group. The first call fetches them; from then on the store follows the group.

        Raises:
            ChatError: one is not in it, or no link and nothing is known yet.
        """
        if not self._store.place(f"members {group_id}").after:
            await self._lists.fetch_members(group_id)
        return self._store.members(group_id)

    def member(self, group_id: str, user_id: str) -> GroupMember | None:
        """A member, as far as the members were fetched."""
        return self._store.member(group_id, user_id)

    async def common(self, user_id: str) -> list[str]:
        """Ids of the groups that a user and I are both in."""
        ids: list[str] = []
        more = True
        while more:
            answer = await self._call("group", "common", {"userId": user_id, "after": ids[-1] if ids else ""})
            ids += answer["groupIds"]
            more = bool(answer.get("more")) and bool(answer["groupIds"])
        return ids

    # --- beginning and end

    async def create(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        group_id: str = "",
        kind: GroupType = GroupType.RESTRICTED,
        portrait: str = "",
        extra: str = "",
    ) -> str:
        """Make a group with me as its owner; its id."""
        group = {"target_id": group_id, "name": name, "portrait": portrait, "extra": extra, "type": int(kind)}
        body = {"group": group, "members": [{"member_id": user_id} for user_id in members]}
        answer = await self._call("group", "create", body)
        return str(answer["groupId"])

    async def dismiss(self, group_id: str) -> None:
        """End a group."""
        await self._change("dismiss", group_id)

    # --- who is in

    async def join(self, group_id: str) -> None:
        """Join a group that lets anybody in."""
        await self._change("join", group_id)

    async def add(self, group_id: str, user_ids: Iterable[str]) -> None:
        """Put users into a group."""
        await self._change("add", group_id, members=[{"member_id": user_id} for user_id in user_ids])

    async def kick(self, group_id: str, user_ids: Iterable[str]) -> None:
        """Put users out of a group."""
        await self._change("kick", group_id, users=list(user_ids))

    async def quit(self, group_id: str) -> None:
        """Leave a group."""
        await self._change("quit", group_id)

    async def request_to_join(self, group_id: str, reason: str = "", users: Iterable[str] = ()) -> None:
        """Ask to be let in, or that others be."""
        body = {"groupId": group_id, "users": list(users), "reason": reason}
        await self._call("group", "joinRequest", body)

    async def join_requests(self, group_id: str) -> list[JoinRequest]:
        """The requests to a group; who does not decide sees his own."""
        found: list[JoinRequest] = []
        more = True
        while more:
            body = {"groupId": group_id, "after": found[-1].user_id if found else ""}
            answer = await self._call("group", "joinRequests", body)
            found += [JoinRequest.from_wire(wire) for wire in answer["requests"]]
            more = bool(answer.get("more")) and bool(answer["requests"])
        return found

    async def answer_join_request(self, group_id: str, user_id: str, *, accept: bool) -> None:
        """Let somebody in, or do not."""
        await self._call("group", "joinAnswer", {"groupId": group_id, "userId": user_id, "accept": accept})

    # --- what it is like

    async def modify(self, group_id: str, entry: Entry, value: str) -> None:
        """Change one entry of a group."""
        await self._change("modify", group_id, type=int(entry), value=value)

    async def rename(self, group_id: str, name: str) -> None:
        """Give a group another name."""
        await self.modify(group_id, Entry.NAME, name)

    async def mute(self, group_id: str, *, on: bool = True) -> None:
        """Let nobody but owner, managers and allowed members speak, or everybody again."""
        await self.modify(group_id, Entry.MUTE, str(int(on)))

    async def set_alias(self, group_id: str, alias: str) -> None:
        """Change my name in a group."""
        await self._change("alias", group_id, alias=alias)

    async def set_member_alias(self, group_id: str, user_id: str, alias: str) -> None:
        """Change a member's name in a group."""
        await self._change("memberAlias", group_id, userId=user_id, alias=alias)

    async def transfer(self, group_id: str, new_owner: str) -> None:
        """Give my group to another member."""
        await self._change("transfer", group_id, newOwner=new_owner)

    async def set_managers(self, group_id: str, user_ids: Iterable[str], *, on: bool = True) -> None:
        """Make members managers, or ordinary members again."""
        await self._change("managers", group_id, users=list(user_ids), on=on)

    async def mute_members(self, group_id: str, user_ids: Iterable[str], *, on: bool = True) -> None:
        """Take members' right to speak, or give it back."""
        await self._change("mute", group_id, users=list(user_ids), on=on)

    async def allow_members(self, group_id: str, user_ids: Iterable[str], *, on: bool = True) -> None:
        """Let members speak though the group is muted, or no longer."""
        await self._change("allow", group_id, users=list(user_ids), on=on)

    async def _change(self, op: str, group_id: str, **members: Any) -> None:
        await self._call("group", op, {"groupId": group_id, **members})
