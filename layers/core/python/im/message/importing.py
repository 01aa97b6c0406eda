"""Taking over messages from elsewhere: appended with the time that they had, delivered to nobody."""

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from im.errors import Code, ImError, InvalidError
from im.message.log import Head, Walk
from im.message.messaging import Messaging
from im.message.model import (
    Conversation,
    ConversationType,
    Message,
    Payload,
    Sender,
    check_conversation,
    check_id,
    check_payload,
    check_recipients,
)

MAX_IMPORT = 500
"""Messages of one call."""
_WALK = Walk(slots=1_000_000, payload_bytes=10**9)
_LOOK_BACK = 1_000


class Imported(Struct, frozen=True):
    """A message to take over; ``to`` lists its only readers, ``time`` is in ms."""

    sender: str
    conversation: Conversation
    payload: Payload
    to: tuple[str, ...]
    time: int


class Importing(Messaging):
    """The use cases that fill logs with what was written elsewhere."""

    def import_messages(self, messages: Sequence[Imported]) -> None:
        """Append messages in their order (server-api spec 2.2, import). All are checked before the first is appended.

        A repeat after a crash goes on: an imported message's id is made of what it holds, and one that is among the last
        thousand of its conversation is not appended again. So of two imported messages that are alike in everything, the
        time included, one stays.

        Raises:
            InvalidError: too many, or one is not acceptable; nothing was written.
            ImError: 253, a group does not exist.
        """
        if len(messages) > MAX_IMPORT:
            raise InvalidError(f"messages may hold {MAX_IMPORT}")
        drafts = [(each, self._imported(each)) for each in messages]
        for each in {each.conversation.target: each for each, _ in drafts if each.conversation.in_group}.values():
            if self._groups.get_info(each.conversation.target) is None:
                raise ImError(Code.NOT_EXIST, "no such group")
        known: dict[str, set[str]] = {}
        for each, draft in drafts:
            if draft.log not in known:
                newest = self._messages.before(draft.log, None, _LOOK_BACK, consistent=True)
                known[draft.log] = {slot.cid for slot in newest}
                context = self._load(each.sender, each.conversation, draft.log, 0)
                self._stamp(each.conversation, Sender(each.sender), context)
            if draft.cid in known[draft.log]:
                continue
            head = self._messages.newest(draft.log)
            base = Head(head.seq, head.uid) if head else Head()
            self._log.append(draft, base, indexed=True, walk=_WALK, time=each.time)
            known[draft.log].add(draft.cid)

    def _imported(self, each: Imported) -> Message:
        check_id(each.sender, "sender")
        if check_conversation(each.conversation).type == ConversationType.CHATROOM:
            raise ImError(Code.NOT_IMPLEMENT, "not in chatrooms")
        text = check_payload(each.payload, self._switches.max_message_bytes)
        if each.payload.transparent:
            raise InvalidError("payload.persistFlag must not be 4: transparent messages are not kept")
        if not 0 < each.time <= self._clock() + 60_000:
            raise InvalidError("timestamp must be a time of the past, in ms")
        to = check_recipients(each.to)
        log = each.conversation.key(each.sender)
        digest = hashlib.sha256("\n".join((each.sender, str(each.time), *to, text)).encode()).hexdigest()[:32]
        return Message(log, 0, 0, f"~import:{digest}", each.sender, 0, text, to=to)
