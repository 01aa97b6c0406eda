"""Putting settings, syncing them to other devices, and what they change elsewhere."""

import pytest

from im.connect.model import ConversationState
from im.errors import BusyError, Code, ImError, InvalidError
from im.group.model import GroupInfo
from im.message.model import Conversation, Message
from im.setting import service
from im.setting.model import PushRules, Scope, Setting
from tests.fakes.world import START_MS, World

REMARK = Setting(Scope.GROUP_REMARK, "team", "our team")


@pytest.fixture
def world() -> World:
    return World()


def values(world: World, user: str = "alice", after: int = 0) -> dict[tuple[int, str], str]:
    return {setting.name: setting.value for setting in world.settings.since(user, after)[0]}


def named(world: World) -> tuple[ConversationState, ...]:
    """What a new device of alice's is told of her conversations."""
    return world.connect.hello("alice", None, 100).conversations


def test_other_devices_are_told_and_get_it_by_version(world: World) -> None:
    phone, tablet = world.online("alice"), world.online("alice", "tablet", 8)

    put = world.settings.put("alice", [REMARK], client="phone")

    assert (put.previous, put.version) == (0, START_MS)
    assert (world.pushes(phone, "settings"), world.pushes(tablet, "settings")) == ([], [{"version": START_MS}])
    assert world.settings.since("alice", put.previous) == ([Setting(26, "team", "our team", START_MS)], START_MS)
    assert world.settings.since("alice", put.version) == ([], START_MS)
    assert world.connect.hello("alice", None, 1).versions.settings == START_MS


def test_the_server_tells_all_devices(world: World) -> None:
    phone = world.online("alice")

    world.settings.put("alice", [REMARK])

    assert world.pushes(phone, "settings") == [{"version": START_MS}]


def test_no_two_settings_have_the_same_version_even_in_one_millisecond(world: World) -> None:
    for number in range(3):
        world.settings.put("alice", [Setting(1_000, f"{number}a", "1"), Setting(1_000, f"{number}b", "1")])

    newer, version = world.settings.since("alice", 0)

    assert [setting.version for setting in newer] == list(range(START_MS, START_MS + 6))
    assert version == START_MS + 5


def test_the_last_one_counts(world: World) -> None:
    world.settings.put("alice", [REMARK, Setting(26, "team", "theirs")])
    world.settings.put("alice", [Setting(26, "team", "mine")])

    assert values(world) == {(26, "team"): "mine"}


def test_a_clock_that_goes_back_does_not_take_the_version_along(world: World) -> None:
    first = world.settings.put("alice", [REMARK]).version
    world.now -= 60_000

    assert world.settings.put("alice", [Setting(1_000, "", "x")]).version == first + 1


def test_a_cleared_setting_is_told_to_who_may_have_it_and_kept_from_new_devices(world: World) -> None:
    first = world.settings.put("alice", [REMARK]).version
    world.settings.put("alice", [Setting(26, "team", "")])

    assert values(world, after=first) == {(26, "team"): ""}
    assert values(world) == {}
    assert world.settings.get("alice", 26, "team").value == ""


def test_a_setting_that_was_never_put_does_not_exist(world: World) -> None:
    with pytest.raises(ImError) as missing:
        world.settings.get("alice", 26, "team")

    assert missing.value.code == Code.NOT_EXIST


def test_two_devices_that_race_both_get_through(world: World) -> None:
    world.settings_store.raced = 2

    world.settings.put("alice", [REMARK])

    assert values(world) == {REMARK.name: "our team"}


def test_a_put_that_always_loses_says_so(world: World) -> None:
    world.settings_store.raced = 100

    with pytest.raises(BusyError):
        world.settings.put("alice", [REMARK])

    assert values(world) == {}


def test_what_is_put_while_a_device_reads_is_left_for_its_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its version would cover a setting that another page of the same read has missed."""
    world.settings.put("alice", [REMARK])
    read = world.settings_store.of_user

    def raced(user: str) -> list[Setting]:
        monkeypatch.setattr(world.settings_store, "of_user", read)
        world.settings.put("alice", [Setting(1_000, "late", "x")])
        return read(user)

    monkeypatch.setattr(world.settings_store, "of_user", raced)
    newer, version = world.settings.since("alice", 0)

    assert [setting.key for setting in newer] == ["team"]
    assert version == START_MS
    assert values(world, after=version) == {(1_000, "late"): "x"}


@pytest.mark.parametrize("settings", [[], [REMARK] * (service.MAX_BATCH + 1)])
def test_a_batch_is_bounded(world: World, settings: list[Setting]) -> None:
    with pytest.raises(InvalidError):
        world.settings.put("alice", settings)


def test_nothing_is_stored_when_one_of_several_is_refused(world: World) -> None:
    with pytest.raises(InvalidError):
        world.settings.put("alice", [REMARK, Setting(2, "", "maybe")], client="phone")

    assert values(world) == {}


def test_a_user_has_so_many_settings_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SETTINGS", 2)
    for key in ("a", "b"):
        world.settings.put("alice", [Setting(1_000, key, "x")])

    with pytest.raises(InvalidError, match="2 settings"):
        world.settings.put("alice", [Setting(1_000, "c", "x")])

    world.settings.put("alice", [Setting(1_000, "a", "y")])
    assert values(world) == {(1_000, "a"): "y", (1_000, "b"): "x"}


def test_settings_that_were_cleared_long_ago_make_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SETTINGS", 2)
    world.settings.put("alice", [Setting(1_000, "a", ""), Setting(1_000, "b", "x")])
    with pytest.raises(InvalidError):
        world.settings.put("alice", [Setting(1_000, "c", "x")])

    world.now += 31 * 86_400_000
    world.settings.put("alice", [Setting(1_000, "c", "x")])

    assert {setting.key for setting in world.settings_store.of_user("alice")} == {"b", "c"}
    assert world.settings_store.head("alice").count == 2


def test_hello_shows_what_is_set_for_a_conversation(world: World) -> None:
    world.say("bob", "hi", to="alice")
    world.say("cem", "hi", to="alice")
    world.settings.put("alice", [Setting(1, "0-0-bob", "1"), Setting(3, "0-0-bob", "2"), Setting(3, "0-0-cem", "1")])
    world.settings.put("alice", [Setting(3, "0-0-cem", "0"), Setting(1, "0-0-stranger", "1")])

    shown = {state.conversation.target: (state.silent, state.top) for state in named(world)}

    assert shown == {"bob": (True, 2), "cem": (False, 0)}


def test_hello_shows_it_for_every_line_of_a_group(world: World) -> None:
    assert world.groups.found(GroupInfo("team", owner="bob", lines=(0, 3)))
    world.rows.enter_many(["alice"], "team", {}, 1, 1)
    for line in (0, 3):
        log = Conversation(1, "team", line).key("alice")
        world.messages.put(Message(log, 1, 1, "c", "bob", 1, '{"type":1}'), indexed=False)
    world.settings.put("alice", [Setting(1, "1-3-team", "1")])

    shown = {state.conversation.line: state.silent for state in named(world)}

    assert shown == {0: False, 3: True}


def test_a_setting_of_a_conversation_costs_neither_cursor_nor_blacklist(world: World) -> None:
    world.say("bob", "hi", to="alice")
    world.service.read("alice", Conversation(0, "bob"), 1)
    world.rows.relate("alice", "bob", blocked=True, befriended=False)

    world.settings.put("alice", [Setting(1, "0-0-bob", "1")])

    row = world.rows.get("alice", Conversation(0, "bob"))
    assert row is not None
    assert (row.read, row.blocked, row.silent) == (1, True, True)


def test_notifications_are_decided_by_one_read(world: World) -> None:
    world.settings.put("alice", [Setting(1, "1-0-team", "1"), Setting(4, "", "1")])
    world.settings.put("bob", [Setting(2, "", "1")])
    team = Conversation(1, "team")

    found = world.settings_store.push_preferences(dict.fromkeys(("alice", "bob", "cem"), team))

    assert [found[user].conversation_silent for user in ("alice", "bob", "cem")] == [True, False, False]
    assert [found[user].rules for user in ("alice", "bob", "cem")] == [
        PushRules(hidden=True),
        PushRules(silent=True),
        PushRules(),
    ]


def test_who_leaves_a_group_loses_what_he_had_set_for_it(world: World) -> None:
    kept = {(26, "club"): "c", (3, "0-0-team"): "1", (1_000, "team"): "x"}
    lost = {(26, "team"): "t", (6, "team"): "1", (1, "1-0-team"): "1", (3, "1-7-team"): "1"}
    world.settings.put("alice", [Setting(*name, value) for name, value in {**kept, **lost}.items()])
    world.settings.put("bob", [REMARK])
    version = world.settings_store.head("alice").version

    world.settings.end_membership(["alice"], "team")
    world.settings.end_membership(["alice"], "team")

    assert values(world) == kept
    assert values(world, after=version) == dict.fromkeys(lost, "")
    assert values(world, "bob") == {REMARK.name: "our team"}


def test_a_destroyed_user_leaves_no_settings(world: World) -> None:
    world.settings.put("alice", [REMARK])
    world.settings.put("bob", [REMARK])

    world.settings.forget("alice")

    assert world.settings_store.of_user("alice") == []
    assert values(world, "bob") != {}


def test_users_say_by_what_they_must_not_be_found(world: World) -> None:
    world.settings.put("alice", [Setting(Scope.PRIVACY, "", "9")])
    world.settings.put("bob", [Setting(Scope.PRIVACY, "", "9")])
    world.settings.put("bob", [Setting(Scope.PRIVACY, "", "")])
    world.settings.put("cem", [Setting(Scope.PRIVACY, "", "everything")])

    assert world.settings.search_masks(["alice", "bob", "cem", "dora"]) == {"alice": 9, "cem": 0}


def test_who_gives_no_receipts_is_noted_before_the_setting_is_stored(world: World) -> None:
    world.settings_store.raced = 100

    with pytest.raises(BusyError):
        world.settings.put("alice", [Setting(Scope.DISABLE_RECEIPT, "", "1")])

    assert not world.presence.load_one("alice").receipts
