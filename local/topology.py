"""A running copy of the whole deployment, in this process.

    with Topology.from_cdk() as topology:
        token = topology.run(topology.token("alice", "phone"))
        ...

An own thread runs the event loop of the gateway, the function host and the pumps, so synchronous and asynchronous tests
can both use it. Methods that are coroutines may be awaited in any event loop.
"""

import asyncio
import hashlib
import io
import json
import secrets
import socket
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TextIO, TypeVar

import aiohttp
from aiohttp import web

from local.client import SocketClient
from local.clock import RunnerClock
from local.cloud import Cloud
from local.faults import Faults
from local.functions import SECRET_KEY, FunctionHost, private_modules
from local.gateway import SHUTDOWN_S, SocketGateway
from local.http import BucketServer, FunctionUrlServer
from local.isolation import Installation
from local.meter import Meter
from local.pumps import Pump, QueuePump
from local.state import load_state, save_state, saved_secrets
from local.synth import ROOT, synthesize
from local.template import Function, Template, TemplateError, read_assembly

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
CACHE = ROOT / ".local" / "cache"
SERVER_API = "ServerApi"
"""Logical ids that the runner has to know: whose function URL ``admin`` calls, and what it signs with."""
ADMIN_SECRET = "AdminSecret"  # noqa: S105  a name
_SWITCHES = "IM_SWITCHES"
_SETTLE_ROUNDS = 50
_TOGETHER_MS = 100
"""Messages that were received together become visible within this time of each other."""
_LEAVE_S = 1.0
"""How long a handler may still run when everything stops; its thread is left behind after that."""


class PortTaken(Exception):
    """A fixed port cannot be used; ``name`` says which of ``Options.ports`` it is."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"port {port} ({name}) is in use by another program")
        self.name = name
        self.port = port


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes:
        ports: fixed ports by ``socket``, ``media`` and the ids of functions with URLs; others are chosen by the system.
        secrets: values of secrets by logical id; others are random.
        roots: directories that hold the packages ``functions`` and ``im``.
        concurrency: how many execution environments a function may have.
        seed: of everything random: connection ids, shuffles, accidents.
        log: gets what functions write; None keeps it for ``Topology.log_text``.
        state: where tables, secrets and objects are loaded from and saved to; None keeps nothing.
        switches: behaviour switches by their dotted keys, over those of the template.
        variables: values of variables of the functions, in the places of those that the template has.
        save_every_s: how often the state is saved while running.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=lambda: {ADMIN_SECRET: "123456"})
    roots: Sequence[Path] = (ROOT, ROOT / "layers" / "core" / "python")
    concurrency: int = 4
    seed: int = 0
    log: TextIO | None = None
    state: Path | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    save_every_s: float = 60.0


class Topology:
    """The template at work; start it by ``start`` or as a context manager.

    Attributes:
        template: what runs.
        clock: the time of the gateway, the queues and the functions.
        faults: what goes wrong.
        meter: what it costs.
        cloud, host, gateways: the parts, there after ``start``.
        endpoints: addresses by name, there after ``start``.
    """

    cloud: Cloud
    host: FunctionHost
    meter: Meter
    gateways: Mapping[str, SocketGateway]
    endpoints: Mapping[str, str]

    def __init__(self, template: Template, options: Options | None = None) -> None:
        self.template = template
        self.options = options or Options()
        self.clock = RunnerClock()
        self.faults = Faults(self.options.seed)
        self.secrets = {
            name: self.options.secrets.get(name) or secret.text or secrets.token_urlsafe(secret.length)
            for name, secret in template.secrets.items()
        }
        self._log: TextIO = self.options.log or io.StringIO()
        self._installation = Installation()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._http: aiohttp.ClientSession
        self._pumps: dict[str, Pump] = {}
        self._servers: list[tuple[asyncio.Server, web.Server]] = []
        self._listeners: Mapping[str, socket.socket] = {}
        self._saved = asyncio.Event()
        self._saver: asyncio.Task[None] | None = None

    @classmethod
    def from_cdk(cls, options: Options | None = None, *, context: Mapping[str, Any] | None = None) -> Self:
        """A topology of the repository's CDK app, synthesized if it is not in the cache.

        Raises:
            SynthError: the app failed.
            TemplateError: it has something that the runner does not know.
        """
        assembly, _ = synthesize(CACHE, context)
        return cls(read_assembly(assembly), options)

    # Life

    def start(self) -> None:
        """Bring everything up.

        Raises:
            PortTaken: a fixed port is in use.
        """
        self._listeners = listeners = self._listen()
        self._installation.install()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="topology", daemon=True)
        self._thread.start()
        try:
            self.run(self._start(listeners))
        except BaseException:
            self.stop()
            raise

    def _listen(self) -> dict[str, socket.socket]:
        names = ["media", *(f"socket:{name}" for name in self.template.sockets)]
        names += [f"url:{url.function}" for url in self.template.function_urls]
        listeners: dict[str, socket.socket] = {}
        for name in names:
            kind, _, function = name.partition(":")
            option = function if kind == "url" else kind
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = self.options.ports.get(option, 0)
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                for opened in (listener, *listeners.values()):
                    opened.close()
                raise PortTaken(option, port) from None
            listeners[name] = listener
        return listeners

    async def _start(self, listeners: Mapping[str, socket.socket]) -> None:
        template, clock = self.template, self.clock
        addresses = {name: f"{LOOPBACK}:{listener.getsockname()[1]}" for name, listener in listeners.items()}
        self._http = aiohttp.ClientSession()
        self.meter = Meter(
            {table.name: table for table in template.tables.values()},
            frozenset(queue.name for queue in template.queues.values() if queue.fifo),
            lambda table, key: self.cloud.item(table, key),
            lambda operation, params: self.cloud.dynamodb(operation, params),
        )
        self.cloud = Cloud(clock.now_ms, self.meter, self.faults, self._message_arrived)
        self.cloud.start()
        self.cloud.provision(template, self._secret_versions())
        if self.options.state is not None:
            load_state(self.options.state, self.cloud, template)
        self.host = FunctionHost(
            {name: self._local(function, addresses) for name, function in template.functions.items()},
            private_modules(list(self.options.roots), template.functions.values(), clock.now_ms),
            self._log,
            concurrency=self.options.concurrency,
            observer=self.meter,
            before_invocation=self._installation.refresh,
        )
        random = Random(self.options.seed)
        self.gateways = {
            name: SocketGateway(
                api,
                self.host,
                clock.now_ms,
                secret_key=SECRET_KEY,
                random=random,
                meter=self.meter,
                faults=self.faults,
            )
            for name, api in template.sockets.items()
        }
        for name, gateway in self.gateways.items():
            await gateway.start(listeners[f"socket:{name}"])
        for url in template.function_urls:
            server = FunctionUrlServer(url, self.host, clock.now_ms, self.meter).server
            await self._serve(server, listeners[f"url:{url.function}"])
        published = {distribution.bucket_host for distribution in template.distributions}
        buckets = BucketServer(
            list(template.buckets.values()),
            self.cloud,
            clock.now_ms,
            SECRET_KEY,
            self.meter,
            published=[bucket.name for bucket in template.buckets.values() if published.intersection(bucket.hosts)],
        )
        await self._serve(buckets.server, listeners["media"])
        self._make_pumps()
        clock.on_advance(self._advanced)
        self.endpoints = {
            "media": f"http://{addresses['media']}",
            **{
                f"socket:{name}": f"ws://{addresses[f'socket:{name}']}/{api.stage}"
                for name, api in template.sockets.items()
            },
            **{f"url:{url.function}": f"http://{addresses[f'url:{url.function}']}" for url in template.function_urls},
        }
        if self.options.state is not None:
            self._saver = self._loop.create_task(self._save_regularly())

    def _local(self, function: Function, addresses: Mapping[str, str]) -> Function:
        """A function as it runs here: loopback addresses, and what the options say otherwise."""
        local = _local(function, self.template, addresses)
        environment = dict(local.environment)
        environment.update({name: value for name, value in self.options.variables.items() if name in environment})
        if self.options.switches:
            switches = {**json.loads(environment.get(_SWITCHES, "{}")), **self.options.switches}
            environment[_SWITCHES] = json.dumps(switches)
        return replace(local, environment=environment)

    def _secret_versions(self) -> dict[str, list[str]]:
        """The values that secrets start with: those of the options, or else the saved ones, or else new ones."""
        versions = {name: [value] for name, value in self.secrets.items()}
        saved = saved_secrets(self.options.state) if self.options.state is not None else {}
        for name in versions.keys() & saved.keys() - self.options.secrets.keys():
            versions[name] = saved[name]
        self.secrets = {name: values[-1] for name, values in versions.items()}
        return versions

    async def _serve(self, server: web.Server, listener: socket.socket) -> None:
        self._servers.append((await self._loop.create_server(server, sock=listener, backlog=1024), server))

    def _make_pumps(self) -> None:
        queues = {queue.arn: queue for queue in self.template.queues.values()}
        for source in self.template.event_sources:
            if source.source_arn not in queues:
                raise TemplateError(f"{source.id} reads {source.source_arn}; the local runner reads queues only")
            queue = queues[source.source_arn]
            self._pumps[queue.name] = QueuePump(source, queue, self.host, self.cloud, self.meter, self.faults)

    def stop(self) -> None:
        """Save the state if there is a place for it, and take everything down. A second call does nothing."""
        if self._thread is None:
            return
        for thread in self.run(self._stop()):
            thread.join(_LEAVE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()
        for listener in self._listeners.values():
            listener.close()
        self._installation.remove()

    async def _stop(self) -> list[threading.Thread]:
        if self._saver is not None:
            self._saver.cancel()
            self.save()
        for pump in self._pumps.values():
            pump.stop()
        for listening, server in self._servers:
            listening.close()
            await server.shutdown(SHUTDOWN_S)
        for gateway in getattr(self, "gateways", {}).values():
            await gateway.stop()
        threads = self.host.stop() if hasattr(self, "host") else []
        if hasattr(self, "cloud"):
            self.cloud.stop()
        await self._http.close()
        return threads

    def __enter__(self) -> Self:
        if self._thread is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def save(self) -> None:
        """Write the state to its directory now."""
        assert self.options.state is not None
        save_state(self.options.state, self.cloud, self.template)

    async def saved(self) -> None:
        """Wait until the state was saved once more."""
        await self._saved.wait()

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(self.options.save_every_s)
            await asyncio.to_thread(self.save)
            self._saved.set()
            self._saved.clear()

    # The bridge between threads

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the topology from synchronous code, and return its result."""
        return self._submit(work).result()

    def _submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def inside(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine that needs the topology's own loop."""
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(self._submit(work))

    def _message_arrived(self, queue: str) -> None:
        pump = self._pumps.get(queue)
        if pump is not None:
            self._loop.call_soon_threadsafe(lambda: pump.poll(now=False))

    def _advanced(self) -> None:
        def look() -> None:
            for gateway in self.gateways.values():
                gateway.sweep()
            for pump in self._pumps.values():
                pump.poll(now=True)

        self._loop.call_soon_threadsafe(look)

    # What tests and people do with it

    @property
    def gateway(self) -> SocketGateway:
        """The gateway of the only WebSocket API."""
        [gateway] = self.gateways.values()
        return gateway

    @property
    def socket_url(self) -> str:
        """Where clients connect."""
        [name] = self.gateways
        return self.endpoints[f"socket:{name}"]

    @property
    def pumps(self) -> Mapping[str, Pump]:
        """The event sources at work, by the names of what they read."""
        return self._pumps

    def redrive(self, queue: str) -> None:
        """Move the dead letters of a queue, by its logical id, back into it."""
        alive = self.template.queues[queue]
        [dead] = [each for each in self.template.queues.values() if each.arn == alive.dead_letter_arn]
        self.cloud.redrive(dead, alive)

    def log_text(self) -> str:
        """What the functions have written so far, when no log was given."""
        return self._log.getvalue() if isinstance(self._log, io.StringIO) else ""

    async def settle(self, within_s: float = 60.0) -> None:
        """Wait until nothing happens any more: frames, invocations, and queues with what is delayed or hidden in them.

        Time passes for the queues as far as needed, and for nothing else. Afterwards clients have received all that was
        sent to them (those whose event loop runs).

        Raises:
            TimeoutError: it does not become quiet.
        """
        async with asyncio.timeout(within_s):
            await self.inside(self._settle())

    async def _settle(self) -> None:
        for _ in range(_SETTLE_ROUNDS):
            await self.quiet()
            waiting = [due for pump in self._pumps.values() if (due := pump.due_in_ms()) is not None]
            if not waiting:
                return
            if min(waiting) > 0:
                self.cloud.put_queues_forward(min(waiting) + _TOGETHER_MS)
            for pump in self._pumps.values():
                pump.poll(now=True)
        queues = [name for name, pump in self._pumps.items() if pump.due_in_ms() is not None]
        raise TimeoutError(f"messages of {', '.join(queues)} are delivered again and again")

    async def quiet(self) -> None:
        """Wait for frames, invocations and batches at work, in the topology's own loop; queues are left as they are."""
        while True:
            # Lets what other threads have reported become work.
            await asyncio.sleep(0)
            for gateway in self.gateways.values():
                await gateway.barrier(1.0)
            work: set[asyncio.Future[Any]] = {*self.host.pending}
            work.update(*(gateway.work for gateway in self.gateways.values()))
            work.update(*(pump.work for pump in self._pumps.values()))
            if not work:
                return
            await asyncio.wait(work)

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function's handler with an event, and return its result.

        Raises:
            FunctionFailed: it has none.
        """
        return await self.inside(self.host.invoke(function, event))

    async def admin(self, path: str, body: Any = None) -> dict[str, Any]:
        """A signed call of the server API; returns its JSON answer."""
        return await self.inside(self._signed(path, body, self.secrets[ADMIN_SECRET], {}))

    async def robot(self, robot: str, secret: str, path: str, body: Any = None) -> dict[str, Any]:
        """A call of the server API that a robot has signed; returns its JSON answer."""
        return await self.inside(self._signed(path, body, secret, {"rid": robot}))

    async def channel(self, channel: str, secret: str, path: str, body: Any = None) -> dict[str, Any]:
        """A call of the server API that a channel's service has signed; returns its JSON answer."""
        return await self.inside(self._signed(path, body, secret, {"cid": channel}))

    async def _signed(self, path: str, body: Any, secret: str, caller: Mapping[str, str]) -> dict[str, Any]:
        nonce, timestamp = str(secrets.randbelow(1_000_000)), str(self.clock.now_ms())
        text = "|".join((nonce, secret, timestamp))
        sign = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        signed = {"nonce": nonce, "timestamp": timestamp, "sign": sign, "Content-Type": "application/json"}
        headers = {**signed, **caller}
        url = self.endpoints[f"url:{SERVER_API}"] + path
        async with self._http.post(url, data=json.dumps(body or {}), headers=headers) as response:
            answer: dict[str, Any] = json.loads(await response.read())
            return answer

    async def token(self, user: str, client: str, platform: int = 5) -> str:
        """A token for a user's client, from the server API.

        Raises:
            RuntimeError: the server API refuses.
        """
        body = {"userId": user, "clientId": client, "platform": platform}
        answer = await self.admin("/admin/user/get_token", body)
        if answer.get("code") != 0:
            raise RuntimeError(f"no token for {user}: {answer}")
        return str(answer["result"]["token"])

    async def socket(self, user: str, client: str = "", platform: int = 5) -> SocketClient:
        """A connected client of a user, in the present event loop."""
        name = client or f"{user}-client"
        token = await self.token(user, name, platform)
        return await SocketClient.connect(self.socket_url, token, name, platform)

    def shuffle_frames(self, seed: int | None) -> None:
        """Dispatch frames that arrive together in an order drawn from a seed; None stops it."""
        self.gateway.shuffle = None if seed is None else Random(seed)

    def drop_silently(self, connection_id: str, swallowed_posts: int = 0) -> None:
        """Cut a connection so that nobody notices; after ``swallowed_posts`` more posts there are 410s."""

        async def drop() -> None:
            self.gateway.drop_silently(connection_id, swallowed_posts)

        self.run(drop())

    def connections(self, user: str) -> list[str]:
        """The ids of a user's open connections, by the authorizer's context."""
        sessions = list(self.gateway.sessions.values())
        return [s.client.connection_id for s in sessions if s.client.authorizer.get("userId") == user]


def _local(function: Function, template: Template, addresses: Mapping[str, str]) -> Function:
    """A function whose environment has loopback addresses in the places of AWS's."""
    replacements: dict[str, str] = {}
    media = addresses["media"]
    for bucket in template.buckets.values():
        for host in bucket.hosts:
            replacements[f"https://{host}"] = f"http://{media}/{bucket.name}"
    for distribution in template.distributions:
        for bucket in template.buckets.values():
            if distribution.bucket_host in bucket.hosts:
                replacements[f"https://{distribution.domain}"] = f"http://{media}/{bucket.name}"
    for name, api in template.sockets.items():
        replacements[f"https://{api.host}"] = f"http://{addresses[f'socket:{name}']}"
        replacements[f"wss://{api.host}"] = f"ws://{addresses[f'socket:{name}']}"
    for url in template.function_urls:
        replacements[url.url] = f"http://{addresses[f'url:{url.function}']}/"
    environment = {"AWS_ENDPOINT_URL_S3": f"http://{media}"}
    for variable, value in function.environment.items():
        for theirs, ours in replacements.items():
            value = value.replace(theirs, ours)
        environment[variable] = value
    return replace(function, environment=environment)
