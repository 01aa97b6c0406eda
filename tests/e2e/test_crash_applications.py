"""Auth codes, cut at every AWS call of who asks for one."""

from collections.abc import Iterator

import pytest

from local.topology import Topology
from tests.e2e.crash import (
    CHANNEL_SECRET,
    CONTEXT,
    PROFILE,
    ROBOT_SECRET,
    Operation,
    Read,
    Scene,
    ask,
    cut_some_calls,
    two_chat,
)

pytestmark = pytest.mark.xdist_group("crash-channels")

PAGE = "pages.example.com"
CALLBACK = f"https://{PAGE}/hook"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=CONTEXT) as running:
        yield running


async def pages(scene: Scene) -> None:
    """Ann looks at pages of a robot and of a channel."""
    await two_chat(scene)
    robot = {"userId": scene.robot, "name": scene.robot, "owner": scene.bob, "secret": ROBOT_SECRET}
    await scene.admin("/admin/robot/create", {**robot, "callback": CALLBACK})
    channel = {"targetId": scene.channel, "name": "News", "owner": scene.bob, "secret": CHANNEL_SECRET}
    await scene.admin("/admin/channel/create", {**channel, "callback": CALLBACK})


async def allow(scene: Scene) -> None:
    body = {"applicationId": scene.robot, "host": PAGE}
    scene.kept["robots"] = await ask(scene, "ann", "profile", "authCode", body)


async def the_robot_learns_who_she_is(scene: Scene) -> None:
    found = await scene.admin("/robot/application/get_user_info", scene.kept["robots"])
    assert found == {"userId": scene.ann}


async def allowed(scene: Scene) -> None:
    """And has allowed them and the app server to learn who she is."""
    await pages(scene)
    await allow(scene)
    for kept, kind, name in (("channels", 1, scene.channel), ("back ends", 2, "")):
        body = {"type": kind, "applicationId": name, "host": PAGE}
        scene.kept[kept] = await ask(scene, "ann", "profile", "authCode", body)


OPERATIONS = [Operation("profile.authCode", PROFILE, pages, allow, the_robot_learns_who_she_is)]
READS = [
    Read("/robot/application/get_user_info", allowed, lambda scene: scene.kept["robots"]),
    Read("/channel/application/get_user_info", allowed, lambda scene: scene.kept["channels"]),
    Read("user/app_get_user_info", allowed, lambda scene: scene.kept["back ends"]),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_cut_at_some_calls_is_finished_by_its_repeat(topology: Topology, operation: Operation) -> None:
    cut_some_calls(topology, operation)
