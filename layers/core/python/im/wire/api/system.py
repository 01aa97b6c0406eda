"""Settings of a deployment (server-api spec 2.7)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.system.model import SystemSetting
from im.wire.api.fields import Int

Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class SettingRef(Struct, frozen=True):
    """A setting's number."""

    id: Number


class PutSetting(Struct, frozen=True):
    """``/admin/system/put_setting``."""

    id: Number
    value: str = ""
    desc: str = ""

    def model(self) -> SystemSetting:
        """The same as the domain knows it."""
        return SystemSetting(self.id, self.value, self.desc)


class SettingOut(Struct, frozen=True):
    """A setting; its number in both spellings."""

    id: Int
    key: Int
    value: str
    desc: str

    @classmethod
    def of(cls, setting: SystemSetting) -> "SettingOut":
        """The wire form of a setting."""
        return cls(setting.id, setting.id, setting.value, setting.desc)
