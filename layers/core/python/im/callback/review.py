"""Asks a reviewer outside before a message is accepted (server-api spec 5.9). The sender waits, but not for long."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from im.callback.model import holds, numbers
from im.callback.way_out import WayOut
from im.errors import BusyError, ImError
from im.message.model import Conversation, Message, Payload, check_payload, payload_from_json
from im.platform.clock import Clock
from im.platform.metrics import Count, ignore
from im.platform.webhooks import WebhookError, WebhookFailed
from im.settings import Switches
from im.wire.outgoing import OutputMessage, encode

FAILURES = 3
"""Failures in a row after which the reviewer is not asked for a while."""
REST_MS = 30_000
_REJECTED = 403


class RemoteReview:
    """``Review`` over HTTP.

    A reviewer that fails is left alone by this process for half a minute: it would slow each message down. What is sent
    meanwhile is sent as it is, or refused for the moment, as the deployment chooses.

    Args:
        webhooks: asks.
        secrets: what requests are signed with.
        switches: where, what, how long, and what happens without an answer.
        clock: the time.
        count: takes metrics.
    """

    def __init__(
        self,
        webhooks: WayOut,
        secrets: Callable[[], Sequence[str]],
        switches: Switches,
        clock: Clock,
        count: Count = ignore,
    ) -> None:
        self._webhooks = webhooks
        self._secrets = secrets
        self._switches = switches
        self._clock = clock
        self._count = count
        self._types = numbers(switches.review_types)
        self._failures = 0
        self._rests_until = 0

    def concerns(self, payload: Payload) -> bool:
        """See ``Review``."""
        return holds(self._types, payload.type)

    def verdict(self, message: Message, conversation: Conversation) -> Payload | None:
        """See ``Review``."""
        payload = payload_from_json(message.payload)
        if self._clock() < self._rests_until:
            return self._unreviewed(payload)
        try:
            answer = self._webhooks.post(
                self._switches.review_url,
                encode(OutputMessage.of(message, conversation)),
                message_id=f"review-{message.uid}",
                secret=self._secrets(),
                timeout_s=self._switches.review_timeout_ms / 1000,
            )
        except WebhookFailed as failure:
            if failure.status == _REJECTED:
                self._failures = 0
                return None
            return self._failed(payload)
        except (WebhookError, BusyError):
            return self._failed(payload)
        self._failures = 0
        return self._replaced(payload, answer.body)

    def _failed(self, payload: Payload) -> Payload:
        self._failures += 1
        if self._failures >= FAILURES:
            self._failures = 0
            self._rests_until = self._clock() + REST_MS
        return self._unreviewed(payload)

    def _unreviewed(self, payload: Payload) -> Payload:
        self._count("ReviewsMissed", 1)
        if self._switches.review_or_refuse:
            raise BusyError("the reviewer does not answer", after_ms=self._switches.review_timeout_ms)
        return payload

    def _replaced(self, payload: Payload, body: bytes) -> Payload:
        """The content that the reviewer wants instead. Whether it is stored stays as it was."""
        if not body:
            return payload
        try:
            chosen = msgspec.json.decode(body, type=Payload)
            if chosen.type <= 0:
                return payload
            chosen = replace(chosen, persistFlag=payload.persistFlag)
            check_payload(chosen, self._switches.max_message_bytes)
        except (msgspec.MsgspecError, ImError, ValueError):
            # The official server sends what it was given; its sample receivers answer "ok" everywhere.
            return payload
        return chosen
