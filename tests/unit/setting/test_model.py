"""What settings are, and what they mean."""

import pytest

from im.errors import Code, ImError, InvalidError
from im.message.model import Conversation
from im.setting.model import (
    RULES,
    PushRules,
    Scope,
    Setting,
    apply,
    check_setting,
    conversation_key,
    conversation_of_key,
    group_of,
    row_conversation,
)

MINUTE = 60_000


@pytest.mark.parametrize(
    "conversation",
    [Conversation(0, "bob"), Conversation(1, "a-b-c"), Conversation(1, "-", 7), Conversation(3, "news|1")],
)
def test_a_key_names_a_conversation_whatever_its_target_holds(conversation: Conversation) -> None:
    assert conversation_of_key(conversation_key(conversation)) == conversation


@pytest.mark.parametrize("key", ["", "test_key", "0-0-", "0-bob", "x-0-bob", "0--1-bob", "-0-bob", "0-0-" + "b" * 65])
def test_other_keys_name_none(key: str) -> None:
    assert conversation_of_key(key) is None


@pytest.mark.parametrize(
    ("scope", "key", "value"),
    [
        (Scope.CONVERSATION_SILENT, "0-0-bob", "2"),
        (Scope.CONVERSATION_SILENT, "test_key", "1"),
        (Scope.CONVERSATION_TOP, "0-0-bob", "high"),
        (Scope.GLOBAL_SILENT, "x", "1"),
        (Scope.NO_DISTURB, "", "1320"),
        (Scope.NO_DISTURB, "", "0|1440"),
        (Scope.FAVOURITE_GROUP, "", "1"),
        (Scope.GROUP_REMARK, "g" * 65, "our team"),
        (Scope.PRIVACY, "", "all"),
    ],
)
def test_a_client_keeps_to_the_shape_of_a_scope_and_the_server_api_may_do_otherwise(
    scope: int, key: str, value: str
) -> None:
    with pytest.raises(InvalidError):
        check_setting(Setting(scope, key, value), by_client=True)

    assert check_setting(Setting(scope, key, value), by_client=False)


@pytest.mark.parametrize(
    ("scope", "key", "value"),
    [
        (Scope.CONVERSATION_SILENT, "1-0-a-b", "1"),
        (Scope.CONVERSATION_TOP, "0-0-bob", "3"),
        (Scope.CONVERSATION_SYNC, "0-0-bob", "-1795372203618"),
        (Scope.NO_DISTURB, "", "1320|420"),
        (Scope.NO_DISTURB, "", ""),
        (Scope.DRAFT, "0-0-bob", "phone@@@almost"),
        (22, "anything", "anything"),
        (1_000, "", "the application's own"),
        (2**31 - 1, "k" * 128, "v" * 4_096),
    ],
)
def test_what_clients_put(scope: int, key: str, value: str) -> None:
    assert check_setting(Setting(scope, key, value), by_client=True) == Setting(scope, key, value)


@pytest.mark.parametrize(
    ("scope", "key", "value"), [(-1, "", ""), (2**31, "", ""), (1_000, "k" * 129, ""), (1_000, "", "v" * 4_097)]
)
def test_limits_hold_for_everybody(scope: int, key: str, value: str) -> None:
    with pytest.raises(InvalidError):
        check_setting(Setting(scope, key, value), by_client=False)


@pytest.mark.parametrize("scope", [scope for scope, rule in RULES.items() if rule.by_server])
def test_a_client_does_not_write_what_the_server_keeps(scope: Scope) -> None:
    with pytest.raises(ImError) as refused:
        check_setting(Setting(scope, "news", "1"), by_client=True)

    assert refused.value.code == Code.NOT_RIGHT


def test_chatrooms_have_no_row() -> None:
    names = ("0-0-bob", "1-2-team", "3-0-news|bob", "2-0-lobby")
    shown = [row_conversation(Setting(Scope.CONVERSATION_TOP, key, "1")) for key in names]

    assert shown == [Conversation(0, "bob"), Conversation(1, "team", 2), Conversation(3, "news|bob"), None]
    assert row_conversation(Setting(Scope.DRAFT, "0-0-bob", "x")) is None
    assert row_conversation(Setting(Scope.CONVERSATION_SILENT, "test_key", "1")) is None


@pytest.mark.parametrize(
    ("scope", "key", "group"),
    [
        (Scope.GROUP_REMARK, "team", "team"),
        (Scope.CONVERSATION_TOP, "1-3-team", "team"),
        (Scope.CONVERSATION_TOP, "0-0-team", None),
        (Scope.FAVOURITE_USER, "team", None),
        (1_000, "team", None),
    ],
)
def test_settings_of_a_group(scope: int, key: str, group: str | None) -> None:
    assert group_of(Setting(scope, key, "1")) == group


def test_the_rules_of_notifications_follow_the_settings() -> None:
    put = [
        Setting(Scope.GLOBAL_SILENT, "", "1"),
        Setting(Scope.HIDE_DETAIL, "", "1"),
        Setting(Scope.MUTE_WHEN_PC_ONLINE, "any", "1"),
        Setting(Scope.VOIP_SILENT, "", "1"),
        Setting(Scope.NO_DISTURB, "", "1320|420"),
        Setting(Scope.NO_DISTURB, "not exactly empty", "1|2"),
        Setting(Scope.CONVERSATION_SILENT, "0-0-bob", "1"),
    ]
    rules = apply(PushRules(), put)

    assert rules == PushRules(silent=True, hidden=True, inverted=True, voip_silent=True, period=(1_320, 420))
    assert apply(rules, [Setting(each.scope, each.key, "") for each in put]) == PushRules()
    assert apply(rules, [Setting(Scope.NO_DISTURB, "", "soon|later")]).period == ()


@pytest.mark.parametrize(
    ("period", "minute", "quiet"),
    [
        ((60, 120), 60, False),
        ((60, 120), 61, True),
        ((60, 120), 120, False),
        ((1_320, 420), 1_321, True),
        ((1_320, 420), 0, True),
        ((1_320, 420), 419, True),
        ((1_320, 420), 420, False),
        ((1_320, 420), 720, False),
        ((), 720, False),
    ],
)
def test_the_no_disturb_period_goes_by_the_utc_day(period: tuple[int, ...], minute: int, quiet: bool) -> None:
    day = 20_000 * 1_440

    assert PushRules(period=period).is_quiet_at((day + minute) * MINUTE + 30_000) is quiet
