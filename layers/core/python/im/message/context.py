"""What the rules of a send, and its delivery, are decided on."""

from collections.abc import Mapping

from msgspec import Struct

from im.channel.model import Channel
from im.delivery.model import Presence
from im.group.model import GroupInfo, GroupMember
from im.message.model import Message, Row


class Context(Struct, frozen=True):
    """What one batch read says of a send: all eventually consistent, all in one round trip.

    Attributes:
        read_at: when, ms.
        presences: of the sender and, in a single chat or a channel's dialog, the other side, as far as it was known.
        base: the slot that the sender named as the last one he knows.
        own_row, peer_row: of a single chat or a dialog, each side's row.
        standing: the other side's row of the chat's line 0, where his blacklist and his friends are noted.
        info, member: the group, and the sender as its member.
        channel: the channel.
        listens: whether the user of a channel's dialog, or else the sender, subscribes to it.
    """

    read_at: int
    presences: Mapping[str, Presence]
    base: Message | None = None
    own_row: Row | None = None
    peer_row: Row | None = None
    standing: Row | None = None
    info: GroupInfo | None = None
    member: GroupMember | None = None
    channel: Channel | None = None
    listens: bool = False
