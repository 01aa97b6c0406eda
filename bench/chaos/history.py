"""What happened in a run: events in the order of their observation, and the logs as they are at the end.

A *log* is named by the runner; a *device* is a client with a store of its own; a *body* is a text that is sent once only,
so it identifies a message through resends, restarts and whatever a broken build makes of it. Notices of the server have
no body ("").
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Began:
    """From here on this class of faults is at work; what is sent from now on is counted for it."""

    fault: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A device's application has asked for a message to be sent."""

    device: str
    log: str
    body: str


@dataclass(frozen=True, slots=True)
class Acked:
    """The sender was told that his message is stored at ``seq``."""

    log: str
    body: str
    seq: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The sender was told that his message is refused for good."""

    log: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A device's application was told of a message."""

    device: str
    log: str
    seq: int
    body: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A frame with a message has reached a device's socket."""

    device: str
    log: str
    seq: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """A device comes back after a kill, with its store; at most ``REPLAYED`` deliveries may be repeated to it."""

    device: str


@dataclass(frozen=True, slots=True)
class Removing:
    """A user is about to be removed from a group. One removal ends before the next change of the same membership."""

    user: str
    log: str


@dataclass(frozen=True, slots=True)
class Adding:
    """A removed user is about to be added again."""

    user: str
    log: str


@dataclass(frozen=True, slots=True)
class Due:
    """What was sent to these logs before must have been delivered by now; None means all logs."""

    logs: frozenset[str] | None = None


Event = Began | Sent | Acked | Refused | Delivered | Pushed | Restarted | Removing | Adding | Due

REPLAYED = 10
"""Deliveries that the client hands out before it notes them as done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of a log at the end of the run; ``joined`` and ``left`` are the users whom a notice names."""

    seq: int
    sender: str
    body: str = ""
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """A whole run.

    Attributes:
        events: what was observed, in order.
        logs: the final logs, read from the server.
        members: who could read each log in the beginning.
        devices: device -> user. Senders that are not devices have no expectations of their own.
        start: the last seq of each log before the run; the devices take it for history and not for news.
    """

    events: tuple[Event, ...]
    logs: Mapping[str, tuple[Entry, ...]]
    members: Mapping[str, tuple[str, ...]]
    devices: Mapping[str, str]
    start: Mapping[str, int]
