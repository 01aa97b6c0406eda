"""The chat's commands about people, groups and channels."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wildfire_client import Conversation, ConversationType, Message, MessageStatus

if TYPE_CHECKING:
    from wildfire_client.chat.session import Session

Command = Callable[[str], Awaitable[list[str]]]

HELP = """\
/friends          your friends, and who asks to be one
/add USER TEXT    ask somebody to be your friend
/accept USER      become friends
/new NAME: USERS  make a group
/invite USERS     put users into this group
/kick USERS       put users out of it
/mute USERS       let members be silent
/unmute USERS     let them speak again
/rename NAME      give the group another name
/members          who is in it
/leave            leave it
/channels         channels that you listen to or speak for
/channel ID       open a channel; what you write goes to it alone, or to all if it is yours
/listen ID        subscribe to a channel
/unlisten ID      end that
/edit TEXT        change your last message
/react EMOJI      react to the last message"""


class UsageError(Exception):
    """The command lacks something; the text says what."""


class Circle:
    """Friends, groups, reactions."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.client
        self.commands: dict[str, Command] = {
            "friends": self._friends,
            "add": self._add,
            "accept": self._accept,
            "new": self._new,
            "invite": self._invite,
            "kick": self._kick,
            "mute": self._mute,
            "unmute": self._unmute,
            "rename": self._rename,
            "members": self._members,
            "leave": self._leave,
            "channels": self._channels,
            "channel": self._channel,
            "listen": self._listen,
            "unlisten": self._unlisten,
            "edit": self._edit,
            "react": self._react,
        }

    # --- friends

    async def _friends(self, argument: str) -> list[str]:
        me = self._client.user_id
        lines = [f"  {self._session.name(friend.user_id)} ({friend.user_id})" for friend in self._client.friends.all()]
        for request in self._client.friends.requests():
            if request.receiver == me and request.status == 0:
                says = f": {request.reason}" if request.reason else ""
                lines.append(f"  {request.sender} asks to be your friend{says}   (/accept {request.sender})")
            elif request.status == 0:
                lines.append(f"  you have asked {request.receiver}")
        await self._client.friends.mark_requests_read()
        return lines or ["no friends yet: /add USER"]

    async def _add(self, argument: str) -> list[str]:
        user, _, reason = argument.partition(" ")
        if not user:
            raise UsageError("whom? /add USER")
        await self._client.friends.request(user, reason.strip())
        return [f"asked {user}"]

    async def _accept(self, argument: str) -> list[str]:
        if not argument:
            raise UsageError("whose request? /accept USER")
        await self._client.friends.answer(argument, accept=True)
        return [f"you and {argument} are friends"]

    # --- groups

    async def _new(self, argument: str) -> list[str]:
        name, _, users = argument.partition(":")
        if not name.strip():
            raise UsageError("which name, and who? /new NAME: USER USER")
        group = await self._client.groups.create(name.strip(), users.split())
        await self._client.groups.fetch(group)
        await self._session.open(Conversation.group(group))
        return []

    async def _invite(self, argument: str) -> list[str]:
        await self._client.groups.add(self._group(), self._users(argument))
        return []

    async def _kick(self, argument: str) -> list[str]:
        await self._client.groups.kick(self._group(), self._users(argument))
        return []

    async def _mute(self, argument: str) -> list[str]:
        await self._client.groups.mute_members(self._group(), self._users(argument))
        return []

    async def _unmute(self, argument: str) -> list[str]:
        await self._client.groups.mute_members(self._group(), self._users(argument), on=False)
        return []

    async def _rename(self, argument: str) -> list[str]:
        group = self._group()
        if not argument:
            raise UsageError("to what? /rename NAME")
        await self._client.groups.rename(group, argument)
        return []

    async def _members(self, argument: str) -> list[str]:
        group = self._group()
        roles = {1: " (manager)", 2: " (owner)", 3: " (muted)"}
        members = await self._client.groups.members(group)
        await self._client.users.fetch([member.user_id for member in members])
        return [f"  {self._client.users.name(each.user_id, group)}{roles.get(each.type, '')}" for each in members]

    async def _leave(self, argument: str) -> list[str]:
        await self._client.groups.quit(self._group())
        return []

    # --- channels

    async def _channels(self, argument: str) -> list[str]:
        channels = self._client.channels
        mine, listened = await channels.mine(), await channels.listened()
        found = await channels.fetch(sorted({*mine, *listened}))
        lines = [f"  {each.name} ({each.id}){' (yours)' if each.id in mine else ''}" for each in found]
        return lines or ["no channels yet: /listen ID"]

    async def _channel(self, argument: str) -> list[str]:
        await self._client.channels.fetch([self._channel_id(argument)])
        await self._session.open(Conversation.channel(argument))
        return []

    async def _listen(self, argument: str) -> list[str]:
        await self._client.channels.listen(self._channel_id(argument))
        await self._session.open(Conversation.channel(argument))
        return []

    async def _unlisten(self, argument: str) -> list[str]:
        await self._client.channels.listen(self._channel_id(argument), on=False)
        return [f"you do not listen to {argument} any more"]

    def _channel_id(self, argument: str) -> str:
        if not argument:
            raise UsageError("which channel? /channels lists yours")
        return argument

    # --- messages

    async def _edit(self, argument: str) -> list[str]:
        mine = await self._session.said()
        if not mine or not argument:
            raise UsageError("there is no message of yours here" if argument else "to what? /edit TEXT")
        await self._client.edit(mine[-1], argument)
        return []

    async def _react(self, argument: str) -> list[str]:
        said = [each for each in self._session.messages() if self._can_be_reacted_to(each)]
        if not said or not argument:
            raise UsageError("there is no message here" if argument else "with what? /react EMOJI")
        await self._client.react(said[-1], argument)
        return []

    def _can_be_reacted_to(self, message: Message) -> bool:
        arrived = message.status in (MessageStatus.SENT, MessageStatus.RECEIVED)
        return arrived and not message.recalled and not self._session.is_notice(message)

    def _group(self) -> str:
        conversation = self._session.state.conversation
        if conversation is None or conversation.type != ConversationType.GROUP:
            raise UsageError("open a group first: /group ID, or /new NAME: USERS")
        return conversation.target

    def _users(self, argument: str) -> list[str]:
        users = argument.replace(",", " ").split()
        if not users:
            raise UsageError("whom?")
        return users
