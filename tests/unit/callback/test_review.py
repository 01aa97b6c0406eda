"""The reviewer outside: what his answers do to messages, and what happens without one (server-api spec 5.9)."""

import json
from typing import Any

import pytest

from im.callback.model import Event
from im.callback.review import FAILURES, REST_MS
from im.chatroom.model import Room, Visitor
from im.errors import BusyError, Code, ImError
from im.message.model import Conversation, Message, Origin, Payload, Sender, payload_from_json
from im.platform.webhooks import WebhookFailed, WebhookRefused
from tests.fakes.world import World

URL = "http://app:8888/message/censor"
DOWN = WebhookFailed("down")
NO = WebhookFailed("no", 403)


def world(**switches: Any) -> World:
    return World(**{"review_url": URL, "review_types": "1,5-10", **switches})


def stored(here: World) -> list[str]:
    log = Conversation(0, "bob").key("ann")
    return [payload_from_json(message.payload).searchableContent for message in here.messages.after(log, 0, 100)]


def answers(here: World, body: Any) -> None:
    here.answering.answers[URL] = body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize("body", [b"", b"ok", b"{}", b'{"type":0}', b'{"type":1,"searchableContent":7}', b"[1]"])
def test_what_is_allowed_is_sent_as_it_is_with_the_uid_that_the_reviewer_was_told(body: bytes) -> None:
    here = world()
    answers(here, body)

    sent = here.say("ann", "hello", to="bob")

    [shown] = here.answering.posted
    assert stored(here) == ["hello"]
    assert (shown.url, shown.secret, shown.timeout_s) == (URL, ("the callbacks' own",), 1.5)
    assert (shown.body["messageId"], shown.body["timestamp"]) == (sent.uid, sent.time)
    assert (shown.body["sender"], shown.body["conv"]["target"]) == ("ann", "bob")
    assert shown.body["payload"]["searchableContent"] == "hello"


def test_a_content_in_the_answer_takes_the_place_of_the_one_that_was_sent() -> None:
    here = world()
    answers(here, {"type": 1, "searchableContent": "h***o", "persistFlag": 0, "newer": True})

    here.say("ann", "hello", to="bob")

    assert stored(here) == ["h***o"]
    [message] = here.messages.after(Conversation(0, "bob").key("ann"), 0, 10)
    assert payload_from_json(message.payload).persistFlag == 3


def test_a_content_that_could_not_be_sent_is_not_put_in() -> None:
    here = world()
    answers(here, {"type": 1, "searchableContent": "x" * 40_000})

    here.say("ann", "hello", to="bob")

    assert stored(here) == ["hello"]


@pytest.mark.parametrize("told", [True, False])
def test_what_is_rejected_is_not_sent(told: bool) -> None:
    here = world(review_fail_when_matched=told)
    here.answering.failures[URL] = NO

    if told:
        with pytest.raises(ImError) as refusal:
            here.say("ann", "hello", to="bob")
        assert refusal.value.code is Code.SENSITIVE_MATCHED
    else:
        assert here.say("ann", "hello", to="bob").uid
    assert stored(here) == []


@pytest.mark.parametrize("failure", [DOWN, WebhookFailed("broken", 500), WebhookRefused("private")])
def test_without_an_answer_it_is_sent_as_it_is_or_refused_for_the_moment(failure: Exception) -> None:
    for refuses in (False, True):
        here = world(review_or_refuse=refuses)
        here.answering.failures[URL] = failure  # type: ignore[assignment]
        if refuses:
            with pytest.raises(BusyError):
                here.say("ann", "hello", to="bob")
        else:
            here.say("ann", "hello", to="bob")
        assert stored(here) == ([] if refuses else ["hello"])


def test_a_dead_reviewer_is_not_asked_each_time() -> None:
    here = world()
    here.answering.failures[URL] = DOWN
    for number in range(FAILURES + 5):
        here.say("ann", f"{number}", to="bob", base=number)
    assert len(here.answering.posted) == FAILURES

    here.now += REST_MS
    here.answering.failures.clear()
    here.say("ann", "back", to="bob", base=FAILURES + 5)
    assert len(here.answering.posted) == FAILURES + 1


def test_a_resend_of_what_was_accepted_is_not_reviewed_again_whatever_the_reviewer_made_of_it() -> None:
    here = world()
    answers(here, {"type": 1, "searchableContent": "better"})
    first = here.say("ann", "hello", to="bob", cid="one")
    here.answering.failures[URL] = NO

    again = here.say("ann", "hello", to="bob", cid="one")

    assert again == first
    assert stored(here) == ["better"]
    assert len(here.answering.posted) == 1


def test_only_listed_types_of_those_who_are_no_admins_are_reviewed() -> None:
    here = world()
    here.say("ann", "a sticker", to="bob", type=3)
    here.service.send(Sender("ann", origin=Origin.ADMIN), Conversation(0, "bob"), Payload(type=1, persistFlag=3))
    here.service.send(Sender("ann", origin=Origin.ROBOT), Conversation(0, "bob"), Payload(type=1, persistFlag=3))

    assert len(here.answering.posted) == 1


def test_no_type_listed_means_that_nothing_is_reviewed_and_words_are_not_looked_at_either() -> None:
    here = world(review_types="")
    here.words.add(["dirty"])

    here.say("ann", "dirty", to="bob")

    assert (stored(here), here.answering.posted) == (["dirty"], [])


def test_messages_in_chatrooms_and_transparent_ones_are_reviewed_too() -> None:
    here = world()
    here.online("ann")
    here.chatroom_admin.create(Room("hall"))
    here.chatrooms.join(Visitor("ann", "phone", here.presence.load_one("ann").devices[0].connection), "hall")
    here.answering.failures[URL] = NO

    assert here.say("ann", "in the hall", room="hall").seq == 0
    assert here.say("ann", "now", to="bob", persistFlag=4).seq == 0

    assert [shown.body["conv"]["type"] for shown in here.answering.posted] == [2, 0]
    assert here.outside.messages == []


def test_an_edit_is_reviewed_and_its_repetition_is_not() -> None:
    here = world()
    sent = here.say("ann", "hello", to="bob")
    edited = Payload(type=1, searchableContent="helo", persistFlag=3)
    for _ in range(2):
        here.service.edit(Sender("ann"), Conversation(0, "bob"), sent.seq, edited)

    assert [shown.body["payload"]["searchableContent"] for shown in here.answering.posted] == ["hello", "helo"]
    assert here.answering.posted[1].body["messageId"] == sent.uid

    here.answering.failures[URL] = NO
    here.service.edit(Sender("ann"), Conversation(0, "bob"), sent.seq, Payload(type=1, searchableContent="ugly"))
    assert stored(here)[0] == "helo"


@pytest.mark.parametrize(("mode", "kept"), [(0, None), (1, None), (2, "***"), (3, "dirty")])
def test_a_sensitive_word_is_told_as_it_was_sent_whatever_becomes_of_the_message(mode: int, kept: str | None) -> None:
    here = World(sensitive_forward_url="http://app/sensitive", sensitive_filter_type=mode)
    here.words.add(["dirty"])
    if mode == 0:
        with pytest.raises(ImError):
            here.say("ann", "dirty", to="bob")
    else:
        here.say("ann", "dirty", to="bob")
    here.say("ann", "clean", to="bob", cid="other", base=1 if kept else 0)

    [told] = here.called_back.bodies(Event.SENSITIVE)
    assert told["payload"]["searchableContent"] == "dirty"
    assert stored(here) == ([kept] if kept else []) + ["clean"]
    if kept:
        message: Message = next(iter(here.messages.after(Conversation(0, "bob").key("ann"), 0, 1)))
        assert told["messageId"] == message.uid


def test_a_message_that_another_overtakes_while_it_is_reviewed_gets_a_later_uid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world()
    post = here.answering.post

    def slowly(*what: Any, **how: Any) -> Any:
        here.now += 1_000
        here.say("bob", "meanwhile", to="ann", type=3)
        return post(*what, **how)

    monkeypatch.setattr(here.answering, "post", slowly)

    sent = here.say("ann", "hello", to="bob")

    first, second = here.messages.after(Conversation(0, "bob").key("ann"), 0, 10)
    assert (first.sender, second.uid) == ("bob", sent.uid)
    assert first.uid < second.uid
    assert first.time < second.time
