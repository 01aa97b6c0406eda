import asyncio
from typing import Any

import pytest

from local.calls import Call
from local.faults import Faults
from local.functions import FunctionFailed
from local.topology import Topology
from tests.local.raw import Dial
from tests.local.test_functions import do

TABLE = "Storage-Things"
ITEM = {"k": {"S": "item"}}


def put(key: str = "item") -> dict[str, Any]:
    arguments = {"TableName": TABLE, "Item": {"k": {"S": key}}}
    return {"do": "call", "service": "dynamodb", "operation": "put_item", "arguments": arguments}


def stored(topology: Topology, key: str = "item") -> bool:
    return topology.cloud.item(TABLE, {"k": {"S": key}}) is not None


@pytest.mark.parametrize(
    ("action", "seen", "effect"),
    [
        ("throttle", "ProvisionedThroughputExceededException", False),
        ("fail_before", "InternalServerError", False),
        ("fail_after", "InternalServerError", True),
        ("timeout_before", "ReadTimeoutError", False),
        ("timeout_after", "ReadTimeoutError", True),
    ],
)
async def test_a_call_fails_with_or_without_effect(sample: Topology, action: Any, seen: str, effect: bool) -> None:
    sample.faults.on(function="Socket", service="dynamodb", operation="PutItem", action=action)

    answers = [await do(sample, **put()), await do(sample, do="echo") and stored(sample), await do(sample, **put("b"))]

    assert answers == [seen, effect, "done"]
    [fired] = sample.faults.fired
    assert (fired.action, fired.function, fired.operation, fired.resource) == (action, "Socket", "PutItem", TABLE)


@pytest.mark.parametrize(("action", "effect"), [("kill_before", False), ("kill_after", True)])
async def test_a_killed_function_dies_with_its_environment(sample: Topology, action: Any, effect: bool) -> None:
    await do(sample, do="state")
    [environment] = sample.host.environments("Socket")
    sample.faults.on(function="Socket", action=action)

    with pytest.raises(FunctionFailed) as failed:
        await do(sample, **put())
    await asyncio.to_thread(environment.thread.join, 5)

    assert failed.value.kind == "killed"
    assert not environment.thread.is_alive()
    assert stored(sample) is effect
    assert (await do(sample, do="state"))["invocations"] == 1


@pytest.mark.parametrize(("nth", "left"), [(1, []), (2, ["first"]), (3, ["first", "second"])])
async def test_the_nth_call_is_the_one_that_is_struck(sample: Topology, nth: int, left: list[str]) -> None:
    sample.faults.on(function="Socket", service="dynamodb", action="throttle", nth=nth)

    answers = [await do(sample, **put(key)) for key in ("first", "second", "third")]

    assert [key for key in ("first", "second") if stored(sample, key)] >= left
    assert [number for number, answer in enumerate(answers, 1) if answer != "done"] == [nth]


async def test_a_function_is_killed_between_two_calls_of_one_invocation(sample: Topology) -> None:
    sample.faults.on(function="Socket", action="kill_before", nth=2)

    with pytest.raises(FunctionFailed):
        await do(sample, do="steps", items=["one", "two"])

    assert stored(sample, "one")
    assert not stored(sample, "two")


async def test_code_that_catches_everything_cannot_outlive_its_death(sample: Topology) -> None:
    sample.faults.on(function="Socket", action="kill_before")

    with pytest.raises(FunctionFailed, match="killed"):
        await do(sample, do="stubborn", items=["one", "two"])
    await sample.settle()

    assert not stored(sample, "one")
    assert not stored(sample, "two")


async def test_a_rule_strikes_as_often_as_it_says_and_only_where_it_fits(sample: Topology) -> None:
    sample.faults.on(function="Worker", action="throttle")
    sample.faults.on(service="sqs", action="throttle")
    sample.faults.on(operation="GetItem", action="throttle")
    sample.faults.on(resource="Rows", action="throttle")
    rule = sample.faults.on(resource="Things", action="throttle", times=2)

    answers = [await do(sample, **put()) for _ in range(3)]

    assert answers == ["ProvisionedThroughputExceededException"] * 2 + ["done"]
    assert rule.seen == 3
    assert len(sample.faults.fired) == 2


async def test_the_runners_own_calls_are_never_struck(sample: Topology) -> None:
    sample.faults.on(action="throttle", times=100)

    sample.cloud.client("dynamodb").put_item(TableName=TABLE, Item=ITEM)

    assert stored(sample)
    assert sample.faults.fired == []


@pytest.mark.parametrize(
    ("action", "seen", "delivered"),
    [
        ("throttle", {"status": 429, "code": "LimitExceededException"}, False),
        ("fail_before", {"status": 500, "code": "InternalServerError"}, False),
        ("fail_after", {"status": 500, "code": "InternalServerError"}, True),
    ],
)
async def test_a_post_to_a_socket_fails_with_or_without_effect(
    sample: Topology, dial: Dial, action: Any, seen: dict[str, Any], delivered: bool
) -> None:
    raw = await dial()
    other = await dial()
    connection = list(sample.gateway.sessions)[1]
    sample.faults.on(service="apigatewaymanagementapi", operation="PostToConnection", action=action)

    assert await raw.ask(do="status", call="post_to_connection", to=connection) == seen
    await sample.settle()

    assert await other.nothing() is not delivered


@pytest.mark.parametrize(("action", "delivered"), [("kill_before", False), ("kill_after", True)])
async def test_a_function_is_killed_at_a_post(sample: Topology, dial: Dial, action: Any, delivered: bool) -> None:
    raw = await dial()
    other = await dial()
    connection = list(sample.gateway.sessions)[1]
    sample.faults.on(service="apigatewaymanagementapi", action=action)

    raw.send({"route": "do", "do": "post", "to": [connection], "text": '"hello"'})
    await sample.settle()

    assert await other.nothing() is not delivered
    assert await raw.nothing()
    [fired] = sample.faults.fired
    assert (fired.function, fired.action) == ("Socket", action)


async def test_a_killed_function_answers_nothing_on_a_socket(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    sample.faults.on(function="Socket", action="kill_after")

    raw.send({"route": "do", **put()})
    await sample.settle()

    assert stored(sample)
    assert await raw.nothing()


async def test_a_killed_authorizer_or_connect_refuses_the_handshake(sample: Topology, dial: Dial) -> None:
    sample.faults.on(function="Socket", service="apigatewaymanagementapi", action="kill_before")

    raw = await dial("token=t&connect=post")

    assert raw.status == 502


async def test_chaos_is_the_same_for_the_same_seed(sample: Topology) -> None:
    sample.faults.chaos(0.5, ["throttle", "fail_after"])

    for number in range(20):
        await do(sample, **put(str(number)))

    fired = [fault.action for fault in sample.faults.fired]
    assert 2 < len(fired) < 18
    assert set(fired) == {"throttle", "fail_after"}
    again = Faults(sample.options.seed)
    again.chaos(0.5, ["throttle", "fail_after"])
    for _ in range(20):
        again.before(Call("dynamodb", "PutItem", {}, sample.host.environments("Socket")[0]))
    assert [fault.action for fault in again.fired] == fired


async def test_cleared_faults_strike_no_more(sample: Topology) -> None:
    sample.faults.on(action="throttle", times=100)
    sample.faults.chaos(1, ["fail_before"])
    sample.faults.lose_disconnects()
    sample.faults.clear()

    assert await do(sample, **put()) == "done"
    assert not sample.faults.loses_disconnect()


def test_an_unknown_action_is_refused(sample: Topology) -> None:
    with pytest.raises(ValueError, match="explode"):
        sample.faults.on(action="explode")  # type: ignore[arg-type]
