import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.functions import FunctionFailed
from local.template import read_templates
from local.topology import Options, Topology
from tests.local.conftest import SAMPLE
from tests.local.sample_app.templates import stacks


async def do(topology: Topology, **frame: Any) -> Any:
    """Run the socket function with a frame, without a socket, and return its answer."""
    event = {"requestContext": {"routeKey": "do", "connectionId": "none"}, "body": json.dumps(frame)}
    return json.loads((await topology.invoke("Socket", event))["body"])


async def test_a_function_sees_its_own_variables_and_not_the_developers(
    sample: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVELOPERS_OWN", "secret")

    seen = await do(sample, do="environment")

    assert seen["TABLE"] == "Storage-Things"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "Api-Socket"
    assert seen["AWS_REGION"] == "us-east-1"
    assert "DEVELOPERS_OWN" not in seen
    assert "TABLE" not in os.environ
    assert os.environ["DEVELOPERS_OWN"] == "secret"


async def test_addresses_of_aws_in_variables_are_replaced_by_loopback_ones(sample: Topology) -> None:
    seen = await do(sample, do="environment")

    assert seen["SOCKET_ENDPOINT"] == sample.socket_url.replace("ws:", "http:")
    assert seen["MEDIA_URL"] == f"{sample.endpoints['media']}/storage-media"
    assert seen["CDN_URL"] == f"{sample.endpoints['media']}/storage-media/"
    assert seen["AWS_ENDPOINT_URL_S3"] == sample.endpoints["media"]


async def test_what_a_function_changes_in_its_environment_stays_there(sample: Topology) -> None:
    await do(sample, do="set")

    assert (await do(sample, do="environment"))["LEAK"] == "yes"
    assert "LEAK" not in os.environ
    assert "LEAK" not in sample.template.functions["Socket"].environment


async def test_threads_of_a_function_belong_to_it(sample: Topology) -> None:
    with sample.meter.measure() as costs:
        seen = await do(sample, do="threads")

    assert seen == {"table": "Storage-Things"}
    [call] = costs.calls(service="dynamodb")
    assert (call.function, call.operation, call.helper) == ("Socket", "GetItem", True)


async def test_an_environment_is_kept_and_its_modules_keep_their_state(sample: Topology) -> None:
    states = [await do(sample, do="state") for _ in range(3)]

    assert [state["invocations"] for state in states] == [1, 2, 3]
    assert [state["module"] for state in states] == [1, 2, 3]


async def test_environments_at_work_at_the_same_time_share_no_module_state(sample: Topology) -> None:
    await asyncio.gather(do(sample, do="sleep", seconds=0.2), do(sample, do="sleep", seconds=0.2))
    first = await do(sample, do="state")
    await asyncio.gather(do(sample, do="sleep", seconds=0.2), do(sample, do="state"))

    assert first["invocations"] == first["module"] == 2
    assert len(sample.host.environments("Socket")) == 2


async def test_the_process_does_not_see_the_private_copies(sample: Topology) -> None:
    own = [name for name in sys.modules if name.partition(".")[0] in ("im", "functions")]
    before = {name: sys.modules[name] for name in own}

    assert (await do(sample, do="state"))["loaded"] == sorted(own)
    assert {name: sys.modules[name] for name in own} == before


async def test_more_invocations_than_environments_wait(sample: Topology) -> None:
    bound = sample.options.concurrency

    await asyncio.gather(*(do(sample, do="sleep", seconds=0.05) for _ in range(3 * bound)))

    assert len(sample.host.environments("Socket")) == bound


async def test_reserved_concurrency_bounds_the_environments() -> None:
    templates = stacks()
    templates["Api"]["Resources"]["Socket"]["Properties"]["ReservedConcurrentExecutions"] = 1

    async with Topology(read_templates(templates), Options(roots=(SAMPLE,))) as topology:
        await asyncio.gather(*(do(topology, do="sleep", seconds=0.05) for _ in range(3)))

        assert len(topology.host.environments("Socket")) == 1


async def test_functions_live_by_the_runners_clock(sample: Topology) -> None:
    before = (await do(sample, do="state"))["now"]
    sample.clock.advance(hours=1)
    after = (await do(sample, do="state"))["now"]

    assert 0 <= after - before - 3_600_000 < 60_000


async def test_the_context_says_what_lambda_says(sample: Topology) -> None:
    context = await do(sample, do="context")

    assert (context["name"], context["memory"]) == ("Api-Socket", "256")
    assert context["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:Api-Socket"
    assert len(context["request"]) == 36
    assert 5_000 < context["left"] <= 20_000


async def test_an_error_of_a_handler_is_told_to_the_caller_and_logged(sample: Topology) -> None:
    with pytest.raises(FunctionFailed, match="ValueError: as asked") as failed:
        await do(sample, do="raise")

    assert (failed.value.kind, failed.value.error_type) == ("error", "ValueError")
    assert "as asked" in sample.log_text()
    assert (await do(sample, do="state"))["invocations"] == 2


async def test_a_result_that_is_not_json_is_an_error(sample: Topology) -> None:
    with pytest.raises(FunctionFailed, match="TypeError"):
        await do(sample, do="bytes")


@pytest.fixture
def hasty() -> Iterator[Topology]:
    """The socket function may take one second only."""
    template = read_templates(stacks())
    functions = {**template.functions, "Socket": replace(template.functions["Socket"], timeout_s=1)}
    with Topology(replace(template, functions=functions), Options(roots=(SAMPLE,))) as topology:
        yield topology


async def test_a_handler_that_takes_too_long_is_given_up_with_its_environment(hasty: Topology) -> None:
    await do(hasty, do="state")

    started = time.monotonic()
    with pytest.raises(FunctionFailed, match="timed out after 1") as failed:
        await do(hasty, do="sleep", seconds=30)

    assert failed.value.kind == "timeout"
    assert 0.9 < time.monotonic() - started < 8
    assert (await do(hasty, do="state"))["invocations"] == 1
    assert "timed out" in hasty.log_text()


async def test_what_a_timed_out_handler_still_does_has_no_effect(hasty: Topology) -> None:
    item = {"k": {"S": "late"}}
    frame = {"do": "late", "seconds": 1.3, "item": item}
    [environment] = [await started(hasty)]

    with pytest.raises(FunctionFailed, match="timed out"):
        await do(hasty, **frame)
    await asyncio.to_thread(environment.thread.join, 5)

    assert not environment.thread.is_alive()
    assert hasty.cloud.item("Storage-Things", item) is None


async def started(topology: Topology) -> Any:
    await do(topology, do="state")
    [environment] = topology.host.environments("Socket")
    return environment


async def test_a_module_that_cannot_be_imported_is_an_error_of_every_invocation() -> None:
    template = read_templates(stacks())
    functions = {
        **template.functions,
        "Socket": replace(template.functions["Socket"], handler="functions.absent.handler"),
    }

    async with Topology(replace(template, functions=functions), Options(roots=(SAMPLE,))) as topology:
        for _ in range(2):
            with pytest.raises(FunctionFailed, match=r"ModuleNotFoundError.*functions\.absent"):
                await do(topology, do="echo")


async def test_output_of_functions_goes_to_their_log(capfd: pytest.CaptureFixture[str], sample: Topology) -> None:
    await do(sample, do="print")

    assert "out of the function\nerror of the function\n" in sample.log_text()
    assert capfd.readouterr() == ("", "")


def test_everything_is_as_before_when_the_topology_has_stopped() -> None:
    before = (os.environ, sys.stdout, sys.stderr)

    with Topology(read_templates(stacks()), Options(roots=(SAMPLE,))):
        assert os.environ is not before[0]

    assert (os.environ, sys.stdout, sys.stderr) == before


def test_a_second_topology_at_the_same_time_is_refused_and_the_first_goes_on(sample: Topology) -> None:
    things, key = "Storage-Things", {"k": {"S": "kept"}}
    sample.cloud.put_items(things, [key])

    with pytest.raises(RuntimeError, match="another topology is running"):
        Topology(read_templates(stacks()), Options(roots=(SAMPLE,))).start()

    assert sample.cloud.item(things, key) == key
    with pytest.raises(RuntimeError, match="another topology is running"):
        Topology(read_templates(stacks()), Options(roots=(SAMPLE,))).start()


def test_a_changed_source_file_is_seen_by_the_next_topology(tmp_path: Path) -> None:
    package = tmp_path / "functions"
    package.mkdir()
    for number in (1, 22):
        (package / "http.py").write_text(f"def handler(event, context):\n    return {number}\n")
        with Topology(read_templates(stacks()), Options(roots=(tmp_path,))) as topology:
            assert topology.run(topology.invoke("Http", {})) == number
