"""Messages in groups: who gets them, who may read what, and what a removal cuts off."""

import json
from collections.abc import Iterable, Sequence

import pytest

from im.delivery.model import Job
from im.errors import Code, ImError
from im.group.model import GroupInfo, GroupMember, MemberType
from im.group.roster import Roster
from im.message.model import Conversation, Message, Origin, Payload, Sender
from im.message.reading import Range
from im.platform.dynamo import Key
from tests.fakes.world import World

TEAM = Conversation(1, "team")


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code == code)


def found(world: World, *members: str, **info: object) -> None:
    """A group as it is once it exists; the first member owns it."""
    world.rows.enter_many(members, "team", {}, world.now // 60_000, 1)
    types = {members[0]: MemberType.OWNER}
    world.groups.put_members("team", [GroupMember(each, type=types.get(each, 0)) for each in members])
    roster = Roster(1, members)
    group = GroupInfo("team", owner=members[0], roster_version=1, member_count=len(members), **info)  # type: ignore[arg-type]
    assert world.groups.put_roster("team", roster, Roster(0))
    assert world.groups.found(group)


def leave(world: World, user: str, last: int) -> None:
    """A removal in the order in which the group domain does it, up to the notice."""
    old = world.groups.latest_roster("team")
    roster = old.with_removed([user])
    world.groups.put_roster("team", roster, old)
    world.groups.publish("team", roster, world.now)
    world.rows.leave(user, "team", {0: last}, world.now // 60_000, 2)


@pytest.fixture
def world() -> World:
    made = World()
    found(made, "alice", "bob", "carol")
    return made


def test_every_member_gets_the_message_and_it_is_stored_once(world: World) -> None:
    sockets = {user: world.online(user) for user in ("alice", "bob", "carol")}

    world.say("alice", "hello", group="team")

    assert {user: len(world.pushes(socket)) for user, socket in sockets.items()} == {"alice": 0, "bob": 1, "carol": 1}
    assert world.messages.puts == 1


def test_a_stranger_may_neither_send_nor_read(world: World) -> None:
    with refusal(Code.NOT_IN_GROUP):
        world.say("mallory", "hello", group="team")
    with refusal(Code.NOT_IN_GROUP):
        world.service.pull("mallory", [Range(TEAM, 0, 10)])
    with refusal(Code.NOT_IN_GROUP):
        world.service.history("mallory", TEAM, None, 10)
    with refusal(Code.NOT_IN_GROUP):
        world.service.read("mallory", TEAM, 1)


def test_a_cursor_row_does_not_make_a_stranger_a_reader(world: World) -> None:
    world.rows.advance_read("mallory", TEAM, 1)

    with refusal(Code.NOT_IN_GROUP):
        world.service.pull("mallory", [Range(TEAM, 0, 10)])


def test_a_group_that_does_not_exist_says_so(world: World) -> None:
    with refusal(Code.NOT_EXIST):
        world.say("alice", "hello", group="nowhere")


def test_a_large_group_is_served_through_the_queue_in_chunks() -> None:
    world = World(inline_limit=3, fanout_chunk=2)
    found(world, "alice", "bob", "carol", "dave", "erin")
    phone = world.online("alice")
    world.online("bob")

    world.say("alice", "hello", group="team")

    assert [job.users for job in world.queue.jobs] == [("alice", "bob"), ("carol", "dave"), ("erin",)]
    assert {job.skip for job in world.queue.jobs} == {phone}
    assert world.poster.frames == {}


def test_a_recall_in_a_large_group_gives_the_text_to_nobody() -> None:
    world = World(inline_limit=2)
    found(world, "alice", "bob", "carol", "dave")
    world.say("alice", "oops", group="team")

    world.service.recall(Sender("alice"), TEAM, 1)

    assert json.loads(world.queue.jobs[-1].frame)["body"]["ref"] == 1
    assert "oops" not in world.queue.jobs[-1].frame


def test_a_very_large_group_is_told_that_there_is_something_and_pulls() -> None:
    world = World(inline_limit=2, sync_push_above=4)
    found(world, "alice", "bob", "carol", "dave", "erin")

    world.say("alice", "hello", group="team")
    world.say("alice", "", group="team", base=1, type=91, persistFlag=4)

    stored, transparent = [json.loads(job.frame) for job in world.queue.jobs]
    assert stored == {"push": "sync", "body": {"conversation": {"type": 1, "target": "team", "line": 0}, "head": 1}}
    assert transparent["push"] == "message"


def test_a_queued_chunk_reaches_its_users_and_reports_those_it_did_not_reach() -> None:
    world = World(inline_limit=2, fanout_chunk=10)
    found(world, "alice", "bob", "carol", "dave")
    bob, carol, dave = (world.online(user) for user in ("bob", "carol", "dave"))
    world.now += 30_000
    world.poster.gone.add(carol)
    world.poster.stuck.add(dave)
    world.say("alice", "hello", group="team")

    reach = world.delivery.work(world.queue.jobs[0])

    assert len(world.pushes(bob)) == 1
    assert (reach.failed, reach.offline) == (("dave",), ("alice",))
    assert not world.presence.load_one("carol").device("phone").online  # type: ignore[union-attr]


def reads(world: World) -> list[int]:
    """How many users' presence each later read of it asks for."""
    sizes: list[int] = []
    load = world.presence.load

    def counted(users: Iterable[str], also: Sequence[Key] = (), *, consistent: bool = False) -> object:
        wanted = list(users)
        sizes.append(len(wanted))
        return load(wanted, also, consistent=consistent)

    world.presence.load = counted  # type: ignore[method-assign, assignment]
    return sizes


def test_where_the_members_of_a_busy_group_are_is_read_once(world: World) -> None:
    bob = world.online("bob")
    world.say("alice", "0", group="team")
    sizes = reads(world)

    for base in range(1, 4):
        world.say("alice", str(base), group="team", base=base)

    assert sizes == [1, 1, 1]
    assert [push["seq"] for push in world.pushes(bob)] == [1, 2, 3, 4]


def test_a_device_that_connects_to_a_busy_group_gets_the_next_message(world: World) -> None:
    world.say("alice", "one", group="team")

    carol = world.online("carol")
    world.say("alice", "two", group="team", base=1)

    assert [push["seq"] for push in world.pushes(carol)] == [2]


def test_a_device_that_connects_between_append_and_delivery_is_served(world: World) -> None:
    """Its handshake was not answered before the count, so its hello comes later still: one of the two finds the message."""
    world.say("alice", "one", group="team")
    connected: list[str] = []
    put = world.messages.put

    def connect_then_put(message: Message, *, indexed: bool) -> Message | None:
        occupant = put(message, indexed=indexed)
        connected.append(world.online("carol"))
        return occupant

    world.messages.put = connect_then_put  # type: ignore[method-assign]
    world.say("alice", "two", group="team", base=1)

    assert [push["seq"] for push in world.pushes(connected[0])] == [2]


def test_a_socket_that_is_gone_is_not_tried_again(world: World) -> None:
    bob = world.online("bob")
    world.now += 30_000
    world.say("alice", "one", group="team")
    world.poster.gone.add(bob)
    world.say("alice", "two", group="team", base=1)
    world.poster.gone.clear()

    world.say("alice", "three", group="team", base=2)

    assert [push["seq"] for push in world.pushes(bob)] == [1]


def test_what_is_remembered_of_members_ends_with_its_time_and_with_the_roster(world: World) -> None:
    world.say("alice", "one", group="team")
    sizes = reads(world)

    world.now += 60_001
    world.say("alice", "two", group="team", base=1)
    leave(world, "carol", 2)
    world.say("alice", "three", group="team", base=2)

    assert sizes == [1, 3, 1, 2]


def large(*members: str) -> World:
    """A group whose messages go through the queue, in one chunk."""
    world = World(inline_limit=2, fanout_chunk=100)
    found(world, *members)
    return world


def serve(world: World) -> None:
    """Workers of one environment serve what is queued."""
    while world.queue.jobs:
        world.delivery.work(world.queue.jobs.pop(0))


def test_workers_read_once_where_the_members_of_a_busy_group_are_and_keep_it_when_asked_again() -> None:
    world = large("alice", "bob", "carol", "dave")
    bob = world.online("bob")

    sizes = reads(world)

    for base in range(4):
        world.say("alice", str(base), group="team", base=base)
        serve(world)

    assert sizes == [1, 4, 1, 4, 1, 1]
    assert [push["seq"] for push in world.pushes(bob)] == [1, 2, 3, 4]


@pytest.mark.parametrize("connects", ["before the append", "after the append", "before the job is queued"])
def test_a_device_that_connects_to_a_busy_large_group_is_served_unless_its_hello_finds_the_message(
    connects: str,
) -> None:
    world = large("alice", "bob", "carol", "dave")
    for base in range(3):
        world.say("alice", str(base), group="team", base=base)
        serve(world)
    carol: list[str] = []
    put, queue = world.messages.put, world.queue.put

    def connecting_put(message: Message, *, indexed: bool) -> Message | None:
        occupant = put(message, indexed=indexed)
        carol.append(world.online("carol"))
        return occupant

    def connecting_queue(jobs: Iterable[Job]) -> None:
        carol.append(world.online("carol"))
        queue(jobs)

    if connects == "before the append":
        carol.append(world.online("carol"))
    elif connects == "after the append":
        world.messages.put = connecting_put  # type: ignore[method-assign]
    else:
        world.queue.put = connecting_queue  # type: ignore[method-assign]
    world.say("alice", "new", group="team", base=3)
    serve(world)

    hello = world.connect.hello("carol", None, 10).conversations
    pushed = [push["seq"] for push in world.pushes(carol[0])]
    assert pushed == ([] if connects == "before the job is queued" else [4])
    assert [state.head for state in hello] == [4]


def test_a_worker_serves_an_earlier_moment_from_what_it_remembers_and_a_later_one_anew() -> None:
    world = large("alice", "bob", "carol", "dave")
    for base in range(3):
        world.say("alice", str(base), group="team", base=base)
    early = world.queue.jobs[0]
    serve(world)
    bob = world.online("bob")
    world.say("alice", "later", group="team", base=3)
    world.say("alice", "and later", group="team", base=4)
    sizes = reads(world)

    serve(world)
    world.delivery.work(early)

    assert sizes == [4, 4]
    assert [push["seq"] for push in world.pushes(bob)] == [4, 5, 1]


def test_a_worker_forgets_a_socket_that_is_gone_and_everything_after_a_while() -> None:
    world = large("alice", "bob", "carol", "dave")
    bob = world.online("bob")
    world.now += 30_000
    world.poster.gone.add(bob)
    for base in range(3):
        world.say("alice", str(base), group="team", base=base)
        serve(world)
    world.poster.gone.clear()
    world.say("alice", "three", group="team", base=3)
    serve(world)
    assert world.pushes(bob) == []

    world.say("alice", "four", group="team", base=4)
    delayed = world.queue.jobs.pop()
    world.now += 60_001
    sizes = reads(world)
    world.delivery.work(delayed)
    world.delivery.work(delayed)
    world.delivery.work(delayed)

    assert sizes == [4, 4, 4]


def test_the_arrivals_of_strangers_are_not_counted_so_they_are_not_remembered() -> None:
    world = large("alice", "bob", "carol", "dave")
    sender = Sender("server", origin=Origin.ADMIN)

    world.service.send(sender, TEAM, _payload("news"))

    assert [user for job in world.queue.jobs for user in job.users] == ["alice", "bob", "carol", "dave"]


def test_a_quiet_group_is_not_told_of_arrivals(world: World) -> None:
    world.say("alice", "one", group="team")
    world.now += 180_000

    world.online("bob")

    info = world.groups.get_info("team")
    assert info is not None
    assert info.arrivals == 0


def test_a_directed_message_reaches_the_listed_members_only(world: World) -> None:
    bob, carol, mallory = (world.online(user) for user in ("bob", "carol", "mallory"))

    world.service.send(Sender("alice"), TEAM, _payload("psst"), to=["bob", "mallory"], cid="a", base=0)

    assert (len(world.pushes(bob)), world.pushes(carol), world.pushes(mallory)) == (1, [], [])
    [page] = world.service.pull("carol", [Range(TEAM, 0, 10)])
    assert (page.messages, page.through) == ((), 1)


def test_a_removed_member_gets_nothing_after_the_notice_of_his_removal(world: World) -> None:
    """The roster changes while a message is on its way: after its append the new version is seen."""
    carol = world.online("carol")
    put = world.messages.put

    def remove_then_put(message: Message, *, indexed: bool) -> Message | None:
        if message.cid == "late":
            leave(world, "carol", 1)
            world.messages.put = put  # type: ignore[method-assign]
            world.service.post_notice("team", "alice", 106, {"g": "team", "ms": ["carol"]}, recipients_extra=["carol"])
        return put(message, indexed=indexed)

    warm = world.groups.latest_roster("team")
    read = world.groups.roster
    world.groups.roster = (  # type: ignore[method-assign]
        lambda group, version: warm if warm.version >= version else read(group, version)
    )
    world.say("alice", "first", group="team")
    world.messages.put = remove_then_put  # type: ignore[method-assign]
    late = world.say("alice", "late", group="team", cid="late", base=1)

    assert (late.seq, [push["seq"] for push in world.pushes(carol)]) == (3, [1, 2])


def test_what_one_may_read_ends_where_one_left_and_begins_where_one_joined(world: World) -> None:
    for number in range(6):
        world.say("alice", str(number), group="team", base=number)
    leave(world, "carol", 4)
    world.rows.enter("dave", "team", {0: 5}, 0, 1)

    [carols] = world.service.pull("carol", [Range(TEAM, 0, 100)])
    [daves] = world.service.pull("dave", [Range(TEAM, 0, 100)])
    history, rest = world.service.history("dave", TEAM, None, 10)

    assert ([each.seq for each in carols.messages], carols.head) == ([1, 2, 3, 4], 4)
    assert [each.seq for each in daves.messages] == [5, 6]
    assert ([each.seq for each in history], rest) == ([6, 5], None)
    assert world.service.read("carol", TEAM, 6) == 4


def test_hello_tells_a_member_his_bounds_and_follows_the_groups_activity(world: World) -> None:
    world.say("alice", "one", group="team")
    world.rows.enter("dave", "team", {0: 2}, world.now // 60_000, 1)
    token = world.connect.hello("bob", None, 10).token
    world.now += 600_000
    quiet = world.connect.hello("bob", token, 10)
    world.say("alice", "two", group="team", base=1)

    busy = world.connect.hello("bob", quiet.token, 10)
    leave(world, "carol", 1)

    assert [(state.head, state.first) for state in busy.conversations] == [(2, 1)]
    assert [state.first for state in world.connect.hello("dave", None, 10).conversations] == [2]
    assert [(state.head, state.last) for state in world.connect.hello("carol", None, 10).conversations] == [(1, 1)]


def test_lines_of_a_group_are_conversations_of_their_own(world: World) -> None:
    world.say("alice", "one", group="team")
    world.service.send(Sender("alice"), Conversation(1, "team", 2), _payload("two"), cid="b", base=0)

    states = world.connect.hello("bob", None, 10).conversations

    assert sorted((state.conversation.line, state.head) for state in states) == [(0, 1), (2, 1)]


def test_members_cannot_open_lines_without_end(world: World) -> None:
    def send(line: int) -> None:
        world.service.send(Sender("bob"), Conversation(1, "team", line), _payload("x"), cid=str(line), base=0)

    for line in range(1, 32):
        send(line)
    for refused in (32, 256):
        with refusal(Code.INVALID_PARAMETER):
            send(refused)

    send(0)
    info = world.groups.get_info("team")
    assert info is not None
    assert len(info.lines) == 32


def test_a_muted_group_lets_its_owner_and_the_exempted_types_through() -> None:
    world = World()
    found(world, "alice", "bob", mute=1)

    with refusal(Code.GROUP_MUTED):
        world.say("bob", "hello", group="team")

    assert world.say("alice", "hello", group="team").seq == 1
    assert world.say("bob", "", group="team", base=1, type=402, persistFlag=0).seq == 2


def test_the_owner_recalls_a_members_message_and_a_member_does_not_recall_the_owners(world: World) -> None:
    world.say("bob", "oops", group="team")
    world.say("alice", "rule", group="team", base=1)
    world.now += 10**9

    event, _ = world.service.recall(Sender("alice"), TEAM, 1)
    with refusal(Code.NOT_RIGHT):
        world.service.recall(Sender("bob"), TEAM, 2)

    assert event.seq == 3


def test_nobody_takes_a_notice_back(world: World) -> None:
    seqs = world.service.post_notice("team", "alice", 106, {"g": "team", "ms": ["dave"]})

    with refusal(Code.NOT_RIGHT):
        world.service.recall(Sender("alice"), TEAM, seqs[0])


def test_a_notice_appears_on_every_line_that_is_asked_for(world: World) -> None:
    seqs = world.service.post_notice("team", "alice", 110, {"g": "team", "n": "x", "m": None}, lines=(0, 3))

    assert seqs == {0: 1, 3: 1}


def _payload(text: str) -> Payload:
    return Payload(type=1, searchableContent=text)


def rejoin(world: World, user: str) -> None:
    """An addition in the order in which the group domain does it, up to the notice."""
    head = world.messages.newest(TEAM.key(user))
    world.rows.enter(user, "team", {0: head.seq + 1 if head else 1}, world.now // 60_000, 3)
    old = world.groups.latest_roster("team")
    roster = old.with_added([user])
    world.groups.put_roster("team", roster, old)
    world.groups.publish("team", roster, world.now)


def test_a_repeated_send_does_not_reach_who_came_after_the_message(world: World) -> None:
    leave(world, "carol", 0)
    world.say("alice", "while she was out", group="team")
    rejoin(world, "carol")
    bob, carol = world.online("bob"), world.online("carol")

    world.say("alice", "while she was out", group="team")

    assert [push["seq"] for push in world.pushes(bob)] == [1]
    assert world.pushes(carol) == []


def test_a_repeated_send_through_the_queue_does_not_reach_who_came_after_the_message() -> None:
    world = World(inline_limit=1)
    found(world, "alice", "bob", "carol")
    leave(world, "carol", 0)
    world.say("alice", "while she was out", group="team")
    rejoin(world, "carol")
    world.queue.jobs.clear()

    world.say("alice", "while she was out", group="team")

    assert {user for job in world.queue.jobs for user in job.users} == {"alice", "bob"}


def test_who_joins_between_the_append_and_the_delivery_does_not_get_the_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(world, "carol", 0)
    bob, carol = world.online("bob"), world.online("carol")
    put = world.messages.put

    def put_then_join(message: Message, *, indexed: bool) -> Message | None:
        occupant = put(message, indexed=indexed)
        rejoin(world, "carol")
        return occupant

    monkeypatch.setattr(world.messages, "put", put_then_join)

    world.say("alice", "just before she came", group="team")

    assert [push["seq"] for push in world.pushes(bob)] == [1]
    assert world.pushes(carol) == []


def test_who_was_a_member_all_the_time_gets_a_repeated_send(world: World) -> None:
    world.say("alice", "hello", group="team")
    carol = world.online("carol")

    world.say("alice", "hello", group="team")

    assert [push["seq"] for push in world.pushes(carol)] == [1]


# --- who may speak, by what stands there now


def test_a_refusal_is_not_made_by_what_was_read_a_moment_too_early(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    muted = GroupMember("bob", type=MemberType.SILENT)
    stale = {"pk": "g|team", "sk": "m|bob", "type": muted.type, "update_dt": 0, "create_dt": 0, "changes": 1}
    key = world.groups.member_key("team", "bob")
    load = world.presence.load
    monkeypatch.setattr(
        world.presence,
        "load",
        lambda users, wanted=(), **how: (
            (found := load(users, wanted, **how))[0],
            {**found[1], key: stale} if key in wanted else found[1],
        ),
    )

    assert world.say("bob", "unmuted just now", group="team").seq == 1

    world.groups.put_members("team", [muted])
    with refusal(Code.NOT_RIGHT):
        world.say("bob", "and muted again", group="team", base=1)


@pytest.mark.parametrize(
    ("sender", "to", "allowed"),
    [
        ("bob", ["alice"], True),
        ("bob", ["max", "alice"], True),
        ("bob", ["carol"], False),
        ("bob", ["alice", "carol"], False),
        ("bob", ["stranger"], True),
        ("alice", ["bob", "carol"], True),
        ("max", ["carol"], True),
        ("bob", [], True),
    ],
)
def test_where_private_chats_are_off_members_whisper_to_leaders_only(sender: str, to: list[str], allowed: bool) -> None:
    world = World()
    found(world, "alice", "bob", "carol", "max", private_chat=1)
    world.groups.put_members("team", [GroupMember("max", type=MemberType.MANAGER)])
    payload = Payload(type=1, searchableContent="psst", persistFlag=3)

    if allowed:
        assert world.service.send(Sender(sender), TEAM, payload, to=to, cid="c", base=0).seq == 1
    else:
        with refusal(Code.NOT_RIGHT):
            world.service.send(Sender(sender), TEAM, payload, to=to, cid="c", base=0)
