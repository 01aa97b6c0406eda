"""Settings of a whole deployment, which administrators' programs keep here (server-api spec 2.7)."""

from msgspec import Struct

from im.errors import InvalidError

MAX_VALUE = 4_096
MAX_DESC = 1_024


class SystemSetting(Struct, frozen=True):
    """A setting by its number; Wildfire's own are 1, the default size of groups, and 2, names that users may not have.

    They are kept for whoever reads them. This system's own behaviour follows its switches, not these.
    """

    id: int
    value: str = ""
    desc: str = ""


SEEDS = (SystemSetting(1, "3000", "最大群成员数量"),)
"""What every deployment has from its first day, because the SDKs' programs rely on it (server-api spec 2.0)."""


def check_setting(setting: SystemSetting) -> SystemSetting:
    """A setting that can be put.

    Raises:
        InvalidError: neither value nor description, or one is too long.
    """
    if not setting.value and not setting.desc:
        raise InvalidError("value or desc must be given")
    if len(setting.value) > MAX_VALUE:
        raise InvalidError(f"value may have {MAX_VALUE} characters")
    if len(setting.desc) > MAX_DESC:
        raise InvalidError(f"desc may have {MAX_DESC} characters")
    return setting
