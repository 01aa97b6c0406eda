"""Channels: known, followed, spoken in; and their contents."""

import pytest

from clients.python.tests.conftest import Harness, Recorder, until
from wildfire_client import (
    Article,
    ArticlesContent,
    ChannelMenuChosen,
    ChannelsChanged,
    Conversation,
    Menu,
)
from wildfire_client.contents import decode
from wildfire_client.payload import Payload

MENU = Menu(
    id="1", type="view", name="More", key="more", entries=(Menu(id="2", type="click", name="Today", key="today"),)
)


async def test_a_channel_is_fetched_once_when_it_is_first_looked_at(harness: Harness) -> None:
    harness.server.lists.set_channel("news", "News", "bob", "alice")
    client = await harness.connected()
    recorder = Recorder(client, ChannelsChanged)
    assert client.channels.get("news") is None
    await until(lambda: recorder.events)
    channel = client.channels.get("news")
    assert channel is not None
    assert (channel.name, channel.owner) == ("News", "bob")
    assert harness.server.count("info") == 1


async def test_my_channels_are_fetched_page_by_page_and_then_follow_the_pushes(harness: Harness) -> None:
    lists = harness.server.lists
    for name in ("a", "b", "c"):
        lists.set_channel(name, name.upper(), "bob", "alice")
    lists.set_channel("mine", "Mine", "alice")
    client = await harness.connected()
    assert await client.channels.listened() == ["a", "b", "c"]
    assert await client.channels.mine() == ["mine"]

    lists.set_channel("b", "B", "bob")
    recorder = Recorder(client, ChannelsChanged)
    await harness.server.push("alice", "channel", {"channelId": "b"})
    await until(lambda: ChannelsChanged(("b",)) in recorder.events)
    assert await client.channels.listened() == ["a", "c"]


async def test_what_happened_to_my_channels_while_away_is_known_after_the_next_connection(harness: Harness) -> None:
    lists = harness.server.lists
    lists.set_channel("a", "A", "bob", "alice")
    client = await harness.connected()
    assert await client.channels.listened() == ["a"]
    recorder = Recorder(client, ChannelsChanged)
    await client.disconnect()
    lists.set_channel("b", "B", "bob", "alice")

    await client.connect("alice", harness.server.token("alice"))

    await until(lambda: recorder.events)
    assert await client.channels.listened() == ["a", "b"]


async def test_subscribing_shows_in_the_list_at_once(harness: Harness) -> None:
    harness.server.lists.set_channel("a", "A", "bob")
    client = await harness.connected()
    assert await client.channels.listened() == []
    await client.channels.listen("a")
    assert await client.channels.listened() == ["a"]
    await client.channels.listen("a", on=False)
    assert await client.channels.listened() == []


async def test_who_owns_a_channel_speaks_and_may_give_it_a_menu(harness: Harness) -> None:
    client = await harness.connected()
    channel = await client.channels.create("News", channel_id="news")
    assert client.channels.speaks(channel)
    await client.channels.set_menus(channel, [MENU])
    known = client.channels.get(channel)
    assert known is not None
    assert known.menus == (MENU,)


async def test_a_dialog_is_named_by_the_channel_and_the_user(harness: Harness) -> None:
    client = await harness.connected()
    assert client.channels.dialog("news") == Conversation.channel("news|alice")
    assert client.channels.sides(client.channels.dialog("news", "bob")) == ("news", "bob")
    assert client.channels.sides(Conversation.channel("news")) == ("news", "")


@pytest.mark.parametrize(
    "content",
    [
        ArticlesContent(Article("1", "Rain", "https://a.example/1", cover="https://a.example/1.png", summary="Wet")),
        ArticlesContent(Article("1", "Rain", "u"), (Article("2", "Sun", "v", reports_reads=True),)),
        ChannelMenuChosen(MENU),
    ],
)
def test_a_content_comes_back_from_its_payload(content: ArticlesContent | ChannelMenuChosen) -> None:
    assert decode(content.encode()) == content


def test_articles_have_the_members_of_the_other_clients() -> None:
    payload = ArticlesContent(Article("1", "Rain", "u")).encode()
    assert payload.searchable_content == "Rain"
    wire = b'{"top":{"id":"1","cover":"","title":"Rain","digest":"","url":"u","rr":false}}'
    assert payload.binary == wire


def test_articles_that_cannot_be_read_show_their_title() -> None:
    broken = Payload(type=13, searchable_content="Rain", binary=b"?")
    assert decode(broken) == ArticlesContent(Article("", "Rain", ""))
