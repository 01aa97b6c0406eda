"""Serves the whole system on this machine: ``make run``.

Environment: ``IM_PORT_SERVER_API`` (18080), ``IM_PORT_SOCKET`` (18090), ``IM_PORT_MEDIA`` (18091), ``IM_PORT_ROBOT``
(8883), ``IM_PORT_CHANNEL`` (8088), ``IM_PORT_INBOX`` (18092), ``IM_ADMIN_SECRET`` (123456), ``STATE`` (a
directory; without it nothing is kept),
``IM_LOG`` (a file, ``.local/functions.log``; ``stderr`` shows what the functions log), ``IM_ENDPOINTS`` (the file that tells
other programs where everything is, ``.local/endpoints.json``).
"""

import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

try:
    from demo.channel import serve as newsroom
    from demo.channel.newsroom import MENU
    from demo.push_inbox import serve as inbox
    from demo.robot import serve
    from local.state import StateError
    from local.synth import ROOT, SynthError, synthesize
    from local.template import Template, TemplateError, read_assembly
    from local.topology import ADMIN_SECRET, CACHE, SERVER_API, Options, PortTaken, Topology
except ImportError as missing:
    sys.exit(f"The Python package {missing.name} is missing; install everything: make setup")

DIRECTORY = ROOT / ".local"
ENDPOINTS = Path(os.environ.get("IM_ENDPOINTS") or DIRECTORY / "endpoints.json")
_PORTS = {
    SERVER_API: ("IM_PORT_SERVER_API", 18080),
    "socket": ("IM_PORT_SOCKET", 18090),
    "media": ("IM_PORT_MEDIA", 18091),
}
_ROBOT_PORT = "IM_PORT_ROBOT"
_INBOX_PORT = "IM_PORT_INBOX"
_USERS = {"alice": "Alice", "bob": "Bob", "carol": "Carol"}
_GROUP = "team"
_ROBOT = "FireRobot"
_ROBOT_SECRET = "123456"  # noqa: S105  everybody knows the demo robot's
_CHANNEL_PORT = "IM_PORT_CHANNEL"
_CHANNEL = "news"
_CHANNEL_SECRET = "123456"  # noqa: S105  everybody knows the demo channel's
_MAY_ALL = 0x0F
_FINISH_S = 5.0
_PUSHED = ("android", "ios", "harmony")
_PHONE = 2


class _Unusable(Exception):
    """Something that the person at the keyboard can put right; the text says how."""


def _port(variable: str, default: int) -> int:
    try:
        return int(os.environ.get(variable) or default)
    except ValueError:
        raise _Unusable(f"{variable} is not a number: {os.environ[variable]}") from None


def _options(log: TextIO, push_server: str) -> Options:
    ports = {name: _port(variable, default) for name, (variable, default) in _PORTS.items()}
    state = os.environ.get("STATE")
    return Options(
        ports=ports,
        secrets={ADMIN_SECRET: os.environ.get("IM_ADMIN_SECRET") or "123456"},
        concurrency=8,
        log=log,
        state=Path(state) if state else None,
        switches={f"push.{kind}.server.address": f"{push_server}/{kind}/push" for kind in _PUSHED if push_server},
    )


@contextmanager
def _log() -> Iterator[TextIO]:
    """Where the functions log to."""
    chosen = os.environ.get("IM_LOG") or str(DIRECTORY / "functions.log")
    if chosen == "stderr":
        yield sys.stderr
        return
    Path(chosen).parent.mkdir(parents=True, exist_ok=True)
    with Path(chosen).open("a", buffering=1, encoding="utf-8") as file:
        yield file


def _say(topic: str, text: str) -> None:
    print(f"  {topic:<13} {text}", flush=True)


def _template() -> Template:
    started = time.monotonic()
    if (
        shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
        is None
    ):
        raise _Unusable("Node.js is missing, which the CDK needs; install everything: make setup")
    try:
        assembly, cached = synthesize(CACHE)
    except SynthError as error:
        raise _Unusable(str(error)) from None
    _say("templates", "unchanged" if cached else f"synthesized in {time.monotonic() - started:.1f} s")
    return read_assembly(assembly)


def _seed(topology: Topology) -> None:
    """Make the demo users and their group, through the server API, unless they exist."""

    async def seed() -> None:
        for user, name in _USERS.items():
            known = await topology.admin("/admin/user/get_info", {"userId": user})
            if known["code"] != 0:
                _done(await topology.admin("/admin/user/create", {"userId": user, "name": user, "displayName": name}))
        if (await topology.admin("/admin/group/get_info", {"groupId": _GROUP}))["code"] != 0:
            owner, *others = _USERS
            info = {"target_id": _GROUP, "name": "Team", "type": 2, "owner": owner}
            members = [{"member_id": user} for user in (*others, _ROBOT)]
            body = {"operator": owner, "group": {"group_info": info, "members": members}}
            _done(await topology.admin("/admin/group/create", body))

    async def phones() -> None:
        for user in _USERS:
            phone = await topology.socket(user, f"{user}-demo-phone", _PHONE)
            await phone.call(
                "push", "register", {"token": f"{user}-demo-token", "packageName": "demo", "language": "en"}
            )
            await phone.close()

    topology.run(seed())
    topology.run(phones())
    _say("demo data", f"users {', '.join(_USERS)}, each with a phone that sleeps; group {_GROUP}")


@contextmanager
def _inbox() -> Iterator[str]:
    """Serve the inbox of notifications, and yield its address; empty where it cannot be served."""
    port = _port(_INBOX_PORT, inbox.PORT)
    try:
        with inbox.serving(port) as address:
            yield address
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _say("push inbox", f"port {port} is taken; choose another one: {_INBOX_PORT}={port + 1} make run")
        yield ""


@contextmanager
def _robot(topology: Topology) -> Iterator[None]:
    """Serve the demo robot, and let it be called; without it the system is as good."""
    port = _port(_ROBOT_PORT, serve.PORT)
    try:
        with serve.serving(topology.endpoints[f"url:{SERVER_API}"], _ROBOT, _ROBOT_SECRET, port) as address:
            where = {"url": address}
            answer = topology.run(topology.robot(_ROBOT, _ROBOT_SECRET, "/robot/set_callback", where))
            _say("robot", f"{_ROBOT} (小火) at {address}" if answer["code"] == 0 else f"not asked: {answer['msg']}")
            yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _say("robot", f"port {port} is taken; choose another one: {_ROBOT_PORT}={port + 1} make run")
        yield


@contextmanager
def _newsroom(topology: Topology) -> Iterator[None]:
    """Serve the demo channel, to which the demo users listen; without it the system is as good."""
    port = _port(_CHANNEL_PORT, newsroom.PORT)
    url = topology.endpoints[f"url:{SERVER_API}"]
    try:
        with newsroom.serving(url, _CHANNEL, _CHANNEL_SECRET, port) as (address, desk):
            if topology.run(_make_channel(topology, address)):
                desk.publish("The demo is up", "Whoever subscribes gets this, and finds it later if he is away.")
            _say("channel", f"{_CHANNEL} (the newsroom) at {address}; make news TEXT='...' broadcasts")
            yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _say("channel", f"port {port} is taken; choose another one: {_CHANNEL_PORT}={port + 1} make run")
        yield


async def _make_channel(topology: Topology, address: str) -> bool:
    """Make the demo channel, or tell it where its service is now; whether it is new."""
    fresh = bool((await topology.admin("/admin/channel/get", {"channelId": _CHANNEL}))["code"])
    wanted = {
        "targetId": _CHANNEL,
        "owner": "admin",
        "name": "Newsroom 新闻",
        "desc": "What is new in this demo",
        "state": _MAY_ALL,
        "secret": _CHANNEL_SECRET,
        "callback": address,
        "auto": 1,
        "menus": MENU,
    }
    _done(await topology.admin("/admin/channel/create", wanted))
    if fresh:
        body = {"channelId": _CHANNEL, "userIds": list(_USERS), "subscribe": 1}
        _done(await topology.admin("/admin/channel/batch_subscribe", body))
    return fresh


def _done(answer: dict[str, Any]) -> None:
    if answer["code"] != 0:
        raise _Unusable(f"the server API refused the demo data: {answer}")


def _publish(topology: Topology) -> None:
    """Write the addresses for other programs, and say them."""
    values = {
        "socket": topology.socket_url,
        "server_api": topology.endpoints[f"url:{SERVER_API}"],
        "media": topology.endpoints["media"],
        "admin_secret": topology.secrets[ADMIN_SECRET],
    }
    temporary = ENDPOINTS.with_suffix(".new")
    temporary.write_text(json.dumps(values, indent=2))
    temporary.replace(ENDPOINTS)
    print()
    for name, value in values.items():
        _say(name.replace("_", " "), value)
    token = topology.run(topology.token("alice", "demo"))
    print(f"\n  a token for alice on a client named demo:\n  {token}\n")
    print("Next: make chat USER=alice   (and USER=bob in another terminal)")


def _serve(log: TextIO, push_server: str) -> None:
    started = time.monotonic()
    topology = Topology(_template(), _options(log, push_server))
    try:
        topology.start()
    except PortTaken as error:
        variable, _ = _PORTS[error.name]
        raise _Unusable(f"{error}; choose another one: {variable}={error.port + 1} make run") from None
    with topology:
        template, state = topology.template, topology.options.state
        _say("cloud", f"{len(template.tables)} tables, {len(template.queues)} queues, {len(template.buckets)} bucket")
        _say("functions", f"{len(template.functions)}, logging to {os.path.relpath(getattr(log, 'name', 'a stream'))}")
        _say(
            "data", f"kept in {os.path.relpath(state)}" if state else "in memory; make run STATE=.local/state keeps it"
        )
        _seed(topology)
        if push_server:
            _say("push inbox", f"{push_server}/inbox shows what phones that sleep are notified of")
        with _robot(topology), _newsroom(topology):
            _publish(topology)
            stopped = _stopping()
            print(f"Ready after {time.monotonic() - started:.1f} s. Ctrl-C stops.", flush=True)
            try:
                stopped.wait()
                print()
                # What is still in queues would be lost: the saved state has none.
                with suppress(TimeoutError):
                    topology.run(topology.settle(within_s=_FINISH_S))
            finally:
                ENDPOINTS.unlink(missing_ok=True)
    print("Stopped." if state is None else f"Stopped; the data is in {os.path.relpath(state)}.")


def _stopping() -> threading.Event:
    """Is set by Ctrl-C, and by a polite kill."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def main() -> None:
    """Run until Ctrl-C."""
    DIRECTORY.mkdir(exist_ok=True)
    print("Wildfire IM on this machine")
    try:
        with _log() as log, _inbox() as push_server:
            _serve(log, push_server)
    except (_Unusable, TemplateError, StateError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
