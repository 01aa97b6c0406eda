"""Where this device is notified while it has no connection."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Notifications:
    """Offline notifications of this device. Every method raises ChatError when the server refuses it or there is no link.

    Register at every start of the application: a token belongs to one session, and vendors change it now and then.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    async def register(self, token: str, push_type: int, *, package: str = "", language: str = "") -> None:
        """Notify this device at a vendor's token.

        Args:
            push_type: Wildfire's number of the vendor, on iOS 0 (distribution), 1 (development) or 2 (a PushKit token).
            package: package name or bundle id of the application.
            language: of the device, such as "zh-CN".
        """
        body = {"token": token, "pushType": push_type, "packageName": package, "language": language}
        await self._call("push", "register", body)

    async def register_browser(self, subscription: Mapping[str, Any], *, language: str = "") -> None:
        """Notify this browser; the subscription is what its `toJSON()` gives."""
        await self._call("push", "register", {"subscription": dict(subscription), "language": language})

    async def forget(self) -> None:
        """Notify this device no more, while its session goes on."""
        await self._call("push", "forget", {})

    async def report_badge(self, number: int) -> None:
        """Say what number the application shows when it goes to sleep; notifications count on from there."""
        await self._call("push", "badge", {"number": number})

    async def web_push_key(self) -> str:
        """The key that a browser subscribes with, `applicationServerKey`."""
        return str((await self._call("push", "webPushKey", {}))["key"])
