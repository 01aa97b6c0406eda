"""Every function: its trigger file, what it may do, and how long it may take.

The grants and the environment variables follow from this one table.
"""

from dataclasses import dataclass

from im.settings import Env
from stacks.names import Secret, Table

_TABLES = {
    Table.MESSAGES: Env.MESSAGES_TABLE,
    Table.DIRECTORY: Env.DIRECTORY_TABLE,
    Table.PRESENCE: Env.PRESENCE_TABLE,
    Table.EPHEMERA: Env.EPHEMERA_TABLE,
}
_SECRETS = {
    Secret.ADMIN: Env.ADMIN_SECRET_ID,
    Secret.TOKEN: Env.TOKEN_SECRET_ID,
    Secret.CALLBACK: Env.CALLBACK_SECRET_ID,
    Secret.WEB_PUSH: Env.WEB_PUSH_SECRET_ID,
}


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function.

    Attributes:
        name: logical id.
        module: dotted path of the trigger file; its entry point is ``handler``.
        timeout_s: the longest run.
        reads, writes: tables; who writes a table may read it too.
        secrets: secrets that it reads.
        posts: it posts to sockets and closes them.
        sends_fanout: it puts chunks of recipients on the fan-out queue.
        sends_broadcasts: it puts tasks of messages to many on the broadcast queue.
        sends_robot: it puts what robots and channels' services are told on the robot queue.
        sends_callbacks: it puts callbacks to the business back end on their queue.
        buries_callbacks: it puts callbacks that it gives up among the dead letters.
        publishes_push: it publishes what devices without a socket are to be notified of.
        sends_push: it makes SNS platform endpoints and sends to them.
        uses_cryptography: it has the layer with the cryptography of Web Push.
        uploads: it signs uploads to the media bucket.
        memory_mb: its memory, and with it its share of a core, where the environment does not say otherwise.
        wired: further variables, of what its services are built with but its operations do not touch: the function is
            told the names, and may do nothing with them.
    """

    name: str
    module: str
    timeout_s: int
    reads: frozenset[Table] = frozenset()
    writes: frozenset[Table] = frozenset()
    secrets: frozenset[Secret] = frozenset()
    posts: bool = False
    sends_fanout: bool = False
    sends_broadcasts: bool = False
    sends_robot: bool = False
    sends_callbacks: bool = False
    buries_callbacks: bool = False
    publishes_push: bool = False
    sends_push: bool = False
    uses_cryptography: bool = False
    uploads: bool = False
    memory_mb: int = 512
    wired: frozenset[Env] = frozenset()

    @property
    def domain(self) -> str:
        """The folder of ``functions`` that is its zip."""
        return self.module.split(".")[1]

    @property
    def handler(self) -> str:
        """What Lambda imports and calls."""
        return f"{self.module}.handler"

    @property
    def variables(self) -> frozenset[Env]:
        """The resources that the function is told."""
        told = {*self.wired, *(_TABLES[table] for table in self.reads | self.writes)}
        told.update(_SECRETS[secret] for secret in self.secrets)
        if self.posts:
            told.add(Env.SOCKET_ENDPOINT)
        if self.sends_fanout:
            told.add(Env.FANOUT_QUEUE_URL)
        if self.sends_broadcasts:
            told.add(Env.BROADCAST_QUEUE_URL)
        if self.sends_robot:
            told.add(Env.ROBOT_QUEUE_URL)
        if self.sends_callbacks:
            told.add(Env.CALLBACK_QUEUE_URL)
        if self.buries_callbacks:
            told.add(Env.CALLBACK_DLQ_URL)
        if self.publishes_push:
            told.add(Env.PUSH_TOPIC_ARN)
        if self.sends_push:
            told.add(Env.PUSH_APPLICATIONS)
        if self.uploads:
            told.update((Env.MEDIA_BUCKET, Env.MEDIA_BASE_URL))
        return frozenset(told)


_SOCKET_TIMEOUT_S = 10
_M, _D, _P, _E = Table.MESSAGES, Table.DIRECTORY, Table.PRESENCE, Table.EPHEMERA

CONNECT_AUTHORIZER = FunctionSpec(
    "ConnectAuthorizer",
    "functions.connect.authorizer",
    timeout_s=5,
    reads=frozenset({_D}),
    secrets=frozenset({Secret.TOKEN}),
)
CONNECT_WS = FunctionSpec(
    "ConnectWs",
    "functions.connect.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    reads=frozenset({_M}),
    writes=frozenset({_D, _P, _E}),
    posts=True,
    sends_fanout=True,
    sends_callbacks=True,
)
MESSAGE_WS = FunctionSpec(
    "MessageWs",
    "functions.message.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    writes=frozenset({_M, _D, _P, _E}),
    secrets=frozenset({Secret.CALLBACK}),
    posts=True,
    sends_fanout=True,
    sends_robot=True,
    sends_callbacks=True,
    uploads=True,
    # A send waits for AWS most of its time, and waiting is billed by memory: docs/cost.md, "By memory".
    memory_mb=256,
    publishes_push=True,
)
MESSAGE_ON_QUEUE = FunctionSpec(
    "MessageOnQueue",
    "functions.message.on_queue",
    timeout_s=30,
    # The logs: up to where those may read whom a destroyed channel loses.
    reads=frozenset({_E, _M}),
    writes=frozenset({_D, _P}),
    posts=True,
    sends_fanout=True,
    sends_callbacks=True,
    publishes_push=True,
)
BROADCAST_ON_QUEUE = FunctionSpec(
    "BroadcastOnQueue",
    "functions.broadcast.on_queue",
    timeout_s=60,
    writes=frozenset({_M, _D, _P, _E}),
    posts=True,
    sends_broadcasts=True,
    sends_callbacks=True,
    publishes_push=True,
)
GROUP_WS = FunctionSpec(
    "GroupWs",
    "functions.group.ws",
    # Adding 500 members takes a thousand conditional writes, mostly the work of making requests.
    timeout_s=25,
    memory_mb=1024,
    writes=frozenset({_M, _D, _P, _E}),
    posts=True,
    sends_fanout=True,
    sends_robot=True,
    sends_callbacks=True,
    publishes_push=True,
)
PROFILE_WS = FunctionSpec(
    "ProfileWs",
    "functions.profile.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    writes=frozenset({_M, _D, _P, _E}),
    posts=True,
    sends_fanout=True,
    sends_robot=True,
    sends_callbacks=True,
    publishes_push=True,
)
PUSH_WS = FunctionSpec(
    "PushWs",
    "functions.push.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    writes=frozenset({_D, _P, _E}),
    secrets=frozenset({Secret.WEB_PUSH}),
    uses_cryptography=True,
)
PUSH_ON_QUEUE = FunctionSpec(
    "PushOnQueue",
    "functions.push.on_queue",
    timeout_s=30,
    writes=frozenset({_D, _P, _E}),
    secrets=frozenset({Secret.WEB_PUSH}),
    sends_push=True,
    uses_cryptography=True,
    wired=frozenset({Env.PUSH_QUEUE_URL}),
)
CHANNEL_WS = FunctionSpec(
    "ChannelWs",
    "functions.channel.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    reads=frozenset({_M}),
    writes=frozenset({_D, _P, _E}),
    posts=True,
    sends_fanout=True,
    sends_callbacks=True,
    sends_robot=True,
)
CHATROOM_WS = FunctionSpec(
    "ChatroomWs",
    "functions.chatroom.ws",
    timeout_s=_SOCKET_TIMEOUT_S,
    reads=frozenset({_M, _P}),
    writes=frozenset({_D, _E}),
    sends_callbacks=True,
)
CALLBACK_ON_QUEUE = FunctionSpec(
    "CallbackOnQueue",
    "functions.callback.on_queue",
    # A batch of ten that all take their five seconds.
    timeout_s=60,
    memory_mb=256,
    writes=frozenset({_E}),
    secrets=frozenset({Secret.CALLBACK}),
    buries_callbacks=True,
    # It says when a callback comes again; receiving is right enough for that.
    wired=frozenset({Env.CALLBACK_QUEUE_URL}),
)
SERVER_API = FunctionSpec(
    "ServerApi",
    "functions.server_api.http",
    timeout_s=25,
    writes=frozenset({_M, _D, _P, _E}),
    secrets=frozenset({Secret.ADMIN, Secret.TOKEN, Secret.CALLBACK}),
    posts=True,
    sends_fanout=True,
    sends_broadcasts=True,
    sends_robot=True,
    sends_callbacks=True,
    uploads=True,
    publishes_push=True,
)
ROBOT_ON_QUEUE = FunctionSpec(
    "RobotOnQueue",
    "functions.robot.on_queue",
    # A robot has ten seconds to answer.
    timeout_s=15,
    # It waits for others most of its time.
    memory_mb=256,
    reads=frozenset({_D}),
    wired=frozenset({Env.ROBOT_QUEUE_URL, Env.PRESENCE_TABLE}),
)

FUNCTIONS = (
    CONNECT_AUTHORIZER,
    CONNECT_WS,
    MESSAGE_WS,
    MESSAGE_ON_QUEUE,
    BROADCAST_ON_QUEUE,
    GROUP_WS,
    PROFILE_WS,
    CHANNEL_WS,
    PUSH_WS,
    PUSH_ON_QUEUE,
    CHATROOM_WS,
    CALLBACK_ON_QUEUE,
    SERVER_API,
    ROBOT_ON_QUEUE,
)

ROUTES = {
    "$connect": CONNECT_WS,
    "$disconnect": CONNECT_WS,
    "$default": CONNECT_WS,
    "session": CONNECT_WS,
    "message": MESSAGE_WS,
    "group": GROUP_WS,
    "profile": PROFILE_WS,
    "channel": CHANNEL_WS,
    "chatroom": CHATROOM_WS,
    "push": PUSH_WS,
}
"""The WebSocket routes; a frame names its own in ``route``."""
