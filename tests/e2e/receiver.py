"""A program behind a callback, for tests: a robot, a business back end, a reviewer."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class Receiver:
    """Keeps what it was sent, and answers with the statuses that it is told, then 200.

    Attributes:
        got: headers and body of each request; the header ``:path`` is the path.
        answers: statuses of the next answers.
        replies: by path, the status and body of every answer.
        delay_s: how long it thinks.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.delay_s = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(({":path": self.path, **headers}, body))
                receiver.hurry.wait(receiver.delay_s)
                status, reply = receiver.replies.get(self.path, (200, b""))
                self.send_response(receiver.answers.pop(0) if receiver.answers else status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.hurry = Event()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/robot/recvmsg"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        self.hurry.set()
        self._server.shutdown()
        self._server.server_close()

    def bodies(self) -> list[dict[str, Any]]:
        """What came since the last look."""
        got, self.got = self.got, []
        return [json.loads(body) for _, body in got]

    def texts(self) -> list[str]:
        """Their texts."""
        return [body["payload"]["searchableContent"] for body in self.bodies()]
