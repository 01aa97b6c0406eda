"""How far messages have reached users and were read (server-api spec 2.2)."""

from msgspec import Struct

from im.wire.api.codec import also_named
from im.wire.api.fields import Id, Int, Line

# ruff: noqa: N815  the members' names are Wildfire's


@also_named(type="conversationType")
class ReadQuery(Struct, frozen=True):
    """``/admin/message/conv_read``: a user, and a conversation as he names it."""

    userId: Id
    target: Id
    conversationType: Int = 0
    line: Line = 0


class DeliveryQuery(Struct, frozen=True):
    """``/admin/message/delivery``."""

    userId: Id


class Until(Struct, frozen=True):
    """A point in time, ms."""

    timestamp: int
