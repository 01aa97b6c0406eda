"""Messages of channels: who may write what, who gets it, and who reads which part of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from im.channel.model import Channel, State
from im.errors import Code, ImError
from im.message.model import Conversation, Origin, Payload, Sender
from im.message.reading import Range
from tests.fakes.world import World

NEWS = Conversation(3, "news")
WITH_ANN = Conversation(3, "news|ann")
TEXT = Payload(type=1, searchableContent="hi", persistFlag=3)


@contextmanager
def refusal(code: Code) -> Iterator[None]:
    with pytest.raises(ImError) as refused:
        yield
    assert refused.value.code == code


@pytest.fixture
def world() -> World:
    return stage()


def stage(switches: dict[str, Any] | None = None, **members: Any) -> World:
    """Olga's channel, to which ann and bob listen; all of them, and the stranger sue, are online."""
    world = World(**(switches or {}))
    world.channel_service.create("app", Channel("news", "News", "olga", **members), Origin.ADMIN)
    world.channel_service.subscribe("news", ["ann", "bob"], on=True)
    for user in ("olga", "ann", "bob", "sue"):
        world.online(user)
    return world


def socket(world: World, user: str) -> str:
    [device] = world.presence.load_one(user).devices
    return device.connection


def say(world: World, user: str, text: str = "hi", target: str = "news", **more: Any) -> Any:
    sent = world.say(user, text, channel=target, cid=f"{user}:{text}:{target}", base=head(world, target), **more)
    world.settle()
    return sent


def head(world: World, target: str = "news") -> int:
    newest = world.messages.newest(Conversation(3, target).key(""))
    return newest.seq if newest else 0


def heard(world: World, user: str) -> list[str]:
    pushes = world.pushes(socket(world, user))
    return [f"{push['conversation']['target']}: {texts(push)}" for push in pushes]


def texts(push: dict[str, Any]) -> str:
    return str(push["content"].get("searchableContent", ""))


def pull(world: World, user: str, conversation: Conversation = NEWS, after: int = 0) -> list[int]:
    [page] = world.service.pull(user, [Range(conversation, after, 100)])
    return [message.seq for message in page.messages]


def listed(world: World, user: str) -> dict[str, tuple[int, int, int | None]]:
    changes = world.connect.hello(user, None, 100)
    return {state.conversation.target: (state.head, state.first, state.last) for state in changes.conversations}


# --- to all


def test_what_the_owner_says_reaches_every_subscriber_and_nobody_else(world: World) -> None:
    say(world, "olga", "extra")

    assert heard(world, "ann") == heard(world, "bob") == ["news: extra"]
    assert heard(world, "sue") == []
    assert heard(world, "olga") == [], "the sending device has the answer"


def test_a_message_to_all_is_one_item_and_one_job_whatever_the_number(world: World) -> None:
    world.say("olga", "extra", channel="news")

    assert len(world.messages.logs[NEWS.key("")]) == 1
    assert [job.spread.channel for job in world.queue.jobs if job.spread] == ["news"]


def test_a_job_that_comes_twice_brings_the_same_seq_twice(world: World) -> None:
    world.say("olga", "extra", channel="news")
    world.queue.jobs += world.queue.jobs
    world.settle()

    assert {push["seq"] for push in world.pushes(socket(world, "ann"))} == {1}
    assert len(heard(world, "ann")) == 2


def test_pages_of_subscribers_follow_one_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("im.channel.spreading.PAGE", 2)
    users = [f"u{number}" for number in range(5)]
    world.channel_service.subscribe("news", users, on=True)
    for user in users:
        world.online(user)

    say(world, "olga", "extra")

    assert all(heard(world, user) == ["news: extra"] for user in [*users, "ann", "bob"])


def test_only_those_who_are_online_get_jobs(world: World) -> None:
    world.channel_service.subscribe("news", [f"u{number}" for number in range(50)], on=True)
    world.say("olga", "extra", channel="news")

    world.spreading.work(world.queue.jobs.pop())

    assert [job.users for job in world.queue.jobs if not job.news] == [("ann", "bob")]


def test_who_was_offline_finds_it_at_hello(world: World) -> None:
    world.channel_service.subscribe("news", ["cem"], on=True)
    say(world, "olga", "extra")

    assert listed(world, "cem") == {"news": (1, 1, None)}
    assert pull(world, "cem") == [1]


def test_who_subscribes_reads_from_there_on_and_may_look_back(world: World) -> None:
    say(world, "olga", "old")
    world.channel_service.listen("cem", "news", on=True)
    say(world, "olga", "new")

    assert listed(world, "cem") == {"news": (2, 2, None)}
    assert pull(world, "cem") == [2]
    found, _ = world.service.history("cem", NEWS, None, 10)
    assert [message.seq for message in found] == [2, 1]


def test_who_has_unsubscribed_gets_and_reads_nothing_more(world: World) -> None:
    say(world, "olga", "one")
    world.channel_service.listen("ann", "news", on=False)
    say(world, "olga", "two")

    assert heard(world, "ann") == ["news: one"]
    assert listed(world, "ann") == {"news": (1, 1, 1)}
    assert pull(world, "ann") == [1]
    found, _ = world.service.history("ann", NEWS, None, 10)
    assert [message.seq for message in found] == [1]


def test_a_stranger_reads_nothing(world: World) -> None:
    say(world, "olga")
    for target in ("news", "news|ann", "nowhere", "nowhere|ann"):
        with refusal(Code.NOT_IN_CHANNEL):
            pull(world, "sue", Conversation(3, target))
    with refusal(Code.NOT_IN_CHANNEL):
        world.service.history("sue", NEWS, None, 10)


def test_only_the_owner_speaks_to_all(world: World) -> None:
    with refusal(Code.NOT_RIGHT):
        say(world, "ann")
    with refusal(Code.NOT_IN_CHANNEL):
        say(world, "ann", target="nowhere")
    assert head(world) == 0


def test_a_message_to_some_is_for_those_of_them_who_listen(world: World) -> None:
    world.service.send(device(world, "olga"), NEWS, TEXT, to=["ann", "sue"], cid="c", base=0)
    world.settle()

    assert [heard(world, user) for user in ("ann", "bob", "sue")] == [["news: hi"], [], []]
    assert pull(world, "ann") == [1]
    assert pull(world, "bob") == []
    assert listed(world, "bob")["news"][0] == 1


def device(world: World, user: str) -> Sender:
    return Sender(user, "phone", socket(world, user))


def test_a_subscriber_neither_reacts_nor_deletes_for_himself_in_the_log_of_all(world: World) -> None:
    say(world, "olga")
    with refusal(Code.NOT_RIGHT):
        world.service.react(device(world, "ann"), NEWS, 1, "!", True)
    with refusal(Code.NOT_RIGHT):
        world.service.delete(device(world, "ann"), NEWS, 1, everybody=False)
    assert head(world) == 1


def test_a_recall_reaches_all(world: World) -> None:
    say(world, "olga", "oops")
    with refusal(Code.NOT_RIGHT):
        world.service.recall(device(world, "ann"), NEWS, 1)

    world.service.recall(device(world, "olga"), NEWS, 1)
    world.settle()

    [_, event] = world.pushes(socket(world, "ann"))
    assert (event["seq"], event["ref"], event["content"]["type"]) == (2, 1, 80)


def test_cursors_clearing_and_search_work_in_channels(world: World) -> None:
    for text in ("first page", "second page"):
        say(world, "olga", text)

    assert world.service.read("ann", NEWS, 2) == 2
    assert [message.seq for message in world.service.search("ann", "page").messages] == [2, 1]
    world.service.clear("ann", NEWS, 1)
    assert [message.seq for message in world.service.search("ann", "page").messages] == [2]
    assert listed(world, "ann") == {"news": (2, 2, None)}
    assert pull(world, "ann") == [2]
    with refusal(Code.FUNCTION_DISABLED):
        world.service.receipts("ann", NEWS, 0)


def test_lines_of_a_channel_are_conversations_of_their_own(world: World) -> None:
    world.service.send(device(world, "olga"), Conversation(3, "news", 7), TEXT, cid="c", base=0)
    world.settle()

    changes = world.connect.hello("ann", None, 100)
    assert [(each.conversation.line, each.head) for each in changes.conversations] == [(7, 1)]
    assert pull(world, "ann", Conversation(3, "news", 7)) == [1]


def test_a_destroyed_channel_does_not_speak_and_its_past_stays_readable(world: World) -> None:
    say(world, "olga", "last words")
    world.channel_service.destroy("olga", "news", Origin.USER)
    world.settle()

    for user, target in (("olga", "news"), ("ann", "news|ann")):
        with refusal(Code.NOT_IN_CHANNEL):
            say(world, user, "late", target)
    with refusal(Code.NOT_EXIST):
        world.service.send(Sender("olga", origin=Origin.ADMIN), NEWS, TEXT)
    assert listed(world, "ann") == {"news": (1, 1, 1)}
    assert pull(world, "ann") == [1]


# --- to everybody


def test_a_global_channel_reaches_and_lists_itself_with_everybody() -> None:
    world = stage(state=int(State.GLOBAL))

    say(world, "olga", "extra")

    assert [heard(world, user) for user in ("ann", "sue")] == [["news: extra"]] * 2
    assert listed(world, "sue") == {"news": (1, 1, None)}
    assert pull(world, "sue") == [1]
    assert pull(world, "never seen") == [1]
    say(world, "sue", "hello", "news|sue")
    assert heard(world, "olga") == ["news|sue: hello"]


# --- dialogs


def test_a_dialog_is_read_by_its_two_sides(world: World) -> None:
    say(world, "ann", "question", "news|ann")
    say(world, "olga", "answer", "news|ann")

    assert heard(world, "olga") == ["news|ann: question"]
    assert heard(world, "ann") == ["news|ann: answer"]
    assert heard(world, "bob") == []
    assert pull(world, "ann", WITH_ANN) == pull(world, "olga", WITH_ANN) == [1, 2]
    assert listed(world, "ann") == {"news|ann": (2, 1, None)}
    assert listed(world, "olga") == {"news|ann": (2, 1, None)}
    assert head(world) == 0, "what others say is in nobody's way"
    with refusal(Code.NOT_IN_CHANNEL):
        pull(world, "bob", WITH_ANN)


def test_every_minute_of_a_dialog_stamps_both_sides(world: World) -> None:
    for _ in range(3):
        say(world, "ann", f"at {world.now}", "news|ann")
        stamped = {user: world.rows.rows[user, WITH_ANN].activity for user in ("ann", "olga")}
        assert stamped == dict.fromkeys(("ann", "olga"), world.now // 60_000)
        world.now += 60_000


def test_a_subscriber_who_has_cleared_his_side_still_stamps_the_owners(world: World) -> None:
    say(world, "ann", "one", "news|ann")
    world.now += 60_000
    world.service.clear("ann", WITH_ANN, None)

    say(world, "ann", "two", "news|ann")

    assert world.rows.rows["olga", WITH_ANN].activity == world.now // 60_000


def test_a_new_owner_is_stamped_and_served_at_once(world: World) -> None:
    say(world, "ann", "to olga", "news|ann")
    world.online("pete")
    world.channel_service.transfer("olga", "news", "pete")

    say(world, "ann", "to pete", "news|ann")

    assert heard(world, "pete") == ["news|ann: to pete"]
    assert listed(world, "pete") == {"news|ann": (2, 1, None)}


def test_who_does_not_listen_does_not_write_unless_the_channel_is_open() -> None:
    world = stage()
    for user, target in (("sue", "news|sue"), ("sue", "news|ann"), ("olga", "news|sue")):
        with refusal(Code.NOT_IN_CHANNEL):
            say(world, user, target=target)
    world = stage(state=int(State.MESSAGE_STRANGERS))
    say(world, "olga", "psst", "news|sue")
    say(world, "sue", "yes?", "news|sue")
    assert heard(world, "sue") == ["news|sue: psst"]
    assert heard(world, "olga") == ["news|sue: yes?"]


def test_who_has_just_subscribed_may_write_whatever_the_batch_read_saw(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.service._load

    def stale(*args: Any, **how: Any) -> Any:
        context = real(*args, **how)
        return type(context)(context.read_at, context.presences)

    monkeypatch.setattr(world.service, "_load", stale)
    say(world, "ann", "hi", "news|ann", persistFlag=4)


def test_a_service_hears_in_place_of_the_owner() -> None:
    world = stage(callback="https://example.com", automatic=1)

    say(world, "ann", "question", "news|ann")

    assert heard(world, "olga") == []
    assert ("olga", WITH_ANN) not in world.rows.rows
    assert pull(world, "olga", WITH_ANN) == [1], "but she may look"
    world = stage({"channel_callback_and_inbox": True}, callback="https://example.com", automatic=1)
    say(world, "ann", "question", "news|ann")
    assert heard(world, "olga") == ["news|ann: question"]


def test_menu_events_and_typing_pass_by_and_leave_nothing(world: World) -> None:
    for kind in (71, 72, 73, 91):
        sent = say(world, "ann", f"event {kind}", "news|ann", type=kind, persistFlag=4)
        assert sent.seq == 0

    assert len(heard(world, "olga")) == 4
    assert head(world, "news|ann") == 0


def test_resending_in_a_dialog_is_one_message(world: World) -> None:
    first = world.say("ann", "once", channel="news|ann", cid="c", base=0)
    again = world.say("ann", "once", channel="news|ann", cid="c", base=0)

    assert (first.seq, first.uid) == (again.seq, again.uid)
    assert head(world, "news|ann") == 1


@pytest.mark.parametrize("target", ["", "|ann", "news|", "x" * 65, "news|" + "x" * 65, "x" * 65 + "|ann", "n\n|ann"])
def test_what_names_no_conversation_is_refused(world: World, target: str) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.service.send(device(world, "ann"), Conversation(3, target), TEXT, cid="c", base=0)


# --- through an API, which names the channel alone


def test_a_users_message_through_an_api_goes_into_his_dialog(world: World) -> None:
    world.service.send(Sender("ann"), NEWS, TEXT)

    assert (head(world), head(world, "news|ann")) == (0, 1)


def test_a_message_to_one_through_an_api_goes_into_the_dialog(world: World) -> None:
    world.service.send(Sender("olga", origin=Origin.CHANNEL), NEWS, TEXT, to=["ann"])
    world.service.send(Sender("olga", origin=Origin.CHANNEL), NEWS, TEXT, to=["ann", "bob"])

    assert (head(world), head(world, "news|ann")) == (1, 1)


def test_the_owner_gets_no_copy_of_what_her_service_sends() -> None:
    for automatic, copies in ((0, ["news: hi"]), (1, [])):
        world = stage(callback="https://example.com", automatic=automatic)
        world.service.send(Sender("olga", origin=Origin.CHANNEL), NEWS, TEXT)
        world.settle()
        assert heard(world, "olga") == copies
        assert heard(world, "ann") == ["news: hi"]


def test_an_admin_writes_as_one_of_the_two_sides_of_a_dialog_only(world: World) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.service.send(Sender("bob", origin=Origin.ADMIN), WITH_ANN, TEXT)
    world.service.send(Sender("sue", origin=Origin.ADMIN), NEWS, TEXT)
    assert head(world, "news|sue") == 1
    with refusal(Code.NOT_EXIST):
        world.service.send(Sender("sue", origin=Origin.ADMIN), Conversation(3, "nowhere"), TEXT)


@pytest.mark.parametrize("wanted", [False, True])
def test_those_who_are_away_are_notified_of_a_broadcast_where_the_deployment_wants_it(wanted: bool) -> None:
    world = stage({"notify_broadcasts": wanted})
    world.channel_service.subscribe("news", ["away"], on=True)
    world.say("olga", "extra", channel="news")

    world.spreading.work(world.queue.jobs.pop())

    [job] = [job for job in world.queue.jobs if not job.news]
    assert job.users == (("ann", "away", "bob") if wanted else ("ann", "bob"))
    assert (job.alert is not None) is wanted


def test_the_owner_gets_no_copy_of_a_dialog_that_her_service_leads() -> None:
    for automatic, copies in ((0, ["news|ann: hi"]), (1, [])):
        world = stage(callback="https://example.com", automatic=automatic)
        world.service.send(Sender("olga", origin=Origin.CHANNEL), NEWS, TEXT, to=["ann"])
        assert heard(world, "olga") == copies
        assert (("olga", WITH_ANN) in world.rows.rows) is (automatic == 0)
        assert heard(world, "ann") == ["news|ann: hi"]


def test_who_ended_a_subscription_to_a_global_channel_still_gets_and_reads_it() -> None:
    world = stage(state=int(State.GLOBAL))
    world.channel_service.listen("ann", "news", on=False)

    say(world, "olga", "extra")

    assert heard(world, "ann") == ["news: extra"]
    assert listed(world, "ann") == {"news": (1, 1, None)}
    assert pull(world, "ann") == [1]
