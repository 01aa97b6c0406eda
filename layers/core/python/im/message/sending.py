"""Accepting messages: the rules of a send."""

from collections.abc import Sequence

from msgspec.structs import replace

from im import keys
from im.channel.model import check_may_talk
from im.errors import Code, ImError, InvalidError
from im.group.rules import check_may_speak, check_may_whisper
from im.message.context import Context
from im.message.log import Head
from im.message.messaging import Messaging
from im.message.model import (
    Conversation,
    ConversationType,
    Message,
    Origin,
    Payload,
    Row,
    Sender,
    Sent,
    check_cid,
    check_client_line,
    check_client_type,
    check_conversation,
    check_id,
    check_payload,
    check_recipients,
    check_sender_status,
    conversation_of,
    payload_to_json,
)

_SWALLOW = 1


class Sending(Messaging):
    """The use cases that put messages into logs."""

    def send(
        self,
        sender: Sender,
        conversation: Conversation,
        payload: Payload,
        *,
        to: Sequence[str] = (),
        cid: str | None = None,
        base: int | None = None,
    ) -> Sent:
        """Accept a message (client-semantics spec 3.5; server-api spec 2.2 for admin calls).

        Args:
            sender: who sends, on whose authority.
            conversation: from the sender's side.
            payload: the content.
            to: the only readers besides the sender, or empty.
            cid: the client's id of this message; API calls bring none.
            base: the last seq that the client knew when it first transmitted this cid; API calls bring none.

        Raises:
            ImError: a rule refuses it; nothing was written.
            BusyError: try again with the same cid and base.
        """
        check_id(sender.user, "sender")
        check_conversation(conversation)
        text = check_payload(payload, self._switches.max_message_bytes)
        readers = check_recipients(to)
        check_client_type(sender, payload.type, self._switches)
        message_id = check_cid(cid) if cid is not None else self._new_cid()
        if conversation.type == ConversationType.CHANNEL and base is None:
            conversation, readers = self._addressed(sender, conversation, readers)
        log = conversation.key(sender.user)
        draft = Message(log, 0, 0, message_id, sender.user, 0, text, to=readers)
        if conversation.type == ConversationType.CHATROOM:
            return self._rooms.send(sender, draft, payload, base)

        known = self._messages.newest(log) if base is None and not payload.transparent else None
        base_seq = (known.seq if known else 0) if base is None else base
        context = self._load(sender.user, conversation, log, 0 if known or payload.transparent else base_seq)
        if self._screening.needs_uid(payload, sender):
            draft = replace(draft, uid=self._uids.next(), time=self._clock())
        try:
            allowed = self._allowed(sender, conversation, payload, context, draft, readers, base)
        except ImError as refusal:
            earlier = None if refusal.retry else self._earlier(draft, base)
            if earlier is None:
                raise
            return earlier
        if allowed is None:
            return self._earlier(draft, base) or self._pretend()
        if allowed is not payload:
            draft = replace(draft, payload=payload_to_json(allowed))
        if payload.transparent:
            draft = replace(draft, uid=draft.uid or self._uids.next(), time=self._clock())
            self._outlets.tell(draft, conversation, sender, context)
            self._courier.deliver(draft, conversation, sender, context)
            return Sent(0, draft.uid, draft.time)
        head = Head(known.seq, known.uid) if known else self._base(log, base_seq, context)
        sent = self._publish(draft, conversation, sender, context, head, from_server=sender.client is None)
        return Sent(sent.seq, sent.uid, sent.time)

    def republish(self, uid: int, receivers: Sequence[str]) -> Sent:
        """Deliver a message once more, to those of the receivers who may read it; empty: to all.

        Raises:
            ImError: 253, there is no such message, or it was taken back.
        """
        message = self._messages.find(uid)
        if message is None or message.withdrawn:
            raise ImError(Code.NOT_EXIST)
        readers = tuple(user for user in check_recipients(receivers) if message.visible_to(user))
        named = conversation_of(message.log, message.sender)
        context = self._load(message.sender, named, message.log, 0)
        sender = Sender(message.sender, origin=Origin.ADMIN)
        self._courier.deliver(replace(message, to=readers or message.to), named, sender, context, repeated=True)
        return Sent(message.seq, message.uid, message.time)

    def _allowed(
        self,
        sender: Sender,
        conversation: Conversation,
        payload: Payload,
        context: Context,
        message: Message,
        to: Sequence[str] = (),
        base: int | None = None,
    ) -> Payload | None:
        """The content as it may be sent; None: swallow it.

        Args:
            sender: who says it.
            conversation: where.
            payload: the content.
            context: what was read.
            message: the message that is to have it, or that it is about.
            to: the only readers, or empty.
            base: the last seq that the client knew; None where it is not resent.

        Raises:
            ImError: a rule refuses it.
        """
        if conversation.type == ConversationType.CHATROOM:
            return self._rooms.allowed(sender, message, payload)
        if not self._admit(sender, conversation, payload, context, to):
            return None
        return self._screening.screened(message, payload, conversation, sender, base)

    def _earlier(self, draft: Message, base: int | None) -> Sent | None:
        """What an earlier attempt got, before the rule came that would refuse it now: a resend finds it (promise 5).

        A client may resend what it pleases, so this looks only so far behind its base. Calls of APIs, without a base, are
        never resends.
        """
        if base is None:
            return None
        found = self._log.find(draft, base)
        return Sent(found.seq, found.uid, found.time) if found else None

    def _addressed(
        self, sender: Sender, conversation: Conversation, readers: tuple[str, ...]
    ) -> tuple[Conversation, tuple[str, ...]]:
        """The conversation of a channel that an API's caller means, who names the channel alone as Wildfire does.

        What a user writes, and what the channel says to one user, belongs into their dialog.
        """
        if conversation.subscriber:
            return conversation, ()
        channel = self._channels.get(conversation.target)
        if channel is not None and sender.user != channel.owner:
            return replace(conversation, target=keys.dialog(channel.id, sender.user)), ()
        if channel is not None and len(readers) == 1 and readers[0] != channel.owner:
            return replace(conversation, target=keys.dialog(channel.id, readers[0])), ()
        return conversation, readers

    def _admit(
        self, sender: Sender, conversation: Conversation, payload: Payload, context: Context, to: Sequence[str] = ()
    ) -> bool:
        """The rules of a send (client-semantics spec 3.5). False: swallow it and tell the sender that all is well."""
        if conversation.type == ConversationType.GROUP and context.info is None:
            raise ImError(Code.NOT_EXIST, "no such group")
        if sender.is_admin:
            if conversation.type == ConversationType.CHANNEL and (not context.channel or context.channel.deleted):
                raise ImError(Code.NOT_EXIST, "no such channel")
            sides = (conversation.subscriber, context.channel.owner if context.channel else "")
            if conversation.subscriber and sender.user not in sides:
                raise InvalidError("a channel's dialog has two sides, and the sender is none of them")
            return True
        check_client_line(conversation, _open_lines(conversation, context))
        own = context.presences[sender.user]
        if sender.client is not None and own.device(sender.client) is None:
            own = self._delivery.presence.load_one(sender.user)
            if own.device(sender.client) is None:
                raise ImError(Code.KICKED_OFF)
        check_sender_status(own.status, payload.type, self._switches)
        if conversation.type == ConversationType.GROUP:
            self._check_group(sender, conversation.target, payload, context, to)
            return True
        if conversation.type == ConversationType.CHANNEL:
            self._check_channel(sender, conversation, context)
            return True
        if not self._is_welcome(sender.user, conversation.target, payload, context.standing):
            return False
        if context.presences[conversation.target].status == 2:
            raise ImError(Code.USER_FORBIDDEN)
        return True

    def _check_group(self, sender: Sender, group: str, payload: Payload, context: Context, to: Sequence[str]) -> None:
        """Whether the sender may speak in a group, and to whom (client-semantics spec 4.6).

        What was read with the rest of the send may be a moment old. Who has just joined, or was just given his voice back,
        must not be refused for it, so a refusal is made only by what stands there now.
        """
        exceptions = self._switches.group_mute_exception_types
        info, member = context.info, context.member
        try:
            check_may_speak(info, member, payload.type, exceptions)
        except ImError:
            info = self._groups.get_info(group, consistent=True)
            member = self._groups.get_member(group, sender.user, consistent=True)
            check_may_speak(info, member, payload.type, exceptions)
        if to and info and member and info.private_chat:
            check_may_whisper(info, member, self._groups.get_members(group, to).values())

    def _check_channel(self, sender: Sender, conversation: Conversation, context: Context) -> None:
        """Whether the sender may write here (client-semantics spec 3.5, 7); as in groups, only the present state refuses."""
        channel, user = conversation.channel, conversation.subscriber
        try:
            check_may_talk(context.channel, sender.user, user, listens=context.listens)
        except ImError:
            listens = bool(user and self._channels.among(channel, [user]))
            check_may_talk(self._channels.get(channel), sender.user, user, listens=listens)

    def _is_welcome(self, user: str, target: str, payload: Payload, standing: Row | None) -> bool:
        """What the target of a single chat thinks of its sender (client-semantics spec 3.5, 4a). False: swallow it.

        Args:
            user: the sender.
            target: the other side.
            payload: what he sends.
            standing: the target's own row of the chat, where his blacklist and his friends are noted.

        Raises:
            ImError: 246 blacklisted, 248 a stranger.
        """
        switches = self._switches
        if not switches.host_friends or payload.type in switches.blacklist_exception_types:
            return True
        if standing and standing.blocked:
            if switches.blacklist_strategy == _SWALLOW:
                return False
            raise ImError(Code.IN_BLACK_LIST)
        if switches.disable_stranger_chat and not (standing and standing.befriended):
            pair = {user, target}
            if not pair.intersection(switches.allow_stranger_chat_list) and not any(self._user_types(pair).values()):
                raise ImError(Code.NOT_RIGHT, "strangers may not chat here")
        return True

    def _pretend(self) -> Sent:
        return Sent(0, self._uids.next(), self._clock())


def _open_lines(conversation: Conversation, context: Context) -> Sequence[int]:
    """The lines that a group or channel has already."""
    if context.info:
        return context.info.lines
    return context.channel.lines if context.channel and not conversation.subscriber else ()
