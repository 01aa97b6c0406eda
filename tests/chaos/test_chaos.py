"""Short chaos runs: the build as it is keeps every promise, and each deliberately broken build is found out."""

from pathlib import Path

import pytest

from bench.chaos.checker import Counts
from bench.chaos.mutations import MUTATIONS, DoesNotFit, Mutation, broken_build
from bench.chaos.run import Plan, run

pytestmark = pytest.mark.xdist_group("topology")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_fifteen_seconds_of_everything_at_once_break_no_promise() -> None:
    outcome = await run(Plan(seconds=15, clients=16, seed=7, weathers=("everything at once",)))

    report = outcome.report
    assert report.total.violations == 0, report.examples
    assert report.total.received == report.total.expected > 100
    assert sum(outcome.faults["everything at once"].values()) > 20


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_broken_build_is_found_out(name: str, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    total = Counts()

    with broken_build(mutation, tmp_path) as roots:
        # On a busy machine so little happens in six seconds that once may not be enough.
        for seed in (1, 2, 3):
            outcome = await run(Plan(seconds=6, clients=16, seed=seed, weathers=mutation.weathers, roots=roots))
            total = total.plus(outcome.report.total)
            if any(getattr(total, kind) for kind in mutation.shows):
                return

    raise AssertionError(f"not found out: {total}")


def test_a_mutation_that_does_not_fit_the_sources_any_more_raises(tmp_path: Path) -> None:
    stale = Mutation([("im/keys.py", "no such text", "")], ["none"], ["lost"])

    with pytest.raises(DoesNotFit, match="no such text"), broken_build(stale, tmp_path):
        pass


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_fits_the_sources(name: str, tmp_path: Path) -> None:
    with broken_build(MUTATIONS[name], tmp_path) as roots:
        assert all(root.is_dir() for root in roots)
