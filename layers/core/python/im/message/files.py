"""Files that were sent: messages of type 5, read as records."""

import re

from msgspec import Struct

from im.message.model import Message, payload_from_json

_SIZE = re.compile(r"[0-9]{1,18}")


class FileRecord(Struct, frozen=True):
    """A file that was sent (client-semantics spec, appendix C.1).

    Attributes:
        message: by which it was.
        name, url, size: as the sender's client gave them; size in bytes, 0 if it is no number.
    """

    message: Message
    name: str
    url: str
    size: int

    @classmethod
    def of(cls, message: Message) -> "FileRecord":
        """The file of a message of type 5."""
        payload = payload_from_json(message.payload)
        size = int(payload.content) if _SIZE.fullmatch(payload.content) else 0
        return cls(message, payload.searchableContent, payload.remoteMediaUrl, min(size, 2**31 - 1))
