"""The ``push`` route: where this device is notified while it has no socket."""

from typing import Annotated, Any

from msgspec import Meta

from im.delivery.model import PushAddress, Subscription
from im.routing import Answer, Call, Router
from im.wire import frames
from im.wiring.base import client_limiter
from im.wiring.push import push_devices

router = Router("push", client_limiter)

Token = Annotated[str, Meta(max_length=512)]
Key = Annotated[str, Meta(max_length=128)]


class KeysBody(frames.Strict, frozen=True):
    """The keys of a browser's subscription."""

    p256dh: Key
    auth: Key


class SubscriptionBody(frames.Strict, frozen=True):
    """A browser's subscription, as its ``toJSON()`` gives it."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=1_024)]
    keys: KeysBody
    expirationTime: int | None = None  # noqa: N815


class RegisterBody(frames.Strict, frozen=True):
    """A vendor's token and type, or a browser's subscription."""

    token: Token = ""
    pushType: Annotated[int, Meta(ge=0, le=65_535)] = 0  # noqa: N815
    packageName: Annotated[str, Meta(max_length=128)] = ""  # noqa: N815
    language: Annotated[str, Meta(max_length=35)] = ""
    subscription: SubscriptionBody | None = None


class EmptyBody(frames.Strict, frozen=True):
    """Nothing."""


class BadgeBody(frames.Strict, frozen=True):
    """The number that the device shows."""

    number: Annotated[int, Meta(ge=0, le=99_999)]


@router.op("register", RegisterBody)
def register(call: Call, body: RegisterBody) -> dict[str, Any]:
    """Notify this device at a token from now on."""
    browser = body.subscription
    subscription = Subscription(browser.endpoint, browser.keys.p256dh, browser.keys.auth) if browser else None
    upload = PushAddress(
        body.pushType, body.token, package=body.packageName, language=body.language, subscription=subscription
    )
    push_devices().register(call.user, call.client, call.platform, upload)
    return {}


@router.op("forget", EmptyBody)
def forget(call: Call, body: EmptyBody) -> dict[str, Any]:
    """Notify this device no more."""
    push_devices().forget(call.user, call.client)
    return {}


@router.op("badge", BadgeBody)
def badge(call: Call, body: BadgeBody) -> dict[str, Any]:
    """Note what number the device shows, before it goes to sleep."""
    push_devices().report_badge(call.user, call.client, body.number)
    return {}


@router.op("webPushKey", EmptyBody)
def web_push_key(call: Call, body: EmptyBody) -> dict[str, Any]:
    """The key that a browser subscribes with."""
    return {"key": push_devices().web_push_key()}


def handler(event: dict[str, Any], context: object) -> Answer:
    """Serve the route."""
    return router.handle(event)
