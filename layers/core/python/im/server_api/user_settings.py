"""Users' settings (server-api spec 2.1)."""

from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.setting.model import Setting
from im.wire.api import user_settings as wire


@endpoint("/admin/user/put_setting", wire.PutSetting)
def put_setting(services: Services, body: wire.PutSetting) -> None:
    """Put a setting of a user and tell his devices; an empty value clears it."""
    services.settings.put(body.userId, [Setting(body.scope, body.key, body.value)])


@endpoint("/admin/user/get_setting", wire.SettingName, wire.SettingOut, codes=(Code.NOT_EXIST,))
def get_setting(services: Services, body: wire.SettingName) -> wire.SettingOut:
    """One setting of a user."""
    found = services.settings.get(body.userId, body.scope, body.key)
    return wire.SettingOut(body.userId, found.scope, found.key, found.value)
