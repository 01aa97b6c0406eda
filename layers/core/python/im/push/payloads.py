"""Notifications in the vendors' own forms (satellites spec 1.9, 3.3, 3.5).

Vendors take 4 KB. What is too long loses the application's data first, which the message has as well, then the end of its
text.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from im.platform.sns import Attributes
from im.push.alert import CALLS, Kind
from im.push.notice import Notice, Text, text_of

MAX_BYTES = 4_000
"""Of a vendor's payload; what is missing to 4 KB is for what SNS adds."""
MESSAGE_TTL_S = 600
CALL_TTL_S = 60
_BODY = 400
_SHORT_BODY = 100
_encode = msgspec.json.Encoder().encode


class Payload(Struct, frozen=True):
    """A message for one platform endpoint: the text of SNS's JSON, and the attributes beside it."""

    message: str
    attributes: Attributes


def ttl_s(notice: Notice) -> int:
    """How long a notification is worth delivering, s."""
    return CALL_TTL_S if notice.alert.kind in CALLS else MESSAGE_TTL_S


def about(notice: Notice, *, data: bool = True) -> dict[str, Any]:
    """The object from which a client finds the conversation that was tapped, under Wildfire's names."""
    alert, names = notice.alert, notice.names
    found = {
        "sender": alert.sender,
        "senderName": names.sender,
        "senderPortrait": names.sender_portrait,
        "convType": alert.type,
        "convTarget": notice.target,
        "convLine": alert.line,
        "contType": alert.content,
        "pushMessageType": alert.kind,
        "messageUid": str(alert.subject or alert.uid) if alert.uid else "",
        "pushData": alert.data if data else "",
    }
    return {name: value for name, value in found.items() if value != ""}


def fitting(build: Callable[[Text, bool], Any], text: Text, limit: int = MAX_BYTES) -> str:
    """The JSON of what ``build`` makes of a text, with the application's data or without, so that it fits."""
    shortened = Text(text.title[:_SHORT_BODY], text.body[:_BODY])
    made = _encode(build(shortened, True))
    if len(made) > limit:
        made = _encode(build(shortened, False))
    if len(made) > limit:
        made = _encode(build(Text(text.title[:_SHORT_BODY], text.body[:_SHORT_BODY]), False))
    return made.decode()


def apns(notice: Notice, platform: str) -> Payload:
    """For iOS: an alert that replaces the one of the same slot.

    Args:
        notice: what to show.
        platform: ``APNS`` or ``APNS_SANDBOX``.
    """

    def build(text: Text, data: bool) -> dict[str, Any]:
        aps: dict[str, Any] = {
            "alert": {"title": text.title, "body": text.body},
            "badge": notice.badge,
            "thread-id": notice.thread,
            "mutable-content": 1,
        }
        if notice.rings:
            aps["sound"] = "ring.caf" if notice.alert.kind == Kind.CALL_INVITE else "default"
        return {"aps": aps, "wfc": about(notice, data=data)}

    return Payload(
        _structured(platform, fitting(build, text_of(notice))),
        {
            **_apns_attributes(platform, notice, "alert"),
            "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": ("String", notice.slot[:64]),
        },
    )


def apns_voip(notice: Notice, platform: str) -> Payload:
    """For iOS's PushKit, which wakes the application so that it rings by itself.

    Args:
        notice: a call.
        platform: ``APNS_VOIP`` or ``APNS_VOIP_SANDBOX``.
    """

    def build(text: Text, data: bool) -> dict[str, Any]:
        alert = {"title": text.title, "body": text.body}
        return {"aps": {"alert": alert}, "voip": True, "wfc": about(notice, data=data)}

    topic = {"AWS.SNS.MOBILE.APNS.TOPIC": ("String", f"{notice.address.package}.voip")}
    attributes = _apns_attributes(platform, notice, "voip")
    return Payload(
        _structured(platform, fitting(build, text_of(notice))),
        {**attributes, **(topic if notice.address.package else {})},
    )


def fcm(notice: Notice) -> Payload:
    """For Android: a notification, or of a call the data alone, which wakes the application."""
    is_call = notice.alert.kind in CALLS

    def build(text: Text, data: bool) -> dict[str, Any]:
        facts = {name: str(value) for name, value in about(notice, data=data).items()}
        android: dict[str, Any] = {"priority": "HIGH", "ttl": f"{ttl_s(notice)}s", "collapse_key": notice.slot}
        message: dict[str, Any] = {"data": facts, "android": android}
        if is_call:
            message["data"] = {**facts, "title": text.title, "body": text.body, "callStartUid": notice.slot}
        else:
            message["notification"] = {"title": text.title, "body": text.body}
            android["notification"] = {"tag": notice.slot, "notification_count": notice.badge}
        return {"fcmV1Message": {"validate_only": False, "message": message}}

    attributes = {"AWS.SNS.MOBILE.FCM.TTL": ("String", str(ttl_s(notice)))}
    return Payload(_structured("GCM", fitting(build, text_of(notice))), attributes)


def web(notice: Notice, limit: int) -> bytes:
    """For the service worker of a browser, which shows it: JSON of at most so many bytes."""

    def build(text: Text, data: bool) -> dict[str, Any]:
        return {
            "title": text.title,
            "body": text.body,
            "tag": notice.slot,
            "badge": notice.badge,
            "silent": not notice.rings,
            "wfc": about(notice, data=data),
        }

    return fitting(build, text_of(notice), limit).encode()


def _apns_attributes(platform: str, notice: Notice, kind: str) -> dict[str, tuple[str, str]]:
    """SNS takes the headers under the prefix of production for the sandbox as well, but the time to live under each."""
    return {
        f"AWS.SNS.MOBILE.{platform}.TTL": ("String", str(ttl_s(notice))),
        "AWS.SNS.MOBILE.APNS.PUSH_TYPE": ("String", kind),
        "AWS.SNS.MOBILE.APNS.PRIORITY": ("String", "10"),
    }


def _structured(platform: str, payload: str) -> str:
    return _encode({"default": "", platform: payload}).decode()
