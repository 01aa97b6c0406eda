"""The program behind a robot: it fails now and then, and takes each message once, as a receiver of callbacks should."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Lock, Thread
from typing import Any

Heard = Callable[[str, str], None]
"""Takes a sender and a text, in any thread."""


class RobotProgram:
    """Listens to callbacks.

    Attributes:
        url: where.
        failing: how often it answers that it has failed; it has not taken the message then.

    Args:
        random: decides when it fails.
        heard: is told of each message once.
    """

    def __init__(self, random: Random, heard: Heard) -> None:
        self.failing = 0.0
        known: set[str] = set()
        lock = Lock()
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    fails = random.random() < program.failing
                    if not fails and (name := self.headers["webhook-id"]) not in known:
                        known.add(name)
                        heard(body["sender"], body["payload"]["searchableContent"])
                self.send_response(500 if fails else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
