"""The examples of docs/protocol.md, and the system that they tell of: tests compare them with it, the bench prices them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.client import SocketClient
from local.topology import Topology

PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"
CLIENTS = {
    "alice": ("alice", "alices-phone", 1),
    "alice/browser": ("alice", "alices-browser", 5),
    "bob": ("bob", "bobs-phone", 2),
    "bob/tablet": ("bob", "bobs-tablet", 8),
    "carol": ("carol", "carols-phone", 1),
    "dave": ("dave", "daves-phone", 1),
}
"""User, client id and platform of everybody who appears on the page."""

_EXAMPLE = re.compile(r"^```json ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A JSON block with marks such as ``request=send-1 as=alice`` behind its opening fence."""

    marks: dict[str, str]
    frame: dict[str, Any]
    text: str

    @property
    def kind(self) -> str:
        """What it is: ``request``, ``answer`` or ``push``."""
        return next(iter(self.marks))

    @property
    def name(self) -> str:
        """What ties a request, its answer and its pushes together."""
        return self.marks[self.kind]


def examples() -> list[Example]:
    """The marked examples in the order of the page."""
    return [
        Example(dict(mark.split("=", 1) for mark in match[1].split()), json.loads(match[2]), match[2])
        for match in _EXAMPLE.finditer(PROTOCOL.read_text(encoding="utf-8"))
    ]


async def people(topology: Topology) -> dict[str, SocketClient]:
    """Alice and bob, a group of both, and everybody's devices, connected.

    Raises:
        RuntimeError: the server API refused something.
    """
    members = [{"member_id": "alice"}, {"member_id": "bob", "alias": "Bobby"}]
    info = {"target_id": "team", "name": "Team", "owner": "alice"}
    requests = [
        *(
            ("/admin/user/create", {"userId": user, "name": user, "displayName": user.title()})
            for user in ("alice", "bob")
        ),
        ("/admin/group/create", {"operator": "alice", "group": {"group_info": info, "members": members}}),
    ]
    for path, body in requests:
        if (answer := await topology.admin(path, body))["code"]:
            raise RuntimeError(f"{path}: {answer}")
    return {name: await topology.socket(*client) for name, client in CLIENTS.items()}
