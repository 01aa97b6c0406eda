"""Which messages become tasks for which robots."""

from collections.abc import Iterable

import pytest

from im.group.model import GroupMember
from im.group.roster import Roster
from im.machine.model import Robot
from im.message.model import Conversation, Sender, payload_from_json
from im.platform.ordered import Ordered
from im.robot.model import Note
from im.robot.outlet import RobotOutlet
from tests.fakes.club import Club
from tests.fakes.machine import MemoryMachineStore
from tests.fakes.world import World


class Queue:
    """A queue that is a list."""

    def __init__(self) -> None:
        self.tasks: list[Ordered] = []

    def put(self, tasks: Iterable[Ordered]) -> None:
        self.tasks += tasks

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Robot and text of each note."""
        notes = [task.task for task in self.tasks if isinstance(task.task, Note)]
        return [(note.robot, payload_from_json(note.payload).searchableContent) for note in notes]


class Hall:
    """A world with robots."""

    def __init__(self, *robots: str) -> None:
        self.club = Club()
        self.world: World = self.club.world
        self.queue = Queue()
        self.machines = MemoryMachineStore(self.world.presence)
        for robot in robots:
            self.world.robots.add(robot)
            self.machines.put_robot(Robot(robot, owner=robot, callback=f"http://{robot}"), None)

    def told(self) -> list[tuple[str, str]]:
        """What the robots are told of everything said so far."""
        outlet = RobotOutlet(self.queue)
        for message, conversation, sender, context in self.world.outside.told:
            outlet.tell(message, conversation, sender, context)
        self.world.outside.told.clear()
        notes = self.queue.notes
        self.queue.tasks.clear()
        return notes


@pytest.fixture
def hall() -> Hall:
    return Hall("fire", "ice")


def test_what_is_written_to_a_robot_is_noted_and_nothing_else_is(hall: Hall) -> None:
    hall.world.say("alice", "hello", to="fire")
    hall.world.say("alice", "hi", to="bob")

    assert hall.told() == [("fire", "hello")]


def test_a_robot_is_not_told_what_it_says_itself_but_another_one_is(hall: Hall) -> None:
    hall.world.say("fire", "hello", to="alice")
    hall.world.say("fire", "hi", to="ice")

    assert hall.told() == [("ice", "hi")]


def test_a_robot_without_a_callback_costs_nothing(hall: Hall) -> None:
    fire = hall.machines.robot("fire")
    assert fire is not None
    hall.machines.put_robot(Robot("fire", owner="fire"), fire)
    hall.world.say("alice", "hello", to="fire")

    assert hall.told() == []


def test_every_robot_of_a_group_is_told_of_what_others_say_there(hall: Hall) -> None:
    hall.club.create("alice", "fire", "ice")
    hall.told()
    hall.club.say("alice", "hello")
    hall.club.say("fire", "hi")

    assert hall.told() == [("fire", "hello"), ("ice", "hello"), ("ice", "hi")]


def test_who_comes_into_a_group_or_leaves_it_changes_who_is_told(hall: Hall) -> None:
    hall.club.create("alice", "bob")
    hall.club.groups.add_members("olga", "team", [GroupMember("fire"), GroupMember("carol")])
    hall.club.groups.add_members("olga", "team", [GroupMember("ice")])
    hall.told()
    hall.club.say("alice", "one")
    assert hall.told() == [("fire", "one"), ("ice", "one")]

    hall.club.groups.remove_members("olga", "team", ["fire"])
    hall.told()
    hall.club.say("alice", "two")
    assert hall.told() == [("ice", "two")]

    hall.club.groups.quit("ice", "team")
    hall.told()
    hall.club.say("alice", "three")
    assert hall.told() == []


def test_a_directed_message_reaches_only_robots_that_are_named(hall: Hall) -> None:
    hall.club.create("alice", "fire", "ice")
    hall.told()
    conversation = Conversation(1, "team")
    payload = payload_from_json('{"type":1,"searchableContent":"psst"}')
    hall.world.service.send(Sender("alice"), conversation, payload, to=["ice"])

    assert hall.told() == [("ice", "psst")]


def test_robots_learn_of_neither_recalls_nor_edits(hall: Hall) -> None:
    sent = hall.world.say("alice", "hello", to="fire")
    hall.world.service.edit(
        Sender("alice"), Conversation(0, "fire"), sent.seq, payload_from_json('{"type":1,"searchableContent":"hullo"}')
    )
    hall.world.service.recall(Sender("alice"), Conversation(0, "fire"), sent.seq)

    assert hall.told() == [("fire", "hello")]


def test_of_transparent_messages_only_signalling_of_calls_is_passed_on(hall: Hall) -> None:
    hall.world.say("alice", "typing", to="fire", type=91, persistFlag=4)
    hall.world.say("alice", "signal", to="fire", type=403, persistFlag=4)

    assert hall.told() == [("fire", "signal")]


def test_a_resend_makes_the_same_task_and_another_conversation_another_group(hall: Hall) -> None:
    hall.world.say("alice", "hello", to="fire", cid="c1")
    hall.world.say("alice", "hello", to="fire", cid="c1")
    hall.world.say("bob", "hello", to="fire")
    outlet = RobotOutlet(hall.queue)
    for told in hall.world.outside.told:
        outlet.tell(*told)

    first, again, other = hall.queue.tasks
    assert (again.group, again.once) == (first.group, first.once)
    assert other.group != first.group


def test_a_note_says_from_which_client_a_message_came(hall: Hall) -> None:
    hall.world.online("alice", platform=2)
    hall.world.say("alice", "hello", to="fire")
    outlet = RobotOutlet(hall.queue)
    outlet.tell(*hall.world.outside.told[0])

    [task] = hall.queue.tasks
    assert isinstance(task.task, Note)
    assert (task.task.client, task.task.platform) == ("phone", 2)


def test_robots_that_come_at_the_same_time_are_both_told(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.club.create("alice")
    put, raced = hall.world.groups.put_roster, False

    def late(group: str, roster: Roster, replaces: Roster) -> bool:
        nonlocal raced
        if not raced:
            raced = True
            hall.club.groups.add_members("olga", "team", [GroupMember("ice")])
        return put(group, roster, replaces)

    monkeypatch.setattr(hall.world.groups, "put_roster", late)
    hall.club.groups.add_members("olga", "team", [GroupMember("fire")])
    hall.told()
    hall.club.say("alice", "hello")

    assert sorted(hall.told()) == [("fire", "hello"), ("ice", "hello")]
