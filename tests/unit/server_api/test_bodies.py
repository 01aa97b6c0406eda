"""Request bodies as SDKs send them, and result bodies as SDKs read them."""

import json
from typing import Any

import msgspec
import pytest

from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember
from im.message.model import Message, Payload, payload_to_json
from im.profile.model import User
from im.wire.api import codec, groups, messages, users
from im.wire.objects import GroupOut, MemberOut, UserOut


def decode(schema: Any, value: Any) -> Any:
    return codec.decode(schema, json.dumps(value).encode())


def written(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


# --- requests


def test_null_is_absent_and_unknown_members_are_ignored() -> None:
    body = decode(
        messages.SendMessage,
        {
            "sender": "a",
            "conv": {"type": None, "target": "b", "line": None, "conversationType": 0},
            "payload": {"type": 1, "searchableContent": None, "mentionedTarget": None, "localContent": "x"},
            "toUsers": None,
            "isMeshMessage": False,
            "later": {"deep": [None]},
        },
    )

    assert body == messages.SendMessage("a", messages.ConversationBody("b"), Payload(type=1))


def test_numbers_booleans_and_texts_stand_for_one_another() -> None:
    body = decode(users.UserBody, {"userId": 17, "name": True, "gender": "2", "extra": 5, "type": 3.0, "mobile": 1.5})

    assert (body.userId, body.name, body.gender, body.extra, body.type, body.mobile) == ("17", "true", 2, "5", 3, "1.5")
    assert decode(users.UserQuery, {"includeDeleted": "TRUE"}).includeDeleted
    assert decode(users.UserQuery, {"includeDeleted": 1}).includeDeleted
    assert decode(users.SetBlockStatus, {"userId": "u", "status": True}).status == 1


@pytest.mark.parametrize(
    "uid",
    [
        588522146047721600,
        "588522146047721600",
        " 588522146047721600 ",
        588522146047721600.0,
        {"low": 588522146047721600 & 0xFFFFFFFF, "high": 588522146047721600 >> 32, "unsigned": False},
        {"low": (588522146047721600 & 0xFFFFFFFF) - 2**32, "high": 588522146047721600 >> 32},
    ],
)
def test_a_message_uid_may_be_a_number_digits_or_a_javascript_long(uid: Any) -> None:
    assert decode(messages.MessageRef, {"messageUid": uid}).messageUid == 588522146047721600


@pytest.mark.parametrize("uid", [0, -1, "abc", "", 1.5, 2**63, 10**30, [1], {"low": 1}, "1" * 25])
def test_what_is_no_message_uid_is_refused(uid: Any) -> None:
    with pytest.raises(InvalidError):
        decode(messages.MessageRef, {"messageUid": uid})


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (users.SetBlockStatus, {"userId": "u", "block": 2}, users.SetBlockStatus("u", 2)),
        (users.SetBlockStatus, {"userId": "u", "status": 1, "block": 2}, users.SetBlockStatus("u", 1)),
        (
            messages.SendMessage,
            {"sender": "a", "conv": {"target": "b"}, "payload": {"type": 1}, "userMessage": True},
            messages.SendMessage("a", messages.ConversationBody("b"), Payload(type=1), isUserMessage=True),
        ),
        (
            messages.SendMessage,
            {
                "sender": "a",
                "conv": {"target": "b"},
                "payload": {"type": 1, "binaryContent": "eHg=", "mentionedTargets": ["c"]},
                "toUsers": [],
            },
            messages.SendMessage(
                "a",
                messages.ConversationBody("b"),
                Payload(type=1, base64edData="eHg=", mentionedTarget=("c",)),
            ),
        ),
        (
            groups.AddMembers,
            {"operator": "o", "group_id": "g", "members": [{"member_id": "m"}], "memberExtra": "x", "to_lines": []},
            groups.AddMembers(operator="o", group_id="g", members=(groups.MemberBody("m"),), member_extra="x"),
        ),
    ],
)
def test_other_spellings_are_known(schema: Any, value: Any, expected: Any) -> None:
    assert decode(schema, value) == expected


def test_a_content_without_a_type_has_type_0() -> None:
    body = decode(messages.SendMessage, {"sender": "a", "conv": {"target": "b"}, "payload": {}})

    assert body.payload == Payload(type=0)


def test_an_empty_body_has_no_members() -> None:
    assert codec.decode(users.UserQuery, b" ") == users.UserQuery()
    with pytest.raises(InvalidError, match="userId"):
        codec.decode(users.UserRef, b"")


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b"[]", b'"text"', b"null", b"\xff", b"[" * 100_000, b'{"userId":"\xff"}']
)
def test_what_is_not_an_object_of_the_schema_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidError):
        codec.decode(users.UserRef, body)


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        (users.UserRef, {"userId": ""}, "$.userId"),
        (users.UserRef, {"userId": ["u"]}, "$.userId"),
        (users.UserRef, {"userId": "u" * 65}, "$.userId"),
        (users.UserQuery, {"mobile": "1" * 65}, "$.mobile"),
        (groups.DissolveGroup, {"operator": "o", "group_id": "g", "to_lines": list(range(17))}, "$.to_lines"),
        (users.GetToken, {"userId": "u", "clientId": "c", "platform": "two"}, "$.platform"),
        (users.GetToken, {"userId": "u", "clientId": "c", "platform": 2**31}, "$.platform"),
        (groups.RemoveMembers, {"operator": "o", "group_id": "g", "members": "m"}, "$.members"),
        (messages.SendMessage, {"sender": "a", "payload": {}, "conv": {"type": 7, "target": "b"}}, "$.conv.type"),
        (messages.SendMessage, {"sender": "a", "payload": {}, "conv": {"line": -1, "target": "b"}}, "$.conv.line"),
        (
            messages.SendMessage,
            {"sender": "a", "payload": {"content": {}}, "conv": {"target": "b"}},
            "$.payload.content",
        ),
        (groups.DissolveGroup, {"operator": "o", "group_id": "g", "to_lines": [0, -1]}, "$.to_lines"),
    ],
)
def test_a_refusal_names_the_place(schema: Any, value: Any, path: str) -> None:
    with pytest.raises(InvalidError) as caught:
        decode(schema, value)
    assert path in caught.value.msg


def test_small_numbers_of_a_group_count_only_from_1_to_127() -> None:
    body = decode(groups.GroupBody, {"mute": 128, "join_type": -1, "searchable": 127, "private_chat": 1, "type": 9})

    info = body.model()
    assert (info.mute, info.join_type, info.searchable, info.private_chat, info.type) == (0, 0, 127, 1, 9)


# --- results


def test_results_have_the_members_and_types_that_the_sdks_read() -> None:
    user = written(UserOut.of(User("u1", name="ann", type=1, deleted=True, update_dt=2**40)))
    assert {name for name, value in user.items() if value == ""} == {
        "displayName", "portrait", "mobile", "email", "address", "company", "social", "extra"
    }  # fmt: skip
    assert (user["userId"], user["type"], user["updateDt"]) == ("u1", 1, 2**40)
    assert type(user["deleted"]) is int

    group = written(GroupOut.of(GroupInfo("g", owner="o", super_group=True, member_count=2, update_dt=7)))
    assert (group["target_id"], group["owner"], group["name"], group["extra"]) == ("g", "o", "", "")
    assert (group["super_group"], group["deleted"]) == (True, False)
    assert all(type(group[name]) is int for name in ("mute", "join_type", "private_chat", "searchable", "type"))
    assert (group["member_count"], group["memberCount"], group["update_dt"], group["updateDt"]) == (2, 2, 7, 7)
    assert group["max_member_count"] == 0

    member = written(MemberOut.of(GroupMember("m", alias="al", type=1, extra="x", update_dt=2, create_dt=1)))
    assert member == {"member_id": "m", "alias": "al", "type": 1, "extra": "x", "updateDt": 2, "createDt": 1}


def test_a_message_has_both_names_of_its_conversation_and_every_text_of_its_content() -> None:
    payload = payload_to_json(Payload(type=1, searchableContent="hi", mentionedTarget=("c",)))
    message = Message("0|0|ann|bob", 3, 588522146047721600, "cid", "bob", 5, payload, to=("ann",))

    out = written(messages.MessageOut.of(message))

    assert out["conv"] == out["conversation"] == {"type": 0, "target": "ann", "line": 0}
    assert (out["messageId"], out["sender"], out["toUsers"], out["timestamp"]) == (
        588522146047721600,
        "bob",
        ["ann"],
        5,
    )
    assert out["payload"] == {
        "type": 1,
        "searchableContent": "hi",
        "pushContent": "",
        "pushData": "",
        "content": "",
        "mediaType": 0,
        "remoteMediaUrl": "",
        "persistFlag": 0,
        "expireDuration": 0,
        "mentionedType": 0,
        "mentionedTarget": ["c"],
        "extra": "",
    }


def test_a_binary_part_is_written_when_there_is_one() -> None:
    assert written(messages.PayloadOut.of(Payload(type=1, base64edData="eHg=")))["base64edData"] == "eHg="


def test_the_envelope() -> None:
    assert codec.success(None) == b'{"code":0,"msg":"success"}'
    assert codec.success("text") == b'{"code":0,"msg":"success","result":"text"}'
    assert codec.success([]) == b'{"code":0,"msg":"success","result":[]}'
    assert codec.success(messages.SentMessage(2**62, 1)) == (
        b'{"code":0,"msg":"success","result":{"messageUid":4611686018427387904,"timestamp":1}}'
    )
    assert codec.failure(ImError(Code.NOT_EXIST)) == b'{"code":253,"msg":"not exist"}'
    assert codec.failure(ImError(Code.AUTH_FAILURE), nested=True) == (
        b'{"code":244,"msg":"auth failure","result":{"code":244,"msg":"auth failure"}}'
    )


def test_texts_are_written_as_utf_8_and_html_is_left_alone() -> None:
    assert codec.success("<小火>") == '{"code":0,"msg":"success","result":"<小火>"}'.encode()


# --- events


def test_a_function_url_event_becomes_a_call() -> None:
    event = {
        "rawPath": "/admin/user/create",
        "rawQueryString": "x=1",
        "headers": {"Nonce": "1"},
        "body": "eyJh",
        "isBase64Encoded": True,
        "requestContext": {"http": {"method": "POST"}},
    }

    call = codec.http_call(event)

    assert (call.method, call.path, call.query, call.headers, call.body) == (
        "POST", "/admin/user/create", "x=1", {"nonce": "1"}, b'{"a'
    )  # fmt: skip
    assert codec.http_call({**event, "isBase64Encoded": False, "body": "é"}).body == "é".encode()
    assert codec.http_call({**event, "isBase64Encoded": False, "body": None}).body == b""
    with pytest.raises(InvalidError):
        codec.http_call({**event, "body": "*"})
