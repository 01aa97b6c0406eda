"""A running deployment as the scenarios see it: addresses, the signed server API, and what only its operator can look up.

The scenarios do not know what runs them: this machine's topology (here), or an emulated AWS that the CDK deployed to
(``tests.emulator``).
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from local.client import SocketClient
from local.meter import Measurement
from local.synth import ROOT
from local.topology import Topology

SUBPROTOCOL = "wildfire.v1"
FANOUT_FUNCTION = "MessageOnQueue"

Check = Callable[[], Awaitable[bool]]


def environments_with(switches: Mapping[str, Any]) -> dict[str, Any]:
    """The context of a synthesis whose ``dev`` environment has these switches."""
    environments: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]["environments"]
    environments["dev"]["switches"] = dict(switches)
    return {"environments": environments}


class Deployment(Protocol):
    """What scenarios ask of a deployment."""

    @property
    def socket_url(self) -> str:
        """Where sockets are opened, without a query."""

    async def admin(self, path: str, body: Any = None) -> dict[str, Any]:
        """A signed call of the server API; returns its whole answer."""

    async def stored(self, url: str) -> bytes:
        """The object of the media bucket that is behind a public URL."""

    async def fanout_runs(self) -> int:
        """How often the function behind the fan-out queue has run so far."""

    async def eventually(self, check: Check) -> None:
        """Wait until a check holds that no frame announces.

        Raises:
            AssertionError: it does not hold in good time.
        """


class LocalDeployment:
    """The topology of this machine.

    Args:
        topology: what runs.
        measurement: what has been counted since it runs.
    """

    def __init__(self, topology: Topology, measurement: Measurement) -> None:
        self._topology = topology
        self._measurement = measurement

    @property
    def socket_url(self) -> str:
        """The WebSocket API."""
        return self._topology.socket_url

    async def admin(self, path: str, body: Any = None) -> dict[str, Any]:
        """The server API, signed by the topology."""
        return await self._topology.admin(path, body)

    async def stored(self, url: str) -> bytes:
        """An object, as the cloud of this process has it."""
        topology = self._topology
        objects = [
            item for bucket in topology.template.buckets.values() for item in topology.cloud.objects(bucket.name)
        ]
        [content] = [item.content for item in objects if url.endswith(f"/{item.key}")]
        return content

    async def fanout_runs(self) -> int:
        """The fan-out function's invocations."""
        return sum(
            record.operation == "invoke" and record.function == FANOUT_FUNCTION for record in self._measurement.records
        )

    async def eventually(self, check: Check) -> None:
        """Check once everything is quiet: what does not hold then never will."""
        await self._topology.settle()
        assert await check()


class Cast:
    """The people of one scenario: their names are of this scenario alone, and their sockets are closed after it.

    Attributes:
        deployment: where it takes place.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._suffix = uuid.uuid4().hex[:8]
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def name(self, role: str) -> str:
        """The id of a user, client or group that has this part in the scenario."""
        return f"{role}-{self._suffix}"

    async def ask(self, path: str, body: Any = None) -> Any:
        """A call of the server API that must succeed; returns its result.

        Raises:
            AssertionError: it answers an error.
        """
        answer = await self.deployment.admin(path, body)
        assert answer["code"] == 0, f"{path} answered {answer}"
        return answer.get("result")

    async def token(self, user: str, device: str = "phone", platform: int = 1) -> str:
        """A token of a user for one of his devices."""
        body = {"userId": user, "clientId": f"{user}-{device}", "platform": platform}
        return str((await self.ask("/admin/user/get_token", body))["token"])

    async def join(
        self,
        user: str,
        device: str = "phone",
        platform: int = 1,
        *,
        token: str | None = None,
        as_browser: bool = False,
    ) -> SocketClient:
        """An open socket of a user's device.

        Args:
            user: his id.
            device: names his client id.
            platform: Wildfire's number.
            token: the token to show; one is fetched when none is given.
            as_browser: show it as a subprotocol, as browsers must, not as a header.

        Raises:
            websockets.exceptions.InvalidStatus: the handshake was refused.
        """
        shown = token or await self.token(user, device, platform)
        client = f"{user}-{device}"
        if as_browser:
            connection = await connect(
                f"{self.deployment.socket_url}?clientId={client}&platform={platform}",
                subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(shown)],
                compression=None,
                ping_interval=None,
                proxy=None,
            )
            socket = SocketClient(connection)
        else:
            socket = await SocketClient.connect(self.deployment.socket_url, shown, client, platform)
        self._opened.push_async_callback(socket.close)
        return socket
