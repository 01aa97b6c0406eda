"""Whatever one sends: the documented answer, nothing written, nothing closed that the page does not name as closed."""

from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e import pages
from tests.e2e.bad_input import CASES, Case, Stage

pytestmark = pytest.mark.xdist_group("bad-input")

TABLES = list(dict.fromkeys(case.table for case in CASES))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Topology.from_cdk() as topology:
        stage = Stage(topology)
        topology.run(stage.build())
        yield stage
        topology.run(stage.close())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.table}: {case.what}".replace(" ", "_")[:80])
def test_bad_input_is_answered_as_documented_and_changes_nothing(stage: Stage, case: Case) -> None:
    if case.prepare is not None:
        stage.topology.run(case.prepare(stage))
    # A socket that is opened and closed leaves when it was.
    but = ("Presence", "Directory") if case.closes else ()
    before, connected = stage.contents(but=but), set(stage.topology.gateway.sessions)

    assert stage.topology.run(case.act(stage)) == case.answer

    stage.topology.run(stage.topology.settle())
    assert stage.contents(but=but) == before
    assert set(stage.topology.gateway.sessions) == connected


@pytest.mark.parametrize("table", TABLES)
def test_the_page_has_exactly_these_rows(table: str) -> None:
    rows = pages.tables(pages.sections()[table])["input"]

    assert rows == [[case.what, case.answer] for case in CASES if case.table == table]


def test_nothing_broke_underneath(stage: Stage) -> None:
    assert '"exception_name"' not in stage.topology.log_text()
