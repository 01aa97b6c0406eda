"""Reactions: an emoji on somebody's message, given and taken away; our own, Wildfire has none.

The log is the truth: each reaction is an event, and of the events of one user and emoji the last one counts. The message's
slot holds what they come to, for whoever reads the message later.
"""

from im.errors import BusyError, Code, ImError, InvalidError
from im.message.events import Reaction, check_emoji, reaction_of, reaction_payload, with_reaction
from im.message.log import Head
from im.message.model import MAX_SEQ, ContentType, Conversation, Message, Payload, Sender, Sent, check_not_forbidden
from im.message.sending import Sending
from im.message.withdrawal import Withdrawing

_LOOK_BACK = 20
_ATTEMPTS = 16
_LATER_EVENTS = 1_000


class Reacting(Sending, Withdrawing):
    """The use cases of reactions."""

    def react(self, sender: Sender, conversation: Conversation, seq: int, emoji: str, on: bool) -> Sent | None:
        """React to a message, or take a reaction away; the rules of a send apply to content type 33.

        Two writes: the event, then the sum in the message's slot. A repeat whose reaction is in the slot already is
        answered with that event. One that finds the event among the newest slots carries on with it; after a crash that
        lies farther back there may be a second event, which says the same.

        Returns:
            The event; None when there is no such reaction to take away.

        Raises:
            ImError: 253 no such message, or it was taken back; the refusals of a send.
            InvalidError: the emoji is not acceptable, or the message has too many.
            BusyError: try again.
        """
        reaction = Reaction(check_emoji(emoji), on)
        message = self._find_for(sender, conversation, seq)
        if message.withdrawn:
            raise ImError(Code.NOT_EXIST)
        check_not_forbidden(ContentType.REACTION, self._switches)
        context = self._load(sender.user, conversation, message.log, 0)
        if self._allowed(sender, conversation, Payload(type=ContentType.REACTION), context, message) is None:
            return self._pretend()
        newest = list(self._messages.before(message.log, None, _LOOK_BACK, consistent=True))
        event = next((slot for slot in newest if _concerns(slot, sender.user, seq, emoji)), None)
        given = message.reactions.get(emoji, {}).get(sender.user)
        if event is None and given is not None:
            event = self._messages.get(message.log, given)
        if reaction != (reaction_of(event) if event else Reaction(emoji, False)):
            if on:
                with_reaction(message.reactions, sender.user, emoji, MAX_SEQ)
            draft = Message(
                log=message.log,
                seq=0,
                uid=0,
                cid=f"~react:{seq}:{newest[0].seq}:{'+' if on else '-'}{emoji}",
                sender=sender.user,
                time=0,
                payload=reaction_payload(sender.user, message, reaction),
                to=message.to,
                ref=seq,
            )
            event = self._publish(draft, conversation, sender, context, Head(newest[0].seq, newest[0].uid))
        if event is None:
            return None
        self._enter(message, event, reaction)
        return Sent(event.seq, event.uid, event.time)

    def _enter(self, message: Message, event: Message, reaction: Reaction) -> None:
        """Bring the slot up to date with an event, unless a later one of the same user and emoji has been entered."""
        user, emoji = event.sender, reaction.emoji
        for _ in range(_ATTEMPTS):
            if message.reacted > event.seq and self._is_outdone(event, emoji, message.reacted):
                return
            given = message.reactions.get(emoji, {}).get(user)
            if given == event.seq or (given is None and not reaction.on and message.reacted >= event.seq):
                return
            try:
                reactions = with_reaction(message.reactions, user, emoji, event.seq if reaction.on else None)
            except InvalidError:
                return  # Others filled it up since this was checked: the event stands, the sum does without.
            if self._messages.react(message, reactions, max(message.reacted, event.seq)):
                return
            now = self._messages.get(message.log, message.seq)
            if now is None or now.withdrawn:
                return
            message = now
        raise BusyError("too many reactions at once", after_ms=200)

    def _is_outdone(self, event: Message, emoji: str, last: int) -> bool:
        limit = min(last - event.seq, _LATER_EVENTS)
        later = self._messages.after(event.log, event.seq, limit, consistent=True)
        return any(_concerns(slot, event.sender, event.ref, emoji) for slot in later)


def _concerns(slot: Message, user: str, ref: int, emoji: str) -> bool:
    if slot.sender != user or slot.ref != ref:
        return False
    reaction = reaction_of(slot)
    return reaction is not None and reaction.emoji == emoji
