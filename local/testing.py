"""Pytest fixtures that run the product's own template. A ``conftest.py`` imports those that it offers:

    from local.testing import make_topology, shared_topology, template, topology

``topology`` is a fresh one for each test, ``shared_topology`` is one for all tests of a module, which must not depend on
what others left in it. What the functions logged is printed at the end, so pytest shows it when a test fails.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from local.synth import synthesize
from local.template import Template, read_assembly
from local.topology import CACHE, Options, Topology

MakeTopology = Callable[..., Topology]
"""Starts a topology with the given ``Options`` fields; it is stopped when the test ends. One at a time."""


@pytest.fixture(scope="session")
def template() -> Template:
    """The synthesized product; synthesized only when the stacks have changed since the last time."""
    assembly, _ = synthesize(CACHE)
    return read_assembly(assembly)


@pytest.fixture
def make_topology(template: Template) -> Iterator[MakeTopology]:
    """For tests that need options of their own, or stop and start again."""
    with ExitStack() as running:

        def make(**options: object) -> Topology:
            return running.enter_context(_Logged(template, Options(**options)))  # type: ignore[arg-type]

        yield make


@pytest.fixture
def topology(template: Template) -> Iterator[Topology]:
    """A fresh topology for each test."""
    with _Logged(template, Options()) as running:
        yield running


@pytest.fixture(scope="module")
def shared_topology(template: Template) -> Iterator[Topology]:
    """One topology for all tests of a module."""
    with _Logged(template, Options()) as running:
        yield running


class _Logged(Topology):
    def stop(self) -> None:
        super().stop()
        sys.stdout.write(self.log_text())
