"""Edits: the author puts another content into the place of his message (client-semantics spec, appendix C.1, MCU).

The content stands in the message's slot and nowhere else; the event in the log says that it has changed, and is served
together with what the message is by then. So edits that cross end at the same content everywhere, whatever the order of
their events, and what is taken back after an edit leaves no copy in the log.
"""

from msgspec.structs import replace

from im.errors import BusyError, Code, ImError, InvalidError
from im.message.events import event_payload
from im.message.model import (
    MAX_WALK,
    ContentType,
    Conversation,
    Edit,
    Message,
    Origin,
    Payload,
    Sender,
    Sent,
    check_client_type,
    check_id,
    check_payload,
    conversation_of,
    payload_from_json,
    payload_to_json,
)
from im.message.sending import Sending
from im.message.withdrawal import Withdrawing

_ATTEMPTS = 8


class Editing(Sending, Withdrawing):
    """The use cases that change a message's content."""

    def edit(self, sender: Sender, conversation: Conversation, seq: int, payload: Payload) -> Sent:
        """Replace the content of one's own message; returns the event.

        Two writes. The first puts content and time of the edit into the slot and notes the head of this moment, on
        condition that nothing has changed there since it was read; from here on everybody who reads the message reads the
        new content. The second appends the event behind that head under an id that the edit's time makes. A repeat finds
        its content in the slot, and the event behind the head that was noted, or appends it.

        Raises:
            ImError: 253 no such message, or it was taken back; 248 it is another user's, or of a type that may not be
                edited; 24 too late; the refusals of a send.
            InvalidError: the type would change, or the content is not acceptable.
            BusyError: try again.
        """
        message = self._find_for(sender, conversation, seq)
        self._check_edit(sender, message, payload)
        check_payload(payload, self._switches.max_message_bytes)
        context = self._load(sender.user, conversation, message.log, 0)
        allowed = self._allowed(sender, conversation, payload, context, message)
        return self._pretend() if allowed is None else self._edit(sender, message, allowed)[0]

    def update_by_uid(
        self, operator: str, uid: int, payload: Payload, *, admin: bool, tell: bool = True, move_time: bool = False
    ) -> None:
        """``edit`` for callers that know a message by its uid only (server-api spec 2.2 and 2.9, update).

        A robot may give its own message a content of another type: an answer that grows ends as another one. A step of it
        that is transparent is shown to who is online and leaves the message as it is.

        Args:
            operator: who does it; an admin may replace anybody's message by any content.
            uid: the message.
            payload: the new content.
            admin: whether he is an admin, else the message must be his own.
            tell: append an event, so that devices that have the message learn of it.
            move_time: the message's time becomes that of the edit.
        """
        check_id(operator, "operator")
        message = self.get_by_uid(uid)
        sender = Sender(operator, origin=Origin.ADMIN if admin else Origin.ROBOT)
        if message.ref or message.withdrawn:
            raise ImError(Code.NOT_EXIST)
        check_payload(payload, self._switches.max_message_bytes)
        if not admin:
            named = conversation_of(message.log, operator)
            if message.sender != operator:
                raise ImError(Code.NOT_RIGHT)
            check_client_type(sender, payload.type, self._switches)
            if payload.transparent:
                self.send(sender, named, payload, to=message.to)
                return
            context = self._load(operator, named, message.log, 0)
            allowed = self._allowed(sender, named, payload, context, message)
            if allowed is None:
                return
            payload = allowed
        self._edit(sender, message, payload, tell=tell, move_time=move_time)

    def _check_edit(self, sender: Sender, message: Message, payload: Payload) -> None:
        """Whether a client may give a message this content; the spec leaves time limits open, so that is a switch."""
        if message.withdrawn:
            raise ImError(Code.NOT_EXIST)
        if message.sender != sender.user:
            raise ImError(Code.NOT_RIGHT)
        if payload.type != payload_from_json(message.payload).type:
            raise InvalidError("content.type must stay what it was")
        if payload.transparent:
            raise InvalidError("content.persistFlag must not be 4: the message is stored")
        if payload.type not in self._switches.client_update_types:
            raise ImError(Code.NOT_RIGHT, f"messages of type {payload.type} are not edited")
        limit_s = self._switches.edit_time_limit_s
        if limit_s and self._clock() - message.time > limit_s * 1000:
            raise ImError(Code.RECALL_TIME_EXPIRED)

    def _edit(
        self, sender: Sender, message: Message, payload: Payload, *, tell: bool = True, move_time: bool = False
    ) -> tuple[Sent, Message]:
        text = payload_to_json(payload)
        for _ in range(_ATTEMPTS):
            head = self._newest_seq(message.log)
            edit = message.edit
            if edit is None or message.payload != text or head - edit.base > MAX_WALK:
                edit = Edit(max(self._clock(), message.edit.time + 1 if message.edit else 0), head)
                if not self._messages.edit(message, text, edit, time=edit.time if move_time else None):
                    message = self._again(message)
                    continue
            now = replace(message, payload=text, edit=edit)
            if not tell:
                return Sent(0, message.uid, edit.time), now
            told = event_payload(ContentType.EDIT, sender.user, message)
            return self._tell(sender, message, f"~edit:{message.seq}:{edit.time}", told, edit.base, subject=now), now
        raise BusyError("too many edits at once", after_ms=200)

    def _again(self, message: Message) -> Message:
        """The message as it is by now.

        Raises:
            ImError: 253, it was taken back.
        """
        now = self._messages.get(message.log, message.seq)
        if now is None or now.withdrawn:
            raise ImError(Code.NOT_EXIST)
        return now
