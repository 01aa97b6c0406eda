"""The robot as a server on this machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from demo.robot.api import RobotApi
from demo.robot.handler import Callback
from demo.robot.talk import Fire

PORT = 8883
"""Where Wildfire's own robot server listens."""
PATH = "/robot/recvmsg"
_MAX_BODY = 1_000_000


@contextmanager
def serving(server_api: str, robot: str, secret: str, port: int = PORT) -> Iterator[str]:
    """Listen on the loopback as long as the context lasts; yields the callback's address.

    Args:
        server_api: the server API's address.
        robot: the robot's user id.
        secret: what it signs with, and its callbacks are signed with.
        port: 0 for any.

    Raises:
        OSError: somebody listens there already.
    """
    callback = Callback(Fire(RobotApi(server_api, robot, secret)), secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MAX_BODY))
            try:
                status = callback.take(body, dict(self.headers.items())) if self.path == PATH else 404
            except Exception:
                logging.getLogger(__name__).exception("the robot could not answer")
                status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the server has a log."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, name="robot", daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{PATH}"
        finally:
            server.shutdown()
