"""Clearing one's own view of a conversation: a bound on the own row, which one's other devices learn of by the sync."""

from im.message.model import Conversation
from im.message.reading import Reading
from im.platform.clock import MINUTE_MS
from im.wire import frames


class Clearing(Reading):
    """The use cases that make a conversation, or a part of it, disappear for one user."""

    def clear(self, user: str, conversation: Conversation, seq: int | None, *, skip: str | None = None) -> int:
        """Clear everything up to a seq (None: the head) away from a user's own view, and tell his devices.

        The bound only grows. The stamp comes after it, so a ``hello`` that sees the stamp sees the bound; a repeat after
        a crash stamps again.

        Args:
            user: whose view.
            conversation: from his side.
            seq: up to where; what lies beyond the head is not cleared in advance.
            skip: a connection that needs no push.

        Returns:
            Where the bound stands now.

        Raises:
            ImError: 9, he was never in the group.
        """
        head = self._own_head(user, conversation)
        cleared = self._rows.clear(user, conversation, head if seq is None else min(seq, head))
        self._tell_devices(user, conversation, {"cleared": cleared}, skip)
        return cleared

    def remove(self, user: str, conversation: Conversation, *, skip: str | None = None) -> int:
        """Take a conversation off a user's list until it has a message behind the present head, which is returned.

        Raises:
            ImError: 9, he was never in the group.
        """
        removed = self._rows.remove(user, conversation, self._own_head(user, conversation))
        self._tell_devices(user, conversation, {"removed": removed}, skip)
        return removed

    def delete_conversation(self, user: str, conversation: Conversation) -> None:
        """Clear a conversation and take it off the user's list (server-api spec 2.2, conversation/delete)."""
        self.clear(user, conversation, None)
        self.remove(user, conversation)

    def _own_head(self, user: str, conversation: Conversation) -> int:
        _, last = self._bounds(user, conversation)
        return min(self._newest_seq(conversation.key(user)), last)

    def _tell_devices(self, user: str, conversation: Conversation, change: dict[str, int], skip: str | None) -> None:
        self._rows.stamp(user, conversation, self._clock() // MINUTE_MS)
        frame = frames.push("conversation", {"conversation": frames.ConversationOut.of(conversation), **change})
        self._delivery.push([user], lambda _: frame, skip=skip)
