"""The push decision: who is notified of what, and why not (client-semantics spec, section 8; satellites spec 1.6 to 1.8).

It falls in two steps. The function that delivers a message knows where the receivers are and nothing else of them: it picks
those who have a device without a socket that could be notified, and hands them to the topic in one go. The push function
reads their settings and decides for each device.
"""

import json
from collections.abc import Mapping
from enum import StrEnum

from im.delivery.model import FORBIDDEN, Device, Presence
from im.message.model import ConversationType
from im.push.alert import CALLS, WITHDRAWALS, Alert, Kind
from im.setting.model import PushPreferences
from im.settings import Switches

MAX_BADGE = 99_999
_DAY_MS = 86_400_000
RING_MS = 15_000
"""How long after a call began its invitation is worth sending: the caller does not wait longer for much more."""


COMPUTERS = frozenset({3, 4, 5, 7, 8, 9, 11, 12})
"""Platforms that keep a phone silent while they are online: web, computers and pads."""
_ENDED_ALONE = {ConversationType.SINGLE: (3, 11), ConversationType.GROUP: (9,)}
"""The end reasons of calls that nobody took: hung up or timed out on the caller's side, everybody has left."""


class Reason(StrEnum):
    """Why a device is not notified; also the value of the metric's and the log's dimension."""

    OWN = "own"
    NO_TOKEN = "no_token"  # noqa: S105  a name
    ONLINE = "online"
    EXPIRED = "expired"
    FORBIDDEN = "forbidden"
    CALL_TAKEN = "call_taken"
    LATE = "late"
    CONVERSATION_SILENT = "conversation_silent"
    SILENT = "silent"
    COMPUTER_ONLINE = "computer_online"
    CALLS_SILENT = "calls_silent"
    QUIET_HOURS = "quiet_hours"
    NOT_OWNER = "not_owner"
    NOT_SET_UP = "not_set_up"
    REPEATED = "repeated"
    NOTHING_SHOWN = "nothing_shown"
    DEAD_TOKEN = "dead_token"  # noqa: S105  a name
    REFUSED = "refused"


def candidates(alert: Alert, presences: Mapping[str, Presence], now_ms: int, switches: Switches) -> list[str]:
    """The users who may have to be notified, by where they are alone. No other settings are known here."""
    return [
        user
        for user, presence in presences.items()
        if any(device_reason(alert, presence, device, now_ms, switches) is None for device in presence.devices)
    ]


def device_reason(alert: Alert, presence: Presence, device: Device, now_ms: int, switches: Switches) -> Reason | None:
    """Why a device is not notified, by what is known of its user's whereabouts; None: it may be.

    The author's own devices are told of one thing only: that he took a call, so that they stop ringing. Nobody else has
    to know that.
    """
    if device.push is None:
        return Reason.NO_TOKEN
    if device.online:
        return Reason.ONLINE
    own = presence.user == alert.sender
    if own != (alert.kind == Kind.CALL_ANSWERED) or (own and device.client == alert.client):
        return Reason.OWN if own else Reason.CALL_TAKEN
    if presence.status == FORBIDDEN:
        return Reason.FORBIDDEN
    days = switches.push_expired_days
    if days and now_ms - device.since > days * _DAY_MS:
        return Reason.EXPIRED
    return None


def message_reason(alert: Alert, now_ms: int) -> Reason | None:
    """Why nobody is notified, whoever he is: a call that was answered or is over, an invitation that comes too late."""
    if alert.kind == Kind.CALL_INVITE and now_ms - alert.time > RING_MS:
        return Reason.LATE
    if alert.kind == Kind.CALL_ENDED and not _missed(alert):
        return Reason.CALL_TAKEN
    return None


def _missed(alert: Alert) -> bool:
    """Whether a call ended without having been taken, as far as the content says (satellites spec 1.7)."""
    if not alert.data:
        return True
    try:
        data = json.loads(alert.data)
    except ValueError:
        return False
    reason = data.get("r", 0) if isinstance(data, dict) else 0
    return reason in _ENDED_ALONE.get(ConversationType(alert.type), ())


def silence(
    alert: Alert, presence: Presence, preferences: PushPreferences, now_ms: int, switches: Switches
) -> Reason | None:
    """Which of a user's silences keeps a notification from him (client-semantics spec 8.1, steps 4 to 11).

    A mention breaks the silence of a conversation and no other. Calls ring through all of them but their own and the quiet
    hours. What was shown is taken back in silence, and friend requests know none.
    """
    kind, rules = alert.kind, preferences.rules
    if kind in WITHDRAWALS or kind == Kind.FRIEND_REQUEST:
        return None
    if kind in CALLS:
        if rules.voip_silent:
            return Reason.CALLS_SILENT
    else:
        if preferences.conversation_silent and not alert.mention_of(presence.user):
            return Reason.CONVERSATION_SILENT
        if rules.silent:
            return Reason.SILENT
        computer = any(device.online and device.platform in COMPUTERS for device in presence.devices)
        if computer and switches.silent_when_pc_online != rules.inverted:
            return Reason.COMPUTER_ONLINE
    return Reason.QUIET_HOURS if rules.is_quiet_at(now_ms) else None


def badge(seq: int, read: int) -> int:
    """How many messages of the conversation wait, by its cursors: never too few, and at least this one.

    Counted are places of the log behind what was read or cleared away. Recalls, notices and one's own messages from other
    devices have places as well, so the number may be too high by as many.
    """
    return max(1, min(seq - read, MAX_BADGE))
