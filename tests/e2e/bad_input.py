"""What nobody should send, and what the system answers: the rows of the tables in docs/protocol.md, with how to do each."""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from im import keys
from im.wire.signature import HttpCall, sign, sign_native
from local.client import SocketClient
from local.topology import ADMIN_SECRET, Topology

Item = dict[str, Any]

BOB = {"type": 0, "target": "bob"}
PICTURE = {"type": 0, "target": "eve"}
DEEP = "[" * 15_000 + "]" * 15_000
WORD = "casino"
LONG_LOG = 12
MINUTE_S = 60
WINDOW_MS = 7_200_000


class Stage:
    """The system that bad input is given to.

    alice is a registered user. She and bob have a conversation of two messages, the second one bob's. bob and olga have a
    group, "closed", that alice is not in; in the group "quiet" only its owner may speak, and in "strict" alice is muted.
    mute is a muted user, frank a forbidden one. alice has written to mute, and sent eve a picture. gina's session was ended,
    but her socket is still open. carl's conversation with alice is a long one. fred is alice's friend, rita has had two
    requests of hers, sue has rejected one, tom has blacklisted alice, and uma's request is an old one.
    alice is in the chatroom "salon", in which everybody is muted, bob in "gag", in which he is, and dora in "lounge". From
    "club" alice is banned. bob owns the channel "news" and the private one "board".
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.sockets: dict[str, SocketClient] = {}
        self.tokens: dict[str, str] = {}

    async def build(self) -> None:
        """Make everything that the class tells of."""
        await self._admin("/admin/sensitive/add", {"words": [WORD]})
        for user in ("alice", "bob", "mute", "gina", "dora"):
            self.sockets[user] = await self.topology.socket(user, f"{user}s-phone", 1)
        await self._admin("/admin/user/create", {"userId": "alice", "name": "alice"})
        await self._group("closed", "olga", ["bob"])
        await self._group("quiet", "olga", ["alice"], mute=1)
        await self._group("strict", "olga", [{"member_id": "alice", "type": 3}])
        self.tokens["frank"] = await self.topology.token("frank", "franks-phone", 1)
        await self._admin("/admin/user/update_block_status", {"userId": "mute", "status": 1})
        await self._admin("/admin/user/update_block_status", {"userId": "frank", "status": 2})
        self.tokens["kicked"] = await self.topology.token("kate", "kates-phone", 1)
        await self._admin("/admin/user/kickoff_client", {"first": "kate", "second": "kates-phone"})
        self.tokens["older"] = await self.topology.token("oscar", "oscars-phone", 1)
        await self._admin("/admin/user/kickoff_client", {"first": "oscar", "second": "oscars-phone"})
        await self.topology.token("oscar", "oscars-phone", 1)
        self.tokens["good"] = await self.topology.token("hugo", "hugos-phone", 1)
        self._put("Presence", [{"u": {"S": "gina"}}])
        await self._relate()
        await self.say("alice", BOB, base=0)
        await self.say("bob", {"type": 0, "target": "alice"}, base=1)
        await self.say("alice", {"type": 0, "target": "mute"}, base=0)
        await self.say("alice", PICTURE, base=0, kind=3)
        self._put("Messages", [_slot(seq) for seq in range(1, LONG_LOG + 1)])
        await self.topology.settle()
        self.topology.clock.advance(minutes=3)
        await self._chatrooms()
        await self._channels()

    async def _channels(self) -> None:
        for channel in ("news", "board"):
            await self.sockets["bob"].call("channel", "create", {"channelId": channel, "name": channel})
        items = self.topology.cloud.items(self.topology.template.tables["Directory"].name)
        [board] = [item for item in items if (item["pk"], item["sk"]) == ({"S": "ch|board"}, {"S": "info"})]
        self._put("Directory", [{**board, "state": {"N": "16"}}])

    async def _chatrooms(self) -> None:
        for room in ("salon", "gag", "lounge", "club"):
            await self._admin("/admin/chatroom/create", {"chatroomId": room, "title": room})
        await self._admin("/admin/chatroom/mute_all", {"chatroomId": "salon", "status": 1})
        await self._admin("/admin/chatroom/set_black_status", {"chatroomId": "gag", "userId": "bob", "status": 1})
        await self._admin("/admin/chatroom/set_black_status", {"chatroomId": "club", "userId": "alice", "status": 2})
        for user, room in (("alice", "salon"), ("bob", "gag"), ("dora", "lounge")):
            await self.sockets[user].call("chatroom", "join", {"chatroomId": room})

    async def say(self, user: str, conversation: Mapping[str, Any], *, base: int, kind: int = 1) -> None:
        """Send an ordinary message, or one of another content type."""
        body = {"conversation": conversation, "content": {"type": kind}, "cid": f"m{base}", "base": base}
        await self.sockets[user].call("message", "send", body)

    async def begin_minute(self) -> None:
        """Let a new minute begin, and the conversation of alice and carl be stamped with it."""
        self.topology.clock.advance(seconds=MINUTE_S - self.topology.clock.now_ms() // 1000 % MINUTE_S)
        await self.say("alice", {"type": 0, "target": "carl"}, base=LONG_LOG)

    async def close(self) -> None:
        """Close the sockets."""
        for socket in self.sockets.values():
            await socket.close()

    def contents(self, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """What is in the tables, without rate buckets and used signatures."""
        found = {}
        for name, table in self.topology.template.tables.items():
            items = [json.dumps(item, sort_keys=True) for item in self.topology.cloud.items(table.name)]
            passing = ('{"S": "rate|', '{"S": "sign|')
            found[name] = sorted(item for item in items if not any(mark in item for mark in passing))
        return {name: items for name, items in found.items() if name not in but}

    def forged(self, key: str = "", **claims: Any) -> str:
        """A token of hugo's phone with other claims, or under another key."""
        now = int(time.time())
        good = {"sub": "hugo", "cid": "hugos-phone", "plt": 1, "gen": 1, "iat": now, "aud": "im-socket", "iss": "im"}
        return jwt.encode({**good, **claims}, key or self.topology.secrets["TokenSecret"], algorithm="HS256")

    async def _admin(self, path: str, body: Any) -> None:
        answer = await self.topology.admin(path, body)
        assert answer["code"] == 0, answer

    async def _group(self, group: str, owner: str, members: list[Any], **settings: int) -> None:
        people = [{"member_id": each} if isinstance(each, str) else each for each in members]
        info = {"target_id": group, "name": group, "owner": owner, **settings}
        await self._admin("/admin/group/create", {"operator": owner, "group": {"group_info": info, "members": people}})

    async def _relate(self) -> None:
        await self._admin("/admin/friend/status", {"userId": "alice", "friendUid": "fred", "status": 0})
        await self._admin("/admin/blacklist/status", {"userId": "tom", "targetUid": "alice", "status": 2})
        for other in ("rita", "rita", "sue"):
            await self._admin("/admin/friend/send_request", {"userId": "alice", "friendUid": other})
        await self._admin("/admin/friend/handle_send_request", {"userId": "sue", "friendUid": "alice", "status": 2})
        place = {"pk": {"S": keys.user("alice")}, "sk": {"S": keys.friend_request("uma", "alice", received=True)}}
        self._put(
            "Directory",
            [{**place, **{name: {"N": "1"} for name in ("status", "sent", "update_dt")}, "status": {"N": "0"}}],
        )

    def _put(self, table: str, items: list[Item]) -> None:
        self.topology.cloud.put_items(self.topology.template.tables[table].name, items)


def _slot(seq: int) -> Item:
    log = keys.single_conversation("alice", "carl", 0)
    numbers = {"s": seq, "n": seq << 21, "t": 1_790_000_000_000 + seq}
    texts = {"c": log, "d": f"old-{seq}", "f": "carl", "p": json.dumps({"type": 1, "content": "x" * 30_000})}
    return {**{name: {"N": str(n)} for name, n in numbers.items()}, **{name: {"S": t} for name, t in texts.items()}}


Act = Callable[[Stage], Awaitable[str]]
Preparation = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """A row of a table.

    Attributes:
        table: the heading of the section that the table is in.
        what: what is wrong.
        answer: what the page says about it, and ``act`` observes.
        act: does it.
        prepare: what must be done just before.
    """

    table: str
    what: str
    answer: str
    act: Act
    prepare: Preparation | None = None

    @property
    def closes(self) -> bool:
        """Whether the socket is closed for it."""
        return self.answer.startswith("closes")


def observed(frame: Mapping[str, Any]) -> str:
    """An answer as the page writes it."""
    marks = [
        str(frame["code"]),
        *(["no id"] if "id" not in frame else []),
        *(["`retry`"] if frame.get("retry") else []),
        *(["`after`"] if "after" in frame else []),
    ]
    return ", ".join(marks)


def frame(text: str | dict[str, Any]) -> Act:
    """A frame as it is."""

    async def act(stage: Stage) -> str:
        socket = stage.sockets["alice"]
        await socket.send_text(text if isinstance(text, str) else json.dumps(text))
        return observed(await socket.stray())

    return act


def fragments(*parts: str) -> Act:
    """One message in several frames."""

    async def act(stage: Stage) -> str:
        socket = stage.sockets["alice"]
        await socket.connection.send(list(parts))
        return observed(await socket.stray())

    return act


def closing(data: str | bytes | list[str], *, text: bool | None = None) -> Act:
    """Data for which the gateway closes the socket."""

    async def act(stage: Stage) -> str:
        socket = await stage.topology.socket("zoe", "zoes-phone", 1)
        await socket.connection.send(data, text=text)
        code, _ = await socket.closed()
        await stage.topology.settle()
        return f"closes {code}"

    return act


def ask(route: str, op: str, body: Any = None, *, user: str = "alice") -> Act:
    """A request with a good frame."""

    async def act(stage: Stage) -> str:
        return observed(await stage.sockets[user].request(route, op, body))

    return act


def send(*, user: str = "alice", drop: str = "", content: Any = None, **changes: Any) -> Act:
    """A message that is good but for these changes."""
    body = {
        "conversation": BOB,
        "content": {"type": 1, "searchableContent": "hi", **(content or {})},
        "cid": "c1",
        "base": 2,
    }
    changed = {**body, **changes}
    changed.pop(drop, None)
    return ask("message", "send", changed, user=user)


def _modify(*entries: dict[str, Any], who: str = "alice") -> Act:
    return ask("profile", "modify", {"entries": entries}, user=who)


def edit(**changes: Any) -> Act:
    """An edit that is good but for these changes."""
    return ask("message", "edit", {"conversation": BOB, "seq": 1, "content": {"type": 1}, **changes})


def react(*, user: str = "alice", **changes: Any) -> Act:
    """A reaction that is good but for these changes."""
    return ask("message", "react", {"conversation": BOB, "seq": 1, "emoji": "👍", **changes}, user=user)


def too_often(stage: Stage) -> Awaitable[str]:
    """Requests until one is refused."""

    async def act() -> str:
        for _ in range(1_000):
            answer = await stage.sockets["dora"].request("session", "devices")
            if answer["code"]:
                return observed(answer)
        return "never refused"

    return act()


def handshake(
    token: Callable[[Stage], str] | None = None,
    query: str = "clientId=hugos-phone&platform=1",
    scheme: str = "Bearer",
    subprotocols: Callable[[Stage], list[str]] | None = None,
) -> Act:
    """An opening handshake."""

    async def act(stage: Stage) -> str:
        headers = {"Authorization": f"{scheme} {token(stage)}"} if token else {}
        offered: Any = subprotocols(stage) if subprotocols else None
        url = f"{stage.topology.socket_url}?{query.format(good=stage.tokens['good'])}"
        try:
            connection = await connect(url, additional_headers=headers, subprotocols=offered, proxy=None)
        except InvalidStatus as refusal:
            return f"HTTP {refusal.response.status_code}"
        await connection.close()
        return "connected"

    return act


def known(name: str) -> Callable[[Stage], str]:
    """A token that the stage has."""
    return lambda stage: stage.tokens[name]


@dataclass(frozen=True, slots=True)
class Signing:
    """How a call of the server API is signed; ``shift_ms`` moves its timestamp, ``leave_out`` takes headers away."""

    secret: str = ""
    shift_ms: int = 0
    timestamp: str = ""
    leave_out: tuple[str, ...] = ()
    native_body: bytes | None = None

    def headers(self, stage: Stage, path: str, body: bytes) -> dict[str, str]:
        """The headers; a nonce of its own for each path and body."""
        secret = self.secret or stage.topology.secrets[ADMIN_SECRET]
        timestamp = self.timestamp or str(stage.topology.clock.now_ms() + self.shift_ms)
        nonce = hashlib.sha1(f"{path} {body!r} {self}".encode(), usedforsecurity=False).hexdigest()[:8]
        made = {"nonce": nonce, "timestamp": timestamp, "sign": sign(nonce, secret, timestamp)}
        if self.native_body is not None:
            call = HttpCall("POST", path, "", {}, self.native_body)
            made["x-wf-signature"] = sign_native(call, secret, timestamp, nonce)
        return {name: value for name, value in made.items() if name not in self.leave_out}


def api(
    body: bytes = b'{"userId": "alice"}',
    path: str = "/admin/user/onlinestatus",
    *,
    method: str = "POST",
    signing: Signing = Signing(),
    times: int = 1,
) -> Act:
    """A call of the server API; ``times`` repeats it to the letter and returns the last answer."""

    async def act(stage: Stage) -> str:
        url = stage.topology.endpoints["url:ServerApi"] + path
        headers = {**signing.headers(stage, path, body), "Content-Type": "application/json"}
        told = ""
        async with aiohttp.ClientSession() as http:
            for _ in range(times):
                async with http.request(method, url, data=body, headers=headers) as response:
                    text = await response.text()
                    told = str(json.loads(text)["code"]) if response.status == 200 else f"HTTP {response.status}"
        return told

    return act


def _rows(table: str, *rows: tuple[str, str, Act] | tuple[str, str, Act, Preparation]) -> list[Case]:
    return [Case(table, *row) for row in rows]


def _request(**changes: Any) -> dict[str, Any]:
    return {"route": "session", "op": "devices", "id": "77", "body": {}, **changes}


def _to(group: str) -> dict[str, Any]:
    return {"type": 1, "target": group}


def _room(room: str) -> Item:
    return {"type": 2, "target": room}


def _channel(target: str) -> Item:
    return {"type": 3, "target": target}


def _range(conversation: Any = BOB, **changes: Any) -> dict[str, Any]:
    return {"conversation": conversation, "after": 0, **changes}


def _upload(**changes: Any) -> dict[str, Any]:
    return {"mediaType": 1, "name": "a.jpg", "size": 10, "contentType": "image/jpeg", **changes}


HANDSHAKES = _rows(
    "Bad handshakes",
    ("no token", "HTTP 401", handshake()),
    ("a token in the URL", "HTTP 401", handshake(query="clientId=hugos-phone&token={good}")),
    ("a token under another scheme than `Bearer`", "HTTP 401", handshake(known("good"), scheme="Basic")),
    ("`wildfire.v1` without a token behind it", "HTTP 401", handshake(subprotocols=lambda stage: ["wildfire.v1"])),
    (
        "another subprotocol before the token",
        "HTTP 401",
        handshake(subprotocols=lambda stage: ["wildfire.v9", stage.tokens["good"]]),
    ),
    ("no `clientId`", "HTTP 401", handshake(known("good"), query="platform=1")),
    ("a `platform` that is no number", "HTTP 401", handshake(known("good"), query="clientId=hugos-phone&platform=ios")),
    ("a token that is none", "HTTP 401", handshake(lambda stage: "abc.def.ghi")),
    ("a token under another secret", "HTTP 401", handshake(lambda stage: stage.forged("x" * 40))),
    ("a token for another audience", "HTTP 401", handshake(lambda stage: stage.forged(aud="another"))),
    ("a token without a client id", "HTTP 401", handshake(lambda stage: stage.forged(cid=None))),
    ("the token of another client id", "HTTP 401", handshake(known("good"), query="clientId=evas-phone")),
    ("an expired token", "HTTP 403", handshake(lambda stage: stage.forged(exp=1_790_000_000))),
    ("the token of a client that was kicked", "HTTP 403", handshake(known("kicked"), query="clientId=kates-phone")),
    ("a token from before the last kick", "HTTP 403", handshake(known("older"), query="clientId=oscars-phone")),
    ("the token of a forbidden user", "HTTP 403", handshake(known("frank"), query="clientId=franks-phone")),
    ("a token for a session that never was", "HTTP 403", handshake(lambda stage: stage.forged(sub="nobody"))),
)

FRAMES = _rows(
    "Bad frames",
    ("a binary frame", "closes 1003", closing(b'{"route":"session","op":"ping","id":"1"}')),
    ("text that is not UTF-8", "closes 1007", closing(b'{"route":"\xff"}', text=True)),
    ("a frame over 32 KB", "closes 1009", closing(json.dumps(_request(body="x" * 33_000)))),
    ("a message over 128 KB in several frames", "closes 1009", closing(["x" * 30_000] * 5)),
    ("an empty frame", "251, no id", frame("")),
    ("no JSON", "251, no id", frame("hello")),
    ("JSON that breaks off", "251, no id", frame('{"route": "session", "op": "devices", "id": "77"')),
    ("JSON that is no object", "251, no id", frame("[1, 2]")),
    ("`null`", "251, no id", frame("null")),
    ("JSON that is nested beyond reason", "251, no id", frame(DEEP)),
    ("half of a surrogate pair", "251, no id", frame('{"route": "session", "op": "\\ud800", "id": "77"}')),
    ("no `route`", "251", frame({"op": "devices", "id": "77"})),
    ("an unknown `route`", "254", frame(_request(route="bridge"))),
    ("a `route` of the gateway's own", "254", frame(_request(route="$disconnect"))),
    ("a `route` that is no text", "251", frame(_request(route=5))),
    ("no `op`", "251", frame({"route": "session", "id": "77"})),
    ("an unknown `op`", "254", frame(_request(op="dance"))),
    ("an `op` that is no text", "251", frame(_request(op={"devices": 1}))),
    ("an `op` over 64 characters", "251", frame(_request(op="d" * 65))),
    ("no `id`", "251, no id", frame({"route": "session", "op": "devices"})),
    ("an `id` that is no text", "251, no id", frame(_request(id=77))),
    ("an `id` over 64 characters", "251, no id", frame(_request(id="7" * 65))),
    ("an unknown member of the frame", "251", frame(_request(token="x"))),
    ("a `body` that is no object", "251", frame(_request(body=[]))),
    ("a `body` that is null", "251", frame(_request(body=None))),
    ("an unknown field", "251", frame(_request(body={"all": True}))),
)

REQUESTS = _rows(
    "Bad requests",
    (
        "any: a request of a client whose session was ended, while its socket lives",
        "7",
        ask("session", "ping", user="gina"),
    ),
    ("any: more requests than the rate allows", "250, `retry`, `after`", too_often),
    ("hello: a `sync` that is not ours", "251", ask("session", "hello", {"sync": "AAAA"})),
    ("hello: a `sync` that is no token at all", "251", ask("session", "hello", {"sync": "\u00e9 !"})),
    ("hello: a `sync` over 1,024 characters", "251", ask("session", "hello", {"sync": "A" * 1_025})),
    ("hello: a `sync` that is no text", "251", ask("session", "hello", {"sync": 5})),
    ("hello: a `limit` of 0", "251", ask("session", "hello", {"limit": 0})),
    ("hello: a `limit` over 200", "251", ask("session", "hello", {"limit": 201})),
    ("ping: a `sync` that is not ours", "251", ask("session", "ping", {"sync": "AAAA"})),
    ("kick: one's own phone", "248", ask("session", "kick", {"clientId": "alices-phone"})),
    ("kick: another user's device (nothing happens)", "0", ask("session", "kick", {"clientId": "bobs-phone"})),
    ("kick: an empty `clientId`", "251", ask("session", "kick", {"clientId": ""})),
    ("logout: a `push` that is neither", "251", ask("session", "logout", {"push": "maybe"})),
    ("send: no `conversation`", "251", send(drop="conversation")),
    ("send: an empty `target`", "251", send(conversation={"type": 0, "target": ""})),
    ("send: a `target` over 64 characters", "251", send(conversation={"type": 0, "target": "b" * 65})),
    ("send: control characters in `target`", "251", send(conversation={"type": 0, "target": "b\u0000b"})),
    ("send: a `type` of conversation that is none", "251", send(conversation={"type": 7, "target": "bob"})),
    ("send: a `type` that is text", "251", send(conversation={"type": "0", "target": "bob"})),
    ("send: a `type` that is not hosted", "254", send(conversation={"type": 4, "target": "room"})),
    ("send: a negative `line`", "251", send(conversation={**BOB, "line": -1})),
    ("send: a `line` over 2^31 - 1", "251", send(conversation={**BOB, "line": 2**31})),
    ("send: an unknown group", "253", send(conversation=_to("nowhere"))),
    ("send: a group that one is not in", "9", send(conversation=_to("closed"))),
    ("send: into a muted group", "241", send(conversation=_to("quiet"), base=0)),
    ("send: as a muted member", "248", send(conversation=_to("strict"), base=0)),
    ("send: as a muted user", "247", send(user="mute", base=0)),
    ("send: to a forbidden user", "8", send(conversation={"type": 0, "target": "frank"}, base=0)),
    ("send: as a client whose session was ended", "7", send(user="gina", base=0)),
    ("send: no `cid`", "251", send(drop="cid")),
    ("send: an empty `cid`", "251", send(cid="")),
    ("send: a `cid` over 64 characters", "251", send(cid="c" * 65)),
    ("send: control characters in `cid`", "251", send(cid="c\n1")),
    ("send: a `cid` that begins with `~`", "251", send(cid="~recall:1")),
    ("send: no `base`", "251", send(drop="base")),
    ("send: a negative `base`", "251", send(base=-1)),
    ("send: a `base` with a fraction", "251", send(base=1.0)),
    ("send: a `base` over 2^53 - 1", "251", send(base=2**53)),
    ("send: a `base` that does not exist", "251", send(base=3)),
    (
        "send: a `base` in a conversation without messages",
        "251",
        send(conversation={"type": 0, "target": "dora"}, base=1),
    ),
    (
        "send: a `base` more than 1,000 messages or 256 KB behind",
        "238, `retry`",
        send(conversation={"type": 0, "target": "carl"}, base=1),
        Stage.begin_minute,
    ),
    ("send: no `content`", "251", send(drop="content")),
    ("send: an unknown member of `content`", "251", send(content={"colour": "red"})),
    ("send: a content type of the server's (80)", "251", send(content={"type": 80})),
    ("send: a content type of the server's (104)", "251", send(content={"type": 104})),
    ("send: a negative content type", "251", send(content={"type": -1})),
    ("send: a `persistFlag` that is none", "251", send(content={"persistFlag": 2})),
    ("send: a `mentionedType` that is none", "251", send(content={"mentionedType": 3})),
    ("send: a negative `expireDuration`", "251", send(content={"expireDuration": -1})),
    ("send: `base64edData` that is not base64", "251", send(content={"base64edData": "a b"})),
    (
        "send: a content over 32 KB, in several frames",
        "35",
        fragments(
            '{"route": "message", "op": "send", "id": "77", "body": {"conversation": {"type": 0, "target": "bob"}, ',
            '"cid": "c1", "base": 2, "content": {"type": 1, "content": "' + "x" * 20_000,
            "x" * 20_000 + '"}}}',
        ),
    ),
    ("send: a sensitive word", "242", send(content={"searchableContent": f"to the {WORD.upper()}!"})),
    ("send: over 1,000 readers in `to`", "251", send(to=[f"u{number}" for number in range(1_001)])),
    ("send: an empty id in `to`", "251", send(to=["bob", ""])),
    ("send: `to` that is no list", "251", send(to="bob")),
    ("pull: no ranges", "251", ask("message", "pull", {"ranges": []})),
    ("pull: over 20 ranges", "251", ask("message", "pull", {"ranges": [_range()] * 21})),
    ("pull: a `limit` over 200", "251", ask("message", "pull", {"ranges": [_range(limit=201)]})),
    ("pull: a negative `after`", "251", ask("message", "pull", {"ranges": [_range(after=-1)]})),
    ("pull: an `after` over 2^53 - 1", "251", ask("message", "pull", {"ranges": [_range(after=2**53)]})),
    (
        "pull: a group that one is not in, beside a good range",
        "9",
        ask("message", "pull", {"ranges": [_range(), _range(_to("closed"))]}),
    ),
    ("pull: an unknown group", "9", ask("message", "pull", {"ranges": [_range(_to("nowhere"))]})),
    ("history: a `limit` over 100", "251", ask("message", "history", {"conversation": BOB, "limit": 101})),
    ("history: a negative `before`", "251", ask("message", "history", {"conversation": BOB, "before": -1})),
    ("history: over 50 `types`", "251", ask("message", "history", {"conversation": BOB, "types": [1] * 51})),
    ("history: a group that one is not in", "9", ask("message", "history", {"conversation": _to("closed")})),
    ("read: a `seq` over 2^53 - 1", "251", ask("message", "read", {"conversation": BOB, "seq": 2**53})),
    (
        "read: a conversation without messages (nothing happens)",
        "0",
        ask("message", "read", {"conversation": {"type": 0, "target": "dora"}, "seq": 9}),
    ),
    ("receipts: a group that one is not in", "9", ask("message", "receipts", {"conversation": _to("closed")})),
    ("receipts: an unknown group", "9", ask("message", "receipts", {"conversation": _to("nowhere")})),
    ("receipts: a negative `after`", "251", ask("message", "receipts", {"conversation": BOB, "after": -1})),
    (
        "receipts: a `type` that is not hosted",
        "254",
        ask("message", "receipts", {"conversation": {"type": 4, "target": "news"}}),
    ),
    (
        "receipts: a stranger (nobody is named)",
        "0",
        ask("message", "receipts", {"conversation": {"type": 0, "target": "dora"}}),
    ),
    ("read: a group that one is not in", "9", ask("message", "read", {"conversation": _to("closed"), "seq": 1})),
    ("recall: a message that is not there", "253", ask("message", "recall", {"conversation": BOB, "seq": 9})),
    ("recall: a `seq` of 0", "253", ask("message", "recall", {"conversation": BOB, "seq": 0})),
    ("recall: one's own message, too late", "24", ask("message", "recall", {"conversation": BOB, "seq": 1})),
    ("recall: somebody else's message", "248", ask("message", "recall", {"conversation": BOB, "seq": 2})),
    ("recall: in a group that one is not in", "9", ask("message", "recall", {"conversation": _to("closed"), "seq": 1})),
    ("delete: a message that is not there", "253", ask("message", "delete", {"conversation": BOB, "seq": 9})),
    (
        "delete: somebody else's message for everybody",
        "248",
        ask("message", "delete", {"conversation": BOB, "seq": 2, "all": True}),
    ),
    ("delete: `all` that is no boolean", "251", ask("message", "delete", {"conversation": BOB, "seq": 2, "all": 1})),
    ("edit: a message that is not there", "253", edit(seq=9)),
    ("edit: somebody else's message", "248", edit(seq=2)),
    ("edit: another content type", "251", edit(content={"type": 3})),
    ("edit: a type that is not edited", "248", edit(conversation=PICTURE, content={"type": 3})),
    ("edit: a sensitive word", "242", edit(content={"type": 1, "searchableContent": WORD})),
    ("edit: no `content`", "251", ask("message", "edit", {"conversation": BOB, "seq": 1})),
    ("edit: in a group that one is not in", "9", edit(conversation=_to("closed"))),
    ("react: a message that is not there", "253", react(seq=9)),
    ("react: an empty `emoji`", "251", react(emoji="")),
    ("react: an `emoji` over 32 characters", "251", react(emoji="x" * 33)),
    ("react: control characters in `emoji`", "251", react(emoji="a\n")),
    ("react: `on` that is no boolean", "251", react(on=1)),
    ("react: as a muted user", "247", react(user="mute", conversation={"type": 0, "target": "alice"})),
    ("clear: a negative `seq`", "251", ask("message", "clear", {"conversation": BOB, "seq": -1})),
    ("clear: a group that one is not in", "9", ask("message", "clear", {"conversation": _to("closed")})),
    ("remove: a group that one is not in", "9", ask("message", "remove", {"conversation": _to("closed")})),
    ("search: an empty `keyword`", "251", ask("message", "search", {"keyword": " "})),
    ("search: a `keyword` over 64 characters", "251", ask("message", "search", {"keyword": "x" * 65})),
    ("search: a `next` that is not ours", "251", ask("message", "search", {"keyword": "x", "next": "e30"})),
    ("search: a `limit` over 100", "251", ask("message", "search", {"keyword": "x", "limit": 101})),
    (
        "search: a group that one is not in",
        "9",
        ask("message", "search", {"keyword": "x", "conversation": _to("closed")}),
    ),
    ("files: a `keyword` over 64 characters", "251", ask("message", "files", {"keyword": "x" * 65})),
    ("files: a `next` that is not ours", "251", ask("message", "files", {"next": "e30"})),
    ("upload: a `mediaType` that is none", "251", ask("message", "upload", _upload(mediaType=13))),
    ("upload: an empty `name`", "251", ask("message", "upload", _upload(name=""))),
    ("upload: a `size` of 0", "251", ask("message", "upload", _upload(size=0))),
    ("upload: a `size` over the limit", "35", ask("message", "upload", _upload(size=10**12))),
    (
        "upload: a `contentType` that is none",
        "251",
        ask("message", "upload", _upload(contentType="image/jpeg\r\nx: y")),
    ),
    ("send: into a chatroom that one is not in, and may not go back to", "20", send(conversation=_room("gag"))),
    ("send: as somebody who is muted in a chatroom", "248", send(conversation=_room("gag"), user="bob")),
    ("send: into a muted chatroom", "241", send(conversation=_room("salon"))),
    (
        "send: a `base` that does not exist in a chatroom",
        "251",
        send(conversation=_room("lounge"), user="dora", base=2**53 - 1),
    ),
    (
        "pull: a chatroom that one is not in, and may not go back to",
        "20",
        ask("message", "pull", {"ranges": [_range(_room("gag"))]}),
    ),
    ("read: a chatroom", "254", ask("message", "read", {"conversation": _room("salon"), "seq": 1})),
    (
        "recall: in a chatroom, a message that is not there",
        "253",
        ask("message", "recall", {"conversation": _room("salon"), "seq": 1}),
    ),
    ("chatroom.join: an empty `chatroomId`", "251", ask("chatroom", "join", {"chatroomId": ""})),
    ("chatroom.join: control characters in `chatroomId`", "251", ask("chatroom", "join", {"chatroomId": "a\u0000"})),
    ("chatroom.join: over 50 `recent`", "251", ask("chatroom", "join", {"chatroomId": "salon", "recent": 51})),
    ("chatroom.join: as somebody who is banned", "248", ask("chatroom", "join", {"chatroomId": "club"})),
    (
        "chatroom.join: as a client whose session was ended",
        "7",
        ask("chatroom", "join", {"chatroomId": "salon"}, user="gina"),
    ),
    ("push.register: neither a token nor a subscription", "251", ask("push", "register", {"packageName": "app"})),
    ("push.register: a blank in the token", "251", ask("push", "register", {"token": "a b"})),
    (
        "push.register: a subscription whose key is none",
        "251",
        ask(
            "push",
            "register",
            {"subscription": {"endpoint": "https://example.com", "keys": {"p256dh": "BA", "auth": "AA"}}},
        ),
    ),
    ("push.register: a `token` over 512 characters", "251", ask("push", "register", {"token": "x" * 513})),
    ("push.badge: before a token is registered", "253", ask("push", "badge", {"number": 1})),
    ("push.badge: a negative number", "251", ask("push", "badge", {"number": -1})),
    ("push.forget: nothing is registered (nothing happens)", "0", ask("push", "forget")),
    ("push.webPushKey: a member that it does not have", "251", ask("push", "webPushKey", {"x": 1})),
    (
        "chatroom.quit: a room that one is not in (nothing happens)",
        "0",
        ask("chatroom", "quit", {"chatroomId": "gag"}),
    ),
    ("chatroom.info: an unknown room", "253", ask("chatroom", "info", {"chatroomId": "nowhere"})),
    (
        "chatroom.info: nothing newer",
        "5",
        ask("chatroom", "info", {"chatroomId": "salon", "updateDt": 2**53}),
    ),
    ("chatroom.members: a `limit` over 500", "251", ask("chatroom", "members", {"chatroomId": "salon", "limit": 501})),
    ("channel.create: no `name`", "251", ask("channel", "create", {})),
    ("channel.create: an empty `name`", "251", ask("channel", "create", {"name": ""})),
    ("channel.create: a name of blanks", "251", ask("channel", "create", {"name": "  "})),
    (
        "channel.create: a vertical bar in `channelId`",
        "251",
        ask("channel", "create", {"name": "n", "channelId": "a|b"}),
    ),
    ("channel.create: another user's channel", "248", ask("channel", "create", {"name": "n", "channelId": "news"})),
    ("channel.create: an `automatic` over 1", "251", ask("channel", "create", {"name": "n", "automatic": 2})),
    ("channel.info: no channels", "251", ask("channel", "info", {"channels": []})),
    ("channel.info: over 100 channels", "251", ask("channel", "info", {"channels": [{"channelId": "c"}] * 101})),
    (
        "channel.modify: somebody else's",
        "248",
        ask("channel", "modify", {"channelId": "news", "type": 0, "value": "Olds"}),
    ),
    (
        "channel.modify: an unknown channel",
        "253",
        ask("channel", "modify", {"channelId": "nowhere", "type": 0, "value": "Olds"}),
    ),
    (
        "channel.modify: a menu that is none",
        "251",
        ask("channel", "modify", {"channelId": "news", "type": 7, "value": "{}"}, user="bob"),
    ),
    (
        "channel.modify: a value over 4,096 characters",
        "251",
        ask("channel", "modify", {"channelId": "news", "type": 3, "value": "x" * 4097}, user="bob"),
    ),
    (
        "channel.transfer: somebody else's",
        "248",
        ask("channel", "transfer", {"channelId": "news", "newOwner": "alice"}),
    ),
    (
        "channel.transfer: to nobody",
        "251",
        ask("channel", "transfer", {"channelId": "news", "newOwner": ""}, user="bob"),
    ),
    ("channel.destroy: somebody else's", "248", ask("channel", "destroy", {"channelId": "news"})),
    ("channel.listen: an unknown channel", "253", ask("channel", "listen", {"channelId": "nowhere", "on": True})),
    ("channel.listen: a private channel", "253", ask("channel", "listen", {"channelId": "board", "on": True})),
    ("channel.listen: no `on`", "251", ask("channel", "listen", {"channelId": "news"})),
    ("channel.search: an empty keyword", "251", ask("channel", "search", {"keyword": ""})),
    ("channel.search: a page over 9", "251", ask("channel", "search", {"keyword": "n", "page": 10})),
    ("channel.mine: over 64 characters", "251", ask("channel", "mine", {"after": "x" * 65})),
    ("send: to all of a channel, as a stranger", "248", send(conversation=_channel("news"))),
    ("send: to a channel that one does not listen to", "21", send(conversation=_channel("news|alice"))),
    ("send: into somebody else's dialog", "21", send(conversation=_channel("news|olga"))),
    ("send: to an unknown channel", "21", send(conversation=_channel("nowhere|alice"))),
    ("send: into a dialog with nobody", "251", send(conversation=_channel("news|"))),
    (
        "pull: a channel that one does not listen to",
        "21",
        ask("message", "pull", {"ranges": [{"conversation": _channel("news"), "after": 0}]}),
    ),
    (
        "pull: somebody else's dialog with a channel",
        "21",
        ask("message", "pull", {"ranges": [{"conversation": _channel("news|olga"), "after": 0}]}),
    ),
    ("receipts: a channel", "220", ask("message", "receipts", {"conversation": _channel("news|alice")})),
    (
        "chatroom.members: an unknown room (nobody is named)",
        "0",
        ask("chatroom", "members", {"chatroomId": "nowhere"}),
    ),
    ("group.info: no groups", "251", ask("group", "info", {"groups": []})),
    ("group.info: over 100 groups", "251", ask("group", "info", {"groups": [{"groupId": "g"}] * 101})),
    ("group.info: an empty `groupId`", "251", ask("group", "info", {"groups": [{"groupId": ""}]})),
    ("group.members: an unknown group", "253", ask("group", "members", {"groupId": "nowhere"})),
    (
        "group.members: a group that one is not in (no members are named)",
        "0",
        ask("group", "members", {"groupId": "closed"}),
    ),
    ("group.members: a negative `after`", "251", ask("group", "members", {"groupId": "closed", "after": -1})),
    (
        "group.members: an `after` that is no number",
        "251",
        ask("group", "members", {"groupId": "closed", "after": "x"}),
    ),
    ("group.member: no users", "251", ask("group", "member", {"groupId": "quiet", "users": []})),
    ("group.member: over 100 users", "251", ask("group", "member", {"groupId": "quiet", "users": ["u"] * 101})),
    ("group.member: a group that one is not in", "9", ask("group", "member", {"groupId": "closed", "users": ["bob"]})),
    ("group.common: no `userId`", "251", ask("group", "common", {})),
    ("group.create: no `group`", "251", ask("group", "create", {})),
    ("group.create: a `type` that is none", "2", ask("group", "create", {"group": {"type": 9}})),
    ("group.create: an organisation", "248", ask("group", "create", {"group": {"type": 3}})),
    ("group.create: an id in use", "11", ask("group", "create", {"group": {"target_id": "closed"}})),
    ("group.create: a name over 64 characters", "251", ask("group", "create", {"group": {"name": "n" * 65}})),
    ("group.create: an `extra` over 16,384 bytes", "251", ask("group", "create", {"group": {"extra": "e" * 16_385}})),
    ("group.create: an owner", "251", ask("group", "create", {"group": {"owner": "bob"}})),
    ("group.create: a line over 255", "251", ask("group", "create", {"group": {}, "lines": [256]})),
    ("group.join: an unknown group", "253", ask("group", "join", {"groupId": "nowhere"})),
    ("group.join: a group that one is in", "248", ask("group", "join", {"groupId": "strict"})),
    ("group.add: no members", "251", ask("group", "add", {"groupId": "quiet", "members": []})),
    ("group.add: who is in", "12", ask("group", "add", {"groupId": "quiet", "members": [{"member_id": "olga"}]})),
    (
        "group.add: over 500 members",
        "251",
        ask("group", "add", {"groupId": "quiet", "members": [{"member_id": "u"}] * 501}),
    ),
    ("group.kick: as an ordinary member", "248", ask("group", "kick", {"groupId": "quiet", "users": ["olga"]})),
    ("group.kick: no users", "251", ask("group", "kick", {"groupId": "quiet", "users": []})),
    ("group.quit: a group that one is not in", "9", ask("group", "quit", {"groupId": "closed"})),
    ("group.dismiss: as an ordinary member", "248", ask("group", "dismiss", {"groupId": "quiet"})),
    ("group.joinRequest: a group that one is in", "12", ask("group", "joinRequest", {"groupId": "quiet"})),
    (
        "group.joinRequest: a reason over 256 characters",
        "251",
        ask("group", "joinRequest", {"groupId": "closed", "reason": "r" * 257}),
    ),
    ("group.joinRequests: an unknown group", "253", ask("group", "joinRequests", {"groupId": "nowhere"})),
    (
        "group.joinAnswer: as an ordinary member",
        "248",
        ask("group", "joinAnswer", {"groupId": "quiet", "userId": "eve", "accept": True}),
    ),
    ("group.modify: an entry that is none", "251", ask("group", "modify", {"groupId": "quiet", "type": 11})),
    (
        "group.modify: the limit, which only the server API sets",
        "248",
        ask("group", "modify", {"groupId": "quiet", "type": 8, "value": "9"}),
    ),
    ("group.modify: an unknown group", "253", ask("group", "modify", {"groupId": "nowhere", "type": 0})),
    ("group.alias: a group that one is not in", "9", ask("group", "alias", {"groupId": "closed", "alias": "a"})),
    ("group.alias: over 64 characters", "251", ask("group", "alias", {"groupId": "quiet", "alias": "a" * 65})),
    (
        "group.memberAlias: the owner's, as an ordinary member",
        "248",
        ask("group", "memberAlias", {"groupId": "quiet", "userId": "olga", "alias": "a"}),
    ),
    (
        "group.memberExtra: over 16,384 bytes",
        "251",
        ask("group", "memberExtra", {"groupId": "quiet", "extra": "e" * 16_385}),
    ),
    (
        "group.transfer: as an ordinary member",
        "248",
        ask("group", "transfer", {"groupId": "quiet", "newOwner": "alice"}),
    ),
    (
        "group.managers: `on` that is no boolean",
        "251",
        ask("group", "managers", {"groupId": "quiet", "users": ["alice"], "on": 1}),
    ),
    (
        "group.mute: the owner",
        "248",
        ask("group", "mute", {"groupId": "quiet", "users": ["olga"], "on": True}),
    ),
    (
        "group.allow: a group that one is not in",
        "9",
        ask("group", "allow", {"groupId": "closed", "users": ["bob"], "on": True}),
    ),
    ("profile.users: over 100 users", "251", ask("profile", "users", {"users": [{"userId": "u"}] * 101})),
    ("profile.users: a `userId` over 64 characters", "251", ask("profile", "users", {"users": [{"userId": "u" * 65}]})),
    ("profile.modify: no entries", "251", _modify()),
    (
        "profile.modify: an entry of a `type` that is none, beside a good one",
        "251",
        _modify({"type": 0, "value": "x"}, {"type": 9, "value": "x"}),
    ),
    ("profile.modify: a gender that is no number", "251", _modify({"type": 2, "value": "f"})),
    ("profile.modify: a display name over 64 characters", "251", _modify({"type": 0, "value": "x" * 65})),
    ("profile.modify: nothing but a mobile number", "5", _modify({"type": 3, "value": "1"})),
    ("profile.modify: as a user who is not registered", "253", _modify({"type": 0, "value": "x"}, who="bob")),
    ("profile.search: a keyword of blanks", "251", ask("profile", "search", {"keyword": "  "})),
    ("profile.search: a keyword over 64 characters", "251", ask("profile", "search", {"keyword": "k" * 65})),
    ("profile.search: a `type` that is none", "251", ask("profile", "search", {"keyword": "k", "type": 6})),
    ("profile.search: a `page` over 9", "251", ask("profile", "search", {"keyword": "k", "page": 10})),
    ("profile.friends: a negative `after`", "251", ask("profile", "friends", {"after": -1})),
    ("profile.friendRequests: an `afterId` that is no text", "251", ask("profile", "friendRequests", {"afterId": 7})),
    ("profile.friendRequest: oneself", "251", ask("profile", "friendRequest", {"userId": "alice"})),
    ("profile.friendRequest: an empty `userId`", "251", ask("profile", "friendRequest", {"userId": ""})),
    (
        "profile.friendRequest: a `reason` over 256 characters",
        "251",
        ask("profile", "friendRequest", {"userId": "carl", "reason": "x" * 257}),
    ),
    (
        "profile.friendRequest: an `extra` over 1,024 characters",
        "251",
        ask("profile", "friendRequest", {"userId": "carl", "extra": "x" * 1_025}),
    ),
    ("profile.friendRequest: a friend", "23", ask("profile", "friendRequest", {"userId": "fred"})),
    ("profile.friendRequest: a third time in five minutes", "16", ask("profile", "friendRequest", {"userId": "rita"})),
    ("profile.friendRequest: who has rejected one", "18", ask("profile", "friendRequest", {"userId": "sue"})),
    ("profile.friendRequest: who has blacklisted one", "246", ask("profile", "friendRequest", {"userId": "tom"})),
    ("profile.friendAnswer: a `status` of 0", "251", ask("profile", "friendAnswer", {"userId": "uma", "status": 0})),
    ("profile.friendAnswer: nobody has asked", "253", ask("profile", "friendAnswer", {"userId": "carl", "status": 1})),
    (
        "profile.friendAnswer: a request of one's own",
        "253",
        ask("profile", "friendAnswer", {"userId": "rita", "status": 1}),
    ),
    (
        "profile.friendAnswer: a request that has expired",
        "19",
        ask("profile", "friendAnswer", {"userId": "uma", "status": 1}),
    ),
    ("profile.friendRequestsRead: a negative `until`", "251", ask("profile", "friendRequestsRead", {"until": -1})),
    ("profile.friendDelete: oneself", "251", ask("profile", "friendDelete", {"userId": "alice"})),
    ("profile.friendDelete: who is no friend", "0", ask("profile", "friendDelete", {"userId": "carl"})),
    ("profile.friendAlias: neither `alias` nor `extra`", "251", ask("profile", "friendAlias", {"userId": "fred"})),
    (
        "profile.friendAlias: an `alias` over 64 characters",
        "251",
        ask("profile", "friendAlias", {"userId": "fred", "alias": "x" * 65}),
    ),
    ("profile.blacklist: oneself", "251", ask("profile", "blacklist", {"userId": "alice", "on": True})),
    ("profile.blacklist: `on` that is no boolean", "251", ask("profile", "blacklist", {"userId": "fred", "on": 1})),
    ("setting: no `scope`", "251", ask("profile", "setting", {"key": "", "value": "1"})),
    ("setting: a negative `scope`", "251", ask("profile", "setting", {"scope": -1})),
    ("setting: a `scope` over 2^31 - 1", "251", ask("profile", "setting", {"scope": 2**31})),
    ("setting: a `key` over 128 characters", "251", ask("profile", "setting", {"scope": 1_000, "key": "k" * 129})),
    (
        "setting: a `value` over 4,096 characters",
        "251",
        ask("profile", "setting", {"scope": 1_000, "value": "v" * 4_097}),
    ),
    ("setting: a `value` that is no text", "251", ask("profile", "setting", {"scope": 2, "value": 1})),
    ("setting: a key that names no conversation", "251", ask("profile", "setting", {"scope": 3, "key": "bob"})),
    ("setting: a switch that is neither on nor off", "251", ask("profile", "setting", {"scope": 2, "value": "yes"})),
    ("setting: a scope that only the server writes", "248", ask("profile", "setting", {"scope": 10, "key": "PC"})),
    ("settings: a negative `after`", "251", ask("profile", "settings", {"after": -1})),
    ("profile.watch: no users", "251", ask("profile", "watch", {"users": [], "seconds": 1})),
    ("profile.watch: over 100 users", "251", ask("profile", "watch", {"users": ["u"] * 101, "seconds": 1})),
    ("profile.watch: an empty id", "251", ask("profile", "watch", {"users": ["bob", ""], "seconds": 1})),
    ("profile.watch: more than a day", "251", ask("profile", "watch", {"users": ["bob"], "seconds": 86_401})),
    ("profile.watch: no `seconds`", "251", ask("profile", "watch", {"users": ["bob"]})),
    ("profile.state: a negative `state`", "251", ask("profile", "state", {"state": -1})),
    (
        "profile.authCode: a page of somebody else",
        "251",
        ask("profile", "authCode", {"applicationId": "FireRobot", "host": "evil.example"}),
    ),
    ("profile.authCode: a `type` of 3", "251", ask("profile", "authCode", {"type": 3, "host": "a.example"})),
    ("profile.state: a text over 64 characters", "251", ask("profile", "state", {"state": 1, "text": "t" * 65})),
)

CALLS = _rows(
    "Bad calls of the server API",
    ("no signature", "239", api(signing=Signing(leave_out=("sign",)))),
    ("no nonce", "239", api(signing=Signing(leave_out=("nonce",)))),
    ("no timestamp", "239", api(signing=Signing(leave_out=("timestamp",)))),
    ("a timestamp that is no number", "239", api(signing=Signing(timestamp="yesterday"))),
    ("a signature with another secret", "244", api(signing=Signing(secret="654321"))),
    ("a timestamp more than two hours old", "243", api(signing=Signing(shift_ms=-WINDOW_MS - 60_000))),
    ("a timestamp more than two hours ahead", "243", api(signing=Signing(shift_ms=WINDOW_MS + 60_000))),
    ("a signature that was used before", "244", api(times=2)),
    ("an `x-wf-signature` of another body", "244", api(signing=Signing(native_body=b"{}"))),
    ("malformed JSON", "251", api(b'{"userId": ')),
    ("JSON that is no object", "251", api(b"[]")),
    ("JSON that is nested beyond reason", "251", api(DEEP.encode())),
    ("a member of another type", "251", api(b'{"userId": {}}')),
    ("a member that is missing", "251", api(b"{}")),
    ("an id over 64 characters", "251", api(json.dumps({"userId": "u" * 65}).encode())),
    ("control characters in an id", "251", api(b'{"userId": "a\\u0000b"}')),
    ("an unknown path", "HTTP 404", api(path="/admin/user/dance")),
    ("another method than POST", "HTTP 405", api(method="PUT")),
)

CASES = [*HANDSHAKES, *FRAMES, *REQUESTS, *CALLS]
