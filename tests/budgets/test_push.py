"""What a notification may cost, from the publication to the vendor: dearer is a failure, cheaper moves the number here."""

import json
from collections.abc import Iterator

import pytest

from local.meter import Measurement, item_size
from local.template import ACCOUNT, REGION
from local.topology import Options, Topology
from tests.e2e.receiver import Receiver

pytestmark = pytest.mark.xdist_group("push-budget")

APNS = f"arn:aws:sns:{REGION}:{ACCOUNT}:app/APNS/budget"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    server = Receiver()
    options = Options(
        switches={"push.android.server.address": server.url, "server.multi_endpoint": True},
        variables={"IM_PUSH_APPLICATIONS": json.dumps({"*": {"APNS": APNS}})},
    )
    with Topology.from_cdk(options) as running:
        running.cloud.client("sns").create_platform_application(
            Name="budget", Platform="APNS", Attributes={"PlatformCredential": "x"}
        )
        yield running
    server.stop()


async def asleep(topology: Topology, user: str, platform: int) -> None:
    """A phone with a token that sleeps."""
    phone = await topology.socket(user, f"{user}-phone", platform)
    token = f"{user}-".ljust(64, "t")
    await phone.call("push", "register", {"token": token, "packageName": "com.example.chat", "language": "en"})
    await phone.close()
    await topology.settle()


async def say(topology: Topology, target: dict[str, object], base: int, sender: str = "ann") -> Measurement:
    """What a message costs, with all that follows."""
    socket = await topology.socket(sender, f"{sender}-{base}")
    body = {"conversation": target, "cid": f"c{base}", "base": base}
    content = {"type": 1, "searchableContent": "x" * 200, "persistFlag": 3}
    await topology.settle()
    with topology.meter.measure() as measured:
        await socket.call("message", "send", {**body, "content": content})
        await topology.settle()
    await socket.close()
    return measured


@pytest.mark.parametrize(("platform", "publications", "dollars"), [(1, 2, 3.25), (2, 1, 2.75)])
def test_a_notification_stays_within_its_budget(
    topology: Topology, platform: int, publications: int, dollars: float
) -> None:
    user = f"bob{platform}"

    async def work() -> tuple[Measurement, Measurement]:
        await asleep(topology, user, platform)
        target: dict[str, object] = {"type": 0, "target": user}
        await say(topology, target, 0)  # makes the endpoint
        with_push = await say(topology, target, 1)
        phone = await topology.socket(user, f"{user}-phone", platform)
        await phone.call("push", "forget")
        await phone.close()
        return with_push, await say(topology, target, 2)

    with topology.clock.held():
        notified, plain = topology.run(work())

    assert len(notified.calls(service="sns")) == publications
    assert len(plain.calls(service="sns")) == 0
    worker = notified.calls(function="PushOnQueue")
    assert [call.operation for call in worker if call.service == "dynamodb"] == [
        *["BatchGetItem"] * 4,
        "PutItem",
    ]
    assert notified.units("dynamodb.write") - plain.units("dynamodb.write") <= 1
    assert notified.units("dynamodb.read") - plain.units("dynamodb.read") <= 4.5
    assert (notified.counted_usd - plain.counted_usd) * 1e6 <= dollars, notified.table(1_000_000)


def test_all_sleepers_of_a_group_are_one_publication(topology: Topology) -> None:
    async def work() -> tuple[Measurement, Measurement]:
        users = [f"sleeper{number}" for number in range(20)]
        for user in users:
            await asleep(topology, user, 2)
        members = [{"member_id": user} for user in users]
        info = {"target_id": "crowd", "name": "crowd", "owner": "ann"}
        await topology.admin(
            "/admin/group/create", {"operator": "ann", "group": {"group_info": info, "members": members}}
        )
        await topology.settle()
        return await say(topology, {"type": 1, "target": "crowd"}, 1), await say(
            topology, {"type": 1, "target": "crowd"}, 2
        )

    with topology.clock.held():
        _, measured = topology.run(work())

    assert len(measured.calls(service="sns")) == 1
    worker = [call for call in measured.calls(function="PushOnQueue") if call.service == "dynamodb"]
    assert [call.operation for call in worker].count("BatchGetItem") == 4
    assert measured.counted_usd * 1e6 / 20 <= 1.6, measured.table(1_000_000)


def test_where_devices_are_is_read_and_written_for_one_unit_with_their_tokens(topology: Topology) -> None:
    async def work() -> int:
        await asleep(topology, "dora", 1)
        item = topology.cloud.item(topology.template.tables["Presence"].name, {"u": {"S": "dora"}})
        assert item is not None
        return item_size(item)

    assert 4 * topology.run(work()) <= 1_024, "four such devices fit into one write unit, sixteen into one read unit"
