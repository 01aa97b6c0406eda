"""The one place that builds DynamoDB key strings.

Ids are the users' own and may hold any printable character, so the separators are escaped inside them. Number parts are
plain decimals, except where a range query sorts by them.
"""

SEPARATOR = "|"
_ESCAPES = str.maketrans({"%": "%25", "|": "%7C"})


def _join(*parts: object) -> str:
    return SEPARATOR.join(str(part).translate(_ESCAPES) for part in parts)


def _split(key: str) -> list[str]:
    return [part.replace("%7C", "|").replace("%25", "%") for part in key.split(SEPARATOR)]


# --- Messages: (conversation, seq)


def single_conversation(user: str, other: str, line: int) -> str:
    """The log that both sides of a single chat share: the two ids are sorted."""
    first, second = sorted((user, other))
    return _join(0, line, first, second)


def target_conversation(kind: int, target: str, line: int) -> str:
    """The log of a conversation that is named by its target alone: group 1, chatroom 2, channel 3."""
    return _join(kind, line, target)


def parse_conversation(key: str) -> tuple[int, int, list[str]]:
    """Split a conversation key into (type, line, ids): two sorted user ids for a single chat, else one target."""
    kind, line, *ids = _split(key)
    return int(kind), int(line), ids


def is_chatroom(key: str) -> bool:
    """Whether a conversation key is a chatroom's."""
    return key.startswith("2" + SEPARATOR)


def is_single(key: str) -> bool:
    """Whether a conversation key is a single chat's."""
    return key.startswith("0" + SEPARATOR)


# --- Directory: partition keys


def user(user_id: str) -> str:
    """The partition of everything that belongs to one user."""
    return _join("u", user_id)


def group(group_id: str) -> str:
    """The partition of one group: its info, roster and members."""
    return _join("g", group_id)


def client(client_id: str) -> str:
    """The partition that says which user a client id (device) belongs to."""
    return _join("d", client_id)


def push_token(digest: str) -> str:
    """The partition that says which session a push token belongs to."""
    return _join("p", digest)


def user_name(name: str) -> str:
    """The partition that keeps a login name unique and finds its user."""
    return _join("n", name)


def mobile(number: str) -> str:
    """The partition that finds the users with a mobile number."""
    return _join("m", number)


def email(address: str) -> str:
    """The partition that finds the users with an e-mail address."""
    return _join("e", address)


def display_names(first: str) -> str:
    """The partition of the endings of display names that begin with a character."""
    return _join("f", first)


def display_name(ending: str, user_id: str) -> str:
    """A user under one ending of his display name."""
    return _join(ending, user_id)


def display_name_part(text: str) -> str:
    """What the sort keys of all endings begin with that begin with a text."""
    return _join(text)


def found_user(sort_key: str) -> str:
    """The user of a ``display_name`` sort key."""
    return _split(sort_key)[1]


def chatroom(room_id: str) -> str:
    """The partition of one chatroom: its info, who is inside, and what administrators made of users there."""
    return _join("room", room_id)


def channel(channel_id: str) -> str:
    """The partition of one channel: its info, and its subscribers."""
    return _join("ch", channel_id)


def channel_names(first: str) -> str:
    """The partition of the endings of channels' names that begin with a character."""
    return _join("cn", first)


GLOBAL_CHANNELS = "globals"
"""The partition that lists the channels which go to everybody."""

CHANNELS = "channels"
"""The partition of the ``by_type`` index that lists the channels."""

SENSITIVE_WORDS = "sensitive"
"""The partition of the sensitive-word list."""

SYSTEM = "system"
"""The partition of the deployment's settings."""

SEEDS = "seeds"
"""The partition that remembers which objects of a fresh deployment have been made."""

# --- Directory: sort keys

PROFILE = "profile"
INFO = "info"
OWNER = "owner"
STATUS = "status"
ROSTER = "roster"
DISSOLVED = "dissolved"
VERSION = "version"
USERS = "users"
ROBOT = "robot"
ROBOTS = "robots"
DEVICE = "device"
CONVERSATION_PREFIX = "c" + SEPARATOR
VERSIONS = CONVERSATION_PREFIX + "versions"
"""Lies among the conversation rows, so that one query brings it along with them."""
SESSION_PREFIX = "s" + SEPARATOR
SETTING_PREFIX = "t" + SEPARATOR
MEMBER_PREFIX = "m" + SEPARATOR
WORD_PREFIX = "w" + SEPARATOR
OWNED_ROBOT_PREFIX = "or" + SEPARATOR
OWNED_DEVICE_PREFIX = "od" + SEPARATOR
FRIEND_PREFIX = "f" + SEPARATOR
REQUEST_PREFIX = "r" + SEPARATOR
REQUESTS_READ = REQUEST_PREFIX + "read"
SEAT_PREFIX = "i" + SEPARATOR
STANDING_PREFIX = "p" + SEPARATOR
SUBSCRIBER_PREFIX = "l" + SEPARATOR
ROSTER_PAGE_PREFIX = "r" + SEPARATOR
JOIN_REQUEST_PREFIX = "j" + SEPARATOR
FIRST = "\x00"
"""Appended to a sort key, makes the lowest key after it: ids hold no control characters."""
LAST = "\U0010ffff"
"""Appended to a prefix, makes a key after all that begin with it."""


def conversation_row(kind: int, target: str, line: int) -> str:
    """A user's own row of one conversation, named from his side."""
    return _join("c", kind, line, target)


def parse_conversation_row(key: str) -> tuple[int, str, int]:
    """The (type, target, line) of a conversation row's sort key."""
    _, kind, line, target = _split(key)
    return int(kind), target, int(line)


def setting(scope: int, key: str) -> str:
    """One setting of a user."""
    return _join("t", scope, key)


def parse_setting(key: str) -> tuple[int, str]:
    """The (scope, key) of a setting's sort key."""
    _, scope, name = _split(key)
    return int(scope), name


def session(client_id: str) -> str:
    """A user's session on one client."""
    return _join("s", client_id)


def member(user_id: str) -> str:
    """A member's item in his group's partition."""
    return _join("m", user_id)


def friend(user_id: str) -> str:
    """What a user keeps of another, in his own partition."""
    return _join("f", user_id)


def friend_request(sender: str, receiver: str, *, received: bool) -> str:
    """A copy of a friend request, in its receiver's or its sender's partition."""
    return _join("r", "i", sender) if received else _join("r", "o", receiver)


def parse_friend_request(sort_key: str) -> tuple[bool, str]:
    """Whether a copy of a friend request is its receiver's, and who the other one is."""
    _, direction, other = _split(sort_key)
    return direction == "i", other


def seat(user_id: str) -> str:
    """A user who is inside a chatroom."""
    return _join("i", user_id)


def standing(user_id: str) -> str:
    """What administrators made of a user in a chatroom."""
    return _join("p", user_id)


def subscriber(user_id: str) -> str:
    """A subscriber's item in his channel's partition."""
    return _join("l", user_id)


def dialog(channel_id: str, user_id: str) -> str:
    """The target that names the dialog of a channel with one user; the ids of channels hold no separator."""
    return SEPARATOR.join((channel_id, user_id))


def is_dialog(target: str) -> bool:
    """Whether a conversation of channels is a dialog."""
    return SEPARATOR in target


def parse_dialog(target: str) -> tuple[str, str]:
    """The (channel, user) of a conversation of channels; no user, if it is what the channel says to all."""
    channel_id, _, user_id = target.partition(SEPARATOR)
    return channel_id, user_id


def roster_page(name: str) -> str:
    """A page of a group's roster."""
    return _join("r", name)


def join_request(user_id: str) -> str:
    """A request that a user be let into a group."""
    return _join("j", user_id)


def system_setting(number: int) -> str:
    """One of the deployment's settings."""
    return _join("n", number)


def word(text: str) -> str:
    """One sensitive word."""
    return _join("w", text)


def owned_robot(robot_id: str) -> str:
    """A robot in the partition of the user it belongs to."""
    return _join("or", robot_id)


def owned_device(device_id: str) -> str:
    """A device in the partition of a user it belongs to."""
    return _join("od", device_id)


def id_of(sort_key: str) -> str:
    """The single id behind a prefix: user of a partition, client of a session, user of a member, text of a word."""
    return _split(sort_key)[1]


# --- Directory: the by_type index


def by_creation(created_ms: int, item_id: str) -> str:
    """The index's range key of things that are listed in the order of their creation (ms)."""
    return _join(f"{created_ms:013d}", item_id)


# --- Ephemera


def node(number: int) -> str:
    """The lease of one uid node number."""
    return _join("node", number)


def nonce(family: str, sign: str) -> str:
    """A server API signature that has been used."""
    return _join("sign", family, sign)


def bucket(scope: str, owner: str, window: int) -> str:
    """A shared rate bucket of one owner (a user, an API family) in one window of time."""
    return _join("rate", scope, owner, window)


def watchers(user_id: str) -> str:
    """Who watches a user's presence."""
    return _join("watch", user_id)


def auth_code(digest: str) -> str:
    """The permission behind an auth code, by the code's digest."""
    return _join("auth", digest)


def place(user_id: str) -> str:
    """Which chatroom a user went to last."""
    return _join("place", user_id)


def circuit(destination: str) -> str:
    """What is known of a destination of callbacks that fails."""
    return _join("circuit", destination)


def pushed(user_id: str, client_id: str, about: str) -> str:
    """What became of one notification on one device."""
    return _join("push", user_id, client_id, about)
