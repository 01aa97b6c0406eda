"""Robots and devices."""

from functools import cache

from im.machine.store import DynamoMachineStore
from im.settings import Env
from im.wiring.base import dynamo, settings


@cache
def machines() -> DynamoMachineStore:
    """Robots and devices."""
    config = settings()
    return DynamoMachineStore(dynamo(), config.need(Env.DIRECTORY_TABLE), config.need(Env.PRESENCE_TABLE))
