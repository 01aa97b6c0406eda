"""All services over in-memory stores, with a clock that tests move by hand: what unit tests of use cases stand on."""

import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from im.callback.review import RemoteReview
from im.callback.service import Callbacks
from im.channel.service import ChannelService
from im.channel.spreading import Spreading
from im.chatroom.admin import ChatroomAdmin
from im.chatroom.log import RoomLog
from im.chatroom.messages import RoomMessages
from im.chatroom.service import ChatroomService
from im.connect.gate import Gate
from im.connect.service import ConnectService
from im.connect.tokens import Tokens
from im.delivery.changes import Changes
from im.delivery.model import News, Subject
from im.delivery.service import Delivery
from im.errors import BusyError
from im.friend.service import FriendService
from im.limits import RateLimiter
from im.message.context import Context
from im.message.log import Log
from im.message.model import Conversation, Message, Payload, Sender
from im.message.multicast import Multicasts, Task
from im.message.screening import Screening
from im.message.service import MessageService
from im.moderation.service import Filter
from im.platform.uids import Uids
from im.presence.service import PresenceService
from im.profile.everybody import Everybody
from im.push.alert import Alert
from im.push.devices import PushDevices
from im.push.notifier import Notifier
from im.setting.service import SettingService
from im.settings import Switches
from tests.fakes.callback import Answering, ListedCallbacks
from tests.fakes.channel import MemoryChannelStore, Watching
from tests.fakes.chatroom import MemoryChatroomStore
from tests.fakes.connect import MemoryEphemera, MemorySessionStore
from tests.fakes.delivery import ListQueue, MemoryPresenceStore, MemoryVersionStore, RecordingPoster
from tests.fakes.friend import MemoryFriendStore
from tests.fakes.group import MemoryGroupStore
from tests.fakes.items import Items
from tests.fakes.message import MemoryMessageStore, MemoryRowStore
from tests.fakes.moderation import MemoryWordStore
from tests.fakes.presence import MemoryWatchStore
from tests.fakes.profile import MemoryUserStore
from tests.fakes.push import ListTopic, MemoryTokenStore
from tests.fakes.setting import MemorySettingStore

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000


class Told:
    """``Changes`` that remembers who was told of what."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self.alerts: list[Alert] = []

    def tell_all(self, news: Sequence[News], alert: Alert | None = None) -> None:
        """Note it."""
        self.news += news
        self.alerts += [alert] if alert else []

    def taken(self) -> set[tuple[str, str]]:
        """Who was told of which lists since the last look."""
        news, self.news = self.news, []
        return {(each.user, each.change) for each in news}


class TaskList:
    """A ``TaskQueue`` that is a list."""

    def __init__(self, tasks: list[Task]) -> None:
        self._tasks = tasks

    def put(self, jobs: Iterable[Task]) -> None:
        """See ``TaskQueue``."""
        self._tasks.extend(jobs)


class Outside:
    """An ``Outlet`` that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Message, Conversation, Sender, Context]] = []
        self.fails = False

    def tell(self, message: Message, conversation: Conversation, sender: Sender, context: Context) -> None:
        """Note it, or refuse it."""
        if self.fails:
            raise BusyError("the outlet is busy")
        self.told.append((message, conversation, sender, context))

    @property
    def messages(self) -> list[Message]:
        """The messages that it was told of."""
        return [message for message, *_ in self.told]


class World:
    """One deployment in memory.

    Args:
        switches: behaviour switches by their dotted keys.
    """

    def __init__(self, **switches: Any) -> None:
        self.now = START_MS
        self._numbers = itertools.count(1)
        self.switches = Switches(**switches)
        items = Items()
        self.messages = MemoryMessageStore(items)
        self.versions = MemoryVersionStore()
        self.rows = MemoryRowStore(items, self.versions)
        self.presence = MemoryPresenceStore(items)
        self.groups = MemoryGroupStore(items)
        self.channels = MemoryChannelStore(items, self.rows)
        self.sessions = MemorySessionStore()
        self.ephemera = MemoryEphemera()
        self.words = MemoryWordStore()
        self.rooms = MemoryChatroomStore(items)
        self.queue = ListQueue()
        self.tasks: list[Task] = []
        self.users = MemoryUserStore()
        self.poster = RecordingPoster()
        self.robots: set[str] = set()
        self.friends = MemoryFriendStore(self.rows)
        self.told = Told()
        self.outside = Outside()
        self.pauses: list[float] = []
        self.called_back = ListedCallbacks()
        self.answering = Answering()
        self.callbacks = Callbacks(self.called_back, self.switches, self.clock, lambda: f"event{next(self._numbers)}")
        self.topic = ListTopic()
        self.push_tokens = MemoryTokenStore()
        self.push_devices = PushDevices(self.presence, self.push_tokens, lambda: "key")
        self.delivery = Delivery(
            self.presence,
            self.poster,
            self.queue,
            self.clock,
            inline_limit=self.switches.inline_limit,
            chunk=self.switches.fanout_chunk,
            news_delay_s=None if self.switches.presence == "off" else self.switches.presence_delay_s,
            lost=self.callbacks.changed,
            notifier=Notifier(self.topic, self.switches, self.clock),
        )
        self.watches = MemoryWatchStore()
        self.sights = PresenceService(self.watches, self.delivery, self.friends, self.switches, self.clock)
        self.changes = Changes(self.versions, self.delivery)
        self.settings_store = MemorySettingStore(self.rows, self.versions)
        self.settings = SettingService(self.settings_store, self.changes, self.presence, self.clock, self.sights)
        self.uids = Uids(self.ephemera, self.clock)
        self.log = Log(self.messages, self.uids, index_uids=self.switches.uid_index == "all")
        self.chatrooms = ChatroomService(
            self.rooms, self.messages, self.presence, self.switches, self.clock, self.callbacks
        )
        self.chatroom_admin = ChatroomAdmin(
            self.rooms, self.chatrooms, self.switches, self.clock, lambda: f"room{next(self._numbers)}", self.callbacks
        )
        self.service = self.message_service()
        self.watching = Watching()
        self.channel_service = ChannelService(
            self.channels,
            self.rows,
            self.messages,
            self.delivery.spread,
            self.clock,
            lambda: f"c{next(self._numbers)}",
            lambda users, channel: self.changes.hint(users, Subject.CHANNEL, channel),
            self.watching,
            self.watching,
        )
        self.spreading = Spreading(self.channels, self.channel_service, self.delivery, chunk=self.switches.fanout_chunk)
        self.friendships = self.friend_service()
        self.tokens = Tokens(lambda: ["0" * 32], self.clock, self.switches.token_expire_ms)
        self.gate = Gate(self.sessions, self.tokens)
        self.connect = ConnectService(
            self.sessions,
            self.rows,
            self.messages,
            self.groups,
            self.channels,
            self.delivery,
            self.switches,
            self.clock,
            issuer=self.tokens,
            is_robot=self.robots.__contains__,
            news=self.sights,
            global_channels=self.channels.global_ids,
            back_end=self.callbacks,
            push_tokens=self.push_tokens,
        )

    def message_service(self) -> MessageService:
        """A message service as another function environment would have it: same stores, no memory of its own."""
        screening = self.screening()
        return MessageService(
            self.messages,
            self.rows,
            self.groups,
            self.delivery,
            self.log,
            self.uids,
            screening,
            self.room_messages(screening),
            self.switches,
            self.clock,
            channels=self.channels,
            outlets=[self.outside, self.callbacks],
            back_end=self.callbacks,
            user_types=self.types_of,
            pause=self.pauses.append,
        )

    def screening(self) -> Screening:
        """What happens to messages with sensitive words; a reviewer is asked where the deployment has one."""
        review = None
        if self.switches.review_url:
            review = RemoteReview(self.answering, lambda: ["the callbacks' own"], self.switches, self.clock)
        words = Filter(self.words, self.clock)
        return Screening(words, self.log, self.switches, back_end=self.callbacks, review=review)

    def room_messages(self, screening: Screening) -> RoomMessages:
        """The part of a message service that serves chatrooms."""
        keep_ms = self.switches.chatroom_retention_ms
        return RoomMessages(
            self.messages,
            self.rooms,
            self.chatrooms,
            self.delivery,
            self.log,
            RoomLog(self.messages, self.rooms, self.log, keep_ms, self.clock),
            self.uids,
            screening,
            self.switches,
            self.clock,
            outlets=[self.outside, self.callbacks],
        )

    def friend_service(self) -> FriendService:
        """A friend service as another function environment would have it."""
        limit = self.switches.friend_requests_per_day
        limiter = RateLimiter(self.ephemera, self.clock, limit, DAY_MS, share=max(1, limit // 10))
        return FriendService(
            self.friends,
            self.service,
            self.told,
            limiter,
            self.types_of,
            self.settings,
            self.switches,
            self.clock,
            self.callbacks,
        )

    def types_of(self, users: Collection[str]) -> dict[str, int]:
        """Robots are the only registered users here."""
        return {user: 1 for user in users if user in self.robots}

    def multicasts(self) -> Multicasts:
        """Messages to many, as an environment of the server API or of the worker would have them."""
        return Multicasts(
            self.messages,
            self.rows,
            self.log,
            self.delivery,
            Everybody(self.users),
            TaskList(self.tasks),
            self.switches,
            self.clock,
        )

    def clock(self) -> int:
        """The present time, ms."""
        return self.now

    def online(self, user: str, client: str = "phone", platform: int = 1) -> str:
        """Connect a device; returns its connection id."""
        connection = f"{user}-{client}-{self.now}"
        assert self.connect.connected(user, client, platform, connection, self.now)
        return connection

    def say(
        self,
        user: str,
        text: str,
        *,
        to: str = "",
        group: str = "",
        room: str = "",
        channel: str = "",
        cid: str = "",
        base: int = 0,
        **fields: Any,
    ) -> Any:
        """Send a text as a user, from his phone if that is online."""
        kind, target = next((each for each in ((3, channel), (2, room), (1, group)) if each[1]), (0, to))
        conversation = Conversation(kind, target)
        payload = Payload(**{"type": 1, "searchableContent": text, "persistFlag": 3, **fields})
        device = self.presence.load_one(user).device("phone")
        sender = Sender(user, "phone", device.connection) if device else Sender(user)
        return self.service.send(sender, conversation, payload, cid=cid or f"{user}:{text[:20]}", base=base)

    def settle(self) -> None:
        """Work on everything that is queued, and on what that queues."""
        while self.queue.jobs:
            job = self.queue.jobs.pop(0)
            if job.spread:
                self.spreading.work(job)
            elif not job.news:
                self.delivery.work(job)

    def pushes(self, connection: str, kind: str = "message") -> list[dict[str, Any]]:
        """The bodies of the pushes of one kind that a connection got."""
        return [frame["body"] for frame in self.poster.frames[connection] if frame["push"] == kind]
