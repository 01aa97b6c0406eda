"""CDK context for topologies whose deployment has other switches."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from im.settings import Env
from local.topology import Topology

_CDK = Path(__file__).parents[2] / "cdk.json"


def with_switches(**switches: Any) -> dict[str, Any]:
    """The context of the dev environment with some of our own switches (``im.<name>``) changed."""
    environments = json.loads(_CDK.read_text())["context"]["environments"]
    dev = environments["dev"]
    changed = {f"im.{name}": value for name, value in switches.items()}
    return {"environments": {**environments, "dev": {**dev, "switches": {**dev.get("switches", {}), **changed}}}}


def tell_functions(topology: Topology, **switches: Any) -> Topology:
    """A topology that is not started yet, whose functions are told further switches, dots in their names written ``__``.

    For values that are only known now, such as the address of a program that was just started: nothing is synthesized.
    """
    wanted = {name.replace("__", "."): value for name, value in switches.items()}

    def told(environment: dict[str, str]) -> dict[str, str]:
        return {**environment, Env.SWITCHES: json.dumps({**json.loads(environment[Env.SWITCHES]), **wanted})}

    functions = {
        name: replace(function, environment=told(dict(function.environment)))
        for name, function in topology.template.functions.items()
    }
    topology.template = replace(topology.template, functions=functions)
    return topology
