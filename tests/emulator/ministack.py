"""MiniStack, the emulator of AWS: made from its own lock file into its own environment, and run on loopback."""

import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from local.synth import ROOT

LOCK = ROOT / "requirements-ministack.txt"
VENV = ROOT / ".local" / "ministack-venv"
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Functions run in MiniStack's own interpreter, which is of this one's version; their layer must be made for it."""
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
ACCOUNT = "000000000000"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_LOOPBACK = "127.0.0.1"
_START_S = 30
_STOP_S = 10


def ministack_python() -> Path:
    """The interpreter that has MiniStack, installed anew when the lock file or this interpreter is another one.

    Raises:
        RuntimeError: the installation failed; the text is what the installer said.
    """
    content = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    python, ready = VENV / "bin" / "python", VENV / ".ready"
    if ready.exists() and ready.read_text() == content:
        return python
    shutil.rmtree(VENV, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    run_tool([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    run_tool([uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--requirement", str(LOCK)])
    ready.write_text(content)
    return python


def run_tool(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a program to its end; returns what it printed.

    Raises:
        RuntimeError: it failed; the text is what it said.
        subprocess.TimeoutExpired: it takes too long.
    """
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=150, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def ministack(directory: Path) -> Iterator[str]:
    """A MiniStack that is up; yields its address.

    Args:
        directory: an own one, where it and the functions leave their files: ``ministack.log``, and unpacked code.

    Raises:
        RuntimeError: it does not come up.
    """
    python, port = ministack_python(), _free_port()
    url, log = f"http://{_LOOPBACK}:{port}", directory / "ministack.log"
    scratch = directory / "tmp"
    scratch.mkdir()
    # Nothing of this process's environment: functions inherit it, and it may hold real credentials.
    environment = {
        **CREDENTIALS,
        "PATH": os.defpath,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "BIND_HOST": _LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        # Services that would listen on ports of their own, on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "ministack"],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, f"{url}/_ministack/ready", log)
            yield url
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End MiniStack and the functions' processes, which are its process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError(f"MiniStack does not come up:\n{log.read_text()}")
