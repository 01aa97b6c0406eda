"""Webhooks: what goes out, whom we never ask, and what is made of every answer."""

import base64
import datetime
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from im.platform import webhooks
from im.platform.webhooks import (
    MAX_ANSWER_BYTES,
    WebhookFailed,
    WebhookRefused,
    Webhooks,
    check_url,
    signature,
)

NOW_MS = 1_790_000_000_000
BODY = '{"messageId":1,"text":"你好"}'.encode()


class Receiver:
    """A receiver on loopback that answers as told and remembers what came."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b"ok"
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.accepted = 0
        self.server_names: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.accepted += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.answer)))
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def url(self, host: str = "business.example", path: str = "/im_event/message") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    there = Receiver()
    there.thread.start()
    yield there
    there.server.shutdown()
    there.server.server_close()


def sender(
    addresses: Sequence[str] = ("127.0.0.1",), *, allow_private: bool = True, asked: list[str] | None = None
) -> Webhooks:
    def resolver(host: str, port: int) -> Sequence[str]:
        if asked is not None:
            asked.append(host)
        return addresses

    return Webhooks(allow_private=allow_private, clock=lambda: NOW_MS, resolver=resolver)


def test_the_body_arrives_byte_for_byte_as_json_of_the_host_that_was_named(receiver: Receiver) -> None:
    answer = sender().post(receiver.url(path="/a?b=c"), BODY, message_id="m1", secret=None)

    [(path, headers, body)] = receiver.requests
    assert (answer.status, answer.body) == (200, b"ok")
    assert (path, body) == ("/a?b=c", BODY)
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["host"] == f"business.example:{receiver.port}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("m1", str(NOW_MS // 1000))
    assert "webhook-signature" not in headers


def test_the_signature_covers_id_time_and_body(receiver: Receiver) -> None:
    sender().post(receiver.url(), BODY, message_id="m1", secret="tell nobody")

    [(_, headers, body)] = receiver.requests
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"tell nobody", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_standard_key_signs_as_the_standards_own_example_does() -> None:
    """The vector of the Standard Webhooks specification."""
    assert (
        signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_while_a_secret_rotates_both_sign(receiver: Receiver) -> None:
    sender().post(receiver.url(), BODY, message_id="m1", secret=["new", "old"])

    [(_, headers, _)] = receiver.requests
    assert headers["webhook-signature"].split() == [
        signature("new", "m1", NOW_MS // 1000, BODY),
        signature("old", "m1", NOW_MS // 1000, BODY),
    ]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fd00:ec2::254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
        "nonsense",
    ],
)
def test_addresses_that_are_not_public_are_never_asked(address: str, receiver: Receiver) -> None:
    with pytest.raises(WebhookRefused):
        sender([address], allow_private=False).post(receiver.url(), BODY, message_id="m", secret=None)


def test_one_private_address_among_public_ones_is_one_too_many(receiver: Receiver) -> None:
    with pytest.raises(WebhookRefused):
        sender(["93.184.216.34", "127.0.0.1"], allow_private=False).post(
            receiver.url(), BODY, message_id="m", secret=None
        )

    assert receiver.accepted == 0


def test_the_connection_goes_to_the_address_that_was_looked_at_and_the_name_is_resolved_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    reached: list[object] = []
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda at, *rest: (reached.append(at), connect(at, *rest))[1])

    sender(asked=asked).post(receiver.url("rebinding.example"), BODY, message_id="m", secret=None)

    assert asked == ["rebinding.example"]
    assert reached == [("127.0.0.1", receiver.port)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/a",
        "file:///etc/passwd",
        "//host/a",
        "http://",
        "http://user:secret@host/",
        "http://host/a b",
        "http://host/a\r\nX-Evil: 1",
        "http://host:99999/",
        "http://host:port/",
        "http://[::1/",
        "http://host/" + "a" * 3_000,
        "http://host/ä",
        "http://a..b/",
    ],
)
def test_what_is_no_address_is_refused_for_ever(url: str) -> None:
    with pytest.raises(WebhookRefused):
        sender().post(url, BODY, message_id="m", secret=None)
    with pytest.raises(WebhookRefused):
        check_url(url, allow_private=True)


def test_an_address_can_be_checked_when_it_is_registered() -> None:
    check_url("https://robots.example:8443/hook?id=1")
    check_url("http://127.0.0.1:8883/robot/recvmsg", allow_private=True)
    for inside in ("http://127.0.0.1:8883/robot/recvmsg", "http://[::1]/", "http://169.254.169.254/latest"):
        with pytest.raises(WebhookRefused):
            check_url(inside)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": "http://169.254.169.254/"}

    with pytest.raises(WebhookFailed) as failure:
        sender().post(receiver.url(), BODY, message_id="m", secret=None)

    assert failure.value.status == 302
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
def test_an_answer_other_than_200_is_a_failure_that_tells_its_status(status: int, receiver: Receiver) -> None:
    receiver.status = status

    with pytest.raises(WebhookFailed) as failure:
        sender().post(receiver.url(), BODY, message_id="m", secret=None)

    assert (failure.value.status, failure.value.retry_after_s) == (status, 0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0), ("soon", 0.0), ("-5", 0.0), ("9" * 400, 999_999_999.0)],
)
def test_a_receiver_may_ask_for_patience(value: str, seconds: float, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": value}

    with pytest.raises(WebhookFailed) as failure:
        sender().post(receiver.url(), BODY, message_id="m", secret=None)

    assert failure.value.retry_after_s == seconds


def test_nobody_there_is_a_failure(receiver: Receiver) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(WebhookFailed) as failure:
            sender().post(f"http://business.example:{port}/", BODY, message_id="m", secret=None)

    assert failure.value.status is None


def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(WebhookFailed):
        Webhooks(resolver=unknown).post("http://nowhere.example/", BODY, message_id="m", secret=None)


def test_the_next_address_is_tried_when_one_does_not_take_the_connection(receiver: Receiver) -> None:
    answer = sender(["127.0.0.99", "127.0.0.1"]).post(receiver.url(), BODY, message_id="m", secret=None)

    assert answer.status == 200


def test_no_more_of_an_answer_is_read_than_anybody_needs(receiver: Receiver) -> None:
    receiver.answer = b"x" * (MAX_ANSWER_BYTES + 1)

    answer = sender().post(receiver.url(), BODY, message_id="m", secret=None)

    assert len(answer.body) == MAX_ANSWER_BYTES


@pytest.mark.parametrize("trickle", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"])
def test_one_deadline_bounds_the_whole_exchange_however_busy_the_receiver_is(trickle: bytes) -> None:
    gone = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(trickle)
            while not gone.wait(0.02):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = f"http://business.example:{listener.getsockname()[1]}/"
        with pytest.raises(WebhookFailed):
            sender().post(url, BODY, message_id="m", secret=None, timeout_s=0.1)
        gone.set()


def test_a_connection_is_used_again(receiver: Receiver) -> None:
    hooks = sender()

    for number in range(3):
        hooks.post(receiver.url(), BODY, message_id=f"m{number}", secret=None)

    assert (len(receiver.requests), receiver.accepted) == (3, 1)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    served: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                served.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,), daemon=True)
        serving.start()
        url = f"http://business.example:{listener.getsockname()[1]}/"
        hooks = sender()
        answers = [hooks.post(url, BODY, message_id="m", secret=None).status for _ in range(2)]
        serving.join()

    assert answers == [200, 200]
    assert len(served) == 2


def test_a_kept_connection_is_left_when_the_name_moves_elsewhere(receiver: Receiver) -> None:
    addresses = ["127.0.0.1"]
    hooks = Webhooks(allow_private=False, clock=lambda: NOW_MS, resolver=lambda host, port: addresses)
    open_hooks = Webhooks(allow_private=True, clock=lambda: NOW_MS, resolver=lambda host, port: addresses)
    open_hooks.post(receiver.url(), BODY, message_id="m", secret=None)
    addresses[:] = ["127.0.0.2"]

    with pytest.raises(WebhookFailed):
        open_hooks.post(receiver.url(), BODY, message_id="m", secret=None)
    with pytest.raises(WebhookRefused):
        hooks.post(receiver.url(), BODY, message_id="m", secret=None)


def test_a_header_that_would_break_the_request_is_refused(receiver: Receiver) -> None:
    with pytest.raises(WebhookRefused):
        sender().post(receiver.url(), BODY, message_id="a\r\nb: c", secret=None)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def test_over_tls_the_hosts_name_is_greeted_and_must_be_certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, key = _certificate(tmp_path, "business.example")
    receiver = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    context.sni_callback = lambda _socket, name, _context: receiver.server_names.append(name)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    receiver.thread.start()
    trusting = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(webhooks, "_tls", lambda: trusting)

    url = f"https://business.example:{receiver.port}/hook"
    assert sender().post(url, json.dumps({}).encode(), message_id="m", secret=None).status == 200
    with pytest.raises(WebhookFailed):
        sender().post(url.replace("business", "another"), b"{}", message_id="m", secret=None)

    receiver.server.shutdown()
    receiver.server.server_close()
    assert receiver.server_names == ["business.example", "another.example"]
    assert len(receiver.requests) == 1
