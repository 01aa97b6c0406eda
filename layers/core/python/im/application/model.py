"""Auth codes: a user's permission that an application learns who he is (client-semantics spec 1, ATR).

A web page of a robot, of a channel or of the app server is opened inside a client. The client asks for a code, the page hands
it to its own server, and that one asks the server API for the user behind it.
"""

from enum import IntEnum
from urllib.parse import urlsplit

from msgspec import Struct

CODE_LIFE_MS = 60_000


class Kind(IntEnum):
    """What an application is."""

    ROBOT = 0
    CHANNEL = 1
    BACK_END = 2


class Application(Struct, frozen=True):
    """Who asks for users.

    Attributes:
        kind: what it is.
        id: of the robot or the channel; empty for the app server.
    """

    kind: int
    id: str = ""


class Permission(Struct, frozen=True):
    """What stands behind a code: whose it is, for whom, and until when, ms."""

    user: str
    application: Application
    until: int


def host_of(url: str) -> str:
    """The host of an address in small letters; empty when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
