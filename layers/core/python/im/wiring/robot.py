"""Calling robots back."""

from functools import cache

from im.machine.store import DynamoMachineStore
from im.platform import telemetry
from im.robot.worker import RobotCalls
from im.settings import Env
from im.wiring.base import dynamo, groups, settings
from im.wiring.profile import users
from im.wiring.webhooks import webhooks


@cache
def machines() -> DynamoMachineStore:
    """Robots and devices."""
    config = settings()
    return DynamoMachineStore(dynamo(), config.need(Env.DIRECTORY_TABLE), config.need(Env.PRESENCE_TABLE))


@cache
def robot_calls() -> RobotCalls:
    """Hands messages over to robots."""
    return RobotCalls(machines(), users(), groups(), webhooks(), settings().switches, telemetry.count)
