"""docs/groups.md has the matrix of the code; UPDATE_DOCS=1 writes it there."""

import os
from collections.abc import Iterator
from pathlib import Path

from im.group.model import Kind, Operation, Role, ruling

PAGE = Path(__file__).parents[3] / "docs/groups.md"
BEGIN, END = "<!-- rights: begin -->\n", "<!-- rights: end -->\n"


def tables() -> Iterator[str]:
    for kind in Kind:
        yield f"### In a group that is {kind}" if kind is not Kind.ORGANIZATION else "### In an organisation"
        yield ""
        yield f"| | {' | '.join(Role)} |"
        yield f"|---|{'---|' * len(Role)}"
        for operation in Operation:
            codes = [ruling(operation, role, kind) for role in Role]
            yield f"| {operation} | {' | '.join('yes' if code is None else str(int(code)) for code in codes)} |"
        yield ""


def test_the_page_has_the_matrix_of_the_code() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    told, _, after = rest.partition(END)
    expected = "\n".join(tables()) + "\n"
    if "UPDATE_DOCS" in os.environ:
        PAGE.write_text(before + BEGIN + expected + END + after)
        return

    assert told == expected
