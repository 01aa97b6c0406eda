"""What a run of the tests says at its end."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Reporter(Protocol):
    """What this needs of pytest's terminal."""

    stats: Mapping[str, Sequence[Any]]

    def write_line(self, line: str) -> None:
        """Say something."""


def pytest_terminal_summary(terminalreporter: Reporter) -> None:
    """Count the AWS calls of operations at which the tests cut, and the cuts."""
    counts = [
        value
        for report in terminalreporter.stats.get("", ())
        if report.when == "teardown"
        for name, value in report.user_properties
        if name == "crash points"
    ]
    if counts:
        points, cuts = (sum(each) for each in zip(*counts, strict=True))
        terminalreporter.write_line(f"{len(counts)} operations with {points:,} crash points, {cuts:,} cuts")
