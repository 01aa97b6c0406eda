"""Friend requests: who may ask whom and when, what an answer does, and that nothing of it happens twice or by half."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from im.errors import BusyError, Code, ImError
from im.friend.model import Friend, FriendRequest, RequestStatus
from im.friend.service import FriendService, Place
from im.friend.store import RequestChange
from im.message.model import Conversation, payload_from_json
from im.setting.model import Setting
from tests.fakes.crash import Crash, CrashPoint
from tests.fakes.world import DAY_MS, World

MINUTE_MS = 60_000
BOTH = {("ann", "friendRequests"), ("bob", "friendRequests")}
EVERYTHING = {*BOTH, ("ann", "friends"), ("bob", "friends")}


@pytest.fixture
def world() -> World:
    return World()


def refusal(code: Code) -> Any:
    return pytest.raises(ImError, match=rf"^{int(code)} ")


def asked(world: World, reason: str = "hi") -> FriendRequest:
    world.friendships.request("ann", "bob", reason, "{}")
    request = world.friends.between("ann", "bob").outgoing
    assert request is not None
    return request


def chat(world: World) -> list[tuple[str, int, str]]:
    """Sender, content type and text of each message of ann's and bob's chat."""
    messages = world.messages.after(Conversation(0, "bob").key("ann"), 0, 100)
    payloads = [(each.sender, payload_from_json(each.payload)) for each in messages]
    return [(sender, payload.type, payload.searchableContent) for sender, payload in payloads]


def are_friends(world: World) -> bool:
    between = world.friends.between("ann", "bob")
    rows = [world.rows.get("ann", Conversation(0, "bob")), world.rows.get("bob", Conversation(0, "ann"))]
    marks = {row.befriended if row else False for row in rows}
    assert {between.mine.is_friend, between.theirs.is_friend} == marks, "rows and chats disagree"
    return between.are_friends


GREETED = [("ann", 1, "hi"), ("ann", 92, ""), ("ann", 93, "")]


# --- asking


def test_a_request_reaches_both_lists_and_all_devices(world: World) -> None:
    asked(world)

    for user in ("ann", "bob"):
        [request], read = world.friendships.requests_since(user, Place())
        assert (request.sender, request.receiver, request.reason, request.extra) == ("ann", "bob", "hi", "{}")
        assert (request.status, request.sent, read) == (RequestStatus.SENT, world.now, 0)
    assert world.told.taken() == BOTH


def test_requests_can_be_switched_off_but_not_for_administrators() -> None:
    world = World(disable_friend_request=True)

    with refusal(Code.NOT_RIGHT):
        world.friendships.request("ann", "bob")

    world.friendships.request("ann", "bob", force=True)
    assert world.friends.between("ann", "bob").outgoing


def test_one_repetition_within_five_minutes_is_let_through(world: World) -> None:
    asked(world)
    world.now += 4 * MINUTE_MS
    assert asked(world, "please").reason == "please"

    with refusal(Code.FRIEND_ALREADY_REQUEST):
        asked(world)
    world.now += MINUTE_MS
    with refusal(Code.FRIEND_ALREADY_REQUEST):
        asked(world)


def test_a_request_that_waits_may_be_repeated_after_a_week(world: World) -> None:
    asked(world)
    for wait in (5 * MINUTE_MS, 7 * DAY_MS - 5 * MINUTE_MS - 1):
        world.now += wait
        with refusal(Code.FRIEND_ALREADY_REQUEST):
            asked(world)

    world.now += 1
    assert asked(world, "again").sent == world.now


def test_with_a_duration_of_zero_a_request_that_waits_is_never_repeated() -> None:
    world = World(repeat_request_ms=0)
    asked(world)
    world.now += 1_000 * DAY_MS

    with refusal(Code.FRIEND_ALREADY_REQUEST):
        asked(world)


def test_who_was_rejected_may_not_ask_again_for_thirty_days(world: World) -> None:
    asked(world)
    world.now += MINUTE_MS
    world.friendships.answer("bob", "ann", accept=False)
    for wait in (0, 30 * DAY_MS - 1):
        world.now += wait
        with refusal(Code.FRIEND_REQUEST_BLOCKED):
            asked(world)

    world.now += 1
    assert asked(world).status == RequestStatus.SENT


def test_without_that_duration_a_rejected_request_is_like_one_that_waits() -> None:
    world = World(reject_request_ms=0)
    asked(world)
    world.friendships.answer("bob", "ann", accept=False)
    world.now += 6 * MINUTE_MS

    with refusal(Code.FRIEND_ALREADY_REQUEST):
        asked(world)


def test_an_administrator_is_bound_by_none_of_this(world: World) -> None:
    asked(world)
    world.friendships.answer("bob", "ann", accept=False)
    world.friendships.set_blacked("bob", "ann", True)

    world.friendships.request("ann", "bob", "by order", force=True)

    assert world.friends.between("ann", "bob").outgoing.reason == "by order"  # type: ignore[union-attr]


@pytest.mark.parametrize("force", [False, True])
def test_friends_need_no_request(world: World, force: bool) -> None:
    world.friendships.set_friends("ann", "bob", friends=True)

    with refusal(Code.ALREADY_FRIENDS):
        world.friendships.request("ann", "bob", force=force)


def test_after_a_friendship_has_ended_one_may_ask_at_once(world: World) -> None:
    asked(world)
    world.friendships.answer("bob", "ann", accept=True)
    world.friendships.unfriend("bob", "ann")

    assert asked(world).status == RequestStatus.SENT


def test_who_is_blacklisted_may_not_ask(world: World) -> None:
    world.friendships.set_blacked("bob", "ann", True)

    with refusal(Code.IN_BLACK_LIST):
        asked(world)
    world.friendships.request("bob", "ann")


def test_a_day_has_so_many_requests_per_user() -> None:
    world = World(friend_requests_per_day=10)
    for number in range(11):  # what the processes grant unasked comes on top
        world.friendships.request("ann", f"u{number}")
    with refusal(Code.OVER_FREQUENCY):
        world.friendships.request("ann", "bob")

    world.friendships.request("eve", "bob")
    world.friendships.request("ann", "bob", force=True)
    world.now += DAY_MS
    world.friendships.request("ann", "cem")


@pytest.mark.parametrize(
    ("other", "reason", "extra"),
    [
        ("ann", "", ""),
        ("", "", ""),
        ("x" * 65, "", ""),
        ("b\n", "", ""),
        ("bob", "x" * 257, ""),
        ("bob", "", "x" * 1_025),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(world: World, other: str, reason: str, extra: str) -> None:
    with refusal(Code.INVALID_PARAMETER):
        world.friendships.request("ann", other, reason, extra)

    assert (world.friends.requests("ann"), world.told.news) == (([], 0), [])


def test_who_asks_again_too_soon_has_his_first_request_announced_once_more(world: World) -> None:
    """The news of a request whose answer was lost may be lost with it."""
    asked(world)
    asked(world)
    world.told.taken()

    with refusal(Code.FRIEND_ALREADY_REQUEST):
        asked(world)

    assert world.told.taken() == BOTH


# --- answering


def test_accepting_makes_friends_greets_and_tells_everybody(world: World) -> None:
    asked(world)
    ann, bob = world.online("ann"), world.online("bob")
    world.told.taken()
    world.now += 5

    world.friendships.answer("bob", "ann", accept=True)

    assert are_friends(world)
    assert chat(world) == GREETED
    assert world.told.taken() == EVERYTHING
    for device in (ann, bob):
        assert [push["content"]["type"] for push in world.pushes(device)] == [1, 92, 93]
    assert all(row.extra == "{}" for user in ("ann", "bob") for row in world.friendships.friends_since(user, Place()))


def test_a_request_without_a_reason_leaves_no_text(world: World) -> None:
    asked(world, reason="")

    world.friendships.answer("bob", "ann", accept=True)

    assert chat(world) == GREETED[1:]


def test_accepting_starts_afresh_without_alias_and_blacklist(world: World) -> None:
    asked(world)
    world.friendships.set_alias("bob", "ann", alias="A.")
    world.friendships.set_blacked("bob", "ann", True)
    world.friendships.set_blacked("ann", "bob", True)

    world.friendships.answer("bob", "ann", accept=True)

    assert world.friends.get("bob", "ann") == Friend(
        "bob", "ann", is_friend=True, extra="{}", update_dt=world.friends.get("bob", "ann").update_dt
    )
    assert world.say("bob", "hello", to="ann", base=3).seq


def test_accepting_again_changes_nothing(world: World) -> None:
    asked(world)
    world.friendships.answer("bob", "ann", accept=True)
    before = world.friends.between("ann", "bob")
    world.now += DAY_MS

    world.friendships.answer("bob", "ann", accept=True)
    world.friendships.answer("bob", "ann", accept=False)

    assert world.friends.between("ann", "bob") == before
    assert chat(world) == GREETED


def test_rejecting_tells_both_and_nothing_else(world: World) -> None:
    asked(world)
    world.told.taken()

    world.friendships.answer("bob", "ann", accept=False)
    world.friendships.answer("bob", "ann", accept=False)

    assert not are_friends(world)
    assert (chat(world), world.told.taken()) == ([], BOTH)


def test_a_rejected_request_may_still_be_accepted(world: World) -> None:
    asked(world)
    world.friendships.answer("bob", "ann", accept=False)

    world.friendships.answer("bob", "ann", accept=True)

    assert are_friends(world)


def test_only_who_was_asked_can_answer(world: World) -> None:
    asked(world)

    for user, other in (("ann", "bob"), ("bob", "eve"), ("eve", "ann")):
        with refusal(Code.NOT_EXIST):
            world.friendships.answer(user, other, accept=True)


def test_a_request_expires_after_a_week_except_for_administrators(world: World) -> None:
    asked(world)
    world.now += 7 * DAY_MS
    for accept in (True, False):
        with refusal(Code.FRIEND_REQUEST_EXPIRED):
            world.friendships.answer("bob", "ann", accept=accept)

    world.friendships.answer("bob", "ann", accept=True, force=True)
    assert are_friends(world)


def test_with_a_duration_of_zero_requests_never_expire() -> None:
    world = World(request_expiration_ms=0)
    asked(world)
    world.now += 1_000 * DAY_MS

    world.friendships.answer("bob", "ann", accept=True)

    assert are_friends(world)


def test_if_they_are_friends_already_an_answer_only_settles_the_request(world: World) -> None:
    asked(world)
    world.friendships.set_friends("ann", "bob", friends=True)
    before = world.friends.get("ann", "bob")
    world.now += 8 * DAY_MS

    world.friendships.answer("bob", "ann", accept=True)

    assert world.friends.get("ann", "bob") == before
    assert chat(world) == []
    assert world.friends.between("bob", "ann").incoming.status == RequestStatus.ACCEPTED  # type: ignore[union-attr]


def test_two_who_ask_each_other_are_friends_once_one_accepts(world: World) -> None:
    asked(world)
    world.friendships.request("bob", "ann", "me too")

    world.friendships.answer("ann", "bob", accept=True)
    world.friendships.answer("bob", "ann", accept=True)

    assert are_friends(world)
    assert chat(world) == [("bob", 1, "me too"), ("bob", 92, ""), ("bob", 93, "")]
    statuses = {request.status for request in world.friendships.requests_since("ann", Place())[0]}
    assert statuses == {RequestStatus.ACCEPTED}


def test_a_used_request_does_not_bring_an_ended_friendship_back(world: World) -> None:
    asked(world)
    world.friendships.answer("bob", "ann", accept=True)
    world.friendships.unfriend("ann", "bob")

    with refusal(Code.NOT_EXIST):
        world.friendships.answer("bob", "ann", accept=True)

    assert not are_friends(world)


def test_greetings_come_behind_what_was_said_before(world: World) -> None:
    asked(world)
    world.say("bob", "who are you?", to="ann")

    world.friendships.answer("bob", "ann", accept=True)

    assert chat(world) == [("bob", 1, "who are you?"), *GREETED]


def test_a_robot_accepts_at_once_unless_that_is_switched_off() -> None:
    for accepts in (True, False):
        world = World(robot_auto_accept=accepts)
        world.robots.add("bob")
        asked(world)
        assert are_friends(world) == accepts


def test_who_wants_it_so_accepts_everybody_at_once_but_not_whom_he_has_blacklisted(world: World) -> None:
    world.settings.put("bob", [Setting(28, "", "1")])
    asked(world)
    assert are_friends(world)
    assert chat(world) == GREETED

    world.friendships.unfriend("ann", "bob")
    world.friendships.set_blacked("bob", "ann", True)
    with refusal(Code.IN_BLACK_LIST):
        asked(world)
    world.settings.put("bob", [Setting(28, "", "0")])
    world.friendships.set_blacked("bob", "ann", False)
    asked(world)
    assert not are_friends(world)


def test_asking_a_robot_can_be_repeated_until_it_succeeds(world: World) -> None:
    world.robots.add("bob")
    for _ in range(3):
        world.friends.commit(
            (), [RequestChange(None, FriendRequest("ann", "bob", sent=world.now, update_dt=world.now))]
        )
        asked(world) if not are_friends(world) else None

    assert are_friends(world)


# --- reading


def test_requests_are_read_up_to_a_time_that_only_grows(world: World) -> None:
    asked(world)
    world.told.taken()

    assert world.friendships.mark_read("bob", world.now) == world.now
    assert world.told.taken() == {("bob", "friendRequests")}
    assert world.friendships.mark_read("bob", world.now - 9) == world.now
    assert world.told.taken() == set()
    assert world.friendships.requests_since("bob", Place())[1] == world.now
    assert world.friendships.requests_since("ann", Place())[1] == 0


def test_what_is_yet_to_come_cannot_be_read(world: World) -> None:
    assert world.friendships.mark_read("bob", world.now + DAY_MS) == world.now


# --- crashes and races


def cut(world: World, after: int) -> FriendService:
    """The service of a process that dies after so many calls to the outside."""
    point = CrashPoint(after)
    service = world.friend_service()
    for name in ("_store", "_chats", "_changes"):
        setattr(service, name, point.guard(getattr(service, name)))
    return service


def persisted(world: World, operation: Callable[[FriendService], None], crash_after: int) -> bool:
    """Run an operation that dies after so many calls, and repeat it; False when it did not die."""
    try:
        operation(cut(world, crash_after))
    except Crash:
        operation(world.friendships)
        return True
    return False


def test_an_acceptance_that_is_cut_off_anywhere_is_finished_by_its_repetition() -> None:
    cuts = 0
    while True:
        world = World()
        asked(world)
        world.told.taken()
        died = persisted(world, lambda service: service.answer("bob", "ann", accept=True), cuts)
        assert are_friends(world)
        assert chat(world) == GREETED
        assert world.told.taken() == EVERYTHING
        incoming = world.friends.between("bob", "ann").incoming
        assert incoming
        assert incoming.greet_after is None
        if not died:
            break
        cuts += 1
    assert cuts == 6


def test_an_acceptance_at_once_that_is_cut_off_anywhere_is_finished_by_asking_again() -> None:
    cuts = 0
    while True:
        world = World()
        world.robots.add("bob")
        died = True
        with suppress(ImError):  # 23: it was done but for the answer
            died = persisted(world, lambda service: service.request("ann", "bob", "hi"), cuts)
        assert are_friends(world)
        assert chat(world) == GREETED
        assert world.told.taken() == EVERYTHING
        if not died:
            break
        cuts += 1
    assert cuts == 9


def test_a_request_that_is_cut_off_anywhere_is_finished_by_its_repetition() -> None:
    for after in range(5):
        world = World()
        persisted(world, lambda service: service.request("ann", "bob", "hi"), after)
        assert [request.reason for request in world.friendships.requests_since("bob", Place())[0]] == ["hi"]
        assert world.told.taken() == BOTH


def test_a_request_that_was_stored_though_the_answer_said_otherwise_is_no_repetition(world: World) -> None:
    commit = world.friends.commit
    answers = iter([False, True])

    def lossy(*changes: Any) -> bool:
        commit(*changes)
        return next(answers)

    world.friends.commit = lossy  # type: ignore[method-assign]
    world.friendships.request("ann", "bob", "hi")

    request = world.friends.between("ann", "bob").outgoing
    assert request
    assert not request.repeated


def test_two_devices_that_accept_at_once_greet_once(world: World) -> None:
    asked(world)
    commit = world.friends.commit

    def overtaken(*changes: Any) -> bool:
        world.friends.commit = commit  # type: ignore[method-assign]
        world.friend_service().answer("bob", "ann", accept=True)
        return commit(*changes)

    world.friends.commit = overtaken  # type: ignore[method-assign]
    world.friendships.answer("bob", "ann", accept=True)

    assert are_friends(world)
    assert chat(world) == GREETED


def test_an_end_that_overtakes_an_acceptance_leaves_both_or_none_as_friends(world: World) -> None:
    asked(world)
    commit = world.friends.commit

    def overtaken(*changes: Any) -> bool:
        world.friends.commit = commit  # type: ignore[method-assign]
        done = commit(*changes)
        world.friendships.unfriend("ann", "bob")
        return done

    world.friends.commit = overtaken  # type: ignore[method-assign]
    world.friendships.answer("bob", "ann", accept=True)

    assert not are_friends(world)
    assert chat(world) == GREETED


def test_too_many_races_are_answered_busy(world: World) -> None:
    world.friends.commit = lambda *changes: False  # type: ignore[method-assign]

    with pytest.raises(BusyError):
        world.friendships.request("ann", "bob")
    with pytest.raises(BusyError):
        world.friendships.set_friends("ann", "bob", friends=True)
