"""Message uids: unique over environments, growing, exact in JavaScript."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im.errors import BusyError
from im.platform.uids import LEASE_MS, NODES, Uids, next_uid, uid_ms
from tests.fakes.connect import MemoryEphemera

NOW = 1_790_000_000_000


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


def test_the_layout_is_wildfires() -> None:
    assert uid_ms(430_843_814_853_214_338) == (430_843_814_853_214_338 >> 21) + 1_514_736_000_000
    assert next_uid(1_514_736_000_001, 0, 0, 0) == 1 << 21


@given(st.integers(NOW, NOW + 10**9), st.integers(0, NODES - 1), st.integers(0, 2**60 - 2**22))
def test_a_uid_is_greater_than_the_previous_one_and_exact_as_a_double(now: int, node: int, previous: int) -> None:
    uid = next_uid(now, node, 0, previous)

    assert uid > previous
    assert int(float(uid)) == uid


def test_one_environment_never_makes_two_uids_in_a_millisecond() -> None:
    uids = Uids(MemoryEphemera(), Clock())

    made = [uids.next() for _ in range(1_000)]

    assert len({uid_ms(uid) for uid in made}) == 1_000


def test_environments_lease_different_numbers() -> None:
    leases, picks = MemoryEphemera(), iter([5, 5, 6])

    first = Uids(leases, Clock(), lambda: next(picks))
    second = Uids(leases, Clock(), lambda: next(picks))

    assert [(uid.next() >> 7) % NODES for uid in (first, second)] == [5, 6]


def test_a_lease_is_renewed_at_half_time() -> None:
    leases, clock = MemoryEphemera(), Clock()
    uids = Uids(leases, clock, lambda: 5)
    uids.next()
    clock.now = NOW + LEASE_MS // 2

    uids.next()
    clock.now = NOW + LEASE_MS + 1

    assert not leases.acquire(5, "other", clock.now, clock.now + 1)


def test_an_environment_frozen_past_its_lease_takes_another_number() -> None:
    leases, clock, picks = MemoryEphemera(), Clock(), iter([5, 6])
    uids = Uids(leases, clock, lambda: next(picks))
    uids.next()
    clock.now = NOW + LEASE_MS + 1
    leases.acquire(5, "other", clock.now, clock.now + LEASE_MS)

    assert (uids.next() >> 7) % NODES == 6


def test_without_a_free_number_the_caller_is_told_to_come_back() -> None:
    leases = MemoryEphemera()
    leases.acquire(5, "other", NOW, NOW + LEASE_MS)

    with pytest.raises(BusyError):
        Uids(leases, Clock(), lambda: 5).next()
