"""Messages to many: each receiver once, whatever the queue does, and gone from everybody when taken back."""

import json
from random import Random
from typing import Any

import pytest

from im.errors import BusyError, Code, ImError, InvalidError
from im.message.log import Log
from im.message.model import ContentType, Conversation, Payload
from im.message.multicast import PAGE, Task, task_from_body
from im.message.reading import Range
from im.platform.uids import Uids
from im.profile.model import User, UserType
from tests.fakes.world import World

NEWS = Conversation(0, "news")


@pytest.fixture
def world() -> World:
    return World(fanout_chunk=2)


def payload(words: str = "hello all", **fields: Any) -> Payload:
    return Payload(type=1, searchableContent=words, persistFlag=3, **fields)


def settle(world: World) -> None:
    while world.tasks:
        world.multicasts().work(world.tasks.pop(0))


def texts(world: World, user: str) -> list[str]:
    messages = world.service.pull(user, [Range(NEWS, 0, 200)])[0].messages
    return [json.loads(message.payload).get("searchableContent", "") for message in messages]


def register(world: World, *users: str, **fields: Any) -> None:
    for number, user in enumerate(users):
        world.users.put(User(user, name=user, created=number + 1, **fields), None)


def test_every_target_gets_it_in_his_chat_with_the_sender_who_gets_nothing(world: World) -> None:
    sockets = {user: world.online(user) for user in ("ann", "bob", "news")}

    sent = world.multicasts().multicast("news", ["ann", "bob", "cem", "news", "ann"], 0, payload())
    settle(world)

    assert {user: len(world.pushes(socket)) for user, socket in sockets.items()} == {"ann": 1, "bob": 1, "news": 0}
    assert [texts(world, user) for user in ("ann", "bob", "cem")] == [["hello all"]] * 3
    assert [state.head for state in world.connect.hello("cem", None, 10).conversations] == [1]
    assert world.connect.hello("news", None, 10).conversations == ()
    assert world.service.get_by_uid(sent.uid).payload == world.messages.logs["0|0|ann|news"][1].payload


def test_tasks_that_come_twice_in_any_order_copy_once(world: World) -> None:
    users = [f"u{number}" for number in range(9)]
    for number, user in enumerate(users[:4]):
        world.say("news", f"before {number}", to=user)
    world.multicasts().multicast("news", users, 0, payload())
    tasks = world.tasks * 3
    world.tasks.clear()
    Random(7).shuffle(tasks)

    for number, task in enumerate(tasks):
        world.multicasts().work(task)
        world.say(users[number % 9], f"after {number}", to="news", base=0)

    assert all(texts(world, user).count("hello all") == 1 for user in users)


def test_a_task_that_dies_half_way_is_finished_by_its_repeat(world: World) -> None:
    world.multicasts().multicast("news", ["ann", "bob"], 0, payload())
    [task] = world.tasks
    put = world.messages.put
    calls = iter(range(10))

    def busy_at_the_second(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == 1:
            raise BusyError
        return put(*args, **kwargs)

    world.messages.put = busy_at_the_second  # type: ignore[method-assign]
    with pytest.raises(BusyError):
        world.multicasts().work(task)

    world.multicasts().work(task)

    assert [texts(world, user) for user in ("ann", "bob")] == [["hello all"]] * 2


def test_a_copy_is_found_in_a_long_conversation(world: World) -> None:
    for seq in range(40):
        world.now += 10
        world.say("ann", f"{seq}", to="news", base=seq)
    world.multicasts().multicast("news", ["ann"], 0, payload())
    [task] = world.tasks
    world.multicasts().work(task)
    for seq in range(41, 100):
        world.now += 10
        world.say("ann", f"{seq}", to="news", base=seq)

    world.multicasts().work(task)

    assert texts(world, "ann").count("hello all") == 1
    assert len(world.messages.logs["0|0|ann|news"]) == 100


def test_a_copy_has_a_greater_uid_though_the_clock_of_its_worker_is_behind(world: World) -> None:
    sent = world.multicasts().multicast("news", ["ann"], 0, payload())
    world.now -= 60_000
    world.log = Log(world.messages, Uids(world.ephemera, world.clock), index_uids=True)
    [task] = world.tasks
    world.multicasts().work(task)
    world.multicasts().work(task)

    log = world.messages.logs["0|0|ann|news"]
    assert len(log) == 1
    assert log[1].uid > sent.uid


@pytest.mark.parametrize(("kind", "mark"), [(ContentType.RECALL, "recall"), (ContentType.DELETE, "deleted")])
def test_a_multicast_is_taken_back_from_those_who_are_named(world: World, kind: ContentType, mark: str) -> None:
    sent = world.multicasts().multicast("news", ["ann", "bob"], 0, payload())
    settle(world)
    ann = world.online("ann")

    world.multicasts().withdraw(kind, "root", sent.uid, ["ann", "nobody"])
    world.multicasts().withdraw(kind, "root", sent.uid, ["ann", "nobody"])
    settle(world)

    messages = world.service.pull("ann", [Range(NEWS, 0, 10)])[0].messages
    assert [(message.seq, message.ref) for message in messages] == [(1, 0), (2, 1)]
    assert getattr(messages[0], mark)
    assert "hello" not in json.dumps([message.payload for message in messages])
    assert texts(world, "bob") == ["hello all"]
    assert {push["ref"] for push in world.pushes(ann)} == {1}
    assert "0|0|news|nobody" not in {log for log, slots in world.messages.logs.items() if slots}


def test_what_was_taken_back_before_it_was_copied_reaches_nobody(world: World) -> None:
    sent = world.multicasts().multicast("news", ["ann"], 0, payload())
    [copying] = world.tasks
    world.multicasts().withdraw(ContentType.RECALL, "root", sent.uid, ["ann"])

    settle(world)
    world.multicasts().work(copying)

    assert texts(world, "ann") == []


def test_a_withdrawal_that_overtakes_the_copying_wins(world: World) -> None:
    sent = world.multicasts().multicast("news", ["ann"], 0, payload())
    [copying] = world.tasks
    world.tasks.clear()
    put, other = world.messages.put, world.multicasts()

    def late(*args: Any, **kwargs: Any) -> Any:
        world.messages.put = put  # type: ignore[method-assign]
        other.withdraw(ContentType.RECALL, "root", sent.uid, ["ann"])
        while world.tasks:
            other.work(world.tasks.pop())
        return put(*args, **kwargs)

    world.messages.put = late  # type: ignore[method-assign]
    world.multicasts().work(copying)

    assert "hello" not in json.dumps([slot.payload for slot in world.messages.logs["0|0|ann|news"].values()])
    assert world.messages.logs["0|0|ann|news"][1].recall is not None


def test_a_broadcast_goes_to_everybody_but_robots_devices_and_the_destroyed(world: World) -> None:
    register(world, "ann", "bob", "news")
    register(world, "helper", type=UserType.ROBOT)
    register(world, "lamp", type=UserType.DEVICE)
    register(world, "gone", deleted=True)

    _, count = world.multicasts().broadcast("news", 0, payload())
    settle(world)

    assert count == 3
    people = {log for log, slots in world.messages.logs.items() if slots}
    assert people == {"0|0||news", "0|0|ann|news", "0|0|bob|news"}


def test_a_broadcast_to_thousands_goes_page_by_page(world: World) -> None:
    users = [f"u{number:05d}" for number in range(PAGE + 5)]
    register(world, *users)

    sent, count = world.multicasts().broadcast("news", 0, payload())
    assert (len(world.tasks), count) == (1, PAGE + 5)
    world.multicasts().work(world.tasks[0])
    settle(world)

    assert all(len(world.messages.logs[f"0|0|news|{user}"]) == 1 for user in users)
    world.multicasts().withdraw(ContentType.DELETE, "root", sent.uid, None)
    settle(world)
    assert all(world.messages.logs[f"0|0|news|{user}"][1].deleted for user in users)


def test_what_is_no_multicast_is_not_taken_back_as_one(world: World) -> None:
    sent = world.say("ann", "hi", to="bob")

    for uid in (sent.uid, 12_345):
        with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_EXIST):
            world.multicasts().withdraw(ContentType.RECALL, "root", uid, ["ann"])


@pytest.mark.parametrize(
    ("sender", "targets", "content"),
    [
        ("", ["ann"], payload()),
        ("news", [], payload()),
        ("news", [""], payload()),
        ("news", ["ann"], Payload(type=1, persistFlag=4)),
    ],
)
def test_what_is_not_acceptable_is_refused_and_stores_nothing(
    world: World, sender: str, targets: list[str], content: Payload
) -> None:
    with pytest.raises(InvalidError):
        world.multicasts().multicast(sender, targets, 0, content)

    assert (world.tasks, world.messages.puts) == ([], 0)


def test_a_task_is_what_it_was_before_it_travelled() -> None:
    body = '{"log":"0|0||news","seq":3,"kind":80,"operator":"root","users":["ann"]}'

    assert task_from_body(body) == Task("0|0||news", 3, 80, "root", ("ann",))
