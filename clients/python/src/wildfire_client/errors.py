"""Failures, as one exception type that carries Wildfire's numeric code."""

from enum import IntEnum
from typing import Self


class Code(IntEnum):
    """Result codes. Positive ones come from the server and are Wildfire's; negative ones are raised on this side."""

    SUCCESS = 0
    SERVER_ERROR = 4
    NOT_MODIFIED = 5
    TOKEN_ERROR = 6
    KICKED_OFF = 7
    USER_FORBIDDEN = 8
    NOT_IN_GROUP = 9
    INVALID_MESSAGE = 10
    NOT_IN_CHATROOM = 20
    NOT_IN_CHANNEL = 21
    RECALL_TIME_EXPIRED = 24
    MESSAGE_TOO_LARGE = 35
    FUNCTION_DISABLED = 220
    SERVER_BUSY = 221
    USER_NOT_PREPARED = 238
    """The device is too far behind in a conversation: it must sync before it can send there."""
    GROUP_MUTED = 241
    SENSITIVE_MATCHED = 242
    USER_BLOCKED = 245
    IN_BLACK_LIST = 246
    FORBIDDEN_SEND_MSG = 247
    NOT_RIGHT = 248
    TIMEOUT = 249
    OVER_FREQUENCY = 250
    INVALID_PARAMETER = 251
    NOT_EXIST = 253
    NOT_IMPLEMENT = 254

    NOT_CONNECTED = -1
    """No link to the server at the moment; a queued message waits, everything else may be tried again."""
    CONNECTION_LOST = -2
    """The link broke while an answer was awaited: whether the request was carried out is unknown."""
    FILE_MISSING = -3
    """The file of a media message is gone or cannot be read."""
    UPLOAD_FAILED = -4
    """The media store refused the file."""
    CANCELLED = -5
    """The application took the message back before it was transmitted."""
    LOGIN_ENDED = -6
    """The session reached a final state: kicked, logged out, or its token is no good."""


class ChatError(Exception):
    """A refusal.

    Attributes:
        code: one of `Code`, or a number that this version does not know.
        msg: a text for people.
        retry: whether the same request may succeed later.
        after: seconds that the server asked to wait before a retry, or None.
    """

    def __init__(self, code: int, msg: str = "", *, retry: bool = False, after: float | None = None) -> None:
        self.code = code
        self.msg = msg or _text(code)
        self.retry = retry
        self.after = after
        super().__init__(f"{self.code} {self.msg}")

    @classmethod
    def not_connected(cls) -> Self:
        """There is no link now."""
        return cls(Code.NOT_CONNECTED, retry=True)

    @property
    def offline(self) -> bool:
        """Whether the link, not the server, is the cause."""
        return self.code in (Code.NOT_CONNECTED, Code.CONNECTION_LOST)


def _text(code: int) -> str:
    try:
        return Code(code).name.lower().replace("_", " ")
    except ValueError:
        return f"error {code}"
