"""What the business back end is told, in the words of the spec (server-api spec 5), by the services that change things."""

from typing import Any

import pytest

from im.callback.back_end import ChannelEvent
from im.callback.model import Event
from im.chatroom.model import Room, Visitor
from im.group.model import GroupMember
from im.group.steps import Announcement
from im.message.model import Conversation, Origin, Payload, Sender
from im.profile.model import Field, User
from tests.fakes.backend import Backend
from tests.fakes.club import Club
from tests.fakes.world import START_MS, World

EVERYTHING = {
    "forward_url": "http://app:8888/im_event/message",
    "mention_forward_url": "http://app:8888/im_event/mention",
    "recall_forward_url": "http://app:8888/im_event/recall_message",
    "sensitive_forward_url": "http://app:8888/im_event/sensitive",
    "message_read_url": "http://app:8888/im_event/message_read",
    "online_status_url": "http://app:8888/im_event/user/online",
    "user_info_url": "http://app:8888/im_event/user/info",
    "relation_url": "http://app:8888/im_event/user/relation",
    "group_info_url": "http://app:8888/im_event/group/info",
    "group_member_url": "http://app:8888/im_event/group/member",
    "channel_info_url": "http://app:8888/im_event/channel/info",
    "chatroom_info_url": "http://app:8888/im_event/chatroom/info",
    "chatroom_member_url": "http://app:8888/im_event/chatroom/member",
}


def world(**switches: Any) -> World:
    return World(**{**EVERYTHING, **switches})


def club(**switches: Any) -> Club:
    return Club(**{**EVERYTHING, **switches})


# --- messages


def test_a_message_is_forwarded_as_wildfires_output_message() -> None:
    here = world()
    here.online("ann")

    sent = here.say("ann", "hello", to="bob", base64edData="eHg=")

    assert here.called_back.bodies(Event.FORWARD) == [
        {
            "messageId": sent.uid,
            "sender": "ann",
            "conv": {"type": 0, "target": "bob", "line": 0},
            "payload": {
                "type": 1,
                "searchableContent": "hello",
                "pushContent": "",
                "pushData": "",
                "content": "",
                "base64edData": "eHg=",
                "mediaType": 0,
                "remoteMediaUrl": "",
                "persistFlag": 3,
                "expireDuration": 0,
                "mentionedType": 0,
                "mentionedTarget": [],
                "extra": "",
            },
            "toUsers": [],
            "timestamp": sent.time,
        }
    ]


def test_a_resend_is_told_again_under_the_same_id_which_the_queue_drops() -> None:
    here = world()
    for _ in range(2):
        here.say("ann", "hello", to="bob", cid="one")

    [task] = here.called_back.tasks
    assert task.id == f"forward-{here.outside.messages[0].uid}"


def test_the_sending_device_is_named_where_it_is_wanted_and_there_is_one() -> None:
    here = world(forward_with_client_info=True)
    here.online("ann", platform=2)
    here.say("ann", "by phone", to="bob")
    here.service.send(Sender("ann", origin=Origin.ADMIN), Conversation(0, "bob"), Payload(type=1, persistFlag=3))

    first, second = here.called_back.bodies(Event.FORWARD)
    assert first["client"] == {"platform": 2, "clientId": "phone"}
    assert "client" not in second


@pytest.mark.parametrize(
    ("types", "exclude", "told"),
    [("", "", [1, 3, 90, 4]), ("1,3-4", "", [1, 3, 4]), ("", "3-4,90", [1]), ("1-100", "90", [1, 3, 4])],
)
def test_types_are_chosen_and_left_out(types: str, exclude: str, told: list[int]) -> None:
    here = world(forward_types=types, forward_exclude_types=exclude)
    for kind in (1, 3, 90, 4):
        here.say("ann", f"of type {kind}", to="bob", type=kind)

    assert [body["payload"]["type"] for body in here.called_back.bodies(Event.FORWARD)] == told


def test_who_is_mentioned_is_told_whatever_the_type() -> None:
    here = world(forward_types="7")
    here.say("ann", "@bob", to="bob", mentionedType=1, mentionedTarget=("bob",))
    here.say("ann", "nobody", to="bob")

    assert here.called_back.bodies(Event.FORWARD) == []
    [mention] = here.called_back.bodies(Event.MENTION)
    assert mention["payload"]["mentionedTarget"] == ["bob"]


def test_messages_of_the_server_api_can_be_left_out() -> None:
    for left_out in (False, True):
        here = world(no_forward_admin_message=left_out)
        here.service.send(Sender("ann", origin=Origin.ADMIN), Conversation(0, "bob"), Payload(type=1, persistFlag=3))
        assert len(here.called_back.bodies(Event.FORWARD)) == (0 if left_out else 1)


def test_transparent_messages_and_those_of_chatrooms_are_forwarded_too() -> None:
    here = world()
    here.online("ann")
    here.say("ann", "typing", to="bob", type=91, persistFlag=4)
    here.chatroom_admin.create(Room("hall", title="Hall"))
    here.service.send(Sender("ann", origin=Origin.ADMIN), Conversation(2, "hall"), Payload(type=1, persistFlag=3))

    assert [body["conv"]["type"] for body in here.called_back.bodies(Event.FORWARD)] == [0, 2]


def test_what_the_server_writes_is_not_forwarded() -> None:
    here = club()
    here.create("ann", "bob")
    here.groups.modify("olga", "team", 0, "x", announcement=Announcement(custom=Payload(type=1, persistFlag=3)))
    here.world.friendships.request("ann", "bob", "hello")
    here.world.friendships.answer("bob", "ann", accept=True)

    assert here.world.called_back.bodies(Event.FORWARD) == []


def test_a_recall_is_told_with_the_content_that_is_gone() -> None:
    here = world()
    sent = here.say("ann", "oops", to="bob")
    here.now += 1_000
    here.service.recall(Sender("ann"), Conversation(0, "bob"), sent.seq)
    other = here.say("ann", "again", to="bob", base=2)
    here.service.recall_by_uid("root", other.uid, admin=True)

    own, admins = here.called_back.bodies(Event.RECALL)
    assert (own["message"]["messageId"], own["message"]["payload"]["searchableContent"]) == (sent.uid, "oops")
    assert (own["userId"], own["isAdmin"]) == ("ann", False)
    assert own["timestamp"] >= START_MS + 1_000
    assert (admins["userId"], admins["isAdmin"]) == ("root", True)
    assert set(own) == {"message", "userId", "timestamp", "isAdmin"}


def test_what_concerns_a_conversation_keeps_its_order_at_one_destination() -> None:
    here = world()
    sent = here.say("ann", "oops", to="bob")
    here.service.recall(Sender("ann"), Conversation(0, "bob"), sent.seq)
    here.say("cem", "hello", to="bob")

    message, recall, other = here.called_back.tasks
    assert message.group == recall.group != other.group


def test_reading_is_told() -> None:
    here = world()
    sent = here.say("ann", "hello", to="bob")
    here.service.read("bob", Conversation(0, "ann"), sent.seq)

    conversation = {"type": 0, "target": "ann", "line": 0}
    assert here.called_back.bodies(Event.READ) == [{"user": "bob", "conversation": conversation, "readTime": here.now}]


def test_where_nothing_is_configured_nothing_is_told() -> None:
    here = Club()
    here.create("ann")
    here.world.online("ann")
    here.say("ann", "hello")
    here.world.friendships.set_friends("ann", "bob", friends=True)

    assert here.world.called_back.tasks == []


# --- users


def test_devices_come_go_and_log_out() -> None:
    here = world()
    phone = here.online("ann", platform=2)
    here.now += 1_000
    pad = here.online("ann", "pad", platform=9)
    here.connect.disconnected("ann", "phone", phone)
    here.connect.logout("ann", "pad", pad, keep_push=False)

    told = here.called_back.bodies(Event.ONLINE)
    assert [(body["clientId"], body["status"]) for body in told] == [
        ("phone", 0),
        ("pad", 0),
        ("phone", 1),
        ("pad", -1),
    ]
    assert told[1] == {
        "userId": "ann",
        "clientId": "pad",
        "platform": 9,
        "status": 0,
        "timestamp": here.now,
        "packageName": "",
        "customState": 0,
        "customText": "",
        "sessions": [
            {
                "clientId": client,
                "userId": "ann",
                "platform": platform,
                "status": 0,
                "lastSeen": here.now,
                "packageName": "",
            }
            for client, platform in (("phone", 2), ("pad", 9))
        ],
    }
    assert [each["clientId"] for each in told[3]["sessions"]] == ["phone"]


def test_a_socket_that_takes_anothers_place_is_no_news() -> None:
    here = world()
    here.online("ann")
    here.now += 1
    here.online("ann")

    assert len(here.called_back.bodies(Event.ONLINE)) == 1


def test_a_socket_that_turns_out_to_be_gone_is_told() -> None:
    here = world()
    connection = here.online("bob")
    here.now += 60_000
    here.poster.gone.add(connection)
    here.say("ann", "hello", to="bob")

    assert [body["status"] for body in here.called_back.bodies(Event.ONLINE)] == [0, 1]


def test_users_are_told_when_they_are_made_and_changed() -> None:
    here = Backend(**EVERYTHING)
    services = here.services
    services.users.create(User("ann", name="ann", display_name="Ann"))
    services.users.update(User("ann", display_name="Anna"), Field.DISPLAY_NAME)
    services.finder.modify("ann", [(0, "Anne")])
    services.users.destroy("ann")

    told = here.world.called_back.bodies(Event.USER)
    assert [body["displayName"] for body in told] == ["Ann", "Anna", "Anne"]
    assert set(told[0]) == {
        "userId",
        "name",
        "displayName",
        "portrait",
        "gender",
        "mobile",
        "email",
        "address",
        "company",
        "social",
        "extra",
        "type",
        "deleted",
        "updateDt",
    }


def test_relations_are_told_and_told_again_by_who_repeats() -> None:
    here = world()
    here.friendships.request("ann", "bob", "hello")
    for _ in range(2):
        here.friendships.answer("bob", "ann", accept=True)
    here.friendships.set_alias("ann", "bob", alias="Bobby", extra="x")
    here.friendships.set_blacked("ann", "bob", True)
    here.friendships.unfriend("ann", "bob")

    told = [
        (body["userId"], body["targetId"], body["type"], body["value"])
        for body in here.called_back.bodies(Event.RELATION)
    ]
    friends = [("bob", "ann", 0, "1"), ("ann", "bob", 0, "1")]
    parted = [("ann", "bob", 0, "0"), ("bob", "ann", 0, "0")]
    own = [("ann", "bob", 1, "Bobby"), ("ann", "bob", 3, "x"), ("ann", "bob", 2, "1")]
    assert told == [*friends, *friends, *own, *parted]


# --- groups


def test_groups_are_told() -> None:
    here = club()
    here.create("ann", "bob", name="Team")
    groups = here.groups
    groups.modify("olga", "team", 0, "Crew")
    groups.modify("olga", "team", 3, "1")
    groups.modify("olga", "team", 3, "0")
    groups.transfer("olga", "team", "ann")
    groups.dissolve("ann", "team")

    told = here.world.called_back.bodies(Event.GROUP)
    assert [(body["operatorId"], body["groupId"], body["type"]) for body in told] == [
        ("olga", "team", 0),
        ("olga", "team", 1),
        ("olga", "team", 3),
        ("olga", "team", 4),
        ("olga", "team", 2),
        ("ann", "team", 5),
    ]
    infos = [body["groupInfo"] for body in told]
    assert [info["name"] for info in infos[:2]] == ["Team", "Crew"]
    assert [info["mute"] for info in infos[2:4]] == [1, 0]
    assert (infos[4]["owner"], infos[0]["target_id"], infos[0]["member_count"]) == ("ann", "team", 3)
    assert here.world.called_back.bodies(Event.MEMBER) == [], "a new group's members are no news of their own"


def test_members_are_told() -> None:
    here = club()
    here.create("ann", "bob")
    groups = here.groups
    groups.add_members("olga", "team", [GroupMember("cem"), GroupMember("dan")])
    groups.set_managers("olga", "team", ["ann"], True)
    groups.set_alias("olga", "team", "ann", "Annie")
    groups.set_extra("ann", "team", "", "x")
    groups.remove_members("olga", "team", ["cem"])
    groups.quit("dan", "team")

    told = [
        (body["operatorId"], tuple(body["memberIds"]), body["type"], body.get("value"))
        for body in here.world.called_back.bodies(Event.MEMBER)
    ]
    assert told == [
        ("olga", ("cem", "dan"), 0, None),
        ("olga", ("ann",), 3, "1"),
        ("olga", ("ann",), 4, "Annie"),
        ("ann", ("ann",), 5, "x"),
        ("olga", ("cem",), 2, None),
        ("dan", ("dan",), 1, None),
    ]


def test_an_owner_who_quits_hands_over_first() -> None:
    here = club()
    here.create("ann")
    here.groups.quit("olga", "team")

    tasks = here.world.called_back.tasks
    assert [task.event for task in tasks] == [Event.GROUP, Event.GROUP, Event.MEMBER]
    assert len({task.group for task in tasks}) == 1
    assert here.world.called_back.bodies(Event.GROUP)[1]["groupInfo"]["owner"] == "ann"


# --- chatrooms, channels


def test_chatrooms_and_their_visitors_are_told() -> None:
    here = world()
    here.online("ann")
    visitor = Visitor("ann", "phone", "ann-socket")
    here.chatrooms.join(visitor, "hall")
    here.chatrooms.join(visitor, "hall")
    here.chatrooms.join(visitor, "garden")
    here.chatroom_admin.set_black("garden", "eve", 1, 0)
    here.chatroom_admin.set_black("garden", "eve", 0, 0)
    here.chatroom_admin.set_black("garden", "eve", 2, 0)
    here.chatrooms.quit("ann", "phone", "garden")
    here.chatrooms.quit("ann", "phone", "garden")
    here.chatroom_admin.end("garden")

    assert here.called_back.bodies(Event.ROOM) == [
        {"chatroomId": "hall", "type": 0},
        {"chatroomId": "garden", "type": 0},
        {"chatroomId": "garden", "type": 1},
    ]
    told = [
        (body["operatorId"], body["chatroomId"], body["memberIds"], body["type"])
        for body in here.called_back.bodies(Event.VISITOR)
    ]
    assert told == [
        ("ann", "hall", ["ann"], 0),
        ("ann", "hall", ["ann"], 1),
        ("ann", "garden", ["ann"], 0),
        ("", "garden", ["eve"], 3),
        ("", "garden", ["eve"], 4),
        ("", "garden", ["eve"], 2),
        ("ann", "garden", ["ann"], 1),
    ]


def test_channels_are_told() -> None:
    here = world()
    here.callbacks.channel_changed("ann", "news", ChannelEvent.TRANSFERRED)

    assert here.called_back.bodies(Event.CHANNEL) == [{"operatorId": "ann", "channelId": "news", "type": 2}]
