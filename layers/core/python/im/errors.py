"""Every failure that a caller can see, as one exception type with a stable Wildfire code.

The numbers and English texts are Wildfire's (server-api spec, section 3); clients and server SDKs switch on them.
"""

from enum import IntEnum


class Code(IntEnum):
    """A Wildfire result code. ``SUCCESS`` is 0; every other value is a failure."""

    SUCCESS = 0
    SECRET_KEY_MISMATCH = 1
    INVALID_DATA = 2
    SERVER_ERROR = 4
    NOT_MODIFIED = 5
    TOKEN_ERROR = 6
    KICKED_OFF = 7
    USER_FORBIDDEN = 8
    NOT_IN_GROUP = 9
    INVALID_MESSAGE = 10
    GROUP_ALREADY_EXIST = 11
    ALREADY_IN_GROUP = 12
    FRIEND_ALREADY_REQUEST = 16
    FRIEND_REQUEST_BLOCKED = 18
    FRIEND_REQUEST_EXPIRED = 19
    NOT_IN_CHATROOM = 20
    NOT_IN_CHANNEL = 21
    ALREADY_FRIENDS = 23
    RECALL_TIME_EXPIRED = 24
    ROBOT_NO_TOKEN = 27
    MESSAGE_TOO_LARGE = 35
    APPLICATION_TOKEN_ERROR = 70
    FUNCTION_DISABLED = 220
    SERVER_BUSY = 221
    OTHER_CLIENT_IN_CHATROOM = 225
    CHANNEL_NO_EXIST = 236
    CHANNEL_NO_SECRET = 237
    USER_NOT_PREPARED = 238
    API_NOT_SIGNED = 239
    GROUP_EXCEED_MAX_MEMBER_COUNT = 240
    GROUP_MUTED = 241
    SENSITIVE_MATCHED = 242
    SIGN_EXPIRED = 243
    AUTH_FAILURE = 244
    USER_BLOCKED = 245
    IN_BLACK_LIST = 246
    FORBIDDEN_SEND_MSG = 247
    NOT_RIGHT = 248
    TIMEOUT = 249
    OVER_FREQUENCY = 250
    INVALID_PARAMETER = 251
    NOT_EXIST = 253
    NOT_IMPLEMENT = 254


TEXT: dict[Code, str] = {
    Code.SUCCESS: "success",
    Code.SECRET_KEY_MISMATCH: "secrect key mismatch",
    Code.INVALID_DATA: "invalid data",
    Code.SERVER_ERROR: "server error",
    Code.NOT_MODIFIED: "not modified",
    Code.TOKEN_ERROR: "token error",
    Code.KICKED_OFF: "kicked off",
    Code.USER_FORBIDDEN: "user forbidden",
    Code.NOT_IN_GROUP: "not in group",
    Code.INVALID_MESSAGE: "invalid message",
    Code.GROUP_ALREADY_EXIST: "group already exist",
    Code.ALREADY_IN_GROUP: "member already in group",
    Code.FRIEND_ALREADY_REQUEST: "already send request",
    Code.FRIEND_REQUEST_BLOCKED: "friend request blocked",
    Code.FRIEND_REQUEST_EXPIRED: "friend request expired",
    Code.NOT_IN_CHATROOM: "not in chatroom",
    Code.NOT_IN_CHANNEL: "not in channel",
    Code.ALREADY_FRIENDS: "already friends",
    Code.RECALL_TIME_EXPIRED: "time expired",
    Code.ROBOT_NO_TOKEN: "robot no token",
    Code.MESSAGE_TOO_LARGE: "message too large",
    Code.APPLICATION_TOKEN_ERROR: "application token error or timeout",
    Code.FUNCTION_DISABLED: "function disabled",
    Code.SERVER_BUSY: "Server busy",
    Code.OTHER_CLIENT_IN_CHATROOM: "other client already in chatroom",
    Code.CHANNEL_NO_EXIST: "channel no exist",
    Code.CHANNEL_NO_SECRET: "channel no secret",
    Code.USER_NOT_PREPARED: "user not prepared",
    Code.API_NOT_SIGNED: "api not signed or sign parameter not completion",
    Code.GROUP_EXCEED_MAX_MEMBER_COUNT: "group exceed max member count",
    Code.GROUP_MUTED: "group is muted",
    Code.SENSITIVE_MATCHED: "sensitive matched",
    Code.SIGN_EXPIRED: "sign expired",
    Code.AUTH_FAILURE: "auth failure",
    Code.USER_BLOCKED: "user is blocked",
    Code.IN_BLACK_LIST: "user in black list",
    Code.FORBIDDEN_SEND_MSG: "forbidden send msg globally",
    Code.NOT_RIGHT: "no right to operate",
    Code.TIMEOUT: "timeout",
    Code.OVER_FREQUENCY: "over frequency",
    Code.INVALID_PARAMETER: "Invalid parameter",
    Code.NOT_EXIST: "not exist",
    Code.NOT_IMPLEMENT: "not implement",
}
"""The English text that goes with each code on the wire."""


class ImError(Exception):
    """A refusal with a Wildfire code.

    Attributes:
        code: the Wildfire code.
        msg: a text for people; the code's standard text when none is given.
        retry: whether the same request may succeed later.
        after_ms: how long the caller should wait before he retries, in milliseconds, or None.
    """

    def __init__(self, code: Code, msg: str = "", *, retry: bool = False, after_ms: int | None = None) -> None:
        self.code = code
        self.msg = msg or TEXT[code]
        self.retry = retry
        self.after_ms = after_ms
        super().__init__(f"{int(code)} {self.msg}")


class BusyError(ImError):
    """An AWS service throttled us, timed out or failed: nothing is known to be lost, try again (promise 6)."""

    def __init__(self, msg: str = "", after_ms: int | None = None) -> None:
        super().__init__(Code.SERVER_BUSY, msg, retry=True, after_ms=after_ms)


class InvalidError(ImError):
    """A value of the caller's is not acceptable; ``msg`` names the field."""

    def __init__(self, msg: str) -> None:
        super().__init__(Code.INVALID_PARAMETER, msg)


def not_hosted(what: str) -> ImError:
    """The refusal of everything that belongs to a part which this deployment does not host, such as friendships.

    Args:
        what: the part, in the plural.
    """
    return ImError(Code.NOT_IMPLEMENT, f"{what} are not hosted here")
