"""The synthesized stacks as tests see them: one set of resources, with every reference written out as text."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("Storage", "Realtime", "Operations")

Resource = dict[str, Any]


def synthesize(
    directory: Path, *flags: str, environments: Mapping[str, Any] | None = None, validate: bool = True
) -> "Synthesis":
    """Run the application as an operator does, without credentials.

    Args:
        flags: context of the run, as ``key=value``.
        environments: takes the place of the block in ``cdk.json``.
        validate: also run the CDK's own check of the templates, which takes about half of the time.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    if environments is not None:
        environ["CDK_CONTEXT_JSON"] = json.dumps({"environments": environments})
    if not validate:
        environ["CDK_VALIDATION"] = "false"
    command = [sys.executable, str(ROOT / "app.py"), "--output", str(directory)]
    for flag in flags:
        command += ["--context", flag]
    run = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    return Synthesis(directory, run.returncode, run.stdout + run.stderr)


@dataclass
class Synthesis:
    """What one synthesis left behind."""

    directory: Path
    returncode: int
    output: str
    _exports: dict[str, Any] = field(default_factory=dict)
    _published: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The templates by stack."""
        assert (self.directory / "manifest.json").exists(), self.output
        return {name: json.loads((self.directory / f"{name}.template.json").read_text()) for name in STACKS}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """The resources of all stacks by logical id, their properties with references written out."""
        stacks = json.loads((self.directory / "manifest.json").read_text())["artifacts"]
        for stack, template in self.templates.items():
            for name, output in template.get("Outputs", {}).items():
                if "Export" in output:
                    self._exports[output["Export"]["Name"]] = output["Value"]
                self._published[stacks[stack]["properties"]["stackName"], name] = self.plain(output["Value"])
        found: dict[str, Resource] = {}
        for template in self.templates.values():
            for logical_id, resource in template["Resources"].items():
                assert logical_id not in found, f"{logical_id} is in two stacks"
                found[logical_id] = {**resource, "Properties": self.plain(resource.get("Properties", {}))}
        return found

    def outputs(self) -> dict[str, str]:
        """What the stacks print after a deployment, without what they pass to each other."""
        return {
            name: self.plain(output["Value"])
            for template in self.templates.values()
            for name, output in template.get("Outputs", {}).items()
            if "Export" not in output and not name.startswith("PublishOutput")
        }

    def terminations(self) -> dict[str, bool]:
        """Whether each stack is protected from being deleted."""
        artifacts = json.loads((self.directory / "manifest.json").read_text())["artifacts"]
        return {name: artifacts[name]["properties"].get("terminationProtection", False) for name in STACKS}

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Properties of all resources of a type, by logical id."""
        return {name: entry["Properties"] for name, entry in self.resources.items() if entry["Type"] == f"AWS::{kind}"}

    def plain(self, value: Any) -> Any:
        """A value with its intrinsic functions as text: ``${Id}`` for a reference, ``${Id.Arn}`` for an attribute."""
        match value:
            case {"Ref": name}:
                return f"${{{name}}}"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"${{{name}.{attribute}}}"
            case {"Fn::ImportValue": name}:
                return self.plain(self._exports[name])
            case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": name}}:
                return self._published[stack, name]
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.plain(part) for part in parts)
            case {"Fn::Select": [index, {"Fn::Split": [separator, whole]}]}:
                return f"{self.plain(whole)}.split({separator})[{index}]"
            case {"Fn::Sub": text}:
                return text
            case dict():
                return {name: self.plain(entry) for name, entry in value.items()}
            case list():
                return [self.plain(entry) for entry in value]
        return value
