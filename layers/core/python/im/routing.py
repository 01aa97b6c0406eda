"""From a WebSocket event to an operation and back: decoding, rate limit, error frames, logs and metrics in one place.

A handler registers its operations with a schema each; it never sees a malformed request and never builds an error frame.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from im.errors import Code, ImError
from im.limits import RateLimiter
from im.platform import telemetry
from im.wire import frames

Answer = dict[str, Any]
Operation = Callable[["Call", Any], Any]


class Call(Struct, frozen=True):
    """Who asks, over which socket.

    Attributes:
        user: the user id, from the token.
        client: the client id, from the token.
        platform: Wildfire's platform number, from the token.
        connection: the connection id.
        connected_at: when the socket was opened, ms.
    """

    user: str
    client: str
    platform: int
    connection: str
    connected_at: int


def call_of(event: Mapping[str, Any]) -> Call:
    """The caller of a WebSocket event, as the authorizer vouched for him when the socket was opened."""
    context = event["requestContext"]
    vouched = context["authorizer"]
    return Call(
        vouched["userId"],
        vouched["clientId"],
        int(vouched["platform"]),
        context["connectionId"],
        int(context["connectedAt"]),
    )


class Router:
    """The operations of one route.

    Args:
        route: the route key that the gateway selects by.
        limiter: returns the limiter of client requests.
    """

    def __init__(self, route: str, limiter: Callable[[], RateLimiter]) -> None:
        self._route = route
        self._limiter = limiter
        self._operations: dict[str, tuple[msgspec.json.Decoder[Any], Operation]] = {}

    def op(self, name: str, schema: type[msgspec.Struct]) -> Callable[[Operation], Operation]:
        """Register an operation; its body is decoded by the schema, its result is the answer's body."""

        def register(operation: Operation) -> Operation:
            self._operations[name] = (msgspec.json.Decoder(schema), operation)
            return operation

        return register

    @property
    def operations(self) -> Mapping[str, type[Any]]:
        """The operations and their body schemas, for the documentation."""
        return {name: decoder.type for name, (decoder, _) in self._operations.items()}

    def handle(self, event: Mapping[str, Any]) -> Answer:
        """Answer one frame. Never raises: what goes wrong becomes an error frame."""
        text: str = event.get("body") or ""
        request: frames.Request | None = None
        try:
            request = frames.decode_request(text)
            body = self._run(call_of(event), request)
            return _reply(frames.answer(request.id, body))
        except ImError as error:
            telemetry.count("SendRefused", 1)
            telemetry.logger.info("refused", extra=self._facts(event, request, int(error.code)))
            return _reply(frames.failure(error, request.id if request else frames.request_id(text)))
        except Exception:
            telemetry.count("HandlerFailed", 1)
            telemetry.logger.exception("failed", extra=self._facts(event, request, int(Code.SERVER_ERROR)))
            unknown = ImError(Code.SERVER_ERROR, retry=True)
            return _reply(frames.failure(unknown, request.id if request else None))
        finally:
            telemetry.flush()

    def _run(self, call: Call, request: frames.Request) -> Any:
        if request.route != self._route or request.op not in self._operations:
            raise ImError(Code.NOT_IMPLEMENT, f"no operation {request.op[:64]!r} on this route")
        self._limiter().take(f"{self._route}.{request.op}", f"{call.user}/{call.client}")
        decoder, operation = self._operations[request.op]
        return operation(call, frames.decode_body(decoder, request.body))

    def _facts(self, event: Mapping[str, Any], request: frames.Request | None, code: int) -> dict[str, Any]:
        context = event["requestContext"]
        return {
            "code": code,
            "op": f"{self._route}.{request.op[:64]}" if request else self._route,
            "connection": context["connectionId"],
            "request": context.get("requestId"),
        }


def refuse(event: Mapping[str, Any]) -> Answer:
    """The answer to a frame that the gateway could not route: not JSON, or no known route."""
    text: str = event.get("body") or ""
    try:
        request = frames.decode_request(text)
    except ImError as error:
        return _reply(frames.failure(error, frames.request_id(text)))
    unrouted = ImError(Code.NOT_IMPLEMENT, f"no route {request.route[:64]!r}")
    return _reply(frames.failure(unrouted, request.id))


def _reply(frame: str) -> Answer:
    return {"statusCode": 200, "body": frame}
