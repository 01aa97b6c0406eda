"""The message route on moto, frame by frame: exact answers and pushes."""

import json
from typing import Any

import boto3
import pytest

from functions.message.ws import handler
from im.delivery.model import Device
from im.group.model import GroupInfo, GroupMember
from im.platform.uids import uid_ms
from im.settings import Env
from im.wiring.api import group_service
from im.wiring.base import presence
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded
from tests.handlers.conftest import forget_cached
from tests.handlers.recorded import CONNECTION

NOW = 1_795_369_200_000
BOBS = "GXLKBfX1FiACG1w="
TO_BOB = {"type": 0, "target": "bob"}
TO_ANN = {"type": 0, "target": "ann", "line": 0}


@pytest.fixture
def chat(deployed: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> RecordingPoster:
    """ann and bob are online, and time stands still."""
    monkeypatch.setattr("im.platform.clock.now_ms", lambda: NOW)
    monkeypatch.setenv(Env.MEDIA_BUCKET, "media")
    monkeypatch.setenv(Env.MEDIA_BASE_URL, "https://media.example.com")
    presence().register("ann", Device("phone", 1, CONNECTION, 1))
    presence().register("bob", Device("bobs", 2, BOBS, 1))
    return deployed


def ask(op: str, body: dict[str, Any], *, user: str = "ann") -> dict[str, Any]:
    who = {"ann": ("phone", CONNECTION), "bob": ("bobs", BOBS)}
    client, connection = who[user]
    request = {"route": "message", "op": op, "id": "9", "body": body}
    answer = handler(recorded.frame("message", request, user=user, client=client, connection=connection), None)
    assert answer["statusCode"] == 200
    frame: dict[str, Any] = json.loads(answer["body"])
    assert frame["id"] == "9"
    return frame


def say(text: str, base: int = 0, **changes: Any) -> dict[str, Any]:
    content = {"type": 1, "searchableContent": text}
    return ask("send", {"conversation": TO_BOB, "content": content, "cid": text, "base": base, **changes})


def seen_by_bob(seq: int, uid: str, text: str, **more: Any) -> dict[str, Any]:
    place = {"conversation": TO_ANN, "seq": seq, "uid": uid, "cid": text, "from": "ann", "time": NOW + seq - 1}
    return {**place, "content": {"type": 1, "searchableContent": text}, **more}


def test_a_message_is_acknowledged_and_pushed(chat: RecordingPoster) -> None:
    answer = say("hi")

    uid = answer["body"]["uid"]
    assert answer == {"id": "9", "code": 0, "body": {"seq": 1, "uid": uid, "time": NOW}}
    assert uid_ms(int(uid)) == NOW
    assert chat.frames == {BOBS: [{"push": "message", "body": seen_by_bob(1, uid, "hi")}]}


def test_a_resend_answers_the_same(chat: RecordingPoster) -> None:
    assert say("hi") == say("hi")
    assert say("next", base=1)["body"]["seq"] == 2


def test_a_transparent_message_has_no_place(chat: RecordingPoster) -> None:
    answer = ask("send", {"conversation": TO_BOB, "content": {"type": 91, "persistFlag": 4}, "cid": "t", "base": 0})

    assert answer["body"].keys() == {"uid", "time"}
    [push] = chat.frames[BOBS]
    assert "seq" not in push["body"]
    pulled = ask("pull", {"ranges": [{"conversation": TO_BOB, "after": 0}]})
    assert pulled["body"]["ranges"][0]["messages"] == []


def test_what_was_sent_is_pulled(chat: RecordingPoster) -> None:
    uids = [say("one")["body"]["uid"], say("two", base=1, to=["bob"])["body"]["uid"]]

    answer = ask("pull", {"ranges": [{"conversation": {"type": 0, "target": "ann"}, "after": 0}]}, user="bob")

    messages = [seen_by_bob(1, uids[0], "one"), seen_by_bob(2, uids[1], "two", to=["bob"])]
    assert answer["body"] == {"ranges": [{"conversation": TO_ANN, "messages": messages, "through": 2, "head": 2}]}


def test_history_names_the_next_page_while_there_is_one(chat: RecordingPoster) -> None:
    uids = [say(str(number), base=number)["body"]["uid"] for number in range(2)]
    conversation = {"type": 0, "target": "ann"}

    newest = ask("history", {"conversation": conversation, "limit": 1}, user="bob")["body"]
    oldest = ask("history", {"conversation": conversation, "limit": 1, "before": newest["next"]}, user="bob")["body"]

    assert newest == {"messages": [seen_by_bob(2, uids[1], "1")], "more": True, "next": 2}
    assert oldest == {"messages": [seen_by_bob(1, uids[0], "0")], "more": False}


def test_reading_moves_the_cursor(chat: RecordingPoster) -> None:
    say("hi")
    presence().register("bob", Device("tablet", 8, "GXLKTfX1FiACG1w=", 1))

    answer = ask("read", {"conversation": {"type": 0, "target": "ann"}, "seq": 1}, user="bob")

    assert answer == {"id": "9", "code": 0, "body": {"read": 1}}
    cursor = {"push": "cursor", "body": {"conversation": TO_ANN, "read": 1}}
    assert chat.frames["GXLKTfX1FiACG1w="] == [cursor]
    assert cursor not in chat.frames[BOBS]


def test_recall_and_delete_leave_events(chat: RecordingPoster) -> None:
    say("one")
    say("two", base=1)

    recalled = ask("recall", {"conversation": TO_BOB, "seq": 1})["body"]
    deleted = ask("delete", {"conversation": TO_BOB, "seq": 2, "all": True})["body"]

    assert (recalled["seq"], deleted["seq"]) == (3, 4)
    events = [push["body"] for push in chat.frames[BOBS]][2:]
    assert [(event["seq"], event["ref"], event["content"]["type"]) for event in events] == [(3, 1, 80), (4, 2, 81)]
    [page] = ask("pull", {"ranges": [{"conversation": TO_BOB, "after": 0, "limit": 2}]})["body"]["ranges"]
    assert page["messages"][0]["recalled"] == {"by": "ann", "time": NOW}
    assert page["messages"][1]["deleted"] is True
    assert (page["through"], page["head"]) == (2, 4)


def test_an_edit_shows_what_the_message_is_now(chat: RecordingPoster) -> None:
    say("helo")

    event = ask("edit", {"conversation": TO_BOB, "seq": 1, "content": {"type": 1, "searchableContent": "hello"}})[
        "body"
    ]

    now = {"content": {"type": 1, "searchableContent": "hello"}, "time": NOW}
    assert (event["seq"], chat.frames[BOBS][-1]["body"]["edit"]) == (2, now)
    [page] = ask("pull", {"ranges": [{"conversation": TO_BOB, "after": 0}]})["body"]["ranges"]
    message, told = page["messages"]
    assert (message["content"], message["edited"], told["edit"]) == (now["content"], NOW, now)


def test_a_reaction_is_shown_until_it_is_taken_away(chat: RecordingPoster) -> None:
    say("we won")

    on = ask("react", {"conversation": TO_ANN, "seq": 1, "emoji": "👍"}, user="bob")["body"]
    [page] = ask("pull", {"ranges": [{"conversation": TO_BOB, "after": 0, "limit": 1}]})["body"]["ranges"]
    off = ask("react", {"conversation": TO_ANN, "seq": 1, "emoji": "👍", "on": False}, user="bob")["body"]
    nothing = ask("react", {"conversation": TO_ANN, "seq": 1, "emoji": "🎉", "on": False}, user="bob")["body"]

    assert ((on["seq"], off["seq"]), nothing) == ((2, 3), {})
    assert page["messages"][0]["reactions"] == [{"emoji": "👍", "users": ["bob"]}]
    [page] = ask("pull", {"ranges": [{"conversation": TO_BOB, "after": 0, "limit": 1}]})["body"]["ranges"]
    assert "reactions" not in page["messages"][0]


def test_clearing_and_removing_answer_where_the_bounds_stand(chat: RecordingPoster) -> None:
    say("one")
    say("two", base=1)

    assert ask("clear", {"conversation": TO_ANN, "seq": 1}, user="bob")["body"] == {"cleared": 1}
    assert ask("remove", {"conversation": TO_ANN}, user="bob")["body"] == {"removed": 2}

    [page] = ask("pull", {"ranges": [{"conversation": TO_ANN, "after": 0}]}, user="bob")["body"]["ranges"]
    assert [message["seq"] for message in page["messages"]] == [2]


def test_an_upload_is_permitted_for_one_object(chat: RecordingPoster) -> None:
    wanted = {"mediaType": 1, "name": "../holiday cat.jpg", "size": 10, "contentType": "image/jpeg"}

    granted = ask("upload", wanted)["body"]

    key = granted["fields"]["key"]
    assert key.startswith("m/1/2026/11/22/")
    assert key.endswith("/holiday_cat.jpg")
    assert granted["remoteMediaUrl"] == f"https://media.example.com/{key}"
    assert granted["expires"] == NOW + 900_000
    assert granted["fields"]["Content-Type"] == "image/jpeg"
    assert {"url", "fields", "remoteMediaUrl", "expires"} == granted.keys()


def test_a_refusal_is_an_error_frame(chat: RecordingPoster) -> None:
    assert say("hi", base=7) == {"id": "9", "code": 251, "msg": "base 7 does not exist in this conversation"}
    assert ask("dance", {})["code"] == 254


def test_many_readers_are_served_through_the_queue(chat: RecordingPoster, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = boto3.client("sqs", "us-east-1")
    url = sqs.create_queue(QueueName="FanoutQueue")["QueueUrl"]
    monkeypatch.setenv(Env.FANOUT_QUEUE_URL, url)
    monkeypatch.setenv(Env.SWITCHES, '{"im.inline_limit": 2, "im.fanout_chunk": 2}')
    forget_cached()
    group_service().create("ann", GroupInfo("team"), [GroupMember("bob"), GroupMember("carl")])
    sqs.purge_queue(QueueUrl=url)

    assert say("hi", base=1, conversation={"type": 1, "target": "team"})["body"]["seq"] == 2

    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    jobs = [json.loads(message["Body"]) for message in received]
    assert [(sorted(job["users"]), job["skip"]) for job in jobs] == [
        (["bob", "carl"], CONNECTION),
        (["ann"], CONNECTION),
    ]
    assert json.loads(jobs[0]["frame"])["body"]["content"] == {"type": 1, "searchableContent": "hi"}
    assert chat.frames == {}
