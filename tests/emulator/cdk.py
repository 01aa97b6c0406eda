"""The app in an emulated account, brought there by the real CDK command line."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.synth import ROOT, synthesize
from tests.e2e.deployment import environments_with
from tests.emulator.deployment import EmulatedDeployment, client
from tests.emulator.ministack import ACCOUNT, ARCHITECTURE, CREDENTIALS, PYTHON_VERSION, REGION, run_tool

CLI = ROOT / "node_modules" / ".bin" / "cdk"
_TOOLS = Path(sys.executable).parent
"""Where Node is: it is installed as a wheel."""


def install_cli() -> None:
    """Install the pinned CDK command line, unless it is there.

    Raises:
        RuntimeError: npm failed; the text is what it said.
    """
    # The recipe is the Makefile's; the packages that it would see to first are those which this process runs on.
    path = os.pathsep.join((str(_TOOLS), os.environ.get("PATH", os.defpath)))
    recipe = ["make", "--silent", "--assume-old=.venv/.ready", "node_modules/.ready", f"BIN={_TOOLS}"]
    run_tool(recipe, env={**os.environ, "PATH": path})


class Account:
    """An account of the emulator.

    Args:
        url: the emulator's address.
        directory: an own one, for what is synthesized and what the command line leaves.
    """

    def __init__(self, url: str, directory: Path) -> None:
        self._url = url
        self._directory = directory
        self._home = directory / "home"
        self._home.mkdir()
        self._assembly: Path | None = None
        self._deployed: tuple[Mapping[str, Any], EmulatedDeployment] | None = None

    def deploy(self, switches: Mapping[str, Any]) -> EmulatedDeployment:
        """The app with these switches; it is deployed if the account does not have it like this already.

        Raises:
            RuntimeError: a step failed; the text is what its program said.
            local.synth.SynthError: the app failed.
            AssertionError: the deployed functions are not told the socket API's own address.
        """
        if self._deployed is not None and self._deployed[0] == switches:
            return self._deployed[1]
        first = self._assembly is None
        self._assembly = self._synthesize(switches)
        if first:
            self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        outputs = self._home / "outputs.json"
        self._cdk("deploy", "--all", "--require-approval", "never", "--outputs-file", str(outputs))
        deployment = EmulatedDeployment(self._url, json.loads(outputs.read_text()))
        deployment.lead_posts_here()
        self._deployed = (switches, deployment)
        return deployment

    def destroy(self) -> None:
        """Delete the app's stacks.

        Raises:
            RuntimeError: the command line failed.
        """
        self._cdk("destroy", "--all", "--force")
        self._deployed = None

    def resources(self) -> set[str]:
        """The names of the stacks, functions, tables, queues, buckets and secrets in the account."""
        found = {stack["StackName"] for stack in client("cloudformation", self._url).describe_stacks()["Stacks"]}
        found |= {each["FunctionName"] for each in client("lambda", self._url).list_functions()["Functions"]}
        found |= set(client("dynamodb", self._url).list_tables()["TableNames"])
        found |= set(client("sqs", self._url).list_queues().get("QueueUrls", ()))
        found |= {bucket["Name"] for bucket in client("s3", self._url).list_buckets()["Buckets"]}
        return found | {each["Name"] for each in client("secretsmanager", self._url).list_secrets()["SecretList"]}

    def errors(self) -> str:
        """What functions have logged as errors; of the socket routes' functions MiniStack keeps no log."""
        logs = client("logs", self._url)
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        events = [event for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]
        return "\n".join(event["message"] for event in events if '"level":"ERROR"' in event["message"])

    def _synthesize(self, switches: Mapping[str, Any]) -> Path:
        context = {
            **environments_with(switches),
            "emulator": True,
            "architecture": ARCHITECTURE,
            "python": PYTHON_VERSION,
            # What is deployed needs its code, unlike what the runner on this machine reads.
            "aws:cdk:bundling-stacks": ["**"],
            "aws:cdk:disable-asset-staging": False,
        }
        # A new directory each time: this cache does not look at the functions' code.
        cache = self._directory / "assemblies"
        shutil.rmtree(cache, ignore_errors=True)
        return synthesize(cache, context)[0]

    def _cdk(self, *arguments: str) -> str:
        # Nothing of this process's environment: its credentials may be real.
        environment = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self._url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": os.pathsep.join((str(_TOOLS), os.defpath)),
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "CDK_HOME": str(self._home),
            # The command line would ask the internet for newer versions and notices, and report its use.
            "CDK_DISABLE_VERSION_CHECK": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        command = [str(CLI), *arguments, "--app", str(self._assembly), "--no-notices", "--no-color"]
        return run_tool(command, cwd=self._home, env=environment)
