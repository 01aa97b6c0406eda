import json
from pathlib import Path

import pytest

from local import synth

APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir()
(out / "manifest.json").write_text(os.environ["CDK_CONTEXT_JSON"])
(pathlib.Path(__file__).parent / "runs").open("a").write("x")
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose CDK app notes how often it ran."""
    root = tmp_path / "repository"
    for file, content in {"app.py": APP, "cdk.json": "{}", "stacks/a.py": "", "layers/vendor/x.txt": ""}.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(content)
    settings = root / "layers/core/python/im/settings.py"
    settings.parent.mkdir(parents=True)
    settings.write_text("")
    monkeypatch.setattr(synth, "ROOT", root)
    return root


def runs(app: Path) -> int:
    return len((app / "runs").read_text())


def test_the_app_is_synthesized_once_for_each_content(app: Path, tmp_path: Path) -> None:
    first, cached = synth.synthesize(tmp_path / "cache")
    again, cached_again = synth.synthesize(tmp_path / "cache")
    assert (cached, cached_again, first) == (False, True, again)
    assert runs(app) == 1

    (app / "stacks" / "a.py").write_text("changed = True")
    changed, _ = synth.synthesize(tmp_path / "cache")
    assert changed != first
    assert runs(app) == 2


def test_assets_are_not_bundled_and_context_is_part_of_the_content(app: Path, tmp_path: Path) -> None:
    plain, _ = synth.synthesize(tmp_path / "cache")
    other, _ = synth.synthesize(tmp_path / "cache", {"key": "value"})

    assert plain != other
    assert json.loads((other / "manifest.json").read_text()) == {
        "aws:cdk:bundling-stacks": [],
        "aws:cdk:disable-asset-staging": True,
        "key": "value",
    }


def test_what_the_app_says_when_it_fails_is_told_and_nothing_is_cached(app: Path, tmp_path: Path) -> None:
    (app / "app.py").write_text("raise SystemExit('no such environment')")

    with pytest.raises(synth.SynthError, match="no such environment"):
        synth.synthesize(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_old_assemblies_are_removed(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "KEPT", 3)
    for number in range(5):
        last, _ = synth.synthesize(tmp_path / "cache", {"number": number})

    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 3
    assert last in kept
