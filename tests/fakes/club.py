"""A world with a group service, which the tests of groups share."""

import base64
import json
from itertools import count
from typing import Any

import pytest

from im.errors import Code, ImError
from im.group.model import GroupInfo, GroupMember
from im.group.service import GroupService
from im.message.model import Conversation, payload_from_json
from im.message.reading import Range
from tests.fakes.crash import CrashPoint
from tests.fakes.world import World

TEAM = Conversation(1, "team")


class Club:
    """A world with a group service."""

    def __init__(self, **switches: Any) -> None:
        self.world = World(**switches)
        self._ids = count(1)
        self.hints: list[tuple[list[str], str]] = []
        self.groups = self.service(CrashPoint())

    def service(self, crash: CrashPoint) -> GroupService:
        world = self.world
        return GroupService(
            crash.guard(world.groups),
            crash.guard(world.rows),
            crash.guard(world.messages),
            crash.guard(world.service),
            world.switches,
            world.clock,
            lambda: f"new{next(self._ids)}",
            world.types_of,
            lambda users, group: self.hints.append((sorted(users), group)),
            crash.guard(world.settings).end_membership,
            world.callbacks,
        )

    def create(self, *members: str, **info: Any) -> str:
        return self.groups.create("olga", GroupInfo(**{"id": "team", **info}), [GroupMember(user) for user in members])

    def say(self, user: str, text: str) -> int:
        head = self.world.messages.newest(TEAM.key(user))
        seq: int = self.world.say(user, text, group="team", base=head.seq if head else 0).seq
        return seq

    def sees(self, user: str, conversation: Conversation = TEAM) -> list[int]:
        [page] = self.world.service.pull(user, [Range(conversation, 0, 100)])
        return [message.seq for message in page.messages]

    def notices(self, line: int = 0) -> list[tuple[int, dict[str, Any]]]:
        log = Conversation(1, "team", line).key("olga")
        payloads = [payload_from_json(message.payload) for message in self.world.messages.after(log, 0, 1000)]
        return [
            (payload.type, json.loads(base64.b64decode(payload.base64edData)))
            for payload in payloads
            if payload.type > 100
        ]

    def present(self) -> list[str]:
        return sorted(member.id for member in self.groups.members("team"))


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    """Expect this code."""
    return pytest.raises(ImError, check=lambda error: error.code is code)
