"""The push decision: who is notified of what, and the reason why somebody is not."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from im.delivery.model import Device, Presence, PushAddress
from im.message.model import Conversation, Message, Payload, payload_to_json
from im.push.alert import MAX_DATA, MAX_TEXT, Alert, Kind, alert_of, chunks_of, friend_request_alert
from im.push.model import Reason, badge, candidates, device_reason, message_reason, silence
from im.setting.model import PushPreferences, PushRules
from im.settings import Switches

NOW = 1_790_000_000_000
DAY_MS = 86_400_000
MINUTE_OF_DAY = NOW // 60_000 % 1_440
TO_BOB = Conversation(0, "bob")
TEAM = Conversation(1, "team")
SWITCHES = Switches()
ADDRESS = PushAddress(0, "token")


def alert(conversation: Conversation = TO_BOB, **content: Any) -> Alert | None:
    payload = Payload(**{"type": 1, "searchableContent": "hi", "persistFlag": 3, **content})
    message = Message("log", 7, 99, "cid", "ann", NOW, payload_to_json(payload))
    return alert_of(message, conversation, "anns-web")


def certain(conversation: Conversation = TO_BOB, **content: Any) -> Alert:
    made = alert(conversation, **content)
    assert made is not None
    return made


HELLO = certain()
RING = certain(type=400, content="call", searchableContent="")
ANSWER = certain(type=401, content="call", searchableContent="", persistFlag=0)


def phone(connection: str = "", since: int = NOW, platform: int = 1, push: PushAddress | None = ADDRESS) -> Device:
    return Device("phone", platform, connection, since, push)


def bob(*devices: Device, **fields: Any) -> Presence:
    return Presence("bob", devices or (phone(),), **fields)


# --- what of a message may be notified


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({}, Kind.MESSAGE),
        ({"type": 400}, Kind.CALL_INVITE),
        ({"type": 406}, Kind.CALL_INVITE),
        ({"type": 402, "persistFlag": 0}, Kind.CALL_ENDED),
        ({"type": 401, "persistFlag": 0}, Kind.CALL_ANSWERED),
        ({"type": 80, "base64edData": "MTI="}, Kind.RECALLED),
        ({"type": 81, "base64edData": "MTI="}, Kind.DELETED),
    ],
)
def test_the_kind_follows_from_the_content(content: dict[str, Any], kind: Kind) -> None:
    assert certain(**content).kind == kind


@pytest.mark.parametrize("kind", [2, 3, 4, 5, 6, 7, 8, 10])
def test_contents_that_have_words_of_their_own_need_no_text(kind: int) -> None:
    assert alert(type=kind, searchableContent="") is not None


@pytest.mark.parametrize(
    "content",
    [
        {"type": 1_000, "searchableContent": "only to be found by"},
        {"type": 1, "searchableContent": ""},
        {"type": 32},
        {"type": 33},
        {"type": 110},
        {"persistFlag": 4},
        {"type": 400, "persistFlag": 4},
        {"type": 80, "base64edData": ""},
    ],
)
def test_nobody_is_notified_of_what_says_nothing(content: dict[str, Any]) -> None:
    assert alert(**content) is None


def test_nobody_is_notified_of_what_is_said_in_a_chatroom() -> None:
    assert alert(Conversation(2, "room")) is None


def test_data_alone_notifies_because_the_application_knows_what_it_means() -> None:
    assert certain(type=1_000, searchableContent="", pushData="{}").data == "{}"


def test_a_client_may_say_what_is_shown() -> None:
    assert certain(pushContent="shown").text == "shown"


def test_long_texts_are_cut_and_long_data_is_left_out() -> None:
    long = certain(pushContent="é" * 2_000, pushData="x" * (MAX_DATA + 1))

    assert (len(long.text), long.data) == (MAX_TEXT, "")
    assert certain(pushData="x" * MAX_DATA).data == "x" * MAX_DATA


def test_a_withdrawal_is_about_the_message_that_was_taken_back() -> None:
    taken = certain(type=80, base64edData="MTI=")

    assert (taken.subject, taken.about, HELLO.about) == (12, "12", "99")


def test_two_friend_requests_of_the_same_moment_are_two() -> None:
    assert friend_request_alert("ann", "bob", "", 5).about != friend_request_alert("cem", "bob", "", 5).about


# --- who may have to be notified, by where he is


def reason(alert: Alert, presence: Presence, switches: Switches = SWITCHES) -> Reason | None:
    return device_reason(alert, presence, presence.devices[0], NOW, switches)


@pytest.mark.parametrize(
    ("presence", "expected"),
    [
        (bob(), None),
        (bob(phone(push=None)), Reason.NO_TOKEN),
        (bob(phone("connection")), Reason.ONLINE),
        (bob(phone(since=NOW - 7 * DAY_MS)), None),
        (bob(phone(since=NOW - 7 * DAY_MS - 1)), Reason.EXPIRED),
        (bob(status=2), Reason.FORBIDDEN),
        (bob(status=1), None),
        (Presence("ann", (phone(),)), Reason.OWN),
    ],
)
def test_where_a_device_is_decides_first(presence: Presence, expected: Reason | None) -> None:
    assert reason(HELLO, presence) is expected
    assert candidates(HELLO, {presence.user: presence}, NOW, SWITCHES) == ([] if expected else [presence.user])


def test_nobody_expires_where_the_deployment_says_so() -> None:
    assert reason(HELLO, bob(phone(since=1)), Switches(push_expired_days=0)) is None


def test_one_device_that_waits_is_enough() -> None:
    presence = Presence("bob", (Device("pc", 3, "connection", NOW), phone()))

    assert candidates(HELLO, {"bob": presence}, NOW, SWITCHES) == ["bob"]


def test_that_a_call_was_taken_is_told_to_the_other_devices_of_who_took_it() -> None:
    own = Presence("ann", (Device("anns-web", 5, "", NOW, ADDRESS), phone()))

    assert device_reason(ANSWER, own, own.devices[0], NOW, SWITCHES) is Reason.OWN
    assert device_reason(ANSWER, own, own.devices[1], NOW, SWITCHES) is None
    assert reason(ANSWER, bob()) is Reason.CALL_TAKEN


# --- calls


@pytest.mark.parametrize(
    ("conversation", "data", "told"),
    [
        (TO_BOB, "", True),
        (TO_BOB, '{"r": 3}', True),
        (TO_BOB, '{"r": 11}', True),
        (TO_BOB, '{"r": 9}', False),
        (TO_BOB, '{"r": 0}', False),
        (TO_BOB, "{}", False),
        (TO_BOB, "[]", False),
        (TO_BOB, "nonsense", False),
        (TEAM, '{"r": 9}', True),
        (TEAM, '{"r": 3}', False),
    ],
)
def test_the_end_of_a_call_is_told_if_nobody_took_it(conversation: Conversation, data: str, told: bool) -> None:
    ended = certain(conversation, type=402, searchableContent="", persistFlag=0, pushData=data)

    assert message_reason(ended, NOW) is (None if told else Reason.CALL_TAKEN)


def test_an_invitation_that_comes_too_late_does_not_ring() -> None:
    assert message_reason(RING, NOW + 15_000) is None
    assert message_reason(RING, NOW + 15_001) is Reason.LATE
    assert message_reason(HELLO, NOW + DAY_MS) is None


# --- silences

COMPUTER = bob(phone(), Device("pc", 3, "connection", NOW))
QUIET = PushRules(period=(MINUTE_OF_DAY - 1, MINUTE_OF_DAY + 1))
WITHDRAWN = certain(type=80, base64edData="MTI=")
FRIEND = friend_request_alert("ann", "bob", "hi", NOW)
MENTIONED = certain(TEAM, mentionedType=1, mentionedTarget=("bob",))
ALL_MENTIONED = certain(TEAM, mentionedType=2)
OTHER_MENTIONED = certain(TEAM, mentionedType=1, mentionedTarget=("cem",))
CONVERSATION = PushPreferences(conversation_silent=True)


@pytest.mark.parametrize(
    ("alert", "presence", "preferences", "expected"),
    [
        (HELLO, bob(), PushPreferences(), None),
        (HELLO, bob(), CONVERSATION, Reason.CONVERSATION_SILENT),
        (MENTIONED, bob(), CONVERSATION, None),
        (ALL_MENTIONED, bob(), CONVERSATION, None),
        (OTHER_MENTIONED, bob(), CONVERSATION, Reason.CONVERSATION_SILENT),
        (RING, bob(), CONVERSATION, None),
        (HELLO, bob(), PushPreferences(rules=PushRules(silent=True)), Reason.SILENT),
        (MENTIONED, bob(), PushPreferences(rules=PushRules(silent=True)), Reason.SILENT),
        (RING, bob(), PushPreferences(rules=PushRules(silent=True)), None),
        (HELLO, COMPUTER, PushPreferences(), Reason.COMPUTER_ONLINE),
        (MENTIONED, COMPUTER, PushPreferences(), Reason.COMPUTER_ONLINE),
        (RING, COMPUTER, PushPreferences(), None),
        (HELLO, COMPUTER, PushPreferences(rules=PushRules(inverted=True)), None),
        (HELLO, bob(), PushPreferences(rules=PushRules(inverted=True)), None),
        (HELLO, bob(phone(), Device("other", 2, "c", NOW)), PushPreferences(), None),
        (RING, bob(), PushPreferences(rules=PushRules(voip_silent=True)), Reason.CALLS_SILENT),
        (HELLO, bob(), PushPreferences(rules=PushRules(voip_silent=True)), None),
        (HELLO, bob(), PushPreferences(rules=QUIET), Reason.QUIET_HOURS),
        (RING, bob(), PushPreferences(rules=QUIET), Reason.QUIET_HOURS),
        (MENTIONED, bob(), PushPreferences(rules=QUIET), Reason.QUIET_HOURS),
        (FRIEND, COMPUTER, PushPreferences(rules=replace(QUIET, silent=True)), None),
        (WITHDRAWN, COMPUTER, PushPreferences(True, replace(QUIET, silent=True)), None),
    ],
)
def test_each_silence_keeps_away_what_it_is_meant_for(
    alert: Alert, presence: Presence, preferences: PushPreferences, expected: Reason | None
) -> None:
    assert silence(alert, presence, preferences, NOW, SWITCHES) is expected


def test_a_deployment_may_let_phones_speak_while_computers_are_there() -> None:
    loud = Switches(silent_when_pc_online=False)

    assert silence(HELLO, COMPUTER, PushPreferences(), NOW, loud) is None
    inverted = PushPreferences(rules=PushRules(inverted=True))
    assert silence(HELLO, COMPUTER, inverted, NOW, loud) is Reason.COMPUTER_ONLINE


# --- badges and publications


@pytest.mark.parametrize(("seq", "read", "waiting"), [(7, 4, 3), (7, 7, 1), (0, 0, 1), (10**9, 0, 99_999)])
def test_the_badge_is_what_the_cursors_leave_and_at_least_this_message(seq: int, read: int, waiting: int) -> None:
    assert badge(seq, read) == waiting


def test_a_publication_holds_as_many_users_as_fit_and_of_the_mentioned_its_own() -> None:
    users = [f"user{number:04d}" for number in range(100)]
    everybody = replace(HELLO, mention=1, mentioned=("user0003", "user0099", "stranger"))

    parts = chunks_of(everybody, users, 1_000)

    assert [user for part in parts for user in part.users] == users
    assert len(parts) > 1
    assert [part.alert.mentioned for part in (parts[0], parts[-1])] == [("user0003",), ("user0099",)]
    assert chunks_of(HELLO, [], 1_000) == []


# --- docs/push.md

MESSAGES, CALLS, FRIENDS, WITHDRAWALS = "messages", "calls", "friend requests", "withdrawals"
SAMPLES = {MESSAGES: HELLO, CALLS: RING, FRIENDS: FRIEND, WITHDRAWALS: WITHDRAWN}
ALL_SILENCES: dict[Reason, tuple[Presence, PushPreferences]] = {
    Reason.CONVERSATION_SILENT: (bob(), CONVERSATION),
    Reason.SILENT: (bob(), PushPreferences(rules=PushRules(silent=True))),
    Reason.COMPUTER_ONLINE: (COMPUTER, PushPreferences()),
    Reason.CALLS_SILENT: (bob(), PushPreferences(rules=PushRules(voip_silent=True))),
    Reason.QUIET_HOURS: (bob(), PushPreferences(rules=QUIET)),
}


def test_the_page_says_which_silences_concern_what() -> None:
    page = (Path(__file__).parents[3] / "docs/push.md").read_text()
    rows = {
        cells[0].strip("` "): [cell.strip() == "yes" for cell in cells[2:6]]
        for line in page.splitlines()
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 6
    }

    for reason, (presence, preferences) in ALL_SILENCES.items():
        decided = [silence(alert, presence, preferences, NOW, SWITCHES) is reason for alert in SAMPLES.values()]
        assert rows[reason] == decided, reason
