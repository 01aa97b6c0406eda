"""Fixtures: a fake server, a clock to turn, and clients that are closed afterwards."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from clients.python.tests.fake_clock import FakeClock
from clients.python.tests.fake_server import FakeServer
from wildfire_client import ChatClient, Event

E = TypeVar("E")


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def idle(client: ChatClient) -> None:
    """Let the loop run until every request of this client is answered."""
    assert client._keeper is not None
    link = client._keeper.link
    assert link is not None
    async with asyncio.timeout(10):
        await link._idle.wait()


class Recorder:
    """Keeps the events of a client."""

    def __init__(self, client: ChatClient, *types: type[Event]) -> None:
        self.events: list[Any] = []
        for kind in types or (Event,):
            client.on(kind, self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


class Harness:
    """Makes clients of one server and one clock."""

    def __init__(self, server: FakeServer, clock: FakeClock, tmp_path: Path) -> None:
        self.server = server
        self.clock = clock
        self.tmp_path = tmp_path
        self.clients: list[ChatClient] = []

    def client(self, user: str = "alice", *, store: str | None = None, **options: Any) -> ChatClient:
        options.setdefault("client_id", f"{user}-device")
        options.setdefault("rng", random.Random(7))
        path = ":memory:" if store is None else self.tmp_path / store
        client = ChatClient(self.server.url, path, clock=self.clock, **options)
        self.clients.append(client)
        return client

    async def connected(self, user: str = "alice", **options: Any) -> ChatClient:
        client = self.client(user, **options)
        await client.connect(user, self.server.token(user))
        await client.ready()
        return client

    async def close(self, client: ChatClient) -> None:
        self.clients.remove(client)
        await client.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


@pytest.fixture
async def harness(server: FakeServer, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(server, clock, tmp_path)
    yield made
    for client in list(made.clients):
        await made.close(client)
