"""The WebSocket API and its connection management API, as API Gateway behaves, on one loopback port.

What is copied on purpose: the authorizer and ``$connect`` decide before the handshake is answered; nothing can be posted to
a connection before that; frames of one connection are handled concurrently, in no order; only routes with a route
response answer; a lost or late client is noticed by a 410 only; ``$disconnect`` is best effort.
"""

import asyncio
import base64
import fnmatch
import json
import re
import socket
import uuid
from collections.abc import Callable, Coroutine, Mapping
from enum import Enum, auto
from random import Random
from typing import Any, Protocol
from urllib.parse import unquote

from aiohttp import web
from websockets.http11 import Request

from local import events
from local.calls import Call, Caller, Killed
from local.cloud import Interference
from local.functions import FunctionFailed, FunctionHost
from local.sigv4 import SignatureError, verify
from local.template import Authorizer, WebSocketApi
from local.websocket import MAX_MESSAGE, Connection, WebSocketConnection

IDLE_MS = 10 * 60 * 1000
LIFETIME_MS = 2 * 60 * 60 * 1000
INTEGRATION_TIMEOUT_S = 29.0
_MAX_UNSENT = 4 * 1024 * 1024
_WELL_FORMED = re.compile(r"[A-Za-z0-9+/_-]{15}=")
_SWEEP_S = 5.0
SHUTDOWN_S = 0.05
"""How long an HTTP server waits for its handlers when it stops. (aiohttp takes 0 for no limit.)"""


class SocketMeter(Protocol):
    """Counts what the sockets cost."""

    def socket_in(self, route: str, size: int) -> None:
        """A message of so many bytes came in."""

    def socket_out(self, size: int, *, posted_by: Caller | None) -> None:
        """A message went out: posted by a function, or as a route response (None)."""

    def socket_closed(self, minutes: int) -> None:
        """A connection ended that was open for so many begun minutes."""

    def called(self, call: Call) -> None:
        """The management API was called, for something else than a post that succeeded."""


class SocketFaults(Interference, Protocol):
    """What may go wrong with sockets."""

    def loses_disconnect(self) -> bool:
        """Whether the next ``$disconnect`` event is lost."""


class _State(Enum):
    CONNECTING = auto()
    OPEN = auto()
    GONE = auto()


class Refused(Exception):
    """A handshake is refused with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class SocketSession:
    """One connection of the API, from its handshake to its ``$disconnect``."""

    def __init__(self, gateway: "SocketGateway", connection: Connection) -> None:
        self.gateway = gateway
        self.connection = connection
        self.state = _State.CONNECTING
        self.client: events.Client
        self.last_active = 0
        self.ghost_posts = -1
        """How many more posts a silently dropped connection swallows before a 410; -1 while it is alive."""
        self._waiting: list[str] = []

    def handshake(self, request: Request) -> None:
        """A client asks for a WebSocket."""
        self.gateway.spawn(self._open(request))

    async def _open(self, request: Request) -> None:
        gateway = self.gateway
        path, _, query = request.path.partition("?")
        headers = [*request.headers.raw_items(), *gateway.forwarded_headers(self.connection.peer_ip)]
        self.client = gateway.new_client(self.connection.peer_ip, request.headers.get("User-Agent", ""))
        self.last_active = self.client.connected_at
        try:
            if path.rstrip("/") != f"/{gateway.api.stage}":
                raise Refused(403, "Forbidden")
            subprotocol = await gateway.admit(self.client, headers, query)
        except Refused as refusal:
            self.state = _State.GONE
            body = {
                "message": refusal.message,
                "connectionId": self.client.connection_id,
                "requestId": str(uuid.uuid4()),
            }
            self.connection.refuse(refusal.status, json.dumps(body))
            return
        # Known before the client learns that it is connected, because others may post to it from then on.
        self.state = _State.OPEN
        gateway.sessions[self.client.connection_id] = self
        if not self.connection.accept(subprotocol):
            self.forget()
            gateway.left(self, 1006, "Connection closed abnormally")

    def text(self, text: str) -> None:
        """A message came in."""
        if self.state is not _State.OPEN:
            return
        self.last_active = self.gateway.now_ms()
        if self.gateway.shuffle is None:
            self.gateway.spawn(self.gateway.message(self, text))
            return
        self._waiting.append(text)
        if len(self._waiting) == 1:
            self.gateway.spawn(self._shuffled())

    async def _shuffled(self) -> None:
        """Dispatch all that arrived within a moment in another order."""
        await asyncio.sleep(0.003)
        waiting, self._waiting = self._waiting, []
        if self.gateway.shuffle is not None:
            self.gateway.shuffle.shuffle(waiting)
        for text in waiting:
            self.gateway.spawn(self.gateway.message(self, text))

    def send(self, data: bytes) -> None:
        """Send a message to the client."""
        self.last_active = self.gateway.now_ms()
        self.connection.send(data)

    def close(self, code: int, reason: str) -> None:
        """Close from our side."""
        self.connection.close(code, reason)

    def closed(self, code: int, reason: str) -> None:
        """The connection is over, whoever closed it."""
        if self.state is _State.OPEN and self.ghost_posts < 0:
            self.forget()
            self.gateway.left(self, code, reason)

    def forget(self) -> None:
        """From now on the connection id is gone."""
        self.state = _State.GONE
        self.gateway.sessions.pop(self.client.connection_id, None)


class SocketGateway:
    """A WebSocket API on one loopback port.

    Args:
        api: its routes.
        host: runs the functions.
        now_ms: the clock of the idle and lifetime limits.
        secret_key: what the functions sign their posts with.
        random: source of connection ids.
        meter, faults: see there.
    """

    def __init__(
        self,
        api: WebSocketApi,
        host: FunctionHost,
        now_ms: Callable[[], int],
        *,
        secret_key: str,
        random: Random,
        meter: SocketMeter,
        faults: SocketFaults,
    ) -> None:
        self.api = api
        self.now_ms = now_ms
        self.sessions: dict[str, SocketSession] = {}
        self.shuffle: Random | None = None
        """Frames that arrive together are dispatched in an order drawn from here; None dispatches them as they came."""
        self._host = host
        self._secret_key = secret_key
        self._random = random
        self._meter = meter
        self._faults = faults
        self.work: set[asyncio.Task[None]] = set()
        """The handshakes, frames and ``$disconnect`` events that are being handled."""
        self._server: asyncio.Server
        self._http = web.Server(self._manage, access_log=None)
        self._sweeper: asyncio.TimerHandle | None = None
        prefix = "$request.body."
        if not api.selection.startswith(prefix):
            raise ValueError(f"route selection expression {api.selection} is not supported")
        self._selector = api.selection.removeprefix(prefix).split(".")

    async def start(self, listener: socket.socket) -> None:
        """Serve clients on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listener, backlog=1024)
        self._tick()

    def _connection(self) -> WebSocketConnection:
        return WebSocketConnection(lambda connection: SocketSession(self, connection), self._http)

    async def stop(self) -> None:
        """Cut all connections without further events, and stop listening."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._server.close()
        for session in list(self.sessions.values()):
            session.connection.abort()
        for task in self.work:
            task.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)
        await self._http.shutdown(SHUTDOWN_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something as a part of ``work``."""
        task = asyncio.get_running_loop().create_task(work)
        self.work.add(task)
        task.add_done_callback(self.work.discard)

    async def barrier(self, within_s: float) -> None:
        """Wait until all clients have taken what was sent to them, and we have read what they sent before.

        A client that does not answer pings within ``within_s`` seconds is not waited for.
        """
        payload = uuid.uuid4().bytes
        waiters = [session.connection.ping(payload) for session in self.sessions.values() if session.ghost_posts < 0]
        if waiters:
            await asyncio.wait(waiters, timeout=within_s)

    # Handshake

    def new_client(self, source_ip: str, user_agent: str) -> events.Client:
        """A new connection, with an id that looks like API Gateway's."""
        return events.Client(
            connection_id=base64.urlsafe_b64encode(self._random.randbytes(11)).decode(),
            api_id=self.api.api_id,
            stage=self.api.stage,
            domain=self.api.host,
            connected_at=self.now_ms(),
            source_ip=source_ip,
            user_agent=user_agent,
        )

    def forwarded_headers(self, source_ip: str) -> list[tuple[str, str]]:
        """What API Gateway adds to the client's headers."""
        return [
            ("X-Amzn-Trace-Id", f"Root=1-{self.now_ms() // 1000:08x}-{self._random.randbytes(12).hex()}"),
            ("X-Forwarded-For", source_ip),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
        ]

    async def admit(self, client: events.Client, headers: events.Headers, query: str) -> str | None:
        """Run the authorizer and ``$connect``. Returns the subprotocol that the handshake's answer shall name.

        Raises:
            Refused: by one of them.
        """
        route = self.api.routes.get("$connect")
        if route is None:
            return None
        if route.authorizer is not None:
            await self._authorize(route.authorizer, client, headers, query)
        event = events.connect(client, headers, query, str(uuid.uuid4()), self.now_ms())
        try:
            result = await asyncio.wait_for(self._host.invoke(route.function, event), INTEGRATION_TIMEOUT_S)
        except (FunctionFailed, TimeoutError):
            raise Refused(502, "Internal server error") from None
        status = result.get("statusCode") if isinstance(result, dict) else None
        if not isinstance(status, int):
            raise Refused(502, "Internal server error")
        if not 200 <= status < 300:
            raise Refused(status, "Forbidden" if status == 403 else "Connection refused")
        chosen = {name.lower(): str(value) for name, value in (result.get("headers") or {}).items()}
        return chosen.get("sec-websocket-protocol")

    async def _authorize(
        self, authorizer: Authorizer, client: events.Client, headers: events.Headers, query: str
    ) -> None:
        event = events.authorizer(client, headers, query, str(uuid.uuid4()), self.now_ms())
        for source in authorizer.identity_sources:
            if not _identity(source, event):
                raise Refused(401, "Unauthorized")
        started = self.now_ms()
        try:
            result = await self._host.invoke(authorizer.function, event)
        except FunctionFailed as failure:
            if failure.kind == "error" and failure.text == "Unauthorized":
                raise Refused(401, "Unauthorized") from None
            raise Refused(500, "Internal server error") from None
        context = _authorizer_context(result)
        if not _allows(result["policyDocument"], events.method_arn(client)):
            raise Refused(403, "User is not authorized to access this resource")
        client.authorizer = {**context, "integrationLatency": self.now_ms() - started}

    # Messages

    async def message(self, session: SocketSession, text: str) -> None:
        """Handle one message of a client."""
        route = self.api.routes.get(self._select(text)) or self.api.routes.get("$default")
        self._meter.socket_in(route.key if route else "", len(text.encode()))
        request_id = str(uuid.uuid4())
        if route is None:
            self._error(session, "Forbidden", request_id)
            return
        message_id = base64.urlsafe_b64encode(self._random.randbytes(11)).decode()
        event = events.message(session.client, route.key, text, message_id, request_id, self.now_ms())
        try:
            result = await asyncio.wait_for(self._host.invoke(route.function, event), INTEGRATION_TIMEOUT_S)
        except TimeoutError:
            self._error(session, "Endpoint request timed out", request_id)
            return
        except FunctionFailed as failure:
            if failure.kind != "killed":
                self._error(session, "Internal server error", request_id)
            return
        if not route.answers:
            return
        answer = result.get("body") if isinstance(result, dict) and "statusCode" in result else None
        data = answer.encode() if isinstance(answer, str) else b""
        if not isinstance(answer, str) or len(data) > MAX_MESSAGE:
            self._error(session, "Internal server error", request_id)
        elif session.state is _State.OPEN:
            self._meter.socket_out(len(data), posted_by=None)
            session.send(data)

    def _select(self, text: str) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return "$default"
        for name in self._selector:
            value = value.get(name) if isinstance(value, dict) else None
        # The predefined routes are for API Gateway alone.
        return value if isinstance(value, str) and not value.startswith("$") else "$default"

    def _error(self, session: SocketSession, message: str, request_id: str) -> None:
        frame = {"message": message, "connectionId": session.client.connection_id, "requestId": request_id}
        if session.state is _State.OPEN:
            session.send(json.dumps(frame).encode())

    # The end of connections

    def left(self, session: SocketSession, code: int, reason: str) -> None:
        """A connection that ``$connect`` had admitted is over."""
        now = self.now_ms()
        self._meter.socket_closed(-(-(now - session.client.connected_at) // 60_000))
        route = self.api.routes.get("$disconnect")
        if route is None or self._faults.loses_disconnect():
            return
        event = events.disconnect(session.client, code, reason, str(uuid.uuid4()), now)
        self.spawn(self._disconnected(route.function, event))

    async def _disconnected(self, function: str, event: events.Event) -> None:
        try:
            await self._host.invoke(function, event)
        except FunctionFailed:
            return  # nobody waits for the answer; the function's log has the error

    def sweep(self) -> None:
        """Close connections that were idle or open for too long."""
        now = self.now_ms()
        for session in list(self.sessions.values()):
            expired = now - session.client.connected_at >= LIFETIME_MS or now - session.last_active >= IDLE_MS
            if expired and session.ghost_posts < 0:
                session.close(1001, "Going away")

    def _tick(self) -> None:
        self.sweep()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._tick)

    def drop_silently(self, connection_id: str, swallowed_posts: int) -> None:
        """Cut a client's connection such that nobody notices: posts still succeed, so many times, then come 410s.

        No ``$disconnect`` is ever sent for it.
        """
        session = self.sessions[connection_id]
        session.ghost_posts = swallowed_posts
        session.connection.abort()

    # The connection management API

    async def _manage(self, request: web.BaseRequest) -> web.Response:
        raw_path, _, query = request.raw_path.partition("?")
        if raw_path == "/health":
            return web.json_response({"connections": len(self.sessions)})
        body = await request.content.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            signer = verify(self._secret_key, request.method, raw_path, query, headers, body)
        except SignatureError as error:
            return _exception(403, "ForbiddenException", str(error))
        prefix = f"/{self.api.stage}/@connections/"
        operations = {"POST": "PostToConnection", "GET": "GetConnection", "DELETE": "DeleteConnection"}
        if not unquote(raw_path).startswith(prefix) or request.method not in operations:
            return _exception(403, "ForbiddenException", "Forbidden")
        connection_id = unquote(raw_path).removeprefix(prefix)
        caller = self._host.environment(signer.access_key)
        params = {"ConnectionId": connection_id, "Size": len(body)}
        call = Call("apigatewaymanagementapi", operations[request.method], params, caller)
        try:
            return self._managed(call, connection_id, body)
        except Killed:
            # Nobody is there any more to read an answer.
            return self._cut(request)
        except OSError:
            return self._cut(request)

    def _cut(self, request: web.BaseRequest) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _managed(self, call: Call, connection_id: str, body: bytes) -> web.Response:
        reply = self._faults.before(call)
        if reply is None:
            if call.caller is not None and not call.caller.alive:
                raise Killed
            response = self._execute(call, connection_id, body)
            if call.operation == "PostToConnection" and response.status == 200:
                self._meter.socket_out(len(body), posted_by=call.caller)
            else:
                self._meter.called(call)
            reply = self._faults.after(call)
            if reply is None:
                return response
        status, headers, text = reply
        return web.Response(status=status, headers=dict(headers), body=text)

    def _execute(self, call: Call, connection_id: str, body: bytes) -> web.Response:
        if not _WELL_FORMED.fullmatch(connection_id):
            return _exception(400, "BadRequestException", f"Invalid connectionId: {connection_id}")
        session = self.sessions.get(connection_id)
        if session is not None and session.ghost_posts == 0:
            session.forget()
            session = None
        if session is None:
            return _exception(410, "GoneException", "410")
        if call.operation == "GetConnection":
            return web.json_response(_description(session))
        if call.operation == "DeleteConnection":
            session.close(1000, "Connection Closed Normally")
            return web.Response(status=204)
        if len(body) > MAX_MESSAGE:
            return _exception(413, "PayloadTooLargeException", "Message too long")
        if session.connection.unsent > _MAX_UNSENT:
            return _exception(429, "LimitExceededException", "The client does not take its messages")
        if session.ghost_posts > 0:
            session.ghost_posts -= 1
        else:
            session.send(body)
        return web.Response()


def _exception(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": kind})


def _description(session: SocketSession) -> dict[str, Any]:
    return {
        "connectedAt": events.iso(session.client.connected_at),
        "identity": {"sourceIp": session.client.source_ip, "userAgent": session.client.user_agent},
        "lastActiveAt": events.iso(session.last_active),
    }


def _identity(source: str, event: events.Event) -> str | None:
    """The value of an identity source such as ``route.request.header.Authorization``."""
    kind, _, name = source.removeprefix("route.request.").partition(".")
    values: Mapping[str, str] = event.get({"header": "headers", "querystring": "queryStringParameters"}[kind], {})
    if kind == "header":
        values = {key.lower(): value for key, value in values.items()}
        name = name.lower()
    return values.get(name)


def _authorizer_context(result: Any) -> dict[str, Any]:
    """What later events carry of an authorizer's answer: its context as strings, and the principal.

    Raises:
        Refused: the answer has no principal or policy, or a context value that is not a string, number or boolean.
    """
    try:
        context = result.get("context") or {}
        values = {name: _text(value) for name, value in context.items()}
        if not isinstance(result["policyDocument"]["Statement"], list):
            raise TypeError("Statement is not a list")
        return {**values, "principalId": str(result["principalId"])}
    except (AttributeError, KeyError, TypeError):
        raise Refused(500, "Internal server error") from None


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    raise TypeError("a context value is not a string, number or boolean")


def _allows(policy: Mapping[str, Any], arn: str) -> bool:
    """Whether a policy document allows invoking ``arn``; a denial beats all permissions."""
    allowed = False
    for statement in policy["Statement"]:
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if not any(fnmatch.fnmatchcase("execute-api:invoke", action.lower()) for action in actions):
            continue
        if not any(fnmatch.fnmatchcase(arn, _pattern(resource)) for resource in resources):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _pattern(resource: str) -> str:
    """IAM knows the wildcards ``*`` and ``?`` only."""
    return resource.replace("[", "[[]")
