"""Channels: what they are, and the rules that need no storage (client-semantics spec 7.2; server-api spec 2.10, 2.11).

A channel has two kinds of conversations. What it says to its subscribers is one log that they all share. What one user and
the channel say to each other is a log of their own, a *dialog*, whose target names both (``keys.dialog``). So nobody's list
of what is new, and nobody's reading, has to step over what others have to say to the channel.
"""

import unicodedata
from enum import IntEnum, IntFlag

import msgspec
from msgspec import Struct

from im import keys
from im.errors import Code, ImError, InvalidError
from im.message.model import check_id

MAX_NAME = 64
MAX_URL = 1_024
"""Characters of a portrait's or a callback's address."""
MAX_TEXT = 1_024
"""Characters of a description or an extra: the whole item is read with each message."""
MAX_SECRET = 128
MAX_MENUS_BYTES = 4_096
"""All menus as JSON."""
MAX_LINES = 32
"""How many lines a channel may speak on."""
MAX_CHANNELS = 1_000
"""How many channels a user may own or listen to: a ``hello`` looks at each of them."""
MAX_BATCH = 200
"""Users whom one call subscribes."""
MAX_SHOWN = 100
"""Channels that a client asks for at once."""
SEARCH_PAGE = 20
MAX_SEARCH_PAGE = 9
SCANNED = 400
"""Entries of the index of names that one search looks at."""
MAX_LISTED = 30_000
"""Subscribers that one answer of the server API can list: it may have 6 MB."""
_INDEXED = 24
_SERVICE = 1


class State(IntFlag):
    """What a channel is and may do (server-api spec 4.9)."""

    FULL_USER_INFO = 0x01
    ASK_STRANGERS = 0x02
    SUBSCRIBE_USERS = 0x04
    MESSAGE_STRANGERS = 0x08
    PRIVATE = 0x10
    DELETED = 0x40
    GLOBAL = 0x80


class Field(IntEnum):
    """What can be changed of a channel (client-semantics spec 0.2, ModifyChannelInfoType)."""

    NAME = 0
    PORTRAIT = 1
    DESC = 2
    EXTRA = 3
    SECRET = 4
    CALLBACK = 5
    AUTOMATIC = 6
    MENU = 7


class SubMenu(Struct, frozen=True):
    """An entry of a menu's menu, under Wildfire's names (server-api spec 2.0)."""

    menuId: str = ""  # noqa: N815  Wildfire's names
    type: str = ""
    name: str = ""
    key: str = ""
    url: str = ""
    mediaId: str = ""  # noqa: N815
    articleId: str = ""  # noqa: N815
    appId: str = ""  # noqa: N815
    appPage: str = ""  # noqa: N815
    extra: str = ""


class Menu(SubMenu, frozen=True):
    """An entry of a channel's menu; a menu has two levels."""

    subMenus: tuple[SubMenu, ...] = ()  # noqa: N815


_encode = msgspec.json.Encoder().encode
_decode_menus = msgspec.json.Decoder(tuple[Menu, ...]).decode


def menus_to_json(menus: tuple[Menu, ...]) -> str:
    """Menus as they are stored."""
    return _encode(menus).decode() if menus else ""


def menus_from_json(text: str) -> tuple[Menu, ...]:
    """Menus that ``menus_to_json`` wrote, or that somebody else did.

    Raises:
        InvalidError: it is no JSON array of menus.
    """
    if not text:
        return ()
    try:
        return _decode_menus(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidError(f"menus: {error}") from None


class Channel(Struct, frozen=True):
    """A channel.

    Attributes:
        id: the channel id.
        owner: in whose name it speaks.
        state: see ``State``.
        secret: signs the calls of its service, and our calls of it.
        callback: where its service listens.
        automatic: 1: what users write goes to the service instead of the owner.
        menus: shown under the conversation.
        created, update_dt: ms.
        activity: the minute of the last stamp.
        lines: the lines that it has spoken on.
    """

    id: str
    name: str = ""
    owner: str = ""
    portrait: str = ""
    desc: str = ""
    extra: str = ""
    state: int = 0
    secret: str = ""
    callback: str = ""
    automatic: int = 0
    menus: tuple[Menu, ...] = ()
    created: int = 0
    update_dt: int = 0
    activity: int = 0
    lines: tuple[int, ...] = (0,)

    def has(self, bit: State) -> bool:
        """Whether a bit of its state is set."""
        return bool(self.state & bit)

    @property
    def deleted(self) -> bool:
        """Whether it was destroyed; the record stays."""
        return self.has(State.DELETED)

    @property
    def served(self) -> bool:
        """Whether a service hears what users write, instead of the owner."""
        return self.automatic == _SERVICE and bool(self.callback) and not self.deleted

    @property
    def open_to_all(self) -> bool:
        """Whether it exchanges messages with users who do not subscribe."""
        return self.has(State.GLOBAL) or self.has(State.MESSAGE_STRANGERS)


def check_channel_id(value: str) -> str:
    """The id of a channel: as any other, but it must not hold what separates the parts of a dialog's name.

    Raises:
        InvalidError: it does, or it is no id.
    """
    if keys.is_dialog(check_id(value, "channelId")):
        raise InvalidError("channelId must not hold a vertical bar")
    return value


def check_channel(channel: Channel) -> Channel:
    """A channel that can be stored.

    Raises:
        InvalidError: a member is out of its limits.
    """
    check_channel_id(channel.id)
    check_id(channel.owner, "owner")
    if not 1 <= len(channel.name.strip()) <= MAX_NAME:
        raise InvalidError(f"name must have 1 to {MAX_NAME} characters")
    limits = {"portrait": MAX_URL, "callback": MAX_URL, "desc": MAX_TEXT, "extra": MAX_TEXT, "secret": MAX_SECRET}
    for name, limit in limits.items():
        if len(getattr(channel, name)) > limit:
            raise InvalidError(f"{name} may have {limit} characters")
    if channel.automatic not in (0, _SERVICE):
        raise InvalidError("automatic must be 0 or 1")
    if not 0 <= channel.state <= 0xFF:
        raise InvalidError("state must be 0 to 255")
    if len(menus_to_json(channel.menus).encode()) > MAX_MENUS_BYTES:
        raise InvalidError(f"menus may have {MAX_MENUS_BYTES} bytes")
    return channel


def changed(channel: Channel, field: int, value: str) -> Channel | None:
    """The channel with another value of one field; None for a field that does not exist, which changes nothing.

    Raises:
        InvalidError: the value is not acceptable.
    """
    if field not in Field._value2member_map_:
        return None
    change: dict[str, object]
    match Field(field):
        case Field.MENU:
            change = {"menus": menus_from_json(value)}
        case Field.AUTOMATIC:
            if value not in ("0", "1"):
                raise InvalidError("value must be 0 or 1")
            change = {"automatic": int(value)}
        case named:
            change = {named.name.lower(): value}
    return check_channel(msgspec.structs.replace(channel, **change))


def check_may_talk(channel: Channel | None, sender: str, user: str, *, listens: bool) -> Channel:
    """Whether a message may be sent in one of a channel's conversations (client-semantics spec 3.5, 7).

    Args:
        channel: the channel.
        sender: who sends.
        user: the user of a dialog; empty for what goes to all.
        listens: whether the user of the dialog subscribes.

    Raises:
        ImError: 21, there is no such channel, it was destroyed, or it does not talk with this user; 248, only the channel
            itself speaks to all.
    """
    if channel is None or channel.deleted:
        raise ImError(Code.NOT_IN_CHANNEL)
    if not user:
        if sender != channel.owner:
            raise ImError(Code.NOT_RIGHT, "only its owner speaks to all; write to your own dialog with the channel")
    elif sender not in (channel.owner, user) or not (listens or channel.open_to_all):
        raise ImError(Code.NOT_IN_CHANNEL)
    return channel


def folded(text: str) -> str:
    """A text as names are compared: without regard to case and width."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def endings(channel: Channel | None) -> frozenset[str]:
    """The texts under which a channel is found: the endings of its name, cut. None of one that is not public (7.2, CHS)."""
    if channel is None or channel.state:
        return frozenset()
    name = folded(channel.name)[:_INDEXED]
    return frozenset(name[start:] for start in range(len(name)) if not name[start].isspace())
