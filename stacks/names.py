"""Names that more than one stack uses; each is also the logical id of its resource."""

from enum import StrEnum

METRICS_NAMESPACE = "WildfireIM"
"""Where the functions put their own metrics (embedded in their log lines)."""


class Table(StrEnum):
    """The tables, by life cycle."""

    MESSAGES = "Messages"
    DIRECTORY = "Directory"
    PRESENCE = "Presence"
    EPHEMERA = "Ephemera"


INDEXES = {Table.MESSAGES: "by_uid", Table.DIRECTORY: "by_type", Table.PRESENCE: "online"}
"""The global secondary index of a table that has one."""


class Secret(StrEnum):
    """The generated secrets."""

    ADMIN = "AdminSecret"
    TOKEN = "TokenSecret"  # noqa: S105  a logical id
    CALLBACK = "CallbackSecret"
    WEB_PUSH = "WebPushSecret"
