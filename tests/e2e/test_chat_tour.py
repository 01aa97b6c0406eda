"""The tour of the README, typed into the terminal chat's sessions over the whole topology; and what else a client keeps."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from local.topology import Topology
from wildfire_client import (
    ChatClient,
    Conversation,
    Event,
    FileContent,
    Message,
    MessageReceived,
    MessageStatus,
    Platform,
    Scope,
    Timing,
)
from wildfire_client.chat.session import CommandError, Session

pytestmark = pytest.mark.xdist_group("topology")

GUARD_S = 30
QUICK = Timing(request=5, backoff_base=0.01, backoff_cap=0.1, gap_grace=0.05, read_report=0.01)
ROOM = "chatroom1"


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


class Seat:
    """A user at a terminal."""

    def __init__(self, topology: Topology, user: str, device: str = "pc") -> None:
        self.topology = topology
        self.user = user
        self.device = f"{user}-{device}"
        self.client = ChatClient(topology.socket_url, client_id=self.device, platform=Platform.LINUX, timing=QUICK)
        self.session = Session(self.client, self._changed)
        self._news = asyncio.Event()

    def _changed(self, event: Event) -> None:
        self._news.set()

    async def __aenter__(self) -> "Seat":
        self._following = asyncio.create_task(self.session.follow())
        await self.client.connect(self.user, await self.topology.token(self.user, self.device, Platform.LINUX))
        await asyncio.wait_for(self.client.ready(), GUARD_S)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.close()
        await self._following

    async def types(self, line: str) -> list[str]:
        return await self.session.enter(line)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that an event brings."""
        async with asyncio.timeout(GUARD_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def shown(self) -> list[str]:
        """The open conversation, with names and marks."""
        return [self._line(message) for message in self.session.messages()]

    def _line(self, message: Message) -> str:
        text = self.session.digest(message) + self.session.reactions(message)
        return text if self.session.is_notice(message) else f"{self.session.writer(message)}: {text}"


async def register(topology: Topology) -> None:
    for user in ("ada", "bea", "cyd"):
        profile = {"userId": user, "name": user, "displayName": user.title()}
        assert (await topology.admin("/admin/user/create", profile))["code"] == 0


def play(topology: Topology, work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await register(topology)
        await work()

    topology.run(whole())


def test_two_become_friends_make_a_group_and_one_is_muted(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "ada") as ada, Seat(topology, "bea") as bea, Seat(topology, "cyd") as cyd:
            assert await ada.types("/add bea We met at lunch") == ["asked bea"]
            await bea.until(lambda: bea.client.friends.unread_requests == 1)
            assert await bea.types("/friends") == ["  ada asks to be your friend: We met at lunch   (/accept ada)"]
            await bea.types("/accept ada")
            await ada.until(lambda: ada.client.friends.is_friend("bea"))
            await bea.until(lambda: bea.client.friends.is_friend("ada"))
            await ada.until(lambda: ada.session.name("bea") == "Bea")
            await ada.types("/open bea")
            await ada.until(lambda: len(ada.shown()) == 3)
            assert ada.shown()[0] == "you: We met at lunch"

            await ada.types("/new Lunch club: bea cyd")
            await ada.types("Soup or noodles?")
            group = ada.session.state.conversation
            assert group is not None
            for other in (bea, cyd):
                await other.until(lambda other=other: len(other.client.messages(group)) == 2)
                await other.types(f"/group {group.target}")
                await other.until(lambda other=other: other.session.title(group) == "#Lunch club")
            await ada.types("/mute cyd")
            await cyd.until(lambda: cyd.shown()[-1] == "Ada muted you")
            refused = await cyd.client.settled(await cyd.session.say("And cake?"))
            assert refused.status is MessageStatus.FAILED
            assert await ada.types("/members") == ["  Ada (owner)", "  Bea", "  Cyd (muted)"]

            await ada.types("/unmute cyd")
            await cyd.until(lambda: "Ada unmuted you" in cyd.shown())
            await cyd.types("With cake")
            await ada.until(lambda: ada.shown()[-1] == "Cyd: With cake")
            await ada.types("/react 🍜")
            await ada.types("Noodls then")
            await ada.types("/edit Noodles then")
            await bea.until(lambda: bea.shown()[-1] == "Ada: Noodles then  (edited)")
            assert bea.shown()[-2] == "Cyd: With cake  🍜"
            await ada.types("/rename Soup club")
            await bea.until(lambda: bea.session.title(group) == "#Soup club")
            with pytest.raises(CommandError, match="may not"):
                await cyd.types("/kick bea")
            await cyd.types("/leave")
            await ada.until(lambda: ada.client.groups.mine()[0].member_count == 2)

    play(topology, work)


def test_a_new_device_has_friends_groups_and_settings_at_once(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "ada", "pad") as ada:
            bea = Conversation.single("bea")
            await ada.client.set_top(bea, 3)
            await ada.client.settings.put(Scope.GLOBAL_SILENT, "1")
        async with Seat(topology, "ada", "new") as ada:
            client = ada.client
            await ada.until(lambda: client.friends.is_friend("bea") and client.groups.mine())
            assert client.groups.mine()[0].name == "Soup club"
            await ada.until(lambda: client.settings.get(Scope.GLOBAL_SILENT) == "1")
            assert client.conversations()[0].conversation == bea
            found, _ = await client.users.search("Bea")
            assert [user.id for user in found] == ["bea"]

    play(topology, work)


def test_friends_see_each_other_come_and_read(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "ada", "one") as ada:
            bea_chat, ada_chat = Conversation.single("bea"), Conversation.single("ada")
            async with Seat(topology, "bea", "one") as bea:
                [seen] = await ada.client.presence.watch(["bea"])
                assert seen.online
                await bea.client.presence.set_state(2, "at lunch")
                await topology.settle()
                await ada.until(lambda: getattr(ada.client.presence.get("bea"), "text", "") == "at lunch")
                sent = await ada.client.settled(await ada.client.send(bea_chat, "are you back?"))
                assert sent.seq is not None
                await bea.until(lambda: [m.seq for m in bea.client.messages(ada_chat)][-1:] == [sent.seq])
                bea.client.mark_read(ada_chat)
                await ada.until(lambda: ada.client.receipts.readers(bea_chat, sent.seq or 0) == ["bea"])
                [receipt] = await ada.client.receipts.fetch(bea_chat)
                assert receipt.read >= sent.seq

    play(topology, work)


def test_a_room_is_entered_heard_and_left(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "ada", "room") as ada, Seat(topology, "bea", "room") as bea:
            heard: list[Message] = []
            bea.client.on(MessageReceived, lambda event: heard.append(event.message))
            room = await ada.client.chatrooms.join(ROOM)
            assert await bea.client.chatrooms.join(ROOM) == room
            assert sorted(await ada.client.chatrooms.members(ROOM)) == ["ada", "bea"]
            for number in range(3):
                await ada.client.settled(await ada.client.send(room, f"hello {number}"))
            await topology.settle()
            await bea.until(lambda: len([m for m in heard if m.conversation == room]) == 3)
            await bea.client.chatrooms.quit()
            assert await ada.client.chatrooms.members(ROOM) == ["ada"]

    play(topology, work)


def test_what_a_new_device_does_not_hold_is_found_at_the_server(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "finn") as finn, Seat(topology, "gwen") as gwen:
            with_gwen, with_hugo = Conversation.single("gwen"), Conversation.single("hugo")
            menu = FileContent(name="menu.pdf", size=38394, url="https://media.example.com/menu.pdf")
            for message in (
                await finn.client.send(with_hugo, "Dinner with Hugo"),
                await finn.client.send(with_gwen, "Dinner at eight?"),
                await finn.client.send(with_gwen, menu),
            ):
                await asyncio.wait_for(finn.client.settled(message), GUARD_S)

            async with Seat(topology, "finn", "web") as web:
                everywhere = await web.client.archive.search("dinner")
                with_one = await web.client.archive.search("dinner", with_gwen)
                files = await gwen.client.archive.files("menu")
                own = await gwen.client.archive.files(own=True)

            assert sorted(web.session.text(each) for each in everywhere.found) == [
                "Dinner at eight?",
                "Dinner with Hugo",
            ]
            assert [(each.conversation, each.seq, each.mine) for each in with_one.found] == [(with_gwen, 1, True)]
            assert (everywhere.next, everywhere.searched, everywhere.of) == (None, 2, 2)
            assert [(each.name, each.size, each.sender) for each in files.found] == [("menu.pdf", 38394, "finn")]
            assert own.found == []

    topology.run(work())


def test_a_channel_and_the_dialog_with_it_are_shown_as_one(topology: Topology) -> None:
    async def work() -> None:
        async with Seat(topology, "iris") as iris, Seat(topology, "jack") as jack:
            channel = await iris.client.channels.create("Weather", channel_id="weather")
            assert [each.name for each in await jack.client.channels.search("weath")] == ["Weather"]
            await jack.types("/listen weather")
            assert await jack.types("/channels") == ["  Weather (weather)"]

            await iris.types("/channel weather")
            await iris.types("Rain tomorrow")
            await jack.until(lambda: jack.shown() == ["iris: Rain tomorrow"])
            await jack.types("In the morning too?")
            dialog = iris.client.channels.dialog(channel, "jack")
            await iris.until(lambda: iris.client.messages(dialog))
            assert iris.session.title(dialog) == "Weather: jack"
            await iris.session.open(dialog)
            await iris.types("From noon on")

            await jack.until(lambda: len(jack.shown()) == 3)
            assert jack.shown() == ["iris: Rain tomorrow", "you: In the morning too?", "iris: From noon on"]
            assert [jack.session.title(info.conversation) for info in jack.session.conversations()] == ["Weather"]

            await jack.types("/unlisten weather")
            await iris.types("/channel weather")
            await iris.client.settled(await iris.session.say("Sun"))
            await topology.settle()
            assert await jack.client.channels.listened() == []
            assert len(jack.shown()) == 3

    topology.run(work())
