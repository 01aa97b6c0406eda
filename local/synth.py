"""Synthesizes the CDK app, once for each content of what the templates depend on."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = 32
"""So many assemblies stay in the cache."""


class SynthError(Exception):
    """The CDK app failed; the text is what it said."""


def inputs() -> list[Path]:
    """The files that the templates are made of. Code of functions is not among them: it is taken from the repository."""
    stacks = sorted((ROOT / "stacks").rglob("*.py"))
    settings = ROOT / "layers" / "core" / "python" / "im" / "settings.py"
    return [ROOT / "app.py", ROOT / "cdk.json", settings, *stacks, *sorted((ROOT / "layers" / "vendor").glob("*.txt"))]


def fingerprint(files: Iterable[Path], context: Mapping[str, Any]) -> str:
    """A hash of files and context."""
    digest = hashlib.sha256(json.dumps(context, sort_keys=True).encode())
    for file in files:
        digest.update(str(file).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def synthesize(cache: Path, context: Mapping[str, Any] | None = None) -> tuple[Path, bool]:
    """The cloud assembly for the app as it is now, and whether it was in the cache.

    Assets are not bundled: functions run from the repository.

    Raises:
        SynthError: the app failed.
    """
    chosen = {"aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True, **(context or {})}
    assembly = cache / f"synth-{fingerprint(inputs(), chosen)}"
    if (assembly / "manifest.json").exists():
        os.utime(assembly)
        return assembly, True
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as directory:
        out = Path(directory) / "out"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment = {
            **os.environ,
            "CDK_CONTEXT_JSON": json.dumps(chosen),
            "CDK_OUTDIR": str(out),
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
            "PATH": path,
        }
        # Compiled modules of the CDK halve the time of the next synthesis.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        run = subprocess.run(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            raise SynthError(f"python app.py failed with code {run.returncode}:\n{run.stdout}{run.stderr}")
        try:
            out.rename(assembly)
        except OSError:
            # Another process was faster with the same content.
            if not (assembly / "manifest.json").exists():
                raise
    _prune(cache)
    return assembly, False


def _prune(cache: Path) -> None:
    assemblies = sorted(cache.glob("synth-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in assemblies[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
