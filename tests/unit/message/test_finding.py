"""Search and files: everything of one's own is found, nothing else, with a bounded amount of work in each call."""

from typing import Any

import pytest

from im.errors import Code, ImError, InvalidError
from im.group.model import GroupInfo, GroupMember
from im.group.roster import Roster
from im.message import finding
from im.message.files import FileRecord
from im.message.finding import Found
from im.message.model import Conversation, Message, Payload, Sender, payload_to_json
from tests.fakes.world import World

ALICE = Conversation(0, "alice")
BOB = Conversation(0, "bob")
TEAM = Conversation(1, "team")


@pytest.fixture
def world() -> World:
    return World()


def texts(found: Found) -> list[str]:
    return [finding.payload_from_json(message.payload).searchableContent for message in found.messages]


def all_pages(world: World, user: str, keyword: str, **how: Any) -> tuple[list[str], int]:
    """Everything that is found, and by how many calls."""
    cursor, calls, seen = None, 0, []
    while calls < 1_000:
        found = world.service.search(user, keyword, cursor=cursor, **how)
        seen += texts(found)
        calls += 1
        cursor = found.cursor
        if cursor is None:
            break
    return seen, calls


def test_a_word_is_found_in_all_of_ones_own_conversations_whatever_its_case(world: World) -> None:
    world.say("alice", "Lunch at noon?", to="bob")
    world.say("carol", "no LUNCH today", to="bob")
    world.say("alice", "lunch without bob", to="carol")
    world.say("alice", "dinner", to="bob", base=1)

    found = world.service.search("bob", " lunch ")

    assert sorted(texts(found)) == ["Lunch at noon?", "no LUNCH today"]
    assert (found.cursor, found.searched, found.of) == (None, 2, 2)


def test_within_a_conversation_the_newest_comes_first(world: World) -> None:
    for seq in range(5):
        world.say("alice", f"x{seq}", to="bob", base=seq)

    first = world.service.search("bob", "x", conversation=ALICE, limit=2)
    rest = world.service.search("bob", "x", conversation=ALICE, limit=10, cursor=first.cursor)

    assert (texts(first), texts(rest), rest.cursor) == (["x4", "x3"], ["x2", "x1", "x0"], None)


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_page_by_page_nothing_is_missed_and_nothing_comes_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(finding, "EXAMINED", 3)
    monkeypatch.setattr(finding, "CONVERSATIONS", 2)
    for friend in ("ann", "cem", "dia", "eve", "fay"):
        for seq in range(5):
            world.say(friend, f"{'hit' if seq % 2 else 'miss'} {friend} {seq}", to="bob", base=seq)

    seen, calls = all_pages(world, "bob", "hit", limit=limit)

    assert sorted(seen) == sorted(
        f"hit {friend} {seq}" for friend in ("ann", "cem", "dia", "eve", "fay") for seq in (1, 3)
    )
    assert calls >= 9


def test_one_call_looks_at_so_many_messages_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "EXAMINED", 4)
    for seq in range(9):
        world.say("alice", "old" if seq == 0 else "new", to="bob", base=seq)

    seen, calls = all_pages(world, "bob", "old")

    assert (seen, calls) == (["old"], 3)


def test_what_arrives_while_one_searches_moves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "CONVERSATIONS", 1)
    for friend in ("ann", "cem", "dia"):
        world.say(friend, f"hit {friend}", to="bob")
    found = world.service.search("bob", "hit")
    world.now += 600_000
    world.say("dia", "hit again", to="bob", base=1)

    seen, _ = all_pages(world, "bob", "hit")
    rest = world.service.search("bob", "hit", cursor=found.cursor)

    assert texts(found) + texts(rest) == ["hit ann", "hit cem"]
    assert sorted(seen) == ["hit again", "hit ann", "hit cem", "hit dia"]


def test_what_one_may_not_see_or_was_taken_back_is_not_found(world: World) -> None:
    world.say("alice", "hit one", to="bob")
    world.say("alice", "hit two", to="bob", base=1)
    world.say("alice", "hit three", to="bob", base=2, expireDuration=1)
    world.say("alice", "hit four", to="bob", base=3)
    world.service.recall(Sender("alice"), BOB, 2)
    world.service.clear("bob", ALICE, 1)
    world.now += 5_000

    assert texts(world.service.search("bob", "hit")) == ["hit four"]
    assert texts(world.service.search("alice", "hit")) == ["hit four", "hit one"]


def test_a_message_whose_recall_was_cut_short_is_not_found_either(world: World) -> None:
    world.say("alice", "hit", to="bob")
    world.messages.mark_recalled("0|0|alice|bob", 1, "alice", world.now, 1)

    assert texts(world.service.search("bob", "hit")) == []


def team(world: World, *members: str, first: int = 1) -> None:
    world.groups.put_roster("team", Roster(1, members), Roster(0))
    world.groups.found(GroupInfo("team", owner=members[0], roster_version=1, member_count=len(members)))
    world.groups.put_members("team", [GroupMember(user) for user in members])
    world.rows.enter_many(members, "team", {0: first}, 0, 1)


def test_a_group_is_searched_within_the_bounds_of_its_member(world: World) -> None:
    team(world, "alice", "bob")
    world.rows.enter_many(["bob"], "team", {0: 2}, 0, 1)
    for seq in range(3):
        world.say("alice", f"hit {seq + 1}", group="team", base=seq)
    world.rows.leave("bob", "team", {0: 2}, 0, 2)

    assert texts(world.service.search("bob", "hit")) == ["hit 2"]
    with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_IN_GROUP):
        world.service.search("mallory", "hit", conversation=TEAM)


@pytest.mark.parametrize("keyword", ["", "   ", "x" * 65])
def test_a_keyword_that_is_none_is_refused(world: World, keyword: str) -> None:
    with pytest.raises(InvalidError):
        world.service.search("bob", keyword)


@pytest.mark.parametrize("cursor", ["!", "e30", "WzEsMl0", "bnVsbA", "WyJ4IiwgIm5vIl0"])
def test_a_cursor_that_is_not_ours_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidError):
        world.service.search("bob", "x", cursor=cursor)


def test_files_are_found_by_name_conversation_and_sender(world: World) -> None:
    file = {"type": 5, "content": "38394", "remoteMediaUrl": "https://media/x", "mediaType": 4}
    world.say("alice", "Report.pdf", to="bob", **file)
    world.say("alice", "about the report", to="bob", base=1)
    world.say("bob", "notes.txt", to="carol", **{**file, "content": "many"})
    report, notes = world.messages.logs["0|0|alice|bob"][1], world.messages.logs["0|0|bob|carol"][1]

    assert texts(world.service.files("bob")) == ["Report.pdf", "notes.txt"]
    assert texts(world.service.files("bob", keyword="report")) == ["Report.pdf"]
    assert texts(world.service.files("bob", own=True)) == ["notes.txt"]
    assert texts(world.service.files("bob", conversation=ALICE)) == ["Report.pdf"]
    [record] = world.service.files_of_conversation(BOB, "alice")
    assert (record.message, record.name, record.url, record.size) == (report, "Report.pdf", "https://media/x", 38_394)
    assert [(each.message, each.size) for each in world.service.files_of_user("bob")] == [(notes, 0)]
    assert world.service.file_by_uid(report.uid).name == "Report.pdf"


def test_what_is_no_file_or_was_taken_back_is_no_file_record(world: World) -> None:
    text = world.say("alice", "hi", to="bob")
    gone = world.say("alice", "x.pdf", to="bob", base=1, type=5)
    world.service.recall(Sender("alice"), BOB, 2)

    for uid in (text.uid, gone.uid, 12_345):
        with pytest.raises(ImError, check=lambda error: error.code == Code.NOT_EXIST):
            world.service.file_by_uid(uid)
    assert world.service.files_of_conversation(BOB, "alice") == []


@pytest.mark.parametrize(
    ("content", "size"), [("38394", 38394), ("9" * 18, 2**31 - 1), ("9" * 5_000, 0), ("-1", 0), ("٣", 0)]
)
def test_a_files_size_is_what_an_sdk_can_read_whatever_a_client_wrote(content: str, size: int) -> None:
    payload = payload_to_json(Payload(type=5, content=content))

    assert FileRecord.of(Message("log", 1, 1, "c", "a", 1, payload)).size == size
