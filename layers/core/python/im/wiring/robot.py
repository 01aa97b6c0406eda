"""Calling robots back."""

from functools import cache

from im.platform import telemetry
from im.robot.worker import RobotCalls
from im.wiring.base import groups, settings
from im.wiring.machine import machines
from im.wiring.profile import users
from im.wiring.webhooks import webhooks


@cache
def robot_calls() -> RobotCalls:
    """Hands messages over to robots."""
    return RobotCalls(machines(), users(), groups(), webhooks(), settings().switches, telemetry.count)
