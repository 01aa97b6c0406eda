"""A small server that speaks the socket protocol on loopback, with every fault that a real one can have.

It keeps one log for each conversation, recognises resends by `cid` and `base`, and does nothing by chance: a test decides
which acknowledgement is lost, which push comes late, and when.
"""

import asyncio
import base64
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from clients.python.tests.fake_lists import FakeLists
from wildfire_client import Content
from wildfire_client.contents import GroupCreated, MemberQuit, MembersAdded, MembersRemoved

Wire = dict[str, Any]
Key = tuple[int, int, tuple[str, ...]]

START_TIME = 1_800_000_000_000


def key_of(user: str, conversation: Wire) -> Key:
    kind, target, line = conversation["type"], conversation["target"], conversation.get("line", 0)
    return kind, line, tuple(sorted((user, target))) if kind == 0 else (target,)


@dataclass
class Log:
    entries: list[Wire] = field(default_factory=list)
    """Messages without their conversation; the one with seq n is at index n - 1."""
    changed: int = 0

    @property
    def head(self) -> int:
        return len(self.entries)


@dataclass
class Membership:
    first: int
    last: int | None = None


@dataclass
class Session:
    """One connection."""

    user: str
    client_id: str
    socket: ServerConnection


@dataclass
class Refusal(Exception):
    code: int
    msg: str = ""
    retry: bool = False
    after: int | None = None


class FakeServer:
    """See the module's text.

    Attributes:
        send_faults: what happens to the next sends, one after another: "drop_before" and "drop_after" (the connection
            breaks before or after the message is stored), "mute_before" and "mute_after" (no answer), "busy" (a
            retryable error, nothing stored), "busy_after" (the same, but stored), "internal_after" (stored, then the
            gateway's own error without an id), "swallow" (acknowledged, not stored), or a Wildfire
            code that refuses for good.
        losing: pushes are lost.
        doubling: pushes come twice.
        holding: pushes wait in `held` for `release`.
        requests: every request, as (user, op, body).
        refuse: HTTP status by which handshakes are refused; None admits.
        after_ping: called after each answered ping.
    """

    def __init__(self) -> None:
        self.logs: dict[Key, Log] = {}
        self.groups: dict[str, dict[str, Membership]] = {}
        self.history_visible = True
        self.reads: dict[tuple[str, Key], int] = {}
        self.lists = FakeLists()
        self.sessions: list[Session] = []
        self.handshakes: list[dict[str, str]] = []
        self.requests: list[tuple[str, str, Wire]] = []
        self.frames: list[Wire] = []
        self.refuse: int | None = None
        self.send_faults: deque[str | int] = deque()
        self.op_faults: dict[str, deque[Refusal | str]] = {}
        self.losing = self.doubling = self.holding = False
        self.held: list[tuple[Session, str]] = []
        self.gate: asyncio.Event | None = None
        self.server_info: Wire = {
            "heartbeat": 240,
            "maxMessageBytes": 32_768,
            "recallTimeLimit": 120,
            "maxUploadBytes": 1_000_000,
            "pullLimit": 100,
        }
        self.page_size = 100
        self.pull_budget = 1_000_000
        self.history_examined = 1_000_000
        self.sync_first_limit = 1_000
        self.upload_url = ""
        self.ticket_count = 0
        self.on_request: Callable[[str, str], None] = lambda user, op: None
        self._changes = itertools.count(1)
        self._uids = itertools.count(1)
        self._times = itertools.count(1)
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", port, process_request=self._admit, ping_interval=None, compression=None
        )

    async def stop(self) -> None:
        assert self._server is not None
        if self.gate is not None:
            self.gate.set()
        for task in self._tasks:
            task.cancel()
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/dev"

    # --- what a test does to it

    def token(self, user: str, *, exp: float | None = None, salt: int = 0) -> str:
        """An unsigned token that names the user, with an expiry when one is given."""
        claims = {"user": user, "salt": salt} | ({} if exp is None else {"exp": exp})
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"head.{body}.sign"

    def post(self, sender: str, conversation: Wire, content: Content | Wire, **more: Any) -> Wire:
        """Append a message as somebody else's client would, and deliver it."""
        payload = content.encode().to_wire() if isinstance(content, Content) else content
        key = key_of(sender, conversation)
        entry = self._append(key, sender, payload, cid=f"other-{next(self._uids)}", **more)
        self._deliver(key, entry)
        return entry

    def say(self, sender: str, to: str, text: str, **more: Any) -> Wire:
        """Post a text in a single chat."""
        return self.post(
            sender, {"type": 0, "target": to}, {"type": 1, "searchableContent": text, "persistFlag": 3}, **more
        )

    def say_group(self, sender: str, group: str, text: str, **more: Any) -> Wire:
        """Post a text in a group."""
        payload = {"type": 1, "searchableContent": text, "persistFlag": 3} | more.pop("payload", {})
        return self.post(sender, {"type": 1, "target": group}, payload, **more)

    def signal(self, sender: str, to: str, payload: Wire) -> None:
        """Deliver a transparent message in a single chat."""
        entry = {"uid": "1", "cid": "t", "from": sender, "time": START_TIME, "content": payload}
        self._deliver(key_of(sender, {"type": 0, "target": to}), entry)

    def create_group(self, group: str, owner: str, *members: str) -> Wire:
        self.groups[group] = {user: Membership(1) for user in (owner, *members)}
        return self.post(owner, {"type": 1, "target": group}, GroupCreated(group, owner, group))

    def add_member(self, group: str, operator: str, member: str) -> Wire:
        log = self.logs[1, 0, (group,)]
        first = 1 if self.history_visible else log.head + 1
        self.groups[group][member] = Membership(first)
        self.reads[member, (1, 0, (group,))] = log.head
        return self.post(operator, {"type": 1, "target": group}, MembersAdded(group, operator, members=(member,)))

    def remove_member(self, group: str, operator: str, member: str) -> Wire:
        notice = MemberQuit(group, member) if operator == member else MembersRemoved(group, operator, members=(member,))
        entry = self.post(operator, {"type": 1, "target": group}, notice)
        self.groups[group][member].last = entry["seq"]
        return entry

    def refuse_op(self, op: str, code: int) -> None:
        """Refuse every request for an operation."""
        self.op_faults[op] = deque([Refusal(code)] * 100)

    async def push(self, user: str, name: str, body: Wire) -> None:
        """Send any push to every session of a user."""
        for session in self.sessions_of(user):
            await session.socket.send(json.dumps({"push": name, "body": body}))

    async def raw(self, user: str, text: str) -> None:
        """Send a frame as it is."""
        for session in self.sessions_of(user):
            await session.socket.send(text)

    async def drop(self, user: str) -> None:
        """Break the user's connections."""
        for session in self.sessions_of(user):
            session.socket.transport.abort()

    async def release(self, order: list[int] | None = None) -> None:
        """Send the held pushes in this order; an index that is left out is lost."""
        held, self.held, self.holding = self.held, [], False
        for index in range(len(held)) if order is None else order:
            session, text = held[index]
            await session.socket.send(text)

    def sessions_of(self, user: str) -> list[Session]:
        return [session for session in self.sessions if session.user == user]

    def texts(self, user: str, conversation: Wire) -> list[str]:
        """The texts in a log."""
        log = self.logs.get(key_of(user, conversation), Log())
        return [entry["content"].get("searchableContent", "") for entry in log.entries]

    def count(self, op: str) -> int:
        """How many requests of this op came."""
        return sum(1 for _, name, _ in self.requests if name == op)

    def bodies(self, op: str) -> list[Wire]:
        """The bodies of the requests of this op."""
        return [body for _, name, body in self.requests if name == op]

    # --- connections

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.handshakes.append({"token": token} | query)
        if self.refuse is not None:
            return connection.respond(HTTPStatus(self.refuse), "")
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        connection.username = claims["user"]
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        query = parse_qs(urlsplit(socket.request.path).query)
        session = Session(str(socket.username), query["clientId"][0], socket)
        self.sessions.append(session)
        try:
            async for text in socket:
                task = asyncio.create_task(self._handle(session, str(text)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except ConnectionClosed:
            pass
        finally:
            self.sessions.remove(session)

    async def _handle(self, session: Session, text: str) -> None:
        frame = json.loads(text)
        self.frames.append(frame)
        op, body = frame["op"], frame["body"]
        self.requests.append((session.user, op, body))
        self.on_request(session.user, op)
        if self.gate is not None and op == "send":
            await self.gate.wait()
        try:
            answer = await self._answer(session, frame["route"], op, body)
        except Refusal as refusal:
            error: Wire = {"id": frame["id"], "code": refusal.code, "msg": refusal.msg}
            if refusal.retry:
                error["retry"] = True
            if refusal.after is not None:
                error["after"] = refusal.after
            await self._send(session, error)
        except _Silence as silence:
            if silence.internal:
                await self._send(session, {"message": "Internal server error", "connectionId": "c", "requestId": "r"})
        else:
            await self._send(session, {"id": frame["id"], "code": 0, "body": answer})

    async def _send(self, session: Session, frame: Wire) -> None:
        with contextlib.suppress(ConnectionClosed):
            await session.socket.send(json.dumps(frame))

    async def _answer(self, session: Session, route: str, op: str, body: Wire) -> Any:
        if faults := self.op_faults.get(op):
            fault = faults.popleft()
            if isinstance(fault, Refusal):
                raise fault
            if fault == "drop":
                session.socket.transport.abort()
            raise _Silence
        match op:
            case "hello" | "ping":
                return self._hello(session, body)
            case "send":
                return self._accept(session, body)
            case "pull":
                budget = [self.pull_budget]
                return {"ranges": [self._range(session.user, wanted, budget) for wanted in body["ranges"]]}
            case "history":
                return self._history(session.user, body)
            case "recall":
                return self._recall(session, body)
            case "delete":
                return self._delete(session, body)
            case "read":
                return await self._read(session, body)
            case "upload":
                self.ticket_count += 1
                name = f"{self.ticket_count}-{body['name']}"
                return {
                    "url": self.upload_url,
                    "fields": {"key": name, "policy": "p"},
                    "remoteMediaUrl": f"https://media.example/{name}",
                    "expires": START_TIME,
                }
            case "edit":
                return self._edit(session, body)
            case "react":
                return self._react(session, body)
            case "clear" | "remove":
                head = self.logs[key_of(session.user, body["conversation"])].head
                return {"cleared" if op == "clear" else "removed": body.get("seq") or head}
            case "devices":
                return [
                    {"clientId": other.client_id, "platform": 7, "online": True, "since": START_TIME}
                    for other in self.sessions_of(session.user)
                ]
            case "kick" | "logout":
                return {}
        answers = self.lists.answer_channel if route == "channel" else self.lists.answer
        answer = answers(session.user, op, body)
        if answer is None:
            raise Refusal(254)
        return answer

    # --- operations

    def _hello(self, session: Session, body: Wire) -> Wire:
        since, reader = int(body["sync"] or 0), session.user
        changed = sorted(
            (
                (log.changed, key)
                for key, log in self.logs.items()
                if log.changed > since and self._takes_part(reader, key)
            )
        )
        page, rest = changed[: self.page_size], changed[self.page_size :]
        # The fake pages from the oldest change on, so that the token of a page covers it and nothing newer.
        token = page[-1][0] if rest else max([since, *(log.changed for log in self.logs.values())])
        return {
            "time": START_TIME,
            "userId": reader,
            "sync": str(token),
            "more": bool(rest),
            "conversations": [self._listed(reader, key) for _, key in reversed(page)],
            "versions": self.lists.versions_of(reader),
            "server": self.server_info,
        }

    def _listed(self, reader: str, key: Key) -> Wire:
        log, membership = self.logs[key], self._membership(reader, key)
        listed: Wire = {
            "conversation": self._seen_by(reader, key),
            "head": log.head,
            "read": self.reads.get((reader, key), 0),
            "first": membership.first,
        }
        if membership.last is not None:
            listed["last"] = membership.last
        return listed

    def _accept(self, session: Session, body: Wire) -> Wire:
        fault = self.send_faults.popleft() if self.send_faults else ""
        if isinstance(fault, int):
            raise Refusal(fault)
        if fault == "drop_before":
            session.socket.transport.abort()
        if fault in ("drop_before", "mute_before"):
            raise _Silence
        if fault == "swallow":
            return {"uid": "1", "time": START_TIME}
        if fault == "busy":
            raise Refusal(221, retry=True, after=500)
        answer = self._store(session, body)
        if fault == "drop_after":
            session.socket.transport.abort()
        if fault in ("drop_after", "mute_after"):
            raise _Silence
        if fault == "internal_after":
            raise _Silence(internal=True)
        if fault == "busy_after":
            raise Refusal(221, retry=True)
        return answer

    def _store(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        if not self._may_speak(session.user, key):
            raise Refusal(9)
        if body["content"].get("persistFlag") == 4:
            entry = {"uid": str(next(self._uids)), "cid": body["cid"], "from": session.user, "time": START_TIME}
            self._deliver(key, entry | {"content": body["content"]}, skip=session)
            return {"uid": entry["uid"], "time": entry["time"]}
        log = self.logs.setdefault(key, Log())
        base = body["base"]
        if base > log.head:
            raise Refusal(251, "base does not exist")
        if log.head - base > self.sync_first_limit:
            raise Refusal(238, "sync first", retry=True)
        for entry in log.entries[base:]:
            if entry["from"] == session.user and entry["cid"] == body["cid"]:
                break
        else:
            entry = self._append(key, session.user, body["content"], cid=body["cid"], to=body.get("to"))
        self._deliver(key, entry, skip=session)
        return {"seq": entry["seq"], "uid": entry["uid"], "time": entry["time"]}

    def _append(self, key: Key, sender: str, payload: Wire, *, cid: str, **more: Any) -> Wire:
        log = self.logs.setdefault(key, Log())
        seq = log.head + 1
        entry: Wire = {
            "seq": seq,
            "uid": str(next(self._uids) << 7),
            "cid": cid,
            "from": sender,
            "time": START_TIME + next(self._times),
            "content": payload,
        }
        entry |= {name: value for name, value in more.items() if value}
        log.entries.append(entry)
        log.changed = next(self._changes)
        return entry

    def _range(self, reader: str, wanted: Wire, budget: list[int]) -> Wire:
        key = key_of(reader, wanted["conversation"])
        log = self.logs.get(key, Log())
        membership = self._membership(reader, key)
        end = log.head if membership.last is None else min(log.head, membership.last)
        through = min(end, wanted["after"] + min(wanted["limit"], budget[0]))
        budget[0] -= max(0, through - wanted["after"])
        found = log.entries[wanted["after"] : through]
        return {
            "conversation": wanted["conversation"],
            "messages": [self._sight(reader, key, entry) for entry in found if self._visible(reader, key, entry)],
            "through": max(through, wanted["after"]),
            "head": log.head if through < end else max(through, wanted["after"]),
        }

    def _history(self, reader: str, body: Wire) -> Wire:
        key = key_of(reader, body["conversation"])
        log = self.logs.get(key, Log())
        before = body["before"] if body["before"] is not None else log.head + 1
        types = body.get("types")
        found = [
            entry
            for entry in reversed(log.entries[: before - 1])
            if self._visible(reader, key, entry) and (not types or entry["content"]["type"] in types)
        ]
        lowest = max(0, before - 1 - self.history_examined)
        page = [entry for entry in found if entry["seq"] > lowest][: body["limit"]]
        more = len(found) > len(page)
        return {"messages": [self._sight(reader, key, entry) for entry in page], "more": more}

    def _recall(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        target = self.logs[key].entries[body["seq"] - 1]
        if target["from"] != session.user:
            raise Refusal(248)
        uid = base64.b64encode(target["uid"].encode()).decode()
        payload = {"type": 80, "content": session.user, "base64edData": uid, "persistFlag": 1}
        target["content"], target["recalled"] = payload, {"by": session.user, "time": START_TIME}
        return self._add_event(key, session, payload, ref=body["seq"])

    def _edit(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        edited = START_TIME + next(self._times)
        self.logs[key].entries[body["seq"] - 1] |= {"content": body["content"], "edited": edited}
        event = {"type": 32, "content": session.user}
        return self._add_event(key, session, event, ref=body["seq"], edit={"content": body["content"], "time": edited})

    def _react(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        target = self.logs[key].entries[body["seq"] - 1]
        users = {each["emoji"]: set(each["users"]) - {session.user} for each in target.get("reactions", ())}
        if body["on"]:
            users.setdefault(body["emoji"], set()).add(session.user)
        target["reactions"] = [{"emoji": emoji, "users": sorted(who)} for emoji, who in users.items() if who]
        extra = json.dumps({"emoji": body["emoji"], "on": body["on"]})
        event = {"type": 33, "content": session.user, "extra": extra}
        return self._add_event(key, session, event, ref=body["seq"])

    def _delete(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        to = None if body["all"] else [session.user]
        if body["all"]:
            target = self.logs[key].entries[body["seq"] - 1]
            target["content"], target["deleted"] = {"type": 81, "content": session.user}, True
        return self._add_event(key, session, {"type": 81, "content": session.user}, ref=body["seq"], to=to)

    def _add_event(self, key: Key, session: Session, payload: Wire, **more: Any) -> Wire:
        entry = self._append(key, session.user, payload, cid=f"event-{next(self._uids)}", **more)
        self._deliver(key, entry, skip=session)
        return {"seq": entry["seq"], "uid": entry["uid"], "time": entry["time"]}

    async def _read(self, session: Session, body: Wire) -> Wire:
        key = key_of(session.user, body["conversation"])
        read = self.reads[session.user, key] = max(self.reads.get((session.user, key), 0), body["seq"])
        for other in self.sessions_of(session.user):
            if other is not session:
                cursor = {"push": "cursor", "body": {"conversation": body["conversation"], "read": read}}
                await self._send(other, cursor)
        return {"read": read}

    # --- who sees what

    def _members(self, key: Key) -> list[str]:
        kind, _, ids = key
        return list(ids) if kind == 0 else list(self.groups[ids[0]])

    def _takes_part(self, user: str, key: Key) -> bool:
        return user in self._members(key)

    def _membership(self, user: str, key: Key) -> Membership:
        kind, _, ids = key
        return Membership(1) if kind == 0 else self.groups[ids[0]][user]

    def _may_speak(self, user: str, key: Key) -> bool:
        return key[0] == 0 or (self._takes_part(user, key) and self._membership(user, key).last is None)

    def _visible(self, user: str, key: Key, entry: Wire) -> bool:
        membership = self._membership(user, key)
        if entry["seq"] < membership.first or (membership.last is not None and entry["seq"] > membership.last):
            return False
        return not entry.get("to") or user in entry["to"] or user == entry["from"]

    def _seen_by(self, user: str, key: Key) -> Wire:
        kind, line, ids = key
        target = ids[0] if kind else next((other for other in ids if other != user), user)
        return {"type": kind, "target": target, "line": line}

    def _sight(self, user: str, key: Key, entry: Wire) -> Wire:
        return {"conversation": self._seen_by(user, key)} | entry

    def _deliver(self, key: Key, entry: Wire, skip: Session | None = None) -> None:
        for session in list(self.sessions):
            if session is skip or not self._takes_part(session.user, key):
                continue
            if "seq" in entry and not self._visible(session.user, key, entry):
                continue
            if self.losing:
                continue
            text = json.dumps({"push": "message", "body": self._sight(session.user, key, entry)})
            for _ in range(2 if self.doubling else 1):
                if self.holding:
                    self.held.append((session, text))
                else:
                    self._post(session, text)

    def _post(self, session: Session, text: str) -> None:
        async def send() -> None:
            with contextlib.suppress(ConnectionClosed):
                await session.socket.send(text)

        task = asyncio.get_running_loop().create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Silence(Exception):
    def __init__(self, *, internal: bool = False) -> None:
        self.internal = internal
