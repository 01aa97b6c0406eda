"""Callbacks: their addresses, their order, and when an attempt is worth making."""

import pytest

from im.callback.model import (
    FIRST_REST_MS,
    LONGEST_WAIT_MS,
    OPEN_AFTER,
    Circuit,
    Event,
    after_failure,
    blames_receiver,
    destination_of,
    holds,
    is_configured,
    is_hopeless,
    numbers,
    order_of,
    url_of,
    wait_ms,
)
from im.settings import SettingsError, Switches

NOW = 1_790_000_000_000


@pytest.mark.parametrize("event", Event)
def test_each_kind_has_its_own_key_and_is_off_without_it(event: Event) -> None:
    assert url_of(event, Switches()) == ""
    assert url_of(event, Switches.parse({event.value: "http://app/hook"})) == "http://app/hook"
    assert is_configured(Switches.parse({event.value: "http://app/hook"}))


def test_without_an_address_nothing_is_configured() -> None:
    assert not is_configured(Switches.parse({"message.forward.types": "1", "im.callback_max_age_seconds": 5}))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1,5-10,90", (1, 5, 7, 10, 90), (0, 2, 4, 11, 91)),
        (" 3 , 5 ", (3, 5), (4,)),
        ("", (), (0, 1)),
        (",7,", (7,), ()),
    ],
)
def test_types_are_listed_as_numbers_and_ranges(text: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    ranges = numbers(str(Switches.parse({"message.forward.types": text}).forward_types))

    assert all(holds(ranges, number) for number in inside)
    assert not any(holds(ranges, number) for number in outside)


def test_a_list_of_types_may_be_json_and_must_be_numbers() -> None:
    assert Switches.parse({"message.forward.types": [1, "5-10"]}).forward_types == "1,5-10"
    for wrong in ("text", "1;2", "5-", ["-1"], {"a": 1}):
        with pytest.raises(SettingsError):
            Switches.parse({"message.forward.types": wrong})


def test_order_is_kept_per_subject_and_destination_whatever_the_path() -> None:
    first = order_of("http://app:8888/im_event/message", "0|0|ann|bob")

    assert first == order_of("http://APP:8888/im_event/recall_message", "0|0|ann|bob")
    assert first != order_of("http://app:8889/im_event/message", "0|0|ann|bob")
    assert first != order_of("http://app:8888/im_event/message", "0|0|ann|cem")
    assert destination_of("https://App:8443/a?b") == "https://app:8443"


def test_a_destination_is_left_alone_after_some_failures_and_longer_each_time() -> None:
    circuit = Circuit()
    for _ in range(OPEN_AFTER - 1):
        circuit = after_failure(circuit, NOW)
        assert circuit.until == 0
    circuit = after_failure(circuit, NOW)
    assert circuit.until == NOW + FIRST_REST_MS

    late = after_failure(circuit, NOW + 1)
    assert late.until == circuit.until, "whoever was on his way says nothing new"

    rests = []
    for _ in range(10):
        circuit = after_failure(circuit, circuit.until)
        rests.append(circuit.rest)
    assert rests[:3] == [2 * FIRST_REST_MS, 4 * FIRST_REST_MS, 8 * FIRST_REST_MS]
    assert rests[-1] == LONGEST_WAIT_MS


@pytest.mark.parametrize(
    ("status", "hopeless", "ill"),
    [
        (None, False, True),
        (500, False, True),
        (503, False, True),
        (429, False, True),
        (400, True, False),
        (413, True, False),
        (410, True, False),
        (404, False, False),
        (401, False, False),
        (302, False, False),
    ],
)
def test_failures_speak_of_the_message_or_of_the_receiver(status: int | None, hopeless: bool, ill: bool) -> None:
    assert is_hopeless(status, 4) is hopeless
    assert not is_hopeless(status, 3)
    assert blames_receiver(status) is ill


def test_waiting_grows_and_honours_who_asks_for_patience() -> None:
    assert [wait_ms(attempt, 0) for attempt in (1, 2, 3, 9, 500)] == [1_000, 2_000, 4_000, 256_000, LONGEST_WAIT_MS]
    assert wait_ms(3, 1) == 2_000
    assert wait_ms(1, 0, asked_s=60) == 60_000
    assert wait_ms(1, 0, asked_s=1e9) == LONGEST_WAIT_MS
