"""Reading and writing a deployment's settings (server-api spec 2.7)."""

from im.errors import Code, ImError
from im.settings import Switches
from im.system.model import SEEDS, SystemSetting, check_setting
from im.system.store import SystemSettingStore


class SystemService:
    """The use cases of a deployment's settings.

    Args:
        store: the settings.
        switches: the deployment's behaviour.
    """

    def __init__(self, store: SystemSettingStore, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self._seeded = False

    def ensure_seeds(self) -> None:
        """Make the settings of a fresh deployment, unless the switch forbids it. Every process looks once."""
        if self._seeded or not self._switches.seed_demo_objects:
            return
        for seed in SEEDS:
            if self._store.get(seed.id) is None:
                self._store.put(seed, only_new=True)
        self._seeded = True

    def get(self, number: int) -> SystemSetting:
        """A setting.

        Raises:
            ImError: 253.
        """
        found = self._store.get(number)
        if found is None:
            raise ImError(Code.NOT_EXIST)
        return found

    def put(self, setting: SystemSetting) -> None:
        """Write a setting in one go; what is empty stays as it was.

        Raises:
            InvalidError: neither value nor description, or one is too long.
        """
        self._store.put(check_setting(setting))
