"""Web Push: the example of RFC 8291, appendix A, and what a push service checks of a server (RFC 8292)."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from im.delivery.model import Subscription
from im.push import webpush
from tests.fakes.browser import Browser
from tests.fakes.world import START_MS

PLAIN = b"When I grow up, I want to be a watermelon"
BROWSER = Subscription(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
SERVER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
CODED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_a_message_is_coded_as_in_the_standards_example() -> None:
    number = int.from_bytes(webpush.bytes_of(SERVER))
    key = ec.derive_private_key(number, ec.SECP256R1())

    coded = webpush.encrypt(BROWSER, PLAIN, key=key, salt=webpush.bytes_of(SALT))

    assert webpush.text_of(coded) == CODED


def test_each_message_has_its_own_keys_and_the_browser_reads_them_all() -> None:
    browser = Browser()
    first, second = (webpush.encrypt(browser.subscription, b"hello") for _ in range(2))

    assert first != second
    assert browser.decrypt(first) == browser.decrypt(second) == b"hello"


def test_the_longest_message_fits_into_what_every_push_service_takes() -> None:
    browser = Browser()
    coded = webpush.encrypt(browser.subscription, b"x" * webpush.MAX_PLAIN_BYTES)

    assert len(coded) <= 4_096
    assert len(browser.decrypt(coded)) == webpush.MAX_PLAIN_BYTES


def test_a_key_that_is_no_point_of_the_curve_is_refused() -> None:
    bad = Subscription("https://push.example.net/1", webpush.text_of(b"\4" + b"\1" * 64), BROWSER.auth)

    with pytest.raises(ValueError, match="Invalid EC key"):
        webpush.encrypt(bad, PLAIN)


class Clock:
    """A clock that is moved by hand."""

    now = START_MS

    def __call__(self) -> int:
        return self.now


def vapid(clock: Clock, secret: str = "s" * 48) -> webpush.Vapid:
    return webpush.Vapid(lambda: secret, "mailto:ops@example.com", clock)


def test_the_server_proves_who_it_is_to_each_push_service_by_itself() -> None:
    server = vapid(Clock())
    scheme, t, k = server.authorization("https://push.example.net:444/abc?d=e").replace(",", "").split(" ")
    point = webpush.bytes_of(k.removeprefix("k="))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)

    claims = jwt.decode(
        t.removeprefix("t="), key, ["ES256"], audience="https://push.example.net:444", options={"verify_exp": False}
    )

    assert scheme == "vapid"
    assert claims["sub"] == "mailto:ops@example.com"
    assert START_MS / 1000 < claims["exp"] <= START_MS / 1000 + 86_400
    assert server.public_key() == k.removeprefix("k=")


def test_a_proof_is_used_again_for_some_hours() -> None:
    clock = Clock()
    server = vapid(clock)
    first = server.authorization("https://a.example/1")

    assert server.authorization("https://a.example/2") == first
    clock.now += 7 * 3_600_000
    assert server.authorization("https://a.example/2") != first


def test_the_key_follows_from_the_secret_and_from_nothing_else() -> None:
    assert vapid(Clock()).public_key() == vapid(Clock()).public_key()
    assert vapid(Clock(), "t" * 48).public_key() != vapid(Clock()).public_key()
