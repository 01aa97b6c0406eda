"""``make chaos SECONDS=180 CLIENTS=40 SEED=n``: a run, its table, and ``.local/chaos.json``."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from bench.chaos.checker import VIOLATIONS, Counts
from bench.chaos.mutations import MUTATIONS, broken_build
from bench.chaos.run import Outcome, Plan, run
from bench.chaos.weather import WEATHERS
from bench.figures import Figure, at_most, write
from local.synth import ROOT

FILE = ROOT / ".local" / "chaos.json"
_COLUMNS = tuple(asdict(Counts()))


def table(outcome: Outcome) -> str:
    """The counts of every class and their sum."""
    rows = [*outcome.report.classes.items(), ("all", outcome.report.total)]
    heads = [name.replace("_", " ") for name in _COLUMNS]
    lines = [" " * 29 + "".join(f"{head.split()[0]:>11}" for head in heads)]
    lines.append(" " * 29 + "".join(f"{' '.join(head.split()[1:]):>11}" for head in heads))
    for name, counts in rows:
        lines.append(f"{name:<29}" + "".join(f"{value:>11}" for value in asdict(counts).values()))
    return "\n".join(lines)


def found(outcome: Outcome, plan: Plan) -> list[Figure]:
    """The same for machines: the counts of all classes together and of each one; what must not happen has the target 0."""
    total = outcome.report.total
    listed = [
        Figure("seconds", plan.seconds, "s"),
        Figure("clients", plan.clients, "clients"),
        Figure("seed", plan.seed, ""),
        Figure("faults", sum(sum(fired.values()) for fired in outcome.faults.values()), "faults"),
        at_most("violations", total.violations, "messages", 0, 0),
    ]
    for name, counts in (("all", total), *outcome.report.classes.items()):
        for kind, number in asdict(counts).items():
            named = f"{kind}, {name}"
            listed.append(
                at_most(named, number, "messages", 0, 0) if kind in VIOLATIONS else Figure(named, number, "messages")
            )
    return listed


def main(arguments: Sequence[str]) -> int:
    """Run, print, write; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="of traffic, over all classes of faults")
    parser.add_argument("--clients", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", nargs="*", choices=list(WEATHERS), default=list(WEATHERS))
    parser.add_argument("--mutation", choices=list(MUTATIONS), help="break the build first, to see the checker find it")
    chosen = parser.parse_args(arguments)
    plan = Plan(chosen.seconds, chosen.clients, chosen.seed, tuple(chosen.faults))
    with ExitStack() as build:
        if chosen.mutation:
            directory = build.enter_context(tempfile.TemporaryDirectory(prefix="chaos-build-"))
            plan = replace(plan, roots=build.enter_context(broken_build(MUTATIONS[chosen.mutation], Path(directory))))
        outcome = asyncio.run(run(plan, lambda line: print(line, flush=True)))
    print(f"\n{table(outcome)}\n")
    for example in outcome.report.examples:
        print(example)
    write(FILE, found(outcome, plan))
    broken = outcome.report.total.violations
    print(
        f"{'Every promise held.' if not broken else f'{broken} violations.'} Figures are in {FILE.relative_to(ROOT)}."
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
