"""The second oracle: the app, deployed by the real CDK command line, end to end in an emulated AWS.

MiniStack shares no code with this machine's topology. It reads the same templates, runs each function in a process of its
own with exactly the environment, code and layers of its stack, and has its own DynamoDB, SQS, S3, Lambda and API Gateway.
What it does not do like AWS is marked below, strictly: the mark fails once MiniStack does.
"""

from collections.abc import Mapping

import pytest

from tests.e2e import scenarios
from tests.e2e.deployment import Cast
from tests.e2e.scenarios import SCENARIOS, SWITCHES, Scenario, pull, say, with_user, words_of
from tests.emulator.cdk import Account
from tests.emulator.deployment import EmulatedDeployment

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator"), pytest.mark.timeout(200)]

HEARTBEAT_S = 100
CHANGED = {**SWITCHES, "im.heartbeat_seconds": HEARTBEAT_S}

GAPS: Mapping[Scenario, pytest.MarkDecorator] = {
    scenarios.the_subprotocol_is_selected: pytest.mark.xfail(
        raises=AssertionError,
        strict=True,
        reason="MiniStack accepts every handshake without the headers that the $connect function answered",
    ),
    scenarios.a_strange_token_is_unauthorized: pytest.mark.xfail(
        raises=AssertionError,
        strict=True,
        reason="MiniStack answers 500, not 401, when the authorizer raises Unauthorized",
    ),
}


@pytest.fixture
def deployed(account: Account) -> EmulatedDeployment:
    return account.deploy(SWITCHES)


@pytest.mark.parametrize(
    "scenario", [pytest.param(each, marks=GAPS.get(each, ()), id=each.__name__) for each in SCENARIOS]
)
async def test_scenario(deployed: EmulatedDeployment, scenario: Scenario) -> None:
    await scenarios.play(scenario, deployed)


async def test_a_redeployment_changes_a_switch_and_keeps_sockets_messages_tokens_and_addresses(
    account: Account, deployed: EmulatedDeployment
) -> None:
    async with Cast(deployed) as cast:
        alice, bob = cast.name("alice"), cast.name("bob")
        token = await cast.token(bob)
        sender, receiver = await cast.join(alice), await cast.join(bob, token=token)
        before = (await sender.call("session", "hello"))["server"]
        await say(sender, with_user(bob), "before", base=0)
        await receiver.expect_push("message")

        redeployed = account.deploy(CHANGED)

        assert redeployed.socket_url == deployed.socket_url
        assert before["heartbeat"] != HEARTBEAT_S
        assert (await sender.call("session", "hello"))["server"] == {**before, "heartbeat": HEARTBEAT_S}
        await say(sender, with_user(bob), "after", base=1)
        assert words_of(await receiver.expect_push("message")) == "after"
        newcomer = await cast.join(bob, token=token)
        assert [words_of(each) for each in await pull(newcomer, with_user(alice))] == ["before", "after"]
        assert (await redeployed.admin("/admin/user/onlinestatus", {"userId": bob}))["code"] == 0


def test_destroying_the_stacks_leaves_nothing_of_them(account: Account) -> None:
    account.deploy(CHANGED)
    assert any("wildfire-dev" in name for name in account.resources())

    account.destroy()

    assert not [name for name in account.resources() if "wildfire-dev" in name]
