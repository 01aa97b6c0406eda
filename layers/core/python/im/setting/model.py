"""Users' settings: what each scope of Wildfire's is about, and which of them the server itself goes by.

A setting is a text under a scope and a key; the last write wins, and an empty text means that it is cleared
(client-semantics spec 5.5). Scopes that are not in the table, applications' own (1000 and up) among them, are kept as they
come, within the same limits.
"""

from collections.abc import Iterable
from enum import Enum, IntEnum

from msgspec import Struct
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.message.model import MAX_ID_LENGTH, MAX_TARGET_LENGTH, Conversation, ConversationType

MAX_KEY = 128
MAX_VALUE = 4_096
MAX_SCOPE = 2**31 - 1
MAX_BATCH = 20
"""Settings that one request may put: they are stored in one transaction, with a conversation row each at the most."""
MAX_SETTINGS = 5_000
"""Settings of a user, cleared ones included: a device reads them all when one has changed."""
CLEARED_MS = 30 * 86_400_000
"""How long a cleared setting is kept at least, for devices that have not learned of it. Older ones go when room is needed."""
_WITH_ROWS = (ConversationType.SINGLE, ConversationType.GROUP, ConversationType.CHANNEL)
_DAY_MINUTES = 1_440
_ON = "1"


class Scope(IntEnum):
    """What a setting is about (client-semantics spec 5.5; server-api spec 4.12)."""

    CONVERSATION_SILENT = 1
    GLOBAL_SILENT = 2
    CONVERSATION_TOP = 3
    HIDE_DETAIL = 4
    HIDE_MEMBER_NAMES = 5
    FAVOURITE_GROUP = 6
    CONVERSATION_SYNC = 7
    MY_CHANNELS = 8
    LISTENED_CHANNELS = 9
    PC_ONLINE = 10
    CONVERSATION_READ = 11
    WEB_ONLINE = 12
    DISABLE_RECEIPT = 13
    FAVOURITE_USER = 14
    MUTE_WHEN_PC_ONLINE = 15
    LINES_READ = 16
    NO_DISTURB = 17
    CONVERSATION_CLEARED = 18
    DRAFT = 19
    DISABLE_DRAFT_SYNC = 20
    VOIP_SILENT = 21
    CUSTOM_STATE = 23
    DISABLE_SECRET_CHAT = 24
    PTT_SILENT = 25
    GROUP_REMARK = 26
    PRIVACY = 27
    ADD_FRIEND_FREELY = 28
    BADGE = 29
    PC_LOCKED = 30


class Key(Enum):
    """What the key of a scope names; the value says it for the documentation."""

    NONE = "empty"
    CONVERSATION = "type-line-target"
    GROUP = "group id"
    USER = "user id"
    CHANNEL = "channel id"
    CLIENT = "client id"
    ANY = "any"


class Value(Enum):
    """What a scope's value is; the value of this says it for the documentation."""

    SWITCH = "`0` or `1`"
    NUMBER = "decimal number"
    PERIOD = "`START\\|END`, minutes of the UTC day"
    TEXT = "text"


class Rule(Struct, frozen=True):
    """What is known of a scope.

    Attributes:
        key, value: their shapes.
        used: what the server itself does with it; empty: nothing, it only syncs.
        by_server: only the server writes it.
    """

    key: Key
    value: Value
    used: str = ""
    by_server: bool = False


RULES: dict[Scope, Rule] = {
    Scope.CONVERSATION_SILENT: Rule(Key.CONVERSATION, Value.SWITCH, "no notifications; `silent` in hello"),
    Scope.GLOBAL_SILENT: Rule(Key.NONE, Value.SWITCH, "no notifications at all"),
    Scope.CONVERSATION_TOP: Rule(Key.CONVERSATION, Value.NUMBER, "`top` in hello"),
    Scope.HIDE_DETAIL: Rule(Key.NONE, Value.SWITCH, "notifications do not show what was written"),
    Scope.HIDE_MEMBER_NAMES: Rule(Key.GROUP, Value.SWITCH),
    Scope.FAVOURITE_GROUP: Rule(Key.GROUP, Value.SWITCH),
    Scope.CONVERSATION_SYNC: Rule(Key.CONVERSATION, Value.NUMBER),
    Scope.MY_CHANNELS: Rule(Key.CHANNEL, Value.SWITCH, by_server=True),
    Scope.LISTENED_CHANNELS: Rule(Key.CHANNEL, Value.SWITCH, by_server=True),
    Scope.PC_ONLINE: Rule(Key.ANY, Value.TEXT, by_server=True),
    Scope.CONVERSATION_READ: Rule(Key.CONVERSATION, Value.NUMBER),
    Scope.WEB_ONLINE: Rule(Key.ANY, Value.TEXT),
    Scope.DISABLE_RECEIPT: Rule(Key.NONE, Value.SWITCH, "nobody is told how far one has read"),
    Scope.FAVOURITE_USER: Rule(Key.USER, Value.SWITCH),
    Scope.MUTE_WHEN_PC_ONLINE: Rule(Key.ANY, Value.SWITCH, "inverts the deployment's default"),
    Scope.LINES_READ: Rule(Key.ANY, Value.TEXT),
    Scope.NO_DISTURB: Rule(Key.NONE, Value.PERIOD, "no notifications, not even of calls"),
    Scope.CONVERSATION_CLEARED: Rule(Key.CONVERSATION, Value.NUMBER),
    Scope.DRAFT: Rule(Key.CONVERSATION, Value.TEXT),
    Scope.DISABLE_DRAFT_SYNC: Rule(Key.ANY, Value.SWITCH),
    Scope.VOIP_SILENT: Rule(Key.NONE, Value.SWITCH, "no notifications of calls"),
    Scope.CUSTOM_STATE: Rule(Key.NONE, Value.TEXT),
    Scope.DISABLE_SECRET_CHAT: Rule(Key.NONE, Value.SWITCH),
    Scope.PTT_SILENT: Rule(Key.ANY, Value.SWITCH),
    Scope.GROUP_REMARK: Rule(Key.GROUP, Value.TEXT, "title of notifications"),
    Scope.PRIVACY: Rule(
        Key.NONE, Value.NUMBER, "mask of what one cannot be found by: 1 display name, 2 name, 4 mobile, 8 id"
    ),
    Scope.ADD_FRIEND_FREELY: Rule(Key.NONE, Value.SWITCH, "friend requests to one are accepted at once"),
    Scope.BADGE: Rule(Key.ANY, Value.NUMBER),
    Scope.PC_LOCKED: Rule(Key.CLIENT, Value.SWITCH),
}
"""Every scope whose meaning is known."""


class Setting(Struct, frozen=True):
    """One setting of a user.

    Attributes:
        scope, key: what it is about.
        value: empty when it was cleared.
        version: when it was put, in ms; no two settings of a user have the same.
    """

    scope: int
    key: str
    value: str
    version: int = 0

    @property
    def name(self) -> tuple[int, str]:
        """Scope and key."""
        return self.scope, self.key


class PushRules(Struct, frozen=True, omit_defaults=True):
    """What of a user's settings decides about all of his notifications; kept in one place, next to his versions.

    Attributes:
        silent: none at all (scope 2).
        hidden: they do not show what was written (scope 4).
        inverted: the deployment's default for "silent while a computer is online" is inverted (scope 15).
        voip_silent: none of calls (scope 21).
        period: the minutes of the UTC day in which there are none (scope 17); empty or two.
    """

    silent: bool = False
    hidden: bool = False
    inverted: bool = False
    voip_silent: bool = False
    period: tuple[int, ...] = ()

    def is_quiet_at(self, now_ms: int) -> bool:
        """Whether it is the no-disturb period; one that ends before it begins goes on over midnight (spec 8.1)."""
        if len(self.period) != 2:
            return False
        start, end = self.period
        minute = now_ms // 60_000 % _DAY_MINUTES
        return start < minute < end if start < end else minute > start or minute < end


class PushPreferences(Struct, frozen=True):
    """What decides whether a message of one conversation notifies a user, and how.

    Attributes:
        conversation_silent: this conversation does not notify (scope 1).
        rules: what holds for all conversations.
        seen: up to which seq he has seen the conversation: read it, cleared it away, or not been there yet.
    """

    conversation_silent: bool = False
    rules: PushRules = PushRules()
    seen: int = 0


class Head(Struct, frozen=True):
    """Where a user's settings stand.

    Attributes:
        version: of the last change, 0 before the first.
        count: how many there are, cleared ones included.
        rules: those that decide about notifications.
    """

    version: int = 0
    count: int = 0
    rules: PushRules = PushRules()


def check_setting(setting: Setting, *, by_client: bool) -> Setting:
    """A setting that can be stored.

    A client has to keep to the shape of its scope. The server API may store what it likes (the SDKs' own programs use keys
    of another shape); what has not the scope's shape means nothing to the server then.

    Raises:
        InvalidError: beyond the limits, or a client's key or value has not the shape of its scope.
        ImError: 248, a client may not write what the server keeps.
    """
    if not 0 <= setting.scope <= MAX_SCOPE:
        raise InvalidError(f"scope must be 0 to {MAX_SCOPE}")
    if len(setting.key) > MAX_KEY:
        raise InvalidError(f"key may have {MAX_KEY} characters")
    if len(setting.value) > MAX_VALUE:
        raise InvalidError(f"value may have {MAX_VALUE} characters")
    rule = _rule(setting.scope)
    if not by_client or rule is None:
        return setting
    if rule.by_server:
        raise ImError(Code.NOT_RIGHT, f"scope {setting.scope} is the server's own")
    if not _fits_key(rule.key, setting.key):
        raise InvalidError(f"the key of scope {setting.scope} is: {rule.key.value}")
    if setting.value and not _fits_value(rule.value, setting.value):
        raise InvalidError(f"the value of scope {setting.scope} is: {rule.value.value}")
    return setting


def conversation_key(conversation: Conversation) -> str:
    """The key under which settings name a conversation."""
    return f"{conversation.type}-{conversation.line}-{conversation.target}"


def conversation_of_key(key: str) -> Conversation | None:
    """The conversation that a key names; the target may hold any character. None for other keys."""
    kind, _, rest = key.partition("-")
    line, _, target = rest.partition("-")
    if not (_is_number(kind) and _is_number(line) and target.isprintable()):
        return None
    longest = MAX_TARGET_LENGTH if int(kind) == ConversationType.CHANNEL else MAX_ID_LENGTH
    if not 1 <= len(target) <= longest:
        return None
    return Conversation(int(kind), target, int(line))


def row_conversation(setting: Setting) -> Conversation | None:
    """The conversation whose row shows this setting in a ``hello``, if there is one."""
    if setting.scope not in (Scope.CONVERSATION_SILENT, Scope.CONVERSATION_TOP):
        return None
    conversation = conversation_of_key(setting.key)
    if conversation is None or conversation.type not in _WITH_ROWS:
        return None
    return conversation


def is_on(value: str) -> bool:
    """Whether a switch is on."""
    return value == _ON


def level(value: str) -> int:
    """A number as a setting has it; 0 for what is none."""
    return int(value) if _is_number(value) else 0


def group_of(setting: Setting) -> str | None:
    """The group that a setting is about, if it is."""
    rule = _rule(setting.scope)
    if rule is None:
        return None
    if rule.key is Key.GROUP:
        return setting.key
    conversation = conversation_of_key(setting.key) if rule.key is Key.CONVERSATION else None
    return conversation.target if conversation and conversation.type == ConversationType.GROUP else None


def apply(rules: PushRules, settings: Iterable[Setting]) -> PushRules:
    """The rules of notifications after these settings were put."""
    for each in settings:
        on = is_on(each.value)
        match each.scope, each.key:
            case Scope.GLOBAL_SILENT, "":
                rules = replace(rules, silent=on)
            case Scope.HIDE_DETAIL, "":
                rules = replace(rules, hidden=on)
            case Scope.MUTE_WHEN_PC_ONLINE, _:
                rules = replace(rules, inverted=on)
            case Scope.VOIP_SILENT, "":
                rules = replace(rules, voip_silent=on)
            case Scope.NO_DISTURB, "":
                rules = replace(rules, period=_period(each.value))
    return rules


def _rule(scope: int) -> Rule | None:
    return RULES.get(Scope(scope)) if scope in Scope._value2member_map_ else None


def _period(value: str) -> tuple[int, ...]:
    start, _, end = value.partition("|")
    if not (_is_number(start) and _is_number(end)):
        return ()
    period = int(start), int(end)
    return period if max(period) < _DAY_MINUTES else ()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15


def _fits_key(shape: Key, key: str) -> bool:
    match shape:
        case Key.NONE:
            return key == ""
        case Key.CONVERSATION:
            return conversation_of_key(key) is not None
        case Key.ANY:
            return True
    return 1 <= len(key) <= MAX_ID_LENGTH


def _fits_value(shape: Value, value: str) -> bool:
    match shape:
        case Value.SWITCH:
            return value in ("0", "1")
        case Value.NUMBER:
            return _is_number(value.removeprefix("-"))
        case Value.PERIOD:
            return _period(value) != ()
    return True
