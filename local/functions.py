"""Hosts the Lambda functions: execution environments, invocations, timeouts and deaths.

Every environment is a thread with its own variables and its own copies of our modules. It works on one invocation at a
time and is kept for the next one; when all are busy another one is made, up to a bound, beyond which invocations wait.
"""

import asyncio
import itertools
import json
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any, Literal, Protocol, TextIO

from local.calls import Killed
from local.isolation import PrivateModules, adopt, close_loop
from local.template import REGION, Function

SECRET_KEY = "local-secret-access-key"  # noqa: S105  what all environments sign their requests with

_STANDARD_VARIABLES = {
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # moto serves no account-based host names
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": REGION,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}


class FunctionFailed(Exception):
    """An invocation without a result.

    Attributes:
        kind: ``error``: the handler raised; ``timeout``: it took too long; ``killed``: a fault took its environment.
        error_type: the class of the handler's exception.
    """

    def __init__(self, kind: Literal["error", "timeout", "killed"], error_type: str, text: str) -> None:
        super().__init__(f"{error_type}: {text}")
        self.kind = kind
        self.error_type = error_type
        self.text = text


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler, as the Python runtime makes it."""

    function_name: str
    memory_limit_in_mb: str
    aws_request_id: str
    invoked_function_arn: str
    log_stream_name: str
    deadline: float = field(repr=False)
    """When the function will be stopped, on ``time.monotonic``."""
    function_version: str = "$LATEST"
    identity: None = None
    client_context: None = None

    @property
    def log_group_name(self) -> str:
        """The log group that Lambda would write to."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """How long the handler may still run."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(slots=True)
class Invocation:
    """One run of a handler. ``started`` and ``ended`` are on ``time.monotonic``; 0 before."""

    id: str
    event: str
    done: "asyncio.Future[str]"
    started: float = 0.0
    ended: float = 0.0


class InvocationObserver(Protocol):
    """Learns of finished invocations; the meter is one."""

    def invoked(self, function: Function, invocation: str, seconds: float) -> None:
        """An invocation ended (or was given up) after so many seconds."""


class Environment:
    """One execution environment: a thread, variables, and our modules."""

    def __init__(
        self, host: "FunctionHost", function: Function, identity: str, environ: MutableMapping[str, str]
    ) -> None:
        self.id = identity
        self.environ = environ
        self.log: TextIO = host.log
        self.alive = True
        self.current: Invocation | None = None
        self.modules: dict[str, ModuleType] = {}
        self.loops: list[asyncio.AbstractEventLoop] = []
        self._host = host
        self._function = function
        self._work: SimpleQueue[Invocation | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=identity, daemon=True)
        adopt(self.thread, self)
        self.thread.start()

    @property
    def function(self) -> str:
        """The function's readable logical id."""
        return self._function.id

    @property
    def invocation(self) -> str | None:
        """The id of the invocation at work."""
        current = self.current
        return current.id if current else None

    def kill(self) -> None:
        """Discard the environment; the present invocation fails as killed. Safe from any thread."""
        self.discard(FunctionFailed("killed", "Runtime.ExitError", "the environment was killed"))

    def discard(self, failure: FunctionFailed) -> None:
        """Take the environment out of service and answer its invocation. What its thread still does is void."""
        self.alive = False
        current = self.current
        if current is not None:
            self._host.finish(self, current, failure)

    def give(self, invocation: Invocation) -> None:
        """Hand over an invocation; the environment must be idle."""
        self.current = invocation
        self._work.put(invocation)

    def stop(self) -> None:
        """Let the thread end when it is idle."""
        self.alive = False
        self._work.put(None)

    def _run(self) -> None:
        try:
            self._work_off()
        finally:
            for loop in self.loops:
                close_loop(loop)

    def _work_off(self) -> None:
        handler: Callable[[Any, LambdaContext], Any] | None = None
        while self.alive and (invocation := self._work.get()) is not None:
            usable = True
            try:
                self._host.before_invocation()
                if handler is None:
                    handler = self._load()
                result: str | FunctionFailed = self._call(handler, invocation)
            except Killed:
                return
            except BaseException as error:
                self.log.write(f"[ERROR] {self._function.id} {invocation.id} {traceback.format_exc()}\n")
                result = FunctionFailed("error", type(error).__name__, str(error))
                # A handler that failed to load is loaded anew next time; like Lambda, so is one that ended its process.
                usable = handler is not None and isinstance(error, Exception)
            if not self.alive:
                return  # discarded meanwhile: somebody has answered for it
            self.alive = usable
            self._host.finish(self, invocation, result)

    def _load(self) -> Callable[[Any, LambdaContext], Any]:
        module_name, _, entry = self._function.handler.rpartition(".")
        module, self.modules = self._host.modules.load(module_name)
        loaded: Callable[[Any, LambdaContext], Any] = getattr(module, entry)
        return loaded

    def _call(self, handler: Callable[[Any, LambdaContext], Any], invocation: Invocation) -> str:
        invocation.started = time.monotonic()
        context = LambdaContext(
            function_name=self._function.name,
            memory_limit_in_mb=str(self._function.memory_mb),
            aws_request_id=invocation.id,
            invoked_function_arn=self._function.arn,
            log_stream_name=f"local/[$LATEST]{self.id}",
            deadline=invocation.started + self._function.timeout_s,
        )
        try:
            return json.dumps(handler(json.loads(invocation.event), context))
        finally:
            invocation.ended = time.monotonic()


class _Pool:
    """The environments of one function. Used in the host's event loop only."""

    def __init__(self, function: Function, bound: int) -> None:
        self.function = function
        self.bound = bound
        self.all: set[Environment] = set()
        self.idle: list[Environment] = []
        self.waiting: deque[Invocation] = deque()


class FunctionHost:
    """Runs the functions of a template.

    Args:
        functions: by readable logical id, with the environment that they shall see.
        modules: imports the handlers.
        log: gets what the functions write to their standard output and error.
        concurrency: how many environments a function may have, unless it reserves fewer.
        observer: learns of every finished invocation.
        before_invocation: called in the environment's thread before each.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        modules: PrivateModules,
        log: TextIO,
        *,
        concurrency: int,
        observer: InvocationObserver,
        before_invocation: Callable[[], None],
    ) -> None:
        self.before_invocation = before_invocation
        self.modules = modules
        self.log = log
        self.pending: set[asyncio.Future[str]] = set()
        """The invocations that have not ended."""
        self._observer = observer
        self._pools = {
            name: _Pool(function, min(concurrency, function.reserved_concurrency or concurrency))
            for name, function in functions.items()
        }
        self._environments: dict[str, Environment] = {}
        self._numbers = itertools.count(1)
        self._loop = asyncio.get_running_loop()

    def environment(self, access_key: str) -> Environment | None:
        """The environment that signs its requests with this access key; each has its own."""
        return self._environments.get(access_key)

    def environments(self, function: str) -> list[Environment]:
        """The living environments of a function, in the order of their making."""
        return sorted(self._pools[function].all, key=lambda environment: environment.id)

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function's handler with an event, and return its result; both pass through JSON, as on AWS.

        Raises:
            FunctionFailed: it raised, took longer than its timeout, or was killed.
        """
        return json.loads(await asyncio.shield(self.start(function, event)))

    def start(self, function: str, event: Mapping[str, Any]) -> "asyncio.Future[str]":
        """Like ``invoke``, without waiting: the future yields the result as JSON text. It must not be cancelled."""
        invocation = Invocation(str(uuid.uuid4()), json.dumps(event), self._loop.create_future())
        self.pending.add(invocation.done)
        # Whoever started it may have stopped waiting.
        invocation.done.add_done_callback(lambda done: done.exception())
        pool = self._pools[function]
        pool.waiting.append(invocation)
        self._serve(pool)
        return invocation.done

    def _serve(self, pool: _Pool) -> None:
        while pool.waiting and (pool.idle or len(pool.all) < pool.bound):
            environment = pool.idle.pop() if pool.idle else self._make(pool)
            if not environment.alive:
                self._drop(pool, environment)
                continue
            invocation = pool.waiting.popleft()
            environment.give(invocation)
            self._watch(pool, environment, invocation, pool.function.timeout_s)

    def _make(self, pool: _Pool) -> Environment:
        function = pool.function
        number = next(self._numbers)
        access_key = f"ASIALOCAL{number:011d}"
        environ = {
            **_STANDARD_VARIABLES,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "_HANDLER": function.handler,
            **function.environment,
        }
        environment = Environment(self, function, f"{function.id}-{number:05d}", environ)
        self._environments[access_key] = environment
        pool.all.add(environment)
        return environment

    def _watch(self, pool: _Pool, environment: Environment, invocation: Invocation, after: float) -> None:
        def look() -> None:
            if invocation.done.done():
                return
            limit = pool.function.timeout_s
            left = limit if not invocation.started else invocation.started + limit - time.monotonic()
            if left > 0:
                # Its start-up does not count: Lambda gives that ten seconds of its own.
                self._watch(pool, environment, invocation, left)
                return
            text = f"{invocation.id} Task timed out after {limit:.2f} seconds"
            self.log.write(f"[ERROR] {pool.function.id} {text}\n")
            environment.discard(FunctionFailed("timeout", "Sandbox.Timedout", text))

        self._loop.call_later(after, look)

    def finish(self, environment: Environment, invocation: Invocation, result: str | FunctionFailed) -> None:
        """Take a result from an environment. Safe from any thread; only the first result of an invocation counts."""
        self._loop.call_soon_threadsafe(self._finish, environment, invocation, result)

    def _finish(self, environment: Environment, invocation: Invocation, result: str | FunctionFailed) -> None:
        if environment.current is not invocation:
            return
        environment.current = None
        self.pending.discard(invocation.done)
        function = self._pools[environment.function].function
        end = invocation.ended or time.monotonic()
        self._observer.invoked(function, invocation.id, end - (invocation.started or end))
        if isinstance(result, FunctionFailed):
            invocation.done.set_exception(result)
        else:
            invocation.done.set_result(result)
        pool = self._pools[environment.function]
        if environment.alive:
            pool.idle.append(environment)
        else:
            self._drop(pool, environment)
        self._serve(pool)

    def _drop(self, pool: _Pool, environment: Environment) -> None:
        environment.stop()
        pool.all.discard(environment)
        self._environments.pop(environment.environ["AWS_ACCESS_KEY_ID"], None)

    def stop(self) -> list[threading.Thread]:
        """Discard all environments; what they work on, and what waits for them, fails as killed.

        Returns their threads, which end as soon as their handlers do.
        """
        threads: list[threading.Thread] = []
        for pool in self._pools.values():
            pool.bound = 0
            for invocation in pool.waiting:
                invocation.done.set_exception(FunctionFailed("killed", "Runtime.ExitError", "the host was stopped"))
            pool.waiting.clear()
            for environment in list(pool.all):
                threads.append(environment.thread)
                environment.kill()
                environment.stop()
        return threads


def private_modules(roots: list[Path], functions: Iterable[Function], now_ms: Callable[[], int]) -> PrivateModules:
    """How our packages are imported: the core and wherever handlers are, with the runner's clock for the wall clock."""
    packages = {"im", *(function.handler.partition(".")[0] for function in functions)}
    return PrivateModules(roots, frozenset(packages), {"im.platform.clock": {"now_ms": now_ms}})
