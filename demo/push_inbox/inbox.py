"""What has been notified, newest last, and how a phone would show it."""

import time
from collections import deque
from collections.abc import Mapping
from threading import Condition
from typing import Any

KEPT = 200
"""Notifications that are kept; older ones are forgotten."""
_SAID = {
    1: "Incoming call",
    2: "Call ended",
    4: "Answered on another device",
    5: "Message recalled",
    6: "Message deleted",
}
_GROUP = 1


class Inbox:
    """The notifications of all phones. One of the same phone and message replaces the one before."""

    def __init__(self) -> None:
        self._notices: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = Condition()
        self._number = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Keep a notification, as the IM server sends it."""
        notice = shown(message)
        with self._changed:
            self._number += 1
            notice["number"] = self._number
            slot = notice["user"], notice["slot"]
            kept = [each for each in self._notices if not slot[1] or (each["user"], each["slot"]) != slot]
            self._notices = deque([*kept, notice], maxlen=KEPT)
            self._changed.notify_all()

    def since(self, number: int, wait_s: float = 0.0) -> dict[str, Any]:
        """What there is, as soon as it is newer than what ``number`` stands for, or when the wait is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != number, wait_s)
            return {"number": self._number, "notices": list(self._notices)}


def shown(message: Mapping[str, Any]) -> dict[str, Any]:
    """Title and text by the rules of Wildfire's push server, and what the page wants to know besides."""
    kind, sender = message.get("pushMessageType", 0), message.get("senderName") or message.get("sender", "")
    in_group = message.get("convType") == _GROUP
    text = _SAID.get(kind) or message.get("pushContent", "")
    title = (message.get("targetName") or "Group chat") if in_group else sender
    if kind == 3:
        title = f"{sender} wants to be your friend"
    elif in_group and message.get("mentionedType"):
        text = f"{sender} mentioned {'you' if message['mentionedType'] == 1 else 'everyone'}"
    elif message.get("isHiddenDetail") and not kind:
        text = "You have a new message"
    elif in_group and kind < 5:
        text = f"{sender}: {text}"
    return {
        "user": message.get("userId", ""),
        "title": title,
        "text": text,
        "kind": kind,
        "slot": str(message.get("callStartUid") or message.get("messageId") or ""),
        "badge": message.get("unReceivedMsg", 0) + message.get("existBadgeNumber", 0),
        "app": message.get("packageName", ""),
        "at": int(time.time() * 1000),
        "message": dict(message),
    }
