"""Users' settings (server-api spec 2.1)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.setting.model import MAX_KEY, MAX_SCOPE, MAX_VALUE
from im.wire.api.fields import Id, Int

# ruff: noqa: N815  the members' names are Wildfire's

Scope = Annotated[int, Meta(ge=0, le=MAX_SCOPE)]
Key = Annotated[str, Meta(max_length=MAX_KEY)]


class SettingName(Struct, frozen=True):
    """A user's setting by scope and key."""

    userId: Id
    scope: Scope
    key: Key = ""


class PutSetting(Struct, frozen=True):
    """``/admin/user/put_setting``; without a value the setting is cleared."""

    userId: Id
    scope: Scope
    key: Key = ""
    value: Annotated[str, Meta(max_length=MAX_VALUE)] = ""


class SettingOut(Struct, frozen=True):
    """A setting."""

    userId: str
    scope: Int
    key: str
    value: str
