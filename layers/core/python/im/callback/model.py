"""Callbacks to the business back end: what they are about, where they go, and when an attempt is worth making."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from im.settings import Switches

OPEN_AFTER = 5
"""Failures in a row after which a destination is left alone."""
FIRST_REST_MS = 5_000
LONGEST_WAIT_MS = 300_000
"""Neither a resting destination nor a waiting message is left alone for longer: so long does a recovered back end wait."""
MAX_AGE_S = 259_200
"""What is put off for longer may be received more often than the queue allows, or outlive it."""
HOPELESS_ATTEMPTS = 4
"""Attempts for a message that its receiver finds fault with, while he takes others."""
_LATER = frozenset({401, 403, 404, 408, 425, 429})
"""Answers that speak of the receiver or its address, not of what it was sent."""


class Event(StrEnum):
    """What a callback is about. The value is the configuration key of its address."""

    FORWARD = "message.forward.url"
    MENTION = "message.mentionmsg.forward.url"
    RECALL = "message.recallmsg.forward.url"
    SENSITIVE = "message.sensitive.forward.url"
    READ = "im.message_read_callback"
    ONLINE = "user.online_status_callback"
    USER = "user.user_info_update_callback"
    RELATION = "relation.relation_update_callback"
    GROUP = "group.group_info_update_callback"
    MEMBER = "group.group_member_update_callback"
    CHANNEL = "channel.channel_info_update_callback"
    ROOM = "chatroom.chatroom_info_update_callback"
    VISITOR = "chatroom.chatroom_member_update_callback"


_FIELDS: Mapping[Event, str] = {
    Event(key): field
    for key, field in zip(Switches.__struct_encode_fields__, Switches.__struct_fields__, strict=True)
    if key in list(Event)
}


def url_of(event: Event, switches: Switches) -> str:
    """Where callbacks of a kind go; empty: nowhere."""
    url: str = getattr(switches, _FIELDS[event])
    return url


def is_configured(switches: Switches) -> bool:
    """Whether any callback is."""
    return any(url_of(event, switches) for event in Event)


class Task(Struct, frozen=True):
    """One callback as it travels through the queue.

    Attributes:
        event: the configuration key of its address, which is looked up when it is delivered: an address that is mended
            serves those that wait, and what is in the queue cannot send us anywhere.
        id: names it to the receiver, the same on each attempt, and to the queue, which drops its repetition.
        group: callbacks of one group keep their order (``order_of``).
        body: its JSON.
    """

    event: Event
    id: str
    group: str
    body: msgspec.Raw


_decode = msgspec.json.Decoder(Task).decode


def task_from_body(body: str) -> Task:
    """The task in a queue message's body."""
    return _decode(body)


def destination_of(url: str) -> str:
    """Whose health decides about attempts: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def order_of(url: str, subject: str) -> str:
    """What must arrive in order: all that concerns one subject (a conversation, a user, a group) at one destination."""
    return f"{destination_of(url)} {subject}"


class Circuit(Struct, frozen=True):
    """What is known of a destination that failed. None is known of one that answers.

    Attributes:
        failures: in a row, over all environments that saw one.
        until: it is left alone until then, ms; 0 while it is not.
        rest: how long the present rest is, ms.
    """

    failures: int = 0
    until: int = 0
    rest: int = 0


def after_failure(circuit: Circuit, now_ms: int) -> Circuit:
    """A destination's circuit after one more failure: the rest doubles each time that a trial after it fails."""
    failures = circuit.failures + 1
    if failures < OPEN_AFTER or now_ms < circuit.until:
        return Circuit(failures, circuit.until, circuit.rest)
    rest = min(max(2 * circuit.rest, FIRST_REST_MS), LONGEST_WAIT_MS)
    return Circuit(failures, now_ms + rest, rest)


def is_hopeless(status: int | None, attempts: int) -> bool:
    """Whether a receiver has refused this very message often enough: it would only hold up those behind it."""
    faulty = status is not None and 400 <= status < 500 and status not in _LATER
    return faulty and attempts >= HOPELESS_ATTEMPTS


def blames_receiver(status: int | None) -> bool:
    """Whether a failure says that the destination is ill, so that other messages need not be tried."""
    return status is None or status >= 500 or status == 429


def wait_ms(attempts: int, chance: float, asked_s: float = 0.0) -> int:
    """How long to wait after a failure: exponential, with up to a half taken off at random.

    Args:
        attempts: how often it was received, 1 and up.
        chance: 0 to 1.
        asked_s: how long the receiver asked to be left alone.
    """
    full = min(LONGEST_WAIT_MS, 1_000 * 2 ** min(attempts - 1, 20))
    return int(max(full * (1 - chance / 2), min(asked_s * 1000, LONGEST_WAIT_MS)))


def numbers(text: str) -> tuple[range, ...]:
    """Content types as Wildfire's configuration lists them: ``1,5-10,90``.

    Raises:
        ValueError: it is no such list.
    """
    ranges = []
    for part in text.split(","):
        if part.strip():
            first, _, last = part.strip().partition("-")
            ranges.append(range(int(first), int(last or first) + 1))
    return tuple(ranges)


def holds(ranges: Sequence[range], number: int) -> bool:
    """Whether a number is in one of the ranges."""
    return any(number in each for each in ranges)
