"""The ``message`` route: sending, reading and taking back messages, and uploads."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from im.message.files import FileRecord
from im.message.finding import SEARCH_LIMIT, Found
from im.message.model import HISTORY_LIMIT, PULL_LIMIT, PULL_RANGES, Payload, Sender, Sent
from im.message.reading import Range
from im.routing import Answer, Call, Router
from im.wire import frames
from im.wiring.base import client_limiter
from im.wiring.message import media, message_service

router = Router("message", client_limiter)


class ContentBody(Payload, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A content under Wildfire's names; nothing else may be in it."""


class SendBody(frames.Strict, frozen=True, kw_only=True):
    """A message to send."""

    conversation: frames.ConversationRef
    content: ContentBody
    cid: str
    base: frames.Seq
    to: tuple[str, ...] = ()


class RangeBody(frames.Strict, frozen=True):
    """The messages of one conversation after a seq."""

    conversation: frames.ConversationRef
    after: frames.Seq
    limit: Annotated[int, Meta(ge=1, le=PULL_LIMIT)] = 100


class PullBody(frames.Strict, frozen=True):
    """Several ranges at once."""

    ranges: Annotated[tuple[RangeBody, ...], Meta(min_length=1, max_length=PULL_RANGES)]


class HistoryBody(frames.Strict, frozen=True):
    """Older messages of one conversation."""

    conversation: frames.ConversationRef
    before: frames.Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=HISTORY_LIMIT)] = 20
    types: Annotated[tuple[int, ...], Meta(max_length=50)] = ()


class SlotBody(frames.Strict, frozen=True):
    """One message."""

    conversation: frames.ConversationRef
    seq: frames.Seq


class DeleteBody(frames.Strict, frozen=True):
    """One message, and whether it goes for everybody."""

    conversation: frames.ConversationRef
    seq: frames.Seq
    all: bool = False


class EditBody(frames.Strict, frozen=True):
    """One message, and what takes its place."""

    conversation: frames.ConversationRef
    seq: frames.Seq
    content: ContentBody


class ReactBody(frames.Strict, frozen=True):
    """A reaction to one message, given or taken away."""

    conversation: frames.ConversationRef
    seq: frames.Seq
    emoji: str
    on: bool = True


class ClearBody(frames.Strict, frozen=True):
    """A conversation, and up to where it is cleared; None: to its end."""

    conversation: frames.ConversationRef
    seq: frames.Seq | None = None


class RemoveBody(frames.Strict, frozen=True):
    """A conversation."""

    conversation: frames.ConversationRef


class ReceiptsBody(frames.Strict, frozen=True):
    """A conversation, and the version of the last answer."""

    conversation: frames.ConversationRef
    after: Annotated[int, Meta(ge=0)] = 0


class ReceiptOut(Struct, frozen=True):
    """How far one user has got."""

    userId: str  # noqa: N815
    read: int
    time: int
    delivered: int


Cursor = Annotated[str, Meta(max_length=1024)]


class SearchBody(frames.Strict, frozen=True):
    """What to look for, where, and from where to go on."""

    keyword: str
    conversation: frames.ConversationRef | None = None
    next: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=SEARCH_LIMIT)] = 20


class FilesBody(frames.Strict, frozen=True):
    """Which files to look for; ``own``: those that one has sent oneself."""

    keyword: str = ""
    own: bool = False
    conversation: frames.ConversationRef | None = None
    next: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=SEARCH_LIMIT)] = 20


class UploadBody(frames.Strict, frozen=True):
    """A file to upload."""

    mediaType: int  # noqa: N815
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    size: int
    contentType: str = "application/octet-stream"  # noqa: N815


def _sender(call: Call) -> Sender:
    return Sender(call.user, call.client, call.connection)


def _sent(sent: Sent) -> dict[str, Any]:
    place = {"seq": sent.seq} if sent.seq else {}
    return {**place, "uid": str(sent.uid), "time": sent.time}


@router.op("send", SendBody)
def send(call: Call, body: SendBody) -> dict[str, Any]:
    """Accept a message; the answer is the acknowledgement."""
    return _sent(
        message_service().send(
            _sender(call), body.conversation.model(), body.content, to=body.to, cid=body.cid, base=body.base
        )
    )


@router.op("pull", PullBody)
def pull(call: Call, body: PullBody) -> dict[str, Any]:
    """Messages after given seqs, as many as one answer holds."""
    wanted = [Range(each.conversation.model(), each.after, each.limit) for each in body.ranges]
    pages = message_service().pull(call.user, wanted, reader=_sender(call))
    return {
        "ranges": [
            {
                "conversation": frames.ConversationOut.of(each.conversation),
                "messages": [frames.message_out(message, call.user) for message in page.messages],
                "through": page.through,
                "head": page.head,
            }
            for each, page in zip(wanted, pages, strict=True)
        ]
    }


@router.op("history", HistoryBody)
def history(call: Call, body: HistoryBody) -> dict[str, Any]:
    """Older messages, newest first."""
    found, rest = message_service().history(call.user, body.conversation.model(), body.before, body.limit, body.types)
    shown = [frames.message_out(message, call.user) for message in found]
    return {"messages": shown, "more": rest is not None, **({"next": rest} if rest is not None else {})}


@router.op("recall", SlotBody)
def recall(call: Call, body: SlotBody) -> dict[str, Any]:
    """Take a message back."""
    return _sent(message_service().recall(_sender(call), body.conversation.model(), body.seq)[0])


@router.op("delete", DeleteBody)
def delete(call: Call, body: DeleteBody) -> dict[str, Any]:
    """Delete a message, from one's own view or for everybody."""
    return _sent(message_service().delete(_sender(call), body.conversation.model(), body.seq, everybody=body.all))


@router.op("edit", EditBody)
def edit(call: Call, body: EditBody) -> dict[str, Any]:
    """Replace the content of one's own message."""
    return _sent(message_service().edit(_sender(call), body.conversation.model(), body.seq, body.content))


@router.op("react", ReactBody)
def react(call: Call, body: ReactBody) -> dict[str, Any]:
    """React to a message, or take a reaction away."""
    event = message_service().react(_sender(call), body.conversation.model(), body.seq, body.emoji, body.on)
    return _sent(event) if event else {}


@router.op("clear", ClearBody)
def clear(call: Call, body: ClearBody) -> dict[str, Any]:
    """Clear one's own view of a conversation."""
    service = message_service()
    return {"cleared": service.clear(call.user, body.conversation.model(), body.seq, skip=call.connection)}


@router.op("remove", RemoveBody)
def remove(call: Call, body: RemoveBody) -> dict[str, Any]:
    """Take a conversation off one's own list."""
    return {"removed": message_service().remove(call.user, body.conversation.model(), skip=call.connection)}


@router.op("read", SlotBody)
def read(call: Call, body: SlotBody) -> dict[str, Any]:
    """Raise the read cursor."""
    service = message_service()
    return {"read": service.read(call.user, body.conversation.model(), body.seq, skip=call.connection)}


@router.op("search", SearchBody)
def search(call: Call, body: SearchBody) -> dict[str, Any]:
    """Messages with a keyword in one's own conversations."""
    where = body.conversation.model() if body.conversation else None
    found = message_service().search(call.user, body.keyword, conversation=where, cursor=body.next, limit=body.limit)
    return {"messages": [frames.message_out(each, call.user) for each in found.messages], **_progress(found)}


@router.op("files", FilesBody)
def files(call: Call, body: FilesBody) -> dict[str, Any]:
    """Files that were sent in one's own conversations."""
    where = body.conversation.model() if body.conversation else None
    found = message_service().files(
        call.user, keyword=body.keyword, own=body.own, conversation=where, cursor=body.next, limit=body.limit
    )
    return {"files": [frames.file_out(FileRecord.of(each), call.user) for each in found.messages], **_progress(found)}


def _progress(found: Found) -> dict[str, Any]:
    rest = {} if found.cursor is None else {"next": found.cursor}
    return {"more": found.cursor is not None, **rest, "searched": found.searched, "of": found.of}


@router.op("upload", UploadBody)
def upload(call: Call, body: UploadBody) -> dict[str, Any]:
    """A permission to put one file into the media bucket."""
    granted = media().permit(body.mediaType, body.name, body.size, body.contentType)
    return {
        "url": granted.url,
        "fields": granted.fields,
        "remoteMediaUrl": granted.remote_url,
        "expires": granted.expires,
    }


@router.op("receipts", ReceiptsBody)
def receipts(call: Call, body: ReceiptsBody) -> dict[str, Any]:
    """How far the others have got."""
    found, version = message_service().receipts(call.user, body.conversation.model(), body.after)
    return {
        "receipts": [ReceiptOut(each.user, each.read, each.time, each.delivered) for each in found],
        "version": version,
    }


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
