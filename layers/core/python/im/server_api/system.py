"""The deployment as a whole (server-api spec 2.7)."""

from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import system as wire

CUSTOMER = "wildfire-serverless"
"""Wildfire's paid edition names its licensee here; SDKs want a text."""


@endpoint("/admin/system/get_setting", wire.SettingRef, wire.SettingOut, codes=(Code.NOT_EXIST,))
def get_system_setting(services: Services, body: wire.SettingRef) -> wire.SettingOut:
    """A setting of the deployment."""
    return wire.SettingOut.of(services.system.get(body.id))


@endpoint("/admin/system/put_setting", wire.PutSetting)
def put_system_setting(services: Services, body: wire.PutSetting) -> None:
    """Write a setting of the deployment; what is empty stays as it was."""
    services.system.put(body.model())


@endpoint("/admin/customer", None, str)
def get_customer(services: Services, _: None) -> str:
    """Who runs this: always the product's name, there are no licences."""
    return CUSTOMER
