"""What robots may ask for, in whose name, and who is let in."""

from typing import Any

import pytest

from im.message.model import Conversation, Payload, Sender, payload_from_json
from tests.fakes.backend import ROBOT, SECRETS, Backend

TEXT = {"type": 1, "searchableContent": "hello", "persistFlag": 3}
PARTIAL = {"type": 14, "searchableContent": "hel", "content": "stream1", "persistFlag": 4}
FINISHED = {"type": 15, "searchableContent": "hello", "content": "stream1", "persistFlag": 3}
TO_BOB = {"type": 0, "target": "bob"}


@pytest.fixture
def backend() -> Backend:
    return Backend()


def found(backend: Backend, robot: str = "team", **info: Any) -> str:
    """Let the robot make a group with bob in it."""
    group = {"group_info": {"target_id": robot, "name": "Team", "type": 2, **info}, "members": [{"member_id": "bob"}]}
    made: str = backend.ok("/robot/group/create", {"group": group})["group_id"]
    return made


# --- who is let in


def test_a_robot_is_let_in_by_its_own_signature_and_by_no_other(backend: Backend) -> None:
    profile = backend.ok("/robot/profile")
    assert (profile["userId"], profile["owner"], profile["secret"]) == (ROBOT, "olga", "")

    for code, headers in {
        239: backend.signed(),
        244: backend.signed("guessed", robot=ROBOT),
        253: backend.signed(robot="nobody"),
    }.items():
        assert backend.code("/robot/profile", headers=headers) == code


def test_an_administrators_signature_opens_no_robots_path_and_a_robots_no_admins(backend: Backend) -> None:
    backend.ok("/robot/profile")

    assert backend.code("/robot/profile", headers=backend.signed(SECRETS[1])) == 239
    assert backend.code("/admin/user/get_info", {"userId": ROBOT}, headers=backend.signed("x", robot=ROBOT)) == 244


def test_a_robot_without_a_secret_cannot_call(backend: Backend) -> None:
    backend.ok("/robot/profile")
    old = backend.machines.store.robot(ROBOT)
    assert old is not None
    backend.machines.store.put_robot(type(old)(ROBOT, owner="olga", secret=" "), old)

    assert backend.code("/robot/profile", headers=backend.signed(" ", robot=ROBOT)) == 248


def test_a_signature_counts_once_and_in_its_time(backend: Backend) -> None:
    backend.ok("/robot/profile")
    headers = backend.signed(robot=ROBOT)
    assert [backend.code("/robot/profile", headers=headers) for _ in range(2)] == [0, 244]

    late = backend.signed(robot=ROBOT)
    backend.world.now += 7_200_001
    assert backend.code("/robot/profile", headers=late) == 243


def test_each_robot_has_a_limit_of_its_own() -> None:
    backend = Backend(capacity=3)
    codes = [backend.code("/robot/get_callback") for _ in range(6)]

    assert codes[0] == 0
    assert codes[-1] == 250
    assert backend.code("/robot/get_callback", headers=backend.signed(robot="another")) == 253


def test_what_is_not_hosted_says_so_to_those_who_may_ask(backend: Backend) -> None:
    assert backend.code("/robot/moments/feed/pull", {}) == 254
    assert backend.code("/robot/moments/feed/pull", {}, headers={}) == 239


# --- messages


def test_a_message_is_the_robots_whoever_is_named_as_its_sender(backend: Backend) -> None:
    sent = backend.ok("/robot/message/send", {"sender": "olga", "conv": TO_BOB, "payload": TEXT})

    message = backend.world.service.get_by_uid(sent["messageUid"])
    assert (message.sender, message.time) == (ROBOT, sent["timestamp"])


def test_a_robot_writes_by_the_rules_of_users(backend: Backend) -> None:
    backend.ok("/robot/profile")
    backend.world.presence.set_status(ROBOT, 1)
    assert backend.code("/robot/message/send", {"conv": TO_BOB, "payload": TEXT}) == 247
    backend.world.presence.set_status(ROBOT, 0)
    backend.world.rows.relate("bob", ROBOT, blocked=True, befriended=False)
    assert backend.code("/robot/message/send", {"conv": TO_BOB, "payload": TEXT}) == 246
    assert backend.code("/robot/message/send", {"conv": {"type": 1, "target": "x"}, "payload": TEXT}) == 253
    assert backend.code("/robot/message/send", {"conv": TO_BOB, "payload": {"type": 80}}) == 251


def test_steps_of_an_answer_are_shown_and_not_stored_and_the_finished_one_is(backend: Backend) -> None:
    bob = backend.world.online("bob")
    step = backend.ok("/robot/message/send", {"conv": TO_BOB, "payload": PARTIAL})
    done = backend.ok("/robot/message/send", {"conv": TO_BOB, "payload": FINISHED})

    shown = [(push.get("seq", 0), push["content"]["type"]) for push in backend.world.pushes(bob)]
    assert shown == [(0, 14), (1, 15)]
    assert step["messageUid"] < done["messageUid"]
    assert backend.world.messages.find(step["messageUid"]) is None


def test_a_message_grows_by_updates_and_ends_as_another_content(backend: Backend) -> None:
    bob = backend.world.online("bob")
    uid = backend.ok("/robot/message/send", {"conv": TO_BOB, "payload": TEXT})["messageUid"]
    backend.ok("/robot/message/update", {"messageUid": uid, "payload": PARTIAL})
    before = backend.world.service.get_by_uid(uid)
    assert payload_from_json(before.payload).type == 1
    backend.ok("/robot/message/update", {"messageUid": uid, "payload": FINISHED})

    assert payload_from_json(backend.world.service.get_by_uid(uid).payload).type == 15
    assert [push["content"]["type"] for push in backend.world.pushes(bob)] == [1, 14, 32]


def test_a_robot_changes_and_takes_back_only_what_it_wrote(backend: Backend) -> None:
    theirs = backend.world.say("bob", "hi", to=ROBOT).uid
    assert backend.code("/robot/message/update", {"messageUid": theirs, "payload": TEXT}) == 248
    assert backend.code("/robot/message/recall", {"messageUid": theirs}) == 248

    own = backend.ok("/robot/message/send", {"conv": TO_BOB, "payload": TEXT})["messageUid"]
    assert backend.ok("/robot/message/recall", {"messageUid": own, "operator": "bob"}) == "success"
    assert backend.code("/robot/message/update", {"messageUid": own, "payload": TEXT}) == 253
    assert backend.code("/robot/message/update", {"messageUid": 7, "payload": TEXT}) == 253


# --- replies


def test_a_robot_answers_what_was_written_to_it(backend: Backend) -> None:
    bob = backend.world.online("bob")
    asked = backend.world.say("bob", "hi", to=ROBOT).uid
    backend.ok("/robot/message/reply", {"messageUid": asked, "payload": TEXT})

    push = backend.world.pushes(bob)[-1]
    assert (push["from"], push["conversation"]["target"]) == (ROBOT, ROBOT)


def test_a_robot_answers_in_a_group_where_it_is_mentioned_perhaps_only_to_who_asked(backend: Backend) -> None:
    group = found(backend)
    backend.ok("/robot/group/member/add", {"group_id": group, "members": [{"member_id": "carol"}]})
    head = backend.world.messages.newest(Conversation(1, group).key("bob"))
    assert head is not None
    asked = ask(backend, group, "helper, are you there?", mentionedType=1, mentionedTarget=(ROBOT,))
    bob, carol = backend.world.online("bob"), backend.world.online("carol")
    backend.ok("/robot/message/reply", {"messageUid": asked, "payload": TEXT})
    backend.ok("/robot/message/reply", {"messageUid": asked, "payload": TEXT, "only2Sender": True})

    assert [len(backend.world.pushes(each)) for each in (bob, carol)] == [2, 1]


def ask(backend: Backend, group: str, text: str, **fields: Any) -> int:
    """Bob says something in a group."""
    payload = Payload(type=1, searchableContent=text, persistFlag=3, **fields)
    uid: int = backend.world.service.send(Sender("bob"), Conversation(1, group), payload).uid
    return uid


def test_a_robot_answers_nothing_that_is_not_meant_for_it(backend: Backend) -> None:
    group = found(backend)
    answer: dict[str, Any] = {"payload": TEXT}
    overheard = ask(backend, group, "hello all", mentionedType=2)
    assert backend.code("/robot/message/reply", {"messageUid": overheard, **answer}) == 10
    own = backend.ok("/robot/message/send", {"conv": TO_BOB, "payload": TEXT})["messageUid"]
    assert backend.code("/robot/message/reply", {"messageUid": own, **answer}) == 10
    elsewhere = backend.world.say("bob", "helper?", to="carol", mentionedType=1, mentionedTarget=(ROBOT,)).uid
    assert backend.code("/robot/message/reply", {"messageUid": elsewhere, **answer}) == 254
    meant = ask(backend, group, "helper?", mentionedType=1, mentionedTarget=(ROBOT,))
    backend.ok("/robot/group/transfer", {"group_id": group, "new_owner": "bob"})
    backend.ok("/robot/group/member/quit", {"group_id": group})
    assert backend.code("/robot/message/reply", {"messageUid": meant, **answer}) == 254
    assert backend.code("/robot/message/reply", {"messageUid": 7, **answer}) == 253


def test_an_answer_is_due_within_a_quarter_of_an_hour(backend: Backend) -> None:
    backend.ok("/robot/profile")
    asked = backend.world.say("bob", "hi", to=ROBOT).uid
    backend.world.now += 15 * 60_000
    backend.ok("/robot/message/reply", {"messageUid": asked, "payload": TEXT})
    backend.world.now += 1

    assert backend.code("/robot/message/reply", {"messageUid": asked, "payload": TEXT}) == 24


# --- users and itself


def test_users_are_found_by_id_name_number_address_or_keyword(backend: Backend) -> None:
    person = {"userId": "u1", "name": "ann", "displayName": "Ann", "mobile": "1", "email": "a@b.c"}
    backend.ok("/admin/user/create", person)

    for query in ({"userId": "u1"}, {"name": "ann"}, {"mobile": "1"}):
        assert backend.ok("/robot/user_info", query)["displayName"] == "Ann"
    assert backend.code("/robot/user_info", {"userId": "nobody"}) == 253
    assert [user["userId"] for user in backend.ok("/robot/user/get_info_by_email", "a@b.c")["userInfos"]] == ["u1"]
    listed = backend.ok("/robot/user/batch_get_infos", {"list": ["nobody", "u1"]})["userInfos"]
    assert [user["userId"] for user in listed] == ["u1"]
    hits = backend.ok("/robot/user/search", {"keyword": "Ann", "searchType": 100})
    assert [user["userId"] for user in hits["userInfos"]] == ["u1"]


def test_a_robot_sees_of_users_what_users_see() -> None:
    backend = Backend(hide_properties=(3,))
    backend.ok("/admin/user/create", {"userId": "u1", "name": "ann", "mobile": "1"})

    assert backend.ok("/robot/user_info", {"userId": "u1"})["mobile"] == ""


def test_other_robots_are_shown_without_what_they_sign_and_where_they_are(backend: Backend) -> None:
    robot = {"userId": "r2", "name": "r2", "owner": "olga", "secret": "s", "callback": "http://r2"}
    backend.ok("/admin/robot/create", robot)
    backend.ok("/robot/profile")
    answer = backend.ok("/robot/user/get_user_robots", {"userId": "olga"})

    assert answer["list"] == [ROBOT, "r2"]
    assert {(each["secret"], each["callback"]) for each in answer["robotInfoList"]} == {("", "")}


def test_a_robot_knows_the_friends_of_its_owner(backend: Backend) -> None:
    backend.ok("/admin/friend/status", {"userId": "olga", "friendUid": "bob", "status": 0})

    assert backend.ok("/robot/friend/list") == {"friends": ["bob"], "list": ["bob"]}


def test_a_robot_changes_its_profile_but_not_its_number(backend: Backend) -> None:
    backend.ok("/robot/update_profile", {"intValue": 0, "strValue": "New"})
    backend.ok("/robot/update_profile", {"first": 8, "second": "extra"})
    for ignored in (3, 9, -1):
        backend.ok("/robot/update_profile", {"type": ignored, "value": "x"})

    profile = backend.ok("/robot/profile")
    assert (profile["displayName"], profile["extra"], profile["mobile"]) == ("New", "extra", "")


def test_a_callback_is_set_overwritten_and_deleted(backend: Backend) -> None:
    assert backend.ok("/robot/get_callback") == {"url": ""}
    for url in ("https://one.example.com", "https://two.example.com"):
        backend.ok("/robot/set_callback", {"url": url})
        assert backend.ok("/robot/get_callback") == {"url": url}
        assert backend.world.presence.load_one(ROBOT).robot
    assert backend.code("/robot/set_callback", {"url": ""}) == 251
    assert backend.code("/robot/set_callback", {"url": "http://10.0.0.1/"}) == 251
    backend.ok("/robot/delete_callback")

    assert backend.ok("/robot/get_callback") == {"url": ""}
    assert not backend.world.presence.load_one(ROBOT).robot


def test_a_robot_uploads(backend: Backend) -> None:
    assert backend.ok("/robot/oss/get_upload_url", {"fileName": "a.jpg", "mediaType": 1})["uploadUrl"]
    assert backend.code("/robot/oss/get_upload_url") == 251


# --- groups


def test_a_robot_owns_the_group_that_it_makes(backend: Backend) -> None:
    group = found(backend, owner="bob")
    info = backend.ok("/robot/group/get_info", {"groupId": group})

    assert info["owner"] == ROBOT
    members = backend.ok("/robot/group/member/list", {"groupId": group})["members"]
    assert {member["member_id"]: member["type"] for member in members} == {"bob": 0, ROBOT: 2}
    assert backend.code("/robot/group/create", {"group": {"group_info": {"name": "x", "type": 3}}}) == 248


def test_a_robot_leads_its_group(backend: Backend) -> None:
    group = found(backend)
    for path, body in (
        ("modify", {"type": 0, "value": "New"}),
        ("member/add", {"members": [{"member_id": "carol"}, {"member_id": "dave"}]}),
        ("member/set_alias", {"memberId": "bob", "alias": "Bobby"}),
        ("member/set_extra", {"memberId": "bob", "extra": "x"}),
        ("manager/set", {"members": ["bob"], "is_manager": True}),
        ("manager/mute", {"members": ["carol"], "is_mute": True}),
        ("manager/allow", {"members": ["dave"], "is_allow": True}),
    ):
        backend.ok(f"/robot/group/{path}", {"group_id": group, **body})

    members = backend.ok("/robot/group/member/list", {"groupId": group})["members"]
    assert {each["member_id"]: each["type"] for each in members} == {"bob": 1, "carol": 3, "dave": 5, ROBOT: 2}
    bob = backend.ok("/robot/group/member/get", {"groupId": group, "memberId": "bob"})
    assert (bob["alias"], bob["extra"]) == ("Bobby", "x")
    backend.ok("/robot/group/member/del", {"group_id": group, "members": ["dave"]})
    backend.ok("/robot/group/del", {"group_id": group})
    assert backend.code("/robot/group/get_info", {"groupId": group}) == 253


def test_in_others_groups_a_robot_is_nobody(backend: Backend) -> None:
    info = {"group_info": {"target_id": "club", "name": "Club", "type": 2, "owner": "bob"}, "members": []}
    backend.ok("/admin/group/create", {"operator": "bob", "group": info})

    assert backend.ok("/robot/group/member/list", {"groupId": "club"}) == {"members": []}
    assert backend.code("/robot/group/member/get", {"groupId": "club", "memberId": "bob"}) == 9
    for path, body in (
        ("modify", {"type": 0, "value": "New"}),
        ("member/del", {"members": ["carol"]}),
        ("transfer", {"new_owner": ROBOT}),
        ("del", {}),
    ):
        assert backend.code(f"/robot/group/{path}", {"group_id": "club", "operator": "bob", **body}) in (9, 248)


def test_a_robot_that_answers_before_the_index_knows_the_question_is_not_refused(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.ok("/robot/profile")
    asked = backend.world.say("bob", "hi", to=ROBOT).uid
    find = backend.world.messages.find
    looks: list[int] = []

    def late(uid: int) -> Any:
        looks.append(uid)
        return find(uid) if len(looks) > 2 else None

    monkeypatch.setattr(backend.world.messages, "find", late)
    backend.ok("/robot/message/reply", {"messageUid": asked, "payload": TEXT})
    assert len(backend.world.pauses) == 2

    backend.world.now += 60_000
    monkeypatch.setattr(backend.world.messages, "find", lambda uid: None)
    assert backend.code("/robot/message/reply", {"messageUid": asked, "payload": TEXT}) == 253
    assert len(backend.world.pauses) == 2
