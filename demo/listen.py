"""Taking callbacks on this machine."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Take = Callable[[bytes, Mapping[str, str]], int]
"""Does what a callback asks for, by its body and headers; returns the HTTP status to answer."""
_MAX_BODY = 1_000_000


@contextmanager
def listening(paths: Mapping[str, Take], port: int) -> Iterator[str]:
    """Listen on the loopback as long as the context lasts; yields the server's address.

    Args:
        paths: what is done at which path.
        port: 0 for any.

    Raises:
        OSError: somebody listens there already.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MAX_BODY))
            take = paths.get(self.path)
            try:
                status = take(body, dict(self.headers.items())) if take else 404
            except Exception:
                logging.getLogger(__name__).exception("a callback could not be answered")
                status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the server has a log."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="callbacks", daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
