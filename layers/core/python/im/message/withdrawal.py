"""Taking messages back: events in the log, so that every device learns of them by the same sync."""

from msgspec.structs import replace

from im.errors import Code, ImError
from im.group.rules import may_withdraw
from im.message.events import event_payload, original_json
from im.message.log import SERVER_WALK, Head
from im.message.model import (
    MAX_WALK,
    ContentType,
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    Sender,
    Sent,
    conversation_of,
    is_made_by_server,
    payload_from_json,
    payload_to_json,
)
from im.message.reading import Reading
from im.message.store import Withdrawal
from im.platform.uids import uid_ms

_INDEX_LAG_MS = 5_000
_LOOKS_S = (0.05, 0.1, 0.2, 0.4)


class Withdrawing(Reading):
    """The use cases of recalls and deletions."""

    def recall(self, sender: Sender, conversation: Conversation, seq: int) -> tuple[Sent, str]:
        """Take a message back (client-semantics spec 3.9). Returns the event, and the original's JSON for its author.

        Three writes, each idempotent: mark the message (it is hidden from now on, and the head of this moment is noted),
        append the event after that head, blank the content. A repeat after a crash carries on where it stopped.

        Raises:
            ImError: 253 no such message, 24 too late, 248 no right.
        """
        return self._recall(sender, self._find_for(sender, conversation, seq))

    def _recall(self, sender: Sender, message: Message) -> tuple[Sent, str]:
        if message.deleted or message.ref:
            raise ImError(Code.NOT_EXIST)
        if message.recall is None:
            self._check_withdrawal(sender, message, self._switches.recall_time_limit_s)
        base = self._newest_seq(message.log)
        mark = self._messages.mark_recalled(message.log, message.seq, sender.user, self._clock(), base)
        # An edit may have come between the reading and the marking; nothing changes the content after that.
        original = "" if message.recall else original_json(mark.message if mark.fresh else message)
        return self._withdraw(ContentType.RECALL, sender, mark, original), original

    def delete(self, sender: Sender, conversation: Conversation, seq: int, *, everybody: bool) -> Sent:
        """Delete a message: for everybody, with the rights of a recall but no time limit, or only from one's own view.

        Raises:
            ImError: 253 no such message, 248 no right.
        """
        message = self._find_for(sender, conversation, seq)
        if everybody:
            return self._delete_for_all(sender, message)
        if conversation.type == ConversationType.CHANNEL and conversation.has_members:
            # Each of thousands of readers would leave a slot in the log that none of the others can see.
            raise ImError(Code.NOT_RIGHT, "what a channel says to all is cleared, not deleted")
        newest = self._messages.newest(message.log) or message
        # Walking from the message itself makes a repeat find the first event. Behind a long log that would be dear, and
        # a second event that hides the same message harms nobody.
        base = Head(seq, message.uid) if newest.seq - seq < MAX_WALK else Head(newest.seq, newest.uid)
        draft = Message(
            log=message.log,
            seq=0,
            uid=0,
            cid=f"~hide:{sender.user}:{seq}",
            sender=sender.user,
            time=0,
            payload=payload_to_json(event_payload(ContentType.DELETE, sender.user, message)),
            to=(sender.user,),
            ref=seq,
        )
        context = self._load(sender.user, conversation, message.log, 0)
        event = self._publish(draft, conversation, sender, context, base)
        return Sent(event.seq, event.uid, event.time)

    def _delete_for_all(self, sender: Sender, message: Message) -> Sent:
        if message.ref:
            raise ImError(Code.NOT_EXIST)
        if not message.deleted:
            self._check_withdrawal(sender, message, None)
        base = self._newest_seq(message.log)
        mark = self._messages.mark_deleted(message.log, message.seq, self._clock(), base)
        return self._withdraw(ContentType.DELETE, sender, mark, "")

    def recall_by_uid(self, operator: str, uid: int, *, admin: bool) -> str:
        """``recall`` for callers that know a message by its uid only. Returns the original's JSON, "" when repeated."""
        message = self.get_by_uid(uid)
        origin = Origin.ADMIN if admin else Origin.ROBOT
        return self._recall(Sender(operator, origin=origin), message)[1]

    def delete_by_uid(self, operator: str, uid: int) -> None:
        """Delete for everybody, by an admin (server-api spec 2.2, delete)."""
        message = self.get_by_uid(uid)
        self._delete_for_all(Sender(operator, origin=Origin.ADMIN), message)

    def get_by_uid(self, uid: int) -> Message:
        """The message with a uid. One that is so young that the index may not have it yet is looked for a few times:
        robots answer within milliseconds.

        Raises:
            ImError: 253.
        """
        message = self._messages.find(uid)
        for pause_s in _LOOKS_S if 0 <= self._clock() - uid_ms(uid) < _INDEX_LAG_MS else ():
            if message is not None:
                break
            self._pause(pause_s)
            message = self._messages.find(uid)
        if message is None:
            raise ImError(Code.NOT_EXIST)
        return message

    def _find_for(self, sender: Sender, conversation: Conversation, seq: int) -> Message:
        first, last = self._visible(sender, conversation)
        message = self._messages.get(conversation.key(sender.user), seq) if first <= seq <= last else None
        if message is None or message.ref or not message.visible_to(sender.user):
            raise ImError(Code.NOT_EXIST)
        return message

    def _check_withdrawal(self, sender: Sender, message: Message, limit_s: int | None) -> None:
        """Whether the sender may take a message back; ``limit_s`` None means that his own has no time limit."""
        if sender.is_admin:
            return
        if message.recall is None and is_made_by_server(payload_from_json(message.payload).type):
            raise ImError(Code.NOT_RIGHT, "notices of the server stay")
        own = message.sender == sender.user
        if own and (limit_s is None or self._clock() - message.time <= limit_s * 1000):
            return
        conversation = conversation_of(message.log, sender.user)
        if conversation.type == ConversationType.GROUP:
            info = self._groups.get_info(conversation.target)
            operator = self._groups.get_member(conversation.target, sender.user)
            author = self._groups.get_member(conversation.target, message.sender)
            if may_withdraw(info, operator, author, own=own, switches=self._switches):
                return
        raise ImError(Code.RECALL_TIME_EXPIRED if own else Code.NOT_RIGHT)

    def _withdraw(self, kind: ContentType, sender: Sender, mark: Withdrawal, original: str) -> Sent:
        """Append and deliver the event of a marked message, then blank its content.

        The event is the author's, so that a repeat finds it whoever repeats, and so that the original's text in it stays
        his; its content names the operator.
        """
        message = mark.message
        operator = message.recall.by if kind is ContentType.RECALL and message.recall else sender.user
        told = event_payload(kind, operator, message, original)
        event = self._tell(sender, message, f"~{kind.name.lower()}:{message.seq}", told, mark.base, about=message)
        self._messages.blank(message.log, message.seq, payload_to_json(event_payload(kind, operator, message)))
        return event

    def _tell(
        self,
        sender: Sender,
        message: Message,
        cid: str,
        payload: Payload,
        base: int,
        *,
        subject: Message | None = None,
        about: Message | None = None,
    ) -> Sent:
        """Append an event of a message's author behind a known head, unless it is there, and deliver it."""
        draft = Message(
            log=message.log,
            seq=0,
            uid=0,
            cid=cid,
            sender=message.sender,
            time=0,
            payload=payload_to_json(payload),
            to=message.to,
            ref=message.seq,
        )
        named = conversation_of(message.log, message.sender)
        author = replace(sender, user=message.sender)
        context = self._load(author.user, named, message.log, base)
        head = self._base(message.log, base, context)
        event = self._publish(
            draft,
            named,
            author,
            context,
            head,
            from_server=True,
            walk=SERVER_WALK,
            subject=subject,
            about=about,
        )
        return Sent(event.seq, event.uid, event.time)
