"""How long functions take to start, against the least that any of them needs: pynamodb with one client.

Fresh processes with valid bytecode, CPU time as each counts its own, the least of many tries. The packages are this
machine's but for the functions' botocore and urllib3, which are the trimmed ones of the vendor layer: they are pure Python,
and reading their data files is much of what a first client takes.
"""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from stacks.bundling import Bundler, Target
from stacks.config import LAMBDA_PYTHON

_ROOT = Path(__file__).parents[1]
_TRIES = 40
_CLIENT = "import botocore.session; botocore.session.get_session().create_client('dynamodb', region_name='us-east-1')"
_BARE = f"import pynamodb.models; {_CLIENT}"
# Installed here for the tests' sake and absent from the functions' layer.
_ABSENT = "import sys; sys.modules['cryptography'] = None; "


class Starts(NamedTuple):
    """CPU seconds of fresh processes, less an empty interpreter's.

    Attributes:
        bare: pynamodb and a client, as pip installs them.
        bare_trimmed: the same over the vendor layer's botocore.
        functions: by dotted path, over the vendor layer's botocore, as they are deployed.
    """

    bare: float
    bare_trimmed: float
    functions: dict[str, float]


def starts(modules: Iterable[str]) -> Starts:
    """Measure the starts of these trigger files, in turns, so that a busy minute of the machine strikes all alike."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        layer = Bundler(_ROOT, Target("arm64", LAMBDA_PYTHON), _ROOT / ".local/cache/bundles").vendor_layer().path
        for package in ("botocore", "urllib3"):
            copy = Path(folder, package)
            shutil.copytree(layer / "python" / package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            compileall.compile_dir(copy, quiet=2)
        installed = (str(_ROOT / "layers/core/python"), str(_ROOT))
        trimmed = (folder, *installed)
        programs = {"empty": ("pass", installed), "bare": (_BARE, installed), "trimmed": (_BARE, trimmed)}
        for module in modules:
            programs[module] = (f"{_ABSENT}import {module}; {_CLIENT}", trimmed)
        least = dict.fromkeys(programs, float("inf"))
        for _ in range(_TRIES):
            for name, (code, path) in programs.items():
                least[name] = min(least[name], _run(code, path))
    empty = least.pop("empty")
    net = {name: seconds - empty for name, seconds in least.items()}
    return Starts(net.pop("bare"), net.pop("trimmed"), net)


def _run(code: str, path: Sequence[str]) -> float:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    # The child asks its own clock, which counts nanoseconds; what its parent is told may be rounded to 10 ms.
    program = f"{code}\nimport time; print(time.process_time())"
    child = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment, cwd=_ROOT
    )
    return float(child.stdout)
