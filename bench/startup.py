"""How long functions take to start, against the least that any of them needs: pynamodb with one client.

Fresh processes with valid bytecode, CPU time, the least of a few tries. The packages are this machine's but for botocore,
which is the trimmed one of the vendor layer: it is pure Python, and its data files are most of what a first client reads.
"""

import compileall
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from stacks.bundling import Bundler, Target
from stacks.config import LAMBDA_PYTHON

_ROOT = Path(__file__).parents[1]
_TRIES = 5
_CLIENT = "import botocore.session; botocore.session.get_session().create_client('dynamodb', region_name='us-east-1')"
_BARE = f"import pynamodb.models; {_CLIENT}"
# Installed here for the tests' sake and absent from the functions' layer.
_ABSENT = "import sys; sys.modules['cryptography'] = None; "


def ratios(modules: Iterable[str], *, trimmed: bool) -> tuple[float, dict[str, float]]:
    """Milliseconds of CPU of the bare client, and each function's start as a multiple of it.

    Args:
        modules: the trigger files by dotted path.
        trimmed: with the vendor layer's botocore instead of the installed one.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = [str(_ROOT / "layers/core/python"), str(_ROOT)]
        if trimmed:
            layer = Bundler(_ROOT, Target("arm64", LAMBDA_PYTHON), _ROOT / ".local/cache/bundles").vendor_layer().path
            copy = Path(folder, "botocore")
            shutil.copytree(layer / "python/botocore", copy, ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(copy, quiet=2)
            path.insert(0, folder)
        empty = _least("pass", path)
        bare = _least(_BARE, path) - empty
        starts = {module: _least(f"{_ABSENT}import {module}; {_CLIENT}", path) - empty for module in modules}
    return bare * 1000, {module: start / bare for module, start in starts.items()}


def _least(code: str, path: list[str]) -> float:
    return min(_run(code, path) for _ in range(_TRIES))


def _run(code: str, path: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment, cwd=_ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
