"""Files that were sent, and uploads (server-api spec 2.7)."""

from im.errors import Code
from im.server_api.registry import Services, endpoint
from im.wire.api import files as wire


@endpoint("/admin/file/conversation_files", wire.ConversationFiles, wire.Files)
def list_files_of_conversation(services: Services, body: wire.ConversationFiles) -> wire.Files:
    """The files among the last 20,000 messages of a conversation."""
    found = services.messages.files_of_conversation(body.model(), body.userId)
    return wire.Files.page(found, body.offset, body.count, desc=body.desc)


@endpoint("/admin/file/user_files", wire.UserFiles, wire.Files)
def list_files_of_user(services: Services, body: wire.UserFiles) -> wire.Files:
    """The files that a user has sent, among the last 20,000 messages of his conversations."""
    found = services.messages.files_of_user(body.userId)
    return wire.Files.page(found, body.offset, body.count, desc=body.desc)


@endpoint("/admin/file/message_file", wire.MessageFile, wire.FileOut, codes=(Code.NOT_EXIST,))
def get_file_of_message(services: Services, body: wire.MessageFile) -> wire.FileOut:
    """The file of one message."""
    return wire.FileOut.of(services.messages.file_by_uid(body.value))


@endpoint("/admin/oss/get_upload_url", wire.UploadWish, wire.UploadUrl)
def get_upload_url(services: Services, body: wire.UploadWish) -> wire.UploadUrl:
    """A URL to PUT one file to, good for 15 minutes, and the URL where it is found then."""
    return wire.UploadUrl.of(services.media.permit_put(body.mediaType, body.fileName, body.contentType))
