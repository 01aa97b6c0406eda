"""By which way a device is notified: a platform endpoint of SNS, a browser's push service, a Wildfire push server."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from im.delivery.model import Device
from im.push.alert import Kind
from im.push.devices import IOS, VOIP, WEB_PUSH, digest
from im.push.model import Reason
from im.settings import Switches

ANDROID = frozenset({2, 9})
HARMONY = frozenset({10, 11})
FCM = 6
_APNS_TYPES = 3
"""Push types of iOS below this are Apple's own, and 1 is its sandbox."""
_SANDBOX = 1
ANY_PACKAGE = "*"

Applications = Mapping[str, Mapping[str, str]]
"""ARNs of SNS platform applications by package and platform; package ``*`` is for those that are not named."""


class Carrier(StrEnum):
    """Who carries a notification."""

    SNS = "sns"
    WEB = "web"
    SERVER = "server"


class Way(Struct, frozen=True):
    """A way to a device.

    Attributes:
        carrier: who carries it.
        address: the platform application's ARN, the browser's endpoint, or the push server's URL.
        token: what it is sent to.
        digest: the token's name.
        platform: SNS's name of the platform.
    """

    carrier: Carrier
    address: str
    token: str
    digest: str
    platform: str = ""


def applications_from_json(text: str) -> Applications:
    """The platform applications as the stacks hand them over."""
    return msgspec.json.decode(text, type=dict[str, dict[str, str]])


class Ways:
    """Chooses ways.

    Args:
        applications: what SNS can send to.
        switches: the push servers' addresses.
        web_push: whether browsers can be sent to.
    """

    def __init__(self, applications: Applications, switches: Switches, *, web_push: bool) -> None:
        self._applications = applications
        self._web_push = web_push
        self._servers = {
            **dict.fromkeys(IOS, switches.push_ios),
            **dict.fromkeys(ANDROID, switches.push_android),
            **dict.fromkeys(HARMONY, switches.push_harmony or switches.push_android),
        }

    def choose(self, kind: int, device: Device) -> Way | Reason:
        """The way of an alert of this kind to a device that has an address; or why there is none.

        Where SNS has an application for the device it is taken, else the push server of its platform.
        """
        address = device.push
        if address is None:
            return Reason.NO_TOKEN
        if address.subscription:
            if not self._web_push:
                return Reason.NOT_SET_UP
            endpoint = address.subscription.endpoint
            return Way(Carrier.WEB, endpoint, endpoint, digest(WEB_PUSH, address.package, endpoint))
        platforms = self._applications.get(address.package) or self._applications.get(ANY_PACKAGE, {})
        sandbox = "_SANDBOX" if address.type == _SANDBOX else ""
        if device.platform in IOS and address.type < _APNS_TYPES:
            application = platforms.get(f"APNS_VOIP{sandbox}")
            if kind == Kind.CALL_INVITE and address.voip and application:
                name = digest(VOIP, address.package, address.voip)
                return Way(Carrier.SNS, application, address.voip, name, f"APNS_VOIP{sandbox}")
            platform = f"APNS{sandbox}"
        else:
            platform = "GCM" if device.platform in ANDROID and address.type == FCM else ""
        if not address.token:
            return Reason.NO_TOKEN
        name = digest(address.type, address.package, address.token)
        if platform in platforms:
            return Way(Carrier.SNS, platforms[platform], address.token, name, platform)
        server = self._servers.get(device.platform, "")
        return Way(Carrier.SERVER, server, address.token, name) if server else Reason.NOT_SET_UP
