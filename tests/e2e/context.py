"""CDK context for topologies whose deployment has other switches."""

import json
from pathlib import Path
from typing import Any

_CDK = Path(__file__).parents[2] / "cdk.json"


def with_switches(**switches: Any) -> dict[str, Any]:
    """The context of the dev environment with some of our own switches (``im.<name>``) changed."""
    environments = json.loads(_CDK.read_text())["context"]["environments"]
    dev = environments["dev"]
    changed = {f"im.{name}": value for name, value in switches.items()}
    return {"environments": {**environments, "dev": {**dev, "switches": {**dev.get("switches", {}), **changed}}}}
