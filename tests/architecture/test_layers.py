"""The rules of the house, checked on the source itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers/core/python/im"
AWS = ("boto3", "botocore", "pynamodb", "aws_lambda_powertools", "moto")


def modules(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def reaches(path: Path, *packages: str) -> set[str]:
    return {name for name in imports(path) for package in packages if name == package or name.startswith(package + ".")}


@pytest.mark.parametrize("path", modules(CORE), ids=named)
def test_the_core_knows_nothing_of_what_stands_on_it(path: Path) -> None:
    assert reaches(path, "functions", "stacks", "local", "tests", "wildfire_client") == set()


@pytest.mark.parametrize("path", modules(ROOT / "functions"), ids=named)
def test_functions_do_not_import_each_other(path: Path) -> None:
    assert reaches(path, "functions", "stacks", "local") == set()


@pytest.mark.parametrize(
    "path",
    [path for path in modules(CORE) if path.name != "store.py" and "platform" not in path.parts],
    ids=named,
)
def test_only_stores_and_the_platform_import_aws_libraries(path: Path) -> None:
    assert reaches(path, *AWS) == set()


@pytest.mark.parametrize("path", modules(CORE, ROOT / "functions"), ids=named)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if path != CORE / "settings.py":
        reads = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        assert [node for node in reads if node.attr in ("environ", "getenv")] == []
        assert reaches(path, "os.environ", "os.getenv") == set()


@pytest.mark.parametrize("path", modules(CORE), ids=named)
def test_key_strings_are_built_in_one_module(path: Path) -> None:
    if path == CORE / "keys.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            assert "|" not in text, f"line {node.lineno} looks like a key"


@pytest.mark.parametrize("path", modules(CORE, ROOT / "functions"), ids=named)
def test_modules_are_imported_at_the_top_only(path: Path) -> None:
    """A function environment gets its own copy of these modules; a late import would miss it."""
    tree = ast.parse(path.read_text())
    inner = [node for scope in ast.walk(tree) if isinstance(scope, ast.FunctionDef) for node in ast.walk(scope)]
    late = [
        node
        for node in inner
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("im", "functions"))
    ]
    assert late == []


@pytest.mark.parametrize(
    "domain",
    [
        "callback",
        "connect",
        "delivery",
        "message",
        "group",
        "friend",
        "profile",
        "machine",
        "moderation",
        "presence",
        "setting",
    ],
)
def test_every_domain_has_the_same_three_files(domain: str) -> None:
    assert {"model.py", "service.py", "store.py"} <= {path.name for path in (CORE / domain).iterdir()}


@pytest.mark.parametrize("path", modules(ROOT / "functions"), ids=named)
def test_handlers_are_thin(path: Path) -> None:
    """Decode, call, encode: a function body that grows past 25 lines holds a rule that belongs into a service."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 25, f"{node.name} is too long for a handler"


@pytest.mark.parametrize("path", modules(CORE, ROOT / "functions", ROOT / "stacks", ROOT / "local"), ids=named)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name != "__init__.py" or path.read_text():
        assert ast.get_docstring(tree), "the module says nothing"
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} says nothing"
