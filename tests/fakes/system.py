"""A deployment's settings in memory."""

from im.system.model import SystemSetting


class MemorySystemSettingStore:
    """``SystemSettingStore`` in a dictionary."""

    def __init__(self) -> None:
        self._settings: dict[int, SystemSetting] = {}

    def get(self, number: int) -> SystemSetting | None:
        return self._settings.get(number)

    def put(self, setting: SystemSetting, *, only_new: bool = False) -> None:
        old = self._settings.get(setting.id)
        if old is not None and only_new:
            return
        known = old or SystemSetting(setting.id)
        self._settings[setting.id] = SystemSetting(setting.id, setting.value or known.value, setting.desc or known.desc)
