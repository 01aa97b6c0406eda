"""Calls robots back: one POST per message, in the order of each conversation (satellites spec 4.1, server-api spec 5.10)."""

import base64
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import UNSET
from msgspec.structs import replace

from im.group.model import GroupInfo
from im.machine.model import Robot
from im.message.model import conversation_of
from im.platform.metrics import Count, ignore
from im.platform.ordered import RetryLater
from im.platform.telemetry import logger
from im.platform.webhooks import Answer, WebhookFailed, WebhookRefused
from im.profile.model import User
from im.robot.model import Note
from im.settings import Switches
from im.wire.objects import GroupOut, UserOut
from im.wire.outgoing import ClientOut, OutputMessage, encode

TIMEOUT_S = 10.0
"""How long a robot may take to answer; afterwards the message comes to it again."""


class Robots(Protocol):
    """What callbacks need of the robots."""

    def robot(self, robot_id: str) -> Robot | None:
        """A robot, strongly consistent."""


class Users(Protocol):
    """What callbacks need of the users."""

    def get_many(self, user_ids: Sequence[str]) -> Mapping[str, User]:
        """Users by id; unknown ones are missing."""


class Groups(Protocol):
    """What callbacks need of the groups."""

    def get_info(self, group: str) -> GroupInfo | None:
        """A group's info."""


class Poster(Protocol):
    """What callbacks need of the webhooks."""

    def post(
        self, url: str, body: bytes, *, message_id: str, secret: str | Sequence[str] | None, timeout_s: float = ...
    ) -> Answer:
        """Make one attempt to hand over a body."""


class RobotCalls:
    """Hands messages over to robots.

    Args:
        robots: addresses and secrets.
        users, groups: what a callback may tell of sender, target and group.
        webhooks: the way out.
        switches: what is told.
        count: takes metrics.
    """

    def __init__(
        self, robots: Robots, users: Users, groups: Groups, webhooks: Poster, switches: Switches, count: Count = ignore
    ) -> None:
        self._robots = robots
        self._users = users
        self._groups = groups
        self._webhooks = webhooks
        self._switches = switches
        self._count = count

    def call(self, note: Note) -> None:
        """Make one attempt. A robot that has gone, or has no callback by now, is told nothing; what it answers is ignored.

        An address that may not be asked is no reason to try again, nor to keep the message: it is logged and counted.

        Raises:
            RetryLater: the robot did not take it.
        """
        robot = self._robots.robot(note.robot)
        if robot is None or not robot.callback:
            return
        body = encode(self._body(note))
        try:
            self._webhooks.post(
                robot.callback,
                body,
                message_id=f"{note.uid}.{note.robot}",
                secret=signing_key(robot.secret),
                timeout_s=TIMEOUT_S,
            )
        except WebhookRefused as error:
            self._count("RobotCallbackRefused", 1)
            logger.warning("robot cannot be called", extra={"robot": note.robot, "reason": str(error)})
        except WebhookFailed as error:
            self._count("RobotCallbackFailed", 1)
            raise RetryLater(str(error), error.retry_after_s) from error

    def _body(self, note: Note) -> OutputMessage:
        switches, message = self._switches, note.message()
        named = conversation_of(note.log, note.sender)
        client = ClientOut(note.platform, note.client) if switches.robot_client_info and note.client else None
        body = OutputMessage.of(message, named, client, note.robot)
        wanted = [note.sender] if switches.robot_sender_info else []
        wanted += [named.target] if switches.robot_target_info and not named.in_group else []
        found = {user: UserOut.of(each) for user, each in self._users.get_many(wanted).items()} if wanted else {}
        group = self._groups.get_info(named.target) if switches.robot_target_info and named.in_group else None
        return replace(
            body,
            senderUserInfo=found.get(note.sender, UNSET) if switches.robot_sender_info else UNSET,
            targetUserInfo=found.get(named.target, UNSET) if switches.robot_target_info else UNSET,
            targetGroupInfo=GroupOut.of(group) if group else UNSET,
        )


def signing_key(secret: str) -> str | None:
    """What callbacks of a robot are signed with: its secret's bytes are the key; None: it has none, they are not signed."""
    return "whsec_" + base64.b64encode(secret.encode()).decode() if secret else None
