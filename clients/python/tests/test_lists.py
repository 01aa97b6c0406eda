"""Users, friends, groups and settings: fetched when they change, told once, kept over restarts."""

import pytest

from clients.python.tests.conftest import Harness, Recorder, until
from clients.python.tests.fake_lists import FakeLists
from wildfire_client import (
    ChatError,
    Code,
    Conversation,
    FriendRequestsChanged,
    FriendsChanged,
    GroupMembersChanged,
    GroupsChanged,
    PresenceChanged,
    ReceiptsChanged,
    SettingsChanged,
    UsersChanged,
)
from wildfire_client.objects import Scope

BOB = Conversation.single("bob")


async def test_a_profile_is_fetched_once_when_it_is_first_looked_at(harness: Harness) -> None:
    harness.server.lists.set_user("bob", "Bob")
    client = await harness.connected()
    recorder = Recorder(client, UsersChanged)
    assert client.users.get("bob") is None
    assert client.users.name("bob") == "bob"
    await until(lambda: recorder.events)
    assert client.users.name("bob") == "Bob"
    assert recorder.events == [UsersChanged(("bob",))]
    assert harness.server.count("users") == 1


async def test_somebody_who_is_not_registered_is_not_asked_for_again_and_again(harness: Harness) -> None:
    client = await harness.connected()
    assert await client.users.fetch(["nobody"]) == []
    assert client.users.get("nobody") is None
    harness.server.lists.set_user("bob", "Bob")
    await client.users.fetch(["bob"])
    assert [body["users"] for body in harness.server.bodies("users")] == [
        [{"userId": "nobody", "updateDt": 0}],
        [{"userId": "bob", "updateDt": 0}],
    ]


async def test_a_profile_that_changed_comes_with_the_push(harness: Harness) -> None:
    harness.server.lists.set_user("alice", "Alice")
    client = await harness.connected()
    await client.users.fetch(["alice"])
    harness.server.lists.set_user("alice", "Alice L.")
    await harness.server.push("alice", "profile", {"userId": "alice"})
    await until(lambda: client.users.name("alice") == "Alice L.")


async def test_friends_and_requests_come_with_hello_and_with_pushes(harness: Harness) -> None:
    lists = harness.server.lists
    lists.befriend("alice", "bob")
    client = await harness.connected()
    recorder = Recorder(client, FriendsChanged, FriendRequestsChanged)
    await until(lambda: client.friends.is_friend("bob"))
    lists.ask("carol", "alice", "hello")
    await harness.server.push("alice", "friendRequests", {"version": lists.version})
    await until(lambda: client.friends.unread_requests == 1)
    assert client.friends.requests()[0].reason == "hello"
    await client.friends.mark_requests_read()
    await harness.server.push("alice", "friendRequests", {"version": lists.version})
    await until(lambda: client.friends.unread_requests == 0)
    lists.befriend("alice", "bob", on=False)
    await harness.server.push("alice", "friends", {"version": lists.version})
    await until(lambda: not client.friends.is_friend("bob"))
    assert client.friends.all() == []
    assert recorder.of(FriendRequestsChanged) == [FriendRequestsChanged(1), FriendRequestsChanged(0)]


async def test_nothing_is_asked_when_no_version_has_moved(harness: Harness) -> None:
    harness.server.lists.befriend("alice", "bob")
    client = await harness.connected(store="alice.db")
    await until(lambda: client.friends.is_friend("bob"))
    await harness.close(client)
    again = await harness.connected(store="alice.db")
    assert again.friends.is_friend("bob")
    await again.users.fetch([])
    assert harness.server.count("friends") == 1
    assert harness.server.count("settings") == 0


async def test_a_push_that_was_lost_is_made_good_by_the_next_hello(harness: Harness) -> None:
    client = await harness.connected(store="alice.db")
    await harness.close(client)
    harness.server.lists.befriend("alice", "bob")
    again = await harness.connected(store="alice.db")
    await until(lambda: again.friends.is_friend("bob"))


async def test_a_server_that_was_set_back_is_believed(harness: Harness) -> None:
    harness.server.lists.befriend("alice", "bob")
    client = await harness.connected(store="alice.db")
    await until(lambda: client.friends.is_friend("bob"))
    await harness.close(client)
    harness.server.lists = FakeLists()
    again = await harness.connected(store="alice.db")
    await until(lambda: not again.friends.is_friend("bob"))


async def test_a_setting_of_another_device_shows_in_the_list_of_conversations(harness: Harness) -> None:
    phone = await harness.connected(client_id="phone")
    tablet = await harness.connected(client_id="tablet")
    recorder = Recorder(tablet, SettingsChanged)
    harness.server.say("bob", "alice", "hi")
    await until(lambda: tablet.conversations())
    await phone.set_top(BOB, 2)
    assert phone.conversations()[0].top == 2
    await harness.server.push("alice", "settings", {"version": harness.server.lists.version})
    await until(lambda: tablet.conversations()[0].top == 2)
    assert tablet.settings.all(Scope.CONVERSATION_TOP) == {"0-0-bob": "2"}
    await until(lambda: recorder.events)
    assert [setting.value for setting in recorder.events[0].settings] == ["2"]
    # The phone knew that its own change was all there was.
    assert harness.server.count("settings") == 1


async def test_a_group_follows_the_notices_in_its_log(harness: Harness) -> None:
    lists = harness.server.lists
    harness.server.create_group("team", "alice", "bob")
    lists.set_group("team", "Team", "alice", "bob")
    client = await harness.connected()
    recorder = Recorder(client, GroupsChanged, GroupMembersChanged)
    await until(lambda: [group.name for group in client.groups.mine()] == ["Team"])
    assert [member.user_id for member in await client.groups.members("team")] == ["alice", "bob"]
    lists.set_group("team", "The Team", "alice", "carol")
    harness.server.add_member("team", "alice", "carol")
    await until(lambda: client.groups.mine()[0].name == "The Team")
    await until(lambda: recorder.of(GroupMembersChanged)[1:])
    assert [member.user_id for member in await client.groups.members("team")] == ["alice", "carol"]
    assert client.groups.member("team", "bob") is not None


async def test_where_friends_are_not_hosted_the_client_goes_on_without_them(harness: Harness) -> None:
    lists = harness.server.lists
    lists.befriend("alice", "bob")
    harness.server.create_group("team", "alice")
    lists.set_group("team", "Team", "alice")
    harness.server.refuse_op("friends", 254)
    client = await harness.connected()
    await until(lambda: client.groups.mine())
    assert client.friends.all() == []


async def test_a_refusal_reaches_who_asked(harness: Harness) -> None:
    client = await harness.connected()
    with pytest.raises(ChatError) as caught:
        await client.groups.quit("team")
    assert caught.value.code == Code.NOT_IMPLEMENT


async def test_receipts_are_fetched_once_and_grow_with_pushes(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ReceiptsChanged)
    harness.server.lists.receipts["alice", "bob"] = [{"userId": "bob", "read": 2, "time": 500, "delivered": 900}]
    [receipt] = await client.receipts.fetch(BOB)
    assert (receipt.read, receipt.time, receipt.delivered) == (2, 500, 900)
    push = {"conversation": BOB.to_wire(), "userId": "bob", "read": 5, "time": 700}
    await harness.server.push("alice", "receipt", push)
    await until(lambda: client.receipts.readers(BOB, 5) == ["bob"])
    await harness.server.push("alice", "receipt", push | {"read": 3, "time": 600})
    await until(lambda: len(recorder.events) == 2)
    assert [(r.read, r.time, r.delivered) for r in await client.receipts.fetch(BOB)] == [(5, 700, 900)]
    assert [body["after"] for body in harness.server.bodies("receipts")] == [0, harness.server.lists.version]


async def test_friends_are_seen_from_the_start_and_others_while_they_are_watched(harness: Harness) -> None:
    def seen(user: str, *, online: bool) -> dict[str, object]:
        return {"userId": user, "state": 0, "text": "", "platforms": [{"platform": 1, "online": online, "lastSeen": 7}]}

    harness.server.lists.befriend("alice", "bob")
    harness.server.lists.presence["bob"] = seen("bob", online=True)
    client = await harness.connected()
    recorder = Recorder(client, PresenceChanged)
    await until(lambda: client.presence.get("bob"))
    assert client.presence.get("bob").online  # type: ignore[union-attr]
    await harness.server.push("alice", "presence", {"users": [seen("bob", online=False)]})
    await until(lambda: not client.presence.get("bob").online)  # type: ignore[union-attr]
    assert client.presence.get("bob").last_seen == 7  # type: ignore[union-attr]
    assert await client.presence.watch(["nobody"]) == []
    assert [event.users[0].online for event in recorder.events][-1] is False


async def test_an_edit_and_a_reaction_show_on_all_devices(harness: Harness) -> None:
    alice, bob = await harness.connected("alice"), await harness.connected("bob")
    recorder = Recorder(alice)
    sent = await alice.settled(await alice.send(BOB, "Diner"))
    with_alice = Conversation.single("alice")
    await until(lambda: bob.messages(with_alice))
    await alice.edit(sent, "Dinner")
    await until(lambda: bob.digest(bob.messages(with_alice)[0]) == "Dinner")
    assert bob.messages(with_alice)[0].edited is not None
    await until(lambda: alice.digest(alice.messages(BOB)[0]) == "Dinner")
    await bob.react(bob.messages(with_alice)[0], "👍")
    await until(lambda: alice.messages(BOB)[0].reactions == {"👍": ("bob",)})
    await until(lambda: bob.messages(with_alice)[0].reactions == {"👍": ("bob",)})
    await bob.react(bob.messages(with_alice)[0], "👍", on=False)
    await until(lambda: alice.messages(BOB)[0].reactions == {})
    await until(lambda: len([e for e in recorder.events if type(e).__name__ == "MessageReacted"]) == 2)
    late = await harness.connected("bob", client_id="late")
    assert late.digest((await late.history(with_alice)).messages[0]) == "Dinner"
