"""Answers HTTP calls of the server API: the checks in the reference server's order, the endpoint, the envelope.

Decisions where the spec leaves a choice (sections 1.3 and 1.5): whatever a caller can get wrong in a body, malformed JSON
included, answers HTTP 200 with code 251; an unknown path answers HTTP 404 and a wrong method HTTP 405, so that SDK users
see an exception and no silent success; a failure of ours answers HTTP 200 with code 4, or 221 when a repeat may succeed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from im.errors import Code, ImError, InvalidError
from im.limits import RateLimiter
from im.platform import telemetry
from im.platform.clock import Clock
from im.server_api.diagnostics import VERIFY_TOKEN, VERSION, TokenCheck, version
from im.server_api.doors import Door, UsedSignatures
from im.server_api.endpoints import HEALTH, NOT_IMPLEMENTED
from im.server_api.health import health
from im.server_api.openapi import DOCUMENT, encoded
from im.server_api.registry import ENDPOINTS, Services
from im.settings import Switches
from im.wire.api import codec
from im.wire.signature import HttpCall, Policy, verify

ADMIN = "admin"
_MAX_ANSWER = 6_000_000
"""A function's answer may have 6 MB, as a JSON text in which quotes and backslashes take two bytes."""
_JSON = "application/json;charset=utf-8"
_TEXT = "text/plain;charset=utf-8"


class Reply(Struct, frozen=True):
    """An HTTP answer; ``code`` is the envelope's, for logs and metrics, None without an envelope."""

    status: int
    body: bytes
    code: int | None = None
    content_type: str = _JSON

    def as_event(self) -> dict[str, Any]:
        """The answer as a function URL wants it."""
        return {"statusCode": self.status, "headers": {"Content-Type": self.content_type}, "body": self.body.decode()}


class ServerApi:
    """The server API.

    Args:
        services: what the endpoints call.
        secrets: returns the admin secrets that are valid.
        signatures: remembers used signatures.
        limiter: the limit per family.
        switches: the deployment's behaviour.
        clock: the time.
        token_check: looks at tokens for people.
        doors: of the families whose callers have secrets of their own.
    """

    def __init__(
        self,
        services: Services,
        secrets: Callable[[], Sequence[str]],
        signatures: UsedSignatures,
        limiter: RateLimiter,
        switches: Switches,
        clock: Clock,
        token_check: TokenCheck,
        doors: Sequence[Door] = (),
    ) -> None:
        self._services = services
        self._secrets = secrets
        self._signatures = signatures
        self._limiter = limiter
        self._switches = switches
        self._clock = clock
        self._token_check = token_check
        self._doors = {door.family: door for door in doors}
        window = None if switches.admin_no_check_time else switches.clock_window_ms
        self._policy = Policy(legacy=switches.legacy_signature, window_ms=window)

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one function URL event. Never raises."""
        path = "" if (raw := event.get("rawPath")) is None else raw
        try:
            reply = self._answer(codec.http_call(event))
        except ImError as error:
            reply = _refusal(error)
        except Exception:
            telemetry.logger.exception("server api failed", extra={"path": path})
            reply = _refusal(ImError(Code.SERVER_ERROR))
        self._note(path, reply)
        telemetry.flush()
        return reply.as_event()

    def _note(self, path: str, reply: Reply) -> None:
        telemetry.count("ApiCalls", 1)
        if reply.code in (0, Code.NOT_MODIFIED) or (reply.code is None and reply.status == 200):
            return
        telemetry.count("ApiRefused", 1)
        known = path in ENDPOINTS or path in NOT_IMPLEMENTED
        facts = {"path": path if known else "other", "status": reply.status, "code": reply.code}
        telemetry.logger.info("server api refused", extra=facts)

    def _answer(self, call: HttpCall) -> Reply:
        if call.method == "HEAD":
            return Reply(200, b"")
        if call.path in (VERSION, VERIFY_TOKEN):
            return self._diagnosis(call)
        if call.path == DOCUMENT:
            return self._document(call)
        if call.path not in ENDPOINTS and call.path not in NOT_IMPLEMENTED and call.path != HEALTH:
            return Reply(404, b"")
        if call.method != ("GET" if call.path == HEALTH else "POST"):
            return _wrong_method()
        family = call.path.split("/")[1]
        if family != ADMIN and family not in self._doors:
            return _refusal(ImError(Code.NOT_IMPLEMENT))
        caller = ""
        try:
            if family == ADMIN:
                self._admit(call)
            else:
                caller = self._doors[family].admit(call)
        except ImError as error:
            return _refusal(error, nested=True)
        return self._run(call, caller)

    def _admit(self, call: HttpCall) -> None:
        """Rate, then signature, then repeats: a write for the memory of signatures is only spent on a right one.

        The health path is free of signatures, but only in exactly that spelling, without a query (spec 1.3).
        """
        self._limiter.take(ADMIN, ADMIN)
        if call.path == HEALTH and not call.query:
            return
        now = self._clock()
        signature = verify(call, self._secrets, self._policy, now)
        if signature.expires is None:
            return
        if not self._signatures.remember(ADMIN, signature.value, now, signature.expires):
            raise ImError(Code.AUTH_FAILURE)

    def _run(self, call: HttpCall, caller: str = "") -> Reply:
        if call.path == HEALTH:
            return Reply(200, codec.success(health()), 0)
        self._services.users.ensure_seeds()
        self._services.rooms.ensure_seeds()
        self._services.system.ensure_seeds()
        endpoint = ENDPOINTS.get(call.path)
        if endpoint is None:
            raise ImError(Code.NOT_IMPLEMENT)
        body = codec.decode(endpoint.request, call.body) if endpoint.request else None
        answer = codec.success(endpoint.run(self._services, *([caller] if caller else []), body))
        if len(answer) + answer.count(b'"') + answer.count(b"\\") > _MAX_ANSWER:
            raise InvalidError(f"the answer has {len(answer)} bytes, more than HTTP takes here: ask for less")
        return Reply(200, answer, 0)

    def _diagnosis(self, call: HttpCall) -> Reply:
        if self._switches.close_api_version:
            return Reply(404, b"404 Not found!")
        if call.method != "GET":
            return _wrong_method()
        if call.path == VERSION:
            return Reply(200, version())
        return Reply(200, self._token_check.explain(call.query).encode(), content_type=_TEXT)

    def _document(self, call: HttpCall) -> Reply:
        if not self._switches.serve_openapi:
            return Reply(404, b"")
        if call.method != "GET":
            return _wrong_method()
        try:
            self._limiter.take(ADMIN, ADMIN)
        except ImError as error:
            return _refusal(error)
        return Reply(200, encoded())


def _refusal(error: ImError, *, nested: bool = False) -> Reply:
    return Reply(200, codec.failure(error, nested=nested), int(error.code))


def _wrong_method() -> Reply:
    return Reply(405, b"")
