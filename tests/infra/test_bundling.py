"""What goes into the zips."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.bundling import KEPT_SERVICES, Bundle, Bundler, BundlingError, Target, find_python
from stacks.config import LAMBDA_PYTHON
from stacks.functions import FUNCTIONS
from tests.infra.templates import ROOT

CACHE = ROOT / ".local/cache/bundles"
ELF_MACHINE_AARCH64 = 183
UNCHECKED_HASH = 1
PYC_MAGIC_313 = (3571).to_bytes(2, "little") + b"\r\n"
HOST = Target(
    "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64", f"{sys.version_info[0]}.{sys.version_info[1]}"
)


@pytest.fixture(scope="module")
def bundler() -> Bundler:
    """The bundler of a deployment."""
    return Bundler(ROOT, Target("arm64", LAMBDA_PYTHON), CACHE)


@pytest.fixture(scope="module")
def vendor(bundler: Bundler) -> Bundle:
    """The vendor layer of a deployment."""
    return bundler.vendor_layer()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository with one function and one module of the core layer."""
    for name, text in {
        "functions/__init__.py": "",
        "functions/message/ws.py": "handler = print\n",
        "functions/group/ws.py": "handler = print\n",
        "layers/core/python/im/keys.py": "SEPARATOR = '|'\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def small_bundler(repository: Path) -> Bundler:
    """A bundler of a small repository."""
    return Bundler(repository, Target("arm64", LAMBDA_PYTHON), repository / "cache")


def files(bundle: Bundle, suffix: str = "") -> set[str]:
    """The files of a bundle, without bytecode unless that is what is asked for."""
    return {
        path.relative_to(bundle.path).as_posix()
        for path in bundle.path.rglob(f"*{suffix}")
        if path.is_file() and (suffix or path.suffix != ".pyc")
    }


def test_a_function_is_its_folder_under_its_dotted_path_and_nothing_else(repository: Path) -> None:
    bundle = small_bundler(repository).function("message")

    assert files(bundle) == {"functions/__init__.py", "functions/message/ws.py"}


def test_the_core_layer_holds_the_shared_package(repository: Path) -> None:
    assert files(small_bundler(repository).core_layer()) == {"python/im/keys.py"}


def test_a_function_without_a_folder_is_an_error_that_names_it(repository: Path) -> None:
    with pytest.raises(BundlingError, match="functions/robot"):
        small_bundler(repository).function("robot")


def test_the_digest_follows_the_source_and_nothing_beside_it(repository: Path) -> None:
    before = small_bundler(repository).core_layer()
    source = repository / "layers/core/python/im"
    (source / "__pycache__").mkdir()
    (source / "__pycache__/keys.cpython-311.pyc").write_bytes(b"noise")
    (source / ".keys.py.swp").write_bytes(b"noise")
    touched = small_bundler(repository).core_layer()
    (source / "keys.py").write_text("SEPARATOR = '#'\n")
    changed = small_bundler(repository).core_layer()

    assert touched == before
    assert changed.digest != before.digest


def test_a_moved_file_is_another_digest(repository: Path) -> None:
    before = small_bundler(repository).core_layer()
    (repository / "layers/core/python/im/keys.py").rename(repository / "layers/core/python/im/key.py")

    assert small_bundler(repository).core_layer().digest != before.digest


def test_the_digest_follows_the_target(repository: Path) -> None:
    arm = small_bundler(repository).core_layer()
    intel = Bundler(repository, Target("x86_64", LAMBDA_PYTHON), repository / "cache").core_layer()

    assert arm.digest != intel.digest


def test_a_finished_bundle_is_not_built_again(repository: Path) -> None:
    first = small_bundler(repository).function("message")
    (first.path / "marker").touch()

    assert "marker" in files(small_bundler(repository).function("message"))


def test_the_function_may_read_every_file_whoever_built_it(repository: Path) -> None:
    (repository / "layers/core/python/im/keys.py").chmod(0o600)

    bundle = small_bundler(repository).core_layer()

    modes = {path.stat().st_mode & 0o777 for path in bundle.path.rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_without_the_target_interpreter_bundles_are_built_with_a_warning(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = Bundler(repository, Target("arm64", "3.99"), repository / "cache").core_layer()

    assert files(bundle, ".pyc") == set()
    assert "No Python 3.99 found" in caplog.text


@pytest.mark.skipif(find_python(LAMBDA_PYTHON) is None, reason=f"needs Python {LAMBDA_PYTHON}")
def test_bytecode_is_lambdas_and_is_not_checked_against_the_source(bundler: Bundler, vendor: Bundle) -> None:
    for bundle in (bundler.core_layer(), vendor):
        compiled = [bundle.path / name for name in files(bundle, ".pyc")]
        assert len(compiled) == len(files(bundle, ".py"))
        for path in compiled:
            header = path.read_bytes()[:8]
            assert header[:4] == PYC_MAGIC_313, path
            assert int.from_bytes(header[4:], "little") == UNCHECKED_HASH, path


@pytest.mark.skipif(find_python(LAMBDA_PYTHON) is None, reason=f"needs Python {LAMBDA_PYTHON}")
def test_tracebacks_name_files_as_lambda_sees_them(bundler: Bundler) -> None:
    [compiled] = bundler.core_layer().path.glob("python/im/__pycache__/keys.*.pyc")

    assert b"/opt/python/im/keys.py" in compiled.read_bytes()


def test_the_vendor_layer_runs_on_lambdas_processor(vendor: Bundle) -> None:
    binaries = [vendor.path / name for name in files(vendor, ".so")]

    assert {path.name.split(".")[0] for path in binaries} == {"_core", "ahocorasick"}
    for path in binaries:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF", path
        assert int.from_bytes(header[18:20], "little") == ELF_MACHINE_AARCH64, path


def test_the_vendor_layer_is_trimmed_to_what_the_functions_load(vendor: Bundle) -> None:
    site = vendor.path / "python"
    data = site / "botocore/data"
    size = sum(path.stat().st_size for path in vendor.path.rglob("*") if path.is_file())
    print(f"vendor layer: {size / 1e6:.1f} MB in {len(files(vendor))} files and their bytecode")  # noqa: T201

    assert {path.name for path in data.iterdir() if path.is_dir()} == set(KEPT_SERVICES)
    assert {path.name for path in data.iterdir() if path.is_file()} == {
        "_retry.json",
        "endpoints.json",
        "partitions.json",
        "sdk-default-configuration.json",
    }
    assert (data / "endpoints.json").stat().st_size < 100_000
    assert not list(data.rglob("*.gz"))
    assert (data / "dynamodb/2012-08-10/service-2.json").stat().st_size < 130_000
    assert not [path for path in site.rglob("*") if path.name in {"tests", "RECORD", "INSTALLER", "bin", "examples"}]
    assert list(site.glob("botocore-*.dist-info/LICENSE*"))
    assert size < 20_000_000


def test_the_trimmed_layer_still_makes_every_client_and_a_presigned_upload() -> None:
    layer = Bundler(ROOT, HOST, CACHE).vendor_layer()
    program = """
import json, sys
sys.path.insert(0, sys.argv[1])
import botocore.session, pynamodb.models, msgspec, jwt, ahocorasick, aws_lambda_powertools
session = botocore.session.get_session()
session.set_credentials("key", "secret")
clients = {name: session.create_client(name, "eu-central-1") for name in json.loads(sys.argv[2])}
assert clients["sqs"].send_message.__doc__ == "" and clients["dynamodb"].get_waiter("table_exists")
clients["s3"].generate_presigned_post("media", "object")
manual = [m for m in sys.modules if m.startswith("botocore.docs.")]
assert set(manual) <= {"botocore.docs.docstring", "botocore.docs.utils"}, manual
assert "importlib.metadata" not in sys.modules
import boto3
outside = [m.__file__ for m in (botocore, pynamodb, msgspec, jwt, ahocorasick, boto3)
           if not m.__file__.startswith(sys.argv[1])]
print(json.dumps([{name: client.meta.endpoint_url for name, client in clients.items()}, outside]))
"""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(layer.path / "python"), json.dumps(KEPT_SERVICES)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    endpoints, outside = json.loads(run.stdout)
    assert outside == []
    assert endpoints["dynamodb"] == "https://dynamodb.eu-central-1.amazonaws.com"
    assert endpoints["sqs"] == "https://sqs.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("cryptography", [False, True])
def test_the_layers_hold_everything_that_the_functions_import(*, cryptography: bool) -> None:
    host = Bundler(ROOT, HOST, CACHE)
    modules = [spec.module for spec in FUNCTIONS if spec.uses_cryptography == cryptography]
    zips = {host.function(module.split(".")[1]).path for module in modules}
    layers = [host.core_layer(), host.vendor_layer(), *([host.push_layer()] if cryptography else ())]
    site = [*zips, *(layer.path / "python" for layer in layers)]
    program = """
import importlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
import functions
functions.__path__ = [folder + "/functions" for folder in json.loads(sys.argv[1])]
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
"""
    paths, names = json.dumps([str(path) for path in site]), json.dumps(modules)

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, paths, names], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_pip_installs_the_same_layer_where_there_is_no_uv(
    vendor: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **options: None if name == "uv" else which(name, **options))

    by_pip = Bundler(ROOT, Target("arm64", LAMBDA_PYTHON), tmp_path).vendor_layer()

    assert by_pip.digest == vendor.digest
    assert files(by_pip) == files(vendor)


def test_a_lock_without_hashes_is_refused_in_the_installers_words(tmp_path: Path) -> None:
    lock = tmp_path / "layers/vendor/requirements.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("pyjwt==2.15.1\n")

    with pytest.raises(BundlingError, match=r"must have|have hashes"):
        Bundler(tmp_path, Target("arm64", LAMBDA_PYTHON), tmp_path / "cache").vendor_layer()
