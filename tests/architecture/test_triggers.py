"""Every trigger file is deployed, and everything that is deployed has its trigger file.

``stacks.functions.FUNCTIONS`` is what the template is made of; ``tests/infra`` proves that.
"""

import ast
from pathlib import Path

from stacks.functions import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
TRIGGERS = ("ws.py", "http.py", "on_queue.py", "on_topic.py", "authorizer.py")


def modules() -> dict[str, Path]:
    """The trigger files by their dotted path."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for name in TRIGGERS
        for path in (ROOT / "functions").rglob(name)
    }


def test_the_trigger_files_are_those_that_the_stacks_deploy() -> None:
    assert sorted(modules()) == sorted(spec.module for spec in FUNCTIONS)


def test_every_trigger_file_has_a_handler() -> None:
    without = [
        module
        for module, path in modules().items()
        if not any(
            isinstance(node, ast.FunctionDef) and node.name == "handler" for node in ast.parse(path.read_text()).body
        )
    ]

    assert without == []
