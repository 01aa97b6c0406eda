"""The breaker, in several environments that share what they know."""

from im.callback.breaker import TRIAL_MS, Breaker
from im.callback.model import FIRST_REST_MS, OPEN_AFTER
from tests.fakes.callback import MemoryCircuitStore

THERE = "https://app.example"


class Weather:
    """Several environments over one store."""

    def __init__(self, environments: int = 2) -> None:
        self.now = 1_790_000_000_000
        self.store = MemoryCircuitStore()
        self.breakers = [Breaker(self.store, lambda: self.now) for _ in range(environments)]

    def open(self) -> None:
        for _ in range(OPEN_AFTER):
            self.breakers[0].failed(THERE)


def test_a_destination_that_answers_costs_no_call() -> None:
    weather = Weather()

    for _ in range(10):
        assert weather.breakers[0].rest_ms(THERE) == 0
        weather.breakers[0].succeeded(THERE)

    assert weather.store.calls == 0


def test_failures_of_different_environments_add_up() -> None:
    weather = Weather()

    for number in range(OPEN_AFTER):
        assert weather.breakers[number % 2].rest_ms(THERE) == 0
        weather.breakers[number % 2].failed(THERE)

    assert weather.store.circuits[THERE].until == weather.now + FIRST_REST_MS


def test_an_environment_that_fails_once_learns_what_the_others_know() -> None:
    weather = Weather()
    weather.open()

    assert weather.breakers[1].rest_ms(THERE) == 0
    weather.breakers[1].failed(THERE)

    assert weather.breakers[1].rest_ms(THERE) == FIRST_REST_MS
    assert weather.store.circuits[THERE].until == weather.now + FIRST_REST_MS, "a straggler does not prolong the rest"


def test_after_its_rest_one_environment_makes_one_trial_and_the_others_wait() -> None:
    weather = Weather(3)
    weather.open()
    weather.breakers[1].failed(THERE)
    weather.now += FIRST_REST_MS

    assert [breaker.rest_ms(THERE) for breaker in weather.breakers[:2]] == [0, TRIAL_MS]
    weather.now += TRIAL_MS
    assert weather.breakers[1].rest_ms(THERE) == 0, "a trial that never ended does not stand in the way for ever"


def test_a_trial_that_fails_doubles_the_rest() -> None:
    weather = Weather()
    weather.open()
    weather.now += FIRST_REST_MS
    assert weather.breakers[0].rest_ms(THERE) == 0

    weather.breakers[0].failed(THERE)

    assert weather.breakers[0].rest_ms(THERE) == 2 * FIRST_REST_MS


def test_a_trial_that_succeeds_opens_the_way_for_all() -> None:
    weather = Weather()
    weather.open()
    weather.breakers[1].failed(THERE)
    weather.now += FIRST_REST_MS
    assert weather.breakers[0].rest_ms(THERE) == 0

    weather.breakers[0].succeeded(THERE)

    assert weather.store.circuits == {}
    assert [breaker.rest_ms(THERE) for breaker in weather.breakers] == [0, 0]


def test_a_success_after_few_failures_forgets_them() -> None:
    weather = Weather()
    for _ in range(3 * OPEN_AFTER):
        weather.breakers[0].failed(THERE)
        weather.breakers[0].succeeded(THERE)

    assert weather.breakers[0].rest_ms(THERE) == 0


def test_destinations_do_not_suffer_for_each_other() -> None:
    weather = Weather()
    weather.open()

    assert weather.breakers[0].rest_ms("https://other.example") == 0
