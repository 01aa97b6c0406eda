"""Chatrooms and the deployment's settings over the server API (server-api spec 2.6, 2.7)."""

from typing import Any

import pytest

from im.chatroom.model import Visitor
from tests.fakes.backend import Backend

ROOM = {"chatroomId": "lobby"}


@pytest.fixture
def backend() -> Backend:
    made = Backend()
    made.ok("/admin/chatroom/create", {**ROOM, "title": "Lobby", "desc": "d", "portrait": "p", "extra": "e"})
    return made


def join(backend: Backend, user: str, room: str = "lobby") -> None:
    connection = backend.world.online(user)
    backend.world.chatrooms.join(Visitor(user, "phone", connection, 1), room)


def test_a_room_reads_as_it_was_made(backend: Backend) -> None:
    now = backend.world.now

    assert backend.ok("/admin/chatroom/info", ROOM) == {
        "chatroomId": "lobby",
        "title": "Lobby",
        "desc": "d",
        "portrait": "p",
        "extra": "e",
        "state": 0,
        "memberCount": 0,
        "createDt": now,
        "updateDt": now,
    }


def test_making_it_again_keeps_what_is_empty_and_sets_the_state(backend: Backend) -> None:
    backend.world.now += 5
    backend.ok("/admin/chatroom/create", {**ROOM, "title": "Hall", "desc": None, "extra": "", "state": 1})

    found = backend.ok("/admin/chatroom/info", ROOM)
    assert [found[name] for name in ("title", "desc", "extra", "state")] == ["Hall", "d", "e", 1]
    assert found["updateDt"] == found["createDt"] + 5


def test_a_room_without_an_id_gets_one(backend: Backend) -> None:
    made = backend.ok("/admin/chatroom/create", {"title": "Nameless", "state": None})

    assert backend.ok("/admin/chatroom/info", made)["title"] == "Nameless"


@pytest.mark.parametrize("body", [{}, {"title": ""}, {"title": None}, {"title": "x" * 65}, {"title": "x", "state": -1}])
def test_a_room_that_cannot_be_is_refused(backend: Backend, body: dict[str, Any]) -> None:
    assert backend.code("/admin/chatroom/create", body) == 251


def test_members_are_listed_and_nobody_is_253(backend: Backend) -> None:
    assert backend.code("/admin/chatroom/members", ROOM) == 253
    assert backend.code("/admin/chatroom/members", {"chatroomId": "nowhere"}) == 253

    join(backend, "ann")

    assert backend.ok("/admin/chatroom/members", ROOM) == {"list": ["ann"]}
    assert backend.ok("/admin/chatroom/info", ROOM)["memberCount"] == 1


def test_a_user_is_found_in_his_room(backend: Backend) -> None:
    assert backend.code("/admin/chatroom/user_chatroom", {"userId": "ann"}) == 253

    join(backend, "ann")

    expected = {"userId": "ann", "chatroomId": "lobby", "clientId": "phone", "platform": 1}
    assert backend.ok("/admin/chatroom/user_chatroom", {"userId": "ann"}) == expected


def test_an_ended_room_stays_as_ended_and_is_empty(backend: Backend) -> None:
    join(backend, "ann")

    for room in ("lobby", "lobby", "nowhere"):
        backend.ok("/admin/chatroom/del", {"chatroomId": room})

    found = backend.ok("/admin/chatroom/info", ROOM)
    assert (found["state"], found["memberCount"]) == (2, 0)
    assert backend.code("/admin/chatroom/user_chatroom", {"userId": "ann"}) == 253
    assert backend.code("/admin/chatroom/info", {"chatroomId": "nowhere"}) == 253


def test_mutes_and_bans_are_listed_until_they_end(backend: Backend) -> None:
    later = backend.world.now + 1_000
    for user, status, until in (("ann", 1, 0), ("bob", 2, later)):
        body = {**ROOM, "userId": user, "status": status, "expiredTime": until, "type": 0}
        backend.ok("/admin/chatroom/set_black_status", body)
    forever = {"userId": "ann", "state": 1, "status": 1, "expiredTime": 0}
    timed = {"userId": "bob", "state": 2, "status": 2, "expiredTime": later}
    assert backend.ok("/admin/chatroom/get_black_status", ROOM) == {"infos": [forever, timed]}

    backend.world.now = later
    backend.ok("/admin/chatroom/set_black_status", {**ROOM, "userId": "ann", "status": 0})

    assert backend.ok("/admin/chatroom/get_black_status", ROOM) == {"infos": []}


def test_managers_are_listed(backend: Backend) -> None:
    for user, status in (("ann", 1), ("bob", 1), ("ann", 0)):
        backend.ok("/admin/chatroom/set_manager", {**ROOM, "userId": user, "status": status})

    assert backend.ok("/admin/chatroom/get_manager_list", ROOM) == {"list": ["bob"]}


@pytest.mark.parametrize("body", [{"status": 1}, {"mute": 1}, {"mute": True}])
def test_everybody_is_muted_in_any_spelling(backend: Backend, body: dict[str, Any]) -> None:
    backend.ok("/admin/chatroom/mute_all", {**ROOM, **body})

    room = backend.world.rooms.get("lobby")
    assert room is not None
    assert room.muted
    backend.ok("/admin/chatroom/mute_all", {"chatroomId": "nowhere", **body})


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("set_black_status", {"chatroomId": "lobby", "userId": "ann", "status": 3}, 251),
        ("set_black_status", {"chatroomId": "lobby", "userId": "ann", "status": 1, "expiredTime": -1}, 251),
        ("set_black_status", {"chatroomId": "lobby", "status": 1}, 251),
        ("set_black_status", {"chatroomId": "nowhere", "userId": "ann", "status": 1}, 253),
        ("get_black_status", {"chatroomId": "nowhere"}, 253),
        ("set_manager", {"chatroomId": "nowhere", "userId": "ann", "status": 1}, 253),
        ("get_manager_list", {"chatroomId": "nowhere"}, 253),
        ("del", {}, 251),
        ("user_chatroom", {"userId": "a\u0000"}, 251),
    ],
)
def test_what_does_not_fit_is_refused(backend: Backend, path: str, body: dict[str, Any], code: int) -> None:
    assert backend.code(f"/admin/chatroom/{path}", body) == code


def test_a_fresh_deployment_has_the_rooms_and_the_setting_that_programs_expect(backend: Backend) -> None:
    for room in ("chatroom1", "chatroom2", "chatroom3"):
        assert backend.ok("/admin/chatroom/info", {"chatroomId": room})["state"] == 0
    setting = backend.ok("/admin/system/get_setting", {"id": 1})
    assert (setting["id"], setting["key"], setting["value"]) == (1, 1, "3000")


def test_a_deployment_may_do_without_them() -> None:
    bare = Backend(seed_demo_objects=False)

    assert bare.code("/admin/chatroom/info", {"chatroomId": "chatroom1"}) == 253
    assert bare.code("/admin/system/get_setting", {"id": 1}) == 253


def test_a_seed_that_was_ended_stays_so(backend: Backend) -> None:
    backend.ok("/admin/chatroom/del", {"chatroomId": "chatroom1"})
    backend.world.chatroom_admin._seeded = False

    assert backend.ok("/admin/chatroom/info", {"chatroomId": "chatroom1"})["state"] == 2


def test_a_setting_is_written_and_read(backend: Backend) -> None:
    backend.ok("/admin/system/put_setting", {"id": 1, "value": "2000", "desc": ""})
    backend.ok("/admin/system/put_setting", {"id": "7", "value": "x", "desc": None})

    first = backend.ok("/admin/system/get_setting", {"id": 1})
    assert (first["value"], first["desc"]) == ("2000", "最大群成员数量")
    assert backend.ok("/admin/system/get_setting", {"id": 7}) == {"id": 7, "key": 7, "value": "x", "desc": ""}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": 1}, 251),
        ({"id": 0, "value": "x"}, 251),
        ({"value": "x"}, 251),
        ({"id": 2**31, "value": "x"}, 251),
        ({"id": 1, "value": "x" * 4_097}, 251),
        ({"id": 1, "desc": "x" * 1_025}, 251),
    ],
)
def test_a_setting_that_cannot_be_is_refused(backend: Backend, body: dict[str, Any], code: int) -> None:
    assert backend.code("/admin/system/put_setting", body) == code


def test_the_customer_is_a_text(backend: Backend) -> None:
    assert isinstance(backend.ok("/admin/customer"), str)
