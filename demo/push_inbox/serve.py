"""The inbox as a server on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from demo.push_inbox.inbox import Inbox

PORT = 18092
PATHS = ("/android/push", "/ios/push", "/harmony/push")
_PAGE = Path(__file__).with_name("page.html")
_MAX_BODY = 65_536
_WAIT_S = 20.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@contextmanager
def serving(port: int = PORT) -> Iterator[str]:
    """Listen on the loopback as long as the context lasts; yields the address.

    Raises:
        OSError: somebody listens there already.
    """
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MAX_BODY))
            try:
                message = json.loads(body)
            except ValueError:
                message = None
            if urlsplit(self.path).path not in PATHS:
                self._answer(404, b"")
            elif not isinstance(message, dict):
                self._answer(400, b"not an object")
            else:
                inbox.take(message)
                self._answer(200, b"ok")

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path in ("/", "/inbox"):
                self._answer(200, _PAGE.read_bytes(), "text/html; charset=utf-8")
            elif parts.path == "/notices":
                asked = parse_qs(parts.query, keep_blank_values=True)
                known = int(asked.get("after", ["-1"])[0])
                found = inbox.since(known, _WAIT_S if "wait" in asked else 0.0)
                self._answer(200, json.dumps(found).encode(), "application/json")
            else:
                self._answer(404, b"")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, name="push inbox", daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
