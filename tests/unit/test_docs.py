"""What the documentation lists is what the code has."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from docs import generate
from im.push.model import Reason
from im.setting.model import RULES
from im.settings import Switches
from stacks.config import Environment, Run

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs/operations.md"
PROTOCOL = ROOT / "docs/protocol.md"
README = ROOT / "README.md"
PUSH = ROOT / "docs/push.md"
_RULES = ["no_token", "online", "own", "forbidden", "expired", "conversation_silent", "silent", "computer_online"]
PAGES = [README, ROOT / "CHANGELOG.md", ROOT / "clients/python/README.md", *sorted((ROOT / "docs").glob("*.md"))]
REQUIRED = "required"


def section(page: Path, title: str) -> str:
    """The text under a heading, up to the next heading of the same or a higher level."""
    level, text = title.split(" ")[0], page.read_text()
    start = text.index(f"\n{title}\n")
    end = re.compile(rf"\n#{{1,{len(level)}}} ").search(text, start + len(title))
    return text[start : end.start() if end else None]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row whose first cell is code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def told(text: str) -> dict[str, str]:
    """First and second column of the tables."""
    return {cells[0].strip("` "): cells[1].strip("` ") for cells in rows(text)}


def as_json(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def test_every_switch_is_told_with_its_default() -> None:
    expected = {key: as_json(default) for key, default in Switches.defaults().items()}

    assert told(section(OPERATIONS, "## Switches")) == expected


def test_every_key_of_an_environment_is_told_with_its_default() -> None:
    environment = Environment(name="any", protect=False)
    expected = {}
    for field in fields(Environment):
        required = field.default is MISSING and field.default_factory is MISSING
        value = getattr(environment, field.name)
        if field.name == "switches":
            value = value.dump()
        expected[field.name] = REQUIRED if required else as_json(dict(value) if isinstance(value, Mapping) else value)
    del expected["name"]

    text = section(OPERATIONS, "## Environments").partition("Flags of one run")[0]
    assert told(text) == expected


def test_every_flag_of_a_run_is_told_with_its_default() -> None:
    run = Run.parse({"environments": {"dev": {"protect": False}}})
    expected = {field.name: str(getattr(run, field.name)) for field in fields(Run) if field.name != "environment"}
    expected = {name: {"False": "false", "True": "true"}.get(value, value) for name, value in expected.items()}

    text = section(OPERATIONS, "## Environments").partition("Flags of one run")[2]
    assert told(text) == {"env": run.environment.name, **expected}


def test_every_variable_of_the_runner_is_told_with_its_default() -> None:
    source = (ROOT / "local/__main__.py").read_text().split('"""')[1]
    variables = re.findall(r"``(IM_\w+|STATE)``\s+\(([^)]*)\)", source)
    defaults = {name: "none" if "without it" in what else what for name, what in variables}
    expected = {name: (re.findall("``(.*?)``", what) or [what])[0] for name, what in defaults.items()}

    assert told(section(OPERATIONS, "## The local runner")) == expected


def test_the_page_of_the_server_api_is_what_the_code_makes() -> None:
    page = generate.SERVER_API.read_text(encoding="utf-8")

    assert page == generate.server_api(), "make docs, or PYTHONPATH=layers/core/python:. python docs/generate.py"


def test_every_scope_of_the_settings_is_told_with_its_shapes() -> None:
    ours = "written by the server alone"
    expected = [
        [str(int(scope)), rule.key.value, rule.value.value, "; ".join(filter(None, (rule.used, ours * rule.by_server)))]
        for scope, rule in RULES.items()
    ]

    found = [
        [scope.strip("`"), key, value, used.rstrip(" |")]
        for scope, _, key, value, used in rows(section(PROTOCOL, "### Settings"))
    ]

    assert found == expected


def test_every_reason_for_no_notification_is_told_in_the_order_of_the_decision() -> None:
    order = list(told(section(PUSH, "## Who is notified")))

    assert sorted(order) == sorted(Reason)
    assert [name for name in order if name in _RULES] == _RULES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        leads_to = page.parent / path if path else page
        assert leads_to.exists(), target
        if anchor:
            assert anchor in {slug(line) for line in leads_to.read_text().splitlines() if line.startswith("#")}, target


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)(?:\w+=\S* )*make ([a-z-]+)", page.read_text(), re.MULTILINE)

    assert set(named) <= targets
