"""Builds the folders that become Lambda zips: the two layers and one per function domain. Needs no Docker.

Every bundle is named by a digest of what it is made of (sources or lock file, target, this module) and kept in a cache,
so a second synthesis finds it ready and the asset hash never follows the noise of an installer.

Lambda's file systems are read-only and the CDK dates every zip entry 1980, so ordinary bytecode would be stale and all
imports would compile at each cold start. The bundles carry bytecode of the target interpreter that is not checked
against its source (PEP 552, ``unchecked-hash``).
"""

import gzip
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

KEPT_SERVICES = ("apigatewaymanagementapi", "dynamodb", "s3", "secretsmanager", "sns", "sqs")
"""The services whose botocore models stay in the vendor layer: the ones that the functions call."""

_KEPT_ENDPOINTS = frozenset({*KEPT_SERVICES, "execute-api"})
_KEPT_DATA_FILES = frozenset({"endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json"})
_UNUSED_FOLDERS = frozenset({"tests", "test", "examples", "bin"})
_UNUSED_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "examples-1.json", ".lock"})
_UNUSED_SUFFIXES = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})
_NO_MANUAL = """class LazyLoadedDocstring(str):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)


class ClientMethodDocstring(LazyLoadedDocstring):
    pass


class WaiterDocstring(LazyLoadedDocstring):
    pass


class PaginatorDocstring(LazyLoadedDocstring):
    pass
"""
"""In the place of ``botocore.docs.docstring``: the texts that ``help()`` shows of a client, all of them empty."""
_UNUSED_IMPORTS = {
    "botocore/docs/__init__.py": "from botocore.docs.service import ServiceDocumenter\n",
    "urllib3/http2/__init__.py": "from importlib.metadata import version\n",
}
"""What every client loads for functions that nobody calls: one prints botocore's manual, one switches HTTP/2 on."""
_PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
_CACHE_LIFE_S = 7 * 24 * 3600

_log = logging.getLogger(__name__)


class BundlingError(Exception):
    """A bundle cannot be built; the text says what is missing or what the installer answered."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder that is ready to be zipped, and the digest that names its contents."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where the code will run: ``arm64`` or ``x86_64``, and the Python version as ``major.minor``."""

    architecture: str
    python: str


class Bundler:
    """Builds bundles for one target.

    Args:
        root: the repository.
        target: where the code will run.
        cache_root: where finished bundles are kept between runs.
    """

    def __init__(self, root: Path, target: Target, cache_root: Path) -> None:
        self._root = root
        self._target = target
        self._cache = cache_root
        self._compiler = find_python(target.python)
        if self._compiler is None:
            _log.warning(
                "No Python %s found: the bundles carry no bytecode, so every cold start compiles all imports.",
                target.python,
            )

    def core_layer(self) -> Bundle:
        """The package ``im``, mounted at ``/opt/python``."""
        source = self._root / "layers/core/python"
        return self._build("core", _digest_tree(source), "/opt", lambda out: _copy(source, out / "python"))

    def vendor_layer(self) -> Bundle:
        """The locked third-party packages for the target, trimmed to what runs there."""
        lock = self._root / "layers/vendor/requirements.txt"
        return self._build("vendor", lock.read_bytes(), "/opt", lambda out: self._install(lock, out / "python"))

    def push_layer(self) -> Bundle:
        """The locked packages that only the push functions use."""
        lock = self._root / "layers/push/requirements.txt"
        return self._build("push", lock.read_bytes(), "/opt", lambda out: self._install(lock, out / "python"))

    def function(self, domain: str) -> Bundle:
        """One folder of ``functions`` under its dotted path, so that a handler is named as it is imported."""
        package = self._root / "functions"
        source = package / domain
        if not source.is_dir():
            raise BundlingError(f"{source} does not exist, but the stacks name a function in it")
        roots = [package / "__init__.py"] if (package / "__init__.py").exists() else []

        def fill(out: Path) -> None:
            _copy(source, out / "functions" / domain)
            for file in roots:
                shutil.copy(file, out / "functions")

        content = _digest_tree(source) + b"".join(file.read_bytes() for file in roots)
        return self._build(f"function-{domain}", content, "/var/task", fill)

    def _build(self, name: str, content: bytes, mount: str, fill: Callable[[Path], object]) -> Bundle:
        recipe = [self._target.architecture, self._target.python, self._compiler is not None, mount]
        digest = hashlib.sha256(content + json.dumps(recipe).encode() + Path(__file__).read_bytes()).hexdigest()
        ready = self._cache / f"{name}-{digest[:16]}"
        if not ready.is_dir():
            self._cache.mkdir(parents=True, exist_ok=True)
            self._forget_old_bundles()
            with tempfile.TemporaryDirectory(dir=self._cache, prefix=".building-") as scratch:
                out = Path(scratch, name)
                out.mkdir()
                fill(out)
                if self._compiler is not None:
                    _compile(self._compiler, out, mount)
                _open_permissions(out)
                _publish(out, ready)
        return Bundle(ready, digest)

    def _install(self, lock: Path, out: Path) -> None:
        if shutil.which("uv", path=_tool_path()):
            command = [
                str(shutil.which("uv", path=_tool_path())), "pip", "install", "--quiet",
                "--python", sys.executable, "--link-mode", "copy",
                "--python-platform", f"{_PLATFORMS[self._target.architecture]}-manylinux2014",
            ]  # fmt: skip
        else:
            command = [
                sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--platform", f"manylinux2014_{_PLATFORMS[self._target.architecture]}", "--implementation", "cp",
            ]  # fmt: skip
        command += [
            "--python-version", self._target.python, "--only-binary", ":all:", "--no-deps", "--require-hashes",
            "--no-compile", "--target", str(out), "--requirement", str(lock),
        ]  # fmt: skip
        _run(command)
        _trim(out)

    def _forget_old_bundles(self) -> None:
        """Remove what no synthesis has made for a while; a bundle in use by another process is younger than that."""
        for bundle in self._cache.iterdir():
            if time.time() - bundle.stat().st_mtime > _CACHE_LIFE_S:
                shutil.rmtree(bundle, ignore_errors=True)


@cache
def find_python(version: str) -> Path | None:
    """An interpreter of this ``major.minor`` that really runs: this one, one on ``PATH``, or one that pyenv keeps.

    A pyenv shim exists for every version that was ever installed and fails when the version is not selected, so each
    candidate is asked.
    """
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in _python_candidates(version):
        try:
            answer = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, timeout=20, check=False)
        except OSError:
            continue
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return candidate
    return None


def _python_candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def _tool_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _run(command: list[str], **environ: str) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, check=False)
    if answer.returncode:
        raise BundlingError(f"{' '.join(command[:4])} ... failed:\n{answer.stdout}{answer.stderr}")


def _is_source(path: Path) -> bool:
    return not (path.name == "__pycache__" or path.suffix == ".pyc" or path.name.startswith("."))


def _source_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and all(_is_source(part) for part in (path, *path.relative_to(folder).parents))
    )


def _digest_tree(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for path in _source_files(folder):
        digest.update(json.dumps([path.relative_to(folder).as_posix(), path.stat().st_size]).encode())
        digest.update(path.read_bytes())
    return digest.digest()


def _copy(source: Path, destination: Path) -> None:
    for path in _source_files(source):
        copy = destination / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _trim(site: Path) -> None:
    """Remove what the functions never load: it is unpacked, and partly searched, at every cold start."""
    for data in (site / "botocore/data", site / "boto3/data"):
        for entry in data.iterdir() if data.is_dir() else ():
            if entry.is_dir() and entry.name not in KEPT_SERVICES:
                shutil.rmtree(entry)
            elif entry.is_file() and entry.name not in _KEPT_DATA_FILES:
                entry.unlink()
    for path in sorted(site.rglob("*")):
        if not path.exists():
            continue
        if path.is_dir() and path.name in _UNUSED_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and (path.name in _UNUSED_FILES or path.suffix in _UNUSED_SUFFIXES):
            path.unlink()
    endpoints = site / "botocore/data/endpoints.json"
    if endpoints.is_file():
        _trim_endpoints(endpoints)
    for model in site.glob("botocore/data/*/*/*.json.gz"):
        _trim_model(model)
    if (manual := site / "botocore/docs/docstring.py").is_file():
        manual.write_text(_NO_MANUAL)
    for name, line in _UNUSED_IMPORTS.items():
        if (module := site / name).is_file():
            module.write_text(module.read_text().replace(line, ""))


def _trim_endpoints(file: Path) -> None:
    """Keep the endpoints of our services only: botocore parses this file, 1.25 MB of it, for the first client."""
    endpoints = json.loads(file.read_text())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in _KEPT_ENDPOINTS}
    file.write_text(json.dumps(endpoints, separators=(",", ":")))


def _trim_model(file: Path) -> None:
    """Keep a service's model without its manual, four fifths of what the first client parses, and without a second
    compression inside the zip."""
    model = json.loads(gzip.decompress(file.read_bytes()))
    # Elsewhere, as in the context parameters of S3, botocore reads the text and misses it.
    model |= {part: _without_documentation(model[part]) for part in ("operations", "shapes") if part in model}
    file.with_suffix("").write_text(json.dumps(model, separators=(",", ":")))
    file.unlink()


def _without_documentation(node: Any) -> Any:
    match node:
        case dict():
            return {
                name: _without_documentation(value)
                for name, value in node.items()
                if not (name == "documentation" and isinstance(value, str))
            }
        case list():
            return [_without_documentation(value) for value in node]
    return node


def _compile(python: Path, out: Path, mount: str) -> None:
    """Add bytecode that names each file as the function will see it. The fixed hash seed makes it reproducible."""
    _run(
        [str(python), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
         "-s", str(out), "-p", mount, str(out)],
        PYTHONHASHSEED="0",
    )  # fmt: skip


def _open_permissions(out: Path) -> None:
    """Zips keep permissions, and the function runs as another user than the builder."""
    for path in out.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _publish(out: Path, ready: Path) -> None:
    try:
        out.rename(ready)
    except OSError:
        if not ready.is_dir():  # else another synthesis was faster, with the same content
            raise
