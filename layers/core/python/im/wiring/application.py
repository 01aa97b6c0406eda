"""Auth codes of applications."""

from functools import cache

from im.application.service import ApplicationService
from im.application.store import DynamoPermissionStore
from im.platform import clock
from im.settings import Env
from im.wiring.base import channels, dynamo, settings
from im.wiring.machine import machines


@cache
def application_service() -> ApplicationService:
    """Auth codes."""
    config = settings()
    return ApplicationService(
        DynamoPermissionStore(dynamo(), config.need(Env.EPHEMERA_TABLE)),
        machines(),
        channels(),
        config.switches.auth_code_hosts.split(","),
        clock.now_ms,
    )
