"""What sensitive words do to a message (client-semantics spec 3.11)."""

from im.errors import Code, ImError
from im.message.model import Payload, Sender, with_text
from im.moderation.service import Filter
from im.settings import Switches

_REFUSE = 0
_SWALLOW = 1
_MASK = 2


def screened(payload: Payload, sender: Sender, words: Filter, switches: Switches) -> Payload | None:
    """The content as it may be sent; None: swallow it. What an admin sends is not looked at.

    Raises:
        ImError: 242, the deployment refuses it.
    """
    if sender.is_admin or not payload.searchableContent:
        return payload
    verdict = words.check(payload.searchableContent)
    if not verdict.matched:
        return payload
    if switches.sensitive_filter_type == _REFUSE:
        raise ImError(Code.SENSITIVE_MATCHED)
    if switches.sensitive_filter_type == _SWALLOW:
        return None
    return with_text(payload, verdict.masked) if switches.sensitive_filter_type == _MASK else payload
