"""What sensitive words and a reviewer outside do to a message (client-semantics spec 3.11; server-api spec 5.9)."""

from typing import Protocol

from msgspec.structs import replace

from im.callback.back_end import NOBODY, BackEnd
from im.errors import Code, ImError
from im.message.log import Log
from im.message.model import Conversation, Message, Payload, Sender, payload_to_json, with_text
from im.moderation.service import Filter
from im.settings import Switches

_REFUSE = 0
_SWALLOW = 1
_MASK = 2


class Review(Protocol):
    """Somebody outside who is shown messages before they are accepted."""

    def concerns(self, payload: Payload) -> bool:
        """Whether he wants to see such a content."""

    def verdict(self, message: Message, conversation: Conversation) -> Payload | None:
        """The content as it may be sent, None: not at all.

        Raises:
            BusyError: he could not be asked, and the deployment sends nothing without him.
        """


class Screening:
    """Decides whether a content may be sent, and how. With a reviewer the list of words is not looked at.

    Args:
        words: the sensitive words.
        log: finds what was accepted before.
        switches: the deployment's behaviour.
        back_end: the business, which is told of messages with such words.
        review: the reviewer, if there is one.
    """

    def __init__(
        self,
        words: Filter,
        log: Log,
        switches: Switches,
        *,
        back_end: BackEnd = NOBODY,
        review: Review | None = None,
    ) -> None:
        self._words = words
        self._log = log
        self._switches = switches
        self._back_end = back_end
        self._review = review

    def needs_uid(self, payload: Payload, sender: Sender) -> bool:
        """Whether somebody outside may be shown a message before it is stored: it needs its uid then."""
        if sender.is_admin:
            return False
        if self._review is not None:
            return self._review.concerns(payload)
        return bool(self._switches.sensitive_forward_url and payload.searchableContent)

    def screened(
        self, draft: Message, payload: Payload, conversation: Conversation, sender: Sender, base: int | None
    ) -> Payload | None:
        """The content as it may be sent; None: swallow it. What an admin sends is not looked at.

        Args:
            draft: the message that is to be, or the one that is to be edited.
            payload: its content, or the one that it is to have.
            conversation: from the sender's side.
            sender: who sends it.
            base: the last seq that its client knew; None where it is not resent.

        Raises:
            ImError: 242, the deployment refuses it.
            BusyError: the reviewer could not be asked, and nothing is sent without him.
        """
        if sender.is_admin:
            return payload
        if self._review is not None:
            return self._reviewed(self._review, draft, payload, conversation, base)
        if not payload.searchableContent:
            return payload
        verdict = self._words.check(payload.searchableContent)
        if not verdict.matched:
            return payload
        self._back_end.sensitive(replace(draft, payload=payload_to_json(payload)), conversation)
        if self._switches.sensitive_filter_type == _REFUSE:
            raise ImError(Code.SENSITIVE_MATCHED)
        if self._switches.sensitive_filter_type == _SWALLOW:
            return None
        return with_text(payload, verdict.masked) if self._switches.sensitive_filter_type == _MASK else payload

    def _reviewed(
        self, review: Review, draft: Message, payload: Payload, conversation: Conversation, base: int | None
    ) -> Payload | None:
        if not review.concerns(payload) or self._was_accepted(draft, payload, base):
            return payload
        allowed = review.verdict(replace(draft, payload=payload_to_json(payload)), conversation)
        if allowed is None and self._switches.review_fail_when_matched:
            raise ImError(Code.SENSITIVE_MATCHED)
        return allowed

    def _was_accepted(self, draft: Message, payload: Payload, base: int | None) -> bool:
        """Whether this is the repetition of something that was reviewed, whatever the reviewer made of it."""
        if draft.seq:
            return draft.payload == payload_to_json(payload)
        return base is not None and not payload.transparent and self._log.find(draft, base) is not None
