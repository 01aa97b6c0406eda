"""Rate limits: free while they are kept, firm when they are not."""

import pytest

from im.errors import Code, ImError
from im.limits import RateLimiter
from tests.fakes.connect import MemoryEphemera


class Counting(MemoryEphemera):
    spends = 0

    def spend(self, scope: str, owner: str, amount: int, window: int, window_ms: int) -> int:
        self.spends += 1
        return super().spend(scope, owner, amount, window, window_ms)


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def granted(limiter: RateLimiter, owner: str, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            limiter.take("send", owner)
            count += 1
        except ImError:
            break
    return count


def test_who_keeps_within_his_share_causes_no_write() -> None:
    buckets = Counting()
    limiter = RateLimiter(buckets, Clock(), 100, 5_000, 20)

    assert granted(limiter, "alice", 20) == 20
    assert buckets.spends == 0


def test_one_environment_grants_the_capacity_and_its_share() -> None:
    buckets = Counting()
    limiter = RateLimiter(buckets, Clock(), 100, 5_000, 20)

    assert granted(limiter, "alice", 1_000) == 120
    assert buckets.spends == 6


def test_all_environments_together_are_bounded() -> None:
    buckets = Counting()
    limiters = [RateLimiter(buckets, Clock(), 100, 5_000, 20) for _ in range(5)]

    assert sum(granted(limiter, "alice", 1_000) for limiter in limiters) == 100 + 5 * 20


def test_a_refusal_says_when_to_come_back_and_then_it_goes_on() -> None:
    clock = Clock()
    limiter = RateLimiter(MemoryEphemera(), clock, 2, 5_000, 1)
    granted(limiter, "alice", 10)
    clock.now += 2_000

    with pytest.raises(ImError) as refused:
        limiter.take("send", "alice")
    clock.now += refused.value.after_ms or 0

    assert (refused.value.code, refused.value.retry, refused.value.after_ms) == (Code.OVER_FREQUENCY, True, 3_000)
    assert granted(limiter, "alice", 1) == 1


def test_one_users_excess_is_not_anothers() -> None:
    limiter = RateLimiter(MemoryEphemera(), Clock(), 2, 5_000, 1)
    granted(limiter, "alice", 10)

    assert granted(limiter, "bob", 1) == 1
