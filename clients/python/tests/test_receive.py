"""Receiving: every message reaches the store and the application once and in order, whatever pushes do."""

from collections import deque

import pytest

from clients.python.tests.conftest import Harness, Recorder, idle, until
from clients.python.tests.fake_server import Refusal
from wildfire_client import (
    ChatClient,
    ConnectionStatus,
    Conversation,
    Extent,
    HistoryGap,
    MessageReceived,
    MessageStatus,
    ServerPush,
    TextContent,
)

BOB = Conversation.single("bob")
TEAM = Conversation.group("team")


def texts(client: ChatClient, conversation: Conversation = BOB, limit: int = 1000) -> list[str]:
    return [
        message.content.text
        for message in client.messages(conversation, limit=limit)
        if isinstance(message.content, TextContent)
    ]


def received(recorder: Recorder) -> list[str]:
    return [event.message.content.text for event in recorder.of(MessageReceived)]


async def test_a_push_is_stored_and_told(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.say("bob", "alice", "hi")
    await until(lambda: recorder.events)
    message = recorder.events[0].message
    assert (message.sender, message.seq, message.status) == ("bob", 1, MessageStatus.RECEIVED)
    assert not message.mine
    assert texts(client) == ["hi"]
    assert harness.server.count("pull") == 0


async def test_pushes_in_disorder_are_put_in_order_without_a_pull(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.holding = True
    for number in range(4):
        harness.server.say("bob", "alice", str(number))
    await harness.server.release([3, 1, 0, 2])
    await until(lambda: len(recorder.events) == 4)
    assert received(recorder) == ["0", "1", "2", "3"]
    await harness.clock.advance(1)
    assert harness.server.count("pull") == 0


async def test_a_lost_push_is_pulled_after_a_moment(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.holding = True
    for number in range(4):
        harness.server.say("bob", "alice", str(number))
    await harness.server.release([0, 3])
    await until(lambda: len(recorder.events) == 1)
    await until(lambda: harness.clock.delays[0] < 1)
    await harness.clock.advance(0.3)
    await until(lambda: len(recorder.events) == 4)
    assert received(recorder) == ["0", "1", "2", "3"]
    assert [wanted["after"] for wanted in harness.server.bodies("pull")[0]["ranges"]] == [1]


async def test_a_lost_last_push_is_repaired_by_the_heartbeat(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.losing = True
    harness.server.say("bob", "alice", "lost")
    await harness.clock.advance(239)
    assert recorder.events == []
    await harness.clock.advance(2)
    await until(lambda: recorder.events)
    assert received(recorder) == ["lost"]
    assert client.status is ConnectionStatus.CONNECTED


async def test_a_push_that_comes_twice_is_told_once(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.doubling = True
    for number in range(3):
        harness.server.say("bob", "alice", str(number))
    harness.server.doubling = False
    harness.server.say("bob", "alice", "end")
    await until(lambda: len(recorder.events) >= 4)
    assert received(recorder) == ["0", "1", "2", "end"]
    assert texts(client) == ["0", "1", "2", "end"]


async def test_seqs_that_are_hidden_from_me_do_not_hold_up_the_rest(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice", "carol")
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.say_group("bob", "team", "for carol", to=["carol"])
    harness.server.say_group("bob", "team", "for all")
    await until(lambda: any(delay < 1 for delay in harness.clock.delays))
    await harness.clock.advance(1)
    await until(lambda: recorder.events)
    assert received(recorder) == ["for all"]
    assert recorder.events[0].message.seq == 3


async def test_what_was_missed_while_away_comes_in_order_at_the_next_connection(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    for number in range(250):
        harness.server.say("bob", "alice", str(number))
    await harness.clock.advance(20)
    await until(lambda: len(recorder.events) == 250)
    assert received(recorder) == [str(number) for number in range(250)]
    assert harness.server.count("pull") == 3


async def test_many_conversations_are_listed_page_by_page_and_pulled_twenty_at_a_time(harness: Harness) -> None:
    harness.server.page_size = 10
    for number in range(45):
        harness.server.say(f"user{number}", "alice", "hi")
    client = await harness.connected()
    assert harness.server.count("hello") == 5
    assert [len(body["ranges"]) for body in harness.server.bodies("pull")] == [20, 20, 5]
    assert len(client.conversations()) == 45
    assert client.conversations()[0].conversation.target == "user44"


async def test_a_new_device_gets_the_newest_messages_only_and_tells_none_of_them(harness: Harness) -> None:
    for number in range(120):
        harness.server.say("bob", "alice", str(number))
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    assert texts(client) == [str(number) for number in range(70, 120)]
    harness.server.say("bob", "alice", "news")
    await until(lambda: recorder.events)
    assert received(recorder) == ["news"]
    unread = client.unread()
    assert unread.total == 121


async def test_a_push_that_comes_before_the_first_hello_is_answered_makes_no_news_of_history(harness: Harness) -> None:
    for number in range(120):
        harness.server.say("bob", "alice", str(number))
    harness.server.on_request = lambda user, op: harness.server.say("bob", "alice", "news") if op == "hello" else None
    client = harness.client()
    recorder = Recorder(client, MessageReceived)
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    await until(lambda: recorder.events)
    assert received(recorder) == ["news"]
    assert texts(client) == [*(str(number) for number in range(71, 120)), "news"]


async def test_older_messages_come_from_the_store_then_from_the_server(harness: Harness) -> None:
    for number in range(120):
        harness.server.say("bob", "alice", str(number))
    client = await harness.connected()
    seen: list[str] = []
    before = None
    pages = 0
    while True:
        page = await client.history(BOB, before, 30)
        pages += 1
        seen = [message.content.text for message in page.messages] + seen  # type: ignore[attr-defined]
        if not page.more:
            break
        before = page.messages[0].seq
    assert seen == [str(number) for number in range(120)]
    assert pages == 4
    assert [body["before"] for body in harness.server.bodies("history")] == [71, 61, 31]
    assert len(texts(client)) == 120


async def test_history_that_is_held_needs_no_link(harness: Harness) -> None:
    for number in range(30):
        harness.server.say("bob", "alice", str(number))
    client = await harness.connected()
    await client.disconnect()
    page = await client.history(BOB, None, 20)
    assert len(page.messages) == 20
    assert page.more
    assert not (await client.history(BOB, page.messages[0].seq, 20)).more


async def test_history_without_a_link_gives_what_is_held(harness: Harness) -> None:
    for number in range(60):
        harness.server.say("bob", "alice", str(number))
    client = await harness.connected()
    await client.disconnect()
    page = await client.history(BOB, 21, 20)
    assert [message.seq for message in page.messages] == list(range(11, 21))
    assert page.more


async def test_a_conversation_far_behind_is_cut_and_the_hole_is_told_and_can_be_fetched(harness: Harness) -> None:
    client = await harness.connected(extent=Extent(window=10, catch_up=100))
    harness.server.say("bob", "alice", "0")
    recorder = Recorder(client)
    await until(lambda: texts(client) == ["0"])
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    for number in range(1, 150):
        harness.server.say("bob", "alice", str(number))
    await harness.clock.advance(20)
    await client.ready()
    gap = recorder.of(HistoryGap)[0]
    assert (gap.low, gap.high) == (2, 140)
    assert texts(client) == [str(number) for number in range(140, 150)]
    assert [message.seq for message in client.messages(BOB, before=2)] == [1]
    page = await client.history(BOB, 141, 139)
    assert [message.seq for message in page.messages] == list(range(2, 141))
    assert texts(client) == [str(number) for number in range(150)]


async def test_a_sync_hint_makes_the_client_pull(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.losing = True
    harness.server.say("bob", "alice", "hidden")
    await harness.server.push("alice", "sync", {"conversation": {"type": 0, "target": "bob", "line": 0}, "head": 1})
    await until(lambda: recorder.events)
    assert received(recorder) == ["hidden"]


async def test_a_sync_hint_for_a_silent_conversation_only_counts(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "first")
    await until(lambda: texts(client) == ["first"])
    await client.set_silent(BOB)
    harness.server.losing = True
    harness.server.say("bob", "alice", "hidden")
    await harness.server.push("alice", "sync", {"conversation": {"type": 0, "target": "bob", "line": 0}, "head": 2})
    await until(lambda: client.conversations()[0].unread.total == 2)
    assert texts(client) == ["first"]
    assert client.unread().total == 0
    client.enter_view(BOB)
    await until(lambda: texts(client) == ["first", "hidden"])


async def test_one_conversation_that_may_not_be_read_does_not_hold_up_the_others(harness: Harness) -> None:
    harness.server.say("bob", "alice", "b")
    harness.server.say("carol", "alice", "c")
    harness.server.op_faults["pull"] = deque([Refusal(9), Refusal(9)])
    client = await harness.connected()
    assert client.status is ConnectionStatus.CONNECTED
    assert texts(client, BOB) == ["b"]
    assert texts(client, Conversation.single("carol")) == []


async def test_a_busy_server_is_asked_for_the_range_again(harness: Harness) -> None:
    harness.server.say("bob", "alice", "b")
    harness.server.op_faults["pull"] = deque([Refusal(221, retry=True, after=700)])
    harness.server.op_faults["hello"] = deque([Refusal(221, retry=True, after=700)])
    client = harness.client()
    await client.connect("alice", harness.server.token("alice"))
    for op in ("hello", "pull"):
        await until(lambda op=op: harness.server.count(op) == 1)
        await until(lambda: 0.7 in [round(delay, 3) for delay in harness.clock.delays])
        await harness.clock.advance(0.7)
    await client.ready()
    assert texts(client) == ["b"]


async def test_a_new_member_starts_at_the_notice_that_made_him_one(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    harness.server.create_group("team", "bob", "carol")
    for number in range(30):
        harness.server.say_group("bob", "team", str(number))
    harness.server.add_member("team", "bob", "alice")
    harness.server.say_group("bob", "team", "welcome")
    await until(lambda: len(recorder.events) == 2)
    assert [event.message.seq for event in recorder.events] == [32, 33]
    assert harness.server.count("pull") == 0
    page = await client.history(TEAM, 32, 10)
    assert [message.seq for message in page.messages] == list(range(22, 32))


async def test_nothing_is_taken_after_the_notice_of_my_removal(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice")
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    removal = harness.server.remove_member("team", "bob", "alice")
    await until(lambda: len(recorder.events) == 1)
    stray = {"conversation": {"type": 1, "target": "team"}, "seq": removal["seq"] + 1, "uid": "9", "cid": "x"}
    stray |= {"from": "bob", "time": 1, "content": {"type": 1, "searchableContent": "secret", "persistFlag": 3}}
    await harness.server.push("alice", "message", stray)
    harness.server.say("bob", "alice", "end")
    await until(lambda: len(recorder.events) == 2)
    info = client.conversation(TEAM)
    assert info is not None
    assert info.left
    assert texts(client, TEAM) == []
    assert harness.server.count("pull") == 1


async def test_a_conversation_that_i_left_is_read_up_to_its_end(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice")
    harness.server.say_group("bob", "team", "last words")
    harness.server.remove_member("team", "bob", "alice")
    harness.server.say_group("bob", "team", "among ourselves")
    client = await harness.connected()
    assert client.status is ConnectionStatus.CONNECTED
    assert texts(client, TEAM) == ["last words"]
    info = client.conversation(TEAM)
    assert info is not None
    assert info.left


@pytest.mark.parametrize("by_push", [True, False])
async def test_one_who_is_let_in_again_reads_on(harness: Harness, by_push: bool) -> None:
    harness.server.create_group("team", "bob", "alice")
    client = await harness.connected()
    harness.server.remove_member("team", "bob", "alice")
    await until(lambda: client.conversation(TEAM).left)  # type: ignore[union-attr]
    harness.server.losing = not by_push
    harness.server.say_group("bob", "team", "behind closed doors")
    harness.server.history_visible = False
    harness.server.add_member("team", "bob", "alice")
    harness.server.losing = False
    harness.server.say_group("bob", "team", "hello again")
    if by_push:
        await until(lambda: any(delay < 1 for delay in harness.clock.delays))
        await harness.clock.advance(1)
    else:
        await idle(client)
        await harness.clock.advance(241)
    await until(lambda: texts(client, TEAM) == ["hello again"])
    assert not client.conversation(TEAM).left  # type: ignore[union-attr]


async def test_an_older_answer_does_not_undo_what_is_known_of_a_removal(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice")
    client = await harness.connected()
    harness.server.remove_member("team", "bob", "alice")
    await until(lambda: client.conversation(TEAM).left)  # type: ignore[union-attr]
    client._store.record_hello(
        {
            "sync": "1",
            "conversations": [{"conversation": {"type": 1, "target": "team"}, "head": 1, "read": 0, "first": 1}],
        },
        50,
    )
    assert client.conversation(TEAM).left  # type: ignore[union-attr]


async def test_own_messages_from_another_device_arrive_as_mine(harness: Harness) -> None:
    phone = await harness.connected(client_id="phone")
    desk = await harness.connected(client_id="desk")
    recorder = Recorder(phone, MessageReceived)
    await desk.settled(await desk.send(BOB, "from the desk"))
    await until(lambda: recorder.events)
    message = recorder.events[0].message
    assert message.mine
    assert message.status is MessageStatus.SENT
    assert phone.unread().total == 0


async def test_frames_that_make_no_sense_are_ignored(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    for text in (
        "",
        "nonsense",
        "[]",
        '{"id": "99", "code": 0, "body": {}}',
        '{"push": "message", "body": {"seq": 1}}',
    ):
        await harness.server.raw("alice", text)
    harness.server.say("bob", "alice", "sense")
    await until(lambda: recorder.events)
    assert received(recorder) == ["sense"]
    assert client.status is ConnectionStatus.CONNECTED


async def test_other_pushes_are_handed_on(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ServerPush)
    await harness.server.push("alice", "weather", {"rain": True})
    await until(lambda: recorder.events)
    assert recorder.events == [ServerPush("weather", {"rain": True})]


async def test_ranges_that_found_no_room_in_an_answer_come_with_the_next(harness: Harness) -> None:
    harness.server.pull_budget = 30
    for number in range(20):
        for user in ("bob", "carol", "dave"):
            harness.server.say(user, "alice", str(number))
    client = await harness.connected()
    for user in ("bob", "carol", "dave"):
        assert texts(client, Conversation.single(user)) == [str(number) for number in range(20)]
    assert harness.server.count("pull") == 2


async def test_a_head_that_the_server_takes_back_is_not_asked_for_again(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "1")
    await until(lambda: texts(client) == ["1"])
    hint = {"conversation": {"type": 0, "target": "bob", "line": 0}, "head": 5}
    await harness.server.push("alice", "sync", hint)
    await until(lambda: harness.server.count("pull") == 1)
    await until(lambda: client._store.behind(10) == [])
    harness.server.say("bob", "alice", "2")
    await until(lambda: texts(client) == ["1", "2"])


async def test_history_goes_past_a_long_stretch_of_hidden_messages(harness: Harness) -> None:
    harness.server.create_group("team", "bob", "alice", "carol")
    harness.server.say_group("bob", "team", "early")
    for number in range(250):
        harness.server.say_group("bob", "team", str(number), to=["carol"])
    for number in range(50):
        harness.server.say_group("bob", "team", str(number))
    harness.server.history_examined = 100
    client = await harness.connected()
    page = await client.history(TEAM, client.messages(TEAM, limit=100)[0].seq, 5)
    assert [client.digest(message) for message in page.messages] == ["bob created the group team", "early"]
    assert not page.more


# --- a server that was restored from a backup, or started empty


async def lose(harness: Harness, client: ChatClient, keep: int) -> None:
    """The server comes back with only the beginning of its logs."""
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    for log in harness.server.logs.values():
        del log.entries[keep:]
        log.changed += 1_000
    if not keep:
        harness.server.logs.clear()


@pytest.mark.parametrize("keep", [0, 2])
async def test_messages_of_a_server_that_lost_its_log_are_received(harness: Harness, keep: int) -> None:
    client = await harness.connected()
    recorder = Recorder(client, MessageReceived)
    for number in range(5):
        harness.server.say("bob", "alice", f"old {number}")
    await until(lambda: len(recorder.events) == 5)
    await lose(harness, client, keep)
    await harness.clock.advance(20)
    await client.ready()
    harness.server.say("bob", "alice", "new")
    await until(lambda: received(recorder)[-1] == "new")
    assert texts(client) == [*(f"old {number}" for number in range(keep)), "new"]
    assert len(recorder.events) == 6


@pytest.mark.parametrize("keep", [0, 2])
async def test_messages_to_a_server_that_lost_its_log_are_sent(harness: Harness, keep: int) -> None:
    client = await harness.connected()
    for number in range(5):
        harness.server.say("bob", "alice", f"old {number}")
    await until(lambda: len(texts(client)) == 5)
    await lose(harness, client, keep)
    message = await client.send(BOB, "mine")
    await harness.clock.advance(20)
    sent = await client.settled(message)
    assert (sent.status, sent.seq) == (MessageStatus.SENT, keep + 1)
    assert texts(client) == [*(f"old {number}" for number in range(keep)), "mine"]


async def test_a_head_that_is_only_late_changes_nothing(harness: Harness) -> None:
    client = await harness.connected()
    for number in range(5):
        harness.server.say("bob", "alice", str(number))
    await until(lambda: len(texts(client)) == 5)
    late = {"conversation": {"type": 0, "target": "bob", "line": 0}, "head": 3, "read": 0, "first": 1}
    await client._sync._record({"sync": "9", "conversations": [late]})
    assert harness.server.count("pull") == 1
    assert len(texts(client)) == 5
    assert client._store.row(1).high == 5


async def test_a_sync_token_that_the_server_does_not_take_is_given_up(harness: Harness) -> None:
    harness.server.say("bob", "alice", "hi")
    client = await harness.connected()
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    harness.server.op_faults["hello"] = deque([Refusal(251)])
    await harness.clock.advance(20)
    await client.ready()
    assert [body["sync"] for body in harness.server.bodies("hello")] == [None, "1", None]
