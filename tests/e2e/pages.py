"""Reads the pages of docs that tests compare with the system: their sections and tables."""

import re
from pathlib import Path

from bench.examples import PROTOCOL

DOCS = Path(__file__).parents[2] / "docs"
DATA_MODEL = DOCS / "data-model.md"

_HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


def read(page: Path = PROTOCOL) -> str:
    """A page."""
    return page.read_text(encoding="utf-8")


def sections(page: Path = PROTOCOL) -> dict[str, str]:
    """A page's sections by their headings (levels 2 and 3), each up to the next heading."""
    text = read(page)
    found = list(_HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[1]: text[match.end() : end] for match, end in zip(found, ends, strict=True)}


def tables(section: str) -> dict[str, list[list[str]]]:
    """The rows of a section's tables by the first cell of their heads."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] | None = None
    for line in section.splitlines():
        if not line.startswith("|"):
            rows = None
        elif rows is None:
            rows = found[_cells(line)[0]] = []
        elif not set(line) <= set("|- "):
            rows.append(_cells(line))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELL.split(line.strip())[1:-1]]
