"""How fast frames are posted to sockets: ``python -m bench.posting ours|boto3 endpoint count`` in a fresh process.

Prints posts per second and CPU microseconds per post as JSON. The server is ``bench.stub``, over TLS as on AWS.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.stub import Stub

_ROOT = Path(__file__).parents[1]
_FRAME = b'{"push":"message","body":{"text":"%s"}}' % (b"x" * 940)
_THREADS = 32
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """Posts per second of wall time, and CPU microseconds per post."""

    per_second: float
    cpu_us: float


def measured(way: str, count: int, stub: Stub) -> Pace:
    """The best of a few runs, each in a process of its own: the machine may be busy with something else."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "layers/core/python")]),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CA_BUNDLE": str(stub.certificate),
        "SSL_CERT_FILE": str(stub.certificate),
    }
    command = [sys.executable, "-m", "bench.posting", way, stub.endpoint, str(count)]
    runs = []
    for _ in range(_TRIES):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=_ROOT)
        runs.append(Pace(**json.loads(done.stdout)))
    return Pace(max(run.per_second for run in runs), min(run.cpu_us for run in runs))


def _ours(endpoint: str) -> Callable[[int], None]:
    from im.platform.poster import Credentials, Post, SocketPoster  # noqa: PLC0415  only the fresh process loads it

    poster = SocketPoster(endpoint, "us-east-1", lambda: Credentials("bench", "bench", None))

    def post(count: int) -> None:
        outcome = poster.post_many(
            [Post("user", "client", f"Connection{number:06d}=", _FRAME) for number in range(count)]
        )
        if outcome.gone or outcome.failed:
            raise RuntimeError("posts failed")

    return post


def _boto3(endpoint: str) -> Callable[[int], None]:
    import boto3  # noqa: PLC0415  only this way uses it
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        "apigatewaymanagementapi", endpoint_url=endpoint, config=Config(max_pool_connections=_THREADS)
    )

    def post(count: int) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(
                pool.map(
                    lambda number: client.post_to_connection(ConnectionId=f"Connection{number:06d}=", Data=_FRAME),
                    range(count),
                )
            )

    return post


def _main(way: str, endpoint: str, count: str) -> None:
    post = {"ours": _ours, "boto3": _boto3}[way](endpoint)
    post(64)
    wall, cpu = time.perf_counter(), time.process_time()
    post(int(count))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"per_second": int(count) / wall, "cpu_us": cpu / int(count) * 1e6}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
