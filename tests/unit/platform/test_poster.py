"""The poster: its signature is botocore's own, and what it makes of every answer."""

import asyncio
import random
import string
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from im.platform.poster import Credentials, Post, Signer, SocketPoster

HOST = "abc123.execute-api.eu-west-1.amazonaws.com"


def signature_of_botocore(
    method: str, path: str, body: bytes, credentials: Credentials, stamp: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    request = AWSRequest(method, f"https://{HOST}{path}", data=body, headers={"Host": HOST})
    boto = BotoCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    auth = SigV4Auth(boto, "execute-api", "eu-west-1")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: _parsed(stamp))
    auth.add_auth(request)
    return str(request.headers["Authorization"])


def _parsed(stamp: str) -> object:
    from datetime import datetime  # noqa: PLC0415

    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")  # noqa: DTZ007  botocore wants it naive


@pytest.mark.parametrize("seed", range(40))
def test_the_signature_is_botocores(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    connection = "".join(chance.choices(string.ascii_letters + string.digits + "+/=_-", k=15)) + "="
    path = f"/prod/@connections/{quote(connection, safe='')}"
    body = chance.randbytes(chance.randrange(200))
    token = None if seed % 2 else "".join(chance.choices(string.ascii_letters + "+/=", k=300))
    credentials = Credentials("AKIDEXAMPLE", "".join(chance.choices(string.printable[:90], k=40)), token)
    at_ms = 1_790_000_000_000 + seed * 86_400_000

    headers = dict(Signer("eu-west-1", HOST).headers("POST", path, body, credentials, at_ms))

    expected = signature_of_botocore("POST", path, body, credentials, headers["x-amz-date"], monkeypatch)
    assert headers["authorization"] == expected


class Gateway:
    """A management API on loopback: answers each connection id as told, and counts TCP connections."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], bytes]] = {}
        self.bodies: dict[str, list[bytes]] = {}
        self.methods: list[str] = []
        self.accepted = 0
        self.loop = asyncio.new_event_loop()
        self._server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                body = await reader.readexactly(length)
                connection = unquote(path.rsplit("/", 1)[1])
                self.methods.append(method)
                self.bodies.setdefault(connection, []).append(body)
                answer = self.answers.get(connection, lambda: status(200))()
                if not answer:
                    return
                writer.write(answer)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    def stop(self) -> None:
        async def cancel() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def status(code: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    running = Gateway()
    yield running
    running.stop()


@pytest.fixture
def poster(gateway: Gateway) -> Iterator[SocketPoster]:
    credentials = Credentials("key", "secret", None)
    made = SocketPoster(f"http://127.0.0.1:{gateway.port}/dev", "us-east-1", lambda: credentials)
    yield made
    made.shutdown()


def posts(*connections: str) -> list[Post]:
    return [Post(f"user-{each}", "phone", each, b'{"push":"x"}') for each in connections]


def test_every_socket_gets_its_frame_over_few_connections(gateway: Gateway, poster: SocketPoster) -> None:
    wanted = [f"id+{number}=" for number in range(500)]

    outcome = poster.post_many(posts(*wanted))

    assert (outcome.gone, outcome.failed) == ([], [])
    assert sorted(gateway.bodies) == sorted(wanted)
    assert gateway.accepted <= 64


def test_connections_are_kept_between_calls(gateway: Gateway, poster: SocketPoster) -> None:
    for _ in range(5):
        poster.post_many(posts("a"))

    assert gateway.accepted == 1


def test_a_socket_that_is_gone_is_reported_and_not_tried_again(gateway: Gateway, poster: SocketPoster) -> None:
    gateway.answers["b"] = lambda: status(410, b'{"message":"gone"}')

    outcome = poster.post_many(posts("a", "b", "c"))

    assert [post.connection for post in outcome.gone] == ["b"]
    assert len(gateway.bodies["b"]) == 1


@pytest.mark.parametrize("trouble", [status(429), status(500), b""])
def test_passing_trouble_is_tried_again(gateway: Gateway, poster: SocketPoster, trouble: bytes) -> None:
    answers = iter([trouble, status(200)])
    gateway.answers["a"] = lambda: next(answers)

    outcome = poster.post_many(posts("a"))

    assert (outcome.gone, outcome.failed) == ([], [])
    assert len(gateway.bodies["a"]) == 2


def test_lasting_trouble_is_reported_as_failed(gateway: Gateway, poster: SocketPoster) -> None:
    gateway.answers["a"] = lambda: status(429)

    outcome = poster.post_many(posts("a", "b"))

    assert [post.connection for post in outcome.failed] == ["a"]
    assert len(gateway.bodies["a"]) == 3


def test_a_frame_that_is_refused_for_good_is_not_tried_again(gateway: Gateway, poster: SocketPoster) -> None:
    gateway.answers["a"] = lambda: status(413)

    assert [post.connection for post in poster.post_many(posts("a")).failed] == ["a"]
    assert len(gateway.bodies["a"]) == 1


def test_a_kept_connection_that_died_while_we_slept_is_replaced(gateway: Gateway, poster: SocketPoster) -> None:
    answers = iter([status(200), b"", status(200)])
    gateway.answers["a"] = lambda: next(answers)
    poster.post_many(posts("a"))

    outcome = poster.post_many(posts("a"))

    assert outcome.failed == []
    assert gateway.accepted == 2


def test_a_socket_is_closed_by_delete(gateway: Gateway, poster: SocketPoster) -> None:
    assert poster.close("a")

    assert gateway.methods == ["DELETE"]


def test_closing_is_tried_again_and_tells_when_it_failed(gateway: Gateway, poster: SocketPoster) -> None:
    answers = iter([status(429), status(410), *[status(500)] * 3])
    gateway.answers["a"] = lambda: next(answers)

    assert poster.close("a")
    assert not poster.close("a")
    assert len(gateway.methods) == 5
