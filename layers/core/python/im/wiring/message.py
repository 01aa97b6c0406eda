"""Messages and uploads."""

from functools import cache, partial

from im.chatroom.log import RoomLog
from im.chatroom.messages import RoomMessages
from im.message.log import Log
from im.message.media import Media
from im.message.screening import Screening
from im.message.service import MessageService
from im.moderation.service import Filter
from im.moderation.store import DynamoWordStore
from im.platform import aws, clock
from im.platform.uids import Uids
from im.settings import Env
from im.wiring.base import channels, dynamo, groups, messages, rows, settings
from im.wiring.callback import back_end
from im.wiring.chatroom import chatrooms, rooms
from im.wiring.delivery import delivery
from im.wiring.notices import log, uids, user_types
from im.wiring.outlets import outlets
from im.wiring.review import review


@cache
def word_list() -> DynamoWordStore:
    """The sensitive words as they are stored."""
    return DynamoWordStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def screening() -> Screening:
    """What sensitive words and reviewers do to messages."""
    words = Filter(word_list(), clock.now_ms)
    return Screening(words, log(), settings().switches, back_end=back_end(), review=review())


@cache
def message_service() -> MessageService:
    """Messages."""
    switches = settings().switches
    return MessageService(
        messages(),
        rows(),
        groups(),
        delivery(),
        log(),
        uids(),
        screening(),
        _room_messages(log(), uids(), screening()),
        switches,
        clock.now_ms,
        channels=channels(),
        outlets=outlets(),
        back_end=back_end(),
        user_types=user_types(),
    )


def _room_messages(log: Log, uids: Uids, screening: Screening) -> RoomMessages:
    switches = settings().switches
    room_log = RoomLog(messages(), rooms(), log, switches.chatroom_retention_ms, clock.now_ms)
    return RoomMessages(
        messages(),
        rooms(),
        chatrooms(),
        delivery(),
        log,
        room_log,
        uids,
        screening,
        switches,
        clock.now_ms,
        outlets=outlets(),
    )


@cache
def media() -> Media:
    """Permissions to upload."""
    config = settings()
    return Media(
        partial(aws.client, "s3", config.region),
        config.need(Env.MEDIA_BUCKET),
        config.need(Env.MEDIA_BASE_URL),
        config.switches.max_upload_bytes,
        clock.now_ms,
    )
