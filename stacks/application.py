"""Puts the stacks together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

from stacks import ROOT, nag
from stacks.bundling import Bundler, Target
from stacks.config import Run
from stacks.operations import Operations
from stacks.realtime import Realtime
from stacks.storage import Storage


def build(context: Mapping[str, Any], outdir: Path | None = None) -> App:
    """The application for this context (``cdk.json``'s with the flags of the run); the CDK CLI's own context wins.

    Raises:
        ConfigError: the context is unusable.
        BundlingError: a layer or a function cannot be built.
    """
    app = App(context=dict(context), outdir=str(outdir) if outdir else None, analytics_reporting=False)
    run = Run.parse(app.node.get_all_context())
    bundler = Bundler(ROOT, Target(run.architecture, run.python), ROOT / ".local/cache/bundles")
    storage = Storage(app, "Storage", run)
    realtime = Realtime(app, "Realtime", run, storage, bundler)
    Operations(app, "Operations", run, storage, realtime)
    if run.nag:
        nag.check(app, storage, realtime)
    return app
