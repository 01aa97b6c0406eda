"""Figures against their targets: as a table, and as JSON for other programs."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".local" / "bench"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        floor: what it can be at best, where that is known.
        target: what it should be.
        ok: whether it is; None without a target.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    target: float | None = None
    ok: bool | None = None


def at_most(name: str, value: float, unit: str, target: float, floor: float | None = None) -> Figure:
    """A figure that must not be greater than its target."""
    return Figure(name, value, unit, floor, target, value <= target)


def at_least(name: str, value: float, unit: str, target: float, floor: float | None = None) -> Figure:
    """A figure that must not be less than its target."""
    return Figure(name, value, unit, floor, target, value >= target)


def write(file: str | Path, figures: Iterable[Figure]) -> Path:
    """Save figures as a list of ``{name, value, unit, floor, target, ok}``; a bare name is one of ``.local/bench``."""
    place = FOLDER / f"{file}.json" if isinstance(file, str) else file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    return place


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    names = list(head)
    lines = [" | ".join(names), " | ".join(["---", *["---:"] * (len(names) - 1)])]
    lines += [" | ".join(_shown(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def verdicts(figures: Iterable[Figure]) -> str:
    """The figures that have a target, as a Markdown table."""
    shown = {True: "yes", False: "**no**"}
    return table(
        ("figure", "value", "unit", "floor", "target", "met"),
        ((f.name, f.value, f.unit, f.floor, f.target, shown[f.ok]) for f in figures if f.ok is not None),
    )


def fill(page: str, name: str, text: str) -> str:
    """Replace what stands between a pair of markers.

    Raises:
        ValueError: the page has no such markers.
    """
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    filled, count = pattern.subn(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", page)
    if count != 1:
        raise ValueError(f"the page has no place for {name}")
    return filled


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}" if abs(cell) < 1 else f"{cell:,.2f}"
    return str(cell)
