"""What the server itself writes into logs: the notices of groups, and the greetings of new friends."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from im.message.log import SERVER_WALK, Head
from im.message.model import (
    RESERVED_CID_PREFIX,
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    Row,
    Sender,
    check_payload,
    notice_payload,
)
from im.message.publish import Publisher
from im.platform.clock import MINUTE_MS


class Notices(Publisher):
    """Messages that no rule of sending concerns."""

    def post_notice(
        self,
        group: str,
        operator: str,
        content_type: int,
        data: Mapping[str, object],
        *,
        lines: Sequence[int] = (0,),
        custom: Payload | None = None,
        to: Sequence[str] = (),
        recipients_extra: Sequence[str] = (),
    ) -> dict[int, int]:
        """Append a group notice to the group's log and deliver it (client-semantics spec 4.4).

        Args:
            group: the group id.
            operator: who did what the notice tells.
            content_type: 104 to 125.
            data: the notice's JSON; members that are None are left out.
            lines: the conversation lines on which it appears.
            custom: a content that takes the place of the built-in one.
            to: the only readers, or empty.
            recipients_extra: users outside the roster who get it as well: those who were just removed.

        Returns:
            The notice's seq on each line.
        """
        payload = custom if custom and custom.type > 0 else notice_payload(content_type, dict(data))
        text = check_payload(payload, self._switches.max_message_bytes)
        sender = Sender(operator, origin=Origin.ADMIN)
        seqs: dict[int, int] = {}
        for line in lines or (0,):
            conversation = Conversation(ConversationType.GROUP, group, line)
            log = conversation.key(operator)
            draft = Message(log, 0, 0, RESERVED_CID_PREFIX + self._new_cid(), operator, 0, text, to=tuple(to))
            known = self._messages.newest(log)
            head = Head(known.seq, known.uid) if known else Head()
            context = self._load(operator, conversation, log, 0, consistent=True)
            message = self._publish(
                draft, conversation, sender, context, head, from_server=True, also_to=recipients_extra
            )
            seqs[line] = message.seq
        return seqs

    def head(self, user: str, conversation: Conversation) -> int:
        """The last seq of a conversation, 0 if it is empty."""
        return self._newest_seq(conversation.key(user))

    def append_once(
        self, author: str, conversation: Conversation, contents: Sequence[tuple[str, Payload]], *, after: int
    ) -> None:
        """Append and deliver messages of the server's own, each unless it stands behind a seq already.

        They are appended one after another, so whatever is there of them stands in this order, and each is searched for
        behind the one before it.

        Args:
            author: in whose name.
            conversation: a single chat, from his side.
            contents: the contents in order, each with a cid that begins with ``RESERVED_CID_PREFIX``; the same each time.
            after: a seq that existed when this was called for the first time, 0 if none; the same each time.
        """
        log = conversation.key(author)
        texts = [(cid, check_payload(payload, self._switches.max_message_bytes)) for cid, payload in contents]
        context = self._load(author, conversation, log, after)
        base = self._base(log, after, context)
        sender = Sender(author, origin=Origin.ADMIN)
        for cid, text in texts:
            draft = Message(log, 0, 0, cid, author, 0, text)
            sent = self._publish(draft, conversation, sender, context, base, from_server=True, walk=SERVER_WALK)
            base = Head(sent.seq, sent.uid)
            # Both rows are stamped by now; neither needs it again within this minute.
            stamped = Row(conversation, activity=sent.time // MINUTE_MS)
            context = replace(context, own_row=stamped, peer_row=stamped)
