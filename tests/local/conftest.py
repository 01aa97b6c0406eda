from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.template import read_templates
from local.testing import make_topology, shared_topology, template, topology
from local.topology import Options, Topology
from tests.local.raw import Dial, RawSocket
from tests.local.sample_app.templates import stacks

__all__ = ["make_topology", "shared_topology", "template", "topology"]

SAMPLE = Path(__file__).parent / "sample_app"


@pytest.fixture
def sample() -> Iterator[Topology]:
    with Topology(read_templates(stacks()), Options(roots=(SAMPLE,))) as topology:
        yield topology
        topology.faults.clear()


@pytest.fixture
async def dial(sample: Topology) -> AsyncIterator[Dial]:
    opened: list[RawSocket] = []

    async def dial(query: str = "token=t", headers: dict[str, str] | None = None, stage: str = "live") -> RawSocket:
        raw = await RawSocket.open(f"{sample.socket_url.replace('/live', f'/{stage}')}?{query}", headers)
        opened.append(raw)
        return raw

    yield dial
    for raw in opened:
        await raw.gone()
