"""Messages in chatrooms: who may speak, who gets them, who may read them, and what is left of them."""

from typing import Any

import pytest

from im.chatroom.model import Room, Visitor
from im.errors import Code, ImError
from im.message.model import Conversation, Origin, Payload, Sender
from im.message.reading import Range
from tests.fakes.world import World

DAY = 86_400_000
IDLE_MS = 900_000
LOBBY = Conversation(2, "lobby")


@pytest.fixture
def world() -> World:
    return stage()


def stage(**switches: Any) -> World:
    """Ann, bob and cem are in the lobby; there is also a bar."""
    world = World(**switches)
    for room in ("lobby", "bar"):
        world.chatroom_admin.create(Room(room, title=room.title()))
    for user in ("ann", "bob", "cem"):
        world.online(user)
        join(world, user)
    return world


def device(world: World, user: str, client: str = "phone") -> Sender:
    found = world.presence.load_one(user).device(client)
    assert found is not None
    return Sender(user, client, found.connection)


def join(world: World, user: str, room: str = "lobby", client: str = "phone") -> int:
    who = device(world, user, client)
    assert who.client
    assert who.connection
    return int(world.chatrooms.join(Visitor(user, who.client, who.connection, 1), room).head)


def head(world: World) -> int:
    newest = world.messages.newest(LOBBY.key("ann"))
    room = world.rooms.get("lobby")
    assert room is not None
    return max(newest.seq if newest else 0, room.floor)


def say(world: World, user: str, text: str = "hi", **more: Any) -> Any:
    more.setdefault("base", head(world))
    more.setdefault("cid", f"{user}:{text}:{head(world)}")
    return world.say(user, text, room="lobby", **more)


def pull(world: World, user: str, after: int = 0) -> list[str]:
    [page] = world.service.pull(user, [Range(LOBBY, after, 100)], reader=device(world, user))
    return [message.payload for message in page.messages]


def heard(world: World, user: str) -> list[int]:
    return [push["seq"] for push in world.pushes(device(world, user).connection or "")]


def refusal(code: Code) -> Any:
    return pytest.raises(ImError, match=f"^{int(code)} ")


def test_a_message_goes_to_everybody_inside_but_its_sender(world: World) -> None:
    join(world, "cem", "bar")

    sent = say(world, "ann")

    assert (heard(world, "ann"), heard(world, "bob"), heard(world, "cem")) == ([], [sent.seq], [])


def test_a_push_names_the_room(world: World) -> None:
    say(world, "ann")

    [push] = world.pushes(device(world, "bob").connection or "")

    assert push["conversation"] == {"type": 2, "target": "lobby", "line": 0}
    assert push["from"] == "ann"


def test_only_the_device_that_is_inside_gets_a_message(world: World) -> None:
    tablet = world.online("bob", "tablet", 8)

    sent = say(world, "ann")

    assert (heard(world, "bob"), world.pushes(tablet)) == ([sent.seq], [])


def test_a_directed_message_is_for_its_readers_inside(world: World) -> None:
    world.service.send(device(world, "ann"), LOBBY, Payload(type=1), to=["bob", "dan"], cid="d", base=head(world))

    assert (len(heard(world, "bob")), len(heard(world, "cem"))) == (1, 0)
    assert (len(pull(world, "bob")), len(pull(world, "cem"))) == (1, 0)


def test_a_transparent_message_is_heard_and_not_stored(world: World) -> None:
    sent = say(world, "ann", persistFlag=4)

    assert sent.seq == 0
    assert len(world.pushes(device(world, "bob").connection or "")) == 1
    assert pull(world, "bob") == []


def test_a_send_costs_a_batch_read_a_put_and_a_query_of_the_seats(world: World) -> None:
    first = say(world, "ann").seq
    world.messages.puts = 0

    say(world, "ann", "again", base=first)

    assert world.messages.puts == 1


def test_a_resend_is_stored_once_and_heard_again(world: World) -> None:
    base = head(world)
    first = say(world, "ann", base=base, cid="c")
    say(world, "bob", "between")

    assert say(world, "ann", base=base, cid="c") == first
    assert heard(world, "cem").count(first.seq) == 2


def test_a_resend_finds_its_message_though_its_sender_was_muted_since(world: World) -> None:
    base = head(world)
    first = say(world, "ann", base=base, cid="c")
    world.chatroom_admin.set_black("lobby", "ann", 1, 0)

    assert say(world, "ann", base=base, cid="c") == first
    with refusal(Code.NOT_RIGHT):
        say(world, "ann", "new")


# --- who may speak


def test_who_is_idle_is_not_served_and_is_let_in_again_when_he_speaks(world: World) -> None:
    world.now += IDLE_MS
    join(world, "bob")

    say(world, "ann")

    assert (len(heard(world, "bob")), heard(world, "cem")) == (1, [])
    say(world, "bob", "you there?")
    assert len(heard(world, "ann")) == 1


def test_who_is_idle_is_refused_where_nobody_is_let_in_again() -> None:
    world = stage(chatroom_rejoin=False)
    world.now += IDLE_MS

    with refusal(Code.NOT_IN_CHATROOM):
        say(world, "ann")
    with refusal(Code.NOT_IN_CHATROOM):
        pull(world, "ann")


def test_who_went_elsewhere_is_not_brought_back_by_speaking(world: World) -> None:
    join(world, "ann", "bar")

    with refusal(Code.NOT_IN_CHATROOM):
        say(world, "ann")


def test_a_device_that_was_put_out_is_not_let_in_by_speaking(world: World) -> None:
    world.online("ann", "tablet", 8)
    join(world, "ann", "lobby", "tablet")

    with refusal(Code.NOT_IN_CHATROOM):
        say(world, "ann")


def test_speaking_does_not_open_a_room_that_has_ended(world: World) -> None:
    world.chatroom_admin.end("lobby")

    with refusal(Code.NOT_IN_CHATROOM):
        say(world, "ann")


def test_speaking_is_a_sign_of_life(world: World) -> None:
    for _ in range(6):
        world.now += IDLE_MS // 3
        say(world, "ann")

    assert [seat.user for seat in world.chatrooms.members("lobby")] == ["ann"]


def test_pulling_is_a_sign_of_life(world: World) -> None:
    for _ in range(6):
        world.now += IDLE_MS // 3
        pull(world, "ann")

    assert [seat.user for seat in world.chatrooms.members("lobby")] == ["ann"]


def test_after_a_reconnect_speaking_moves_the_seat_to_the_new_socket(world: World) -> None:
    world.now += 1
    world.online("bob")
    say(world, "bob")

    say(world, "ann")

    assert len(heard(world, "bob")) == 1


@pytest.mark.parametrize(("kind", "code"), [(1, Code.NOT_RIGHT), (401, None)])
def test_a_muted_user_sends_nothing_but_what_is_exempted(world: World, kind: int, code: Code | None) -> None:
    world.chatroom_admin.set_black("lobby", "ann", 1, 0)

    if code is None:
        say(world, "ann", type=kind)
        return
    with refusal(code):
        say(world, "ann", type=kind)


def test_in_a_muted_room_managers_speak(world: World) -> None:
    world.chatroom_admin.mute_all("lobby", True)
    world.chatroom_admin.set_manager("lobby", "bob", True)

    with refusal(Code.GROUP_MUTED):
        say(world, "ann")
    say(world, "bob")
    world.chatroom_admin.mute_all("lobby", False)
    say(world, "ann")


def test_a_mute_ends_at_its_time(world: World) -> None:
    world.chatroom_admin.set_black("lobby", "ann", 1, world.now + 1_000)
    assert [standing.user for standing in world.chatroom_admin.blacks("lobby")] == ["ann"]

    world.now += 1_000

    say(world, "ann")
    assert world.chatroom_admin.blacks("lobby") == []


def test_who_is_muted_everywhere_is_muted_here(world: World) -> None:
    world.presence.set_status("ann", 1)

    with refusal(Code.FORBIDDEN_SEND_MSG):
        say(world, "ann")


def test_a_client_whose_session_was_ended_is_told_so(world: World) -> None:
    sender = device(world, "ann")
    world.presence.remove("ann", "phone")

    with refusal(Code.KICKED_OFF):
        world.service.send(sender, LOBBY, Payload(type=1), cid="c", base=head(world))


def test_sensitive_words_are_refused_here_too(world: World) -> None:
    world.words.add(["casino"])

    with refusal(Code.SENSITIVE_MATCHED):
        say(world, "ann", "to the casino")


def test_an_admin_speaks_in_any_room_that_exists(world: World) -> None:
    admin = Sender("boss", origin=Origin.ADMIN)
    world.chatroom_admin.mute_all("lobby", True)

    sent = world.service.send(admin, LOBBY, Payload(type=1))

    assert heard(world, "ann") == [sent.seq]
    with refusal(Code.NOT_EXIST):
        world.service.send(admin, Conversation(2, "nowhere"), Payload(type=1))


# --- reading


def test_history_is_open_to_everybody_and_pulling_is_not(world: World) -> None:
    say(world, "ann")
    world.online("dan")

    found, _ = world.service.history("dan", LOBBY, None, 20)

    assert len(found) == 1
    join(world, "dan", "bar")
    with refusal(Code.NOT_IN_CHATROOM):
        pull(world, "dan")


def test_history_of_rooms_has_a_switch_of_its_own() -> None:
    world = stage(chatroom_history=False)
    say(world, "ann")
    assert world.service.history("ann", LOBBY, None, 20) == ([], None)

    other = stage(remote_history=False)
    say(other, "ann")
    assert len(other.service.history("ann", LOBBY, None, 20)[0]) == 1


def test_what_has_been_kept_for_long_enough_is_served_no_more(world: World) -> None:
    say(world, "ann")
    world.now += DAY - 1
    assert len(pull(world, "ann")) == 1

    world.now += 1

    assert pull(world, "ann") == []
    assert world.service.history("ann", LOBBY, None, 20)[0] == []
    join(world, "bob")
    assert (
        world.chatrooms.join(Visitor("bob", "phone", device(world, "bob").connection or "", 1), "lobby").messages == ()
    )


@pytest.mark.parametrize("act", ["read", "clear"])
def test_what_rooms_do_not_have_is_not_implemented(world: World, act: str) -> None:
    say(world, "ann")

    with refusal(Code.NOT_IMPLEMENT):
        if act == "read":
            world.service.read("ann", LOBBY, head(world))
        else:
            world.service.clear("ann", LOBBY, None)


# --- taking back


def test_a_message_is_recalled_in_the_room(world: World) -> None:
    sent = say(world, "ann", "secret")

    event, _ = world.service.recall(device(world, "ann"), LOBBY, sent.seq)

    assert event.seq == sent.seq + 1
    assert heard(world, "bob") == [sent.seq, event.seq]
    assert "secret" not in pull(world, "bob")[0]


def test_a_message_is_corrected_in_the_room_and_everybody_hears_how(world: World) -> None:
    sent = say(world, "ann", "helo")

    event = world.service.edit(device(world, "ann"), LOBBY, sent.seq, Payload(type=1, searchableContent="hello"))

    assert event.seq == sent.seq + 1
    [_, told] = world.pushes(device(world, "bob").connection or "")
    assert (told["ref"], told["edit"]["content"]["searchableContent"]) == (sent.seq, "hello")
    assert "hello" in pull(world, "bob")[0]


def test_a_reaction_in_the_room_is_heard_and_counted(world: World) -> None:
    sent = say(world, "ann")

    event = world.service.react(device(world, "bob"), LOBBY, sent.seq, "👍", True)

    assert event
    assert heard(world, "ann") == [event.seq]
    message = world.messages.get(LOBBY.key("ann"), sent.seq)
    assert message
    assert message.reactions == {"👍": {"bob": event.seq}}


def test_who_may_not_speak_in_a_room_neither_corrects_nor_reacts(world: World) -> None:
    sent = say(world, "ann")
    world.chatroom_admin.mute_all("lobby", True)
    with refusal(Code.GROUP_MUTED):
        world.service.edit(device(world, "ann"), LOBBY, sent.seq, Payload(type=1, searchableContent="x"))
    with refusal(Code.GROUP_MUTED):
        world.service.react(device(world, "bob"), LOBBY, sent.seq, "👍", True)

    world.chatroom_admin.mute_all("lobby", False)
    join(world, "ann", "bar")
    with refusal(Code.NOT_IN_CHATROOM):
        world.service.edit(device(world, "ann"), LOBBY, sent.seq, Payload(type=1, searchableContent="x"))


def test_nobody_recalls_what_another_said(world: World) -> None:
    sent = say(world, "ann")

    with refusal(Code.NOT_RIGHT):
        world.service.recall(device(world, "bob"), LOBBY, sent.seq)


def test_an_admin_deletes_by_uid(world: World) -> None:
    sent = say(world, "ann", "secret")

    world.service.delete_by_uid("admin", sent.uid)

    assert heard(world, "bob") == [sent.seq, sent.seq + 1]
    assert "secret" not in "".join(pull(world, "bob"))


# --- many


def test_a_large_room_is_served_by_the_queue_without_asking_where_anybody_is() -> None:
    world = stage(inline_limit=2, fanout_chunk=2)
    for user in ("dan", "eve"):
        world.online(user)
        join(world, user)

    sent = say(world, "ann")

    assert heard(world, "bob") == []
    assert [len(job.targets) for job in world.queue.jobs] == [2, 2]
    for job in world.queue.jobs:
        assert world.delivery.work(job).failed == ()
    assert [heard(world, user) for user in ("ann", "bob", "cem", "dan", "eve")] == [[]] + [[sent.seq]] * 4


def test_a_socket_that_is_gone_loses_its_seat(world: World) -> None:
    world.poster.gone.add(device(world, "bob").connection or "")

    say(world, "ann")

    assert [seat.user for seat in world.chatrooms.members("lobby")] == ["ann", "cem"]


def test_a_socket_that_does_not_take_frames_keeps_its_seat(world: World) -> None:
    world.poster.stuck.add(device(world, "bob").connection or "")

    say(world, "ann")

    assert len(world.chatrooms.members("lobby")) == 3


def test_the_worker_reports_what_is_gone_and_what_failed() -> None:
    world = stage(inline_limit=1)
    world.poster.gone.add(device(world, "bob").connection or "")
    world.poster.stuck.add(device(world, "cem").connection or "")
    say(world, "ann")
    [job] = world.queue.jobs

    reach = world.delivery.work(job)
    world.chatrooms.vacate(job.room, reach.gone)

    assert reach.failed == ("cem",)
    assert [seat.user for seat in world.chatrooms.members("lobby")] == ["ann", "cem"]
