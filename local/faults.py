"""What may go wrong, on demand: rules that fire at the n-th call that fits, and seeded accidents of queues and sockets.

Rules act at the border between a function and the cloud, so the functions see exactly what they would see on AWS.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, get_args

from botocore.exceptions import ReadTimeoutError

from local.calls import Call, Killed
from local.cloud import Reply
from local.events import QueueMessage

Action = Literal[
    "kill_before", "kill_after", "throttle", "fail_before", "fail_after", "timeout_before", "timeout_after"
]
"""What a rule does to a call.

``kill_*``: the environment dies before or after the call took effect, and its caller gets no answer.
``throttle``: the service refuses, without effect.
``fail_*``: the service answers with an internal error, without or with effect.
``timeout_*``: no answer comes in time, without or with effect.
"""

_THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sqs": "RequestThrottled",
    "sns": "Throttled",
    "s3": "SlowDown",
    "apigatewaymanagementapi": "LimitExceededException",
}


class _Timeout(OSError):
    """A management API call gets no answer; the gateway cuts the connection."""


@dataclass(slots=True)
class Rule:
    """One fault: where it strikes, from which fitting call on, and how often. ``None`` fits everything."""

    action: Action
    function: str | None
    service: str | None
    operation: str | None
    resource: str | None
    nth: int
    times: int
    seen: int = 0

    def fits(self, call: Call) -> bool:
        """Whether the rule is about this call."""
        return (
            call.caller is not None
            and self.function in (None, call.function)
            and self.service in (None, call.service)
            and self.operation in (None, call.operation)
            and (self.resource is None or self.resource in call.resource)
        )


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault that happened: to which call of which invocation."""

    action: str
    function: str
    service: str
    operation: str
    resource: str
    invocation: str | None


@dataclass(slots=True)
class _Chance:
    """An accident that happens with some probability, at most so many times (None: always)."""

    probability: float
    left: int | None = None

    def strikes(self, random: Random) -> bool:
        if self.left == 0 or random.random() >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(slots=True)
class _QueueChances:
    duplicate: _Chance = field(default_factory=lambda: _Chance(0))
    reorder: _Chance = field(default_factory=lambda: _Chance(0))


class Faults:
    """The faults of one topology. Safe from all threads. Everything random is drawn from the seed."""

    def __init__(self, seed: int) -> None:
        self.fired: list[Fired] = []
        self._lock = threading.Lock()
        self._random = Random(seed)
        self._rules: list[Rule] = []
        self._queues: dict[str, _QueueChances] = {}
        self._disconnects = _Chance(0)
        self._chaos = _Chance(0)
        self._chaos_actions: Sequence[Action] = ()

    def on(
        self,
        *,
        action: Action,
        function: str | None = None,
        service: str | None = None,
        operation: str | None = None,
        resource: str | None = None,
        nth: int = 1,
        times: int = 1,
    ) -> Rule:
        """Do ``action`` to the ``nth`` call from now on that fits, and to the ones after it: ``times`` in all.

        ``service`` and ``operation`` are botocore's names (``dynamodb``, ``PutItem``); a post to a socket is
        ``apigatewaymanagementapi``, ``PostToConnection``. ``resource`` is a part of a table's or queue's name.
        """
        if action not in get_args(Action):
            raise ValueError(f"unknown action {action}; known are {', '.join(get_args(Action))}")
        rule = Rule(action, function, service, operation, resource, nth, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def chaos(self, probability: float, actions: Sequence[Action]) -> None:
        """Do one of the actions, by chance, to every call of every function."""
        self._chaos = _Chance(probability)
        self._chaos_actions = actions

    def duplicate(self, queue: str, probability: float = 1.0, times: int | None = None) -> None:
        """Deliver batches of a queue (by its name or a part of it) twice."""
        self._queues.setdefault(queue, _QueueChances()).duplicate = _Chance(probability, times)

    def reorder(self, queue: str, probability: float = 1.0, times: int | None = None) -> None:
        """Shuffle the messages of a queue's batches."""
        self._queues.setdefault(queue, _QueueChances()).reorder = _Chance(probability, times)

    def lose_disconnects(self, probability: float = 1.0, times: int | None = None) -> None:
        """Lose ``$disconnect`` events."""
        self._disconnects = _Chance(probability, times)

    def clear(self) -> None:
        """Take back all faults; ``fired`` stays."""
        with self._lock:
            self._rules.clear()
            self._queues.clear()
            self._disconnects = self._chaos = _Chance(0)

    # What the border, the gateway and the pumps ask

    def before(self, call: Call) -> Reply | None:
        """Choose what happens to a call, and do what happens before it takes effect."""
        if call.caller is None:
            return None
        with self._lock:
            action = self._choose(call)
        match action:
            case "kill_before":
                call.caller.kill()
                raise Killed
            case "throttle":
                return _refusal(call, 429 if call.service == "apigatewaymanagementapi" else 400)
            case "fail_before":
                return _failure(call)
            case "timeout_before":
                raise _timeout(call)
        return None

    def _choose(self, call: Call) -> Action | None:
        chosen: Action | None = None
        for rule in self._rules:
            if rule.fits(call):
                rule.seen += 1
                if rule.nth <= rule.seen < rule.nth + rule.times:
                    chosen = rule.action
        if chosen is None and self._chaos.strikes(self._random):
            chosen = self._random.choice(self._chaos_actions)
        if chosen is not None:
            invocation = call.caller.invocation if call.caller else None
            self.fired.append(Fired(chosen, call.function, call.service, call.operation, call.resource, invocation))
            call.fate = chosen
        return chosen

    def after(self, call: Call) -> Reply | None:
        """Do what happens after the call took effect."""
        match call.fate:
            case "kill_after":
                if call.caller is not None:
                    call.caller.kill()
                raise Killed
            case "fail_after":
                return _failure(call)
            case "timeout_after":
                raise _timeout(call)
        return None

    def disturb(self, queue: str, batch: Sequence[QueueMessage]) -> list[list[QueueMessage]]:
        """The deliveries that a batch becomes."""
        deliveries = [list(batch)]
        with self._lock:
            for name, chances in self._queues.items():
                if name not in queue:
                    continue
                if chances.reorder.strikes(self._random):
                    self._random.shuffle(deliveries[0])
                    self._note("reorder", queue)
                if chances.duplicate.strikes(self._random):
                    deliveries.append(list(deliveries[0]))
                    self._note("duplicate", queue)
        return deliveries

    def loses_disconnect(self) -> bool:
        """Whether the next ``$disconnect`` is lost."""
        with self._lock:
            lost = self._disconnects.strikes(self._random)
            if lost:
                self._note("lose_disconnect", "")
        return lost

    def _note(self, action: str, resource: str) -> None:
        self.fired.append(Fired(action, "", "", "", resource, None))


def _refusal(call: Call, status: int) -> Reply:
    code = _THROTTLED.get(call.service, "ThrottlingException")
    return _error(call, status if call.service != "s3" else 503, code, "Rate exceeded")


def _failure(call: Call) -> Reply:
    return _error(call, 500, "InternalServerError", "The request failed for an unknown reason")


def _error(call: Call, status: int, code: str, message: str) -> Reply:
    """An error answer in the service's own protocol."""
    if call.service in ("sns", "s3"):
        inner = f"<Code>{code}</Code><Message>{message}</Message>"
        text = (
            f"<Error>{inner}</Error>"
            if call.service == "s3"
            else f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, text.encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()


def _timeout(call: Call) -> Exception:
    if call.service == "apigatewaymanagementapi":
        return _Timeout("no answer")
    timeout: Exception = ReadTimeoutError(endpoint_url=call.service)
    return timeout
