"""Frames: what is taken, what is refused and where it says the fault is, and what goes out."""

import json
from typing import Any

import msgspec
import pytest

from im import keys
from im.errors import BusyError, Code, ImError, InvalidError
from im.message.model import Message, Recall
from im.wire import frames

SINGLE = keys.single_conversation("bob", "alice", 0)
DEEP = "[" * 15_000 + "]" * 15_000


class Body(frames.Strict, frozen=True):
    """A body for these tests."""

    conversation: frames.ConversationRef
    seq: frames.Seq = 0


def body_of(text: str) -> Any:
    return frames.decode_body(msgspec.json.Decoder(Body), msgspec.Raw(text.encode()))


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "log": SINGLE,
        "seq": 7,
        "uid": 589_000_000_000_000_000,
        "cid": "c7",
        "sender": "alice",
        "time": 1_795_369_200_000,
        "payload": '{"type":1,"searchableContent":"hi"}',
    }
    return Message(**{**values, **changes})


def shown(stored: Message, reader: str) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(frames.push("message", frames.message_out(stored, reader)))
    assert frame["push"] == "message"
    shown_message: dict[str, Any] = frame["body"]
    return shown_message


def test_a_request_without_a_body_has_an_empty_one() -> None:
    request = frames.decode_request('{"route":"session","op":"ping","id":"1"}')

    assert (request.route, request.op, request.id, bytes(request.body)) == ("session", "ping", "1", b"{}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "truncated"),
        ("hello", "malformed"),
        ("[]", "Expected `object`"),
        ("null", "Expected `object`"),
        ("{}", "missing required field `route`"),
        ('{"route":"message","op":"send"}', "missing required field `id`"),
        ('{"route":"message","op":"send","id":7}', "$.id"),
        ('{"route":"message","op":7,"id":"1"}', "$.op"),
        ('{"route":"message","op":"send","id":"1","more":1}', "unknown field `more`"),
        (f'{{"route":"message","op":"send","id":"{"x" * 65}"}}', "$.id"),
        (f'{{"route":"message","op":"{"x" * 65}","id":"1"}}', "$.op"),
        ('{"route":"message","op":"\\ud800","id":"1"}', "surrogate"),
        ('{"route":"message","op":"\ud800","id":"1"}', "surrogates"),
        (f'{{"route":"message","op":"send","id":"1","body":{DEEP}}}', "recursion"),
    ],
)
def test_what_is_no_request_is_refused_with_the_place_of_the_fault(text: str, fault: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        frames.decode_request(text)

    assert refusal.value.code is Code.INVALID_PARAMETER
    assert fault in refusal.value.msg


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "Expected `object`, got `array`"),
        ('{"conversation":{"type":"0","target":"bob"}}', "`$.body.conversation.type`"),
        ('{"conversation":{"type":7,"target":"bob"}}', "`$.body.conversation.type`"),
        ('{"conversation":{"type":0}}', "`$.body.conversation`"),
        ('{"conversation":{"type":0,"target":"bob","line":-1}}', "`$.body.conversation.line`"),
        ('{"conversation":{"type":0,"target":"bob","seq":1}}', "unknown field `seq` - at `$.body.conversation`"),
        ('{"conversation":{"type":0,"target":"bob"},"seq":-1}', "`$.body.seq`"),
        ('{"conversation":{"type":0,"target":"bob"},"seq":9007199254740992}', "`$.body.seq`"),
        ('{"conversation":{"type":0,"target":"bob"},"seq":1.5}', "`$.body.seq`"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_path_of_the_field(text: str, fault: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        body_of(text)

    assert fault in refusal.value.msg


def test_the_largest_seq_is_one_that_a_double_holds_exactly() -> None:
    assert body_of('{"conversation":{"type":0,"target":"bob"},"seq":9007199254740991}').seq == 2**53 - 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"id":"17","op":5}', "17"),
        ('{"id":"","op":5}', ""),
        (f'{{"id":"{"x" * 64}"}}', "x" * 64),
        (f'{{"id":"{"x" * 65}"}}', None),
        ('{"id":17}', None),
        ("[]", None),
        ("no JSON", None),
        (DEEP, None),
        ('{"id":"\ud800"}', None),
    ],
)
def test_a_refusal_names_the_id_of_a_bad_frame_when_it_has_a_usable_one(text: str, found: str | None) -> None:
    assert frames.request_id(text) == found


def test_answers_and_failures_have_exactly_the_documented_members() -> None:
    assert json.loads(frames.answer("17", {"read": 4})) == {"id": "17", "code": 0, "body": {"read": 4}}
    refused = frames.failure(ImError(Code.NOT_IN_GROUP), "17")
    assert json.loads(refused) == {"id": "17", "code": 9, "msg": "not in group"}
    busy = frames.failure(BusyError("storage is busy", after_ms=200), None)
    assert json.loads(busy) == {"code": 221, "msg": "storage is busy", "retry": True, "after": 200}


def test_each_side_of_a_single_chat_sees_the_other_as_the_target() -> None:
    for reader, target in (("alice", "bob"), ("bob", "alice")):
        assert shown(message(), reader)["conversation"] == {"type": 0, "target": target, "line": 0}


def test_a_message_has_what_it_needs_and_nothing_that_is_not_set() -> None:
    assert shown(message(), "bob") == {
        "conversation": {"type": 0, "target": "alice", "line": 0},
        "seq": 7,
        "uid": "589000000000000000",
        "cid": "c7",
        "from": "alice",
        "time": 1_795_369_200_000,
        "content": {"type": 1, "searchableContent": "hi"},
    }
    assert "seq" not in shown(message(seq=0), "bob")


def test_optional_members_appear_when_they_are_set() -> None:
    stored = message(to=("bob",), recall=Recall("alice", 5), deleted=True)

    seen = shown(stored, "bob")

    assert (seen["to"], seen["recalled"], seen["deleted"]) == (["bob"], {"by": "alice", "time": 5}, True)


def test_what_a_recall_took_back_stays_visible_to_its_author_only() -> None:
    event = message(ref=6, payload='{"type":80,"content":"alice","extra":"{\\"sc\\":\\"hi\\"}"}')

    assert shown(event, "alice")["content"]["extra"] == '{"sc":"hi"}'
    assert shown(event, "bob")["content"] == {"type": 80, "content": "alice"}
    assert shown(event, "bob")["ref"] == 6
