"""The chat client."""

import asyncio
import json
import logging
import os
import random
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from wildfire_client.archive import Archive
from wildfire_client.channels import Channels
from wildfire_client.chatrooms import Chatrooms
from wildfire_client.clock import Clock, SystemClock, Timer
from wildfire_client.contents import Content, FileContent, RecallContent, TextContent, decode, effective_flag
from wildfire_client.digest import Digester
from wildfire_client.errors import ChatError, Code
from wildfire_client.events import (
    Callback,
    ConnectionStatusChanged,
    ConversationRemoved,
    ConversationUpdated,
    Event,
    EventHub,
    EventStream,
    MessageStatusChanged,
    ServerPush,
    TransparentReceived,
)
from wildfire_client.groups import Groups
from wildfire_client.keeper import Keeper, Timing, TokenProvider
from wildfire_client.link import Dial, Link, address, dial
from wildfire_client.lists import Lists
from wildfire_client.media import Progress, Uploader
from wildfire_client.model import (
    ConnectionStatus,
    Conversation,
    ConversationInfo,
    ConversationType,
    Device,
    HistoryPage,
    Message,
    MessageStatus,
    Platform,
    ServerLimits,
    Unread,
)
from wildfire_client.notifications import Notifications
from wildfire_client.objects import Scope
from wildfire_client.outbox import Outbox
from wildfire_client.payload import MediaType, Payload, PersistFlag
from wildfire_client.people import Friends, Users
from wildfire_client.presence import Presences
from wildfire_client.pump import Pump
from wildfire_client.receipts import Receipts
from wildfire_client.settings import Settings
from wildfire_client.store import Changes, Row, Store
from wildfire_client.sync import Extent, Sync

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

LISTED_TYPES = (ConversationType.SINGLE, ConversationType.GROUP, ConversationType.CHANNEL)
HISTORY_ROUNDS = 5
"""Requests that one call of `history` makes at most while the answers hold little that is shown."""


class ChatClient:
    """One user on one device.

    It connects, stays connected, and keeps in its store what happened, so that everything that reads (conversations,
    messages, unread counts, search) works at once and offline. Messages that are sent wait in the store until the server
    has them, also over a restart.

    Besides conversations it keeps `users`, `friends`, `groups`, `channels` and `settings` in step with the server, knows who
    has read what (`receipts`) and who is online (`presence`), searches at the server (`archive`), knows the way into
    `chatrooms`, and says where this device is notified (`notifications`): each attribute has its own methods.

    Use one client for one store at a time, from one event loop.

    Args:
        endpoint: the WebSocket URL of the deployment, such as ``wss://HOST/STAGE``.
        store: path of the SQLite file, or ":memory:" for a client that forgets.
        client_id: id of this device, for which the token was issued. By default one is made and kept in the store.
        platform: kind of this device.
        language: of the digests, "en" or "zh".
        token_provider: asked for a new token when the server refuses the present one or it has expired.
        timing, extent: times and amounts; the defaults are right for most.
        clock, rng, dialer: the world outside, for tests.

    Raises:
        StoreError: the store cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        store: str | PathLike[str] = ":memory:",
        *,
        client_id: str | None = None,
        platform: int = Platform.LINUX,
        language: str = "en",
        token_provider: TokenProvider | None = None,
        timing: Timing | None = None,
        extent: Extent | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        dialer: Dial = dial,
    ) -> None:
        self._endpoint = endpoint
        self._platform = platform
        self._language = language
        self._token_provider = token_provider
        self._timing = timing or Timing()
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()
        self._dial = dialer
        self._store = Store(store)
        self.client_id = self._store.client_id(client_id)
        self._hub = EventHub(self._listener_came)
        self._pump = Pump(self._store, self._hub)
        self._sync = Sync(
            self._store,
            self.call,
            self._clock,
            self._timing,
            extent or Extent(),
            self._report,
            self._hub.emit,
            self._take_versions,
        )
        self.presence = Presences(self.call, self._hub.emit)
        self._lists = Lists(
            self._store,
            self.call,
            self._clock,
            self._hub.emit,
            self._updated,
            befriended=lambda: self._spawn(self.presence.fetch()),
        )
        self.users = Users(self._store, self.call, self._lists)
        self.friends = Friends(self._store, self.call, self._lists)
        self.groups = Groups(self._store, self.call, self._lists)
        self.settings = Settings(self._store, self.call, self._lists)
        self.chatrooms = Chatrooms(self._store, self.call, self._sync, self._clock, self._report)
        self.receipts = Receipts(self._store, self.call, self._hub.emit)
        self.archive = Archive(self._store, self.call)
        self.channels = Channels(self._store, self.call, self._lists)
        self.notifications = Notifications(self.call)
        self._uploader = Uploader(self._presign)
        self._outbox = Outbox(
            self._store,
            self.call,
            self._sync,
            self._uploader,
            self._clock,
            self._rng,
            self._timing,
            self._report,
            self._hub.emit,
        )
        self._keeper: Keeper | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._status = ConnectionStatus.UNCONNECTED
        self._reason = ""
        self._status_changed = asyncio.Event()
        self._read_timer: Timer | None = None
        self._views: dict[Conversation, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self, user_id: str, token: str) -> None:
        """Begin to stay connected as this user. Returns at once: listen to `ConnectionStatusChanged`, or await `ready`.

        Calling it again is harmless: it makes a waiting client try at once, gives a new token to the next handshake, and
        starts again after a final state.

        Raises:
            StoreError: the store is another user's.
        """
        self._store.claim(user_id)
        if self._pumping is None:
            self._pumping = asyncio.get_running_loop().create_task(self._pump.run())
            self._pump.wake()
        if self._keeping is not None and self._status.final:
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._keeping is not None and not self._keeping.done() and self._keeper is not None:
            self._keeper.token = token
            self._keeper.wake()
            return
        self._keeper = Keeper(
            address(self._endpoint, self.client_id, self._platform),
            token,
            dial=self._dial,
            clock=self._clock,
            rng=self._rng,
            timing=self._timing,
            token_provider=self._token_provider,
            session=self._session,
            heartbeat=self._heartbeat,
            heartbeat_interval=lambda: self._sync.limits.heartbeat,
            on_push=self._take_push,
            on_status=self._set_status,
        )
        # Set here, so that `ready` right after this call does not see the state before.
        self._set_status(ConnectionStatus.CONNECTING, "")
        self._keeping = asyncio.get_running_loop().create_task(self._keeper.run())

    async def ready(self) -> None:
        """Wait until the client is connected and up to date.

        Raises:
            ChatError: LOGIN_ENDED, a final state was reached instead.
        """
        while self._status is not ConnectionStatus.CONNECTED:
            if self._status.final:
                raise ChatError(Code.LOGIN_ENDED, f"{self._status}: {self._reason}")
            await self._status_changed.wait()

    def wake(self) -> None:
        """The network is back, or the application is in front again: try or check the link now."""
        if self._keeper is not None:
            self._keeper.wake()

    async def disconnect(self) -> None:
        """Stop being connected. Nothing is forgotten; `connect` goes on where this left off."""
        await self._stop_keeping()
        if not self._status.final:
            self._set_status(ConnectionStatus.UNCONNECTED, "disconnected by the application")

    async def logout(self, *, push: str = "off", erase: bool = False) -> None:
        """End this device's session at the server and stop.

        Args:
            push: "off" ends offline pushes to this device too, "keep" keeps them.
            erase: forget this user's messages on this device.

        Raises:
            ChatError: the server could not be told.
        """
        try:
            await self.call("session", "logout", {"push": push})
        except ChatError as error:
            # The server closes the connection, often before its answer is through.
            if error.code != Code.CONNECTION_LOST:
                raise
        await self._stop_keeping()
        self._set_status(ConnectionStatus.LOGOUT, "")
        if erase:
            self._store.erase()

    async def close(self) -> None:
        """Disconnect, end all listeners and give the store back."""
        await self.disconnect()
        if self._pumping is not None:
            self._pumping.cancel()
            await asyncio.gather(self._pumping, return_exceptions=True)
        await self._hub.close()
        self._store.close()

    @property
    def user_id(self) -> str:
        """Who is or was connected with this store; empty on a new one."""
        return self._store.user_id

    @property
    def status(self) -> ConnectionStatus:
        """State of the link."""
        return self._status

    @property
    def status_reason(self) -> str:
        """Why the link is in its state, for people; often empty."""
        return self._reason

    @property
    def limits(self) -> ServerLimits:
        """What the server told about itself."""
        return self._sync.limits

    @property
    def server_delta(self) -> float:
        """Seconds that the server's clock is ahead of this device's."""
        return self._sync.server_delta

    # --- events

    def events(self, *types: type[Event]) -> EventStream:
        """An async iterator over events of these types, or of all.

        It listens from now on; log events that nobody has seen yet come first.
        """
        return self._hub.stream(types)

    def on(self, kind: type[E], callback: Callback[E]) -> Callable[[], None]:
        """Call a function, or a coroutine function, for every event of a type; the result ends that."""
        return self._hub.on(kind, callback)

    # --- conversations

    def conversations(
        self, types: Sequence[int] = LISTED_TYPES, lines: Sequence[int] | None = None
    ) -> list[ConversationInfo]:
        """The conversation list: pinned ones first, then by time, newest first."""
        return self._store.conversations(types, lines)

    def conversation(self, conversation: Conversation) -> ConversationInfo | None:
        """One row of the list; None when there is nothing of this conversation."""
        row = self._store.find(conversation)
        return None if row is None else self._store.info(row.id)

    def unread(self, types: Sequence[int] = LISTED_TYPES) -> Unread:
        """All unread messages; silent conversations do not count (client-sdk spec 2.4)."""
        return sum((info.unread for info in self.conversations(types) if not info.silent), Unread())

    def set_draft(self, conversation: Conversation, draft: str) -> None:
        """Keep what is typed but not sent."""
        self._updated([self._store.set_draft(conversation, draft)])

    async def set_top(self, conversation: Conversation, weight: int = 1) -> None:
        """Pin a conversation on all devices; the largest weight comes first, 0 unpins.

        Raises:
            ChatError: refused, or no link.
        """
        await self.settings.put(Scope.CONVERSATION_TOP, str(weight), conversation.setting_key)

    async def set_silent(self, conversation: Conversation, *, silent: bool = True) -> None:
        """Mute a conversation on all devices, or unmute it.

        Raises:
            ChatError: refused, or no link.
        """
        await self.settings.put(Scope.CONVERSATION_SILENT, str(int(silent)), conversation.setting_key)

    async def remove_conversation(self, conversation: Conversation, *, clear: bool = False) -> None:
        """Take a row off the list on all my devices until its next message; `clear` also clears its messages away.

        Raises:
            ChatError: refused, or no link.
        """
        if clear:
            await self.clear(conversation)
        answer = await self.call("message", "remove", {"conversation": conversation.to_wire()})
        self._take_bounds(conversation, {"removed": answer["removed"]})

    async def clear(self, conversation: Conversation, seq: int | None = None) -> None:
        """Clear the messages of a conversation, or those up to a seq, out of my sight on all my devices.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self.call("message", "clear", {"conversation": conversation.to_wire(), "seq": seq})
        self._take_bounds(conversation, {"cleared": answer["cleared"]})

    def mark_read(self, conversation: Conversation, seq: int | None = None) -> None:
        """Move the read cursor to a seq, or to the newest message. The server is told within seconds, or later."""
        row = self._store.find(conversation)
        if row is not None and self._move_read(row.id, seq):
            self._updated([row.id])

    def enter_view(self, conversation: Conversation) -> None:
        """The user looks at a conversation: it is read, and so is what comes until `leave_view`."""
        self._views[conversation] = self._views.get(conversation, 0) + 1
        self.mark_read(conversation)
        if self._status is ConnectionStatus.CONNECTED:
            self._sync.request_pull()

    def leave_view(self, conversation: Conversation) -> None:
        """The user looks elsewhere; the read cursor is reported now."""
        left = self._views.pop(conversation, 1) - 1
        if left > 0:
            self._views[conversation] = left
        self._read_time()

    # --- messages

    async def send(self, conversation: Conversation, content: Content | str, *, to: Iterable[str] = ()) -> Message:
        """Send a message, a text when a string is given.

        It is in the store when this returns, with status SENDING, and goes out when there is a link;
        `MessageStatusChanged` tells how it ends, and `settled` waits for that. A transparent content (typing, a growing
        text) is not stored: it goes out now or not at all.

        Args:
            to: in a group, the members who may see it; empty means all.

        Raises:
            ChatError: the content is too large; for a transparent content also refusals and no link.
        """
        content = TextContent(content) if isinstance(content, str) else content
        payload = content.encode()
        if len(json.dumps(payload.to_wire(), ensure_ascii=False).encode()) > self.limits.max_message_bytes:
            raise ChatError(Code.MESSAGE_TOO_LARGE)
        if effective_flag(payload) == PersistFlag.TRANSPARENT:
            return await self._send_transparent(conversation, content, list(to))
        if not self.user_id:
            raise ChatError(Code.LOGIN_ENDED, "connect first: a message needs a sender")
        message = self._store.enqueue(conversation, content, list(to), self._server_time())
        self._hub.emit(MessageStatusChanged(message))
        self._updated_conversations([message.conversation])
        self._outbox.wake()
        return message

    async def send_file(self, conversation: Conversation, path: str | PathLike[str]) -> Message:
        """Send a file; it is uploaded first, with `UploadProgress` events.

        Raises:
            ChatError: FILE_MISSING.
        """
        try:
            file, size = await asyncio.to_thread(_measure, Path(path))
        except OSError as error:
            raise ChatError(Code.FILE_MISSING, str(error)) from error
        return await self.send(conversation, FileContent(file.name, size, local_path=str(file)))

    async def settled(self, message: Message) -> Message:
        """Wait until a message is sent or has failed; the message as it is then."""
        async with self.events(MessageStatusChanged) as changes:
            current = self._store.message(message.id)
            if current is not None and current.status is not MessageStatus.SENDING:
                return current
            async for change in changes:
                if not isinstance(change, MessageStatusChanged) or change.message.id != message.id:
                    continue
                if change.message.status is not MessageStatus.SENDING:
                    return change.message
        raise ChatError(Code.CANCELLED)

    async def resend(self, message: Message) -> None:
        """Send a failed message again, as the same message.

        Raises:
            ChatError: INVALID_MESSAGE, it is not a failed one.
        """
        if not self._store.requeue(message.id):
            raise ChatError(Code.INVALID_MESSAGE, "only a failed message can be sent again")
        self._report_status([message.id])
        self._outbox.wake()

    def cancel(self, message: Message) -> bool:
        """Take back a message that has not gone out yet (an upload, a wait for the link); whether it was in time."""
        withdrawn = self._outbox.cancel(message.id)
        if withdrawn:
            cancelled = replace(message, status=MessageStatus.FAILED, error=int(Code.CANCELLED))
            self._hub.emit(MessageStatusChanged(cancelled))
            self._updated_conversations([message.conversation])
        return withdrawn

    async def recall(self, message: Message) -> None:
        """Take a message back for everybody.

        Raises:
            ChatError: RECALL_TIME_EXPIRED, NOT_RIGHT, no link, ...
        """
        seq = _seq_of(message)
        answer = await self.call("message", "recall", {"conversation": message.conversation.to_wire(), "seq": seq})
        if row := self._store.find(message.conversation):
            time = int(answer.get("time") or 0) or self._server_time()
            self._store.recalled_here(row.id, seq, RecallContent(self.user_id, message.uid), time)
            self._own_event(row, answer)

    async def edit(self, message: Message, content: Content | str) -> None:
        """Replace the content of my message, for everybody; its kind must stay.

        Raises:
            ChatError: NOT_RIGHT, RECALL_TIME_EXPIRED, no link, ...
        """
        seq = _seq_of(message)
        payload = (TextContent(content) if isinstance(content, str) else content).encode()
        body = {"conversation": message.conversation.to_wire(), "seq": seq, "content": payload.to_wire()}
        self._take_own_event(message, await self.call("message", "edit", body))

    async def react(self, message: Message, emoji: str, *, on: bool = True) -> None:
        """React to a message, or take a reaction away.

        Raises:
            ChatError: refused, or no link.
        """
        body = {"conversation": message.conversation.to_wire(), "seq": _seq_of(message), "emoji": emoji, "on": on}
        self._take_own_event(message, await self.call("message", "react", body))

    def _take_own_event(self, message: Message, answer: dict[str, Any]) -> None:
        if row := self._store.find(message.conversation):
            self._own_event(row, answer)

    async def delete(self, message: Message, *, everyone: bool = False) -> None:
        """Delete a message on all my devices, or for everybody. A message that never went out is simply forgotten.

        Raises:
            ChatError: refused, or no link; INVALID_MESSAGE while it is being sent.
        """
        if message.seq is None:
            current = self._store.message(message.id)
            if current is not None and current.status is MessageStatus.SENDING and not self.cancel(message):
                raise ChatError(Code.INVALID_MESSAGE, "the message is on its way")
            self.delete_here(message)
            return
        body = {"conversation": message.conversation.to_wire(), "seq": message.seq, "all": everyone}
        answer = await self.call("message", "delete", body)
        self.delete_here(message)
        if row := self._store.find(message.conversation):
            self._own_event(row, answer)

    def delete_here(self, message: Message) -> None:
        """Drop a message from view on this device only."""
        self._store.delete(message.id)
        self._updated_conversations([message.conversation])

    def messages(self, conversation: Conversation, before: int | None = None, limit: int = 20) -> list[Message]:
        """Messages that are held here, ascending: the newest, or those before a seq. Never across a hole."""
        row = self._store.find(conversation)
        return [] if row is None else self._store.page(row.id, before, limit).messages

    def message(self, message_id: int) -> Message | None:
        """A message by its local id."""
        return self._store.message(message_id)

    async def history(self, conversation: Conversation, before: int | None = None, limit: int = 20) -> HistoryPage:
        """A page of messages, ascending: from the store, then from the server when the store has too few.

        Args:
            before: seq of the oldest message that is shown already; None begins with the newest.

        Raises:
            ChatError: nothing is held here and the server could not be asked.
        """
        row = self._store.find(conversation)
        if row is None:
            return await self._unknown_history(conversation, limit)
        page = self._store.page(row.id, before, limit)
        for _ in range(HISTORY_ROUNDS):
            if page.edge is None:
                break
            try:
                progress = await self._sync.history(row.id, page.edge, limit - len(page.messages))
            except ChatError:
                if page.messages:
                    break
                raise
            page = self._store.page(row.id, before, limit)
            if not progress:
                break
        return HistoryPage(page.messages, page.more)

    def search(self, keyword: str, conversation: Conversation | None = None, limit: int = 20) -> list[Message]:
        """Messages held here whose text contains `keyword`, newest first."""
        row = None if conversation is None else self._store.find(conversation)
        if conversation is not None and row is None:
            return []
        return self._store.search(keyword, None if row is None else row.id, limit)

    async def upload(
        self,
        source: str | os.PathLike[str] | bytes,
        media: MediaType,
        *,
        name: str = "",
        progress: Progress | None = None,
    ) -> str:
        """Upload a file without a message, such as a portrait; its URL.

        Args:
            name: file name; needed for bytes, else that of the path.
            progress: told bytes sent and bytes in all.

        Raises:
            ChatError: FILE_MISSING, UPLOAD_FAILED, refused, or no link.
        """
        if not name:
            name = "data" if isinstance(source, bytes) else Path(source).name
        return await self._uploader.upload(source, media, name, progress)

    def digest(self, message: Message, name: Callable[[str], str] = str) -> str:
        """One line for a message, in this client's language.

        Args:
            name: gives the name to show for a user id.
        """
        return message.content.digest(Digester(self._language, self.user_id, name))

    # --- devices and everything else

    async def devices(self) -> list[Device]:
        """One's own sessions.

        Raises:
            ChatError: refused, or no link.
        """
        return [Device.from_wire(item) for item in await self.call("session", "devices", {})]

    async def kick(self, client_id: str) -> None:
        """End another of one's own sessions.

        Raises:
            ChatError: refused, or no link.
        """
        await self.call("session", "kick", {"clientId": client_id})

    async def call(self, route: str, op: str, body: dict[str, Any]) -> Any:
        """Make any request of the protocol; the body of its answer, an object but for `session/devices`, a list.

        Raises:
            ChatError: the server's refusal, NOT_CONNECTED, or CONNECTION_LOST.
        """
        if self._keeper is None:
            raise ChatError.not_connected()
        return await self._keeper.request(route, op, body)

    # --- inside

    async def _stop_keeping(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
        if self._status is ConnectionStatus.CONNECTED:
            await self._flush_reads()
        tasks = [task for task in (self._keeping, *self._tasks) if task is not None]
        self._sync.stop()
        self.chatrooms.stop()
        await self._lists.stop()
        await self._outbox.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keeping = self._keeper = None

    async def _session(self, link: Link) -> None:
        await self._sync.hello(link.request)
        self._outbox.link_up()
        await self._sync.pull()
        await self._flush_reads()
        self._lists.start()
        await self.chatrooms.link_up()
        if self.friends.all():
            self._spawn(self.presence.fetch())

    async def _heartbeat(self, link: Link) -> None:
        await self._sync.ping(link.request)

    def _take_push(self, name: str, body: dict[str, Any]) -> None:
        try:
            if name == "message" and "seq" in body:
                self._sync.take_message(body)
            elif name == "message":
                self._take_transparent(body)
            elif name == "sync":
                self._sync.take_hint(body)
            elif name == "cursor":
                self._take_cursor(body)
            elif name == "conversation":
                self._take_bounds(Conversation.from_wire(body["conversation"]), body)
            elif name in ("settings", "friends", "friendRequests"):
                self._lists.take_versions({name: int(body["version"])})
            elif name == "receipt":
                self.receipts.take(body)
            elif name == "presence":
                self.presence.take(body)
            elif name == "profile":
                self._lists.profile_changed(str(body["userId"]))
            elif name == "channel":
                self._lists.channel_changed(str(body["channelId"]))
                # Subscribing and its end show in the conversations.
                self._sync.request_pull()
            elif name == "groups":
                # Which groups one is in is told by their conversations.
                self._sync.request_pull()
            elif name == "group":
                self._store.stale_group(str(body["groupId"]))
                self._lists.wake()
            else:
                self._hub.emit(ServerPush(name, body))
        except (KeyError, TypeError, ValueError):
            logger.exception("ignored a %s push that cannot be read", name)

    def _take_transparent(self, body: dict[str, Any]) -> None:
        conversation = Conversation.from_wire(body["conversation"])
        row = self._store.find(conversation)
        if row is not None and row.last is not None:
            return
        message = self._transparent(
            conversation,
            content=decode(Payload.from_wire(body.get("content") or {})),
            sender=str(body.get("from") or ""),
            time=int(body.get("time") or 0),
            uid=str(body.get("uid") or ""),
            cid=str(body.get("cid") or ""),
        )
        self._hub.emit(TransparentReceived(message))

    def _transparent(
        self, conversation: Conversation, *, content: Content, sender: str, time: int, uid: str, cid: str
    ) -> Message:
        mine = sender == self.user_id
        status = MessageStatus.SENT if mine else MessageStatus.RECEIVED
        return Message(0, conversation, sender, content, time, status, mine, cid, uid=uid)

    async def _send_transparent(self, conversation: Conversation, content: Content, to: list[str]) -> Message:
        cid = str(uuid.uuid4())
        row = self._store.find(conversation)
        body: dict[str, Any] = {
            "conversation": conversation.to_wire(),
            "content": content.encode().to_wire(),
            "cid": cid,
            "base": 0 if row is None else row.high,
        }
        answer = await self.call("message", "send", body | ({"to": to} if to else {}))
        return self._transparent(
            conversation,
            content=content,
            sender=self.user_id,
            time=int(answer.get("time") or 0),
            uid=str(answer.get("uid") or ""),
            cid=cid,
        )

    def _take_cursor(self, body: dict[str, Any]) -> None:
        row = self._store.find(Conversation.from_wire(body["conversation"]))
        if row is not None:
            self._store.read_elsewhere(row.id, int(body["read"]))
            self._updated([row.id])

    def _take_bounds(self, conversation: Conversation, bounds: dict[str, Any]) -> None:
        row = self._store.find(conversation)
        if row is None:
            return
        self._store.bounded(row.id, int(bounds.get("cleared") or 0), int(bounds.get("removed") or 0))
        self._updated([row.id])
        if self._store.row(row.id).hidden and not row.hidden:
            self._hub.emit(ConversationRemoved(conversation))

    def _take_versions(self, versions: Mapping[str, Any], hello: bool) -> None:
        (self._lists.check_versions if hello else self._lists.take_versions)(versions)

    def _own_event(self, row: Row, answer: dict[str, Any]) -> None:
        """An own recall or deletion is in the log at this seq: fetch it, so that nothing is missing."""
        self._store.note_head(row.id, int(answer.get("seq") or 0))
        self._updated([row.id])
        self._sync.request_pull()

    async def _unknown_history(self, conversation: Conversation, limit: int) -> HistoryPage:
        body = {"conversation": conversation.to_wire(), "before": None, "limit": limit}
        answer = await self.call("message", "history", body)
        messages = answer.get("messages") or []
        row = self._store.find(conversation)
        if not messages and row is None:
            return HistoryPage([], more=False)
        if row is None:
            newest = max(int(message["seq"]) for message in messages)
            row = self._store.begin(conversation, newest, delivered=newest)
            more = bool(answer.get("more"))
            self._report(self._store.apply_history(row.id, newest + 1, messages, more=more))
        page = self._store.page(row.id, None, limit)
        return HistoryPage(page.messages, page.more)

    async def _presign(self, media: MediaType, name: str, size: int, content_type: str) -> dict[str, Any]:
        if size > self.limits.max_upload_bytes:
            raise ChatError(Code.MESSAGE_TOO_LARGE, f"files may have at most {self.limits.max_upload_bytes} bytes")
        body = {"mediaType": int(media), "name": name, "size": size, "contentType": content_type}
        ticket: dict[str, Any] = await self.call("message", "upload", body)
        return ticket

    def _server_time(self) -> int:
        return int((self._clock.now() + self._sync.server_delta) * 1000)

    def _move_read(self, row_id: int, seq: int | None) -> bool:
        moved = self._store.mark_read(row_id, seq)
        if moved and self._read_timer is None:
            self._read_timer = self._clock.call_later(self._timing.read_report, self._read_time)
        return moved

    def _read_time(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
        self._spawn(self._flush_reads())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_reads(self) -> None:
        for row in self._store.unreported_reads():
            try:
                answer = await self.call(
                    "message", "read", {"conversation": row.conversation.to_wire(), "seq": row.read}
                )
            except ChatError as error:
                if error.offline:
                    return
                logger.info("read cursor of %s: %s", row.conversation, error)
                if error.retry:
                    continue
                answer = {}
            self._store.read_elsewhere(row.id, int(answer.get("read") or row.read))

    def _report(self, changes: Changes) -> None:
        self._report_status(changes.sent)
        for row_id in changes.conversations:
            if self._views and self._store.row(row_id).conversation in self._views:
                self._move_read(row_id, None)
        self._updated(changes.conversations)
        self._lists.wake()
        self._pump.wake()

    def _report_status(self, message_ids: Iterable[int]) -> None:
        for message_id in message_ids:
            if message := self._store.message(message_id):
                self._hub.emit(MessageStatusChanged(message))

    def _updated(self, row_ids: Iterable[int]) -> None:
        if self._hub.wanted(ConversationUpdated):
            for row_id in row_ids:
                self._hub.emit(ConversationUpdated(self._store.info(row_id)))

    def _updated_conversations(self, conversations: Iterable[Conversation]) -> None:
        self._updated([row.id for conversation in conversations if (row := self._store.find(conversation))])

    def _listener_came(self) -> None:
        self._pump.wake()

    def _set_status(self, status: ConnectionStatus, reason: str) -> None:
        if status is self._status:
            return
        self._status, self._reason = status, reason
        self._status_changed.set()
        self._status_changed = asyncio.Event()
        self._hub.emit(ConnectionStatusChanged(status, reason))


def _measure(path: Path) -> tuple[Path, int]:
    return path.absolute(), path.stat().st_size


def _seq_of(message: Message) -> int:
    if message.seq is None:
        raise ChatError(Code.INVALID_MESSAGE, "the server does not have this message")
    return message.seq
