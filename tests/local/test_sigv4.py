from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.sigv4 import SignatureError, Signed, verify

SECRET = "secret"


def signed_headers(method: str, url: str, body: bytes, token: str | None = None) -> dict[str, str]:
    """The headers of a request as botocore signs them."""
    request = AWSRequest(method, url, data=body)
    request.headers["Host"] = urlsplit(url).netloc
    SigV4Auth(Credentials("AKID", SECRET, token), "execute-api", "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("token", [None, "session"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/im/@connections/L0SM9cOFvHcCIhw%3D",
        "http://127.0.0.1:1/im/%40connections/a%2Bb%2Fc%3D",
        "http://127.0.0.1:1/im?b=2&a=1%20&a=0",
    ],
)
def test_signatures_of_botocore_are_accepted(url: str, token: str | None) -> None:
    parts = urlsplit(url)
    headers = signed_headers("POST", url, b"hello", token)

    assert verify(SECRET, "POST", parts.path, parts.query, headers, b"hello") == Signed("AKID")


@pytest.mark.parametrize(
    ("method", "path", "body", "secret"),
    [
        ("GET", "/im/x", b"hello", SECRET),
        ("POST", "/im/y", b"hello", SECRET),
        ("POST", "/im/x", b"other", SECRET),
        ("POST", "/im/x", b"hello", "other"),
    ],
)
def test_a_signature_of_anything_else_is_refused(method: str, path: str, body: bytes, secret: str) -> None:
    headers = signed_headers("POST", "http://h/im/x", b"hello")

    with pytest.raises(SignatureError, match="does not match"):
        verify(secret, method, path, "", headers, body)


def test_a_signature_of_a_path_that_is_encoded_only_once_is_refused() -> None:
    headers = signed_headers("POST", "http://h/im/a%3D", b"")

    with pytest.raises(SignatureError):
        verify(SECRET, "POST", "/im/a=", "", headers, b"")


def test_an_unsigned_request_is_refused() -> None:
    with pytest.raises(SignatureError, match="Missing"):
        verify(SECRET, "POST", "/im/x", "", {}, b"")
