"""Users' settings."""

from functools import cache

from im.platform import clock
from im.setting.service import SettingService
from im.setting.store import DynamoSettingStore
from im.settings import Env
from im.wiring.base import dynamo, presence, settings
from im.wiring.delivery import changes
from im.wiring.presence import presence_service


@cache
def setting_store() -> DynamoSettingStore:
    """The settings as they are stored."""
    return DynamoSettingStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def setting_service() -> SettingService:
    """Puts settings and tells the user's devices."""
    return SettingService(setting_store(), changes(), presence(), clock.now_ms, presence_service())
