"""The CDK application: ``python app.py [-c key=value]... [-o DIRECTORY]``, or through the CDK CLI."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from stacks import ROOT
from stacks.application import build
from stacks.bundling import BundlingError
from stacks.config import ConfigError


def _context_entry(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"expected key=value, got {text!r}")
    return key, value


def main() -> None:
    """Synthesize the stacks. The CDK CLI says where by ``CDK_OUTDIR``; alone, ``cdk.out`` it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-c", "--context", type=_context_entry, action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("-o", "--output", type=Path, default=Path(os.environ.get("CDK_OUTDIR", ROOT / "cdk.out")))
    arguments = parser.parse_args()
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    try:
        app = build({**context, **dict(arguments.context)}, arguments.output)
    except (ConfigError, BundlingError) as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
