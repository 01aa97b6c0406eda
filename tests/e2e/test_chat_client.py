"""The Python ChatClient on the whole topology: what its users see, under good and bad conditions."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.topology import Topology
from tests.e2e.context import with_switches
from wildfire_client import (
    ChatClient,
    ConnectionStatus,
    ConnectionStatusChanged,
    Conversation,
    ConversationType,
    ConversationUpdated,
    Event,
    FileContent,
    Message,
    MessageRecalled,
    MessageReceived,
    MessageStatus,
    Platform,
    Timing,
)

pytestmark = pytest.mark.xdist_group("topology")

ROOT = Path(__file__).parents[2]
GUARD_S = 30
QUICK = Timing(request=2, backoff_base=0.01, backoff_cap=0.1, gap_grace=0.05, read_report=0.01)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=with_switches(inline_limit=4, fanout_chunk=3)) as running:
        yield running


class Person:
    """A user on one device, who notes what his application is told."""

    def __init__(self, topology: Topology, user: str, device: str, platform: int, store: str) -> None:
        self.topology = topology
        self.user = user
        self.device = f"{user}-{device}"
        self.platform = platform
        self.client = ChatClient(topology.socket_url, store, client_id=self.device, platform=platform, timing=QUICK)
        self.seen: list[tuple[str, int, str]] = []
        self.recalled: list[int] = []
        self._changed = asyncio.Condition()
        self.client.on(MessageReceived, self._received)
        self.client.on(MessageRecalled, self._recalled)
        self.client.on(ConversationUpdated, self._something)
        self.client.on(ConnectionStatusChanged, self._something)

    async def _received(self, event: MessageReceived) -> None:
        async with self._changed:
            self.seen.append((event.conversation.target, event.message.seq or 0, words(event.message)))
            self._changed.notify_all()

    async def _recalled(self, event: MessageRecalled) -> None:
        async with self._changed:
            self.recalled.append(event.seq)
            self._changed.notify_all()

    async def _something(self, event: Event) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def connect(self) -> "Person":
        token = await self.topology.token(self.user, self.device, self.platform)
        await self.client.connect(self.user, token)
        await asyncio.wait_for(self.client.ready(), GUARD_S)
        return self

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(GUARD_S), self._changed:
            await self._changed.wait_for(condition)

    async def hears(self, *texts: str) -> None:
        """Wait until these texts have come, and nothing else has."""
        await self.until(lambda: len(self.seen) >= len(texts))
        assert [text for _, _, text in self.seen] == list(texts)

    async def say(self, conversation: Conversation, text: str) -> Message:
        message = await self.client.send(conversation, text)
        return await asyncio.wait_for(self.client.settled(message), GUARD_S)


def words(message: Message) -> str:
    return str(getattr(message.content, "text", type(message.content).__name__))


def person(topology: Topology, name: str, device: str = "phone", platform: int = 1, store: str = ":memory:") -> Person:
    return Person(topology, name, device, platform, store)


def names(count: int) -> list[str]:
    mark = next(_numbers)
    return [f"{name}{mark}" for name in ("ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal")[:count]]


def single(user: str) -> Conversation:
    return Conversation(ConversationType.SINGLE, user)


async def found(topology: Topology, team: str, members: list[str]) -> Conversation:
    info = {"target_id": team, "name": team, "type": 2, "owner": members[0]}
    group = {"group_info": info, "members": [{"member_id": member} for member in members[1:]]}
    answer = await topology.admin("/admin/group/create", {"operator": members[0], "group": group})
    assert answer["code"] == 0, answer
    return Conversation(ConversationType.GROUP, team)


def test_two_people_chat_in_order_and_each_message_once(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        one, two = await person(topology, ann).connect(), await person(topology, ben).connect()
        for number in range(10):
            await one.say(single(ben), f"a{number}")
            await two.say(single(ann), f"b{number}")

        await one.hears(*(f"b{number}" for number in range(10)))
        await two.hears(*(f"a{number}" for number in range(10)))
        texts = [words(message) for message in two.client.messages(single(ann), limit=100)]
        assert texts == [f"{side}{number}" for number in range(10) for side in "ab"]
        for each in (one, two):
            await each.client.close()

    topology.run(work())


def test_many_messages_at_once_keep_the_order_of_their_sending(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        one, two = await person(topology, ann).connect(), await person(topology, ben).connect()

        sent = [await one.client.send(single(ben), str(number)) for number in range(30)]
        done = [await asyncio.wait_for(one.client.settled(message), GUARD_S) for message in sent]

        assert [message.seq for message in done] == list(range(1, 31))
        await two.hears(*map(str, range(30)))
        for each in (one, two):
            await each.client.close()

    topology.run(work())


def test_who_was_away_finds_everything_when_he_comes_back(topology: Topology, tmp_path: Path) -> None:
    async def work() -> None:
        ann, ben = names(2)
        store = str(tmp_path / "ben.db")
        one, two = await person(topology, ann).connect(), await person(topology, ben, store=store).connect()
        await one.say(single(ben), "before")
        await two.hears("before")
        await two.client.close()
        for number in range(5):
            await one.say(single(ben), f"away {number}")

        back = await person(topology, ben, store=store).connect()

        await back.hears(*(f"away {number}" for number in range(5)))
        info = back.client.conversation(single(ann))
        assert info is not None
        assert info.unread.total == 6
        for each in (one, back):
            await each.client.close()

    topology.run(work())


def test_two_devices_show_the_same_and_share_what_was_read(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        phone = await person(topology, ann).connect()
        laptop = await person(topology, ann, "laptop", Platform.LINUX).connect()
        friend = await person(topology, ben).connect()
        await phone.say(single(ben), "from my phone")
        await friend.say(single(ann), "hello both")
        await laptop.hears("from my phone", "hello both")
        await phone.hears("hello both")

        phone.client.mark_read(single(ben))
        await topology.settle()
        await laptop.until(lambda: laptop.client.unread().total == 0)

        for each in (phone, laptop, friend):
            await each.client.close()

    topology.run(work())


def test_what_one_device_sets_for_a_conversation_holds_on_the_other_and_on_a_new_one(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        phone = await person(topology, ann).connect()
        laptop = await person(topology, ann, "laptop", Platform.LINUX).connect()
        friend = await person(topology, ben).connect()
        await friend.say(single(ann), "hello")
        await phone.hears("hello")
        await laptop.hears("hello")

        def shown(device: Person) -> tuple[int, bool]:
            info = device.client.conversation(single(ben))
            return (info.top, info.silent) if info else (0, False)

        await phone.client.set_top(single(ben), 2)
        await phone.client.set_silent(single(ben))
        await laptop.until(lambda: shown(laptop) == (2, True))
        assert (shown(phone), laptop.client.unread().total) == ((2, True), 0)

        web = await person(topology, ann, "web", Platform.WEB).connect()
        await web.until(lambda: shown(web) == (2, True))

        await laptop.client.set_top(single(ben), 0)
        await phone.until(lambda: shown(phone) == (0, True))
        for each in (phone, laptop, web, friend):
            await each.client.close()

    topology.run(work())


def test_a_recalled_message_disappears_everywhere(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        one, two = await person(topology, ann).connect(), await person(topology, ben).connect()
        message = await one.say(single(ben), "oops")
        await two.hears("oops")

        await one.client.recall(message)

        await two.until(lambda: two.recalled == [1])
        [shown] = two.client.messages(single(ann))
        assert shown.recalled is not None
        assert "oops" not in words(shown)
        for each in (one, two):
            await each.client.close()

    topology.run(work())


def test_a_group_is_served_inline_and_through_the_queue_alike(topology: Topology) -> None:
    async def work() -> None:
        everybody = names(8)
        large = await found(topology, f"large{next(_numbers)}", everybody)
        people = [await person(topology, name).connect() for name in everybody[:4]]

        for number in range(4):
            await people[number].say(large, f"from {number}")

        for number, each in enumerate(people):
            expected = [f"from {other}" for other in range(4) if other != number]
            await each.until(lambda each=each: len([text for _, _, text in each.seen if text[:4] == "from"]) == 3)
            assert [text for _, _, text in each.seen if text.startswith("from")] == expected
        for each in people:
            await each.client.close()

    topology.run(work())


def test_a_cut_connection_comes_back_by_itself_and_nothing_is_missed(topology: Topology) -> None:
    async def work() -> None:
        ann, ben = names(2)
        one, two = await person(topology, ann).connect(), await person(topology, ben).connect()
        for number in range(6):
            cut(topology, ben)
            await one.say(single(ben), str(number))
        await two.until(lambda: len(two.seen) == 6)
        await two.hears(*map(str, range(6)))
        for each in (one, two):
            await each.client.close()

    topology.run(work())


def test_a_login_on_a_second_phone_ends_the_first_for_good(topology: Topology) -> None:
    async def work() -> None:
        [ann] = names(1)
        old = await person(topology, ann, "old").connect()

        new = await person(topology, ann, "new").connect()

        await old.until(lambda: old.client.status is ConnectionStatus.KICKED)
        assert new.client.status is ConnectionStatus.CONNECTED
        for each in (old, new):
            await each.client.close()

    topology.run(work())


def test_a_file_is_uploaded_and_found_at_its_address(topology: Topology, tmp_path: Path) -> None:
    async def work() -> None:
        ann, ben = names(2)
        one, two = await person(topology, ann).connect(), await person(topology, ben).connect()
        path = tmp_path / "notes ä.txt"
        path.write_text("what is in it")

        message = await one.client.send_file(single(ben), path)
        done = await asyncio.wait_for(one.client.settled(message), GUARD_S)

        assert done.status is MessageStatus.SENT
        await two.until(lambda: len(two.seen) == 1)
        [received] = two.client.messages(single(ann))
        assert isinstance(received.content, FileContent)
        assert await asyncio.to_thread(fetch, received.content.url) == "what is in it"
        for each in (one, two):
            await each.client.close()

    topology.run(work())


def test_under_accidents_of_every_kind_each_message_arrives_once(topology: Topology) -> None:
    """A short run of chance: killed functions, refusals, lost answers, doubled and shuffled queue messages, cut sockets."""

    async def work() -> None:
        everybody = names(6)
        team = await found(topology, f"team{next(_numbers)}", everybody)
        people = [await person(topology, name).connect() for name in everybody]
        topology.faults.chaos(0.02, ["kill_before", "kill_after", "throttle", "fail_after", "timeout_after"])
        topology.faults.duplicate("Fanout", 0.3)
        topology.faults.reorder("Fanout", 0.3)
        topology.faults.lose_disconnects(0.5)

        async def talk(number: int) -> None:
            for turn in range(12):
                await people[number].say(team, f"{number}:{turn}")
                if turn % 4 == number % 4:
                    cut(topology, everybody[(number + 1) % 6])

        async with asyncio.timeout(100):
            await asyncio.gather(*(talk(number) for number in range(6)))
        topology.faults.clear()
        await topology.settle()
        # What a lost push hides until the next heartbeat, a reconnect shows at once.
        for name in everybody:
            cut(topology, name)

        expected = {f"{number}:{turn}" for number in range(6) for turn in range(12)}
        for number, each in enumerate(people):
            others = {text for text in expected if not text.startswith(f"{number}:")}
            await each.until(lambda each=each, others=others: len(chatter(each)) >= len(others))
            assert sorted(chatter(each)) == sorted(others)
            assert [seq for _, seq, _ in each.seen] == sorted({seq for _, seq, _ in each.seen})
            mine = [text for text in logged(each, team) if text in expected]
            assert sorted(mine) == sorted(expected)
            assert mine == [text for text in logged(people[0], team) if text in expected]
        for each in people:
            await each.client.close()

    topology.run(work())


def cut(topology: Topology, user: str) -> None:
    """Close a user's sockets from the server's side, as a network does."""
    for connection in topology.connections(user):
        topology.gateway.sessions[connection].close(1001, "Going away")


def chatter(each: Person) -> list[str]:
    return [text for _, _, text in each.seen if ":" in text]


def logged(each: Person, conversation: Conversation) -> list[str]:
    return [words(message) for message in each.client.messages(conversation, limit=500)]


def fetch(url: str) -> str:
    import urllib.request  # noqa: PLC0415

    with urllib.request.urlopen(url, timeout=GUARD_S) as answer:
        return str(answer.read().decode())


# --- a process that dies


TALKER = """
import asyncio, sys
from wildfire_client import ChatClient, Conversation, ConversationType, Timing

async def main(url, store, token, user, other, first, count):
    client = ChatClient(url, store, client_id=user + "-phone", platform=1, timing=Timing(request=2, backoff_base=0.01))
    await client.connect(user, token)
    await client.ready()
    for number in range(first, first + count):
        message = await client.send(Conversation(ConversationType.SINGLE, other), str(number))
        print("queued", number, flush=True)
    for message in client.messages(Conversation(ConversationType.SINGLE, other), limit=500):
        await client.settled(message)
    print("done", flush=True)
    await client.close()

args = sys.argv[1:]
asyncio.run(main(*args[:5], int(args[5]), int(args[6])))
"""


@pytest.mark.parametrize("killed_at", [1, 4, 9])
def test_a_process_killed_while_it_sends_loses_and_doubles_nothing(
    topology: Topology, tmp_path: Path, killed_at: int
) -> None:
    ann, ben = names(2)
    store = str(tmp_path / "ann.db")
    token = topology.run(topology.token(ann, f"{ann}-phone", 1))

    def talker(first: int, count: int) -> "subprocess.Popen[str]":
        arguments = [topology.socket_url, store, token, ann, ben, str(first), str(count)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")}
        return subprocess.Popen(
            [sys.executable, "-c", TALKER, *arguments], env=environment, stdout=subprocess.PIPE, text=True
        )

    # The functions die after the append, so at the moment of the kill there are messages stored and not acknowledged.
    topology.faults.on(
        function="MessageWs", service="dynamodb", operation="PutItem", action="kill_after", nth=killed_at, times=2
    )
    first = talker(0, 12)
    assert first.stdout is not None
    lines = list(itertools.islice(first.stdout, killed_at))
    first.send_signal(signal.SIGKILL)
    first.wait()
    queued = len(lines + list(first.stdout))
    first.stdout.close()
    topology.faults.clear()
    # Numbers of its own: the first one may have queued a message that it did not live to tell of.
    second = talker(100, 3)
    out, _ = second.communicate(timeout=GUARD_S)

    assert out.endswith("done\n")

    async def read() -> list[Any]:
        socket = await topology.socket(ben)
        wanted = {"ranges": [{"conversation": {"type": 0, "target": ann}, "after": 0, "limit": 200}]}
        body = await socket.call("message", "pull", wanted)
        await socket.close()
        return [json.loads(message["content"]["searchableContent"]) for message in body["ranges"][0]["messages"]]

    stored = topology.run(read())
    assert sorted(set(stored)) == sorted(stored)
    assert stored == sorted(stored)
    assert set(range(queued)) | {100, 101, 102} <= set(stored)
