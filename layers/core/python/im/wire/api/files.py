"""Files that were sent, and uploads (server-api spec 2.7)."""

from typing import Annotated

from msgspec import Meta, Struct

from im.message.files import FileRecord
from im.message.media import Upload
from im.message.model import Conversation, conversation_of
from im.wire.api.codec import also_named
from im.wire.api.fields import Id, IdOrEmpty, Int, Line, Uid

# ruff: noqa: N815  the members' names are Wildfire's

PAGE = 1_000
"""Files in an answer."""

Count = Annotated[int, Meta(ge=0, le=PAGE)]
Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class ConversationFiles(Struct, frozen=True):
    """``/admin/file/conversation_files``; ``userId`` says from whose side a single chat is named."""

    target: Id
    conversationType: Annotated[int, Meta(ge=0, le=6)] = 0
    line: Line = 0
    userId: IdOrEmpty = ""
    offset: Offset = 0
    desc: bool = False
    count: Count = 20

    def model(self) -> Conversation:
        """The conversation as the domain knows it."""
        return Conversation(self.conversationType, self.target, self.line)


class UserFiles(Struct, frozen=True):
    """``/admin/file/user_files``."""

    userId: Id
    offset: Offset = 0
    desc: bool = False
    count: Count = 20


@also_named(messageUid="value")
class MessageFile(Struct, frozen=True):
    """``/admin/file/message_file``."""

    value: Uid


class UploadWish(Struct, frozen=True):
    """``/admin/oss/get_upload_url``."""

    fileName: Annotated[str, Meta(min_length=1, max_length=256)]
    mediaType: Int = 0
    contentType: str = "application/octet-stream"


class FileOut(Struct, frozen=True):
    """A file; downloads are not counted here."""

    messageId: int
    sender: str
    conversationType: Int
    target: str
    line: Int
    name: str
    url: str
    size: Int
    downloadCount: Int
    timestamp: int

    @classmethod
    def of(cls, record: FileRecord) -> "FileOut":
        """The wire form of a file record."""
        message = record.message
        named = conversation_of(message.log, message.sender)
        return cls(
            messageId=message.uid,
            sender=message.sender,
            conversationType=named.type,
            target=named.target,
            line=named.line,
            name=record.name,
            url=record.url,
            size=record.size,
            downloadCount=0,
            timestamp=message.time,
        )


class Files(Struct, frozen=True):
    """A page of files, and how many there are."""

    total: Int
    files: list[FileOut]

    @classmethod
    def page(cls, newest_first: list[FileRecord], offset: int, count: int, *, desc: bool) -> "Files":
        """A part of them in the order that is asked for."""
        ordered = newest_first if desc else newest_first[::-1]
        return cls(len(ordered), [FileOut.of(record) for record in ordered[offset : offset + count]])


class UploadUrl(Struct, frozen=True):
    """Where to PUT a file and where it is found then; ``type`` 0: not Qiniu's way. ``expireTime`` in ms."""

    uploadUrl: str
    downloadUrl: str
    backupUploadUrl: str
    type: Int
    url: str
    path: str
    expireTime: int

    @classmethod
    def of(cls, upload: Upload) -> "UploadUrl":
        """The wire form of a permission."""
        return cls(upload.url, upload.remote_url, "", 0, upload.remote_url, upload.fields["key"], upload.expires)
