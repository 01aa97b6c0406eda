"""What the use cases of clients' and programs' messages are built on."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from im.callback.back_end import NOBODY, BackEnd
from im.channel.store import ChannelStore
from im.delivery.service import Delivery
from im.group.store import GroupStore
from im.message.context import Context
from im.message.log import CLIENT_WALK, Head, Log, Walk
from im.message.model import Conversation, ConversationType, Message, Payload, Sender, Sent
from im.message.notices import Notices
from im.message.outlets import Outlet
from im.message.screening import Screening
from im.message.store import MessageStore, RowStore
from im.platform.clock import Clock
from im.platform.uids import Uids
from im.profile.types import TypesOf
from im.settings import Switches


class Rooms(Protocol):
    """What messages need of the chatrooms, whose members and logs are another matter."""

    def send(self, sender: Sender, draft: Message, payload: Payload, base: int | None) -> Sent:
        """Accept a message for a room."""

    def allowed(self, sender: Sender, message: Message, payload: Payload) -> Payload | None:
        """A content as it may be said of a message in a room; None: swallow it."""

    def publish(
        self,
        draft: Message,
        sender: Sender,
        base: int,
        walk: Walk,
        *,
        subject: Message | None = None,
        about: Message | None = None,
    ) -> Message:
        """Append a message that no rule of sending concerns, and deliver it."""

    def check_reader(self, reader: Sender, conversation: Conversation) -> None:
        """Whether somebody may see what is said in a room; refuses with 20."""

    def expired(self, message: Message) -> bool:
        """Whether a message of a room has been kept for long enough."""


class Messaging(Notices):
    """A publisher that knows chatrooms, sensitive words and the business.

    Args:
        messages: the logs.
        rows: the users' conversation rows.
        groups: groups and members.
        delivery: brings frames to users.
        log: appends.
        uids: uids of messages that are never stored.
        screening: what sensitive words and reviewers do to messages.
        rooms: the chatrooms.
        switches: the deployment's behaviour.
        clock: the time.
        channels: channels and their subscribers.
        outlets: who is told of messages outside.
        back_end: the business, which is told of what is read.
        user_types: tells users' types; asked only about strangers, where they may not chat.
        new_cid: makes the message ids of API calls, which bring none.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        messages: MessageStore,
        rows: RowStore,
        groups: GroupStore,
        delivery: Delivery,
        log: Log,
        uids: Uids,
        screening: Screening,
        rooms: Rooms,
        switches: Switches,
        clock: Clock,
        *,
        channels: ChannelStore,
        outlets: Sequence[Outlet] = (),
        back_end: BackEnd = NOBODY,
        user_types: TypesOf = lambda users: {},
        new_cid: Callable[[], str] = lambda: uuid.uuid4().hex,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            messages,
            rows,
            groups,
            delivery,
            log,
            switches,
            clock,
            channels=channels,
            outlets=outlets,
            new_cid=new_cid,
        )
        self._uids = uids
        self._screening = screening
        self._rooms = rooms
        self._back_end = back_end
        self._user_types = user_types
        self._pause = pause

    def _publish(
        self,
        draft: Message,
        conversation: Conversation,
        sender: Sender,
        context: Context,
        base: Head,
        *,
        from_server: bool = False,
        walk: Walk = CLIENT_WALK,
        also_to: Sequence[str] = (),
        subject: Message | None = None,
        about: Message | None = None,
    ) -> Message:
        if conversation.type == ConversationType.CHATROOM:
            return self._rooms.publish(draft, sender, base.seq, walk, subject=subject, about=about)
        return super()._publish(
            draft,
            conversation,
            sender,
            context,
            base,
            from_server=from_server,
            walk=walk,
            also_to=also_to,
            subject=subject,
            about=about,
        )
