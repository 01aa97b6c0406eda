"""The life of a socket (``$connect``, ``$disconnect``), the ``session`` route, and frames that fit no route."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from im.connect.model import Changes, ConversationState
from im.message.model import PULL_LIMIT
from im.platform import telemetry
from im.routing import Answer, Call, Router, call_of, refuse
from im.wire import frames
from im.wire.handshake import SUBPROTOCOL, selects_subprotocol
from im.wiring.base import client_limiter, settings
from im.wiring.connect import connect_service

router = Router("session", client_limiter)

SyncText = Annotated[str, Meta(max_length=1_024)]
"""A sync token. The longest that we make names a conversation of two ids of 64 four-byte characters each."""


class HelloBody(frames.Strict, frozen=True):
    """Asks for what changed since a sync token."""

    sync: SyncText | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class PingBody(frames.Strict, frozen=True):
    """The heartbeat."""

    sync: SyncText | None = None


class EmptyBody(frames.Strict, frozen=True):
    """Nothing."""


class KickBody(frames.Strict, frozen=True):
    """Names one's own device."""

    clientId: str  # noqa: N815


class LogoutBody(frames.Strict, frozen=True):
    """Says whether the device keeps getting pushes."""

    push: Annotated[str, Meta(pattern="^(keep|off)$")] = "off"


@router.op("hello", HelloBody)
def hello(call: Call, body: HelloBody) -> dict[str, Any]:
    """What changed, page by page, and what this deployment allows."""
    connect_service().renew(call.user, call.client, call.platform, call.connection, call.connected_at)
    switches = settings().switches
    return {
        **_changes(connect_service().hello(call.user, body.sync, body.limit)),
        "userId": call.user,
        "server": {
            "heartbeat": switches.heartbeat_s,
            "maxMessageBytes": switches.max_message_bytes,
            "maxUploadBytes": switches.max_upload_bytes,
            "recallTimeLimit": switches.recall_time_limit_s,
            "pullLimit": PULL_LIMIT,
            "receipts": switches.receipts,
            "groupReceipts": switches.group_receipts if switches.receipts else 0,
        },
    }


@router.op("ping", PingBody)
def ping(call: Call, body: PingBody) -> dict[str, Any]:
    """The same delta as ``hello``; it repairs whatever push was lost, and the registration of this socket."""
    connect_service().renew(call.user, call.client, call.platform, call.connection, call.connected_at)
    return _changes(connect_service().hello(call.user, body.sync, 100))


@router.op("devices", EmptyBody)
def devices(call: Call, body: EmptyBody) -> list[dict[str, Any]]:
    """One's own sessions."""
    return [
        {
            "clientId": state.session.client,
            "platform": state.session.platform,
            "online": state.online,
            "since": state.last_seen,
        }
        for state in connect_service().sessions(call.user)
    ]


@router.op("kick", KickBody)
def kick(call: Call, body: KickBody) -> dict[str, Any]:
    """End one's own session on a PC, the web or a pad."""
    connect_service().kick_own(call.user, body.clientId)
    return {}


@router.op("logout", LogoutBody)
def logout(call: Call, body: LogoutBody) -> dict[str, Any]:
    """End this session; the socket is closed."""
    connect_service().logout(call.user, call.client, call.connection, keep_push=body.push == "keep")
    return {}


def _changes(changes: Changes) -> dict[str, Any]:
    return {
        "time": changes.time,
        "sync": changes.token,
        "more": changes.more,
        "conversations": [_state(state) for state in changes.conversations],
        "versions": changes.versions,
    }


class StateOut(Struct, frozen=True, omit_defaults=True):
    """A conversation in a sync.

    ``last`` is there only when the reader has left, ``cleared`` and ``removed`` when he did, settings when they are on.
    """

    conversation: frames.ConversationOut
    head: int
    read: int
    first: int
    last: int | UnsetType = UNSET
    cleared: int = 0
    removed: int = 0
    silent: bool = False
    top: int = 0


def _state(state: ConversationState) -> StateOut:
    conversation = frames.ConversationOut.of(state.conversation)
    last = UNSET if state.last is None else state.last
    return StateOut(
        conversation,
        state.head,
        state.read,
        state.first,
        last,
        state.cleared,
        state.removed,
        state.silent,
        state.top,
    )


def handler(event: dict[str, Any], context: object) -> Answer:
    """Serve the four routes."""
    match event["requestContext"]["routeKey"]:
        case "$connect":
            return _connect(event)
        case "$disconnect":
            call = call_of(event)
            connect_service().disconnected(call.user, call.client, call.connection)
            return {"statusCode": 200}
        case "$default":
            return refuse(event)
        case _:
            return router.handle(event)


def _connect(event: dict[str, Any]) -> Answer:
    call = call_of(event)
    registered = connect_service().connected(call.user, call.client, call.platform, call.connection, call.connected_at)
    telemetry.logger.info("connected", extra={"connection": call.connection, "registered": registered})
    if not registered:
        return {"statusCode": 409}
    headers = {"Sec-WebSocket-Protocol": SUBPROTOCOL} if selects_subprotocol(event) else {}
    return {"statusCode": 200, "headers": headers}
