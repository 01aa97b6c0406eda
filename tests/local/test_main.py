"""The interactive start, as ``make run`` does it, in a process of its own with the product's template."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.synth import ROOT

pytestmark = pytest.mark.xdist_group("topology")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def environment(directory: Path) -> dict[str, str]:
    names = (
        "IM_PORT_SERVER_API",
        "IM_PORT_SOCKET",
        "IM_PORT_MEDIA",
        "IM_PORT_ROBOT",
        "IM_PORT_INBOX",
        "IM_PORT_CHANNEL",
    )
    ports = {name: str(port) for name, port in zip(names, free_ports(6), strict=True)}
    files = {
        "STATE": str(directory / "state"),
        "IM_LOG": str(directory / "log"),
        "IM_ENDPOINTS": str(directory / "endpoints.json"),
    }
    return {**os.environ, **ports, **files, "IM_ADMIN_SECRET": "letmein"}


@contextmanager
def running(variables: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and what it said until it was ready; it is stopped by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local"], cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ready"):
            break
    try:
        yield process, said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0, said


def notified_of(values: dict[str, str], port: str, text: str) -> list[str]:
    """Whose phones show a text that alice sends to bob."""
    nonce, timestamp = "1", str(int(time.time() * 1000))
    sign = hashlib.sha1("|".join((nonce, values["admin_secret"], timestamp)).encode()).hexdigest()
    payload = {"type": 1, "searchableContent": text, "persistFlag": 3}
    body = {"sender": "alice", "conv": {"type": 0, "target": "bob"}, "payload": payload}
    request = urllib.request.Request(
        values["server_api"] + "/admin/message/send",
        json.dumps(body).encode(),
        {"nonce": nonce, "timestamp": timestamp, "sign": sign},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["code"] == 0
    number, told = 0, []
    while not told:
        # Others are notified as well, of the newsroom's welcome; a request that waited in vain ends the search.
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/notices?after={number}&wait") as answer:
            found = json.load(answer)
        told = [notice["user"] for notice in found["notices"] if notice["text"] == text]
        if found["number"] == number:
            break
        number = found["number"]
    return told


def test_one_command_serves_the_system_and_a_second_start_finds_its_data(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    endpoints = tmp_path / "endpoints.json"

    with running(variables) as (_, said):
        values = json.loads(endpoints.read_text())
        assert values["server_api"] == f"http://127.0.0.1:{variables['IM_PORT_SERVER_API']}"
        assert values["socket"] == f"ws://127.0.0.1:{variables['IM_PORT_SOCKET']}/im"
        assert values["media"] == f"http://127.0.0.1:{variables['IM_PORT_MEDIA']}"
        assert values["admin_secret"] == "letmein"
        newsroom = f"http://127.0.0.1:{variables['IM_PORT_CHANNEL']}/news"
        robot = f"http://127.0.0.1:{variables['IM_PORT_ROBOT']}/robot/recvmsg"
        for expected in (
            robot,
            newsroom,
            "alice, bob, carol",
            "a token for alice",
            "make chat USER=alice",
            *values.values(),
        ):
            assert expected in said
        assert f"http://127.0.0.1:{variables['IM_PORT_INBOX']}/inbox" in said
        assert notified_of(values, variables["IM_PORT_INBOX"], "hello, phone") == ["bob"]
        with urllib.request.urlopen(f"http://127.0.0.1:{variables['IM_PORT_SOCKET']}/health") as answer:
            assert json.load(answer) == {"connections": 0}
    assert not endpoints.exists()
    first = json.loads((tmp_path / "state" / "state.json").read_text())

    robot_port = int(variables["IM_PORT_ROBOT"])
    with socket.create_server(("127.0.0.1", robot_port)), running(variables) as (_, said):
        assert "templates     unchanged" in said
        assert f"IM_PORT_ROBOT={robot_port + 1} make run" in said
    second = json.loads((tmp_path / "state" / "state.json").read_text())

    assert users(first) == users(second) == {"alice", "bob", "carol"}
    assert first["secrets"]["TokenSecret"] == second["secrets"]["TokenSecret"]
    assert (tmp_path / "log").read_text()


def users(state: Any) -> set[str]:
    """The users whose items are in a saved state."""
    keys = {item["pk"]["S"] for item in state["tables"]["Directory"]}
    return {name for name in ("alice", "bob", "carol") if any(name in key for key in keys)}


def test_a_port_in_use_is_explained(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    port = int(variables["IM_PORT_SOCKET"])
    with socket.create_server(("127.0.0.1", port)):
        run = subprocess.run(
            [sys.executable, "-m", "local"], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )

    assert run.returncode == 1
    assert f"port {port} (socket) is in use" in run.stderr
    assert f"IM_PORT_SOCKET={port + 1} make run" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_port_that_is_no_number_is_explained(tmp_path: Path) -> None:
    variables = {**environment(tmp_path), "IM_PORT_MEDIA": "many"}
    run = subprocess.run(
        [sys.executable, "-m", "local"], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stderr) == (1, "IM_PORT_MEDIA is not a number: many\n")
