"""Both signatures of server API calls."""

from typing import Any

import pytest

from im.errors import Code, ImError
from im.wire.signature import HttpCall, Policy, Signature, sign, sign_native, verify

NOW = 1_558_350_862_502
WINDOW = 7_200_000
STRICT = Policy(legacy=True, window_ms=WINDOW)


def call(**changes: Any) -> HttpCall:
    parts: dict[str, Any] = {"method": "POST", "path": "/admin/user/create", "query": "", "headers": {}, "body": b"{}"}
    return HttpCall(**{**parts, **changes})


def legacy(nonce: str = "76616", timestamp: str = str(NOW), **changes: str) -> dict[str, str]:
    return {"nonce": nonce, "timestamp": timestamp, "sign": sign(nonce, "123456", timestamp), **changes}


def native(secret: str = "123456", timestamp: str = str(NOW), **changes: Any) -> HttpCall:
    signed = sign_native(call(**changes), secret, timestamp, "n1")
    return call(**changes, headers={"nonce": "n1", "timestamp": timestamp, "x-wf-signature": signed})


def code_of(request: HttpCall, policy: Policy = STRICT, now: int = NOW, secrets: tuple[str, ...] = ("123456",)) -> int:
    try:
        verify(request, lambda: secrets, policy, now)
    except ImError as error:
        return int(error.code)
    return 0


def test_the_documented_vector() -> None:
    assert sign("76616", "123456", "1558350862502") == "b98f9b0717f59febccf1440067a7f50d9b31bdde"


def test_the_native_vector() -> None:
    request = call(method="POST", path="/admin/user/get_info", body=b'{"userId":"u1"}')

    expected = "v1=d8204696e3269b348dd10152802a0829eeaa490e094709b33f991ecf261b4cf5"
    assert sign_native(request, "s3cret", "1700000000000", "abc") == expected


def test_a_right_signature_says_until_when_it_must_be_remembered() -> None:
    request = call(headers=legacy())

    assert verify(request, lambda: ["123456"], STRICT, NOW + 5) == Signature(
        "b98f9b0717f59febccf1440067a7f50d9b31bdde", NOW + WINDOW
    )


@pytest.mark.parametrize("missing", ["nonce", "timestamp", "sign"])
@pytest.mark.parametrize("value", [None, "", "x" * 257])
def test_missing_empty_and_absurd_headers_are_not_signed(missing: str, value: str | None) -> None:
    headers = legacy()
    del headers[missing]
    if value is not None:
        headers[missing] = value

    assert code_of(call(headers=headers)) == Code.API_NOT_SIGNED


@pytest.mark.parametrize("timestamp", ["abc", "1.5", "1e3", "", "-", "٣", "9" * 20])
def test_a_timestamp_that_is_no_long_is_not_signed(timestamp: str) -> None:
    assert code_of(call(headers=legacy(timestamp=timestamp))) == Code.API_NOT_SIGNED


@pytest.mark.parametrize(("offset", "code"), [(0, 0), (WINDOW, 0), (-WINDOW, 0), (WINDOW + 1, 243), (-WINDOW - 1, 243)])
def test_the_window_is_bounded_on_both_sides(offset: int, code: int) -> None:
    assert code_of(call(headers=legacy()), now=NOW + offset) == code


def test_without_the_check_of_time_any_timestamp_is_right_and_nothing_need_be_remembered() -> None:
    policy = Policy(legacy=True, window_ms=None)

    assert verify(call(headers=legacy()), lambda: ["123456"], policy, NOW * 2).expires is None


@pytest.mark.parametrize(
    "change", [{"nonce": "76617"}, {"sign": "b98f"}, {"timestamp": str(NOW + 1)}, {"sign": "é" * 40}]
)
def test_a_wrong_signature_is_refused(change: dict[str, str]) -> None:
    assert code_of(call(headers={**legacy(), **change})) == Code.AUTH_FAILURE


def test_upper_case_hex_is_wrong() -> None:
    headers = legacy()

    assert code_of(call(headers={**headers, "sign": headers["sign"].upper()})) == Code.AUTH_FAILURE


def test_both_versions_of_a_secret_are_valid_while_it_is_rotated() -> None:
    request = call(headers=legacy())

    assert code_of(request, secrets=("new", "123456")) == 0
    assert code_of(request, secrets=("new", "newer")) == Code.AUTH_FAILURE
    assert code_of(request, secrets=()) == Code.AUTH_FAILURE


def test_secrets_are_not_even_read_for_a_call_that_is_wrong_anyway() -> None:
    def unread() -> list[str]:
        raise AssertionError

    for request in (call(), call(headers=legacy(timestamp="1"))):
        with pytest.raises(ImError):
            verify(request, unread, STRICT, NOW)


def test_the_native_signature_covers_method_path_body_timestamp_and_nonce() -> None:
    right = native(body=b'{"userId":"u1"}')
    assert code_of(right) == 0

    for change in ({"method": "GET"}, {"path": "/admin/user/destroy"}, {"body": b'{"userId":"u2"}'}):
        parts = {"method": right.method, "path": right.path, "body": right.body, **change}
        assert code_of(call(**parts, headers=right.headers)) == Code.AUTH_FAILURE
    for header in ({"nonce": "n2"}, {"timestamp": str(NOW + 1)}):
        assert code_of(call(body=right.body, headers={**right.headers, **header})) == Code.AUTH_FAILURE


def test_the_native_signature_counts_when_both_are_there() -> None:
    right, wrong = native(), native("other")

    assert code_of(call(headers={**right.headers, "sign": "wrong"})) == 0
    assert code_of(call(headers={**legacy(), **wrong.headers})) == Code.AUTH_FAILURE


def test_the_native_signature_is_bound_to_the_window_too() -> None:
    assert code_of(native(), now=NOW + WINDOW + 1) == Code.SIGN_EXPIRED


def test_the_legacy_signature_can_be_switched_off() -> None:
    modern = Policy(legacy=False, window_ms=WINDOW)

    assert code_of(call(headers=legacy()), modern) == Code.API_NOT_SIGNED
    assert code_of(native(), modern) == 0
