"""Sending, reading and taking back messages, by the rules."""

import json
from contextlib import nullcontext

import pytest

from im.errors import Code, ImError
from im.message.model import Conversation, Origin, Payload, Sender
from im.message.reading import Range
from tests.fakes.world import World

BOB = Conversation(0, "bob")
ALICE = Conversation(0, "alice")


@pytest.fixture
def world() -> World:
    return World()


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code == code)


def pull(world: World, user: str, conversation: Conversation, after: int = 0, limit: int = 100) -> list[int]:
    [page] = world.service.pull(user, [Range(conversation, after, limit)])
    return [message.seq for message in page.messages]


# --- sending


def test_both_sides_of_a_chat_share_one_log(world: World) -> None:
    first = world.say("alice", "hello", to="bob")
    second = world.say("bob", "hi", to="alice", base=1)

    assert (first.seq, second.seq) == (1, 2)
    assert pull(world, "alice", BOB) == pull(world, "bob", ALICE) == [1, 2]


def test_the_recipient_gets_a_push_that_names_the_chat_from_his_side(world: World) -> None:
    world.online("alice")
    bob = world.online("bob")

    sent = world.say("alice", "hello", to="bob")

    [push] = world.pushes(bob)
    assert push["conversation"] == {"type": 0, "target": "alice", "line": 0}
    assert (push["seq"], push["uid"], push["from"]) == (sent.seq, str(sent.uid), "alice")
    assert push["content"] == {"type": 1, "searchableContent": "hello", "persistFlag": 3}


def test_the_senders_other_devices_get_the_push_and_the_sending_one_does_not(world: World) -> None:
    phone, tablet = world.online("alice", "phone"), world.online("alice", "tablet", 8)

    world.say("alice", "hello", to="bob")

    assert world.pushes(phone) == []
    assert world.pushes(tablet)[0]["conversation"]["target"] == "bob"


def test_a_resend_delivers_again_and_stores_nothing(world: World) -> None:
    bob = world.online("bob")
    first = world.say("alice", "hello", to="bob", cid="c1")

    again = world.message_service().send(
        Sender("alice"), BOB, Payload(type=1, searchableContent="hello"), cid="c1", base=0
    )

    assert again == first
    assert pull(world, "bob", ALICE) == [1]
    assert [push["seq"] for push in world.pushes(bob)] == [1, 1]


def test_a_base_that_does_not_exist_is_refused_and_nothing_is_written(world: World) -> None:
    world.say("alice", "hello", to="bob")

    with refusal(Code.INVALID_PARAMETER):
        world.say("alice", "again", to="bob", base=5)

    assert pull(world, "alice", BOB) == [1]


def test_a_device_whose_hello_came_between_presence_and_append_is_found(world: World) -> None:
    put = world.messages.put
    connected: list[str] = []

    def connect_then_put(*args: object, **kwargs: object) -> object:
        connected.append(world.online("bob"))
        return put(*args, **kwargs)  # type: ignore[arg-type]

    world.messages.put = connect_then_put  # type: ignore[method-assign, assignment]

    world.say("alice", "hello", to="bob")

    assert [push["seq"] for push in world.pushes(connected[0])] == [1]


def test_a_410_during_the_handshake_does_not_unregister_the_device(world: World) -> None:
    bob = world.online("bob")
    world.poster.gone.add(bob)
    world.say("alice", "during the handshake", to="bob")
    world.poster.gone.clear()
    world.now += 100

    world.say("alice", "after it", to="bob", base=1)

    assert [push["seq"] for push in world.pushes(bob)] == [2]


def test_a_socket_that_is_gone_is_forgotten_and_the_others_are_not(world: World) -> None:
    alice, phone, tablet = world.online("alice"), world.online("bob", "phone"), world.online("bob", "tablet", 8)
    world.poster.gone.add(phone)
    world.now += 30_000

    world.say("alice", "hello", to="bob")

    bob = {device.client: device.online for device in world.presence.load_one("bob").devices}
    assert bob == {"phone": False, "tablet": True}
    assert world.presence.load_one("alice").device("phone").connection == alice  # type: ignore[union-attr]
    assert len(world.pushes(tablet)) == 1


def test_a_socket_that_came_back_under_a_new_id_survives_the_410_of_the_old_one(world: World) -> None:
    old = world.online("bob")
    world.poster.gone.add(old)
    world.now += 30_000
    post_many = world.poster.post_many

    def reconnect_meanwhile(posts: object) -> object:
        world.now += 1
        world.online("bob")
        return post_many(posts)  # type: ignore[arg-type]

    world.poster.post_many = reconnect_meanwhile  # type: ignore[method-assign, assignment]

    world.say("alice", "hello", to="bob")

    assert world.presence.load_one("bob").device("phone").online  # type: ignore[union-attr]


def test_a_transparent_message_reaches_live_sockets_and_is_not_stored(world: World) -> None:
    bob = world.online("bob")

    sent = world.say("alice", "", to="bob", type=91, persistFlag=4)

    assert sent.seq == 0
    assert "seq" not in world.pushes(bob)[0]
    assert pull(world, "bob", ALICE) == []


def test_a_stamp_is_written_once_a_minute_on_both_sides(world: World) -> None:
    minute = world.now // 60_000
    world.say("alice", "one", to="bob")
    stamps: list[str] = []
    stamp = world.rows.stamp
    world.rows.stamp = lambda user, *rest: (stamps.append(user), stamp(user, *rest))[1]  # type: ignore[method-assign]

    world.say("alice", "two", to="bob", base=1)
    world.now += 60_000
    world.say("alice", "three", to="bob", base=2)

    assert sorted(stamps) == ["alice", "bob"]
    assert world.rows.get("bob", ALICE).activity == minute + 1  # type: ignore[union-attr]


def test_a_stamp_lost_on_one_side_is_made_up_for_by_the_next_message(world: World) -> None:
    world.rows.stamp("alice", BOB, world.now // 60_000)

    world.say("alice", "hello", to="bob")

    assert world.rows.get("bob", ALICE).activity == world.now // 60_000  # type: ignore[union-attr]


def test_content_types_of_the_server_are_refused_to_users_and_allowed_to_admins(world: World) -> None:
    for content_type in (80, 81, 100, 104, 199):
        with refusal(Code.INVALID_PARAMETER):
            world.say("alice", "x", to="bob", type=content_type, cid=str(content_type))

    sent = world.service.send(Sender("alice", origin=Origin.ADMIN), BOB, Payload(type=104))

    assert sent.seq == 1


def test_forbidden_types_are_refused() -> None:
    with refusal(Code.NOT_RIGHT):
        World(forbidden_client_send_types=(7,)).say("alice", "x", to="bob", type=7)


def test_a_muted_user_may_not_send_except_the_exempted_types(world: World) -> None:
    world.online("alice")
    world.presence.set_status("alice", 1)

    with refusal(Code.FORBIDDEN_SEND_MSG):
        world.say("alice", "hello", to="bob")

    assert world.say("alice", "", to="bob", type=402, persistFlag=0).seq == 1


def test_a_kicked_device_may_not_send(world: World) -> None:
    world.online("alice", "tablet", 8)

    with refusal(Code.KICKED_OFF):
        world.service.send(Sender("alice", "phone", "dead"), BOB, Payload(type=1), cid="a", base=0)


def test_a_blacklisted_sender_is_refused(world: World) -> None:
    world.rows.relate("bob", "alice", blocked=True, befriended=False)

    with refusal(Code.IN_BLACK_LIST):
        world.say("alice", "hello", to="bob")

    assert world.say("bob", "hello", to="alice").seq == 1


def test_a_resend_is_acknowledged_though_a_rule_would_refuse_it_by_now(world: World) -> None:
    sent = world.say("alice", "hello", to="bob", cid="a")
    world.say("bob", "no", to="alice", base=1)
    world.rows.relate("bob", "alice", blocked=True, befriended=False)

    again = world.say("alice", "hello", to="bob", cid="a")

    assert again == sent
    with refusal(Code.IN_BLACK_LIST):
        world.say("alice", "hello", to="bob", cid="b")


def test_a_blacklisted_sender_is_refused_on_every_line(world: World) -> None:
    world.rows.relate("bob", "alice", blocked=True, befriended=False)

    with refusal(Code.IN_BLACK_LIST):
        world.service.send(Sender("alice"), Conversation(0, "bob", 3), Payload(type=1), cid="a", base=0)


def test_with_the_ignore_strategy_a_blacklisted_sender_believes_that_he_sent() -> None:
    world = World(blacklist_strategy=1)
    world.rows.relate("bob", "alice", blocked=True, befriended=False)
    bob = world.online("bob")

    sent = world.say("alice", "hello", to="bob")

    assert (sent.seq, world.pushes(bob), pull(world, "bob", ALICE)) == (0, [], [])


def test_a_forbidden_user_gets_no_private_messages(world: World) -> None:
    world.presence.set_status("bob", 2)

    with refusal(Code.USER_FORBIDDEN):
        world.say("alice", "hello", to="bob")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0, None), (1, ""), (2, "a *** word"), (3, "a dirty word")],
)
def test_sensitive_words_are_refused_swallowed_masked_or_noted(mode: int, expected: str | None) -> None:
    world = World(sensitive_filter_type=mode)
    world.words.add(["dirty"])
    bob = world.online("bob")

    with refusal(Code.SENSITIVE_MATCHED) if expected is None else nullcontext():
        world.say("alice", "a dirty word", to="bob")

    assert [push["content"]["searchableContent"] for push in world.pushes(bob)] == ([expected] if expected else [])


def test_a_directed_message_is_for_the_listed_only(world: World) -> None:
    bob = world.online("bob")

    world.service.send(Sender("alice"), BOB, Payload(type=1), to=["carol"], cid="a", base=0)

    assert world.pushes(bob) == []
    assert pull(world, "bob", ALICE) == []
    assert pull(world, "alice", BOB) == [1]


def test_a_message_to_oneself_is_kept(world: World) -> None:
    assert world.say("alice", "note", to="alice").seq == 1
    assert pull(world, "alice", ALICE) == [1]


@pytest.mark.parametrize(
    "fields",
    [{"persistFlag": 2}, {"mentionedType": 3}, {"base64edData": "?"}, {"expireDuration": -1}, {"mediaType": 2**31}],
)
def test_a_content_out_of_range_is_refused(world: World, fields: dict[str, object]) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.say("alice", "x", to="bob", **fields)


def test_a_content_over_the_limit_is_refused(world: World) -> None:
    with refusal(Code.MESSAGE_TOO_LARGE):
        world.say("alice", "x" * 33_000, to="bob")


@pytest.mark.parametrize("target", ["", "x" * 65, "bo\nb", "bo\u0000b"])
def test_a_target_that_is_no_id_is_refused(world: World, target: str) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.service.send(Sender("alice"), Conversation(0, target), Payload(type=1), cid="a", base=0)


def test_conversation_types_that_are_not_hosted_say_so(world: World) -> None:
    with refusal(Code.NOT_IMPLEMENT):
        world.service.send(Sender("alice"), Conversation(4, "lamp"), Payload(type=1), cid="a", base=0)


@pytest.mark.parametrize("cid", ["", "x" * 65, "~recall:1", "a\tb"])
def test_a_cid_that_is_not_acceptable_is_refused(world: World, cid: str) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.service.send(Sender("alice"), BOB, Payload(type=1), cid=cid, base=0)


# --- reading


def test_a_page_ends_where_the_answer_would_grow_too_large(world: World) -> None:
    for number in range(8):
        world.say("alice", str(number) * 30_000, to="bob", base=number)

    [page] = world.service.pull("bob", [Range(ALICE, 0, 100)])

    assert [message.seq for message in page.messages] == [1, 2, 3]
    assert (page.through, page.head) == (3, 8)


def test_ranges_beyond_the_budget_come_back_empty_and_unfinished(world: World) -> None:
    for number in range(4):
        world.say("alice", str(number) * 30_000, to="bob", base=number)
    world.say("carol", "hi", to="bob")

    big, small = world.service.pull("bob", [Range(ALICE, 0, 100), Range(Conversation(0, "carol"), 0, 100)])

    assert (big.through, big.head) == (3, 4)
    assert small.head == 1


def test_an_expired_message_is_served_no_more_and_skipped(world: World) -> None:
    world.say("alice", "short", to="bob", expireDuration=10)
    world.say("alice", "long", to="bob", base=1)
    world.now += 10_000

    [page] = world.service.pull("bob", [Range(ALICE, 0, 100)])

    assert [message.seq for message in page.messages] == [2]
    assert page.through == 2


def test_history_comes_newest_first_and_says_where_the_next_page_begins(world: World) -> None:
    for number in range(5):
        world.say("alice", str(number), to="bob", base=number, type=1 if number % 2 else 3)

    newest, rest_before = world.service.history("bob", ALICE, None, 2)
    rest, end = world.service.history("bob", ALICE, rest_before, 10)
    texts, _ = world.service.history("bob", ALICE, None, 10, types=[1])

    assert ([message.seq for message in newest], rest_before) == ([5, 4], 4)
    assert ([message.seq for message in rest], end) == ([3, 2, 1], None)
    assert [message.seq for message in texts] == [4, 2]


def test_history_goes_on_behind_a_page_on_which_there_is_nothing_to_see(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("im.message.reading._HISTORY_EXAMINED", 3)
    for number in range(5):
        world.say("alice", str(number), to="bob", base=number, type=1 if number == 0 else 3)

    empty, rest = world.service.history("bob", ALICE, 6, 10, types=[1])
    found, end = world.service.history("bob", ALICE, rest, 10, types=[1])

    assert (empty, rest) == ([], 3)
    assert ([message.seq for message in found], end) == ([1], None)


def test_long_lists_of_readers_count_for_the_size_of_an_answer(world: World) -> None:
    readers = ["bob", *(f"reader-{number:04}-{'x' * 48}" for number in range(900))]
    for number in range(3):
        world.service.send(
            Sender("alice"), BOB, Payload(type=1, content="y" * 20_000), to=readers, cid=str(number), base=number
        )

    [page] = world.service.pull("bob", [Range(ALICE, 0, 100)])
    newest, rest = world.service.history("bob", ALICE, None, 10)

    assert ([message.seq for message in page.messages], page.head) == ([1], 3)
    assert ([message.seq for message in newest], rest) == ([3], 3)


def test_readers_whose_ids_would_not_fit_into_an_answer_are_refused(world: World) -> None:
    readers = [f"{number:04}" + "\N{GRINNING FACE}" * 60 for number in range(300)]

    with refusal(Code.INVALID_PARAMETER):
        world.service.send(Sender("alice"), BOB, Payload(type=1), to=readers, cid="c", base=0)


def test_history_can_be_switched_off() -> None:
    world = World(remote_history=False)
    world.say("alice", "x", to="bob")

    assert world.service.history("bob", ALICE, None, 10) == ([], None)


def test_a_read_cursor_never_moves_back_nor_beyond_the_head(world: World) -> None:
    for number in range(3):
        world.say("alice", str(number), to="bob", base=number)

    assert [world.service.read("bob", ALICE, seq) for seq in (2, 1, 99, 0)] == [2, 2, 3, 3]


def test_ones_other_devices_learn_what_one_has_read(world: World) -> None:
    phone, tablet = world.online("bob", "phone"), world.online("bob", "tablet", 8)
    world.say("alice", "x", to="bob")

    world.service.read("bob", ALICE, 1, skip=phone)

    assert world.pushes(tablet, "cursor") == [{"conversation": {"type": 0, "target": "alice", "line": 0}, "read": 1}]
    assert world.pushes(phone, "cursor") == []


# --- taking back


def test_a_recall_hides_the_message_and_tells_everybody(world: World) -> None:
    bob = world.online("bob")
    sent = world.say("alice", "oops", to="bob")

    event, original = world.service.recall(Sender("alice"), BOB, sent.seq)

    [hidden, notice] = world.service.pull("bob", [Range(ALICE, 0, 10)])[0].messages
    assert hidden.recall is not None
    assert "oops" not in hidden.payload
    assert (event.seq, notice.ref, json.loads(notice.payload)["type"]) == (2, 1, 80)
    assert json.loads(original)["sc"] == "oops"
    push = world.pushes(bob)[-1]
    assert (push["ref"], "oops" in json.dumps(push)) == (1, False)


def test_a_repeated_recall_succeeds_without_a_second_event(world: World) -> None:
    world.say("alice", "oops", to="bob")
    first, _ = world.service.recall(Sender("alice"), BOB, 1)
    world.say("bob", "what?", to="alice", base=2)

    again, original = world.message_service().recall(Sender("alice"), BOB, 1)

    assert (again, original) == (first, "")
    assert pull(world, "bob", ALICE) == [1, 2, 3]


@pytest.mark.parametrize("step", ["put", "blank"])
def test_a_recall_cut_short_is_finished_by_its_repeat(world: World, step: str) -> None:
    world.say("alice", "oops", to="bob")
    real = getattr(world.messages, step)

    def die(*args: object, **kwargs: object) -> object:
        setattr(world.messages, step, real)
        raise SystemExit

    setattr(world.messages, step, die)
    with pytest.raises(SystemExit):
        world.service.recall(Sender("alice"), BOB, 1)
    world.say("bob", "in between", to="alice", base=1)

    world.message_service().recall(Sender("alice"), BOB, 1)

    messages = world.service.pull("bob", [Range(ALICE, 0, 10)])[0].messages
    assert sorted(json.loads(message.payload)["type"] for message in messages) == [1, 80, 80]
    assert "oops" not in messages[0].payload


def test_a_recall_comes_too_late_after_the_time_limit(world: World) -> None:
    world.say("alice", "oops", to="bob")
    world.now += 121_000

    with refusal(Code.RECALL_TIME_EXPIRED):
        world.service.recall(Sender("alice"), BOB, 1)


def test_nobody_recalls_the_message_of_another_in_a_single_chat(world: World) -> None:
    world.say("alice", "oops", to="bob")

    with refusal(Code.NOT_RIGHT):
        world.service.recall(Sender("bob"), ALICE, 1)


def test_an_admin_recalls_by_uid_at_any_time(world: World) -> None:
    sent = world.say("alice", "oops", to="bob")
    world.now += 10**9

    text = world.service.recall_by_uid("root", sent.uid, admin=True)

    assert json.loads(text)["s"] == "alice"
    assert json.loads(world.service.get_by_uid(sent.uid).payload)["content"] == "root"
    assert world.service.recall_by_uid("root", sent.uid, admin=True) == ""


def test_a_deletion_for_oneself_is_seen_by_oneself_only(world: World) -> None:
    tablet, bob = world.online("alice", "tablet", 8), world.online("bob")
    world.say("alice", "x", to="bob")

    first = world.service.delete(Sender("alice"), BOB, 1, everybody=False)
    again = world.service.delete(Sender("alice"), BOB, 1, everybody=False)

    assert again == first
    assert pull(world, "alice", BOB) == [1, 2]
    assert pull(world, "bob", ALICE) == [1]
    assert (world.pushes(tablet)[-1]["ref"], len(world.pushes(bob))) == (1, 1)


def test_a_deletion_for_everybody_blanks_the_message(world: World) -> None:
    world.say("alice", "secret", to="bob")
    world.now += 10**9

    world.service.delete(Sender("alice"), BOB, 1, everybody=True)

    messages = world.service.pull("bob", [Range(ALICE, 0, 10)])[0].messages
    assert [(message.deleted, "secret" in message.payload) for message in messages] == [(True, False), (False, False)]


def test_a_recalled_message_can_still_be_deleted(world: World) -> None:
    sent = world.say("alice", "oops", to="bob")
    world.service.recall_by_uid("root", sent.uid, admin=True)

    world.service.delete_by_uid("root", sent.uid)

    assert world.service.get_by_uid(sent.uid).deleted


def test_its_author_can_delete_a_message_that_he_has_recalled(world: World) -> None:
    world.say("alice", "oops", to="bob")
    world.service.recall(Sender("alice"), BOB, 1)

    world.service.delete(Sender("alice"), BOB, 1, everybody=True)

    assert world.messages.get(BOB.key("alice"), 1).deleted  # type: ignore[union-attr]


def test_what_does_not_exist_cannot_be_taken_back(world: World) -> None:
    for seq in (0, 1, 2**53 - 1):
        with refusal(Code.NOT_EXIST):
            world.service.recall(Sender("alice"), BOB, seq)
