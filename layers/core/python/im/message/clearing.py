"""Clearing one's own view of a conversation: a bound on the own row, which one's other devices learn of by the sync."""

import json

from im.message.events import event_payload
from im.message.log import Head
from im.message.model import ContentType, Conversation, Message, Origin, Sender, payload_to_json
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

    def clear_times(self, user: str, conversation: Conversation, start_ms: int, end_ms: int) -> None:
        """Clear what was written between two times away from a user's view (server-api spec 2.2, clear_by_user).

        From the beginning on it is the bound of ``clear``. A part in the middle is told to his devices by one event, a
        deletion for himself of ``ref`` through the seq in its ``extra``; devices that come later see that part again if
        they ask for it.

        Args:
            user: whose view.
            conversation: from his side.
            start_ms: the beginning, inclusive; 0: the conversation's.
            end_ms: the end, inclusive; 0: the conversation's.

        Raises:
            ImError: 9, he was never in the group.
        """
        first, _ = self._bounds(user, conversation)
        log, head = conversation.key(user), self._own_head(user, conversation)
        until = self._last_until(log, head, end_ms) if end_ms else head
        start = max(first, self._last_until(log, head, start_ms - 1) + 1) if start_ms else first
        if start > until:
            return
        if start == first:
            self.clear(user, conversation, until)
            return
        message = self._messages.get(log, start)
        newest = self._messages.newest(log)
        if message is None or newest is None:
            return
        told = event_payload(ContentType.DELETE, user, message, json.dumps({"through": until}))
        cid = f"~hide:{user}:{start}:{until}"
        draft = Message(log, 0, 0, cid, user, 0, payload_to_json(told), to=(user,), ref=start)
        context = self._load(user, conversation, log, 0)
        sender = Sender(user, origin=Origin.ADMIN)
        self._publish(draft, conversation, sender, context, Head(newest.seq, newest.uid), from_server=True)

    def _last_until(self, log: str, head: int, time_ms: int) -> int:
        """The last seq that was written up to a time; times grow with the seqs, so halving finds it."""
        low, high = 0, head
        while low < high:
            middle = (low + high + 1) // 2
            slot = self._messages.get(log, middle)
            if slot is None or slot.time > time_ms:
                high = middle - 1
            else:
                low = middle
        return low

    def _own_head(self, user: str, conversation: Conversation) -> int:
        _, last = self._bounds(user, conversation)
        return min(self._newest_seq(conversation.key(user)), last)

    def _tell_devices(self, user: str, conversation: Conversation, change: dict[str, int], skip: str | None) -> None:
        self._rows.stamp(user, conversation, self._clock() // MINUTE_MS)
        frame = frames.push("conversation", {"conversation": frames.ConversationOut.of(conversation), **change})
        self._delivery.push([user], lambda _: frame, skip=skip)
