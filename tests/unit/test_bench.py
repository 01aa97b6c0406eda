"""The arithmetic of the benches: steps, lanes, distributions, pages, charts."""

import json
from pathlib import Path
from random import Random
from statistics import quantiles
from xml.etree import ElementTree

import pytest

from bench import figures
from bench.chaos.__main__ import found
from bench.chaos.checker import Counts, Report
from bench.chaos.run import Outcome, Plan
from bench.contention import simulate
from bench.model import Model, Server, Spread, stages
from bench.plot import chart
from local.meter import Record

STEADY = Model(
    1769,
    {"dynamodb.Query": Spread(10, 10), "dynamodb.PutItem": Spread(5, 5), "socket.post": Spread(3, 3)},
    Server("", 1, 1, ""),
)


def call(operation: str, *, helper: bool = False) -> Record:
    service = "socket" if operation == "post" else "dynamodb"
    return Record(service, operation, "", {}, "f", "1", helper)


def test_calls_of_helpers_and_posts_are_one_step_and_all_others_wait_for_each_other() -> None:
    calls = [call("Query"), call("Query", helper=True), call("Query", helper=True), call("PutItem"), call("post")]

    steps = stages([*calls, call("post")])

    assert [len(step) for step in steps] == [1, 2, 1, 2]


def test_steps_add_up_and_calls_side_by_side_take_as_long_as_the_longest() -> None:
    steps = stages([call("Query"), call("PutItem"), *(call("post") for _ in range(30))])

    assert STEADY.mean_ms(steps) == pytest.approx(10 + 5 + 3)


def test_more_posts_than_connections_wait_for_a_free_one() -> None:
    steps = stages([call("post") for _ in range(65)])

    assert STEADY.mean_ms(steps) == pytest.approx(2 * 3)


def test_a_small_function_takes_longer_for_the_same_work_and_a_large_one_no_shorter_than_a_core() -> None:
    assert STEADY.cpu_ms(1000, 512) == pytest.approx(1769 / 512)
    assert STEADY.cpu_ms(1000, 4096) == 1.0


def test_durations_have_the_median_and_the_tail_that_were_stated() -> None:
    random = Random(1)

    cuts = quantiles([Spread(4, 20).draw(random) for _ in range(20_000)], n=100)

    assert cuts[49] == pytest.approx(4, rel=0.05)
    assert cuts[98] == pytest.approx(20, rel=0.1)


def test_a_simulated_conversation_repeats_itself_and_conflicts_more_the_busier_it_is() -> None:
    quiet, busy = simulate(1), simulate(30)

    assert simulate(30) == busy
    assert 1.0 <= quiet.write_units < 1.1
    assert quiet.refused == busy.refused == 0
    assert 1.2 < busy.write_units < 2.0
    assert quiet.p99_ms < busy.p99_ms


def test_a_page_gets_its_generated_parts_and_keeps_the_rest() -> None:
    page = "before\n<!-- generated: a -->\nold\n<!-- end -->\nafter"

    assert figures.fill(page, "a", "new") == "before\n<!-- generated: a -->\nnew\n<!-- end -->\nafter"
    with pytest.raises(ValueError, match="no place for b"):
        figures.fill(page, "b", "new")


def test_a_figure_says_whether_it_met_its_target() -> None:
    found = [figures.at_most("a", 1.1, "x", 1.1), figures.at_most("b", 1.2, "x", 1.1), figures.at_least("c", 1, "x", 2)]

    assert [figure.ok for figure in found] == [True, False, False]
    assert "| b | 1.20 | x |  | 1.10 | **no** |" in figures.verdicts(found)


def test_a_chart_has_a_line_for_each_series_inside_its_frame() -> None:
    drawn = chart("t", "x", "y", {"one": [(1, 1), (10, 50)], "two & three": [(1, 2), (10, 20)]})

    ElementTree.fromstring(drawn)
    assert drawn.count("<polyline") == 2
    assert "two &amp; three" in drawn
    assert drawn.count("<circle") == 4


def shape_of(file: Path) -> list[dict[str, object]]:
    """The figures of a file, each of which is a number with its verdict."""
    listed: list[dict[str, object]] = json.loads(file.read_text())
    for figure in listed:
        assert list(figure) == ["name", "value", "unit", "floor", "target", "ok"]
        assert isinstance(figure["name"], str)
        assert type(figure["value"]) in (int, float)
        assert isinstance(figure["unit"], str)
        for limit in ("floor", "target"):
            assert figure[limit] is None or isinstance(figure[limit], int | float)
        assert isinstance(figure["ok"], bool) == (figure["target"] is not None)
    names = [figure["name"] for figure in listed]
    assert len(set(names)) == len(names)
    return listed


def test_figures_are_saved_as_a_list_of_numbers_with_their_verdicts(tmp_path: Path) -> None:
    listed = [
        figures.at_most("cost", 3.0, "USD", 4.0, 2.0),
        figures.at_least("rate", 3.0, "posts/s", 4.0),
        figures.Figure("size", 7, "bytes"),
    ]

    saved = shape_of(figures.write(tmp_path / "deep" / "figures.json", listed))

    assert [(each["name"], each["value"], each["target"], each["ok"]) for each in saved] == [
        ("cost", 3.0, 4.0, True),
        ("rate", 3.0, 4.0, False),
        ("size", 7, None, None),
    ]


def test_a_chaos_run_is_saved_in_the_same_shape_and_what_it_found_is_not_ok(tmp_path: Path) -> None:
    report = Report({"none": Counts(sent=5, lost=1), "timeouts": Counts(sent=2)})
    outcome = Outcome(report, {"none": {}, "timeouts": {"timeout_after": 3}})

    saved = shape_of(figures.write(tmp_path / "chaos.json", found(outcome, Plan(1, 2, 3))))

    by_name = {str(each["name"]): (each["value"], each["ok"]) for each in saved}
    assert by_name["violations"] == (1, False)
    assert by_name["faults"] == (3, None)
    assert by_name["sent, all"] == (7, None)
    assert by_name["lost, none"] == (1, False)
    assert by_name["lost, timeouts"] == (0, True)
