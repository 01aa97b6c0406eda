"""A server that answers every request with 200 over TLS, in a process of its own: ``python -m bench.stub cert key``."""

import asyncio
import datetime
import ipaddress
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Stub:
    """The running server: its address, and the certificate to trust."""

    endpoint: str
    certificate: Path


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pending = bytearray()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._pending[:end]).lower() + b"\r\n"
            at = head.find(b"content-length:")
            length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
            if len(self._pending) < end + 4 + length:
                return
            del self._pending[: end + 4 + length]
            self._transport.write(_ANSWER)


async def _serve(certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(_Answering, LOOPBACK, 0, ssl=context, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@contextmanager
def running() -> Iterator[Stub]:
    """The server, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        certificate, key = _make_certificate(Path(folder))
        command = [sys.executable, "-m", "bench.stub", str(certificate), str(key)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline())
                yield Stub(f"https://{LOOPBACK}:{port}/prod", certificate)
            finally:
                process.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
