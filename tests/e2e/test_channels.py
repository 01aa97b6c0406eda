"""Channels over real sockets and real HTTP: made, listened to, spoken to and left; and a service that hears its users."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from demo.channel.newsroom import ABOUT_US, MENU, WELCOME
from demo.channel.serve import serving
from local.client import SocketClient
from local.topology import SERVER_API, Topology

pytestmark = pytest.mark.xdist_group("topology")

SECRET = "channelsecret"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": 1, "searchableContent": words, "persistFlag": 3, **fields}


def of(target: str) -> dict[str, Any]:
    return {"type": 3, "target": target, "line": 0}


async def say(socket: SocketClient, target: str, words: str, base: int, **fields: Any) -> int:
    body = {"conversation": of(target), "content": text(words, **fields), "cid": f"{target}:{words}", "base": base}
    answer = await socket.call("message", "send", body)
    return int(answer.get("seq", 0))


def heard(socket: SocketClient) -> list[tuple[str, str]]:
    """Which conversations told a socket what."""
    told = [push["body"] for push in socket.pushes if push["push"] == "message"]
    return [(each["conversation"]["target"], each["content"].get("searchableContent", "")) for each in told]


async def pulled(socket: SocketClient, target: str, after: int = 0) -> list[str]:
    answer = await socket.call("message", "pull", {"ranges": [{"conversation": of(target), "after": after}]})
    return [message["content"]["searchableContent"] for message in answer["ranges"][0]["messages"]]


async def test_a_channel_lives(topology: Topology) -> None:
    olga, ann = await topology.socket("olga"), await topology.socket("ann")
    await olga.call("channel", "create", {"channelId": "daily", "name": "The Daily"})
    [found] = (await ann.call("channel", "search", {"keyword": "daily"}))["channels"]
    for socket in (ann, await topology.socket("bob")):
        await socket.call("channel", "listen", {"channelId": found["channelId"], "on": True})
    await socket.close()
    await say(olga, "daily", "first edition", 0)
    await say(ann, "daily|ann", "a question", 0)
    await say(olga, "daily|ann", "an answer", 1)
    await topology.settle()

    assert heard(olga) == [("daily|ann", "a question")]
    assert sorted(heard(ann)) == [("daily", "first edition"), ("daily|ann", "an answer")]
    assert await pulled(ann, "daily|ann") == ["a question", "an answer"]

    bob = await topology.socket("bob")
    [state] = (await bob.call("session", "hello"))["conversations"]
    assert (state["conversation"], state["head"], state["first"]) == (of("daily"), 1, 1)
    assert await pulled(bob, "daily") == ["first edition"]

    await ann.call("channel", "listen", {"channelId": "daily", "on": False})
    ann.pushes.clear()
    await say(olga, "daily", "second edition", 1)
    await topology.settle()
    assert heard(ann) == []
    assert await pulled(ann, "daily") == ["first edition"]
    assert heard(bob) == [("daily", "second edition")]
    assert (await ann.request("message", "send", {**BODY, "conversation": of("daily|ann")}))["code"] == 21
    for each in (olga, ann, bob):
        await each.close()


BODY = {"content": text("too late"), "cid": "late", "base": 2}


async def test_a_newsroom_hears_and_answers_its_subscribers(topology: Topology) -> None:
    with serving(topology.endpoints[f"url:{SERVER_API}"], "press", SECRET, 0) as (address, newsroom):
        made = {"targetId": "press", "owner": "editor", "name": "Press", "secret": SECRET, "state": 0x0F}
        answer = await topology.admin("/admin/channel/create", {**made, "callback": address, "auto": 1, "menus": MENU})
        assert answer["code"] == 0, answer
        editor, rita = await topology.socket("editor"), await topology.socket("rita")

        await rita.call("channel", "listen", {"channelId": "press", "on": True})
        await topology.settle()
        head = len(await pulled(rita, "press|rita"))
        await say(rita, "press|rita", "hello there", head)
        tap = '{"menuId":"2","type":"click","name":"About","key":"about"}'
        await say(rita, "press|rita", "", head + 1, type=73, content=tap, persistFlag=4)
        await topology.settle()
        await asyncio.to_thread(newsroom.publish, "Extra!")
        await topology.settle()

        assert await pulled(rita, "press|rita") == [
            WELCOME,
            "hello there",
            "Thank you, the newsroom has read it: hello there",
            ABOUT_US,
        ]
        assert heard(rita)[-1] == ("press", "Extra!")
        assert await pulled(rita, "press") == ["Extra!"]
        assert heard(editor) == [], "the service is there in place of the owner"
        for each in (editor, rita):
            await each.close()
