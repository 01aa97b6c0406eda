"""The templates in the eyes of others: cfn-lint, the CDK's own rules, the AwsSolutions rules, and a reviewer's diff."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.infra.templates import STACKS, Synthesis

SNAPSHOT = Path(__file__).parent / "snapshot" / "dev.json"
UPDATE = "UPDATE_SNAPSHOT"


def test_cfn_lint_finds_nothing(deployed: Synthesis) -> None:
    # W3005 is about a DependsOn that a reference implies already: the CDK writes both.
    files = [str(deployed.directory / f"{name}.template.json") for name in STACKS]
    program = "import sys; from cfnlint.runner import main; sys.exit(main())"

    run = subprocess.run(
        [sys.executable, "-c", program, "--ignore-checks", "W3005", "--template", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_cdk_finds_nothing(dev: Synthesis) -> None:
    report = json.loads((dev.directory / "validation-report.json").read_text())

    assert dev.returncode == 0
    assert dev.output == ""
    assert report["pluginReports"] == []


def test_what_the_aws_solutions_rules_find_is_justified(prod: Synthesis) -> None:
    report = json.loads((prod.directory / "validation-report.json").read_text())
    [checked] = [entry for entry in report["pluginReports"] if entry["pluginName"] == "AwsSolutions"]
    reasons = [entry["reason"] for entry in checked["suppressedViolations"]]

    assert prod.returncode == 0, prod.output
    assert checked["violations"] == []
    assert reasons
    assert all(len(reason) > 20 for reason in reasons)


def test_the_template_is_the_one_that_was_reviewed(dev: Synthesis) -> None:
    """After a change that is meant, run with ``UPDATE_SNAPSHOT=1`` and read the difference."""
    found = json.dumps({name: _essence(dev.templates[name]) for name in STACKS}, indent=1, sort_keys=True) + "\n"
    if os.environ.get(UPDATE):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(found)

    assert found == SNAPSHOT.read_text(), f"the templates changed; see the difference with {UPDATE}=1"


def _essence(template: dict[str, Any]) -> dict[str, Any]:
    """What we declare, without the CDK's bootstrap check and without the digests of our code."""
    text = json.dumps({part: template.get(part, {}) for part in ("Resources", "Outputs")})
    masked: dict[str, Any] = json.loads(re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text))
    return masked
