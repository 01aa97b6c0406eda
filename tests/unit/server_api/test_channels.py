"""What administrators and the services of channels may ask for, in whose name, and who is let in."""

from typing import Any

import pytest

from im.message.model import Conversation, payload_from_json
from im.profile.model import User
from tests.fakes.backend import CHANNEL, SECRETS, Backend

TEXT = {"type": 1, "searchableContent": "hello", "persistFlag": 3}
TO_ALL = Conversation(3, CHANNEL)
FULL, STRANGERS, SUBSCRIBES, MESSAGES, DELETED = 0x01, 0x02, 0x04, 0x08, 0x40


@pytest.fixture
def backend() -> Backend:
    made = Backend()
    made.ok("/channel/get_profile")
    return made


def state(backend: Backend, bits: int) -> None:
    """Make the channel anew with other bits; subscribers stay."""
    body = {"targetId": CHANNEL, "name": "News", "owner": "olga", "secret": SECRETS[0], "state": bits}
    backend.ok("/admin/channel/create", body)


def log(backend: Backend, target: str = CHANNEL) -> list[str]:
    slots = backend.world.messages.logs[Conversation(3, target).key("")]
    return [payload_from_json(slot.payload).searchableContent for slot in slots.values()]


# --- who is let in


def test_a_channel_is_let_in_by_its_own_signature_and_by_no_other(backend: Backend) -> None:
    profile = backend.ok("/channel/get_profile")
    assert (profile["channelId"], profile["owner"], profile["secret"]) == (CHANNEL, "olga", SECRETS[0])

    for code, headers in {
        239: backend.signed(),
        244: backend.signed("guessed", channel=CHANNEL),
        236: backend.signed(channel="nowhere"),
    }.items():
        assert backend.code("/channel/get_profile", headers=headers) == code
    assert (
        backend.code("/admin/channel/get", {"channelId": CHANNEL}, headers=backend.signed("x", channel=CHANNEL)) == 244
    )


def test_a_channel_whose_secret_was_taken_away_cannot_call(backend: Backend) -> None:
    known = backend.world.channels.get(CHANNEL)
    assert known is not None
    backend.world.channels.put(type(known)(CHANNEL, owner="olga", update_dt=known.update_dt + 1), known)

    assert backend.code("/channel/get_profile", headers=backend.signed("", channel=CHANNEL)) == 237


def test_a_new_secret_counts_at_once(backend: Backend) -> None:
    backend.ok("/channel/update_profile", {"type": 4, "value": "another"})

    assert backend.code("/channel/get_profile", headers=backend.signed(channel=CHANNEL)) == 244
    assert backend.code("/channel/get_profile", headers=backend.signed("another", channel=CHANNEL)) == 0


def test_a_destroyed_channel_is_still_let_in_and_may_do_nothing(backend: Backend) -> None:
    backend.ok("/admin/channel/destroy", {"channelId": CHANNEL})

    assert backend.ok("/channel/get_profile")["state"] & DELETED
    assert backend.code("/channel/message/send", {"payload": TEXT}) == 21
    assert backend.code("/channel/update_profile", {"type": 0, "value": "Olds"}) == 253
    assert backend.code("/channel/subscribe", {"target": "ann", "subscribe": 1}) == 253


# --- messages


def test_without_targets_all_subscribers_are_meant(backend: Backend) -> None:
    for targets in (None, []):
        sent = backend.ok("/channel/message/send", {"targets": targets, "line": 0, "payload": TEXT})
        message = backend.world.service.get_by_uid(sent["messageUid"])
        assert (message.log, message.to, message.sender) == (TO_ALL.key(""), (), "olga")
        assert message.time == sent["timestamp"]


def test_one_target_is_answered_in_his_dialog_and_two_subscribers_in_one_message(backend: Backend) -> None:
    backend.ok("/admin/channel/batch_subscribe", {"channelId": CHANNEL, "userIds": ["ann", "bob"], "subscribe": 1})

    backend.ok("/channel/message/send", {"targets": ["ann"], "payload": TEXT})
    backend.ok("/channel/message/send", {"targets": ["ann", "bob"], "payload": TEXT})

    assert (log(backend), log(backend, "news|ann"), log(backend, "news|bob")) == (["hello"], ["hello"], [])


def test_strangers_get_copies_of_their_own_from_a_channel_that_may(backend: Backend) -> None:
    backend.ok("/channel/subscribe", {"target": "ann", "subscribe": 1})

    sent = backend.ok("/channel/message/send", {"targets": ["ann", "sue"], "payload": TEXT})

    assert log(backend, "news|sue") == log(backend, "news|ann") == ["hello"]
    assert backend.world.service.get_by_uid(sent["messageUid"]).log.endswith("ann")


def test_the_first_stranger_is_named_where_strangers_may_not_be_addressed(backend: Backend) -> None:
    state(backend, SUBSCRIBES)
    backend.ok("/channel/subscribe", {"target": "ann", "subscribe": 1})

    answer = backend.call("/channel/message/send", {"targets": ["ann", "olga", "sue", "tom"], "payload": TEXT})

    assert (answer["code"], answer["msg"]) == (248, "User sue not in channel")
    assert log(backend) == []


def test_more_strangers_than_one_message_can_have_are_refused(backend: Backend) -> None:
    targets = [f"u{number}" for number in range(101)]
    assert backend.code("/channel/message/send", {"targets": targets, "payload": TEXT}) == 251


def test_a_channel_takes_back_what_it_has_said_and_nothing_else(backend: Backend) -> None:
    sent = backend.ok("/channel/message/send", {"payload": TEXT})
    assert '"sc":"hello"' in backend.ok("/channel/message/recall", {"messageUid": sent["messageUid"]})
    assert backend.ok("/channel/message/recall", {"messageUid": sent["messageUid"]}) == ""

    body = {"sender": "olga", "conv": {"type": 0, "target": "ann"}, "payload": TEXT}
    private = backend.ok("/admin/message/send", body)["messageUid"]
    asked = backend.ok("/admin/message/send", {**body, "sender": "ann", "conv": {"type": 3, "target": CHANNEL}})
    for uid in (private, asked["messageUid"], 12345):
        assert backend.code("/channel/message/recall", {"messageUid": uid}) == 253
        assert backend.code("/channel/message/republish", {"messageId": uid, "targets": []}) == 253


def test_republishing_reaches_the_targets_once_more(backend: Backend) -> None:
    backend.ok("/admin/channel/batch_subscribe", {"channelId": CHANNEL, "userIds": ["ann", "bob"], "subscribe": 1})
    sockets = {user: backend.world.online(user) for user in ("ann", "bob")}
    sent = backend.ok("/channel/message/send", {"payload": TEXT})
    backend.world.settle()

    backend.ok("/channel/message/republish", {"messageId": sent["messageUid"], "targets": ["ann"]})
    backend.world.settle()

    assert [len(backend.world.pushes(sockets[user])) for user in ("ann", "bob")] == [2, 1]


def test_a_user_who_writes_to_a_channel_through_the_api_is_heard_by_its_owner(backend: Backend) -> None:
    owner = backend.world.online("olga")
    body = {"sender": "ann", "conv": {"type": 3, "target": CHANNEL}, "payload": TEXT, "isUserMessage": True}

    backend.ok("/admin/message/send", body)

    [push] = backend.world.pushes(owner)
    assert push["conversation"]["target"] == "news|ann"


# --- users


def test_users_are_shown_as_far_as_the_channel_may_see_them(backend: Backend) -> None:
    for user in ("ann", "sue"):
        made = User(user, name=user, display_name=user.title(), mobile="+1", portrait="p")
        backend.services.users.create(made)
    backend.ok("/channel/subscribe", {"target": "ann", "subscribe": 1})

    def seen(user: str) -> Any:
        answer = backend.call("/channel/user_info", {"userId": user})
        return answer["result"]["mobile"] if answer["code"] == 0 else answer["code"]

    expected = {FULL: ("+1", 248), STRANGERS: ("", ""), FULL | STRANGERS: ("+1", ""), 0: ("", 248)}
    for bits, outcome in expected.items():
        state(backend, bits)
        assert (seen("ann"), seen("sue")) == outcome
        assert seen("nobody") == 253


def test_only_a_channel_that_may_subscribes_users_and_every_one_lets_them_go(backend: Backend) -> None:
    backend.ok("/channel/subscribe", {"target": "ann", "subscribe": 1})
    assert backend.ok("/channel/subscriber_list") == {"list": ["ann"]}
    assert backend.ok("/channel/is_subscriber", {"userId": "ann"}) is True
    state(backend, 0)

    assert backend.code("/channel/subscribe", {"target": "bob", "subscribe": 1}) == 248
    backend.ok("/channel/subscribe", {"target": "ann", "subscribe": 0})
    assert backend.ok("/channel/is_subscriber", {"userId": "ann"}) is False


def test_the_profile_is_changed_field_by_field_and_menus_are_replaced(backend: Backend) -> None:
    for name in ("Help", "About"):
        backend.ok(
            "/channel/update_profile", {"type": 7, "value": f'[{{"name":"{name}","subMenus":[{{"name":"x"}}]}}]'}
        )
    backend.ok("/channel/update_profile", {"type": 2, "value": "updated"})
    backend.ok("/channel/update_profile", {"type": 99, "value": "ignored"})

    profile = backend.ok("/channel/get_profile")
    assert profile["desc"] == "updated"
    assert [menu["name"] for menu in profile["menus"]] == ["About"]
    assert profile["menus"][0]["subMenus"][0]["name"] == "x"


# --- administrators


def test_what_administrators_make_list_and_end(backend: Backend) -> None:
    made = backend.ok("/admin/channel/create", {"owner": "olga", "name": "Other", "menus": [{"name": "Help"}]})
    assert made["secret"]
    found = backend.ok("/admin/channel/get", {"channelId": made["targetId"]})
    assert (found["name"], found["menus"][0]["name"], found["secret"]) == ("Other", "Help", made["secret"])
    listed = backend.ok("/admin/channel/list", {"count": 10, "offset": 0})
    assert (listed["total"], len(listed["list"])) == (2, 2)

    for _ in range(2):
        backend.ok("/admin/channel/destroy", {"channelId": made["targetId"]})

    assert backend.ok("/admin/channel/get", {"channelId": made["targetId"]})["state"] & DELETED
    assert backend.ok("/admin/channel/list", {"count": 10, "offset": 0})["total"] == 1
    for path in ("get", "destroy"):
        assert backend.code(f"/admin/channel/{path}", {"channelId": "nowhere"}) == 253


def test_subscribers_are_listed_in_pages_and_unknown_ones_are_none(backend: Backend) -> None:
    users = ["user1", "user2", "user3"]
    backend.ok("/admin/channel/batch_subscribe", {"channelId": CHANNEL, "userIds": users, "subscribe": 1})

    page = backend.ok("/admin/channel/list_subscriber", {"target": CHANNEL, "count": 10, "offset": 1})
    assert page == {"total": 3, "list": ["user2", "user3"]}
    for user, value in (("user1", True), ("olga", True), ("sue", False)):
        asked = {"channelId": CHANNEL, "userId": user, "subscribe": 0}
        assert backend.ok("/admin/channel/is_subscribed", asked) == {"value": value}
    assert backend.ok("/admin/channel/is_subscribed", {"channelId": "nowhere", "userId": "x"}) == {"value": False}
    assert backend.code("/admin/channel/subscribe", {"channelId": "nowhere", "userId": "x", "subscribe": 1}) == 253


def test_a_destroyed_user_subscribes_to_nothing(backend: Backend) -> None:
    backend.ok("/admin/user/create", {"userId": "ann", "name": "ann"})
    backend.ok("/admin/channel/subscribe", {"channelId": CHANNEL, "userId": "ann", "subscribe": 1})

    backend.ok("/admin/user/destroy", {"userId": "ann"})

    assert backend.ok("/channel/subscriber_list") == {"list": []}
