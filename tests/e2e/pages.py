"""Reads the pages of docs that tests compare with the system: their sections, tables and marked examples."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
PROTOCOL = DOCS / "protocol.md"
DATA_MODEL = DOCS / "data-model.md"

_HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```json ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Example:
    """A JSON block with marks such as ``request=send-1 as=alice`` behind its opening fence."""

    marks: dict[str, str]
    frame: dict[str, Any]
    text: str

    @property
    def kind(self) -> str:
        """What it is: ``request``, ``answer`` or ``push``."""
        return next(iter(self.marks))

    @property
    def name(self) -> str:
        """What ties a request, its answer and its pushes together."""
        return self.marks[self.kind]


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


def examples() -> list[Example]:
    """The marked examples of the protocol in the order of its page."""
    return [
        Example(dict(mark.split("=", 1) for mark in match[1].split()), json.loads(match[2]), match[2])
        for match in _EXAMPLE.finditer(read())
    ]
