"""The server API over in-memory stores, and a caller who signs: what tests of its endpoints stand on."""

import json
from itertools import count
from typing import Any, NamedTuple

from im.application.service import ApplicationService
from im.channel.desk import ChannelDesk
from im.channel.model import Channel
from im.connect.online import OnlineUsers
from im.group.service import GroupService
from im.limits import RateLimiter
from im.machine.model import Robot
from im.machine.service import MachineService
from im.message.media import Media
from im.message.model import Origin
from im.moderation.service import ModerationService
from im.profile.model import User
from im.profile.reader import ProfileReader
from im.profile.service import ProfileService
from im.server_api.api import ServerApi
from im.server_api.diagnostics import WINDOW_MS, TokenCheck
from im.server_api.doors import Door
from im.server_api.registry import Services
from im.system.service import SystemService
from im.wire.signature import Policy, sign
from tests.fakes.application import MemoryPermissionStore
from tests.fakes.machine import MemoryMachineStore
from tests.fakes.system import MemorySystemSettingStore
from tests.fakes.world import World

ROBOT = "helper"
CHANNEL = "news"
"""Whose signature calls of robots have."""
SECRETS = ("current", "previous")
JSON = {"Content-Type": "application/json;charset=utf-8"}


class Machines(NamedTuple):
    """Robots and devices, and the service over them."""

    store: MemoryMachineStore
    service: MachineService


class Storage:
    """Signs uploads."""

    def generate_presigned_url(self, method: str, **_: Any) -> str:
        """See botocore's S3 client."""
        return f"https://bucket.example.com/{method}"


class Backend:
    """The server API over in-memory stores, and a caller who signs."""

    def __init__(self, *, capacity: int = 1_000, **switches: Any) -> None:
        self.world = world = World(**switches)
        ids, self._nonces = count(1), count(1)
        groups = GroupService(
            world.groups,
            world.rows,
            world.messages,
            world.service,
            world.switches,
            world.clock,
            lambda: f"g{next(ids)}",
            world.types_of,
            left=world.settings.end_membership,
            back_end=world.callbacks,
        )
        store, machines = world.users, MemoryMachineStore(world.presence)
        users = ProfileService(
            store,
            machines,
            groups,
            world.connect,
            [machines, world.friendships, world.settings, world.channel_service],
            world.delivery,
            world.switches,
            world.clock,
            lambda: f"u{next(ids)}",
            world.callbacks,
        )
        self.machines = Machines(machines, MachineService(machines, users, world.connect, lambda: f"m{next(ids)}"))
        desk = ChannelDesk(world.channels, world.channel_service, world.service)
        self.services = services = Services(
            users=users,
            finder=ProfileReader(
                store, world.settings, lambda user: None, world.switches, world.clock, world.callbacks
            ),
            machines=self.machines.service,
            sessions=world.connect,
            online=OnlineUsers(world.presence, world.switches, world.clock),
            messages=world.service,
            multicasts=world.multicasts(),
            media=Media(Storage, "media", "https://media.example.com", 100, world.clock),
            groups=groups,
            friends=world.friendships,
            channels=world.channel_service,
            desk=desk,
            rooms=world.chatroom_admin,
            system=SystemService(MemorySystemSettingStore(), world.switches),
            words=ModerationService(world.words),
            settings=world.settings,
            applications=ApplicationService(
                MemoryPermissionStore(), machines, world.channels, ["pages.example.com"], world.clock
            ),
        )
        limiter = RateLimiter(world.ephemera, world.clock, capacity, 10_000, share=1)
        check = TokenCheck(world.gate, RateLimiter(world.ephemera, world.clock, 1, WINDOW_MS, share=1))
        policy = Policy(legacy=world.switches.legacy_signature, window_ms=world.switches.clock_window_ms)
        doors = [
            Door(family, header, secret_of, limiter, world.ephemera, policy, world.clock)
            for family, header, secret_of in (
                ("robot", "rid", self.machines.service.secret_of),
                ("channel", "cid", desk.secret_of),
            )
        ]
        self.api = ServerApi(
            services, lambda: SECRETS, world.ephemera, limiter, world.switches, world.clock, check, doors
        )

    def signed(
        self, secret: str = SECRETS[0], nonce: str | None = None, robot: str = "", channel: str = ""
    ) -> dict[str, str]:
        caller = {name: value for name, value in (("rid", robot), ("cid", channel)) if value}
        nonce, timestamp = nonce or str(next(self._nonces)), str(self.world.now)
        return {"nonce": nonce, "timestamp": timestamp, "sign": sign(nonce, secret, timestamp), **caller}

    def _headers_for(self, path: str) -> dict[str, str]:
        """A valid signature of whoever may call a path: for robots and channels one that is made when first needed."""
        if path.startswith("/channel/"):
            if self.world.channels.get(CHANNEL) is None:
                wanted = Channel(CHANNEL, "News", "olga", secret=SECRETS[0], state=0x0F)
                self.world.channel_service.create("app", wanted, Origin.ADMIN)
            return self.signed(channel=CHANNEL)
        if not path.startswith("/robot/"):
            return self.signed()
        if self.machines.store.robot(ROBOT) is None:
            user, robot = User(ROBOT, name=ROBOT, display_name="Helper"), Robot("", owner="olga", secret=SECRETS[0])
            self.machines.service.create_robot(user, robot)
            self.world.robots.add(ROBOT)
        return self.signed(robot=ROBOT)

    def request(
        self, path: str, body: str = "", headers: dict[str, str] | None = None, method: str = "POST", query: str = ""
    ) -> dict[str, Any]:
        return self.api.handle(
            {
                "rawPath": path,
                "rawQueryString": query,
                "headers": self._headers_for(path) if headers is None else headers,
                "body": body,
                "isBase64Encoded": False,
                "requestContext": {"http": {"method": method}},
            }
        )

    def call(self, path: str, body: Any = None, **how: Any) -> dict[str, Any]:
        answer = self.request(path, "" if body is None else json.dumps(body), **how)
        assert (answer["statusCode"], answer["headers"]) == (200, JSON)
        envelope: dict[str, Any] = json.loads(answer["body"])
        return envelope

    def ok(self, path: str, body: Any = None) -> Any:
        envelope = self.call(path, body)
        assert (envelope["code"], envelope["msg"]) == (0, "success")
        return envelope.get("result")

    def code(self, path: str, body: Any = None, **how: Any) -> int:
        return int(self.call(path, body, **how)["code"])
