"""Fresh topologies, options, and what a topology refuses."""

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from local.template import Template, TemplateError, read_templates
from local.topology import Options, PortTaken, Topology
from tests.local.conftest import SAMPLE
from tests.local.sample_app.templates import stacks


async def test_a_fresh_topology_is_empty(topology: Topology) -> None:
    alice = await topology.socket("alice")

    assert (await alice.call("session", "hello"))["conversations"] == []
    await alice.close()


def test_topologies_with_options_follow_each_other(make_topology: Callable[..., Topology]) -> None:
    first = make_topology(seed=1)
    assert first.run(first.admin("/admin/user/get_info", {"userId": "nobody"}))["code"] != 0
    first.stop()

    second = make_topology(seed=2, concurrency=1)

    assert second.options.concurrency == 1


async def test_the_server_api_refuses_another_secret(topology: Topology) -> None:
    topology.secrets["AdminSecret"] = "wrong"

    with pytest.raises(RuntimeError, match="no token for alice"):
        await topology.token("alice", "c")


# What topologies refuse


@pytest.fixture
def sample_template() -> Template:
    return read_templates(stacks())


def test_a_port_in_use_is_named(sample_template: Template) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        topology = Topology(sample_template, Options(roots=(SAMPLE,), ports={"media": port}))

        with pytest.raises(PortTaken, match=f"port {port} \\(media\\) is in use"):
            topology.start()


def test_an_event_source_that_is_no_queue_is_refused(sample_template: Template) -> None:
    [source, *_] = sample_template.event_sources
    stream = replace(source, source_arn="arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/1")

    with pytest.raises(TemplateError, match="Source reads arn:aws:dynamodb"):
        Topology(replace(sample_template, event_sources=[stream]), Options(roots=(SAMPLE,))).start()
