"""What a deployment must do from end to end, told once for whatever runs it.

Each scenario brings its own users and leaves nothing that another one sees, so one deployment serves all of them.
"""

import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from local.client import SocketClient
from tests.e2e.deployment import SUBPROTOCOL, Cast, Deployment

INLINE_LIMIT = 2
"""The scenarios' switch ``im.inline_limit``: with more recipients than this a message goes through the queue."""
SWITCHES = {"im.inline_limit": INLINE_LIMIT}

IOS, WEB = 1, 5
GROUP = 1
CREATE_NOTICE = 104
RECALL = 80
NOT_IN_GROUP, INVALID, NOT_IMPLEMENTED = 9, 251, 254

Scenario = Callable[[Cast], Coroutine[Any, Any, None]]


async def play(scenario: Scenario, deployment: Deployment) -> None:
    """Run one scenario, and close what it opened."""
    async with Cast(deployment) as cast:
        await scenario(cast)


def with_user(user: str) -> dict[str, Any]:
    """A single chat as the other user names it."""
    return {"type": 0, "target": user, "line": 0}


def in_group(group: str) -> dict[str, Any]:
    """A group's conversation."""
    return {"type": GROUP, "target": group, "line": 0}


def text(words: str) -> dict[str, Any]:
    """A text content that counts as unread."""
    return {"type": 1, "searchableContent": words, "persistFlag": 3}


def words_of(message: dict[str, Any]) -> str:
    """The text of a message."""
    return str(message["content"].get("searchableContent", ""))


async def say(socket: SocketClient, conversation: dict[str, Any], words: str, *, base: int) -> Any:
    """Send a text; its cid follows from the base. Returns the acknowledgement."""
    body = {"conversation": conversation, "content": text(words), "cid": f"after-{base}", "base": base}
    return await socket.call("message", "send", body)


async def pull(socket: SocketClient, conversation: dict[str, Any], after: int = 0) -> list[dict[str, Any]]:
    """The messages of a conversation after a seq."""
    body = {"ranges": [{"conversation": conversation, "after": after}]}
    [found] = (await socket.call("message", "pull", body))["ranges"]
    messages: list[dict[str, Any]] = found["messages"]
    return messages


async def make_group(cast: Cast, group: str, *members: str) -> None:
    """A group through the server API; its first member owns it."""
    body = {
        "operator": members[0],
        "group": {
            "group_info": {"target_id": group, "name": "Climbers", "owner": members[0], "type": 2},
            "members": [{"member_id": member} for member in members],
        },
    }
    assert (await cast.ask("/admin/group/create", body))["group_id"] == group


# --- connecting


async def apps_and_browsers_connect(cast: Cast) -> None:
    alice = cast.name("alice")
    app = await cast.join(alice, "phone", IOS)
    browser = await cast.join(alice, "browser", WEB, as_browser=True)

    for socket in (app, browser):
        hello = await socket.call("session", "hello")
        assert hello["userId"] == alice
        assert hello["conversations"] == []
    devices = await app.call("session", "devices")
    assert {(device["clientId"], device["online"]) for device in devices} == {
        (f"{alice}-phone", True),
        (f"{alice}-browser", True),
    }


async def the_subprotocol_is_selected(cast: Cast) -> None:
    browser = await cast.join(cast.name("alice"), "browser", WEB, as_browser=True)

    assert browser.connection.subprotocol == SUBPROTOCOL


async def a_strange_token_opens_nothing(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    forged = (await cast.token(alice))[:-4] + "AAAA"
    for token in (forged, await cast.token(bob), "nonsense"):
        with pytest.raises(InvalidStatus):
            await cast.join(alice, token=token)


async def a_strange_token_is_unauthorized(cast: Cast) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await cast.join(cast.name("alice"), token="nonsense")

    assert refused.value.response.status_code == 401


async def a_kicked_device_is_told_and_stays_out(cast: Cast) -> None:
    alice = cast.name("alice")
    token = await cast.token(alice)
    phone = await cast.join(alice, token=token)
    browser = await cast.join(alice, "browser", WEB)

    await cast.ask("/admin/user/kickoff_client", {"first": alice, "second": f"{alice}-phone"})

    assert "reason" in await phone.expect_push("kicked")
    await phone.closed()
    with pytest.raises(InvalidStatus) as refused:
        await cast.join(alice, token=token)
    assert refused.value.response.status_code == 403
    assert (await browser.call("session", "hello"))["userId"] == alice


async def a_forbidden_user_is_cut_off(cast: Cast) -> None:
    alice = cast.name("alice")
    phone = await cast.join(alice)

    await cast.ask("/admin/user/update_block_status", {"userId": alice, "status": 2})

    await phone.closed()
    with pytest.raises(InvalidStatus) as refused:
        await cast.join(alice)
    assert refused.value.response.status_code == 403


async def a_closed_socket_is_seen_as_offline(cast: Cast) -> None:
    alice = cast.name("alice")
    phone = await cast.join(alice)

    async def status_is(expected: int) -> bool:
        found = await cast.ask("/admin/user/onlinestatus", {"userId": alice})
        return [session["status"] for session in found["sessions"]] == [expected]

    assert await status_is(0)
    await phone.close()
    await cast.deployment.eventually(partial(status_is, 1))


async def frames_without_a_meaning_are_refused(cast: Cast) -> None:
    phone = await cast.join(cast.name("alice"))

    assert (await phone.request("nowhere", "send"))["code"] == NOT_IMPLEMENTED
    assert (await phone.request("message", "sing"))["code"] == NOT_IMPLEMENTED
    wrong = await phone.request("message", "read", {"conversation": with_user("bob"), "seq": "one"})
    assert wrong["code"] == INVALID
    assert "$.body.seq" in wrong["msg"]
    await phone.send_text("this is not JSON")
    assert (await phone.stray())["code"] == INVALID


# --- messages


async def a_message_is_acknowledged_and_pushed(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    sender, receiver = await cast.join(alice), await cast.join(bob)
    other = await cast.join(alice, "browser", WEB)

    sent = await say(sender, with_user(bob), "hello", base=0)

    assert sent["seq"] == 1
    for socket, peer in ((receiver, alice), (other, bob)):
        assert await socket.expect_push("message") == {
            "conversation": with_user(peer),
            "seq": 1,
            "uid": sent["uid"],
            "cid": "after-0",
            "from": alice,
            "time": sent["time"],
            "content": text("hello"),
        }
    assert sender.pushes == []


async def a_message_sent_again_is_the_same_message(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    sender, receiver = await cast.join(alice), await cast.join(bob)

    first = await say(sender, with_user(bob), "once", base=0)
    await say(sender, with_user(bob), "between", base=1)

    assert await say(sender, with_user(bob), "once", base=0) == first
    assert [words_of(each) for each in await pull(receiver, with_user(alice))] == ["once", "between"]


async def what_came_while_away_is_found(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    sender, receiver = await cast.join(alice), await cast.join(bob)
    token = (await receiver.call("session", "hello"))["sync"]
    await receiver.close()
    for seq, words in enumerate(("one", "two", "three")):
        await say(sender, with_user(bob), words, base=seq)

    receiver = await cast.join(bob)
    changes = await receiver.call("session", "hello", {"sync": token})

    assert [(each["conversation"], each["head"]) for each in changes["conversations"]] == [(with_user(alice), 3)]
    assert [words_of(each) for each in await pull(receiver, with_user(alice), after=1)] == ["two", "three"]
    found = await receiver.call("message", "history", {"conversation": with_user(alice), "before": 3, "limit": 1})
    assert [words_of(each) for each in found["messages"]] == ["two"]
    assert found["more"] is True


async def a_recalled_message_is_gone(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    sender, receiver = await cast.join(alice), await cast.join(bob)
    await say(sender, with_user(bob), "secret", base=0)
    await receiver.expect_push("message")

    event = await sender.call("message", "recall", {"conversation": with_user(bob), "seq": 1})

    told = await receiver.expect_push("message")
    assert (told["seq"], told["ref"], told["content"]["type"]) == (event["seq"], 1, RECALL)
    seen = await pull(receiver, with_user(alice))
    assert [message["seq"] for message in seen] == [1, event["seq"]]
    assert seen[0]["recalled"]["by"] == alice
    assert "secret" not in json.dumps(seen)


async def reading_on_one_device_shows_on_the_other(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    sender, phone = await cast.join(alice), await cast.join(bob)
    browser = await cast.join(bob, "browser", WEB)
    await say(sender, with_user(bob), "one", base=0)
    await say(sender, with_user(bob), "two", base=1)

    assert await phone.call("message", "read", {"conversation": with_user(alice), "seq": 2}) == {"read": 2}

    assert await browser.expect_push("cursor") == {"conversation": with_user(alice), "read": 2}
    [state] = (await browser.call("session", "hello"))["conversations"]
    assert state["read"] == 2


async def an_upload_is_stored_and_limited(cast: Cast) -> None:
    phone = await cast.join(cast.name("alice"))
    picture = b"\x89PNG " + bytes(range(256)) * 8
    wish = {"mediaType": 1, "name": "picture.png", "size": len(picture), "contentType": "image/png"}

    async def upload(content: bytes) -> tuple[int, str]:
        granted = await phone.call("message", "upload", wish)
        form = aiohttp.FormData(granted["fields"])
        form.add_field("file", content, filename="picture.png", content_type="image/png")
        async with aiohttp.ClientSession() as http, http.post(granted["url"], data=form) as response:
            return response.status, granted["remoteMediaUrl"]

    status, url = await upload(picture)
    assert status in (200, 201, 204)
    assert await cast.deployment.stored(url) == picture
    status, _ = await upload(picture + b"one byte too many")
    assert status == 400


# --- groups and profiles


async def a_group_is_served_through_the_queue(cast: Cast) -> None:
    members = [cast.name(role) for role in ("alice", "bob", "carol", "dave")]
    assert len(members) > INLINE_LIMIT
    sender, *receivers = [await cast.join(member) for member in members]
    group = cast.name("climbers")
    runs = await cast.deployment.fanout_runs()

    await make_group(cast, group, *members)
    notices = [await socket.expect_push("message") for socket in (sender, *receivers)]
    sent = await say(sender, in_group(group), "who climbs?", base=1)
    pushes = [await socket.expect_push("message") for socket in receivers]

    assert {(notice["seq"], notice["content"]["type"]) for notice in notices} == {(1, CREATE_NOTICE)}
    assert {(push["seq"], push["uid"], words_of(push)) for push in pushes} == {(2, sent["uid"], "who climbs?")}
    assert [push["conversation"] for push in pushes] == [in_group(group)] * 3

    async def queue_served_both() -> bool:
        return await cast.deployment.fanout_runs() >= runs + 2

    await cast.deployment.eventually(queue_served_both)
    assert sender.pushes == []


async def a_removed_member_hears_no_more(cast: Cast) -> None:
    alice, bob, carol = (cast.name(role) for role in ("alice", "bob", "carol"))
    owner, stays, goes = [await cast.join(member) for member in (alice, bob, carol)]
    group = cast.name("climbers")
    await make_group(cast, group, alice, bob, carol)
    for socket in (owner, stays, goes):
        await socket.expect_push("message")

    await cast.ask("/admin/group/member/del", {"operator": alice, "group_id": group, "members": [carol]})
    for socket in (owner, stays, goes):
        await socket.expect_push("message")
    await say(owner, in_group(group), "among us", base=2)

    assert words_of(await stays.expect_push("message")) == "among us"
    body = {"conversation": in_group(group), "content": text("me too"), "cid": "mine", "base": 2}
    assert (await goes.request("message", "send", body))["code"] == NOT_IN_GROUP
    assert [each["seq"] for each in await pull(goes, in_group(group))] == [1, 2]
    assert goes.pushes == []


async def groups_and_users_can_be_looked_up(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    await cast.ask("/admin/user/create", {"userId": bob, "name": bob, "displayName": "Bob"})
    group = cast.name("climbers")
    await make_group(cast, group, alice, bob)
    phone = await cast.join(alice)

    assert (await phone.call("group", "mine"))["groupIds"] == [group]
    [info] = (await phone.call("group", "info", {"groups": [{"groupId": group}]}))["groups"]
    assert (info["name"], info["owner"]) == ("Climbers", alice)
    members = (await phone.call("group", "members", {"groupId": group}))["members"]
    assert {member["member_id"] for member in members} == {alice, bob}
    users = await phone.call("profile", "users", {"users": [{"userId": bob}, {"userId": alice}]})
    assert [user["displayName"] for user in users["users"]] == ["Bob"]
    assert users["unknown"] == [alice]


async def the_server_api_sends_finds_and_recalls(cast: Cast) -> None:
    alice, bob = cast.name("alice"), cast.name("bob")
    phone = await cast.join(bob)
    body = {"sender": alice, "conv": {"type": 0, "target": bob, "line": 0}, "payload": text("from the server")}

    uid = (await cast.ask("/admin/message/send", body))["messageUid"]

    push = await phone.expect_push("message")
    assert (push["uid"], words_of(push)) == (str(uid), "from the server")
    found = await cast.ask("/admin/message/get_one", {"messageUid": uid})
    assert found["payload"]["searchableContent"] == "from the server"
    original = await cast.ask("/admin/message/recall", {"operator": "admin", "messageUid": uid})
    assert "from the server" in original
    assert (await phone.expect_push("message"))["ref"] == push["seq"]


async def the_server_api_says_what_it_does_not_do(cast: Cast) -> None:
    answer = await cast.deployment.admin("/admin/conference/list")

    assert answer["code"] == NOT_IMPLEMENTED
    assert "result" not in answer


SCENARIOS: tuple[Scenario, ...] = (
    apps_and_browsers_connect,
    the_subprotocol_is_selected,
    a_strange_token_opens_nothing,
    a_strange_token_is_unauthorized,
    a_kicked_device_is_told_and_stays_out,
    a_forbidden_user_is_cut_off,
    a_closed_socket_is_seen_as_offline,
    frames_without_a_meaning_are_refused,
    a_message_is_acknowledged_and_pushed,
    a_message_sent_again_is_the_same_message,
    what_came_while_away_is_found,
    a_recalled_message_is_gone,
    reading_on_one_device_shows_on_the_other,
    an_upload_is_stored_and_limited,
    a_group_is_served_through_the_queue,
    a_removed_member_hears_no_more,
    groups_and_users_can_be_looked_up,
    the_server_api_sends_finds_and_recalls,
    the_server_api_says_what_it_does_not_do,
)
