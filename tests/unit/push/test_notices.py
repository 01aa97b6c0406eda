"""What a device is shown: words, and the forms of the vendors."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from im.delivery.model import Device, PushAddress
from im.push import payloads
from im.push.alert import Alert, Kind
from im.push.notice import Names, Notice, Text, text_of
from im.push.webpush import MAX_PLAIN_BYTES
from im.wire.push import push_message

NAMES = Names("Ann", "https://p/ann", "The team", "https://p/team")
MESSAGE = Alert(kind=0, sender="ann", type=1, target="team", content=1, uid=99, seq=7, time=5, text="hello")
ADDRESS = PushAddress(0, "token", "voip", "com.example", "en", 4)


def notice(alert: Alert = MESSAGE, language: str = "en", names: Names = NAMES, **fields: Any) -> Notice:
    address = replace(ADDRESS, language=language)
    return Notice(alert, "bob", Device("phone", 1, "", 0, address), address, names, waiting=3, **fields)


PRIVATE = replace(MESSAGE, type=0, target="bob")
FRIEND = Alert(kind=3, sender="ann", target="bob", text="it is me")


@pytest.mark.parametrize(
    ("shown", "english", "chinese"),
    [
        (notice(), ("The team", "Ann:hello"), ("The team", "Ann:hello")),
        (notice(names=Names()), ("Group chat", "hello"), ("群聊", "hello")),
        (notice(PRIVATE), ("Ann", "hello"), ("Ann", "hello")),
        (notice(PRIVATE, names=Names()), ("Message", "hello"), ("消息", "hello")),
        (notice(replace(MESSAGE, type=3)), ("The team", "hello"), ("The team", "hello")),
        (
            notice(replace(MESSAGE, mention=1, mentioned=("bob",)), hidden=True),
            ("The team", "Ann mentioned you"),
            ("The team", "Ann在群里@了你"),
        ),
        (
            notice(replace(MESSAGE, mention=2), names=Names()),
            ("Group chat", "Someone mentioned everyone"),
            ("群聊", "有人在群里@了大家"),
        ),
        (notice(PRIVATE, hidden=True), ("Ann", "You have a new message"), ("Ann", "你收到一条新消息")),
        (notice(replace(PRIVATE, text="", content=3)), ("Ann", "[Image]"), ("Ann", "[图片]")),
        (notice(FRIEND), ("Ann wants to be your friend", "it is me"), ("Ann 请求加您为好友", "it is me")),
        (notice(FRIEND, names=Names()), ("Friend request", "it is me"), ("好友请求", "it is me")),
        (notice(replace(PRIVATE, kind=1), hidden=True), ("Ann", "Incoming call"), ("Ann", "通话邀请")),
        (notice(replace(PRIVATE, kind=2)), ("Ann", "Call ended"), ("Ann", "通话结束")),
        (notice(replace(PRIVATE, kind=4)), ("Ann", "Answered on another device"), ("Ann", "已被其他端接听")),
        (notice(replace(PRIVATE, kind=5), hidden=True), ("Ann", "Message recalled"), ("Ann", "消息已被撤回")),
        (notice(replace(MESSAGE, kind=6)), ("The team", "Message deleted"), ("The team", "消息已被删除")),
    ],
)
def test_the_words_are_those_of_the_devices_language(
    shown: Notice, english: tuple[str, str], chinese: tuple[str, str]
) -> None:
    assert text_of(shown) == Text(*english)
    assert text_of(replace(shown, address=replace(ADDRESS, language="zh-CN"))) == Text(*chinese)


def payload(made: payloads.Payload, platform: str) -> Any:
    structured = json.loads(made.message)
    assert structured["default"] == ""
    return json.loads(structured[platform])


def attributes(made: payloads.Payload) -> dict[str, str]:
    return {name.removeprefix("AWS.SNS.MOBILE."): value for name, (_, value) in made.attributes.items()}


def test_apple_is_told_to_replace_and_for_how_long_it_is_worth_it() -> None:
    made = payloads.apns(notice(), "APNS_SANDBOX")

    assert payload(made, "APNS_SANDBOX")["aps"]["badge"] == 7
    assert payload(made, "APNS_SANDBOX")["aps"]["thread-id"] == "1-0-team"
    assert attributes(made) == {
        "APNS_SANDBOX.TTL": "600",
        "APNS.PUSH_TYPE": "alert",
        "APNS.PRIORITY": "10",
        "APNS.COLLAPSE_ID": "99",
    }


def test_a_call_by_pushkit_names_the_topic_of_calls_and_lives_a_minute() -> None:
    made = payloads.apns_voip(notice(replace(PRIVATE, kind=1)), "APNS_VOIP")

    assert attributes(made) == {
        "APNS_VOIP.TTL": "60",
        "APNS.PUSH_TYPE": "voip",
        "APNS.PRIORITY": "10",
        "APNS.TOPIC": "com.example.voip",
    }


def test_a_withdrawal_and_the_end_of_a_call_replace_what_was_shown_and_make_no_noise() -> None:
    taken = payloads.apns(notice(replace(MESSAGE, kind=5, uid=100, subject=99)), "APNS")
    ended = payloads.apns(notice(replace(PRIVATE, kind=2, uid=100), call_start=98), "APNS")

    assert attributes(taken)["APNS.COLLAPSE_ID"] == "99"
    assert attributes(ended)["APNS.COLLAPSE_ID"] == "98"
    assert all("sound" not in payload(made, "APNS")["aps"] for made in (taken, ended))
    assert payload(payloads.apns(notice(), "APNS"), "APNS")["aps"]["sound"] == "default"


def test_google_is_told_the_same() -> None:
    made = payloads.fcm(notice(replace(MESSAGE, data='{"a":1}')))
    message = payload(made, "GCM")["fcmV1Message"]["message"]

    assert message["android"] == {
        "priority": "HIGH",
        "ttl": "600s",
        "collapse_key": "99",
        "notification": {"tag": "99", "notification_count": 7},
    }
    assert message["data"]["pushData"] == '{"a":1}'
    assert attributes(made) == {"FCM.TTL": "600"}


@pytest.mark.parametrize("text", ["x" * 1_000, "漢" * 1_000, '"' * 1_000])
@pytest.mark.parametrize("data", ["", '"' * 3_000, "漢" * 1_000])
def test_what_is_sent_fits_whatever_was_written(text: str, data: str) -> None:
    names = Names("N" * 64, "P" * 1_024, "漢" * 64, "")
    long = notice(replace(MESSAGE, text=text, data=data), names=names)

    for platform, made in (("APNS", payloads.apns(long, "APNS")), ("GCM", payloads.fcm(long))):
        assert len(json.loads(made.message)[platform].encode()) <= 4_096
    assert len(payloads.web(long, MAX_PLAIN_BYTES)) <= MAX_PLAIN_BYTES


def test_what_is_too_long_loses_the_data_before_the_text() -> None:
    long = notice(replace(MESSAGE, text="x" * 300, data="y" * 3_900))

    shown = payload(payloads.apns(long, "APNS"), "APNS")

    assert shown["aps"]["alert"]["body"] == "Ann:" + "x" * 300
    assert "pushData" not in shown["wfc"]
    assert shown["wfc"]["convTarget"] == "team"


def test_a_push_servers_numbers_are_numbers_and_what_is_null_is_left_out() -> None:
    bare = Notice(MESSAGE, "bob", Device("phone", 1, "", 0), PushAddress(6, "token"))

    body = json.loads(push_message(bare))

    assert "senderName" not in body
    assert "language" not in body
    assert (body["messageId"], body["serverTime"], body["unReceivedMsg"], body["isHiddenDetail"]) == (99, 5, 1, False)
    assert None not in body.values()


def test_a_push_server_is_told_how_a_call_began_and_of_what_a_message_was_withdrawn() -> None:
    ended = json.loads(push_message(notice(replace(PRIVATE, kind=2, uid=100), call_start=98)))
    taken = json.loads(push_message(notice(replace(MESSAGE, kind=5, uid=100, subject=2**60))))

    assert (ended["callStartUid"], ended["messageId"], ended["republish"]) == (98, 100, False)
    assert (taken["messageId"], taken["republish"], taken["pushData"]) == (2**60, True, f'{{"messageUid": {2**60}}}')


def test_a_push_server_gets_the_words_of_contents_that_have_no_text() -> None:
    body = json.loads(push_message(notice(replace(MESSAGE, text="", content=2), language="zh")))

    assert body["pushContent"] == "[语音]"
    assert body["pushMessageType"] == Kind.MESSAGE


def test_a_channels_dialog_is_known_outside_by_its_channel_and_groups_by_itself() -> None:
    shown = notice(replace(MESSAGE, type=3, target="news|bob"))

    assert json.loads(push_message(shown))["target"] == "news"
    assert shown.thread == "3-0-news|bob"
